// For fuzz targets: logs made by a recipe, so that few bytes of input make many valid frames and a
// little damage. No random byte passes a checksum; here only damage is random.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "wal/checkpoint.h"
#include "wal/log_fixture.h"
#include "wal/reopening.h"
#include "wal/sealed.h"

namespace sluice::wal {

/// Makes the checksums of what may be frames right, one after the other from `at` on.
inline void mend_frames(std::span<std::byte> segment, const SegmentId& id, uint64_t at) {
  while (at <= segment.size() && segment.size() - at >= sizeof(FrameHeader)) {
    auto header = load<FrameHeader>(segment.data() + at);
    const uint64_t whole_bytes = frame_bytes(header.payload_bytes);
    if (header.type == 0 || whole_bytes > segment.size() - at) {
      at += kFrameAlignment;
      continue;
    }
    const uint32_t seed = frame_seed(id, at);
    const auto payload =
        segment.subspan(at + sizeof(FrameHeader)).first(whole_bytes - sizeof(FrameHeader));
    header.payload_crc = crc32c(payload, seed);
    header.header_crc = header_checksum(header, seed);
    store(segment.data() + at, header);
    at += whole_bytes;
  }
}

/// The same of a whole segment, its header included.
inline void mend_segment(std::span<std::byte> segment) {
  if (segment.size() < kBlockBytes) return;
  const auto block = segment.first(kBlockBytes);
  store(block.data() + kBlockBytes - sizeof(uint32_t),
        crc32c(block.first(kBlockBytes - sizeof(uint32_t))));
  const auto header = decode_segment_header(block, "");
  if (header.ok()) mend_frames(segment, header->segment, kBlockBytes);
}

/// One file of a log under construction. LSNs and offsets are what a writer would take them to be,
/// whatever was damaged since.
class SegmentDraft {
 public:
  /// With its checkpoint and the pad behind it; encrypted if there are keys.
  SegmentDraft(SegmentHeader header, const KeyRing* keys)
      : header_(header), keys_(keys), last_lsn_(header.base_lsn - 1) {
    header_.birth_end = 2 * kBlockBytes;
    if (keys_ != nullptr) {
      const WalEncryptionKey data_key = draw_data_key(runtime_, *keys_, header_).value();
      sealer_ = std::make_unique<Sealer>(header_.segment, data_key);
    }
    put(encode_segment_header(header_));
    add_checkpoint();
    add_pad();
  }

  void add_checkpoint() {
    const Checkpoint checkpoint{.trim_lsn = header_.base_lsn - 1,
                                .chain = {{header_.opening, header_.base_lsn}}};
    const std::vector<std::byte> payload = encode_checkpoint(checkpoint);
    add_record({.type = kCheckpointType, .head = payload}, last_lsn_);
  }
  /// As it is, or alone in a sealed frame.
  void add_record(const RecordView& record, Lsn lsn) {
    if (sealer_ == nullptr) {
      add_frame({.type = record.type, .vshard = record.vshard, .tenant = record.tenant, .lsn = lsn},
                record.head);
    } else {
      sealer_->add(record, lsn, last_lsn_);
      seal();
    }
    if (!is_own_type(record.type)) last_lsn_ = std::max(last_lsn_, lsn);
  }
  /// `count` records in one frame, if frames are sealed here.
  void add_block(uint8_t count, RecordView record) {
    if (sealer_ == nullptr || count == 0) return;
    const Lsn before = last_lsn_;
    for (; count > 0 && sealer_->has_room(record); --count, ++record.tenant) {
      sealer_->add(record, ++last_lsn_, before);
    }
    seal();
  }
  void add_mark(uint64_t confirmed_end) {
    add_frame({.type = kMarkType, .lsn = last_lsn_}, std::as_bytes(std::span(&confirmed_end, 1)));
  }
  void add_pad() {
    const uint64_t end = closed_end(at_);
    if (end == at_) return;
    const std::vector<std::byte> zeros(end - at_ - sizeof(FrameHeader));
    add_frame({.type = kPadType, .lsn = last_lsn_}, zeros);
  }
  /// W19: at the start of the next block; `end`: where it says that frames ended.
  void add_reopening(Reopening reopening, bool encrypts) {
    put(std::vector<std::byte>(align_up(at_, kBlockBytes) - at_));
    reopening.accepted.last_lsn = last_lsn_;
    reopening.opening = header_.opening;
    std::unique_ptr<Sealer> sealer;
    if (encrypts && keys_ != nullptr) {
      const ReopeningPlace place{header_.segment, at_};
      const WalEncryptionKey key = draw_data_key(runtime_, *keys_, place, reopening).value();
      sealer = std::make_unique<Sealer>(header_.segment, key);
    }
    add_frame({.type = kReopeningType, .lsn = last_lsn_}, encode_reopening(reopening));
    sealer_ = std::move(sealer);
    last_lsn_ = reopening.base_lsn - 1;
  }
  void add_frame(FrameHeader head, ByteView payload) {
    if (at_ % kFrameAlignment != 0) put(std::vector<std::byte>(kFrameAlignment - at_ % 8));
    starts_.push_back({at_, last_lsn_});
    std::vector<std::byte> padded(payload.begin(), payload.end());
    padded.resize(align_up(padded.size(), kFrameAlignment));
    const uint32_t seed = frame_seed(header_.segment, at_);
    head.payload_bytes = static_cast<uint32_t>(payload.size());
    head.payload_crc = crc32c(padded, seed);
    head.header_crc = header_checksum(head, seed);
    put(std::as_bytes(std::span(&head, 1)));
    put(padded);
  }
  /// Over what is there, and behind it.
  void put(ByteView bytes) {
    bytes_.resize(std::max<uint64_t>(bytes_.size(), at_ + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<ptrdiff_t>(at_));
    at_ += bytes.size();
  }
  /// What follows is written where the frame stands that was the `count`-th last; older frames
  /// remain behind it.
  void go_back(size_t count) {
    // The frames of its birth stay.
    if (count == 0 || starts_.size() < count + 2) return;
    const Boundary start = starts_[starts_.size() - count];
    starts_.resize(starts_.size() - count);
    at_ = start.end;
    last_lsn_ = start.last_lsn;
  }
  void cut(uint64_t count) {
    bytes_.resize(bytes_.size() - std::min<uint64_t>(count, bytes_.size()));
    at_ = std::min<uint64_t>(at_, bytes_.size());
  }
  /// The `distance`-th last byte.
  void damage(uint64_t distance, uint8_t flip) {
    if (!bytes_.empty()) bytes_[bytes_.size() - 1 - distance % bytes_.size()] ^= std::byte{flip};
  }

  const SegmentHeader& header() const { return header_; }
  uint64_t at() const { return at_; }
  Lsn last_lsn() const { return last_lsn_; }
  /// Of the frame that was the `count`-th last.
  uint64_t start(size_t count) const {
    return starts_[starts_.size() - 1 - std::min(count, starts_.size() - 1)].end;
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  void seal() {
    const Lsn before = sealer_->lsn_before();
    std::vector<std::byte> payload(sealed_payload_bytes(sealer_->open_bytes()));
    sealer_->seal(align_up(at_, kFrameAlignment), payload);
    const Lsn last_lsn = std::exchange(last_lsn_, before);
    add_frame({.type = kSealedType, .lsn = before}, payload);
    last_lsn_ = last_lsn;
  }

  TestRuntime runtime_;
  SegmentHeader header_;
  const KeyRing* const keys_;
  std::unique_ptr<Sealer> sealer_;
  Lsn last_lsn_;
  uint64_t at_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<Boundary> starts_;  ///< of frames, and the highest LSN before each
};

}  // namespace sluice::wal
