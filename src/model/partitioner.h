// Partitioner: the partitions of rows, found column by column and numbered as they are met.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/partition.h"
#include "sluice/batch.h"

namespace sluice::model {

/// One thread. Holds every partition that was met, by about 150 bytes a field.
class Partitioner {
 public:
  explicit Partitioner(std::vector<PartitionField> fields);
  /// The number of the partition of each row. A column that the batch lacks is null.
  void number_rows(const Batch& batch, std::vector<uint32_t>& numbers);
  /// The partitions by their numbers. Without fields it is the one.
  std::vector<PartitionTuple> tuples() const;

 private:
  /// A field. A number of its own stands for the values of all fields up to this one.
  class Level {
   public:
    explicit Level(PartitionField field) : field_(std::move(field)) {}
    /// In: the numbers of the level before. Out: ours.
    void number_rows(const Batch& batch, std::vector<uint32_t>& numbers);
    size_t size() const { return made_.size(); }
    /// What the number stands for: the number of the level before, and a value.
    const std::pair<uint32_t, PartitionValue>& made(uint32_t number) const { return made_[number]; }

   private:
    struct NumberKey {
      uint32_t before;
      int64_t value;
      friend bool operator==(const NumberKey&, const NumberKey&) = default;
    };
    struct NumberHash {
      size_t operator()(const NumberKey& key) const;
    };
    void number_values(const ColumnView& view, std::vector<uint32_t>& numbers);
    void number_texts(const ColumnView& view, std::vector<uint32_t>& numbers);
    uint32_t find(const NumberKey& key);
    uint32_t find(uint32_t before, std::string_view text);
    uint32_t find_null(uint32_t before);
    uint32_t add(uint32_t before, PartitionValue value);

    PartitionField field_;
    std::vector<std::pair<uint32_t, PartitionValue>> made_;
    std::unordered_map<NumberKey, uint32_t, NumberHash> by_value_;
    std::unordered_map<std::string, uint32_t> by_text_;  // the number before, then the text
    std::unordered_map<uint32_t, uint32_t> nulls_;
    std::array<std::pair<std::optional<NumberKey>, uint32_t>, 64> met_;  // by hash
    std::vector<int64_t> values_;                                        // of the column at hand
    std::string key_;
  };

  std::vector<Level> levels_;
};

}  // namespace sluice::model
