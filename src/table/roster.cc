#include "table/roster.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/object_checksum.h"

namespace sluice::table {
namespace {

constexpr size_t kFixedBytes = 40;
constexpr size_t kRefBytes = 32;
constexpr size_t kSumBytes = 4;
constexpr uint64_t kPerDevice = 8;
static_assert(kRosterHeadBytesMax == kFixedBytes + kRefBytes * kRostersBelowMax + kSumBytes);

struct RosterHead {
  uint32_t devices = 0;
  uint32_t groups = 0;
  uint64_t text_bytes = 0;
  uint32_t body_sum = 0;
  std::vector<RosterRef> below;
  size_t bytes = 0;  ///< of the head
};

Error damaged(std::string message, std::string_view key, uint64_t offset) {
  return Error(
      {Code::kCorrupt, Reason::kDecodeFailure, std::move(message), std::string(key), 0, offset});
}

Result<RosterHead> decode_head(std::string_view bytes, std::string_view key) {
  ByteReader in(as_bytes(bytes));
  if (as_text(in.raw(kRosterMagic.size())) != kRosterMagic) {
    return damaged("not a roster of devices", key, 0);
  }
  const auto format = in.fixed<uint32_t>();
  if (in.ok() && format > kRosterFormat) {
    return Error({Code::kUnsupported, Reason::kVersion, "a roster of a newer format",
                  std::string(key), kRosterFormat, format});
  }
  RosterHead head;
  const auto below = in.fixed<uint32_t>();
  head.devices = in.fixed<uint32_t>();
  head.groups = in.fixed<uint32_t>();
  head.text_bytes = in.fixed<uint64_t>();
  head.body_sum = in.fixed<uint32_t>();
  bool is_sound = in.fixed<uint32_t>() == 0 && below <= kRostersBelowMax && head.devices > 0 &&
                  head.groups > 0 && head.groups <= kGroupsMax;
  for (uint32_t at = 0; is_sound && at < below && in.ok(); ++at) {
    RosterRef ref;
    const ByteView id = in.raw(16);
    if (id.size() == 16) ref.commit = CommitId::from_bytes(id.first<16>());
    ref.bytes = in.fixed<uint64_t>();
    ref.devices = in.fixed<uint32_t>();
    is_sound = in.fixed<uint32_t>() == 0;
    head.below.push_back(ref);
  }
  if (!in.ok() || !is_sound) return damaged("a roster's head is cut or no head", key, in.offset());
  const uint32_t sum = crc32c(as_bytes(bytes.substr(0, in.offset())), checksum_seed(key));
  if (in.fixed<uint32_t>() != sum || !in.ok()) {
    return Error({Code::kCorrupt, Reason::kCrcMismatch,
                  "a roster's head is not what was written under its name", std::string(key), 0,
                  0});
  }
  head.bytes = in.offset();
  return head;
}

}  // namespace

Result<std::vector<RosterRef>> Roster::decode_below(std::string_view bytes, std::string_view key) {
  return TRY(decode_head(bytes, key)).below;
}

Result<Roster> Roster::decode(std::string bytes, std::string_view key) {
  RosterHead head = TRY(decode_head(bytes, key));
  const uint64_t body_bytes = bytes.size() - head.bytes;
  if (head.text_bytes > body_bytes || body_bytes - head.text_bytes != kPerDevice * head.devices) {
    return Error({Code::kCorrupt, Reason::kIncompletePayload,
                  "a roster is cut, or longer than its head says", std::string(key),
                  head.bytes + kPerDevice * head.devices + head.text_bytes, bytes.size()});
  }
  const std::string_view body = std::string_view(bytes).substr(head.bytes);
  if (crc32c(as_bytes(body), checksum_seed(key)) != head.body_sum) {
    return Error(Code::kCorrupt, Reason::kCrcMismatch,
                 "a roster's bytes are not those that were written under its name",
                 std::string(key));
  }
  Roster roster;
  roster.bytes_ = std::move(bytes);
  roster.below_ = std::move(head.below);
  roster.groups_ = head.groups;
  roster.size_ = head.devices;
  roster.body_ = head.bytes;
  const std::byte* const groups = as_bytes(roster.bytes_).data() + roster.body_;
  const std::byte* const ends = groups + 4 * size_t{roster.size_};
  uint32_t before = 0;
  for (uint32_t at = 0; at < roster.size_; ++at) {
    const auto end = load<uint32_t>(ends + 4 * size_t{at});
    const bool is_place = before <= end && end <= head.text_bytes;
    if (!is_place || load<uint32_t>(groups + 4 * size_t{at}) >= roster.groups_ ||
        (at > 0 && roster[at].device <= roster[at - 1].device)) {
      return damaged("a roster's devices are out of order, or of no group", key, at);
    }
    before = end;
  }
  if (before != head.text_bytes) return damaged("ids of no device in a roster", key, before);
  return roster;
}

Membership Roster::operator[](uint32_t at) const {
  const std::byte* const groups = as_bytes(bytes_).data() + body_;
  const std::byte* const ends = groups + 4 * size_t{size_};
  const uint32_t begin = at == 0 ? 0 : load<uint32_t>(ends + 4 * (size_t{at} - 1));
  const auto end = load<uint32_t>(ends + 4 * size_t{at});
  const size_t text = body_ + kPerDevice * size_t{size_};
  return {std::string_view(bytes_).substr(text + begin, end - begin),
          load<uint32_t>(groups + 4 * size_t{at})};
}

// Steps that double: whoever asks in order finds the next one near the last.
uint32_t Roster::lower_bound(std::string_view device, uint32_t from) const {
  uint64_t low = from;
  uint64_t step = 1;
  while (low + step < size_ && (*this)[static_cast<uint32_t>(low + step)].device < device) {
    low += step;
    step *= 2;
  }
  uint64_t high = std::min<uint64_t>(low + step, size_);
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if ((*this)[static_cast<uint32_t>(middle)].device < device) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return static_cast<uint32_t>(low);
}

std::string encode_roster(const std::vector<RosterRef>& below, std::span<const Membership> devices,
                          uint32_t groups, std::string_view key) {
  CHECK(!devices.empty() && below.size() <= kRostersBelowMax);
  uint64_t text_bytes = 0;
  for (const Membership& device : devices) text_bytes += device.device.size();
  CHECK(text_bytes <= UINT32_MAX && devices.size() <= UINT32_MAX);
  const size_t head_bytes = kFixedBytes + kRefBytes * below.size() + kSumBytes;
  // Of a million devices no second copy is made.
  std::string bytes(head_bytes + kPerDevice * devices.size() + text_bytes, '\0');
  std::byte* group = reinterpret_cast<std::byte*>(bytes.data()) + head_bytes;
  std::byte* end_of_id = group + kPerDevice / 2 * devices.size();
  size_t at = head_bytes + kPerDevice * devices.size();
  uint32_t end = 0;
  for (const Membership& device : devices) {
    device.device.copy(bytes.data() + at, device.device.size());
    at += device.device.size();
    end += static_cast<uint32_t>(device.device.size());
    store(group, device.group);
    store(end_of_id, end);
    group += sizeof(uint32_t);
    end_of_id += sizeof(uint32_t);
  }

  ByteWriter head;
  head.raw(as_bytes(kRosterMagic));
  head.fixed(kRosterFormat);
  head.fixed(static_cast<uint32_t>(below.size()));
  head.fixed(static_cast<uint32_t>(devices.size()));
  head.fixed(groups);
  head.fixed(text_bytes);
  head.fixed(crc32c(as_bytes(bytes).subspan(head_bytes), checksum_seed(key)));
  head.fixed(uint32_t{0});
  for (const RosterRef& ref : below) {
    head.raw(ref.commit.bytes());
    head.fixed(ref.bytes);
    head.fixed(ref.devices);
    head.fixed(uint32_t{0});
  }
  head.fixed(crc32c(head.view(), checksum_seed(key)));
  as_text(head.view()).copy(bytes.data(), head.size());
  return bytes;
}

}  // namespace sluice::table
