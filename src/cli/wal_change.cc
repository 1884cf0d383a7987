// `sluice wal repair`, `truncate` and `rotate-key`: what an operator does to a log that nobody has
// open.
#include <map>

#include "cli/figures.h"
#include "cli/report.h"
#include "cli/wal.h"
#include "cli/wal_place.h"
#include "sluice/wal_check.h"
#include "sluice/wal_file.h"
#include "sluice/wal_log.h"

namespace sluice::cli {
namespace {

using Keys = std::shared_ptr<const KeyRing>;

Result<ExitCode> print(const Report& report, const WalArguments& arguments) {
  return report.print(arguments.json ? ReportFormat::kJson : ReportFormat::kText);
}

template <class Log>
Result<WalRepair> close_repaired(Log& log) {
  const WalRepair repair = log.repair();
  TRY(log.close());
  return repair;
}

/// An opening cuts as the policy lets it.
Result<WalRepair> cut_end(const WalArguments& arguments, const WalReport& found, const Keys& keys) {
  const RepairPolicy policy = arguments.policy == MendPolicy::kTruncateUnsynced
                                  ? RepairPolicy::kTruncateUnsynced
                                  : RepairPolicy::kTruncatePartial;
  WalFileOptions options{.repair = policy, .keys = keys};
  if (!found.is_file) {
    SegmentedWalOptions segmented;
    segmented.keys = keys;
    const std::unique_ptr<SegmentedWal> log =
        TRY(SegmentedWal::open(arguments.path, std::move(segmented)));
    return close_repaired(*log);
  }
  if (found.numbering == Numbering::kLog) {
    WalWriter log = TRY(WalWriter::open(arguments.path, std::move(options)));
    return close_repaired(log);
  }
  const SequenceRule rule =
      found.numbering == Numbering::kAny ? SequenceRule::kAny : SequenceRule::kRising;
  WalFsWriter log = TRY(WalFsWriter::open(arguments.path, WalFsOptions{std::move(options), rule}));
  return close_repaired(log);
}

Result<ExitCode> report_nothing(const WalArguments& arguments) {
  Report report;
  report.field("repaired", Cell::flag(false));
  report.remark("there is nothing to repair: every byte is as it should be");
  return print(report, arguments);
}

/// The first damage, as an error that says what can be done about it.
Error refusal(const WalArguments& arguments, const WalReport& found) {
  const auto damaged =
      std::find_if(found.files.begin(), found.files.end(),
                   [](const WalFileReport& file) { return file.damage.has_value(); });
  const Error error =
      damaged != found.files.end() ? damaged->damage->at(damaged->file) : found.findings.front();
  const Error told = error.with_context(
      "this is no torn end, what was durable is damaged, and no cut can mend that; restore it from "
      "a copy, or take what can still be read with --policy salvage");
  return with_path(told, arguments.path, found.is_file ? WalPlace::kFile : WalPlace::kDirectory);
}

Result<ExitCode> report_cut(const WalArguments& arguments, const WalReport& found,
                            const Keys& keys) {
  const WalRepair repair = TRY(cut_end(arguments, found, keys));
  Report report;
  report.field("repaired", Cell::flag(true)).field("cut bytes", Cell::count(repair.torn_bytes));
  report.field("restored bytes", Cell::count(repair.restored_bytes));
  if (repair.torn_bytes == 0) return print(report, arguments);
  report.field("at byte", Cell::number(repair.offset));
  report.field("reason", Cell::words(std::string(to_string(repair.reason))));
  const WalPlace place = found.is_file ? WalPlace::kFile : WalPlace::kDirectory;
  report.field("kept in", Cell::words(path_beside(arguments.path, place, repair.quarantine)));
  return print(report, arguments);
}

Result<ExitCode> report_salvage(const WalArguments& arguments, const Keys& keys) {
  const WalSalvage salvage = TRY(salvage_wal(arguments.path, keys));
  Report report;
  report.field("repaired", Cell::flag(true)).field("records", Cell::count(salvage.records));
  report.field("gaps", Cell::count(salvage.gaps));
  report.field("lost bytes", Cell::count(salvage.lost_bytes));
  if (salvage.next_lsn != 0) report.field("next LSN", Cell::number(salvage.next_lsn));
  // Beside the log, whatever that is.
  report.field("kept in", Cell::words(path_beside(arguments.path, WalPlace::kFile, salvage.kept)));
  if (salvage.gaps > 0) {
    report.remark(
        "LSNs are missing, and stay so: records that were acknowledged may be among what "
        "is lost");
  }
  return print(report, arguments);
}

Result<std::unique_ptr<SegmentedWal>> open_segments(const WalArguments& arguments,
                                                    const Keys& keys) {
  SegmentedWalOptions options;
  options.keys = keys;
  std::unique_ptr<SegmentedWal> log = TRY(SegmentedWal::open(arguments.path, std::move(options)));
  tell_cut(arguments.path, WalPlace::kDirectory, log->repair());
  return log;
}

/// A section of its own begins under the first key.
Result<ExitCode> rotate_key_of_file(const WalArguments& arguments, const Keys& keys) {
  if (TRY(check_wal(arguments.path, {keys, 1})).numbering != Numbering::kLog) {
    return Error(Code::kInvalid,
                 "the records of this log have their callers' numbers, so only the program that "
                 "appends them can go on; let it open the log with the new key before the old one",
                 arguments.path);
  }
  WalWriter log = TRY(WalWriter::open(arguments.path, {.keys = keys}));
  tell_cut(arguments.path, WalPlace::kFile, log.repair());
  TRY(log.set_keys(keys));
  TRY(log.close());
  Report report;
  report.field("current key", Cell::number(keys->current_id()));
  report.field("from LSN", Cell::number(log.next_lsn()));
  report.remark("what was appended before stays under its keys: keep them as long as the file");
  return print(report, arguments);
}

struct KeyUse {
  uint64_t segments = 0;
  uint64_t records = 0;
  Lsn last_lsn = 0;
};

Listing list_keys(const std::map<uint32_t, KeyUse>& uses, uint32_t current) {
  Listing listing(
      {{"key", true}, {"segments", true}, {"records", true}, {"last LSN", true}, {"use"}});
  for (const auto& [id, use] : uses) {
    const char* word = id == 0 ? "not encrypted" : id == current ? "current" : "still needed";
    listing.add({id == 0 ? Cell::none() : Cell::number(id), Cell::count(use.segments),
                 Cell::count(use.records),
                 use.records == 0 ? Cell::none() : Cell::number(use.last_lsn), Cell::words(word)});
  }
  return listing;
}

}  // namespace

Result<ExitCode> repair_log(const WalArguments& arguments) {
  TRY(find_log_to_change(arguments.path, arguments.force));
  const Keys keys = TRY(read_keys(arguments.key_files));
  const WalReport found = TRY(check_wal(arguments.path, {keys, 1}));
  const bool is_whole = found.torn_bytes() == 0 && found.restorable_bytes() == 0;
  if (!found.is_damaged() && is_whole) return report_nothing(arguments);
  if (arguments.policy == MendPolicy::kSalvage) return report_salvage(arguments, keys);
  if (found.is_damaged()) return refusal(arguments, found);
  return report_cut(arguments, found, keys);
}

Result<ExitCode> truncate_log(const WalArguments& arguments) {
  if (TRY(find_log_to_change(arguments.path, arguments.force)) == WalPlace::kFile) {
    return Error(Code::kInvalid,
                 "a log of one file cannot lose its beginning: append to a new file, and remove "
                 "this one when its records are not needed any more; a log in a directory drops "
                 "whole segments",
                 arguments.path);
  }
  const Keys keys = TRY(read_keys(arguments.key_files));
  const std::unique_ptr<SegmentedWal> log = TRY(open_segments(arguments, keys));
  if (arguments.before > log->next_lsn()) {
    return Error({Code::kInvalid, Reason::kOutOfRange,
                  "the log ends at LSN " + std::to_string(log->next_lsn() - 1) +
                      "; nothing above that can be given up",
                  arguments.path, log->next_lsn(), arguments.before});
  }
  const WalTruncation gone = TRY(log->truncate_before(arguments.before));
  const std::vector<WalSegment> left = log->list_segments();
  Report report;
  report.field("removed segments", Cell::count(gone.segments));
  report.field("removed bytes", Cell::bytes(gone.bytes));
  report.field("first LSN", Cell::number(left.empty() ? log->next_lsn() : left.front().first_lsn));
  report.field("next LSN", Cell::number(log->next_lsn()));
  TRY(log->close());
  return print(report, arguments);
}

Result<ExitCode> rotate_key(const WalArguments& arguments) {
  const WalPlace place = TRY(find_log_to_change(arguments.path, arguments.force));
  const Keys keys = TRY(read_keys(arguments.key_files));
  if (place == WalPlace::kFile) return rotate_key_of_file(arguments, keys);
  // The opening begins a new segment, under the first key.
  const std::unique_ptr<SegmentedWal> log = TRY(open_segments(arguments, keys));
  TRY(log->close());
  const WalReport found = TRY(check_wal(arguments.path, {keys, 1}));
  std::map<uint32_t, KeyUse> uses;
  for (const WalFileReport& file : found.files) {
    KeyUse& use = uses[file.key_id];
    ++use.segments;
    use.records += file.records;
    if (file.records > 0) use.last_lsn = file.last_lsn;
  }
  Report report;
  report.field("current key", Cell::number(keys->current_id()));
  report.listing("keys", list_keys(uses, keys->current_id()));
  return print(report, arguments);
}

}  // namespace sluice::cli
