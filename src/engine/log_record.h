// What the engine writes into the log's opaque payloads, format version 0.
//
// A schema record binds its own LSN to a table and its columns; batch records refer to it by that
// LSN, which is unique in a log for ever, so that openings never collide. Little-endian.
//
//   schema record (type 16)   u32 table name length, name "db.coll"
//                             u32 column count, then per column: u32 name length, name, u8 type
//   batch record  (type 17)   u64 schema LSN
//                             u64 source position (0: no source)
//                             u32 source name length, name
//                             zeros to a multiple of 8
//                             the batch in its columnar encoding (model/codec.h)
//   checkpoint application    u32 count, then per schema: u64 LSN, u32 length, schema record
//   payload
//
// Limits: source name 128 bytes, 4096 columns. Unknown record types with the required bit stop
// replay (kUnsupported); others are skipped.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/options.h"

namespace sluice::engine {

inline constexpr uint16_t kSchemaRecord = 16;
inline constexpr uint16_t kBatchRecord = 17;
inline constexpr size_t kSourceNameBytesMax = 128;
inline constexpr size_t kBatchHeadBytesMax = 152;
inline constexpr uint32_t kColumnsMax = 4096;

struct SchemaRecord {
  TableName table;
  SchemaPtr schema;
};
std::vector<std::byte> encode(const SchemaRecord& record);
Result<SchemaRecord> decode_schema_record(ByteView payload);

/// The part of a batch record before the batch's own bytes.
struct BatchHead {
  uint64_t schema_lsn = 0;
  std::string source;  ///< empty: none
  uint64_t position = 0;
};
std::vector<std::byte> encode(const BatchHead& head);
struct BatchRecord {
  BatchHead head;
  ByteView batch;  ///< within the payload
};
Result<BatchRecord> decode_batch_record(ByteView payload);

/// The schemas that frames of the log refer to.
class Dictionary {
 public:
  void add(uint64_t lsn, SchemaRecord record) { schemas_.insert_or_assign(lsn, std::move(record)); }
  const SchemaRecord* find(uint64_t lsn) const;
  /// Forgets the schemas bound before `lsn`: no frame that is left refers to them.
  void drop_before(uint64_t lsn) { schemas_.erase(schemas_.begin(), schemas_.lower_bound(lsn)); }
  /// Takes the other's schemas too; LSNs never collide.
  void merge(Dictionary other) { schemas_.merge(other.schemas_); }
  std::vector<std::byte> encode() const;
  static Result<Dictionary> decode(ByteView bytes);

 private:
  std::map<uint64_t, SchemaRecord> schemas_;
};

}  // namespace sluice::engine
