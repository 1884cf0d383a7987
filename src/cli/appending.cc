#include "cli/appending.h"

#include <chrono>
#include <span>
#include <thread>
#include <vector>

#include "cli/output.h"
#include "cli/wal_place.h"

namespace sluice::cli {

Status Appending::run(const Told& told) {
  std::vector<std::thread> threads;
  for (uint64_t more = 1; more < arguments_.threads; ++more) {
    threads.emplace_back([&] { work(told); });
  }
  work(told);
  for (std::thread& thread : threads) thread.join();
  return verdict_;
}

void Appending::work(const Told& told) {
  while (!has_failed_) {
    const Result<bool> more = append_group(told);
    if (more.ok() && !*more) return;
    if (more.ok()) continue;
    const std::lock_guard lock(told_mutex_);
    if (!has_failed_.exchange(true)) verdict_ = more.error();
  }
}

Result<bool> Appending::append_group(const Told& told) {
  using Clock = std::chrono::steady_clock;
  const PayloadGroup group = TRY(take());
  if (group.size() == 0) return false;
  std::vector<WalRecord> records(group.size(), arguments_.record);
  for (size_t at = 0; at < records.size(); ++at) {
    records[at].body = std::as_bytes(std::span(group.at(at)));
  }
  const Clock::time_point before = Clock::now();
  const Lsn first = TRY(log_.commit(records));
  const Nanos took = std::chrono::nanoseconds(Clock::now() - before).count();
  const std::lock_guard lock(told_mutex_);
  records_ += group.size();
  TRY(told({group, first, took}));
  return true;
}

Result<PayloadGroup> Appending::take() {
  const std::lock_guard lock(payloads_mutex_);
  return payloads_.next(arguments_.sync_every);
}

Result<std::unique_ptr<Payloads>> payloads_of(const WalArguments& arguments,
                                              const Interrupt& interrupt) {
  if (!arguments.count) return read_lines(interrupt);
  return make_up(*arguments.count, arguments.record_bytes, interrupt);
}

Result<std::unique_ptr<LogAppender>> open_or_make(const WalArguments& arguments) {
  const std::string& path = arguments.path;
  const std::shared_ptr<const KeyRing> keys = TRY(read_keys(arguments.key_files));
  WalPlace place = TRY(find_place_for_log(path, arguments.force));
  if (place == WalPlace::kDirectory && arguments.in_file) {
    return Error(Code::kInvalid, "--file makes a log of one file, and this is a directory", path);
  }
  if (place == WalPlace::kNothing && arguments.in_file) {
    place = WalPlace::kFile;
  } else if (place == WalPlace::kNothing) {
    TRY(make_log_directory(path));
    place = WalPlace::kDirectory;
  }
  AppenderOptions options{place, keys};
  options.io = arguments.direct ? WalIo::kDirect : WalIo::kBuffered;
  options.torn_writes = arguments.torn_writes;
  options.is_shared = arguments.threads > 1;
  std::unique_ptr<LogAppender> log = TRY(open_appender(path, std::move(options)));
  tell_cut(path, place, log->repair());
  if (arguments.direct && !log->is_direct()) {
    print_note("the file system refuses direct writes; they go through the page cache",
               Tone::kWarning);
  }
  return log;
}

}  // namespace sluice::cli
