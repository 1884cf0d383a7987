// Every operation of Disk and Bucket fails once, in each way, under a LakehouseWriter; whoever sent
// rows sends again what he was not told to be persisted, in portions of another size.
#include <gtest/gtest.h>

#include <map>

#include "landing/store_fixture.h"
#include "landing/table_rows_fixture.h"
#include "sluice/parent.h"

namespace sluice::landing {
namespace {

constexpr uint64_t kLast = 6;

/// Two senders who number their own rows, and one writer after the other.
class Senders {
 public:
  Store store;

  bool open() {
    WriterOptions options;
    options.bucket = &store.bucket;
    options.disk = &store.disk;
    options.runtime = &store.runtime;
    options.table_path = "db/users";
    options.max_retries = 0;
    options.retry_backoff = kMillisecond;
    options.commit_timeout = 5 * kMillisecond;
    auto writer = LakehouseWriter::open(options);
    if (!writer.ok()) return false;
    writer_ = *std::move(writer);
    return true;
  }
  /// kPowerCut: what the disk had not synced is gone, too.
  void end(bool power_cut) {
    writer_.reset();
    store.script.revive();
    if (power_cut) store.disk.power_cut();
    sent_ = persisted_;
  }
  void forget_faults() { store.script.revive(); }

  /// Everything that is left, `portion` rows a call; by the buffer and past it.
  void send(uint64_t portion) {
    for (uint64_t round = 0; left() && round < 4 * kLast; ++round) {
      const std::string source = round % 2 == 0 ? "a" : "b";
      const uint64_t first = sent_[source] + 1;
      const uint64_t last = std::min(kLast, sent_[source] + portion);
      if (first > last) continue;
      make(source, first, last);
      if (round % 4 < 2) {
        const auto flushed = writer_->flush(entries_);
        if (flushed.ok()) sent_[source] = last;
        if (flushed.ok() && flushed->status == FlushStatus::kPersisted) persisted_ = sent_;
      } else {
        if (writer_->receive(source, entries_).ok()) sent_[source] = last;
        if (writer_->flush().status == FlushStatus::kPersisted) persisted_ = sent_;
      }
    }
    static_cast<void>(writer_->retry_pending_blocks());
    // A promise is for all that was sent before it: one call may have been of earlier rows.
    if (writer_->stats().pending_blocks == 0 && writer_->stats().buffer.state.count == 0) {
      persisted_ = sent_;
    }
  }
  /// What was promised is there, and nothing twice.
  void check_promises() {
    const auto found = rows_in_table(store.bucket, {"db", "users"});
    for (const auto& [source, last] : persisted_) {
      for (uint64_t lsn = 1; lsn <= last; ++lsn) {
        EXPECT_EQ(found.count({source, static_cast<int64_t>(lsn)}), 1u) << source << lsn;
      }
    }
    for (const SourceAndLsn& row : found) EXPECT_EQ(found.count(row), 1u) << row.second;
  }
  void check_all() {
    EXPECT_FALSE(left());
    EXPECT_EQ(rows_in_table(store.bucket, {"db", "users"}).size(), 2 * kLast);
    check_promises();
    EXPECT_EQ(writer_->stats().pending_blocks, 0u);
    end(false);
    ASSERT_TRUE(open());
    EXPECT_EQ(store.disk.names().size(), 1u) << "the identity alone";
    EXPECT_EQ(rows_in_table(store.bucket, {"db", "users"}).size(), 2 * kLast);
  }

 private:
  bool left() { return sent_["a"] < kLast || sent_["b"] < kLast; }
  void make(const std::string& source, uint64_t first, uint64_t last) {
    texts_.clear();
    entries_.clear();
    source_ = source;
    for (uint64_t lsn = first; lsn <= last; ++lsn) {
      texts_.push_back("{\"n\":" + std::to_string(lsn) + "}");
    }
    for (uint64_t lsn = first; lsn <= last; ++lsn) {
      WalEntry& entry = entries_.emplace_back();
      entry.lsn = lsn;
      entry.source = source_;
      entry.json = texts_[lsn - first];
    }
  }

  std::unique_ptr<LakehouseWriter> writer_;
  std::map<std::string, uint64_t> sent_;       ///< that the writer has, last LSN by source
  std::map<std::string, uint64_t> persisted_;  ///< that it has promised
  std::string source_;
  std::vector<std::string> texts_;
  std::vector<WalEntry> entries_;
};

constexpr Fault kFaults[] = {Fault::kFailBefore, Fault::kAnswerLost, Fault::kFull, Fault::kDeath,
                             Fault::kDeathAfter};

// L7
TEST(LakehouseFaults, AfterAnyFaultAndANewOpeningEveryRowIsThereOnce) {
  uint64_t runs = 0;
  for (const Fault fault : kFaults) {
    bool was_hit = true;
    for (uint64_t operation = 1; was_hit; ++operation, ++runs) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " at operation " +
                   std::to_string(operation));
      Senders senders;
      senders.store.script.fail_at(operation, fault);
      if (senders.open()) senders.send(3);
      was_hit = senders.store.script.was_hit();
      senders.end(operation % 2 == 0 && fault >= Fault::kDeath);
      senders.check_promises();
      ASSERT_TRUE(senders.open());
      senders.send(4);
      senders.check_all();
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(runs, 500u);
}

TEST(LakehouseFaults, AfterAnyFaultTheSameWriterGoesOnAndEveryRowIsThereOnce) {
  uint64_t runs = 0;
  for (const Fault fault : {Fault::kFailBefore, Fault::kAnswerLost, Fault::kFull}) {
    bool was_hit = true;
    for (uint64_t operation = 1; was_hit; ++operation) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " at operation " +
                   std::to_string(operation));
      Senders senders;
      senders.store.script.fail_at(operation, fault);
      const bool is_open = senders.open();
      if (is_open) senders.send(3);
      was_hit = senders.store.script.was_hit();
      senders.forget_faults();
      if (!is_open) continue;
      senders.send(3);
      senders.check_all();
      ++runs;
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(runs, 300u);
}

}  // namespace
}  // namespace sluice::landing
