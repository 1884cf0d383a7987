// WalWriter and WalFsWriter keep what they promise, whatever happens to them.
#include "wal/wal_file_life.h"

#include <gtest/gtest.h>

#include "wal/single_file_fixture.h"

namespace sluice::wal {

WalFileLife::WalFileLife(uint64_t seed, Kind kind) : RandomLife(seed), kind_(kind) {
  keys_ = life_ring(dice_.below(3));
  if (kind == Kind::kWriter && dice_.below(3) == 0) start_lsn_ = 1 + dice_.below(1000);
  boot({});
  tell(std::string(kind == Kind::kWriter ? "WalWriter" : "WalFsWriter") + " from " +
       std::to_string(start_lsn_) + ", key " +
       (keys_ ? std::to_string(keys_->current_id()) : "none"));
}

Status WalFileLife::live() {
  TRY(open());
  for (uint64_t left = 4 + dice_.below(40); left > 0; --left) TRY(step());
  if (dice_.below(2) == 0) return ok();
  tell("close, the last step");
  first_operation_ = disk_->trace.size();
  const Status closed = close_log();
  if (closed.ok()) model_.acked = model_.history.size();
  is_closed_ = closed.ok();
  return judge(closed, {Code::kFull});
}

/// Without the best effort of a destructor.
DiskImage WalFileLife::end() {
  DiskImage image = disk_->image();
  tail_.reset();
  crash_in_.reset();
  writer_.reset();
  fs_writer_.reset();
  return image;
}

Status WalFileLife::step() {
  constexpr Choice<WalFileLife> kChoices[] = {
      {&WalFileLife::append, 16},   {&WalFileLife::append_wrong, 1}, {&WalFileLife::sync, 8},
      {&WalFileLife::seal, 1},      {&WalFileLife::turn_key, 1},     {&WalFileLife::read, 3},
      {&WalFileLife::tail, 3},      {&WalFileLife::close, 3},        {&WalFileLife::die, 3},
      {&WalFileLife::fail_some, 4}, {&WalFileLife::attach, 1},
  };
  risk_ = model_;
  begin_step();
  TRY(act(*this, kChoices, dice_));
  if (caught_) {
    model_ = risk_;
    is_clean_ = false;
    tell("... in the midst of that, after operation " + disk_->trace.back());
    return restart(*std::exchange(caught_, std::nullopt), draw_crash());
  }
  TRY(watch());
  return poisoned_ ? is_poisoned() : ok();
}

Lsn WalFileLife::highest() const {
  Lsn highest = start_lsn_ - 1;
  for (const Entry& entry : model_.history) highest = std::max(highest, entry.lsn);
  return highest;
}

/// What the log says of itself.
Status WalFileLife::watch() {
  if (!is_open()) return ok();
  if (!poisoned_ &&
      (writer_ ? writer_->current_lsn() : fs_writer_->current_sequence()) != highest()) {
    return violation("the current number is wrong");
  }
  if (!writer_) return ok();
  const Lsn durable = writer_->durable_lsn();
  const size_t count = durable - (start_lsn_ - 1);
  if (durable < start_lsn_ - 1 || count > model_.history.size()) {
    return violation("durable_lsn() is none of the log");
  }
  if (count < model_.acked) return violation("durable_lsn() fell");
  model_.acked = count;
  return ok();
}

Status WalFileLife::is_poisoned() {
  const Entry entry = source_.draw(dice_);
  for (int call = 0; call < 3; ++call) {
    Status answer = call == 0 ? sync_log() : ok();
    if (call == 1) answer = close_log();
    if (call == 2) {
      const Result<Lsn> lsn = put({entry});
      answer = lsn.ok() ? ok() : Status(lsn.error());
    }
    if (answer.ok() || answer.error().code() != Code::kPoisoned) {
      return violation("a poisoned log does something");
    }
  }
  return die();
}

Lsn WalFileLife::next_number() {
  const Lsn above = highest() + 1;
  if (kind_ == Kind::kWriter) return above;
  if (rule_ == SequenceRule::kAny) return 1 + dice_.below(50);
  return above + (dice_.below(3) == 0 ? dice_.below(1000) : 0);
}

Result<Lsn> WalFileLife::put(const Entries& batch) {
  if (writer_) return writer_->append(records_of(batch));
  TRY(fs_writer_->append(batch[0].lsn, as_bytes(*batch[0].payload)));
  return batch[0].lsn;
}

Status WalFileLife::append() {
  Entries batch = source_.draw_batch(dice_);
  if (kind_ == Kind::kFsWriter) {
    batch.resize(1);
    batch[0] = {0, kWalTypeMin, 0, 0, batch[0].payload};
  }
  Lsn number = next_number();
  const Lsn first = number;
  std::string told = "append";
  for (Entry& entry : batch) {
    entry.lsn = number++;
    risk_.history.push_back(entry);
    told += " " + std::to_string(entry.payload->size());
  }
  tell(told + " bytes from number " + std::to_string(first));
  const Result<Lsn> lsn = put(batch);
  if (lsn.ok() && is_sealed_) return violation("a sealed log took a record");
  if (!lsn.ok() && is_sealed_) return lsn.error().reason() == Reason::kSealed ? ok() : lsn.error();
  if (lsn.ok()) model_.history = risk_.history;
  if (lsn.ok()) return *lsn == first ? ok() : violation("got number " + std::to_string(*lsn));
  TRY(judge(lsn.error(), {Code::kFull}));
  if (poisoned_) model_.history = risk_.history;
  return ok();
}

/// A number that the rule does not take, or a type that nobody may append.
Status WalFileLife::append_wrong() {
  if (is_sealed_) return ok();
  tell("append what is refused");
  const size_t operations = disk_->trace.size();
  Reason reason = Reason::kNone;
  if (writer_) {
    const auto refused = writer_->append({.type = 3});
    reason = refused.ok() ? Reason::kNone : refused.error().reason();
    if (reason == Reason::kOutOfRange) reason = Reason::kSequenceViolation;
  } else {
    const Lsn low = rule_ == SequenceRule::kAny ? 0 : dice_.below(highest() + 1);
    const auto refused = fs_writer_->append(low, {});
    reason = refused.ok() ? Reason::kNone : refused.error().reason();
    const Lsn expected = rule_ == SequenceRule::kAny ? 1 : highest() + 1;
    if (!refused.ok() &&
        (refused.error().found() != low || refused.error().expected() != expected)) {
      return violation("the refusal names other numbers");
    }
  }
  if (reason != Reason::kSequenceViolation) return violation("what is wrong was taken");
  return disk_->trace.size() == operations ? ok() : violation("refused, but changed something");
}

Status WalFileLife::sync() {
  tell("sync");
  const Status synced = sync_log();
  if (synced.ok()) model_.acked = model_.history.size();
  return judge(synced, {Code::kFull});
}

Status WalFileLife::seal() {
  if (!writer_ || dice_.below(2) == 0) return ok();
  tell("seal");
  const Status sealed = writer_->seal();
  is_sealed_ = is_sealed_ || sealed.ok();
  if (sealed.ok()) model_.acked = model_.history.size();
  return judge(sealed, {Code::kFull});
}

Status WalFileLife::turn_key() {
  const uint64_t key = dice_.below(3);
  if (!writer_) return ok();
  tell("key " + std::to_string(key));
  const Status turned = writer_->set_keys(life_ring(key));
  if (is_sealed_) {
    const bool is_told = !turned.ok() && turned.error().reason() == Reason::kSealed;
    return is_told ? ok() : violation("a sealed log took keys");
  }
  if (refuses(turned, key)) return ok();
  was_sealed_ = was_sealed_ || key != 0;
  if (turned.ok()) keys_ = life_ring(key);
  return judge(turned, {Code::kFull});
}

Status WalFileLife::attach() {
  tell("attach the side file");
  return judge_side_file(writer_ ? writer_->attach_side_file() : fs_writer_->attach_side_file());
}

/// Without the log: at least what is durable, and never damage.
Status WalFileLife::read() {
  WalReadOptions options = draw_read_options(dice_, highest());
  tell("read from " + std::to_string(options.from) + ", limit " + std::to_string(options.limit));
  const auto whole = TRY(open_wal_file_reader(*disk_, kFile, life_ring(1), {}));
  const Run run = TRY(read_run(*whole, model_.history));
  if (run.error) return violation("a live log is damaged: " + run.error->to_string());
  if (run.first != 0 || run.count < model_.acked) return violation("what is durable is not shown");
  const Sight sight = sight_of(std::span(model_.history).first(run.count), options);
  const auto reader = TRY(open_wal_file_reader(*disk_, kFile, life_ring(1), options));
  TRY(shows_all(*reader, sight, options.limit, dice_));
  if (sight.ends_unknown) return ok();
  reader->seek(options.from);
  reader->reset(kUnlimitedRecords);
  return shows_all(*reader, sight, kUnlimitedRecords, dice_);
}

/// One reader goes on where it stopped, as long as the process lives.
Status WalFileLife::tail() {
  tell("tail from record " + std::to_string(tail_ ? tail_next_ : 0));
  if (tail_ == nullptr) {
    tail_ = TRY(open_wal_file_reader(*disk_, kFile, life_ring(1), {}));
    tail_next_ = 0;
  } else {
    tail_->reset();
  }
  for (;;) {
    const std::optional<WalFrame> frame = TRY(tail_->next());
    if (!frame) break;
    if (tail_next_ == model_.history.size() || !model_.history[tail_next_].is(*frame)) {
      return violation("the tail shows " + wal::to_string(*frame));
    }
    ++tail_next_;
  }
  if (tail_next_ < model_.acked) return violation("the tail ends too early");
  return has_ended(*tail_, false);
}

Status WalFileLife::close() {
  tell("close");
  const Status closed = close_log();
  if (closed.ok()) model_.acked = model_.history.size();
  TRY(judge(closed, {Code::kFull}));
  if (!closed.ok()) return ok();
  const Status again = sync_log();
  if (again.ok() || again.error().reason() != Reason::kClosed) {
    return violation("a closed log does something");
  }
  is_clean_ = true;
  return die();
}

Status WalFileLife::die() {
  if (caught_) return ok();
  const CrashKind kind = draw_crash();
  return restart(end(), kind);
}

Status WalFileLife::fail_some() {
  draw_fault();
  return ok();
}

Status WalFileLife::restart(DiskImage image, CrashKind kind) {
  end();
  is_clean_ = is_clean_ && kind == CrashKind::kProcessDied;
  is_sealed_ = false;
  boot(crashed(std::move(image), kind));
  return open();
}

Status WalFileLife::open() {
  if (dice_.below(3) == 0) keys_ = life_ring(dice_.below(3));
  // Without a key what was sealed before could not be read.
  if (was_sealed_ && keys_ == nullptr) keys_ = life_ring(1);
  was_sealed_ = was_sealed_ || keys_ != nullptr;
  if (dice_.below(4) == 0) rule_ = dice_.below(2) == 0 ? SequenceRule::kAny : SequenceRule::kRising;
  for (int faults = static_cast<int>(dice_.below(4)) - 1;; --faults) {
    begin_step();
    crash_in_.reset();
    if (faults > 0) TRY(fail_some());
    draw_torn_writes(was_sealed_ || keys_ != nullptr);
    if (faults > -4 && dice_.below(3) == 0) crash_in_ = dice_.below(16);
    bool is_opened = false;
    for (const RepairPolicy policy :
         {RepairPolicy::kStrict, RepairPolicy::kTruncatePartial, RepairPolicy::kTruncateUnsynced}) {
      const bool is_last = policy == RepairPolicy::kTruncateUnsynced;
      const bool tries = is_last || dice_.below(3) == 0;
      if (!is_opened && tries) is_opened = TRY(try_open(policy));
    }
    if (caught_) {
      tell("... in the midst of that");
      is_clean_ = false;
      const DiskImage image = *std::exchange(caught_, std::nullopt);
      end();
      boot(crashed(image, draw_crash()));
    } else if (is_opened) {
      crash_in_.reset();
      return accept();
    } else {
      boot(disk_->image());
    }
  }
}

Status WalFileLife::open_with(const WalFileOptions& options) {
  runtime_ = std::make_unique<TestRuntime>(++seed_);
  if (kind_ == Kind::kFsWriter) {
    fs_writer_.emplace(TRY(WalFsWriter::open(*runtime_, *disk_, kFile, {options, rule_})));
    return ok();
  }
  const bool creates = start_lsn_ > 1 && !disk_->has(kFile);
  writer_.emplace(creates ? TRY(WalWriter::create(*runtime_, *disk_, kFile, start_lsn_, options))
                          : TRY(WalWriter::open(*runtime_, *disk_, kFile, options)));
  return ok();
}

/// False: it could not be opened, and that was legal.
Result<bool> WalFileLife::try_open(RepairPolicy repair) {
  constexpr const char* kNames[] = {"strictly", "for a partial tail", "for an unsynced tail"};
  tell(std::string("open ") + kNames[static_cast<size_t>(repair)]);
  const size_t operations = disk_->trace.size();
  before_ = disk_->image();
  const Status opened = open_with({.repair = repair, .keys = keys_, .torn_writes = torn_writes_});
  if (opened.ok()) return true;
  tell("-> " + opened.error().to_string());
  if (has_failed()) return false;
  const bool is_narrow = repair == RepairPolicy::kTruncatePartial && kind_ == Kind::kFsWriter;
  const bool may_refuse = (repair == RepairPolicy::kStrict || is_narrow) && !is_clean_;
  if (!may_refuse || opened.error().code() != Code::kCorrupt) {
    return violation("cannot be opened: " + opened.error().to_string());
  }
  if (!has_changed_nothing(operations)) return violation("refused, but changed something");
  return false;
}

/// What an opening shows is so from now on.
Status WalFileLife::accept() {
  const auto reader = TRY(open_wal_file_reader(*disk_, kFile, life_ring(1), {}));
  const Run run = TRY(read_run(*reader, model_.history));
  if (run.error) return violation("damage in what was opened: " + run.error->to_string());
  tell("opened with " + std::to_string(run.count) + " records");
  if (run.count > 0 && run.first != 0) return violation("lost: the first records");
  if (run.count < model_.acked) {
    return violation("lost: of " + std::to_string(model_.acked) + " durable ones");
  }
  if (repair().torn_bytes > 0) TRY(check_quarantine(before_, kFile, repair()));
  model_.history.resize(run.count);
  model_.acked = run.count;
  is_clean_ = false;
  return watch();
}

namespace {

std::optional<std::string> live(uint64_t seed, WalFileLife::Kind kind) {
  WalFileLife life(seed, kind);
  const Status kept = life.live();
  life.end();
  if (kept.ok()) return std::nullopt;
  return kept.error().message() + "; it happened:" + life.story();
}

TEST(WalWriterProperty, ShowsWhatWasPromisedAfterWhateverHappened) {
  const auto failure =
      first_failure(1500, [](uint64_t seed) { return live(seed, WalFileLife::Kind::kWriter); });
  EXPECT_FALSE(failure.has_value()) << *failure;
}

TEST(WalFsWriterProperty, ShowsWhatWasPromisedAfterWhateverHappened) {
  const auto failure =
      first_failure(1500, [](uint64_t seed) { return live(seed, WalFileLife::Kind::kFsWriter); });
  EXPECT_FALSE(failure.has_value()) << *failure;
}

}  // namespace
}  // namespace sluice::wal
