// What segments and records of the log hold, as far as can be told without their rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/log_record.h"
#include "sluice/inspect.h"
#include "wal/segments.h"

namespace sluice::engine {

struct RecordSummary {
  enum class Kind : uint8_t { kBatch, kSchema, kOther };
  Kind kind = Kind::kOther;
  std::optional<TableName> table;  ///< none: the schema that the batch refers to is not known
  uint64_t rows = 0;
  std::string source;  ///< empty: none
  uint64_t position = 0;
};

/// Give it every frame in the order of the log: what is told of a batch rests on the schemas
/// before.
class RecordReader {
 public:
  /// Of the log's own frames: kOther. kCorrupt: the payload does not decode.
  Result<RecordSummary> read(const wal::ParsedFrame& frame);
  const Dictionary& schemas() const { return schemas_; }

 private:
  Result<RecordSummary> read_batch(ByteView payload) const;

  Dictionary schemas_;
};

/// Everything but the file, the counts of records and the damage.
void describe(const wal::SegmentHeader& header, const wal::SegmentContent& content,
              SegmentDescription& into);

}  // namespace sluice::engine
