#include "wal/salvage.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "wal/log.h"
#include "wal/sealed.h"
#include "wal/segment_parser.h"
#include "wal/side_file.h"
#include "wal/single_file.h"

namespace sluice::wal {
namespace {

/// A record takes no less than this in a sealed frame, and by itself.
constexpr uint64_t kRecordBytesMin = inner_bytes(0);
static_assert(kRecordBytesMin <= frame_bytes(0));

class Salvage {
 public:
  Salvage(SalvageSource source, uint64_t end, const KeyRing* keys, Lsn& last_lsn,
          const RecordTaker& take)
      : window_(std::move(source.file), end),
        name_(std::move(source.name)),
        header_(source.header),
        end_lsn_(source.end_lsn),
        keys_(keys),
        last_lsn_(last_lsn),
        take_(take),
        proven_lsn_(header_.base_lsn <= kLsnMax ? header_.base_lsn - 1 : 0) {
    if (source.is_single_file) window_.extend();
  }

  Result<SalvagedRecords> run() {
    if (header_.is_encrypted()) {
      const auto data_key = unwrap_data_key(keys_, header_, name_);
      if (!data_key.ok() && data_key.error().code() == Code::kInvalid) return data_key.error();
      if (data_key.ok()) sealer_ = std::make_unique<Sealer>(header_.segment, *data_key);
    }
    numbering_ = header_.numbering;
    const std::vector<Cut> cuts = TRY(find_cuts());
    auto cut = cuts.begin();
    for (uint64_t at = kBlockBytes; at + kFrameAlignment <= window_.end();) {
      while (cut != cuts.end() && cut->end <= at) ++cut;
      if (cut != cuts.end() && at >= cut->start) {
        at = cut->end;
        continue;
      }
      const uint64_t taken_bytes = TRY(take_frame(at));
      if (taken_bytes == 0) TRY(note_lost(at));
      at += std::max(taken_bytes, kFrameAlignment);
    }
    return SalvagedRecords{lost_bytes_, given_lsn()};
  }

 private:
  /// What an opening of the file cut: it is no part of the log, however whole it looks.
  struct Cut {
    uint64_t start = 0;
    uint64_t end = 0;
  };

  Result<std::vector<Cut>> find_cuts() {
    std::vector<Cut> cuts;
    for (uint64_t at = 2 * kBlockBytes; at < window_.end(); at += kBlockBytes) {
      const std::optional<Frame> frame = TRY(frame_at(at));
      if (!frame || frame->header.type != kReopeningType) continue;
      const Result<Reopening> reopening = decode_reopening(frame->payload);
      if (reopening.ok() && reopening->accepted.end < at) {
        cuts.push_back({reopening->accepted.end, at});
      }
    }
    return cuts;
  }

  /// A frame's header, whatever follows it.
  Result<std::optional<FrameHeader>> header_at(uint64_t at) {
    if (at + sizeof(FrameHeader) > window_.end()) return std::optional<FrameHeader>();
    const auto header = load<FrameHeader>(TRY(window_.view(at, sizeof(FrameHeader))).data());
    const bool is_one = is_sound(header, frame_seed(header_.segment, at));
    return is_one ? std::optional(header) : std::nullopt;
  }

  struct Frame {
    FrameHeader header;
    ByteView payload;
  };
  Result<std::optional<Frame>> frame_at(uint64_t at) {
    const std::optional<FrameHeader> header = TRY(header_at(at));
    if (!header) return std::optional<Frame>();
    const uint64_t bytes = frame_bytes(header->payload_bytes);
    if (bytes > window_.end() - at) return std::optional<Frame>();
    const ByteView padded = TRY(window_.view(at, bytes)).subspan(sizeof(FrameHeader));
    const uint32_t seed = frame_seed(header_.segment, at);
    if (header->payload_crc != crc32c(padded, seed)) return std::optional<Frame>();
    return std::optional(Frame{*header, padded.first(header->payload_bytes)});
  }

  /// A frame, or its header alone, says which LSNs were given out before it and in it. What is not
  /// the source's own, or beyond all reason, says nothing.
  void note_given(Lsn lsn, uint64_t end) {
    proven_end_ = std::max(proven_end_, end);
    unread_ = {};
    lost_records_ = 0;
    const bool is_own = end_lsn_ == 0 || lsn < end_lsn_;
    if (is_own && lsn < kLsnMax) proven_lsn_ = std::max(proven_lsn_, lsn);
  }

  Status note_lost(uint64_t at) {
    const ByteView word = TRY(window_.view(at, kFrameAlignment));
    if (load<uint64_t>(word.data()) == 0) return ok();
    lost_bytes_ += kFrameAlignment;
    if (const std::optional<FrameHeader> header = TRY(header_at(at))) {
      note_given(header->lsn, at + frame_bytes(header->payload_bytes));
      // With the payload of a sealed one it is lost how many records were in it.
      if (header->type == kSealedType) lost_records_ = records_max(header->payload_bytes);
    } else if (at >= proven_end_) {
      if (unread_.end == 0) unread_.start = at;
      unread_.end = at + kFrameAlignment;
    }
    return ok();
  }

  static uint64_t records_max(uint64_t bytes) {
    return std::max<uint64_t>(1, bytes / kRecordBytesMin);
  }

  Lsn given_lsn() const {
    if (end_lsn_ != 0) return proven_lsn_;  // whose base says more
    const bool is_known = unread_.end == 0 || is_older_content();
    const uint64_t unread = is_known ? 0 : records_max(unread_.end - unread_.start);
    return proven_lsn_ + lost_records_ + unread;
  }

  /// Whether what is left unread is certainly of an older segment in the same file (format.h).
  bool is_older_content() const {
    if (header_.recycled_bytes == 0 || unread_.end > header_.recycled_bytes) return false;
    const bool is_newborn = proven_end_ == header_.birth_end;
    return proven_end_ == quiet_end_ ||
           (is_newborn && unread_.start >= header_.birth_end + kBlockBytes);
  }

  /// Bytes of the whole frame at the offset; 0: there is none.
  Result<uint64_t> take_frame(uint64_t at) {
    const std::optional<Frame> frame = TRY(frame_at(at));
    if (!frame) return uint64_t{0};
    const auto& [header, payload] = *frame;
    const uint64_t bytes = frame_bytes(header.payload_bytes);
    note_given(header.lsn, at + bytes);
    const bool confirms_itself = header.type == kMarkType && payload.size() == sizeof(at) &&
                                 load<uint64_t>(payload.data()) == at;
    if (confirms_itself) quiet_end_ = closed_end(at + bytes);
    if (header.type == kSealedType) {
      TRY(take_sealed({at, header.lsn}, payload));
    } else if (header.type == kReopeningType) {
      TRY(follow(at, payload));
    } else if (!is_own_type(header.type)) {
      TRY(take_record({header.lsn, header.type, header.vshard, header.tenant, payload}));
    }
    return bytes;
  }

  Status take_sealed(SealPlace place, ByteView payload) {
    const SealedHeader header = TRY(decode_sealed_header(payload));
    note_given(header.last_lsn, 0);
    const Result<ByteView> plain =
        sealer_ != nullptr ? sealer_->open(place, payload)
                           : Error(Code::kCorrupt, Reason::kWrongKey, "sealed with a lost key");
    if (!plain.ok()) {
      lost_bytes_ += payload.size();
      return ok();
    }
    InnerRecords records(header, numbering_, place.lsn, *plain);
    while (!records.at_end()) {
      const auto record = records.next();
      if (!record.ok()) return ok();
      if (is_own_type(record->type)) continue;
      TRY(take_record(
          {record->lsn, record->type, record->vshard, record->tenant, record->payload}));
    }
    return ok();
  }

  Status follow(uint64_t at, ByteView payload) {
    const Result<Reopening> reopening = decode_reopening(payload);
    if (!reopening.ok()) return ok();
    note_given(reopening->base_lsn - 1, 0);
    numbering_ = reopening->numbering;
    sealer_.reset();
    if (reopening->key.id == 0) return ok();
    const auto data_key = unwrap_data_key(keys_, {header_.segment, at}, *reopening);
    if (!data_key.ok() && data_key.error().code() == Code::kInvalid) return data_key.error();
    if (data_key.ok()) sealer_ = std::make_unique<Sealer>(header_.segment, *data_key);
    return ok();
  }

  Status take_record(const LogFrame& record) {
    const Numbering order = numbering_ == Numbering::kAny ? Numbering::kAny : Numbering::kRising;
    const bool is_own = end_lsn_ == 0 || record.lsn < end_lsn_;
    if (!is_own || !continues(order, last_lsn_, record.lsn)) {
      lost_bytes_ += frame_bytes(record.payload.size());
      return ok();
    }
    last_lsn_ = std::max(last_lsn_, record.lsn);
    return take_(record);
  }

  FileWindow window_;
  const std::string name_;
  const SegmentHeader header_;
  const Lsn end_lsn_;
  const KeyRing* const keys_;
  Lsn& last_lsn_;
  const RecordTaker& take_;
  Numbering numbering_ = Numbering::kLog;
  std::unique_ptr<Sealer> sealer_;
  uint64_t lost_bytes_ = 0;
  Lsn proven_lsn_;             ///< was given out, and all below it
  uint64_t proven_end_ = 0;    ///< behind the last frame, or header of a frame, that says so
  uint64_t quiet_end_ = 0;     ///< of the pad behind the last mark that confirms its own offset
  uint64_t lost_records_ = 0;  ///< at most, in the sealed frame that ends there
  /// From the first to the last byte behind proven_end_ that is not zero. End 0: there is none.
  Cut unread_{};
};

/// What is known of each segment: a header that cannot be read is told by its successor and its
/// name, but for its key.
Result<std::vector<SegmentHeader>> known_headers(Disk& disk,
                                                 const std::vector<std::string>& names) {
  std::vector<SegmentHeader> headers(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const Result<SegmentHeader> header = read_segment_header(disk, names[i]);
    if (!header.ok() && header.error().code() != Code::kCorrupt) return header.error();
    headers[i].base_lsn = parse_segment_name(names[i]).value_or(1);
    if (!header.ok()) continue;
    headers[i] = *header;
    if (i > 0 && headers[i - 1].segment.is_zero()) headers[i - 1].segment = header->predecessor;
  }
  return headers;
}

RecordView view_of(const LogFrame& frame) {
  return {.type = frame.type,
          .vshard = frame.vshard,
          .tenant = frame.tenant,
          .head = frame.payload,
          .lsn = frame.lsn};
}

/// A log that gets records with gaps: each gap is declared by the header of a new opening.
class NewLog {
 public:
  NewLog(Runtime& runtime, Disk& disk, std::shared_ptr<const KeyRing> keys, WalSalvage& salvage)
      : runtime_(runtime), disk_(disk), keys_(std::move(keys)), salvage_(salvage) {}

  Status open_at(Lsn lsn) {
    if (log_ != nullptr) {
      ++salvage_.gaps;
      TRY(log_->close());
      log_.reset();
    }
    log_ = TRY(Log::open(runtime_, disk_, {.lsn_floor = lsn - 1, .keys = keys_}));
    salvage_.next_lsn = lsn;
    return ok();
  }
  Status take(const LogFrame& frame) {
    if (frame.lsn != salvage_.next_lsn) TRY(open_at(frame.lsn));
    RecordView record = view_of(frame);
    record.lsn = 0;
    TRY(log_->append({&record, 1}));
    ++salvage_.records;
    ++salvage_.next_lsn;
    return log_->wants_roll() ? log_->roll({}) : ok();
  }
  /// The next record will be above `given_lsn`.
  Status finish(Lsn given_lsn) {
    if (given_lsn >= salvage_.next_lsn) TRY(open_at(given_lsn + 1));
    return log_->close();
  }

 private:
  Runtime& runtime_;
  Disk& disk_;
  const std::shared_ptr<const KeyRing> keys_;
  WalSalvage& salvage_;
  std::unique_ptr<Log> log_;
};

}  // namespace

Result<SalvagedRecords> salvage_records(SalvageSource source, const KeyRing* keys, Lsn& last_lsn,
                                        const RecordTaker& take) {
  uint64_t end = TRY(source.file->size());
  if (source.accepted_end != 0) end = std::min(end, source.accepted_end);
  return Salvage(std::move(source), end, keys, last_lsn, take).run();
}

Result<Salvaged> salvage_log(Runtime& runtime, Disk& from, Disk& to,
                             const std::shared_ptr<const KeyRing>& keys) {
  std::unique_ptr<DiskLock> lock = TRY(Log::lock(from));
  const std::vector<std::string> names = TRY(list_segments(from));
  const std::vector<SegmentHeader> headers = TRY(known_headers(from, names));
  WalSalvage salvage;
  NewLog log(runtime, to, keys, salvage);
  const bool has_base = !headers.empty() && headers.front().base_lsn < kLsnMax;
  TRY(log.open_at(has_base ? headers.front().base_lsn : 1));
  Lsn last_lsn = 0;
  Lsn given_lsn = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool has_next = i + 1 < names.size() && !headers[i].segment.is_zero() &&
                          headers[i + 1].predecessor == headers[i].segment;
    MendedSegment mended = TRY(open_mended(from, names[i], kSideFileName));
    SalvageSource source{std::move(mended.file), names[i], headers[i],
                         has_next ? headers[i + 1].accepted.end : 0};
    // Where the next header is lost, its name still tells the LSNs that were cut here.
    if (i + 1 < names.size()) source.end_lsn = headers[i + 1].base_lsn;
    const auto take = [&](const LogFrame& frame) { return log.take(frame); };
    const SalvagedRecords found =
        TRY(salvage_records(std::move(source), keys.get(), last_lsn, take));
    salvage.lost_bytes += found.lost_bytes;
    given_lsn = std::max(given_lsn, found.given_lsn);
  }
  TRY(log.finish(given_lsn));
  return Salvaged{salvage, std::move(lock)};
}

Result<Salvaged> salvage_file(Runtime& runtime, Disk& disk, const std::string& from,
                              const std::string& to, const std::shared_ptr<const KeyRing>& keys) {
  std::unique_ptr<DiskLock> lock = TRY(disk.lock(from + ".lock"));
  std::unique_ptr<File> locked = TRY(disk.open(from, OpenMode::kReadWrite));
  TRY(locked->lock());
  std::unique_ptr<File> file = std::move(TRY(open_mended(disk, from, side_file_name(from))).file);
  std::vector<std::byte> block(kBlockBytes);
  const size_t got_bytes = TRY(file->read_at(0, block));
  const SegmentHeader header = TRY(decode_segment_header(ByteView(block).first(got_bytes), from));
  // A reopening may have said that callers number in any order; later ones may say otherwise.
  const bool is_callers = header.numbering != Numbering::kLog;
  const SingleFileOptions options{{.keys = keys}, is_callers ? Numbering::kAny : Numbering::kLog};
  const std::unique_ptr<SingleFile> log =
      TRY(SingleFile::create(runtime, disk, to, header.base_lsn, options));
  WalSalvage salvage;
  const auto skip_to = [&](Lsn lsn) -> Status {
    if (is_callers || lsn <= log->next_lsn()) return ok();
    ++salvage.gaps;
    return log->skip_to(lsn);
  };
  const auto take = [&](const LogFrame& frame) -> Status {
    TRY(skip_to(frame.lsn));
    const RecordView record = view_of(frame);
    TRY(log->append({&record, 1}));
    ++salvage.records;
    return ok();
  };
  Lsn last_lsn = header.base_lsn - 1;
  const SalvagedRecords found = TRY(salvage_records(
      {.file = std::move(file), .name = from, .header = header, .is_single_file = true}, keys.get(),
      last_lsn, take));
  salvage.lost_bytes = found.lost_bytes;
  TRY(skip_to(found.given_lsn + 1));
  TRY(log->close());
  if (!is_callers) salvage.next_lsn = log->next_lsn();
  return Salvaged{salvage, std::move(lock), std::move(locked)};
}

}  // namespace sluice::wal
