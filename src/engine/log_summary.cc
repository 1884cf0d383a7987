#include "engine/log_summary.h"

#include <algorithm>

#include "base/bytes.h"
#include "model/codec.h"
#include "wal/checkpoint.h"

namespace sluice::engine {

Result<RecordSummary> RecordReader::read(const wal::ParsedFrame& frame) {
  RecordSummary summary;
  if (frame.type == wal::kCheckpointType) {
    const wal::Checkpoint checkpoint = TRY(wal::decode_checkpoint(frame.payload));
    schemas_.merge(TRY(Dictionary::decode(checkpoint.application)));
    return summary;
  }
  switch (frame.type & ~wal::kRequiredBit) {
    case kSchemaRecord: {
      SchemaRecord record = TRY(decode_schema_record(frame.payload));
      summary.kind = RecordSummary::Kind::kSchema;
      summary.table = record.table;
      schemas_.add(frame.lsn, std::move(record));
      return summary;
    }
    case kBatchRecord:
      return read_batch(frame.payload);
    default:
      return summary;
  }
}

Result<RecordSummary> RecordReader::read_batch(ByteView payload) const {
  BatchRecord record = TRY(decode_batch_record(payload));
  if (record.batch.size() < sizeof(model::Header)) {
    return Error(Code::kCorrupt, Reason::kDecodeFailure, "a batch in the log has no header");
  }
  RecordSummary summary;
  summary.kind = RecordSummary::Kind::kBatch;
  summary.rows = load<model::Header>(record.batch.data()).rows;
  summary.source = std::move(record.head.source);
  summary.position = record.head.position;
  const SchemaRecord* schema = schemas_.find(record.head.schema_lsn);
  if (schema != nullptr) summary.table = schema->table;
  return summary;
}

void describe(const wal::SegmentHeader& header, const wal::SegmentContent& content,
              SegmentDescription& into) {
  into.log_id = header.log.hex();
  into.opening_id = header.opening.hex();
  into.segment_id = header.segment.hex();
  into.base_lsn = header.base_lsn;
  into.last_lsn = std::max(content.accepted.last_lsn, header.base_lsn - 1);
  into.marks = content.marks;
  into.confirmed_end = content.confirmed_end;
  into.accepted_end = content.accepted.end;
  into.torn_bytes = content.torn_bytes;
}

}  // namespace sluice::engine
