// Metrics: what the server counts of HTTP, and the text that Prometheus reads.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/status.h"
#include "source/conflict.h"

namespace sluice::server {

inline constexpr std::array<uint64_t, 8> kBatchBuckets = {1, 10, 50, 100, 500, 1000, 5000, 10000};

/// Writes metrics in the text format of Prometheus, version 0.0.4. Names get the prefix `sluice_`.
class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  enum class Kind : uint8_t { kCounter, kGauge, kHistogram };
  void begin(std::string_view name, Kind kind, std::string_view help);
  void sample(double value, const Labels& labels = {});
  void sample(uint64_t value, const Labels& labels = {});
  /// begin() and one sample.
  void counter(std::string_view name, std::string_view help, double value);
  void gauge(std::string_view name, std::string_view help, double value);
  /// `counts` are not cumulative, and one more than `ends`.
  void histogram(const std::vector<double>& ends, const std::vector<uint64_t>& counts, double sum,
                 const Labels& labels = {});
  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, const Labels& labels, std::string_view value);

  std::string text_;
  std::string name_;
};

/// Any thread.
class HttpMetrics {
 public:
  void count_answer(std::string_view route, int status, Nanos duration, uint64_t body_bytes);
  void count_batch(uint64_t points);
  /// Points with something in `_rest`, and those that were left out or refused.
  void count_conflicts(const source::ConflictCounts& kept, const source::ConflictCounts& refused);
  void write(Exposition& text) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> answers_;
  std::map<std::string, DurationCounts> durations_;
  std::map<std::string, uint64_t> body_bytes_;
  std::array<uint64_t, kBatchBuckets.size() + 1> batches_{};
  uint64_t points_ = 0;
  source::ConflictCounts kept_;
  source::ConflictCounts refused_;
};

/// Who pins the log, a sample for each.
void write_partitions(const std::vector<PartitionStatus>& partitions, Exposition& text);
/// What the engine tells of itself.
void write_engine(const EngineStatus& status, Exposition& text);

}  // namespace sluice::server
