// `sluice wal stat` and `verify`: both read and check every record, and say different things of it.
#include "sluice/wal_check.h"

#include <algorithm>
#include <set>

#include "cli/figures.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/wal.h"
#include "cli/wal_place.h"

namespace sluice::cli {
namespace {

Result<WalReport> check(const WalArguments& arguments) {
  TRY(find_log(arguments.path));
  const std::shared_ptr<const KeyRing> keys = TRY(read_keys(arguments.key_files));
  return check_wal(arguments.path, {keys, static_cast<uint32_t>(arguments.threads)});
}

std::string kind_of(const WalReport& report) {
  if (!report.is_file) return "directory of segments";
  switch (report.numbering) {
    case Numbering::kLog:
      return "one file";
    case Numbering::kRising:
      return "one file, numbered by its callers, rising";
    case Numbering::kAny:
      break;
  }
  return "one file, numbered by its callers";
}

/// What follows damage is no torn end.
bool is_torn(const WalFileReport& file) {
  return file.torn_bytes > 0 && !file.damage;
}

std::string state_of(const WalFileReport& file) {
  if (file.damage) return "DAMAGED";
  return is_torn(file) ? "torn end" : "ok";
}

Cell last_lsn_cell(const WalFileReport& file) {
  return file.records == 0 ? Cell::none() : Cell::number(file.last_lsn);
}

Cell key_cell(uint32_t key_id) {
  return key_id == 0 ? Cell::none() : Cell::number(key_id);
}

Listing list_files(const WalReport& report) {
  Listing listing({{"file"},
                   {"first LSN", true},
                   {"last LSN", true},
                   {"records", true},
                   {"payload", true},
                   {"marks", true},
                   {"confirmed", true},
                   {"valid", true},
                   {"torn", true},
                   {"key", true},
                   {"reopenings", true},
                   {"file bytes", true},
                   {"state"}});
  for (const WalFileReport& file : report.files) {
    listing.add({Cell::words(file.file), Cell::number(file.first_lsn), last_lsn_cell(file),
                 Cell::count(file.records), Cell::bytes(file.payload_bytes),
                 Cell::count(file.marks), Cell::number(file.confirmed_end),
                 Cell::number(file.accepted_end), Cell::number(file.torn_bytes),
                 key_cell(file.key_id), Cell::count(file.reopenings), Cell::bytes(file.file_bytes),
                 Cell::words(state_of(file))});
  }
  return listing;
}

struct Totals {
  uint64_t payload_bytes = 0;
  uint64_t file_bytes = 0;
  std::optional<Lsn> first_lsn, last_lsn;  ///< of the records; none: there is none
  std::set<uint32_t> keys;                 ///< 0: something is not encrypted
};

Totals totals_of(const WalReport& report) {
  Totals totals;
  for (const WalFileReport& file : report.files) {
    totals.payload_bytes += file.payload_bytes;
    totals.file_bytes += file.file_bytes;
    if (file.records == 0) continue;
    if (!totals.first_lsn) totals.first_lsn = file.first_lsn;
    totals.last_lsn = file.last_lsn;
    totals.keys.insert(file.key_id);
  }
  return totals;
}

std::string encryption_of(const Totals& totals) {
  if (totals.keys.empty() || *totals.keys.rbegin() == 0) return "no";
  return totals.keys.contains(0) ? "in part" : "yes";
}

Cell lsn_cell(const std::optional<Lsn>& lsn) {
  return lsn ? Cell::number(*lsn) : Cell::none();
}

/// Damage, or something that is missing.
struct Wound {
  std::string file;
  Error error;
  std::optional<Lsn> lsn;               ///< the first that cannot be read, if that is known
  std::optional<uint64_t> durable_end;  ///< up to where the file is known to have been durable
};

std::vector<Wound> wounds_of(const WalReport& report) {
  std::vector<Wound> wounds;
  for (const WalFileReport& file : report.files) {
    if (!file.damage) continue;
    Wound wound{file.file, *file.damage, {}, {}};
    if (file.first_lsn != 0) wound.lsn = file.last_lsn + 1;
    if (file.damage->expected() != 0) wound.durable_end = file.damage->expected();
    wounds.push_back(std::move(wound));
  }
  for (const Error& error : report.findings) {
    Wound wound{error.where(), error, {}, {}};
    if (error.reason() == Reason::kMissingSegment) wound.lsn = error.expected();
    wounds.push_back(std::move(wound));
  }
  return wounds;
}

std::string advice_for(const WalArguments& arguments) {
  return "restore it from a copy, or take what can still be read: sluice wal repair " +
         quote_for_shell(arguments.path) + " --policy salvage";
}

/// The byte, unless the numbers of the error mean something else.
uint64_t offset_of(const Wound& wound) {
  return wound.error.reason() == Reason::kMissingSegment ? 0 : wound.error.found();
}

std::vector<Finding> findings_of(const WalReport& report, const WalArguments& arguments) {
  std::vector<Finding> findings;
  for (const Wound& wound : wounds_of(report)) {
    findings.push_back({wound.error, wound.file, offset_of(wound), advice_for(arguments)});
  }
  return findings;
}

std::string torn_line(const WalFileReport& file) {
  return "torn     " + make_visible(file.file) + " at byte " + std::to_string(file.accepted_end) +
         ", behind LSN " + std::to_string(file.last_lsn) + ": " + format_count(file.torn_bytes) +
         " bytes (" + std::string(to_string(file.torn_reason)) +
         ") that a crash left, or that are being written; no sync has confirmed them\n";
}

std::string restorable_line(const WalFileReport& file) {
  return "torn     " + make_visible(file.file) + ": the block in which it ended; " +
         format_count(file.restorable_bytes) +
         " bytes were read from its side file, and the next opening restores them\n";
}

std::string text_of(const WalReport& report, const WalArguments& arguments) {
  const Totals totals = totals_of(report);
  std::string text = "log      " + format_count(report.files.size()) +
                     (report.files.size() == 1 ? " file, " : " files, ") +
                     format_bytes(totals.file_bytes) + ", " + format_count(report.records()) +
                     " records";
  if (totals.first_lsn) {
    text +=
        ", LSNs " + std::to_string(*totals.first_lsn) + " to " + std::to_string(*totals.last_lsn);
  }
  text += "\n";
  for (const WalFileReport& file : report.files) {
    if (file.restorable_bytes > 0) text += restorable_line(file);
    if (is_torn(file)) text += torn_line(file);
  }
  for (const Wound& wound : wounds_of(report)) {
    std::string advice = advice_for(arguments);
    if (wound.lsn) {
      advice = "LSN " + std::to_string(*wound.lsn) + " is the first that cannot be read; " + advice;
    }
    text += to_line({wound.error, wound.file, offset_of(wound), advice});
  }
  return text + (report.is_damaged() ? "DAMAGED  what was durable cannot be read any more\n"
                                     : "ok       every durable record is as it was written\n");
}

void append_wound(JsonWriter& json, const Wound& wound, const WalArguments& arguments) {
  json.begin_object().key("object").text(wound.file).key("offset").number(offset_of(wound));
  json.key("lsn");
  wound.lsn ? json.number(*wound.lsn) : json.null();
  json.key("durable_to");
  wound.durable_end ? json.number(*wound.durable_end) : json.null();
  json.key("code").text(to_string(wound.error.code()));
  json.key("reason").text(to_string(wound.error.reason()));
  json.key("message").text(wound.error.message());
  json.key("advice").text(advice_for(arguments)).end_object();
}

std::string json_of(const WalReport& report, const WalArguments& arguments) {
  const Totals totals = totals_of(report);
  JsonWriter json;
  json.begin_object().key("files").number(report.files.size());
  json.key("file_bytes").number(totals.file_bytes).key("records").number(report.records());
  json.key("first_LSN").raw(lsn_cell(totals.first_lsn).json);
  json.key("last_LSN").raw(lsn_cell(totals.last_lsn).json);
  json.key("damaged").boolean(report.is_damaged()).key("torn").begin_array();
  for (const WalFileReport& file : report.files) {
    if (!is_torn(file)) continue;
    json.begin_object().key("object").text(file.file).key("offset").number(file.accepted_end);
    json.key("lsn").number(file.last_lsn + 1).key("bytes").number(file.torn_bytes);
    json.key("reason").text(to_string(file.torn_reason)).end_object();
  }
  json.end_array().key("restorable_bytes").number(report.restorable_bytes());
  json.key("findings").begin_array();
  for (const Wound& wound : wounds_of(report)) append_wound(json, wound, arguments);
  return json.end_array().end_object().take() + "\n";
}

}  // namespace

Result<ExitCode> show_log_figures(const WalArguments& arguments) {
  const WalReport checked = TRY(check(arguments));
  const Totals totals = totals_of(checked);
  Report report;
  report.field("path", Cell::words(arguments.path)).field("kind", Cell::words(kind_of(checked)));
  report.field("records", Cell::count(checked.records()));
  report.field("first LSN", lsn_cell(totals.first_lsn));
  report.field("last LSN", lsn_cell(totals.last_lsn));
  report.field("payload", Cell::bytes(totals.payload_bytes));
  report.field("file bytes", Cell::bytes(totals.file_bytes));
  report.field("encrypted", Cell::words(encryption_of(totals)));
  report.field("torn", Cell::number(checked.torn_bytes()));
  report.field("restorable", Cell::number(checked.restorable_bytes()));
  report.listing("files", list_files(checked)).findings(findings_of(checked, arguments));
  return report.print(arguments.json ? ReportFormat::kJson : ReportFormat::kText);
}

Result<ExitCode> verify_log(const WalArguments& arguments) {
  const WalReport report = TRY(check(arguments));
  Output output;
  TRY(output.finish(
      output.write(arguments.json ? json_of(report, arguments) : text_of(report, arguments))));
  return report.is_damaged() ? ExitCode::kCorruption : ExitCode::kDone;
}

}  // namespace sluice::cli
