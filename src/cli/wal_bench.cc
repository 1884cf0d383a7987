// `sluice wal bench`: how fast a log is here.
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "cli/appending.h"
#include "cli/figures.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/wal.h"
#include "cli/wal_place.h"

namespace sluice::cli {
namespace {

/// Changes the order of the spans.
Nanos percentile(std::vector<Nanos>& spans, size_t percent) {
  if (spans.empty()) return 0;
  const size_t place = std::min(spans.size() - 1, spans.size() * percent / 100);
  std::nth_element(spans.begin(), spans.begin() + static_cast<ptrdiff_t>(place), spans.end());
  return spans[place];
}

/// A directory that goes with all that is in it.
class FreshDirectory {
 public:
  static Result<std::unique_ptr<FreshDirectory>> make(const std::string& parent) {
    std::string path = parent + "/sluice-wal-bench-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      return Error(Code::kIo, std::string("cannot make a directory in it: ") + std::strerror(errno),
                   parent);
    }
    return std::unique_ptr<FreshDirectory>(new FreshDirectory(std::move(path)));
  }
  ~FreshDirectory() {
    std::error_code failed;
    std::filesystem::remove_all(path_, failed);
    if (failed) print_note("cannot remove " + path_ + ": " + failed.message(), Tone::kWarning);
  }
  FreshDirectory(const FreshDirectory&) = delete;
  FreshDirectory& operator=(const FreshDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit FreshDirectory(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

/// With as many decimals as `scale` has zeros.
Cell decimals(double value, double scale) {
  const std::string text = format_double(std::round(value * scale) / scale);
  return {text, text};
}

Cell microseconds(Nanos span) {
  return decimals(static_cast<double>(span) / kMicrosecond, 10);
}

uint64_t bytes_in(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator entry(directory, failed), end;
       !failed && entry != end; entry.increment(failed)) {
    std::error_code gone;
    if (!entry->is_regular_file(gone)) continue;
    const uint64_t file_bytes = entry->file_size(gone);
    if (!gone) bytes += file_bytes;
  }
  return bytes;
}

struct Measured {
  bool is_encrypted = false;
  bool is_direct = false;
  uint64_t records = 0;
  uint64_t file_bytes = 0;
  Nanos span = 0;
  std::vector<Nanos> waits;
};

Report report_of(const WalArguments& arguments, Measured& measured) {
  const double seconds = static_cast<double>(std::max<Nanos>(measured.span, 1)) / kSecond;
  const auto records = static_cast<double>(measured.records);
  const double bytes = records * static_cast<double>(arguments.record_bytes);
  Report report;
  report.field("records", Cell::count(measured.records));
  report.field("record bytes", Cell::count(arguments.record_bytes));
  report.field("threads", Cell::count(arguments.threads));
  report.field("records/sync", Cell::count(arguments.sync_every));
  report.field("encrypted", Cell::flag(measured.is_encrypted));
  report.field("direct", Cell::flag(measured.is_direct));
  report.field("log bytes", Cell::count(measured.file_bytes));
  report.field("seconds", decimals(seconds, 1000));
  report.field("appends/s", Cell::count(per_second(measured.records, measured.span)));
  report.field("MB/s", decimals(bytes / seconds / 1e6, 1000));
  report.field("sync us p50", microseconds(percentile(measured.waits, 50)));
  report.field("sync us p99", microseconds(percentile(measured.waits, 99)));
  return report;
}

}  // namespace

Result<ExitCode> measure_log(const WalArguments& arguments) {
  const Interrupt interrupt;
  WalArguments fresh = arguments;
  const std::unique_ptr<FreshDirectory> directory = TRY(FreshDirectory::make(arguments.path));
  fresh.path = directory->path() + "/log";
  const std::unique_ptr<Payloads> payloads = TRY(payloads_of(fresh, interrupt));
  const std::unique_ptr<LogAppender> log = TRY(open_or_make(fresh));
  Measured measured;
  measured.is_encrypted = TRY(read_keys(arguments.key_files)) != nullptr;
  Appending appending(*log, *payloads, fresh);
  const auto before = std::chrono::steady_clock::now();
  const Status appended = appending.run([&](const Appending::Group& group) {
    measured.waits.push_back(group.took);
    return ok();
  });
  measured.span = std::chrono::nanoseconds(std::chrono::steady_clock::now() - before).count();
  measured.records = appending.records();
  measured.is_direct = log->is_direct();
  TRY(appended);
  TRY(log->close());
  // What the log takes: a closed one has given back what it had filled with zeros.
  measured.file_bytes = bytes_in(directory->path());
  return report_of(arguments, measured)
      .print(arguments.json ? ReportFormat::kJson : ReportFormat::kText);
}

}  // namespace sluice::cli
