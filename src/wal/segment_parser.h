// SegmentParser: the one parser of segments. Opening, reading and verifying all go through it.
//
// It yields the valid frames in order and then ends, for good, in one of five ways:
//
//   clean end     next() yields nothing, torn_bytes() is 0
//   torn tail     next() yields nothing, torn_bytes() counts what follows the last valid frame
//   corruption    kCorrupt: where() is the file, found() the offset, expected() the end of what was
//                 known to be durable
//   not ours      kUnsupported: a valid frame that this version does not know
//   not for us    kInvalid (kMissingKey): the segment is encrypted, and its key was not given
//   I/O error     kIo
//
// Memory: one window of 1 MiB, or the largest frame if that is larger; of an encrypted segment also
// the plain bytes of one frame. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/wal_reader.h"
#include "wal/format.h"
#include "wal/record_filter.h"
#include "wal/sealed.h"

namespace sluice::wal {

/// A frame of any type but sealed: what one holds comes record by record, each with the offset of
/// the sealed frame. The payload is 8-byte aligned and valid until the parser's next call.
struct ParsedFrame {
  uint64_t offset = 0;
  uint16_t type = 0;
  uint16_t vshard = 0;
  uint32_t tenant = 0;
  Lsn lsn = 0;
  ByteView payload;
};

/// How a file will be read.
enum class Access : uint8_t {
  kWhole,
  kSkipping,  ///< much of it may be passed: nothing is read far ahead
};

/// Reads a file through a buffer that slides over it.
class FileWindow {
 public:
  /// Nothing at `end` or behind it is looked at; the file must not be shorter.
  FileWindow(std::unique_ptr<File> file, uint64_t end, Access access = Access::kWhole);
  /// Bytes [offset, offset + bytes), which must lie before the end; valid until the next call.
  Result<ByteView> view(uint64_t offset, uint64_t bytes);
  /// The same if it is in the buffer, else nothing.
  ByteView buffered(uint64_t offset, uint64_t bytes) const {
    if (offset < start_ || offset + bytes > start_ + filled_bytes_) return {};
    return std::as_bytes(std::span(buffer_)).subspan(offset - start_, bytes);
  }
  uint64_t end() const { return end_; }
  /// Moves the end to the next multiple of a block: behind the file there are zeros.
  void extend() { end_ = align_up(end_, kBlockBytes); }
  /// How many of the bytes behind `offset` are in the file.
  uint64_t stored_bytes(uint64_t offset) const {
    return stored_end_ - std::min(offset, stored_end_);
  }
  Result<uint64_t> file_bytes() { return file_->size(); }
  void expect_skips() { access_ = Access::kSkipping; }
  /// As many bytes are passed. Reading on costs less than a read of its own behind fewer.
  void pass(uint64_t bytes);
  /// Another end, perhaps of other bytes than before: nothing is kept.
  void restart(uint64_t end);

 private:
  uint64_t read_ahead(uint64_t offset);
  Status slide(uint64_t offset, uint64_t bytes);

  std::unique_ptr<File> file_;
  uint64_t end_;
  uint64_t stored_end_;
  uint64_t start_ = 0;
  uint64_t filled_bytes_ = 0;
  Access access_;
  uint64_t read_ahead_bytes_;  ///< of the next read, if there are skips
  struct alignas(kBlockBytes) Block {
    std::byte bytes[kBlockBytes];
  };
  std::vector<Block> buffer_;  // aligned: a device reads straight into it
};

class SegmentParser {
 public:
  /// Reads and checks the header. `boundary`: where the frames must reach, known from a successor
  /// or from the running writer; absent for the newest segment of a log at rest.
  /// `keys` may be null where nothing is encrypted; it outlives the parser.
  static Result<std::unique_ptr<SegmentParser>> open(std::unique_ptr<File> file, std::string name,
                                                     std::optional<Boundary> boundary,
                                                     const KeyRing* keys,
                                                     Access access = Access::kWhole);
  /// The same of a log in one file, whatever its name. Reopenings are followed, and yielded.
  static Result<std::unique_ptr<SegmentParser>> open_single(std::unique_ptr<File> file,
                                                            std::string name,
                                                            std::optional<Boundary> boundary,
                                                            const KeyRing* keys,
                                                            Access access = Access::kWhole);

  const SegmentHeader& header() const { return header_; }
  /// A user's record with a larger payload is kInvalid (kPayloadTooLarge) where it would be
  /// yielded. No memory is taken for it.
  void limit_payloads(uint64_t bytes_max) { payload_bytes_max_ = bytes_max; }
  /// The next frame; nothing at a clean end or a torn tail.
  Result<std::optional<ParsedFrame>> next();

  /// The next record of a user that the filter takes; ends as next() does. Of what is known to have
  /// been durable, payloads are looked at only by payload(), and large ones that are passed are not
  /// read. kUnsupported also if the filter does not know a type that it must.
  Result<std::optional<WalFrameHeader>> next_match(const RecordFilter& filter);
  /// The same if that takes a look at headers in the buffer alone; else null, and next_match() goes
  /// on.
  const WalFrameHeader* next_plain_match(const RecordFilter& filter);
  /// Of the record that was yielded, once: valid until the next call. kInvalid: there is
  /// none, and nothing happened.
  Result<ByteView> payload();
  /// That record, until its payload was asked for; and where the frame is that holds it.
  const WalFrameHeader* match() const;
  uint64_t match_offset() const { return match_->offset; }
  struct Skips {
    uint64_t payload_bytes = 0;
    uint64_t blocks = 0;  ///< sealed ones
  };
  const Skips& skips() const { return skips_; }

  /// After the end, or after damage that a writer at work may have feigned: goes on behind the last
  /// frame that is not rewritten, in what the file holds now. kCorrupt (kForked): frames that were
  /// yielded are not part of it any more.
  Status resume(std::optional<Boundary> boundary);

  /// Behind the last frame yielded. After the end: the accepted end.
  Boundary position() const { return {offset_, last_lsn_}; }
  /// After the end: bytes from the accepted end to the last that is not zero; see format.h for
  /// recycled segments.
  uint64_t torn_bytes() const { return torn_bytes_; }
  /// After the end of a newest segment: why no frame stands there.
  Reason end_reason() const { return end_reason_; }
  /// After the end of a log in one file: the header of a record stands behind the end.
  bool is_followed() const { return is_followed_; }
  /// Whether what stands at position() is sealed, and how records there are numbered.
  bool is_sealed() const { return sealer_ != nullptr; }
  uint32_t key_id() const { return key_id_; }  ///< that wraps the data key in use; 0: none
  Numbering numbering() const { return numbering_; }

 private:
  enum class Layout : uint8_t { kSegment, kSingleFile };
  /// The record that next_match() yielded.
  struct Match {
    WalFrameHeader header{};
    uint64_t offset = 0;
    uint32_t payload_crc = 0;
    std::optional<ByteView> payload{};  ///< none: it was not read
    bool is_taken = false;
  };
  SegmentParser(FileWindow window, std::string name, SegmentHeader header,
                std::optional<Boundary> boundary, Layout layout, const KeyRing* keys);
  static Result<std::unique_ptr<SegmentParser>> open(std::unique_ptr<File> file, std::string name,
                                                     std::optional<Boundary> boundary,
                                                     Layout layout, const KeyRing* keys,
                                                     Access access);

  void extend_window();
  bool parse_plain(ParsedFrame& frame);
  std::optional<FrameHeader> plain_header() const;
  Result<std::optional<ParsedFrame>> parse();
  Result<bool> is_at_boundary() const;
  Result<Reason> find_frame(ParsedFrame& frame);
  Status accept(const ParsedFrame& frame);
  Status find_match(const RecordFilter& filter);
  Result<bool> step(const RecordFilter& filter);
  Result<bool> step_by_header(const RecordFilter& filter);
  Result<bool> take_inner(const RecordFilter& filter);
  Result<bool> try_match(const RecordFilter& filter, const ParsedFrame& record);
  Result<bool> wants(const RecordFilter& filter, const WalFrameHeader& record) const;
  Result<std::optional<FrameHeader>> trusted_header();
  Result<bool> is_left_at(uint64_t offset);
  Result<bool> is_confirmed(uint64_t end);
  Status look_further();
  Result<bool> pass_block(const RecordFilter& filter, const FrameHeader& frame);
  bool pass_block(const RecordFilter& filter, const ParsedFrame& frame);
  void pass(const FrameHeader& frame);
  void leave_match();
  Status check_payload_bytes(uint64_t bytes) const;
  Status refuse_large(const RecordFilter* filter);
  Result<uint64_t> least_payload_bytes(const FrameHeader& frame);
  Result<bool> is_whole(const FrameHeader& frame);
  Result<ByteView> read_match();
  Result<bool> skip_to_reopening();
  Status follow(const ParsedFrame& frame);
  Result<std::optional<ParsedFrame>> next_inner();
  Status open_sealed(const ParsedFrame& frame);
  Result<Reason> examine(ParsedFrame& frame) { return examine(offset_, frame); }
  Result<Reason> examine(uint64_t offset, ParsedFrame& frame);
  Reason examine_order(const ParsedFrame& frame) const;
  Status check_sealing(const ParsedFrame& frame) const;
  Status end_at(Reason damage);
  Status scan_remains();
  void note_quiet(const ParsedFrame& frame);
  uint64_t confirmed_by(uint64_t offset, ByteView frame) const;
  uint64_t confirmed_by_reopening(uint64_t offset, ByteView frame) const;
  void note_remains(uint64_t offset, ByteView rest);
  Error corrupt(Reason reason, std::string message, uint64_t durable_end) const;
  Error damage(Reason reason, const std::string& message, uint64_t offset) const;

  FileWindow window_;
  std::string name_;
  SegmentHeader header_;
  std::optional<Boundary> boundary_;
  const Layout layout_;
  const KeyRing* const keys_;  ///< used while a log in one file is read
  Numbering numbering_;
  std::unique_ptr<Sealer> sealer_;  ///< null: not encrypted
  uint32_t key_id_ = 0;
  InnerRecords inner_;         ///< of the sealed frame before offset_, those left
  uint64_t inner_offset_ = 0;  ///< of that frame
  uint64_t offset_ = kBlockBytes;
  uint64_t solid_end_ = kBlockBytes;  ///< behind the last frame that is no mark and no pad
  Lsn last_lsn_;
  bool is_own_mark_ = false;  ///< the last frame marks that all before it was synced
  bool is_quiet_ = false;     ///< the last frame is the pad behind such a mark
  uint64_t torn_bytes_ = 0;
  uint64_t confirmed_end_ = 0;  ///< by the marks behind the end
  Reason end_reason_ = Reason::kNone;
  bool is_followed_ = false;
  bool ended_ = false;
  std::optional<Error> failure_;
  bool is_final_ = false;  ///< no resume() mends the failure

  uint64_t payload_bytes_max_ = kPayloadBytesMax;
  std::optional<Match> match_;
  Skips skips_;
  /// How far marks were looked for, ahead of offset_, and the highest offset that one confirms.
  uint64_t ahead_ = 0;
  uint64_t ahead_confirmed_ = 0;
  bool ahead_ended_ = false;
};

/// kUnsupported if the type has a meaning that this version must know and does not.
Status check_type(uint16_t type, std::string_view name);

}  // namespace sluice::wal
