// Avro object container files with codec null, as far as Iceberg's manifests need them (Apache Avro
// 1.11 specification).
//
//   file    "Obj" 0x01 · header map · sync[16] · block*
//   block   long count of entries · long bytes · entries · sync[16]
//   long    zigzag, then 7 bits a byte, low ones first; bytes and strings have a long length
//
// Reading resolves fields by their names in the writer's schema, which the header holds: any writer
// with the same field names is understood, in any order, with more or fewer fields.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sluice/result.h"

namespace sluice::table {

/// Appends Avro values.
class AvroWriter {
 public:
  void boolean(bool value) { bytes_.push_back(value ? '\1' : '\0'); }
  void number(int64_t value);
  void text(std::string_view value);
  /// Branch 0 of ["null", T].
  void null() { number(0); }
  /// Announces branch 1 of ["null", T]; the value follows.
  void present() { number(1); }
  /// Announces `count` items (after which end_items() follows); nothing for none.
  void begin_items(size_t count) {
    if (count > 0) number(static_cast<int64_t>(count));
  }
  void end_items() { number(0); }
  void raw(std::string_view bytes) { bytes_.append(bytes); }
  size_t size() const { return bytes_.size(); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

using AvroHeader = std::map<std::string, std::string, std::less<>>;

/// A whole file of one block. `header` names schema and codec, `sync` separates blocks.
std::string avro_file(const AvroHeader& header, std::span<const std::byte, 16> sync,
                      size_t entry_count, std::string_view entries);

bool is_avro(std::string_view bytes);
/// The value of an entry of the header, in `bytes`; nothing if it has none, or is malformed.
std::optional<std::string_view> find_avro_entry(std::string_view bytes, std::string_view name);

struct AvroField;

/// A type of a writer's schema.
struct AvroType {
  enum class Kind : uint8_t {
    kNull,
    kBoolean,
    kNumber,  ///< int, long, enum
    kFloat,
    kDouble,
    kBytes,  ///< bytes, string
    kFixed,
    kArray,
    kMap,
    kUnion,
    kRecord,
  };
  Kind kind = Kind::kNull;
  uint64_t fixed_bytes = 0;
  std::vector<AvroField> fields;  ///< record: fields; union: branches; array, map: the item
};
struct AvroField {
  std::string name;
  AvroType type;
};

/// Reads values one after another. After the first malformed one ok() is false, and every read
/// yields nothing. A value of another kind than asked for is skipped and yields nothing.
class AvroReader {
 public:
  explicit AvroReader(ByteView bytes) : bytes_(bytes) {}

  std::optional<bool> boolean(const AvroType& type);
  std::optional<int64_t> number(const AvroType& type);
  std::optional<std::string_view> text(const AvroType& type);
  /// Calls `take` for each field, in the writer's order; a field that it declines (false) is
  /// skipped.
  using TakeField = std::function<bool(std::string_view name, const AvroType& type)>;
  void record(const AvroType& type, const TakeField& take);
  /// Calls `take` for each item of an array; it must read the item.
  void array(const AvroType& type, const std::function<void(const AvroType& item)>& take);
  void skip(const AvroType& type);

  int64_t number();
  std::string_view text();
  std::string_view raw(uint64_t count) { return as_text(bytes_.raw(count)); }

  bool ok() const { return ok_ && bytes_.ok(); }
  bool at_end() const { return bytes_.at_end(); }
  uint64_t offset() const { return bytes_.offset(); }
  uint64_t remaining() const { return bytes_.remaining(); }

 private:
  const AvroType& branch(const AvroType& type);
  void items(const std::function<void()>& take);

  ByteReader bytes_;
  bool ok_ = true;
};

/// The parsed container: its header, and its entries one by one.
class AvroFile {
 public:
  /// kCorrupt (kDecodeFailure, found() is the offset); kUnsupported: a codec other than null, or a
  /// schema with named references. `bytes` must outlive the file.
  static Result<AvroFile> open(std::string_view bytes);
  const AvroHeader& header() const { return header_; }
  /// Calls `take` for each entry, which must read exactly one value of `type`. An error of `take`
  /// ends the reading.
  Status read(const std::function<Status(AvroReader& in, const AvroType& type)>& take) const;

 private:
  AvroHeader header_;
  AvroType type_;
  std::string_view sync_;
  std::string_view blocks_;
  uint64_t blocks_offset_ = 0;
};

}  // namespace sluice::table
