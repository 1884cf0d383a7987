// The Thrift compact protocol, as far as Parquet's metadata needs it.
//
// The reader takes any bytes: it never reads past the end, recurses at most kDepthMax deep, and a
// list can have no more elements than bytes are left. The first error makes it bad; from then on
// it yields zero or nothing, and loops end. Check ok() before the values are used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sluice::part::thrift {

enum class Wire : uint8_t {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kI8 = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

struct Field {
  int16_t id = 0;
  Wire wire = Wire::kStop;
};

/// The elements of a list. Shorter ones are malformed: so the input bounds what they grow into.
struct Elements {
  Wire wire = Wire::kStruct;
  uint64_t bytes_min = 1;
};

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  bool ok() const { return bytes_.ok(); }
  /// Bytes read so far.
  uint64_t offset() const { return bytes_.offset(); }

  /// Reads one struct: calls `on_field(Field)`, which must consume the value, for each field.
  template <class OnField>
  void structure(OnField&& on_field) {
    Depth depth(*this);
    Field field;
    while (next_field(field)) on_field(field);
  }
  /// A field that is a struct, or a list of `element`s: `on_field`, `on_element` as above.
  template <class OnField>
  void structure(Field field, OnField&& on_field) {
    if (expect(field, Wire::kStruct)) structure(on_field);
  }
  template <class OnElement>
  void list(Field field, Elements elements, OnElement&& on_element) {
    Depth depth(*this);
    if (!expect(field, Wire::kList)) return;
    for (uint64_t left = list_size(elements.wire); left > 0 && ok(); --left) {
      const uint64_t start = offset();
      on_element();
      if (offset() - start < elements.bytes_min) fail();
    }
  }

  // Values of fields. Another wire type than expected makes the reader bad.
  bool boolean(Field field);
  int32_t i32(Field field);
  int64_t i64(Field field);
  std::string_view binary(Field field);
  void skip(Field field) { skip(field.wire); }

  // Values of list elements.
  int32_t i32();
  std::string_view binary();

 private:
  static constexpr int kDepthMax = 16;
  class Depth {
   public:
    explicit Depth(Reader& reader) : reader_(reader) {
      if (++reader_.depth_ > kDepthMax) reader_.fail();
    }
    ~Depth() { --reader_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    Reader& reader_;
  };

  bool next_field(Field& field);
  bool expect(Field field, Wire wire);
  uint64_t list_size(Wire element);
  uint64_t varint();
  int64_t zigzag();
  void skip(Wire wire);
  void skip_list();
  void skip_map();
  void fail() { bytes_.raw(UINT64_MAX); }

  ByteReader bytes_;
  int depth_ = 0;
};

/// Fields are written in rising order of their ids, each struct ended with end().
class Writer {
 public:
  void boolean(int16_t id, bool value);
  void i16(int16_t id, int16_t value);
  void i32(int16_t id, int32_t value);
  void i64(int16_t id, int64_t value);
  void binary(int16_t id, std::string_view value);
  /// Opens a struct field: its fields follow, then end().
  void structure(int16_t id);
  /// Opens a list field: `size` elements follow. Elements that are structs are begin() ... end().
  void list(int16_t id, Wire element, size_t size);
  void begin() { last_ids_.push_back(0); }
  void end();

  // List elements.
  void boolean(bool value);
  void i32(int32_t value) { zigzag(value); }
  void i64(int64_t value) { zigzag(value); }
  void binary(std::string_view value);

  ByteView view() const { return bytes_.view(); }

 private:
  void field(int16_t id, Wire wire);
  void varint(uint64_t value);
  void zigzag(int64_t value);

  ByteWriter bytes_;
  std::vector<int16_t> last_ids_;
};

}  // namespace sluice::part::thrift
