#include "part/thrift.h"

#include "base/check.h"

namespace sluice::part::thrift {

bool Reader::boolean(Field field) {
  if (field.wire != Wire::kTrue && field.wire != Wire::kFalse) fail();
  return ok() && field.wire == Wire::kTrue;
}

int32_t Reader::i32(Field field) {
  return expect(field, Wire::kI32) ? i32() : 0;
}

int64_t Reader::i64(Field field) {
  return expect(field, Wire::kI64) ? zigzag() : 0;
}

std::string_view Reader::binary(Field field) {
  return expect(field, Wire::kBinary) ? binary() : std::string_view();
}

int32_t Reader::i32() {
  const int64_t value = zigzag();
  if (value != static_cast<int32_t>(value)) fail();
  return ok() ? static_cast<int32_t>(value) : 0;
}

std::string_view Reader::binary() {
  return as_text(bytes_.raw(varint()));
}

bool Reader::next_field(Field& field) {
  const auto head = bytes_.fixed<uint8_t>();
  if (!ok() || head == 0) return false;
  const int delta = head >> 4;
  const int64_t id = delta == 0 ? zigzag() : field.id + delta;
  field.wire = static_cast<Wire>(head & 15);
  field.id = static_cast<int16_t>(id);
  if (id != field.id || field.wire == Wire::kStop || field.wire > Wire::kStruct) fail();
  return ok();
}

bool Reader::expect(Field field, Wire wire) {
  if (field.wire != wire) fail();
  return ok();
}

uint64_t Reader::list_size(Wire element) {
  const auto head = bytes_.fixed<uint8_t>();
  const uint64_t size = head >> 4 == 15 ? varint() : head >> 4;
  // Each element takes a byte or more, so the rest of the input bounds the loop.
  if (size > bytes_.remaining()) fail();
  if (size > 0 && static_cast<Wire>(head & 15) != element) fail();
  return ok() ? size : 0;
}

uint64_t Reader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = bytes_.fixed<uint8_t>();
    value |= uint64_t{byte & 127u} << shift;
    if (byte < 128) return ok() ? value : 0;
  }
  fail();
  return 0;
}

int64_t Reader::zigzag() {
  const uint64_t value = varint();
  return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

void Reader::skip(Wire wire) {
  switch (wire) {
    case Wire::kTrue:
    case Wire::kFalse:
      return;
    case Wire::kI8:
      bytes_.raw(1);
      return;
    case Wire::kI16:
    case Wire::kI32:
    case Wire::kI64:
      varint();
      return;
    case Wire::kDouble:
      bytes_.raw(8);
      return;
    case Wire::kBinary:
      binary();
      return;
    case Wire::kStruct:
      structure([this](Field field) { skip(field); });
      return;
    case Wire::kList:
    case Wire::kSet:
      return skip_list();
    case Wire::kMap:
      return skip_map();
    case Wire::kStop:
      break;
  }
  fail();
}

namespace {
/// A boolean is in its field's type, but takes a byte as an element.
Wire as_element(uint8_t wire) {
  return wire == 1 || wire == 2 ? Wire::kI8 : static_cast<Wire>(wire);
}
}  // namespace

void Reader::skip_list() {
  Depth depth(*this);
  const auto head = bytes_.fixed<uint8_t>();
  const Wire element = as_element(head & 15);
  for (uint64_t left = head >> 4 == 15 ? varint() : head >> 4; left > 0 && ok(); --left) {
    skip(element);
  }
}

void Reader::skip_map() {
  Depth depth(*this);
  const uint64_t size = varint();
  if (size == 0) return;
  const auto types = bytes_.fixed<uint8_t>();
  for (uint64_t left = size; left > 0 && ok(); --left) {
    skip(as_element(types >> 4));
    skip(as_element(types & 15));
  }
}

void Writer::boolean(int16_t id, bool value) {
  field(id, value ? Wire::kTrue : Wire::kFalse);
}

void Writer::i16(int16_t id, int16_t value) {
  field(id, Wire::kI16);
  zigzag(value);
}

void Writer::i32(int16_t id, int32_t value) {
  field(id, Wire::kI32);
  zigzag(value);
}

void Writer::i64(int16_t id, int64_t value) {
  field(id, Wire::kI64);
  zigzag(value);
}

void Writer::binary(int16_t id, std::string_view value) {
  field(id, Wire::kBinary);
  binary(value);
}

void Writer::structure(int16_t id) {
  field(id, Wire::kStruct);
  begin();
}

void Writer::list(int16_t id, Wire element, size_t size) {
  field(id, Wire::kList);
  const auto low = static_cast<uint8_t>(element);
  if (size < 15) return bytes_.fixed(static_cast<uint8_t>(size << 4 | low));
  bytes_.fixed(static_cast<uint8_t>(15 << 4 | low));
  varint(size);
}

void Writer::end() {
  bytes_.fixed(uint8_t{0});
  last_ids_.pop_back();
}

void Writer::boolean(bool value) {
  bytes_.fixed(static_cast<uint8_t>(value ? Wire::kTrue : Wire::kFalse));
}

void Writer::binary(std::string_view value) {
  varint(value.size());
  bytes_.raw(as_bytes(value));
}

void Writer::field(int16_t id, Wire wire) {
  const int delta = id - last_ids_.back();
  CHECK(delta > 0);
  last_ids_.back() = id;
  if (delta <= 15) return bytes_.fixed(static_cast<uint8_t>(delta << 4 | static_cast<int>(wire)));
  bytes_.fixed(static_cast<uint8_t>(wire));
  zigzag(id);
}

void Writer::varint(uint64_t value) {
  for (; value >= 128; value >>= 7) bytes_.fixed(static_cast<uint8_t>(value | 128));
  bytes_.fixed(static_cast<uint8_t>(value));
}

void Writer::zigzag(int64_t value) {
  varint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
}

}  // namespace sluice::part::thrift
