#include "engine/record_summary.h"

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

}  // namespace sluice::engine
