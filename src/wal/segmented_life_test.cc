// A SegmentedWal keeps what it promises, whatever happens to it.
#include "wal/segmented_life.h"

#include <gtest/gtest.h>

#include "wal/segmented_fixture.h"
#include "wal/segments.h"

namespace sluice::wal {
SegmentedLife::SegmentedLife(uint64_t seed) : RandomLife(seed) {
  constexpr uint64_t kSegmentBytes[] = {6 << 10, 16 << 10, 40 << 10, 200 << 10};
  options_ = {.segment_bytes = pick(kSegmentBytes, dice_),
              .keys = life_ring(dice_.below(3)),
              .spares_max = static_cast<uint32_t>(dice_.below(3))};
  boot({});
  tell("segments of " + std::to_string(options_.segment_bytes) + " bytes, key " +
       (options_.keys ? std::to_string(options_.keys->current_id()) : "none"));
}

Status SegmentedLife::live() {
  TRY(open());
  for (uint64_t left = 4 + dice_.below(40); left > 0; --left) TRY(step());
  if (dice_.below(2) == 0) return ok();
  tell("close, the last step");
  first_operation_ = disk_->trace.size();
  const Status closed = log().close();
  is_closed_ = closed.ok();
  TRY(judge(closed, {Code::kFull}));
  return watch();
}

DiskImage SegmentedLife::end() {
  tail_.reset();
  log_.reset();
  return disk_->image();
}

Status SegmentedLife::step() {
  constexpr Choice<SegmentedLife> kChoices[] = {
      {&SegmentedLife::append, 16},  {&SegmentedLife::commit, 4},
      {&SegmentedLife::sync, 6},     {&SegmentedLife::wait, 2},
      {&SegmentedLife::roll, 2},     {&SegmentedLife::truncate, 3},
      {&SegmentedLife::turn_key, 1}, {&SegmentedLife::attach, 1},
      {&SegmentedLife::read, 3},     {&SegmentedLife::read_from_outside, 1},
      {&SegmentedLife::tail, 3},     {&SegmentedLife::close, 1},
      {&SegmentedLife::die, 2},      {&SegmentedLife::fail_some, 4}};
  risk_ = model_;
  begin_step();
  TRY(act(*this, kChoices, dice_));
  if (caught_) {
    model_ = risk_;
    is_clean_ = false;
    tell("... in the midst of that, after operation " + disk_->trace.back());
    return restart(*std::exchange(caught_, std::nullopt), draw_crash());
  }
  if (log_) TRY(watch());
  return poisoned_ ? is_poisoned() : ok();
}

/// What the log says of itself.
Status SegmentedLife::watch() {
  const Lsn durable = log().durable_lsn();
  if (durable < model_.durable) return violation("durable_lsn() fell");
  if (durable > model_.history.size()) return violation("durable_lsn() is above what was appended");
  model_.durable = durable;
  if (poisoned_) return ok();
  if (log().next_lsn() != model_.history.size() + 1) return violation("next_lsn() is wrong");
  return watch_segments();
}

Status SegmentedLife::watch_segments() {
  const std::vector<WalSegment> segments = log().list_segments();
  uint64_t bytes = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    bytes += segments[i].bytes;
    const Lsn next = i + 1 < segments.size() ? segments[i + 1].first_lsn : model_.durable + 1;
    if (segments[i].last_lsn + 1 != next) return violation("the segments have a gap");
  }
  if (segments.front().first_lsn <= model_.gone) return violation("a segment came back");
  if (segments.front().first_lsn > model_.may_go + 1) return violation("a segment is missing");
  if (bytes != log().total_size_bytes()) return violation("the sizes do not add up");
  if (segments.back().first_lsn != log().active_segment_first_lsn()) {
    return violation("the last segment is not the active one");
  }
  return ok();
}

/// For ever, until it is opened again.
Status SegmentedLife::is_poisoned() {
  const Entry entry = source_.draw(dice_);
  const Status answers[] = {log().sync(), log().roll(), log().close(),
                            log().append(entry.record()).ok() ? ok() : log().sync(),
                            log().truncate_before(1).ok() ? ok() : log().sync()};
  for (const Status& answer : answers) {
    if (answer.ok() || answer.error().code() != Code::kPoisoned) {
      return violation("a poisoned log does something");
    }
  }
  return die();
}

Status SegmentedLife::append() {
  return append_by(false);
}

Status SegmentedLife::append_by(bool commits) {
  Entries batch = source_.draw_batch(dice_);
  const Lsn first_lsn = model_.history.size() + 1;
  std::string told = commits ? "commit" : "append";
  for (Entry& entry : batch) {
    entry.lsn = risk_.history.size() + 1;
    risk_.history.push_back(entry);
    told += " " + std::to_string(entry.payload->size());
  }
  tell(told + " bytes from LSN " + std::to_string(first_lsn));
  const std::vector<WalRecord> records = records_of(batch);
  const Result<Lsn> lsn = commits ? log().commit(records) : log().append(records);
  if (lsn.ok()) {
    model_.history = risk_.history;
    if (*lsn != first_lsn) return violation("got LSN " + std::to_string(*lsn));
    const bool is_durable = log().durable_lsn() == model_.history.size();
    return !commits || is_durable ? ok() : violation("committed, but not durable");
  }
  TRY(judge(lsn.error(), {Code::kFull, Code::kIo}));
  if (poisoned_) model_.history = risk_.history;
  return ok();
}

Status SegmentedLife::sync() {
  tell("sync");
  const Status synced = log().sync();
  if (!synced.ok()) return judge(synced, {Code::kFull});
  const bool is_durable = log().durable_lsn() == model_.history.size();
  return is_durable ? ok() : violation("synced, but not durable");
}

Status SegmentedLife::wait() {
  const Lsn lsn = dice_.below(model_.history.size() + 2);
  tell("wait for LSN " + std::to_string(lsn));
  const Status waited = log().wait_durable(lsn);
  if (lsn == 0 || lsn > model_.history.size()) {
    const bool is_refused = !waited.ok() && waited.error().reason() == Reason::kOutOfRange;
    return is_refused ? ok() : violation("waited for what was never appended");
  }
  if (!waited.ok()) return judge(waited, {Code::kFull});
  return log().durable_lsn() >= lsn ? ok() : violation("waited, but not durable");
}

Status SegmentedLife::roll() {
  tell("roll");
  return judge(log().roll(), {Code::kFull, Code::kIo});
}

Status SegmentedLife::truncate() {
  const std::vector<WalSegment> before = log().list_segments();
  const Lsn lsn = 1 + dice_.below(model_.history.size() + 3);
  size_t count = 0;
  while (count + 1 < before.size() && before[count + 1].first_lsn <= lsn) ++count;
  const Lsn upto = before[count].first_lsn - 1;
  tell("truncate before " + std::to_string(lsn) + ": " + std::to_string(count) +
       " segments up to LSN " + std::to_string(upto));
  risk_.may_go = std::max(risk_.may_go, upto);
  const Result<WalTruncation> truncated = log().truncate_before(lsn);
  model_.may_go = risk_.may_go;
  const std::vector<WalSegment> after = log().list_segments();
  const size_t went = before.size() - after.size();
  model_.gone = after.front().first_lsn - 1;
  if (model_.gone > model_.may_go) return violation("it truncated too much");
  if (!truncated.ok()) return judge(truncated.error(), {Code::kFull, Code::kIo});
  const bool is_all = truncated->segments == went && went >= count;
  return is_all ? ok() : violation("it truncated something else");
}

Status SegmentedLife::turn_key() {
  const uint64_t key = dice_.below(3);
  tell("key " + std::to_string(key));
  const Status turned = log().set_keys(life_ring(key));
  if (refuses(turned, key)) return ok();
  options_.keys = life_ring(key);
  was_sealed_ = was_sealed_ || key != 0;
  return judge(turned, {Code::kFull, Code::kIo});
}

Status SegmentedLife::attach() {
  tell("attach the side file");
  return judge_side_file(log().attach_side_file());
}

/// What is durable, through any options.
Status SegmentedLife::read() {
  WalReadOptions options = draw_read_options(dice_, model_.history.size());
  tell("read from " + std::to_string(options.from) + ", limit " + std::to_string(options.limit));
  const Lsn first_lsn = log().list_segments().front().first_lsn;
  const std::span<const Entry> all = model_.live(first_lsn, log().durable_lsn());
  const std::unique_ptr<WalReader> reader = TRY(log().read(options));
  const Status shown = shows_all(*reader, sight_of(all, options), options.limit, dice_);
  const bool may_miss = model_.may_go > model_.gone;  // what a failed truncation has left
  if (may_miss && !shown.ok() && shown.error().reason() == Reason::kMissingSegment) return ok();
  TRY(shown);
  options.from = dice_.below(model_.history.size() + 3);
  const Sight sight = sight_of(all, options);
  if (sight.ends_unknown) return ok();  // it fails for ever by now, perhaps
  tell("... and again from " + std::to_string(options.from));
  const std::unique_ptr<WalReader> other = TRY(log().read(options));
  other->seek(1 + dice_.below(model_.history.size() + 3));
  if (options.known_types.empty() && !may_miss && dice_.below(2) == 0) TRY(other->has_more());
  other->seek(options.from);
  const Status again = shows_all(*other, sight, options.limit, dice_);
  const bool is_missing = !again.ok() && again.error().reason() == Reason::kMissingSegment;
  return may_miss && is_missing ? ok() : again;
}

/// Without the log: at least what is durable, and never damage.
Status SegmentedLife::read_from_outside() {
  tell("read from outside");
  const std::unique_ptr<WalReader> reader = TRY(open_wal_reader(*disk_, life_ring(1), {}));
  const Run run = TRY(read_run(*reader, model_.history));
  if (run.error) return violation("a live log is damaged: " + run.error->to_string());
  if (run.first + run.count < model_.durable && model_.durable > model_.may_go) {
    return violation("what is durable is not shown");
  }
  const bool starts_right = run.first >= model_.gone && run.first <= model_.may_go;
  return run.count == 0 || starts_right ? ok() : violation("it starts elsewhere");
}

/// One reader goes on where it stopped, as long as the log is open.
Status SegmentedLife::tail() {
  if (tail_ == nullptr) {
    tail_next_ = model_.gone + 1 + dice_.below(model_.durable - model_.gone + 2);
    tail_ = TRY(log().read({.from = tail_next_}));
  } else {
    tail_->reset();
  }
  tell("tail from " + std::to_string(tail_next_));
  const Lsn durable = log().durable_lsn();
  while (tail_next_ <= durable) {
    const Result<std::optional<WalFrame>> frame = tail_->next();
    if (!frame.ok()) {
      tell("-> " + frame.error().to_string());
      tail_.reset();
      const bool is_trimmed =
          frame.error().code() == Code::kNotFound && tail_next_ <= model_.may_go;
      return is_trimmed ? ok() : violation("the tail broke: " + frame.error().to_string());
    }
    if (!frame->has_value()) return violation("the tail ends at " + std::to_string(tail_next_));
    if (!model_.history[tail_next_ - 1].is(**frame)) {
      return violation("the tail shows " + to_string(**frame));
    }
    ++tail_next_;
  }
  return has_ended(*tail_, false);
}

/// A reader of another process goes on behind whatever happens to this one.
Status SegmentedLife::follow() {
  const bool is_new = outside_ == nullptr;
  if (is_new) {
    is_forked_ = false;
    outside_next_ = model_.may_go + 1;
    outside_ = TRY(open_wal_reader(*disk_, life_ring(1), {.from = outside_next_}));
  } else {
    outside_->reset();
  }
  tell("follow from outside from " + std::to_string(outside_next_));
  for (;;) {
    const Result<std::optional<WalFrame>> frame = outside_->next();
    if (!frame.ok()) {
      tell("-> " + frame.error().to_string());
      outside_.reset();
      const Reason reason = frame.error().reason();
      const bool is_trimmed = reason == Reason::kMissingSegment && outside_next_ <= model_.may_go;
      if (is_trimmed || (is_forked_ && reason == Reason::kForked)) return ok();
      return violation("following broke: " + frame.error().to_string());
    }
    if (!frame->has_value()) break;
    if (is_forked_) return violation("it goes on behind records that are no part of the log");
    const Lsn lsn = (*frame)->lsn;
    const bool is_next = lsn == outside_next_ && lsn <= model_.history.size();
    if (!is_next || !model_.history[lsn - 1].is(**frame)) {
      return violation("shown from outside: " + to_string(**frame));
    }
    ++outside_next_;
  }
  const bool is_short = outside_next_ <= model_.durable && outside_next_ > model_.may_go;
  return is_short ? violation("following ends too early") : ok();
}

Status SegmentedLife::close() {
  tell("close");
  const Status closed = log().close();
  const bool goes_on = !closed.ok() && closed.error().code() == Code::kFull;
  TRY(judge(closed, {Code::kFull, Code::kIo}));
  if (goes_on || poisoned_) return ok();
  const Status again = log().sync();
  if (again.ok() || again.error().reason() != Reason::kClosed) {
    return violation("a closed log does something");
  }
  TRY(watch());
  is_clean_ = true;
  return die();
}

Status SegmentedLife::die() {
  if (caught_) return ok();
  return restart(end(), draw_crash());
}

Status SegmentedLife::fail_some() {
  draw_fault();
  return ok();
}

Status SegmentedLife::restart(DiskImage image, CrashKind kind) {
  end();
  is_clean_ = is_clean_ && kind == CrashKind::kProcessDied;
  boot(crashed(std::move(image), kind), kind);
  return open();
}

Status SegmentedLife::open() {
  for (int faults = static_cast<int>(dice_.below(4)) - 1;; --faults) {
    first_operation_ = disk_->trace.size();
    crash_in_.reset();
    if (faults > 0) TRY(fail_some());
    draw_torn_writes(was_sealed_ || options_.keys != nullptr);
    if (faults > -4 && dice_.below(3) == 0) crash_in_ = dice_.below(16);
    const bool tries_strict = is_clean_ || dice_.below(4) == 0;
    bool is_open = tries_strict && TRY(try_open(RepairPolicy::kStrict));
    if (!is_open) is_open = TRY(try_open(RepairPolicy::kTruncatePartial));
    if (caught_) {
      tell("... in the midst of that");
      log_.reset();
      is_clean_ = false;
      const CrashKind kind = draw_crash();
      boot(crashed(*std::exchange(caught_, std::nullopt), kind), kind);
    } else if (is_open) {
      crash_in_.reset();
      return accept();
    } else {
      boot(disk_->image(), CrashKind::kProcessDied);
    }
  }
}

/// False: it could not be opened, and that was legal.
Result<bool> SegmentedLife::try_open(RepairPolicy repair) {
  const bool is_strict = repair == RepairPolicy::kStrict;
  tell(is_strict ? "open strictly" : "open");
  options_.repair = repair;
  // Without a key what was sealed before could not be read.
  if (was_sealed_ && options_.keys == nullptr) options_.keys = life_ring(1);
  was_sealed_ = was_sealed_ || options_.keys != nullptr;
  options_.torn_writes = torn_writes_;
  const size_t operations = disk_->trace.size();
  before_ = disk_->image();
  Result<OpenWal> opened = open_wal(*disk_, options_, ++seed_);
  if (opened.ok()) {
    log_.emplace(std::move(*opened));
    return true;
  }
  tell("-> " + opened.error().to_string());
  if (has_failed()) return false;
  const bool may_be_torn = is_strict && !is_clean_ && opened.error().code() == Code::kCorrupt;
  if (!may_be_torn) return violation("cannot be opened: " + opened.error().to_string());
  if (!has_changed_nothing(operations)) return violation("refused, but changed something");
  return false;
}

/// What an opening shows is so from now on.
Status SegmentedLife::accept() {
  const std::unique_ptr<WalReader> reader = TRY(log().read({}));
  const Run run = TRY(read_run(*reader, model_.history));
  if (run.error) return violation("damage in what was opened: " + run.error->to_string());
  const Lsn last = log().durable_lsn();
  const Lsn gone = run.count > 0 ? run.first : last;
  tell("opened with LSNs " + std::to_string(gone + 1) + " to " + std::to_string(last));
  if (run.count > 0 && run.first + run.count != last) return violation("durable_lsn() is wrong");
  if (last < model_.durable) {
    return violation("lost: of " + std::to_string(model_.durable) + " durable ones");
  }
  if (last > model_.history.size()) return violation("LSNs of nothing");
  if (gone < model_.gone) return violation("truncated records came back");
  if (gone > model_.may_go) return violation("lost: the first records");
  TRY(check_quarantine());
  model_.history.resize(last);
  is_forked_ = is_forked_ || outside_next_ > last + 1;
  model_.durable = last;
  model_.gone = gone;
  model_.may_go = std::max(model_.may_go, gone);  // a truncation that failed is not forgotten
  is_clean_ = false;
  return watch();
}

/// W13
Status SegmentedLife::check_quarantine() const {
  const WalRepair& repair = (*log_)->repair();
  if (repair.torn_bytes == 0) return ok();
  for (const auto& [name, inode] : before_.names()) {
    const std::optional<Lsn> base_lsn = parse_segment_name(name);
    if (!base_lsn || quarantine_name(*base_lsn, repair.offset) != repair.quarantine) continue;
    return RandomLife::check_quarantine(before_, name, repair);
  }
  return violation("something else was cut");
}

namespace {

TEST(SegmentedProperty, ShowsWhatWasPromisedAfterWhateverHappened) {
  const auto live = [](uint64_t seed) -> std::optional<std::string> {
    SegmentedLife life(seed);
    const Status kept = life.live();
    if (kept.ok()) return std::nullopt;
    return kept.error().message() + "; it happened:" + life.story();
  };
  const std::optional<std::string> failure = first_failure(2500, live);
  EXPECT_FALSE(failure.has_value()) << *failure;
}

}  // namespace
}  // namespace sluice::wal
