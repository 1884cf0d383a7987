#include "server/metrics.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace sluice::server {
namespace {

double seconds(Nanos span) {
  return static_cast<double>(span) / static_cast<double>(kSecond);
}

std::string digits(double value) {
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return std::string(text.data(), end);
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return text;
}

void write_durations(Exposition& text, const DurationCounts& durations,
                     const Exposition::Labels& labels) {
  std::vector<double> ends;
  for (const Nanos end : kDurationBuckets) ends.push_back(seconds(end));
  text.histogram(ends, {durations.counts.begin(), durations.counts.end()}, seconds(durations.sum),
                 labels);
}

}  // namespace

void Exposition::begin(std::string_view name, Kind kind, std::string_view help) {
  static constexpr std::array<std::string_view, 3> kKinds = {"counter", "gauge", "histogram"};
  name_ = "sluice_" + std::string(name);
  text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " ";
  text_ += kKinds[static_cast<size_t>(kind)];
  text_ += '\n';
}

void Exposition::line(std::string_view suffix, const Labels& labels, std::string_view value) {
  text_ += name_;
  text_ += suffix;
  char before = '{';
  for (const auto& [label, content] : labels) {
    text_ += std::exchange(before, ',');
    text_ += std::string(label) + "=\"" + escaped(content) + "\"";
  }
  if (!labels.empty()) text_ += '}';
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void Exposition::sample(double value, const Labels& labels) {
  line("", labels, digits(value));
}

void Exposition::sample(uint64_t value, const Labels& labels) {
  line("", labels, std::to_string(value));
}

void Exposition::counter(std::string_view name, std::string_view help, double value) {
  begin(name, Kind::kCounter, help);
  sample(value);
}

void Exposition::gauge(std::string_view name, std::string_view help, double value) {
  begin(name, Kind::kGauge, help);
  sample(value);
}

void Exposition::histogram(const std::vector<double>& ends, const std::vector<uint64_t>& counts,
                           double sum, const Labels& labels) {
  uint64_t so_far = 0;
  for (size_t at = 0; at < counts.size(); ++at) {
    so_far += counts[at];
    Labels with_end = labels;
    with_end.emplace_back("le", at < ends.size() ? digits(ends[at]) : "+Inf");
    line("_bucket", with_end, std::to_string(so_far));
  }
  line("_sum", labels, digits(sum));
  line("_count", labels, std::to_string(so_far));
}

void HttpMetrics::count_answer(std::string_view route, int status, Nanos duration,
                               uint64_t body_bytes) {
  const std::lock_guard lock(mutex_);
  ++answers_[{std::string(route), status}];
  durations_[std::string(route)].add(duration);
  body_bytes_[std::string(route)] += body_bytes;
}

void HttpMetrics::count_batch(uint64_t points) {
  const auto end = std::lower_bound(kBatchBuckets.begin(), kBatchBuckets.end(), points);
  const std::lock_guard lock(mutex_);
  ++batches_[static_cast<size_t>(end - kBatchBuckets.begin())];
  points_ += points;
}

void HttpMetrics::count_conflicts(const source::ConflictCounts& kept,
                                  const source::ConflictCounts& refused) {
  const std::lock_guard lock(mutex_);
  kept_.add(kept);
  refused_.add(refused);
}

void HttpMetrics::write(Exposition& text) const {
  const std::lock_guard lock(mutex_);
  text.begin("http_requests_total", Exposition::Kind::kCounter, "Answers by route and status.");
  for (const auto& [key, count] : answers_) {
    text.sample(count, {{"route", key.first}, {"status", std::to_string(key.second)}});
  }
  text.begin("http_request_duration_seconds", Exposition::Kind::kHistogram,
             "From the whole request to its answer.");
  for (const auto& [route, durations] : durations_) {
    write_durations(text, durations, {{"route", route}});
  }
  text.begin("http_request_body_bytes_total", Exposition::Kind::kCounter,
             "Bodies of requests, as they were sent.");
  for (const auto& [route, bytes] : body_bytes_) text.sample(bytes, {{"route", route}});
  text.begin("http_batch_points", Exposition::Kind::kHistogram, "Points of an accepted write.");
  text.histogram({kBatchBuckets.begin(), kBatchBuckets.end()}, {batches_.begin(), batches_.end()},
                 static_cast<double>(points_));
  text.counter("http_points_refused_total", "Points that were left out or refused.",
               static_cast<double>(refused_.total()));
  text.begin("http_points_conflicts_total", Exposition::Kind::kCounter,
             "Points that do not fit: kept in _rest, or left out or refused.");
  for (const source::ConflictKind kind : source::kConflictKinds) {
    const std::string name(to_string(kind));
    text.sample(kept_.of(kind), {{"kind", name}, {"outcome", "kept"}});
    text.sample(refused_.of(kind), {{"kind", name}, {"outcome", "refused"}});
  }
}

namespace {

void write_log(const EngineStatus& status, Exposition& text) {
  const auto count = [](uint64_t value) { return static_cast<double>(value); };
  text.gauge("log_durable_lsn", "Up to here the log is durable.", count(status.durable_lsn));
  text.gauge("log_applied_lsn", "Up to here queries see the log.", count(status.applied_lsn));
  text.gauge("log_size_bytes", "Size of the log.", count(status.log_bytes));
  text.gauge("log_segments", "Segments of the log.", count(status.log_segments));
  text.gauge("log_pinned_segments", "Segments with rows that are in no table yet.",
             count(status.pinned_segments));
  text.counter("log_syncs_total", "Syncs of the log.", count(status.syncs));
  text.gauge("log_recovering", "1 while the log is being replayed.", status.recovering ? 1 : 0);
  text.gauge("log_full", "1 while writes are refused for want of disk.", status.full ? 1 : 0);
  text.gauge("log_failed", "1 if the log takes nothing more.", status.failure ? 1 : 0);
  text.counter("appends_total", "Batches acknowledged.", count(status.appends));
  text.counter("rows_appended_total", "Rows acknowledged.", count(status.rows_appended));
  text.counter("appends_refused_total", "Batches refused for want of memory or disk.",
               count(status.appends_refused));
  text.counter("stalls_total", "Batches that waited for memory or a quota.", count(status.stalls));
  text.counter("stall_seconds_total", "The sum of those waits.", seconds(status.stall_time));
}

void write_flushes(const EngineStatus& status, Exposition& text) {
  const auto count = [](uint64_t value) { return static_cast<double>(value); };
  text.gauge("memory_used_bytes", "Rows that are in no table yet.",
             count(status.memory_bytes_used));
  text.gauge("memory_limit_bytes", "The limit of that.", count(status.memory_bytes_max));
  text.gauge("unflushed_rows", "Rows that are in no table yet.", count(status.unflushed_rows));
  text.gauge("pending_partitions", "Partitions with such rows.", count(status.pending_partitions));
  text.gauge("oldest_unflushed_seconds", "Age of the oldest such row.",
             seconds(status.oldest_unflushed_age));
  text.gauge("flushes_waiting", "Flushes that no thread has taken.", count(status.flushes_waiting));
  text.gauge("flushes_running", "Flushes at work.", count(status.flushes_running));
  text.counter("flushed_rows_total", "Rows put into parts.", count(status.rows_flushed));
  text.counter("flushed_parts_total", "Parts made.", count(status.parts_flushed));
  text.counter("flushed_bytes_total", "Bytes of those parts.", count(status.bytes_flushed));
  text.begin("flush_duration_seconds", Exposition::Kind::kHistogram,
             "From the start of a flush to its confirmation.");
  write_durations(text, status.flush_durations, {});
  text.begin("flush_failures_total", Exposition::Kind::kCounter, "Tries that failed, by cause.");
  for (const auto& [cause, failures] : status.flush_failures) {
    text.sample(failures, {{"cause", std::string(to_string(cause))}});
  }
  if (status.last_flush_age) {
    text.gauge("last_flush_age_seconds", "Since the newest flush was confirmed.",
               seconds(*status.last_flush_age));
  }
  text.gauge("tables_stopped", "Tables that take nothing more.", count(status.tables_stopped));
}

}  // namespace

void write_engine(const EngineStatus& status, Exposition& text) {
  write_log(status, text);
  write_flushes(status, text);
}

void write_partitions(const std::vector<PartitionStatus>& partitions, Exposition& text) {
  const auto write = [&](std::string_view name, std::string_view help, auto value_of) {
    text.begin(name, Exposition::Kind::kGauge, help);
    for (const PartitionStatus& partition : partitions) {
      text.sample(value_of(partition), {{"partition", partition.name.to_string()}});
    }
  };
  write("partition_unflushed_rows", "Rows of the partitions that pin the oldest of the log.",
        [](const PartitionStatus& partition) { return partition.rows; });
  write("partition_oldest_seconds", "Age of the oldest of those rows.",
        [](const PartitionStatus& partition) { return seconds(partition.oldest_age); });
  write("partition_failures", "Tries in a row that failed to flush them.",
        [](const PartitionStatus& partition) { return uint64_t{partition.failures}; });
}

}  // namespace sluice::server
