#include "cli/log_appender.h"

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

class FileAppender final : public LogAppender {
 public:
  explicit FileAppender(WalWriter log) : log_(std::move(log)) {}
  Result<Lsn> commit(std::span<const WalRecord> records) override {
    const std::lock_guard lock(mutex_);
    const Lsn first = TRY(log_.append(records));
    TRY(log_.sync());
    return first;
  }
  Status close() override { return log_.close(); }
  const WalRepair& repair() const override { return log_.repair(); }
  WalProtection protection() const override { return log_.protection(); }
  bool is_direct() const override { return log_.is_direct(); }

 private:
  std::mutex mutex_;
  WalWriter log_;
};

}  // namespace

Result<std::unique_ptr<LogAppender>> open_appender(const std::string& path,
                                                   AppenderOptions options) {
  if (options.place == WalPlace::kFile) {
    WalFileOptions single{.repair = RepairPolicy::kTruncatePartial,
                          .keys = std::move(options.keys)};
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
