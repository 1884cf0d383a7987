#include "table/committer.h"

#include <gtest/gtest.h>

#include "table/fakes_test.h"
#include "table/format.h"

namespace sluice::table {
namespace {

/// One process: a committer, and a caller that obeys the contract.
class Process {
 public:
  Process(FakeBucket& bucket, Writer writer, uint64_t seed)
      : bucket_(bucket),
        runtime_(seed),
        log_(writer.log),

        committer_(runtime_, bucket, kName, std::move(writer), CommitterOptions{},
                   [&bucket] { return bucket.dead(); }) {}

  Committer& committer() { return committer_; }

  /// Puts rows (LSNs up to `lsn`) of one day into the table, unless they are there already.
  Status flush(uint64_t lsn) {
    for (int tries = 0; tries < 8; ++tries) {
      auto head = persist([&] { return committer_.load(); });
      if (head.ok() && !claimed_) head = persist([&] { return committer_.claim(); });
      if (!head.ok()) return head.error();
      claimed_ = true;
      if ((*head)->marks.flushed(log_, "") >= lsn) return ok();
      FlushEdit edit = edit_of(*head, lsn);
      const auto committed = persist([&] { return committer_.commit(edit); });
      if (committed.ok()) return ok();
      if (committed.error().code() != Code::kConflict) return committed.error();
      for (const part::Meta& part : edit.parts) bucket_.objects().erase(part.key);
    }
    return Error(Code::kBusy, "a conflict without end");
  }

  FlushEdit edit_of(const HeadPtr& base, uint64_t lsn) {
    FlushEdit edit;
    edit.flush = FlushId::draw(runtime_);
    edit.base = base;
    edit.lsns.low_water = lsn;
    edit.sources["file"].low_water = lsn;
    edit.parts = {part_of("lsn" + std::to_string(lsn) + "-" + edit.flush.hex())};
    for (const part::Meta& part : edit.parts) {
      bucket_.objects()[part.key] = std::string(part.bytes, 'x');
    }
    return edit;
  }

  /// Repeats what failed without effect.
  Result<HeadPtr> persist(const std::function<Result<HeadPtr>()>& call) {
    for (int tries = 0;; ++tries) {
      auto result = call();
      if (result.ok() || result.error().code() != Code::kIo || bucket_.dead() || tries == 8) {
        return result;
      }
    }
  }

 private:
  FakeBucket& bucket_;
  FakeRuntime runtime_;
  LogId log_;
  Committer committer_;
  bool claimed_ = false;
};

/// How often the table holds the rows up to each of the LSNs, as "lsn10 ×1 ...".
std::map<std::string, int> flushes_in(FakeBucket& bucket) {
  std::map<std::string, int> counts;
  const auto head = load_head(bucket, kName);
  EXPECT_TRUE(head.ok()) << head.error().to_string();
  if (!head.ok()) return counts;
  const auto parts = read_parts(bucket, (*head)->metadata, nullptr);
  EXPECT_TRUE(parts.ok()) << parts.error().to_string();
  if (!parts.ok()) return counts;
  for (const part::Meta& part : *parts) {
    const size_t begin = part.key.rfind('/') + 1;
    ++counts[part.key.substr(begin, part.key.find('-') - begin)];
    EXPECT_TRUE(bucket.objects().contains(part.key));
  }
  return counts;
}

const std::map<std::string, int> kEachOnce = {{"lsn10", 1}, {"lsn20", 1}, {"lsn110", 1}};

/// create, claim, commit, commit; then the next opening: claim, commit.
Status first_life(Process& process) {
  const auto created = process.persist([&] { return process.committer().create(keyed_spec()); });
  if (!created.ok()) return created.error();
  TRY(process.flush(10));
  return process.flush(20);
}
Status second_life(Process& process) {
  const auto created = process.persist([&] { return process.committer().create(keyed_spec()); });
  if (!created.ok()) return created.error();
  for (const uint64_t lsn : {10, 20, 110}) TRY(process.flush(lsn));
  return ok();
}

TEST(Committer, MakesATableThatReloadsEqual) {
  FakeBucket bucket;
  Process process(bucket, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(process).ok());
  const auto head = load_head(bucket, kName);
  ASSERT_TRUE(head.ok()) << head.error().to_string();
  const HeadPtr mine = process.committer().head();
  EXPECT_EQ((*head)->metadata.encode(), mine->metadata.encode());
  EXPECT_EQ((*head)->marks, mine->marks);
  EXPECT_EQ(mine->metadata.version, 3u);
  EXPECT_EQ(bucket.objects()["db/coll/metadata/version-hint.text"], "3");
  EXPECT_EQ(mine->metadata.epoch, 1u);
  EXPECT_EQ(mine->marks.flushed(id_of<LogId>(1), "any"), 20u);
  EXPECT_EQ(mine->marks.position("file", "any"), 20u);
  EXPECT_EQ(list_tables(bucket).value(), std::vector<TableName>{kName});
}

TEST(Committer, CreateOfAnExistingTableLoadsIt) {
  FakeBucket bucket;
  Process first(bucket, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(first).ok());
  Process second(bucket, writer_of(1, 2), 2);
  const auto head = second.committer().create({{{"other", Type::kBool}}, {}, ""});
  ASSERT_TRUE(head.ok());
  EXPECT_EQ((*head)->metadata.version, 3u);
  EXPECT_EQ((*head)->metadata.epoch, 1u);  // not claimed by loading
}

TEST(Committer, LoadOfAnAbsentTableSaysSo) {
  FakeBucket bucket;
  Process process(bucket, writer_of(1, 1), 1);
  EXPECT_EQ(process.committer().load().error().code(), Code::kNotFound);
  EXPECT_EQ(process.committer().claim().error().code(), Code::kNotFound);
}

TEST(Committer, ClaimsOnceInAnOpening) {
  FakeBucket bucket;
  Process first(bucket, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(first).ok());
  Process second(bucket, writer_of(1, 2), 2);
  EXPECT_EQ(second.committer().claim().value()->metadata.epoch, 2u);
  EXPECT_EQ(second.committer().claim().value()->metadata.epoch, 2u);
  EXPECT_EQ(second.committer().head()->metadata.version, 4u);
}

// T2: every answer but a first-hand success is unknown.
TEST(Committer, HoldsEachFlushOnceWhateverOneAnswerIsLost) {
  FakeBucket calm;
  Process process(calm, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(process).ok());
  Process next(calm, writer_of(1, 2), 2);
  ASSERT_TRUE(second_life(next).ok());
  ASSERT_EQ(flushes_in(calm), kEachOnce);
  const uint64_t operations = calm.operations();
  for (uint64_t operation = 1; operation <= operations; ++operation) {
    for (const Fault fault :
         {Fault::kFailBefore, Fault::kAnswerLost, Fault::kLate, Fault::kTwice}) {
      for (const uint64_t late_by : {0, 1, 2, 4, 8}) {
        if (fault != Fault::kLate && late_by > 0) break;
        SCOPED_TRACE(testing::Message() << "operation " << operation << " fault "
                                        << static_cast<int>(fault) << " late by " << late_by);
        FakeBucket bucket;
        bucket.fail_at(operation, fault, late_by);
        Process one(bucket, writer_of(1, 1), 1);
        const Status first = first_life(one);
        ASSERT_TRUE(first.ok()) << first.error().to_string();
        Process two(bucket, writer_of(1, 2), 2);
        const Status second = second_life(two);
        ASSERT_TRUE(second.ok()) << second.error().to_string();
        bucket.fail_at(0, fault);
        ASSERT_EQ(flushes_in(bucket), kEachOnce);
        ASSERT_TRUE(two.committer().confirm({110, {}}).ok());
      }
    }
  }
}

// T4: a flush is in the table once, whenever the process dies and whenever its last request lands.
TEST(Committer, HoldsEachFlushOnceWheneverTheProcessDies) {
  FakeBucket calm;
  Process process(calm, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(process).ok());
  const uint64_t operations = calm.operations();
  for (uint64_t operation = 1; operation <= operations; ++operation) {
    for (const Fault fault : {Fault::kDeath, Fault::kDeathAfter, Fault::kDeathLate}) {
      for (uint64_t late_by = 0; late_by < 12; ++late_by) {
        if (fault != Fault::kDeathLate && late_by > 0) break;
        SCOPED_TRACE(testing::Message() << "operation " << operation << " fault "
                                        << static_cast<int>(fault) << " late by " << late_by);
        FakeBucket bucket;
        bucket.fail_at(operation, fault, late_by);
        Process one(bucket, writer_of(1, 1), 1);
        ASSERT_FALSE(first_life(one).ok() && operation + 1 < operations);
        bucket.revive();
        Process two(bucket, writer_of(1, 2), 2);
        const Status second = second_life(two);
        ASSERT_TRUE(second.ok()) << second.error().to_string();
        ASSERT_EQ(flushes_in(bucket), kEachOnce);
      }
    }
  }
}

}  // namespace
}  // namespace sluice::table
