#include "engine/log_record.h"

#include "base/bytes.h"

namespace sluice::engine {

namespace {

Error undecodable(const char* what) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure,
               std::string("a log record does not decode: ") + what);
}

}  // namespace

std::vector<std::byte> encode(const SchemaRecord& record) {
  ByteWriter out;
  out.text(record.table.to_string());
  out.fixed(static_cast<uint32_t>(record.schema->size()));
  for (const Field& field : record.schema->fields()) {
    out.text(field.name);
    out.fixed(static_cast<uint8_t>(field.type));
  }
  return out.take();
}

Result<SchemaRecord> decode_schema_record(ByteView payload) {
  ByteReader in(payload);
  TableName table = TRY(TableName::parse(in.text()));
  const auto count = in.fixed<uint32_t>();
  if (!in.ok() || count > kColumnsMax) return undecodable("column count of a schema");
  std::vector<Field> fields;
  for (uint32_t i = 0; i < count; ++i) {
    std::string name(in.text());
    const auto type = in.fixed<uint8_t>();
    if (!in.ok() || type > static_cast<uint8_t>(Type::kTimestamp))
      return undecodable("column of a schema");
    fields.push_back({std::move(name), static_cast<Type>(type)});
  }
  if (!in.at_end()) return undecodable("bytes behind a schema");
  return SchemaRecord{std::move(table), TRY(Schema::make(std::move(fields)))};
}

std::vector<std::byte> encode(const BatchHead& head) {
  ByteWriter out;
  out.fixed(head.schema_lsn);
  out.fixed(head.position);
  out.text(head.source);
  while (out.size() % 8 != 0) out.fixed<uint8_t>(0);
  return out.take();
}

Result<BatchRecord> decode_batch_record(ByteView payload) {
  ByteReader in(payload);
  BatchRecord record;
  record.head.schema_lsn = in.fixed<uint64_t>();
  record.head.position = in.fixed<uint64_t>();
  record.head.source = in.text();
  in.raw(align_up(in.offset(), 8) - in.offset());
  record.batch = in.raw(in.remaining());
  if (!in.ok() || record.head.source.size() > kSourceNameBytesMax)
    return undecodable("head of a batch");
  return record;
}

const SchemaRecord* Dictionary::find(uint64_t lsn) const {
  const auto found = schemas_.find(lsn);
  return found == schemas_.end() ? nullptr : &found->second;
}

std::vector<std::byte> Dictionary::encode() const {
  ByteWriter out;
  out.fixed(static_cast<uint32_t>(schemas_.size()));
  for (const auto& [lsn, record] : schemas_) {
    out.fixed(lsn);
    out.text(as_text(engine::encode(record)));
  }
  return out.take();
}

Result<Dictionary> Dictionary::decode(ByteView bytes) {
  Dictionary dictionary;
  if (bytes.empty()) return dictionary;
  ByteReader in(bytes);
  const auto count = in.fixed<uint32_t>();
  for (uint32_t i = 0; in.ok() && i < count; ++i) {
    const auto lsn = in.fixed<uint64_t>();
    const std::string_view payload = in.text();
    if (!in.ok()) break;
    dictionary.add(lsn, TRY(decode_schema_record(as_bytes(payload))));
  }
  if (!in.ok() || !in.at_end()) return undecodable("schemas of a checkpoint");
  return dictionary;
}

}  // namespace sluice::engine
