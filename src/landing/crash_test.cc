// Every operation of Disk and Bucket fails once, in each way; then the writer is opened anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "landing/store_fixture.h"
#include "part/reader.h"
#include "table/read.h"

namespace sluice::landing {
namespace {

enum class End : uint8_t { kProcessDied, kPowerCut };

std::string words(Fault fault) {
  constexpr const char* kWords[] = {"fails", "answer lost", "full", "death", "death after"};
  return kWords[static_cast<size_t>(fault)];
}

/// A program that keeps a manifest, or has a table, and the log that its rows come from.
class Life {
 public:
  explicit Life(AtomicFlushWriterOptions options) : options_(std::move(options)) {
    options_.rows_of = log_of_entries();
  }

  Store store;
  std::set<uint64_t> promised;  ///< first LSNs of flushes whose commit was acknowledged
  std::set<uint64_t> refused;   ///< of those whose rollback was

  bool open() {
    writer_ = open_writer(store, options_);
    return writer_ != nullptr;
  }
  void end(End end) {
    writer_.reset();
    store.script.revive();
    if (end == End::kPowerCut) store.disk.power_cut();
  }

  /// Ten rows a flush, from LSNs 1, 11, 21, 31 on. A call that fails is made once more.
  void work() {
    const std::string a = prepare(1);
    const std::string b = prepare(11);
    if (!b.empty()) commit(11, b);
    const std::string c = prepare(21);
    if (!c.empty()) commit(21, c);
    if (!a.empty()) roll_back(1, a);
    pending_ = prepare(31);
    consume();
  }
  Result<FlushRecoveryResult> recover() { return writer_->recover_pending_flushes(); }
  /// Recovers, and brings in what is not there yet, as a program would that has its log.
  void finish() {
    const FlushRecoveryResult result = recover().value();
    for (const FailedFlush& failed : result.failed) {
      ADD_FAILURE() << failed.name << ": " << failed.reason.to_string();
    }
    for (const auto* list : {&result.recovered, &result.retried}) {
      for (const AtomicFlushResult& flush : *list) commit(flush.range.min_lsn, flush.flush_id);
    }
    consume();
    for (const uint64_t first : {11u, 21u, 31u}) {
      if (visible().contains(first)) continue;
      const Entries entries(first, first + 9);
      const auto flushed = writer_->atomic_flush(entries, entries.range());
      EXPECT_TRUE(flushed.ok()) << flushed.error().to_string();
    }
    consume();
    EXPECT_EQ(writer_->pending_flush_count(), 0u);
    const FlushRecoveryResult again = recover().value();
    EXPECT_TRUE(again.recovered.empty() && again.retried.empty() && again.failed.empty());
  }

  void damage_pending() {
    for (auto& [key, bytes] : store.bucket.objects()) {
      if (key.find("/data/" + pending_ + "-") != std::string::npos) bytes[bytes.size() / 2] ^= 1;
    }
  }
  void begin_to_roll_back(uint64_t first) {
    const std::string id = prepare(first);
    store.script.fail_at(5, Fault::kDeath);
    EXPECT_FALSE(writer_->rollback_flush(id).ok());
    store.script.revive();
  }

  /// How often the rows from an LSN on can be seen.
  std::map<uint64_t, int> visible() {
    std::map<uint64_t, int> firsts;
    for (const std::string& key : visible_keys()) ++firsts[first_lsn(key)];
    return firsts;
  }
  void check() {
    const std::map<uint64_t, int> seen = visible();
    for (const auto& [first, times] : seen) EXPECT_EQ(times, 1) << "from LSN " << first;
    for (const uint64_t first : {11u, 21u, 31u}) EXPECT_TRUE(seen.contains(first)) << first;
    for (const uint64_t first : promised) EXPECT_TRUE(seen.contains(first)) << first;
    for (const uint64_t first : refused) EXPECT_FALSE(seen.contains(first)) << first;
    const std::set<std::string> referenced = visible_keys();
    for (const auto& [key, bytes] : store.bucket.objects()) {
      if (key.find("/data/") == std::string::npos) continue;
      EXPECT_TRUE(referenced.contains(key)) << "an orphan: " << key;
    }
    for (const std::string& key : referenced) EXPECT_TRUE(store.bucket.objects().contains(key));
    EXPECT_EQ(store.disk.names().size(), 1u) << "the identity alone";
  }

 private:
  std::string prepare(uint64_t first) {
    const Entries entries(first, first + 9);
    auto prepared = writer_->prepare_flush(entries, entries.range());
    return prepared.ok() ? prepared->flush_id : std::string();
  }
  void commit(uint64_t first, const std::string& id) {
    auto committed = writer_->commit_flush(id);
    if (!committed.ok()) committed = writer_->commit_flush(id);
    const bool done = committed.ok() || committed.error().reason() == Reason::kCommitted;
    if (done) promised.insert(first);
  }
  void roll_back(uint64_t first, const std::string& id) {
    auto done = writer_->rollback_flush(id);
    if (!done.ok()) done = writer_->rollback_flush(id);
    if (done.ok() || done.error().code() == Code::kExists) refused.insert(first);
  }
  void consume() {
    const std::vector<BlockMetadata> blocks = writer_->committed_blocks();
    for (const BlockMetadata& block : blocks) manifest_[block.id] = block.key;
    static_cast<void>(writer_->clear_committed_blocks(blocks));
  }
  std::set<std::string> visible_keys() {
    std::set<std::string> keys;
    for (const auto& [id, key] : manifest_) keys.insert(key);
    if (!options_.table) return keys;
    const auto head = table::load_head(store.bucket, *options_.table).value();
    for (const part::Meta& part : table::read_parts(store.bucket, head->metadata).value()) {
      EXPECT_TRUE(keys.insert(part.key).second) << "twice in the table: " << part.key;
    }
    return keys;
  }
  /// The least value of the column _lsn, which stands in every part.
  uint64_t first_lsn(const std::string& key);

  AtomicFlushWriterOptions options_;
  std::unique_ptr<AtomicFlushWriter> writer_;
  std::string pending_;
  std::map<std::string, std::string> manifest_;
};

uint64_t Life::first_lsn(const std::string& key) {
  const uint64_t bytes = store.bucket.head(key).value().bytes;
  const auto reader = part::Reader::open(store.bucket, key, bytes).value();
  for (const part::Column& column : reader->columns()) {
    if (column.name != kLsnColumn) continue;
    const auto rows = reader->read({{column.field_id, column.name, Type::kInt64}}, {}).value();
    const auto batch = rows->next().value();
    EXPECT_EQ(batch->rows(), 10u);
    return static_cast<uint64_t>(batch->column(0).int64(0));
  }
  return 0;
}

constexpr Fault kFaults[] = {Fault::kFailBefore, Fault::kAnswerLost, Fault::kFull, Fault::kDeath,
                             Fault::kDeathAfter};

/// Calls `body(life)` with each operation of it failing once, then lets it end in peace.
template <class Body>
uint64_t fail_each_operation(const AtomicFlushWriterOptions& options, const Body& body) {
  uint64_t runs = 0;
  for (const Fault fault : kFaults) {
    for (const End end : {End::kProcessDied, End::kPowerCut}) {
      // A program that lives on meets no power cut here.
      if (end == End::kPowerCut && fault < Fault::kDeath) continue;
      bool was_hit = true;
      for (uint64_t operation = 1; was_hit; ++operation) {
        SCOPED_TRACE(words(fault) + " at operation " + std::to_string(operation));
        Life life(options);
        body(life, operation, fault);
        was_hit = life.store.script.was_hit();
        life.end(end);
        EXPECT_TRUE(life.open());
        life.finish();
        life.check();
        ++runs;
        if (testing::Test::HasFailure()) return runs;
      }
    }
  }
  return runs;
}

void work_with_a_fault(Life& life, uint64_t operation, Fault fault) {
  life.store.script.fail_at(operation, fault);
  if (life.open()) life.work();
}

/// The work is done, a flush is pending with a damaged object, a rollback was cut off.
void recover_with_a_fault(Life& life, uint64_t operation, Fault fault) {
  ASSERT_TRUE(life.open());
  life.work();
  life.damage_pending();
  life.begin_to_roll_back(41);
  life.end(End::kProcessDied);
  life.store.script.fail_at(operation, fault);
  if (life.open()) static_cast<void>(life.recover());
}

// L1, L2, L3, L6
TEST(LandingCrash, AFaultAtAnyOperationAloneLeavesEveryRowOnce) {
  EXPECT_GT(fail_each_operation(alone(), work_with_a_fault), 300u);
}

TEST(LandingCrash, AFaultAtAnyOperationWithATableLeavesEveryRowOnce) {
  EXPECT_GT(fail_each_operation(with_table(), work_with_a_fault), 300u);
}

TEST(LandingCrash, AFaultAtAnyOperationOfRecoveryLeavesEveryRowOnce) {
  fail_each_operation(alone(), recover_with_a_fault);
  fail_each_operation(with_table(), recover_with_a_fault);
}

}  // namespace
}  // namespace sluice::landing
