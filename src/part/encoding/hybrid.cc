#include "part/encoding/hybrid.h"

#include <algorithm>

namespace sluice::part {
namespace {

void put_varint(uint64_t value, Bytes& out) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<std::byte>(value | 128));
  out.push_back(static_cast<std::byte>(value));
}

/// `values` in groups of eight, the last one filled up with zeros.
template <class T>
void put_packed(std::span<const T> values, int width, Bytes& out) {
  if (values.empty()) return;
  const size_t groups = (values.size() + 7) / 8;
  put_varint(groups << 1 | 1, out);
  const size_t begin = out.size();
  const size_t bytes = groups * static_cast<size_t>(width);
  out.resize(begin + bytes + sizeof(uint64_t));  // whole words are stored
  std::byte* at = out.data() + begin;
  uint64_t pending = 0;
  int bits = 0;
  for (const T value : values) {
    pending |= uint64_t{value} << bits;
    bits += width;
    if (bits < 32) continue;
    store(at, static_cast<uint32_t>(pending));
    at += sizeof(uint32_t);
    pending >>= 32;
    bits -= 32;
  }
  store(at, pending);
  out.resize(begin + bytes);
}

void put_run(uint32_t value, uint64_t count, int width, Bytes& out) {
  put_varint(count << 1, out);
  for (int bits = 0; bits < width; bits += 8) {
    out.push_back(static_cast<std::byte>(value >> bits));
  }
}

}  // namespace

template <class T>
void encode_hybrid(std::span<const T> values, int width, Bytes& out) {
  size_t packed = 0;  // values before it are written
  for (size_t i = 0; i < values.size();) {
    size_t end = i + 1;
    while (end < values.size() && values[end] == values[i]) ++end;
    // The values that wait fill their last group of eight from the run; what is left of the run
    // must be worth a header of its own.
    const size_t start = packed + (i - packed + 7) / 8 * 8;
    if (end >= start + 8) {
      put_packed(values.subspan(packed, start - packed), width, out);
      put_run(values[i], end - start, width, out);
      packed = end;
    }
    i = end;
  }
  put_packed(values.subspan(packed), width, out);
}

template void encode_hybrid(std::span<const uint8_t>, int, Bytes&);
template void encode_hybrid(std::span<const uint32_t>, int, Bytes&);

bool HybridReader::read(std::span<uint32_t> out) {
  while (!out.empty()) {
    if (run_left_ == 0 && !next_run()) return false;
    const size_t count = std::min<uint64_t>(run_left_, out.size());
    if (packed_) {
      unpack(out.first(count));
    } else {
      std::fill_n(out.begin(), count, run_value_);
    }
    run_left_ -= count;
    out = out.subspan(count);
  }
  return true;
}

bool HybridReader::next_run() {
  uint64_t head = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = bytes_.fixed<uint8_t>();
    head |= uint64_t{byte & 127u} << shift;
    if (byte < 128) break;
    if (shift == 28) return false;
  }
  packed_ = (head & 1) != 0;
  const uint64_t count = head >> 1;
  if (packed_) {
    run_left_ = count * 8;
    packed_bytes_ = bytes_.raw(count * static_cast<uint64_t>(width_));
    packed_bit_ = 0;
  } else {
    run_left_ = count;
    run_value_ = 0;
    const ByteView value = bytes_.raw(static_cast<uint64_t>(width_ + 7) / 8);
    for (size_t i = 0; i < value.size(); ++i) {
      run_value_ |= static_cast<uint32_t>(value[i]) << 8 * i;
    }
  }
  // An empty run is malformed: nobody writes it, and it could repeat without end.
  return bytes_.ok() && count > 0;
}

void HybridReader::unpack(std::span<uint32_t> out) {
  if (width_ == 0) return static_cast<void>(std::fill(out.begin(), out.end(), 0));
  const auto mask = static_cast<uint32_t>((uint64_t{1} << width_) - 1);
  const uint64_t size = packed_bytes_.size();
  for (uint32_t& value : out) {
    const uint64_t at = packed_bit_ / 8;
    uint64_t word = 0;
    if (at + sizeof word <= size) {
      word = load<uint64_t>(packed_bytes_.data() + at);
    } else {
      std::memcpy(&word, packed_bytes_.data() + at, size - at);
    }
    value = static_cast<uint32_t>(word >> packed_bit_ % 8) & mask;
    packed_bit_ += static_cast<uint64_t>(width_);
  }
}

}  // namespace sluice::part
