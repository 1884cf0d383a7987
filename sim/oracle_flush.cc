#include "sim/oracle_flush.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace sluice::sim {
namespace {

constexpr uint8_t kOpen = kUnfinished | kPrepared;  // something is left to be done

std::string describe(uint8_t states) {
  static constexpr std::pair<FlushState, const char*> kNames[] = {{kAbsent, "absent"},
                                                                  {kUnfinished, "unfinished"},
                                                                  {kPrepared, "prepared"},
                                                                  {kCommitted, "committed"},
                                                                  {kRolledBack, "rolled back"}};
  std::string text;
  for (const auto& [state, name] : kNames) {
    if ((states & state) != 0) text += (text.empty() ? "" : " or ") + std::string(name);
  }
  return text;
}

bool is(const Error& error, Code code, Reason reason) {
  return error.code() == code && error.reason() == reason;
}

bool is_flush_id(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

uint64_t FlushLedger::add_group(uint32_t rows, uint64_t lsns_left_out) {
  CHECK(rows > 0 && rows <= kIdsPerGroup);
  next_lsn_ += lsns_left_out;
  groups_.push_back({rows, next_lsn_});
  next_lsn_ += rows;
  return groups_.size() - 1;
}

uint64_t FlushLedger::send(uint64_t group) {
  SentFlush flush;
  flush.group = group;
  const SentGroup& rows = groups_[group];
  flush.range = {rows.min_lsn, rows.min_lsn + rows.rows - 1, flushes_.size()};
  flush.may_be = kAbsent | kOpen | kRolledBack;  // a prepare that fails tidies up
  flush.opening = opening_;
  flushes_.push_back(flush);
  return flushes_.size() - 1;
}

std::optional<uint64_t> FlushLedger::find(const std::string& id) const {
  for (uint64_t number = 0; number < flushes_.size(); ++number) {
    if (flushes_[number].id == id) return number;
  }
  return std::nullopt;
}

bool FlushLedger::may_have_committed_without_answer() const {
  return std::any_of(flushes_.begin(), flushes_.end(), [](const SentFlush& flush) {
    return flush.id.empty() && (flush.may_be & kCommitted) != 0;
  });
}

std::vector<uint64_t> FlushLedger::pending() const {
  std::vector<uint64_t> numbers;
  for (uint64_t number = 0; number < flushes_.size(); ++number) {
    const SentFlush& flush = flushes_[number];
    if (!flush.id.empty() && (flush.may_be & kOpen) != 0) numbers.push_back(number);
  }
  return numbers;
}

std::string FlushLedger::name(uint64_t number) const {
  const SentFlush& flush = flushes_[number];
  return "flush " + std::to_string(number) + " (" + (flush.id.empty() ? "no id" : flush.id) +
         ", group " + std::to_string(flush.group) + ", " + describe(flush.may_be) + ")";
}

bool FlushLedger::may_be_in_table(uint64_t group) const {
  return std::any_of(flushes_.begin(), flushes_.end(), [&](const SentFlush& flush) {
    return flush.group == group && (flush.may_be & kCommitted) != 0;
  });
}

bool FlushLedger::may_be_by_another(uint64_t number) const {
  if (!unique || alone) return false;
  for (uint64_t other = 0; other < flushes_.size(); ++other) {
    const SentFlush& flush = flushes_[other];
    if (other == number || flush.group != flushes_[number].group) continue;
    if ((flush.may_be & kCommitted) != 0) return true;
  }
  return false;
}

bool FlushLedger::is_in_table(uint64_t group, uint64_t besides) const {
  for (uint64_t number = 0; number < flushes_.size(); ++number) {
    const SentFlush& flush = flushes_[number];
    if (number != besides && flush.group == group && flush.may_be == kCommitted) return true;
  }
  return false;
}

void FlushLedger::settle(uint64_t number, uint8_t state) {
  flushes_[number].may_be = state;
  flushes_[number].settled_in = opening_;
}

Wrong FlushLedger::narrow(uint64_t number, uint8_t states) {
  SentFlush& flush = flushes_[number];
  if ((flush.may_be & states) == 0) {
    return name(number) + " was found to be " + describe(states);
  }
  flush.may_be &= states;
  return std::nullopt;
}

Wrong FlushLedger::check_flush_blocks(uint64_t number,
                                      const std::vector<BlockMetadata>& blocks) const {
  const SentFlush& flush = flushes_[number];
  const uint64_t first_id = flush.group * kIdsPerGroup;
  uint64_t rows = 0;
  std::set<std::string> ids;
  for (const BlockMetadata& block : blocks) {
    rows += block.rows;
    const bool ours = block.flush_id == flush.id && block.min_lsn == flush.range.min_lsn &&
                      block.max_lsn == flush.range.max_lsn && block.seq == flush.range.seq;
    if (!ours) return name(number) + ": the block " + block.id + " says that it is another's";
    if (!ids.insert(block.id).second) return name(number) + ": the block " + block.id + " twice";
    for (const ColumnSummary& column : block.columns) {
      if (column.name != "id" || column.lower.is_null()) continue;
      const auto lower = static_cast<uint64_t>(column.lower.int64);
      const auto upper = static_cast<uint64_t>(column.upper.int64);
      if (column.null_count == 0 && lower >= first_id && upper < first_id + kIdsPerGroup) continue;
      return name(number) + ": the block " + block.id + " holds other rows";
    }
  }
  if (rows == groups_[flush.group].rows) return std::nullopt;
  return name(number) + " has " + std::to_string(rows) + " rows in its blocks, not " +
         std::to_string(groups_[flush.group].rows);
}

Wrong FlushLedger::check_result(uint64_t number, const AtomicFlushResult& result) const {
  const SentFlush& flush = flushes_[number];
  if (!(result.range == flush.range) || result.rows != groups_[flush.group].rows) {
    return name(number) + " was answered with the range or the rows of another";
  }
  return check_flush_blocks(number, result.blocks);
}

Wrong FlushLedger::prepared(uint64_t number, const Result<AtomicFlushResult>& answer) {
  SentFlush& flush = flushes_[number];
  if (answer.ok()) {
    if (!is_flush_id(answer->flush_id)) return "no flush id: " + answer->flush_id;
    if (find(answer->flush_id)) return "the flush id " + answer->flush_id + " a second time";
    flush.id = answer->flush_id;
    flush.may_be = kPrepared;
    return check_result(number, *answer);
  }
  const Error& error = answer.error();
  if (is_flush_id(error.where())) {
    flush.id = error.where();
  } else {
    flush.may_be &= ~kOpen;
  }
  if (!is(error, Code::kExists, Reason::kCommitted)) return std::nullopt;
  return found_in_table(number);
}

/// Another flush of the same rows was committed, says a prepare.
Wrong FlushLedger::found_in_table(uint64_t number) {
  if (!may_be_by_another(number)) {
    return name(number) + " is not in the table, but its prepare was told so";
  }
  groups_[flushes_[number].group].in_table = true;
  flushes_[number].may_be &= ~kCommitted;
  return std::nullopt;
}

uint64_t FlushLedger::send_at_once(uint64_t group) {
  const uint64_t number = send(group);
  flushes_[number].may_be |= kCommitted;
  return number;
}

Wrong FlushLedger::flushed(uint64_t number, const Result<AtomicFlushResult>& answer) {
  SentFlush& flush = flushes_[number];
  if (!answer.ok()) {
    const Error& error = answer.error();
    if (is_flush_id(error.where())) {
      flush.id = error.where();
    } else if (is(error, Code::kExists, Reason::kCommitted)) {
      flush.may_be &= ~kCommitted;
      return found_in_table(number);
    }
    return std::nullopt;
  }
  flush.id = answer->flush_id;
  if (!alone && is_in_table(flush.group, number)) {
    return name(number) + " was committed, and another flush of its rows was before";
  }
  settle(number, kCommitted);
  return check_result(number, *answer);
}

void FlushLedger::begin_commit(uint64_t number) {
  SentFlush& flush = flushes_[number];
  flush.before = flush.may_be;
  if ((flush.may_be & kPrepared) != 0) flush.may_be |= kCommitted;
}

// What the table of answers in the header says.
Wrong FlushLedger::refused(uint64_t number, const Error& error) {
  SentFlush& flush = flushes_[number];
  if (is(error, Code::kNotFound, Reason::kUnknownFlush)) {
    if (contested) return std::nullopt;
    if (flush.settled_in == opening_ && (flush.before & kOpen) == 0) {
      return name(number) + " was settled in this opening, and is not known";
    }
    // Its prepare may have ended before there was a file of it; a later opening knows of files
    // only.
    const bool had_no_file = (flush.before & kUnfinished) != 0 && flush.opening != opening_;
    if (had_no_file) flush.may_be |= kAbsent;
    if ((flush.before & ~kOpen) == 0 && !had_no_file) {
      return name(number) + " is not known any more";
    }
    return narrow(number, kAbsent | kCommitted | kRolledBack);
  }
  if (is(error, Code::kInvalid, Reason::kUnprepared)) return narrow(number, kUnfinished);
  if (is(error, Code::kInvalid, Reason::kUnknownOutcome)) flush.may_be = flush.before;
  if (error.reason() == Reason::kInProgress) {
    return name(number) + " is said to be in other hands: " + error.to_string();
  }
  return std::nullopt;
}

Wrong FlushLedger::committed(uint64_t number, const Result<AtomicFlushResult>& answer) {
  SentFlush& flush = flushes_[number];
  if (answer.ok()) {
    // With a table its file may have come back, and says nothing of the commit.
    const bool is_known = alone || flush.settled_in == opening_;
    if (flush.before == kCommitted && is_known)
      return name(number) + " was committed a second time";
    if (!alone && is_in_table(flush.group, number)) {
      return name(number) + " was committed, and another flush of its rows was before";
    }
    if (auto wrong = narrow(number, kCommitted)) return wrong;
    settle(number, kCommitted);
    return check_result(number, *answer);
  }
  const Error& error = answer.error();
  if (is(error, Code::kExists, Reason::kCommitted)) {
    if ((flush.before & kCommitted) == 0) {
      return name(number) + " was never committed, but its commit is told so";
    }
    settle(number, kCommitted);
    return std::nullopt;
  }
  if (is(error, Code::kConflict, Reason::kCommitted)) {
    if (!may_be_by_another(number)) {
      return name(number) + " is alone with its rows, but its commit is told of another";
    }
    groups_[flush.group].in_table = true;
    return narrow(number, kPrepared);
  }
  if (is(error, Code::kInvalid, Reason::kRolledBack)) return narrow(number, kRolledBack);
  return refused(number, error);
}

void FlushLedger::begin_rollback(uint64_t number) {
  SentFlush& flush = flushes_[number];
  flush.before = flush.may_be;
  if ((flush.may_be & kOpen) != 0) flush.may_be |= kRolledBack;
}

Wrong FlushLedger::rolled_back(uint64_t number, const Status& answer) {
  SentFlush& flush = flushes_[number];
  if (answer.ok()) {
    if (flush.before == kRolledBack && flush.settled_in == opening_) {
      return name(number) + " was rolled back a second time";
    }
    if (auto wrong = narrow(number, kRolledBack)) return wrong;
    settle(number, kRolledBack);
    return std::nullopt;
  }
  const Error& error = answer.error();
  if (is(error, Code::kExists, Reason::kRolledBack)) return narrow(number, kRolledBack);
  if (is(error, Code::kInvalid, Reason::kCommitted)) {
    return narrow(number, kCommitted);
  }
  return refused(number, error);
}

std::optional<uint64_t> FlushLedger::identify(const std::string& id, uint64_t seq) {
  const auto number = find(id);
  if (number || seq >= flushes_.size() || !flushes_[seq].id.empty()) return number;
  flushes_[seq].id = id;
  return seq;
}

Wrong FlushLedger::told(const AtomicFlushResult& found, std::set<uint64_t>& numbers) {
  const auto number = identify(found.flush_id, found.range.seq);
  if (!number) return "recovery tells of a flush that was never sent: " + found.flush_id;
  if (!numbers.insert(*number).second) return "recovery tells twice of " + name(*number);
  return check_result(*number, found);
}

Wrong FlushLedger::found_whole(const AtomicFlushResult& found) {
  const uint64_t number = *find(found.flush_id);
  SentFlush& flush = flushes_[number];
  for (const BlockMetadata& block : found.blocks) {
    if (block.key == flush.damaged) return name(number) + " is damaged, and found to be whole";
  }
  flush.damaged.clear();
  if ((flush.may_be & kOpen) == 0) return name(number) + " was found to be prepared";
  flush.may_be = kPrepared | (contested ? flush.may_be & kCommitted : 0);
  return std::nullopt;
}

Wrong FlushLedger::recovered(const FlushRecoveryResult& result, bool sure) {
  std::set<uint64_t> numbers;
  for (const auto* list : {&result.recovered, &result.retried}) {
    for (const AtomicFlushResult& found : *list) {
      if (auto wrong = told(found, numbers)) return wrong;
      if (auto wrong = found_whole(found)) return wrong;
    }
  }
  for (const AtomicFlushResult& found : result.committed) {
    if (auto wrong = told(found, numbers)) return wrong;
    const uint64_t number = *find(found.flush_id);
    if (auto wrong = narrow(number, kCommitted)) return wrong;
  }
  for (const std::string& id : result.rolled_back) {
    const auto number = find(id);
    if (!number) continue;  // its prepare was never answered
    numbers.insert(*number);
    if ((flushes_[*number].may_be & kUnfinished) != 0) flushes_[*number].may_be |= kRolledBack;
    if (auto wrong = narrow(*number, kRolledBack)) return wrong;
  }
  bool strangers = false;
  for (const FailedFlush& failed : result.failed) {
    const auto number = find(failed.name);
    if (number) numbers.insert(*number);
    strangers = strangers || !number;
  }
  if (!sure) return std::nullopt;
  for (uint64_t number = 0; number < flushes_.size(); ++number) {
    SentFlush& flush = flushes_[number];
    if (numbers.contains(number) || flush.opening == opening_) continue;
    if (flush.id.empty() && strangers) continue;
    // Its prepare may have ended before there was a file of it.
    if ((flush.may_be & kUnfinished) != 0) flush.may_be |= kAbsent;
    if ((flush.may_be & ~kOpen) == 0) return "recovery does not tell of " + name(number);
    flush.may_be &= ~kOpen;
  }
  return std::nullopt;
}

void FlushLedger::consume(std::span<const BlockMetadata> blocks) {
  for (const BlockMetadata& block : blocks) manifest_.emplace(block.id, block);
}

void FlushLedger::cleared(std::span<const BlockMetadata> blocks) {
  for (const BlockMetadata& block : blocks) {
    if (const auto number = find(block.flush_id)) flushes_[*number].cleared = true;
  }
}

Wrong FlushLedger::check_blocks(std::span<const BlockMetadata> offered) {
  std::map<uint64_t, std::map<std::string, BlockMetadata>> blocks;
  std::set<std::string> ids;
  const auto take = [&](const BlockMetadata& block) -> Wrong {
    const auto number = identify(block.flush_id, block.seq);
    if (!number) return "a block of a flush that was never sent: " + block.id;
    blocks[*number].emplace(block.id, block);
    return std::nullopt;
  };
  for (const BlockMetadata& block : offered) {
    if (auto wrong = take(block)) return wrong;
    if (!ids.insert(block.id).second) return "the block " + block.id + " is offered twice";
    const uint64_t number = *find(block.flush_id);
    if (flushes_[number].cleared) return name(number) + " was cleared and is offered again";
  }
  for (const auto& [id, block] : manifest_) {
    if (auto wrong = take(block)) return wrong;
  }
  for (uint64_t number = 0; number < flushes_.size(); ++number) {
    const auto found = blocks.find(number);
    const bool there = found != blocks.end();
    if (!there && (flushes_[number].may_be & ~kCommitted) == 0) {
      return name(number) + " is neither offered nor in the consumer's manifest";
    }
    if (auto wrong = narrow(number, there ? kCommitted : ~kCommitted)) return wrong;
    if (!there) continue;
    std::vector<BlockMetadata> of_flush;
    for (const auto& [id, block] : found->second) of_flush.push_back(block);
    if (auto wrong = check_flush_blocks(number, of_flush)) return wrong;
  }
  return std::nullopt;
}

Wrong FlushLedger::check_table(std::vector<uint64_t> ids, bool sure) {
  std::sort(ids.begin(), ids.end());
  std::vector<uint32_t> rows(groups_.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint64_t group = ids[i] / kIdsPerGroup;
    if (group >= groups_.size() || ids[i] % kIdsPerGroup >= groups_[group].rows) {
      return "a row that was never sent: " + std::to_string(ids[i]);
    }
    if (i > 0 && ids[i] == ids[i - 1]) return "a row twice: " + std::to_string(ids[i]);
    ++rows[group];
  }
  for (uint64_t group = 0; group < groups_.size(); ++group) {
    const std::string label = "group " + std::to_string(group);
    if (rows[group] != 0 && rows[group] != groups_[group].rows) {
      return label + " is in the table in part";
    }
    if (rows[group] != 0 && !may_be_in_table(group)) {
      return label + " is in the table, and none of its flushes can have been committed";
    }
    if (rows[group] == 0 && (groups_[group].in_table || is_in_table(group, flushes_.size()))) {
      return label + " was committed and is not in the table";
    }
    for (SentFlush& flush : flushes_) {
      if (sure && flush.group == group && rows[group] == 0) flush.may_be &= ~kCommitted;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::sim
