// A log, damaged or not, that all who look at it must see alike: readers with and without headers
// first, filtered, from an LSN on, page by page, check_wal(), and the openings under each policy.
// They agree on the records, on the place and the kind of damage, and an opening that mends shows
// the same records ever after.
//
// Input: a byte of options, one of what is tried, a recipe; or, if its highest bit is set, one file
// of the log, whose checksums are made right first.
#include <algorithm>
#include <optional>

#include "base/check.h"
#include "fuzz/log_recipe_fixture.h"
#include "fuzz/memory_disk_fixture.h"
#include "fuzz/target.h"
#include "sluice/wal.h"
#include "wal/check.h"
#include "wal/single_file_fixture.h"
#include "wal/wal_reader_fixture.h"

namespace {

using namespace sluice;
using namespace sluice::wal;

constexpr size_t kStepsMax = 200;
constexpr size_t kLogBytesMax = 512 << 10;
constexpr size_t kSegmentsMax = 3;
constexpr RepairPolicy kPolicies[] = {RepairPolicy::kTruncatePartial, RepairPolicy::kStrict,
                                      RepairPolicy::kTruncateUnsynced};

enum Option : uint8_t {
  kInFile = 1,
  kEncrypted = 2,
  kCallers = 4,  ///< number the records, in a file
  kRecycled = 8,
  kHighLsns = 16,
  kRaw = 128,
};

/// What a reader makes of a log.
struct Reading {
  std::vector<TestRecord> records;
  std::optional<Error> error;
};

bool is_same(const std::optional<Error>& left, const std::optional<Error>& right) {
  if (!left || !right) return left.has_value() == right.has_value();
  return left->code() == right->code() && left->reason() == right->reason() &&
         left->found() == right->found();
}

bool is_prefix(const std::vector<TestRecord>& part, const std::vector<TestRecord>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

class FuzzedLog {
 public:
  explicit FuzzedLog(ByteView input)
      : choices_(input),
        options_(choices_.fixed<uint8_t>()),
        aspect_(choices_.fixed<uint8_t>()),
        keys_(is(kEncrypted) ? test_ring(1, 9) : nullptr) {}

  /// False: the log would be too large, or has no name.
  bool make() {
    if (is(kRaw)) return make_raw();
    std::vector<SegmentDraft> drafts;
    drafts.emplace_back(first_header(), keys_.get());
    uint64_t bytes = 0;
    for (size_t step = 0; step < kStepsMax && !choices_.at_end(); ++step) {
      follow(drafts);
      if (bytes + drafts.back().bytes().size() > kLogBytesMax) return false;
    }
    for (const SegmentDraft& draft : drafts) {
      const std::string name = is(kInFile) ? kFile : segment_name(draft.header().base_lsn);
      disk_.add(name, draft.bytes());
    }
    segments_ = drafts.size();
    return true;
  }

  void check() {
    const Reading whole = read({});
    check_strictness(whole);
    check_headers(whole);
    check_filter(whole);
    if (!whole.error) check_pages(whole);
    check_report(whole);
    is(kInFile) ? check_file_opening(whole) : check_opening(whole);
  }

 private:
  bool is(Option option) const { return (options_ & option) != 0; }
  RepairPolicy policy() const { return kPolicies[aspect_ % (is(kInFile) ? 3 : 2)]; }

  SegmentHeader first_header() const {
    SegmentHeader header;
    header.log = LogId::parse("00000000000000000000000000000001").value();
    header.opening = OpeningId::parse("00000000000000000000000000000002").value();
    header.segment = SegmentId::parse("000102030405060708090a0b0c0d0e0f").value();
    header.base_lsn = is(kHighLsns) ? kLsnMax - 4 : 5;
    if (is(kRecycled) && !is(kInFile)) header.recycled_bytes = 5 * kBlockBytes;
    if (is(kCallers) && is(kInFile)) header.numbering = Numbering::kRising;
    return header;
  }

  bool make_raw() {
    const ByteView rest = choices_.raw(choices_.remaining());
    std::vector<std::byte> bytes(rest.begin(), rest.end());
    mend_segment(bytes);
    const auto block = ByteView(bytes).first(std::min<size_t>(bytes.size(), kBlockBytes));
    const auto header = decode_segment_header(block, "");
    if (!header.ok() || (is(kInFile) && header->recycled_bytes > 0)) return false;
    disk_.add(is(kInFile) ? kFile : segment_name(header->base_lsn), std::move(bytes));
    segments_ = 1;
    return true;
  }

  /// One step of the recipe.
  void follow(std::vector<SegmentDraft>& drafts) {
    SegmentDraft& draft = drafts.back();
    const auto step = choices_.fixed<uint8_t>();
    const auto detail = choices_.fixed<uint8_t>();
    switch (step % 16) {
      case 0:
        return draft.add_record(record(detail), draft.last_lsn() + 1);
      case 1:
        return draft.add_record(record(detail), draft.last_lsn() + detail % 4);
      case 2:
        return draft.add_mark(draft.at());
      case 3:
        return draft.add_mark(std::min(draft.at(), draft.start(detail)));
      case 4:
        return draft.add_pad();
      case 5:
        return draft.add_block(detail % 8, record(detail));
      case 6:
        return reopen(draft, detail);
      case 7:
        return draft.put(std::vector<std::byte>(detail * 64));
      case 8:
        return draft.put(std::vector<std::byte>(detail, std::byte{0x5a}));
      case 9:
        return draft.go_back(detail % 8);
      case 10:
        return draft.cut(choices_.fixed<uint16_t>());
      case 11:
        return draft.damage(choices_.fixed<uint16_t>(), detail);
      case 12:
        return add_large(draft, detail);
      case 13:
        return add_segment(drafts, detail);
      case 14:
        return add_own(draft, detail);
      default:
        return draft.put(std::vector<std::byte>(closed_end(draft.at()) - draft.at()));
    }
  }

  /// Of one of four types, one of them required, with a payload that tells records apart.
  RecordView record(uint8_t detail) {
    constexpr uint16_t kTypes[] = {16, 17, 90, 91 | kRequiredBit};
    payload_.assign(detail, std::byte{0x20});
    if (!payload_.empty()) payload_[0] = static_cast<std::byte>(++written_);
    return {.type = kTypes[detail % 4],
            .vshard = static_cast<uint16_t>(detail / 4 % 4),
            .tenant = detail / 16u,
            .head = payload_};
  }
  /// Large enough to be passed unread, or nearly.
  void add_large(SegmentDraft& draft, uint8_t detail) {
    RecordView large = record(detail);
    payload_.resize((60 << 10) + detail * 64);
    large.head = payload_;
    draft.add_record(large, draft.last_lsn() + 1);
  }
  /// Of the log's own, known or not.
  void add_own(SegmentDraft& draft, uint8_t detail) {
    if (detail % 4 == 0) return draft.add_checkpoint();
    const auto number = static_cast<uint16_t>(6 + detail % 10);
    const uint16_t required = detail >= 0xe0 ? kRequiredBit : 0;
    draft.add_record({.type = static_cast<uint16_t>(number | required)}, draft.last_lsn());
  }
  void reopen(SegmentDraft& draft, uint8_t detail) {
    Reopening reopening{.numbering = draft.header().numbering};
    if (is(kCallers) && (detail & 1) != 0) reopening.numbering = Numbering::kAny;
    reopening.base_lsn = draft.last_lsn() + 1 + ((detail & 2) != 0 ? 3 : 0);
    if (reopening.base_lsn >= kLsnMax) return;
    reopening.accepted.end = (detail & 4) != 0 ? draft.start(0) : draft.at();
    draft.add_reopening(reopening, (detail & 8) == 0);
  }
  void add_segment(std::vector<SegmentDraft>& drafts, uint8_t detail) {
    const SegmentDraft& last = drafts.back();
    SegmentHeader header = first_header();
    header.predecessor = last.header().segment;
    header.accepted = {align_up(last.at(), kFrameAlignment), last.last_lsn()};
    if ((detail & 1) != 0) header.accepted.end = last.start(0);
    header.base_lsn = last.last_lsn() + 1 + ((detail & 2) != 0 ? 3 : 0);
    std::array<std::byte, 16> id{};
    id[0] = static_cast<std::byte>(drafts.size());
    header.segment = SegmentId::from_bytes(id);
    const bool fits = header.base_lsn < kLsnMax && header.base_lsn > last.header().base_lsn &&
                      header.accepted.end > kBlockBytes;
    if (is(kInFile) || !fits || drafts.size() == kSegmentsMax) return;
    drafts.emplace_back(header, (detail & 4) != 0 ? nullptr : keys_.get());
  }

  Result<std::unique_ptr<WalReader>> open_reader(MemoryDisk& disk, WalReadOptions options) const {
    if (is(kInFile)) return open_wal_file_reader(disk, kFile, keys_, std::move(options));
    return open_wal_reader(disk, keys_, std::move(options));
  }
  Reading read(MemoryDisk& disk, WalReadOptions options) const {
    Reading reading;
    const auto reader = open_reader(disk, std::move(options));
    if (!reader.ok()) return {{}, reader.error()};
    for (;;) {
      const Result<std::optional<WalFrame>> frame = (*reader)->next();
      if (!frame.ok()) reading.error = frame.error();
      if (!frame.ok() || !*frame) break;
      reading.records.push_back(copy(**frame));
    }
    const auto after = (*reader)->next();  // it stays ended
    CHECK(reading.error ? !after.ok() && is_same(after.error(), reading.error)
                        : after.ok() && !*after);
    return reading;
  }
  Reading read(WalReadOptions options) { return read(disk_, std::move(options)); }

  Reading read_headers(bool with_payloads) {
    Reading reading;
    const auto reader = open_reader(disk_, {});
    if (!reader.ok()) return {{}, reader.error()};
    for (;;) {
      const Result<std::optional<WalFrameHeader>> header = (*reader)->next_header();
      if (!header.ok()) reading.error = header.error();
      if (!header.ok() || !*header) return reading;
      TestRecord record{(*header)->lsn, (*header)->type, (*header)->vshard, (*header)->tenant, {}};
      if (with_payloads) {
        const Result<ByteView> payload = (*reader)->payload();
        if (!payload.ok()) return {std::move(reading.records), payload.error()};
        CHECK(payload->size() == (*header)->payload_bytes);
        record.payload = as_text(*payload);
      }
      reading.records.push_back(std::move(record));
    }
  }

  void check_strictness(const Reading& whole) {
    const Reading strict = read({.repair = RepairPolicy::kStrict});
    CHECK(strict.records == whole.records);
    CHECK(whole.error ? is_same(strict.error, whole.error)
                      : !strict.error || strict.error->code() == Code::kCorrupt);
    torn_ = whole.error ? std::nullopt : strict.error;
  }

  /// Damage to a payload that nobody looks at is not found; any other is, where it is.
  void check_headers(const Reading& whole) {
    const Reading with_payloads = read_headers(true);
    CHECK(is_prefix(whole.records, with_payloads.records));
    CHECK(whole.error || (!with_payloads.error && with_payloads.records == whole.records));
    const Reading headers = read_headers(false);
    std::vector<TestRecord> expected = with_payloads.records;
    for (TestRecord& record : expected) record.payload.clear();
    CHECK(is_prefix(expected, headers.records));
    CHECK(whole.error || (!headers.error && headers.records == expected));
  }

  template <class Predicate>
  void check_part(const Reading& whole, const WalReadOptions& options, Predicate takes) {
    std::vector<TestRecord> expected;
    std::copy_if(whole.records.begin(), whole.records.end(), std::back_inserter(expected), takes);
    const Reading part = read(options);
    CHECK(is_prefix(expected, part.records));
    CHECK(whole.error || (!part.error && part.records == expected));
  }
  void check_filter(const Reading& whole) {
    if (aspect_ / 3 % 3 == 0) {
      check_part(whole, {.filter = {.tenants = {0, 3}}},
                 [](const TestRecord& r) { return r.tenant == 0 || r.tenant == 3; });
    } else if (aspect_ / 3 % 3 == 1) {
      const WalFilter filter{.types = {17, 91}, .vshards = {1, 3}};
      check_part(whole, {.filter = filter}, [](const TestRecord& r) {
        const int number = r.type & kTypeNumberMask;
        return (number == 17 || number == 91) && (r.vshard == 1 || r.vshard == 3);
      });
    } else if (!whole.records.empty()) {
      const Lsn middle = whole.records[whole.records.size() / 2].lsn;
      check_part(whole, {.from = middle}, [&](const TestRecord& r) { return r.lsn >= middle; });
    }
  }

  void check_pages(const Reading& whole) {
    const auto reader = open_reader(disk_, {.limit = 3});
    CHECK(reader.ok());
    std::vector<TestRecord> records;
    do {
      const auto page = rest_of(**reader);
      CHECK(page.ok() && page->size() <= 3);
      records.insert(records.end(), page->begin(), page->end());
      const auto more = (*reader)->has_more();
      CHECK(more.ok() && *more == (records.size() < whole.records.size()));
      (*reader)->reset();
    } while (records.size() < whole.records.size());
    CHECK(records == whole.records);
  }

  void check_report(const Reading& whole) {
    const WalCheckOptions options{.keys = keys_};
    TestRuntime runtime;
    const auto report =
        is(kInFile) ? check_file(disk_, kFile, options) : check_log(runtime, disk_, options);
    if (!report.ok()) {
      CHECK(segments_ > 1 ? whole.error.has_value() : is_same(report.error(), whole.error));
      return;
    }
    if (report->files.empty()) {  // an empty file is an empty log
      CHECK(!whole.error && whole.records.empty() && !torn_);
      return;
    }
    is_damaged_ = report->is_damaged();
    numbering_ = report->numbering;
    if (segments_ > 1) {
      CHECK(whole.error.has_value() == is_damaged_);
    } else if (is_damaged_ && !whole.error) {
      // A writer's mistake, no damage: no reader looks into checkpoints.
      CHECK(is(kRaw) && report->files[0].damage->reason() == Reason::kDecodeFailure);
      return;
    } else {
      CHECK(is_same(report->files[0].damage, whole.error));
    }
    if (segments_ == 1 || !whole.error) CHECK(report->records() == whole.records.size());
    if (whole.error) return;
    CHECK((report->torn_bytes() > 0) == torn_.has_value());
    if (torn_) CHECK(report->files.back().torn_reason == torn_->reason());
    torn_bytes_ = report->torn_bytes();
  }

  void check_repair(const WalRepair& repair) const {
    CHECK(repair.torn_bytes == torn_bytes_);
    CHECK(repair.reason == (torn_ ? torn_->reason() : Reason::kNone));
  }
  void check_again(MemoryDisk& disk, std::vector<TestRecord> records, const TestRecord& added) {
    if (added.lsn != 0) records.push_back(added);
    const Reading again = read(disk, {.repair = RepairPolicy::kStrict});
    CHECK(!again.error && again.records == records);
  }

  void check_file_opening(const Reading& whole) {
    if (is_damaged_ && !whole.error) return;
    MemoryDisk disk(disk_);
    TestRuntime runtime(7);
    const WalFileOptions options{.repair = policy(), .keys = keys_};
    numbering_ == Numbering::kLog ? open_file(runtime, disk, options, whole)
                                  : open_callers(runtime, disk, options, whole);
  }
  void open_file(TestRuntime& runtime, MemoryDisk& disk, const WalFileOptions& options,
                 const Reading& whole) {
    TestRecord added{.type = kWalTypeMin, .payload = "added"};
    {
      Result<WalWriter> log = WalWriter::open(runtime, disk, kFile, options);
      if (is_refused(log, whole, *options.repair)) return;
      check_repair(log->repair());
      const Result<Lsn> lsn = log->append({.head = as_bytes(added.payload)});
      CHECK(lsn.ok() || log->next_lsn() >= kLsnMax);
      added.lsn = lsn.ok() ? *lsn : 0;
      CHECK(log->close().ok());
    }
    check_again(disk, whole.records, added);
    CHECK(WalWriter::open(runtime, disk, kFile, {.keys = keys_}).ok());
  }
  void open_callers(TestRuntime& runtime, MemoryDisk& disk, const WalFileOptions& options,
                    const Reading& whole) {
    TestRecord added{.type = kWalTypeMin, .payload = "added"};
    {
      Result<WalFsWriter> log = WalFsWriter::open(runtime, disk, kFile, {options});
      const bool is_narrow = options.repair == RepairPolicy::kTruncatePartial && torn_;
      if (is_narrow && !log.ok() && is_same(log.error(), torn_)) return;
      if (is_refused(log, whole, *options.repair)) return;
      check_repair(log->repair());
      added.lsn = log->current_sequence() + 1;
      if (!log->append(added.lsn, as_bytes(added.payload)).ok()) {
        CHECK(added.lsn >= kLsnMax);
        added.lsn = 0;
      }
      CHECK(log->close().ok());
    }
    check_again(disk, whole.records, added);
    CHECK(WalFsWriter::open(runtime, disk, kFile, {.file = {.keys = keys_}}).ok());
  }
  template <class R>
  bool is_refused(const R& opened, const Reading& whole, RepairPolicy policy) const {
    const std::optional<Error>& expected =
        whole.error || policy != RepairPolicy::kStrict ? whole.error : torn_;
    CHECK(is_same(expected, opened.ok() ? std::nullopt : std::optional(opened.error())));
    return !opened.ok();
  }

  void check_opening(const Reading& whole) {
    if (is_damaged_ && !whole.error) return;
    // Of several segments an opening looks into the newest one's frames only.
    if (segments_ > 1 && whole.error) return;
    MemoryDisk disk(disk_);
    TestRuntime runtime(7);
    const SegmentedWalOptions options{
        .segment_bytes = kBlockBytes, .repair = policy(), .keys = keys_};
    TestRecord added{.type = kWalTypeMin, .payload = "added"};
    {
      const auto log = SegmentedWal::open(runtime, disk, options);
      if (!log.ok() && !whole.error && is_out_of_lsns(whole)) return;
      if (is_refused(log, whole, options.repair)) return;
      check_repair((*log)->repair());
      const Result<Lsn> lsn = (*log)->append({.head = as_bytes(added.payload)});
      CHECK(lsn.ok() || (*log)->next_lsn() >= kLsnMax - 1);
      added.lsn = lsn.ok() ? *lsn : 0;
      CHECK((*log)->close().ok());
    }
    check_again(disk, whole.records, added);
    CHECK(SegmentedWal::open(runtime, disk, options).ok() || added.lsn >= kLsnMax - 2);
  }
  static bool is_out_of_lsns(const Reading& whole) {
    return !whole.records.empty() && whole.records.back().lsn >= kLsnMax - 1;
  }

  ByteReader choices_;
  const uint8_t options_;
  const uint8_t aspect_;  ///< the policy of the opening, the filter
  const std::shared_ptr<const KeyRing> keys_;
  MemoryDisk disk_;
  size_t segments_ = 0;
  std::vector<std::byte> payload_;
  uint64_t written_ = 0;
  std::optional<Error> torn_;  ///< what a strict reader says of the end
  uint64_t torn_bytes_ = 0;
  bool is_damaged_ = false;
  Numbering numbering_ = Numbering::kLog;
};

std::string recipe(uint8_t options, std::initializer_list<uint8_t> steps) {
  return std::string({static_cast<char>(options), '\0'}).append(steps.begin(), steps.end());
}

/// What is in a file that a writer was killed with.
std::string real_file() {
  MemoryDisk disk;
  TestRuntime runtime;
  WalWriter log = WalWriter::create(runtime, disk, kFile, 5, {}).value();
  for (const std::string_view text : {"first", "second"}) {
    CHECK(log.append({.tenant = 3, .head = as_bytes(text)}).ok() && log.sync().ok());
  }
  std::vector<std::byte>& bytes = disk.bytes(kFile);
  while (bytes.back() == std::byte{0}) bytes.pop_back();  // written ahead
  return std::string({static_cast<char>(kRaw | kInFile), '\0'}).append(as_text(bytes));
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> made{real_file()};
  for (const int options : {0, +kInFile, +kEncrypted, kInFile | kEncrypted, kInFile | kCallers,
                            +kRecycled, +kHighLsns, kInFile | kHighLsns}) {
    const auto of = static_cast<uint8_t>(options);
    made.push_back(recipe(of, {0, 20, 0, 21, 2, 0, 4, 0, 0, 55, 5, 3, 2, 0, 4, 0}));
    made.push_back(recipe(of, {0, 20, 4, 0, 0, 37, 2, 0, 11, 16, 60, 0, 0, 90, 10, 0, 7, 0}));
    made.push_back(recipe(of, {0, 20, 6, 0, 0, 30, 4, 0, 6, 3, 0, 9, 13, 0, 0, 5, 4, 0, 13, 6}));
    made.push_back(recipe(of, {12, 20, 0, 1, 2, 0, 12, 99, 9, 2, 0, 7, 14, 0, 14, 9, 8, 9}));
  }
  return made;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedLog log(std::as_bytes(std::span(bytes, size)));
  if (size > 0 && size <= kLogBytesMax && log.make()) log.check();
  return 0;
}
