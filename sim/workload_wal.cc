#include "sim/workload_wal.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "sim/world_faults.h"

namespace sluice::sim {
namespace {

constexpr uint32_t kTriesMax = 3;
constexpr std::string_view kNoArchive = "the archive is not there";
constexpr Nanos kSettling = 60 * kSecond;  ///< what was refused is tried again by then
constexpr uint32_t kErrandRunners = 2;

WalEncryptionKey key_of(uint64_t id) {
  std::vector<std::byte> bytes(WalEncryptionKey::kBytes, std::byte{static_cast<uint8_t>(id)});
  return WalEncryptionKey::from_bytes(bytes).value();
}

std::string to_string(const FoundRecord& record) {
  return "record " + std::to_string(record.number) + " at LSN " + std::to_string(record.lsn);
}

}  // namespace

WalShape draw_wal_shape(Random& random) {
  WalShape shape;
  shape.seals = random.chance(400);
  shape.archives = random.chance(400);
  const bool shares = !shape.seals && random.chance(500);
  if (shares) shape.torn_writes = TornWrites::kDoubleWrite;
  return shape;
}

Result<std::vector<FoundRecord>> read_records(WalReader& reader, Findings& findings) {
  std::vector<FoundRecord> found;
  while (const std::optional<WalFrame> frame = TRY(reader.next())) {
    const std::optional<uint64_t> number = number_of(*frame);
    if (!number) findings.violate("LSN " + std::to_string(frame->lsn) + " holds other bytes");
    found.push_back({frame->lsn, number.value_or(0)});
  }
  return found;
}

/// Of both keys: `current` seals. Null for 0.
std::shared_ptr<const KeyRing> WalStage::ring(uint64_t current) const {
  if (current == 0) return nullptr;
  KeyRing ring = KeyRing::make(static_cast<uint32_t>(current), key_of(current)).value();
  const Status added = ring.add(static_cast<uint32_t>(3 - current), key_of(3 - current));
  if (!added.ok()) findings_.violate("no ring: " + added.error().to_string());
  return std::make_shared<const KeyRing>(std::move(ring));
}

SegmentedWalOptions WalStage::draw_options() {
  SegmentedWalOptions options;
  options.segment_bytes = pick(random_, {6 << 10, 16 << 10, 64 << 10});
  options.spares_max = static_cast<uint32_t>(random_.below(3));
  if (shape_.seals) options.keys = ring(1 + random_.below(2));
  options.zeros_ahead = random_.chance(300);
  if (random_.chance(700)) options.torn_writes = shape_.torn_writes;
  if (was_closed_ && !faults_) options.repair = RepairPolicy::kStrict;
  if (!shape_.archives) return options;
  options.archive = [this](const WalSegment& segment, File& file) {
    return archive(segment, file);
  };
  retention_ = {};
  if (retains_all_) return options;
  if (random_.chance(400)) retention_.bytes_max = pick(random_, {1, 20'000, 100'000});
  if (random_.chance(300)) retention_.age_max = pick(random_, {kMillisecond * 20, kSecond});
  options.retention = retention_;
  return options;
}

bool WalStage::judge(const char* call, const Status& answer) {
  if (answer.ok()) return true;
  const Error& error = answer.error();
  findings_.note(std::string(call) + ": " + error.to_string());
  poisoned_ = poisoned_ || error.code() == Code::kPoisoned;
  const bool is_of_disk =
      error.code() == Code::kPoisoned || error.code() == Code::kFull || error.code() == Code::kIo;
  const bool is_of_close = closing_ && error.reason() == Reason::kClosed;
  const bool is_of_archive = error.code() == Code::kBusy && error.message() == kNoArchive;
  if (!is_of_close && !is_of_archive && !(is_of_disk && faults_)) {
    findings_.violate(std::string(call) + " fails: " + error.to_string());
  }
  return false;
}

bool WalStage::open(const DiskFaults& faults, bool may_fail) {
  faults_ = may_fail;
  poisoned_ = closing_ = recovered_ = false;
  archives_ = random_.fork();
  shown_.clear();
  for (uint32_t tries = 0; tries < kTriesMax && !log_; ++tries) {
    Result<std::unique_ptr<SegmentedWal>> opened =
        SegmentedWal::open(runtime_, disk_, draw_options());
    if (opened.ok()) log_ = std::move(*opened);
    if (!opened.ok()) judge("open", opened.error());
    if (findings_.violation) return false;
  }
  if (!log_) return false;
  // What a recovery shows is read without trouble.
  disk_.set_faults({});
  recover();
  disk_.set_faults(faults);
  recovered_ = true;
  was_closed_ = false;
  return !findings_.violation;
}

void WalStage::recover() {
  Result<std::unique_ptr<WalReader>> reader = log_->read({});
  if (!reader.ok()) return findings_.violate("no reader: " + reader.error().to_string());
  Result<std::vector<FoundRecord>> found = read_records(**reader, findings_);
  if (!found.ok() && faults_ && found.error().code() == Code::kIo) {
    disk_.set_faults({});  // a spell began meanwhile
    return recover();
  }
  if (!found.ok()) return findings_.violate("recovered, but " + found.error().to_string());
  found_ = std::move(*found);
  findings_.note("recovered " + std::to_string(found_.size()) + " records up to LSN " +
                 std::to_string(log_->durable_lsn()));
  check(ledger_.recover(found_, log_->durable_lsn()));
  if (log_->next_lsn() != log_->durable_lsn() + 1) findings_.violate("LSNs are left out");
}

void WalStage::work(const WalPlan& plan) {
  plan_ = plan;
  Random random(plan.seed);
  GroupCommitOptions options;
  if (random.chance(200)) options.delay = kMillisecond;
  options.group_bytes_max = pick(random, {500, 20'000, 1 << 20});
  GroupCommitter committer(runtime_, *log_, options);
  std::vector<std::unique_ptr<Thread>> threads;
  const auto start = [&](const char* name, auto body) {
    threads.push_back(runtime_.spawn(name, [&, body, own = random.fork()] { body(own); }));
  };
  working_ = plan.writers + kErrandRunners;
  for (uint32_t i = 0; i < plan.writers; ++i) {
    start("writer", [&](Random own) {
      write(own, committer);
      --working_;
    });
  }
  for (uint32_t i = 0; i < kErrandRunners; ++i) {
    start("errands", [&](Random own) {
      run_errands(own, plan_.errands / kErrandRunners);
      --working_;
    });
  }
  if (plan.follows) {
    start("tail", [&](Random own) {
      Tail tail;
      follow(own, tail);
    });
    start("outside", [&](Random own) { follow(own, outside_); });
  }
  for (const auto& thread : threads) thread->join();
  if (is_over()) return;
  check(ledger_.acknowledge_upto(log_->durable_lsn()));
  if (!closing_) check_retention();
}

/// Nobody uses the log any more, and all the time that it takes is given.
void WalStage::check_retention() {
  if (retention_.bytes_max == 0 && retention_.age_max == 0) return;
  settles_ = true;
  runtime_.sleep_until(runtime_.now() + retention_.age_max + kSettling);
  settles_ = false;
  if (!judge("retention", log_->retention()) || faults_) return;
  std::vector<WalSegment> segments = log_->list_segments();
  segments.pop_back();  // the active one stays
  uint64_t bytes = 0;
  for (const WalSegment& segment : segments) bytes += segment.bytes;
  const bool is_much = retention_.bytes_max > 0 && bytes > retention_.bytes_max;
  const bool is_old = retention_.age_max > 0 && !segments.empty();
  if (is_much || is_old) findings_.violate("what is not retained is still there");
}

void WalStage::end(bool closes) {
  if (closes && !closing_ && !is_over()) close();
  log_.reset();
}

void WalStage::pause(Random& random) const {
  if (random.chance(400))
    runtime_.sleep_until(runtime_.now() + static_cast<Nanos>(random.below(5)) * kMillisecond);
}

void WalStage::write(Random random, GroupCommitter& committer) {
  for (uint32_t step = 0; step < plan_.steps && !is_over() && !closing_; ++step) {
    const uint64_t kind = random.below(10);
    if (kind < 5) {
      append(random, random.chance(300) ? 1 + static_cast<uint32_t>(random.below(4)) : 1);
    } else {
      const bool shares = kind < 9;
      std::vector<WalSample> samples;
      std::vector<WalRecord> records;
      const uint64_t count = shares ? 1 : 1 + random.below(5);
      const uint64_t number = ledger_.send(count);
      for (uint64_t i = 0; i < count; ++i) samples.emplace_back(number + i);
      for (const WalSample& sample : samples) records.push_back(sample.record());
      commit(samples, number, shares ? committer.submit(records[0]) : log_->commit(records));
    }
    pause(random);
  }
}

/// The answer of a commit of these records.
void WalStage::commit(const std::vector<WalSample>& samples, uint64_t first_number,
                      const Result<Lsn>& answer) {
  for (uint64_t i = 0; i < samples.size(); ++i) {
    const uint64_t number = first_number + i;
    if (answer.ok()) {
      check(ledger_.acknowledge({*answer + i, number}));
    } else if (answer.error().code() != Code::kPoisoned) {
      check(ledger_.refuse(number));
    }
  }
  if (!answer.ok()) {
    judge("commit", answer.error());
  } else if (log_->durable_lsn() < *answer + samples.size() - 1) {
    findings_.violate("committed, but not durable");
  }
}

/// Appends, and perhaps sees to it that it is durable.
void WalStage::append(Random& random, uint32_t count) {
  std::vector<WalSample> samples;
  std::vector<WalRecord> records;
  const uint64_t number = ledger_.send(count);
  for (uint32_t i = 0; i < count; ++i) samples.emplace_back(number + i);
  for (const WalSample& sample : samples) records.push_back(sample.record());
  const Result<Lsn> lsn = log_->append(records);
  for (uint32_t i = 0; i < count; ++i) {
    if (lsn.ok()) check(ledger_.append({*lsn + i, number + i}));
    const bool is_refused = !lsn.ok() && lsn.error().code() != Code::kPoisoned;
    if (is_refused) check(ledger_.refuse(number + i));
  }
  if (!lsn.ok()) {
    judge("append", lsn.error());
    return;
  }
  const Lsn last_lsn = *lsn + count - 1;
  const uint64_t kind = random.below(3);
  const Status durable = kind == 0 ? ok() : kind == 1 ? log_->sync() : log_->wait_durable(last_lsn);
  if (kind == 0 || !judge(kind == 1 ? "sync" : "wait", durable)) return;
  if (log_->durable_lsn() < last_lsn) findings_.violate("waited, but not durable");
  for (uint32_t i = 0; i < count; ++i) check(ledger_.acknowledge({*lsn + i, number + i}));
}

void WalStage::run_errands(Random random, uint32_t errands) {
  for (uint32_t errand = 0; errand < errands && !is_over() && !closing_; ++errand) {
    runtime_.sleep_until(runtime_.now() + static_cast<Nanos>(random.below(20)) * kMillisecond);
    switch (random.below(4)) {
      case 0:
        judge("roll", log_->roll());
        break;
      case 1:
        truncate(random);
        break;
      case 2:
        if (shape_.seals) judge("set_keys", log_->set_keys(ring(random.below(3))));
        break;
      default:
        check(ledger_.acknowledge_upto(log_->durable_lsn()));
    }
  }
  if (plan_.closes && !is_over() && !closing_) close();
}

void WalStage::truncate(Random& random) {
  const Lsn lsn = 1 + random.below(log_->durable_lsn() + 2);
  if (!shape_.archives) ledger_.truncate(lsn);
  const Result<WalTruncation> truncated = log_->truncate_before(lsn);
  if (!truncated.ok()) {
    judge("truncate", truncated.error());
    return;
  }
  const Lsn first_lsn = log_->list_segments().front().first_lsn;
  ledger_.forget(first_lsn);
  if (shape_.archives && first_lsn > ledger_.archived_upto() + 1) {
    findings_.violate("a segment went that the archive did not take");
  }
}

Status WalStage::archive(const WalSegment& segment, File& file) {
  // What a recovery shows is read before anything may go.
  const bool refuses = !recovered_ || (!settles_ && archives_.chance(100));
  if (refuses) return Error(Code::kBusy, std::string(kNoArchive));
  if (!settles_ && archives_.chance(100)) {
    runtime_.sleep_until(runtime_.now() + static_cast<Nanos>(archives_.below(2000)) * kMillisecond);
  }
  std::vector<std::byte> bytes(segment.bytes);
  if (TRY(file.read_at(0, bytes)) != bytes.size()) {
    findings_.violate("the archive is shown too short a " + segment.name);
  }
  const bool is_new = shown_.insert(segment.name).second;
  if (!is_new && !faults_) findings_.violate("the archive is shown twice " + segment.name);
  check(ledger_.archive(segment, std::move(bytes)));
  ledger_.truncate(segment.last_lsn + 1);
  return ok();
}

void WalStage::follow(Random random, Tail& tail) {
  for (bool ends = false; !ends && !findings_.violation;) {
    ends = working_ == 0;
    tail.durable_lsn = log_->durable_lsn();
    if (tail.reader != nullptr) {
      tail.reader->reset();
    } else {
      tail.next_lsn = std::max(tail.next_lsn, ledger_.first_needed());
      const WalReadOptions options{.from = tail.next_lsn};
      Result<std::unique_ptr<WalReader>> reader =
          tail.from_outside ? open_wal_reader(disk_, shape_.seals ? ring(1) : nullptr, options)
                            : log_->read(options);
      if (reader.ok()) tail.reader = std::move(*reader);
      if (!reader.ok()) judge("reader", reader.error());
    }
    if (tail.reader != nullptr) drain(tail);
    runtime_.sleep_until(runtime_.now() + static_cast<Nanos>(1 + random.below(4)) * kMillisecond);
  }
}

void WalStage::drain(Tail& tail) {
  for (;;) {
    const Result<std::optional<WalFrame>> frame = tail.reader->next();
    if (!frame.ok()) {
      const Error& error = frame.error();
      tail.reader.reset();
      const bool is_trimmed =
          error.code() == Code::kNotFound && tail.next_lsn < ledger_.first_needed();
      // Of what it showed before that was durable, a failed append may have been taken back.
      const bool is_taken_back = tail.from_outside && faults_ && error.reason() == Reason::kForked;
      if (is_taken_back) tail.next_lsn = 0;
      if (!is_trimmed && !is_taken_back) judge("tail", error);
      return;
    }
    if (!frame->has_value()) {
      const bool is_short = tail.next_lsn <= tail.durable_lsn;
      if (!is_short || tail.next_lsn < ledger_.first_needed()) return;
      return findings_.violate("the tail ends before LSN " + std::to_string(tail.next_lsn));
    }
    const std::optional<uint64_t> number = number_of(**frame);
    const FoundRecord record{(*frame)->lsn, number.value_or(0)};
    if (!number) return findings_.violate("the tail shows other bytes at " + to_string(record));
    if (record.lsn != tail.next_lsn && record.lsn > ledger_.first_needed()) {
      return findings_.violate("the tail leaves LSN " + std::to_string(tail.next_lsn) + " out");
    }
    tail.next_lsn = record.lsn + 1;
    if (tail.from_outside) continue;
    if (record.lsn > log_->durable_lsn()) findings_.violate("the tail shows what is not durable");
    check(ledger_.acknowledge(record));
  }
}

void WalStage::close() {
  closing_ = true;
  const Status closed = log_->close();
  const bool goes_on = !closed.ok() && closed.error().code() == Code::kFull;
  if (judge("close", closed)) check(ledger_.acknowledge_upto(UINT64_MAX));
  closing_ = !goes_on;
  was_closed_ = closed.ok();
}

/// Everything that the archive took can be read there.
void WalStage::check_archive() {
  if (!shape_.archives) return;
  SimDisk disk(runtime_);
  for (const auto& [name, bytes] : ledger_.archived()) {
    const auto file = disk.create(name);
    if (!file.ok() || !(*file)->pwrite_at(0, *bytes).ok()) return findings_.violate("no archive");
    if (!(*file)->sync().ok()) return findings_.violate("no archive");
  }
  Result<std::unique_ptr<WalReader>> reader =
      open_wal_reader(disk, shape_.seals ? ring(1) : nullptr, {});
  if (!reader.ok()) return findings_.violate("archive: " + reader.error().to_string());
  const Result<std::vector<FoundRecord>> found = read_records(**reader, findings_);
  if (!found.ok()) return findings_.violate("archive: " + found.error().to_string());
  check(ledger_.check_archive(*found));
}

}  // namespace sluice::sim
