#include "cli/log_appender.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "sluice/wal_file.h"
#include "sluice/wal_log.h"

namespace sluice::cli {
namespace {

class SegmentAppender final : public LogAppender {
 public:
  SegmentAppender(std::unique_ptr<SegmentedWal> log, bool is_shared)
      : log_(std::move(log)), committer_(*log_), is_shared_(is_shared) {}
  /// Whoever comes while a sync runs shares the next one.
  Result<Lsn> commit(std::span<const WalRecord> records) override {
    if (!is_shared_) return log_->commit(records);
    if (records.size() == 1) return committer_.submit(records.front());
    const Lsn first = TRY(log_->append(records));
    TRY(log_->wait_durable(first + records.size() - 1));
    return first;
  }
  Status close() override { return log_->close(); }
  const WalRepair& repair() const override { return log_->repair(); }
  WalProtection protection() const override { return log_->protection(); }
  bool is_direct() const override { return log_->is_direct(); }

 private:
  const std::unique_ptr<SegmentedWal> log_;
  GroupCommitter committer_;
  const bool is_shared_;
};

/// Of the groups that come while a sync runs the last one that is appended syncs for all of them.
class FileAppender final : public LogAppender {
 public:
  explicit FileAppender(WalWriter log) : log_(std::move(log)) {}
  Result<Lsn> commit(std::span<const WalRecord> records) override {
    ++coming_;
    std::unique_lock lock(mutex_);
    const Result<Lsn> first = log_.append(records);
    const uint64_t turn = turn_;
    if (--coming_ > 0 && first.ok()) {
      synced_.wait(lock, [&] { return turn != turn_; });
    } else {
      verdict_ = log_.sync();
      ++turn_;
      synced_.notify_all();
    }
    TRY(first);
    TRY(verdict_);
    return first;
  }
  Status close() override { return log_.close(); }
  const WalRepair& repair() const override { return log_.repair(); }
  WalProtection protection() const override { return log_.protection(); }
  bool is_direct() const override { return log_.is_direct(); }

 private:
  std::atomic<uint64_t> coming_ = 0;  ///< groups that are about to be appended
  std::mutex mutex_;                  ///< guards what follows
  WalWriter log_;
  std::condition_variable synced_;
  uint64_t turn_ = 0;      ///< syncs so far
  Status verdict_ = ok();  ///< of the last
};

}  // namespace

Result<std::unique_ptr<LogAppender>> open_appender(const std::string& path,
                                                   AppenderOptions options) {
  if (options.place == WalPlace::kFile) {
    WalFileOptions single{.keys = std::move(options.keys)};
    single.io = options.io;
    single.torn_writes = options.torn_writes;
    WalWriter log = TRY(WalWriter::open(path, std::move(single)));
    return std::make_unique<FileAppender>(std::move(log));
  }
  SegmentedWalOptions segmented;
  segmented.keys = std::move(options.keys);
  segmented.io = options.io;
  segmented.torn_writes = options.torn_writes;
  std::unique_ptr<SegmentedWal> log = TRY(SegmentedWal::open(path, std::move(segmented)));
  return std::make_unique<SegmentAppender>(std::move(log), options.is_shared);
}

}  // namespace sluice::cli
