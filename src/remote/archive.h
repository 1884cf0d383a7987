// Encoder and Decoder: values into the bytes of a frame's body and back, as wire.h says.
//
// What a structure's members are is said once, by its fields() (fields.h), for both directions.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "remote/fields.h"
#include "remote/wire.h"
#include "sluice/result.h"

namespace sluice::remote {

/// Appends values to a body.
class Encoder {
 public:
  template <class... Values>
  void operator()(const Values&... values) {
    (put(values), ...);
  }
  std::vector<std::byte> take() { return out_.take(); }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      out_.fixed<uint8_t>(value ? 1 : 0);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      out_.fixed(value);
    } else {
      fields(*this, value);
    }
  }
  void put(double value) { out_.fixed(std::bit_cast<uint64_t>(value)); }
  void put(const std::string& value) { out_.text(value); }
  void put(const Error& error) {
    put(Error::Body{error.code(), error.reason(), error.message(), error.where(), error.expected(),
                    error.found()});
  }
  void put(const SchemaPtr& schema) { put(schema->fields()); }
  template <class T>
  void put(const std::vector<T>& values) {
    put(static_cast<uint32_t>(values.size()));
    for (const T& value : values) put(value);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T, size_t kCount>
  void put(const std::array<T, kCount>& values) {
    for (const T& value : values) put(value);
  }
  template <class Key, class T>
  void put(const std::map<Key, T>& values) {
    put(static_cast<uint32_t>(values.size()));
    for (const auto& [key, value] : values) (*this)(key, value);
  }

  ByteWriter out_;
};

template <class... Values>
std::vector<std::byte> encode(const Values&... values) {
  Encoder encoder;
  encoder(values...);
  return encoder.take();
}

/// Reads values from a body. The first one that is none makes it bad: from then on what is read is
/// of no use. Check ok() before values are used.
class Decoder {
 public:
  explicit Decoder(ByteView body) : in_(body) {}
  template <class... Values>
  void operator()(Values&... values) {
    (get(values), ...);
  }
  bool ok() const { return ok_ && in_.ok(); }
  bool at_end() const { return in_.at_end(); }
  uint64_t offset() const { return in_.offset(); }
  /// What follows the zeros to a multiple of 8.
  ByteView rest() {
    for (const std::byte byte : in_.raw(align_up(offset(), 8) - offset())) {
      require(byte == std::byte{0});
    }
    return in_.raw(in_.remaining());
  }

 private:
  void require(bool holds) { ok_ = ok_ && holds; }

  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      const auto byte = in_.fixed<uint8_t>();
      require(byte <= 1);
      value = byte == 1;
    } else if constexpr (std::is_integral_v<T>) {
      value = in_.fixed<T>();
    } else if constexpr (std::is_enum_v<T>) {
      value = in_.fixed<T>();
      require(is_known(value));
    } else {
      fields(*this, value);
    }
  }
  void get(double& value) { value = std::bit_cast<double>(in_.fixed<uint64_t>()); }
  void get(std::string& value) { value = std::string(in_.text()); }
  void get(SchemaPtr& schema) {
    std::vector<Field> columns;
    get(columns);
    if (!ok()) return;
    auto made = Schema::make(std::move(columns));
    require(made.ok());
    if (made.ok()) schema = *std::move(made);
  }
  /// Predicates are the one thing that nests.
  void get(Predicate& predicate) {
    require(nesting_ < kNestingMax);
    if (!ok()) return;
    ++nesting_;
    fields(*this, predicate);
    --nesting_;
  }
  template <class T>
  void get(std::vector<T>& values) {
    const auto count = in_.fixed<uint32_t>();
    require(count <= in_.remaining());  // nothing takes less than a byte
    for (uint32_t i = 0; ok() && i < count; ++i) get(values.emplace_back());
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool is_there = false;
    get(is_there);
    if (ok() && is_there) get(value.emplace());
  }
  void get(std::optional<Error>& error) {
    std::optional<Error::Body> body;
    get(body);
    if (ok() && body) error.emplace(*std::move(body));
  }
  template <class T, size_t kCount>
  void get(std::array<T, kCount>& values) {
    for (T& value : values) get(value);
  }
  template <class Key, class T>
  void get(std::map<Key, T>& values) {
    uint32_t count = 0;
    get(count);
    for (uint32_t i = 0; ok() && i < count; ++i) {
      Key key{};
      T value{};
      (*this)(key, value);
      require(values.empty() || values.rbegin()->first < key);
      values.emplace_hint(values.end(), key, std::move(value));
    }
  }

  ByteReader in_;
  int nesting_ = 0;
  bool ok_ = true;
};

/// kCorrupt (kDecodeFailure), found() is the offset.
inline Error undecodable(uint64_t offset) {
  return Error({Code::kCorrupt, Reason::kDecodeFailure,
                "a frame does not decode; are both sides the same version of sluice?",
                "sluice.sock", 0, offset});
}

/// All of `body` as these values.
template <class Values>
Result<Values> decode(ByteView body) {
  Decoder decoder(body);
  Values values;
  std::apply([&decoder](auto&... each) { decoder(each...); }, values);
  if (!decoder.ok() || !decoder.at_end()) return undecodable(decoder.offset());
  return values;
}

}  // namespace sluice::remote
