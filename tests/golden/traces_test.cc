// What is asked of disk and bucket, in which order: the traces in X.trace.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "tests/golden/life.h"

namespace sluice::golden {
namespace {

constexpr int64_t kDay = 19'000;
constexpr uint64_t kSeeds = 8;

/// The place of the first line from `first` on that begins with `start`; the test fails if there is
/// none.
size_t place_of(const Lines& lines, const std::string& start, size_t first = 0) {
  const auto found =
      std::find_if(lines.begin() + static_cast<ptrdiff_t>(std::min(first, lines.size())),
                   lines.end(), [&](const std::string& line) { return line.starts_with(start); });
  EXPECT_NE(found, lines.end()) << "no line begins with: " << start;
  return static_cast<size_t>(found - lines.begin());
}

std::string line_at(const Lines& lines, size_t place) {
  return place < lines.size() ? lines[place] : "no such line";
}

/// Lines that begin so, in this order; others may stand between them.
void expect_order(const Lines& lines, const Lines& starts) {
  size_t next = 0;
  for (const std::string& start : starts) next = place_of(lines, start, next) + 1;
}

struct Scenario {
  std::string file;
  /// What is there before; not part of the trace.
  std::function<void(Life&)> before;
  /// What a crash does to it.
  std::function<void(Storage&)> crash;
  std::function<void(Life&)> life;
};

Lines trace_of(const Scenario& scenario, uint64_t seed) {
  Storage storage;
  Tape tape;
  if (scenario.before) storage = live(tape, {}, 100, scenario.before);
  if (scenario.crash) scenario.crash(storage);
  tape = {};
  live(tape, std::move(storage), seed, scenario.life);
  return tape.lines();
}

/// The trace, compared with its file. It is the same whichever of the threads that can run runs
/// first: so it shows only what the code orders, and does not change by chance.
Lines expect_trace(const Scenario& scenario) {
  const Lines lines = trace_of(scenario, 1);
  expect_golden(scenario.file, lines);
  for (uint64_t seed = 2; seed <= kSeeds; ++seed) {
    const Lines other = trace_of(scenario, seed);
    EXPECT_TRUE(other == lines) << "under schedule " << seed << ":\n" << difference(lines, other);
  }
  return lines;
}

// ---- what is there before

void a_table(Life& life) {
  life.open();
  life.create_table();
  life.close();
}

void a_table_with_rows(Life& life) {
  life.open();
  life.create_table();
  life.send("a", kDay);
  life.close();
}

void death_with_rows_in_the_log(Life& life) {
  life.open();
  life.create_table();
  life.send("a", kDay);
  life.settle();
  life.die();
  life.close();
}

/// The second row is written, and not synced.
void death_while_a_row_is_written(Life& life) {
  life.open();
  life.create_table();
  life.send("a", kDay);
  life.settle();
  life.die_at_next_ack();
  life.send("torn-row", kDay, AckClass::kMemory);
  life.settle();
  life.close();
}

/// Of the row that was not synced, a byte did not arrive.
void tear(Storage& storage) {
  const sim::FileId* file = storage.disk.find("wal-00000000000000000001.seg");
  ASSERT_NE(file, nullptr);
  const sim::Image& image = storage.disk.file(*file).cache();
  std::string bytes(image.bytes, '\0');
  image.read_at(0, std::as_writable_bytes(std::span(bytes)));
  const size_t at = bytes.find("torn-row");
  ASSERT_NE(at, std::string::npos);
  storage.disk.write(*file, at, as_bytes("\1"));
}

/// Open and at rest; only what follows is part of the trace.
void open_and_forget(Life& life) {
  life.open();
  life.settle();
  life.tape().clear();
}

// ---- the log

TEST(Trace, OfOpeningAnEmptyDirectory) {
  const Lines trace = expect_trace({"open_empty.trace", {}, {}, [](Life& life) {
                                      life.tape().phase("open");
                                      life.open();
                                      life.settle();
                                      life.tape().phase("close");
                                      life.close();
                                    }});
  expect_order(trace, {"lock lock", "create wal-1.seg.new", "sync wal-1.seg.new",
                       "rename wal-1.seg.new wal-1.seg", "# close", "unlock lock"});
  EXPECT_EQ(line_at(trace, place_of(trace, "rename wal-1.seg.new wal-1.seg") + 1), "sync_dir");
}

TEST(Trace, OfOpeningAnExistingDirectory) {
  const Lines trace = expect_trace({"open_existing.trace", a_table_with_rows, {}, [](Life& life) {
                                      life.tape().phase("open");
                                      life.open();
                                      life.settle();
                                      life.tape().phase("close");
                                      life.close();
                                    }});
  expect_order(trace, {"lock lock", "sync wal-3.seg", "rename wal-3.seg.new wal-3.seg"});
}

TEST(Trace, OfOneAppend) {
  const Lines trace = expect_trace({"append_one.trace", a_table, {}, [](Life& life) {
                                      open_and_forget(life);
                                      life.tape().phase("append");
                                      life.send("a", kDay);
                                      life.settle();
                                      life.tape().phase("close");
                                      life.close();
                                    }});
  expect_order(trace, {"# append", "sync wal-1.seg", "ack lsn 2"});
}

TEST(Trace, OfAnAppendOfClassMemory) {
  const Lines trace = expect_trace({"append_memory.trace", a_table, {}, [](Life& life) {
                                      open_and_forget(life);
                                      life.tape().phase("append, class memory");
                                      life.send("a", kDay, AckClass::kMemory);
                                      life.settle();
                                      life.tape().phase("close");
                                      life.close();
                                    }});
  EXPECT_EQ(line_at(trace, place_of(trace, "ack lsn 2") - 1), "write wal-1.seg 8192+4096");
  expect_order(trace, {"ack lsn 2", "sync wal-1.seg", "# close"});
}

TEST(Trace, OfThreeAppendsInAGroup) {
  const Lines trace = expect_trace({"append_group.trace", a_table, {}, [](Life& life) {
                                      open_and_forget(life);
                                      life.tape().phase("three appends");
                                      for (const char* device : {"a", "b", "c"}) {
                                        life.send(device, kDay);
                                      }
                                      life.settle();
                                      life.tape().phase("close");
                                      life.close();
                                    }});
  expect_order(trace, {"sync wal-1.seg", "ack lsn 2", "ack lsn 3", "ack lsn 4", "# close"});
}

TEST(Trace, OfARollToANewSegment) {
  const Lines trace = expect_trace({"roll.trace", a_table, {}, [](Life& life) {
                                      open_and_forget(life);
                                      life.tape().phase("an append that fills the segment");
                                      life.send("a", kDay, AckClass::kLog, 70'000);
                                      life.settle();
                                      life.tape().phase("the next append");
                                      life.send("b", kDay);
                                      life.settle();
                                      life.tape().phase("close");
                                      life.close();
                                    }});
  expect_order(trace, {"create wal-3.seg.new", "sync wal-3.seg.new",
                       "rename wal-3.seg.new wal-3.seg", "ack lsn 2", "# the next", "ack lsn 3"});
  expect_order(trace, {"sync wal-1.seg", "create wal-3.seg.new"});
  EXPECT_EQ(line_at(trace, place_of(trace, "rename wal-3.seg.new wal-3.seg") + 1), "sync_dir");
}

// ---- tables

TEST(Trace, OfMakingATable) {
  const Lines trace = expect_trace({"create_table.trace", {}, {}, [](Life& life) {
                                      open_and_forget(life);
                                      life.tape().phase("create table");
                                      life.create_table();
                                      life.settle();
                                    }});
  place_of(trace, "put_if_absent demo/events/metadata/v1.metadata.json");
}

TEST(Trace, OfAddingColumns) {
  const Lines trace =
      expect_trace({"add_columns.trace", a_table, {}, [](Life& life) {
                      open_and_forget(life);
                      life.tape().phase("add a column");
                      EXPECT_TRUE(life.engine().add_columns(kTable, {{"n", Type::kInt64}}));
                      life.settle();
                    }});
  expect_order(trace, {"put_if_absent demo/events/metadata/v2.metadata.json",
                       "put_if_absent demo/events/metadata/v3.metadata.json"});
}

TEST(Trace, OfAFlushOfTwoDays) {
  Lines when_answered;
  const Lines trace = expect_trace({"flush.trace", {}, {}, [&](Life& life) {
                                      life.open();
                                      life.create_table();
                                      life.send("a", kDay);
                                      life.send("b", kDay + 1);
                                      life.settle();
                                      life.tape().clear();
                                      life.tape().phase("flush");
                                      when_answered = life.flush();
                                      life.settle();
                                      life.tape().phase("close");
                                      life.close();
                                    }});
  const std::string parts = "finish demo/events/data/<id1>-<id2>-";
  const std::string commit = "put_if_absent demo/events/metadata/v2.metadata.json";
  expect_order(trace, {"rename wal-4.seg.new wal-4.seg", parts + "0", commit, "sync wal-4.seg",
                       "rename wal-1.seg"});
  expect_order(trace, {parts + "1", "put_if_absent demo/events/marks/", commit});
  // The answer rests on a look after the commit.
  expect_order(when_answered, {commit, "put demo/events/metadata/version-hint.text"});
  expect_order(when_answered,
               {commit, "head demo/events/metadata/v3.metadata.json",
                "head demo/events/metadata/v2.metadata.json", "rename wal-1.seg", "sync_dir"});
}

TEST(Trace, OfFlushesByGroupsOfDevices) {
  const Lines trace = expect_trace({"flush_groups.trace", {}, {}, [](Life& life) {
                                      life.open(1);
                                      life.create_table();
                                      life.send("a", kDay);
                                      life.send("b", kDay);
                                      life.settle();
                                      life.tape().clear();
                                      life.tape().phase("flush of new devices");
                                      life.flush();
                                      life.settle();
                                      life.send("b", kDay);
                                      life.settle();
                                      life.tape().phase("flush of a known one");
                                      life.flush();
                                      life.settle();
                                    }});
  // T17: the table knows the groups before a part of theirs is there.
  expect_order(trace, {"put_if_absent demo/events/groups/<id1>.bin",
                       "put_if_absent demo/events/metadata/v2.metadata.json",
                       "begin_upload demo/events/data/<id2>-<id3>-0-g0.parquet",
                       "put_if_absent demo/events/metadata/v3.metadata.json",
                       "# flush of a known one", "put_if_absent demo/events/metadata/v4"});
  EXPECT_EQ(std::count_if(
                trace.begin(), trace.end(),
                [](const std::string& line) { return line.find("/groups/") != std::string::npos; }),
            1);
}

TEST(Trace, OfAClaimByASecondOpening) {
  const Lines trace = expect_trace({"claim.trace", a_table_with_rows, {}, [](Life& life) {
                                      open_and_forget(life);
                                      life.send("b", kDay);
                                      life.settle();
                                      life.tape().clear();
                                      life.tape().phase("flush");
                                      life.flush();
                                      life.settle();
                                    }});
  expect_order(trace, {"put_if_absent demo/events/metadata/v3.metadata.json",
                       "begin_upload demo/events/data/",
                       "put_if_absent demo/events/metadata/v4.metadata.json"});
}

// ---- close and recovery

TEST(Trace, OfAClose) {
  const Lines trace = expect_trace({"close.trace", a_table, {}, [](Life& life) {
                                      open_and_forget(life);
                                      life.send("a", kDay);
                                      life.settle();
                                      life.tape().clear();
                                      life.tape().phase("close");
                                      life.close();
                                    }});
  EXPECT_EQ(trace.back(), "unlock lock");
}

TEST(Trace, OfARecoveryWithATornTail) {
  const Lines trace =
      expect_trace({"recover_torn.trace", death_while_a_row_is_written, tear, [](Life& life) {
                      life.tape().phase("open");
                      life.open();
                      life.settle();
                      life.tape().phase("close");
                      life.close();
                    }});
  expect_order(trace,
               {"create quarantine-1-", "sync quarantine-1-", "rename wal-3.seg.new wal-3.seg"});
}

TEST(Trace, OfARecoveryThatReplaysFlushesAndTrims) {
  const Lines trace =
      expect_trace({"recover_flush.trace", death_with_rows_in_the_log, {}, [](Life& life) {
                      life.tape().phase("open");
                      life.open();
                      life.settle();
                      life.tape().phase("flush");
                      life.flush();
                      life.settle();
                    }});
  expect_order(trace, {"rename wal-3.seg.new wal-3.seg", "# flush", "rename wal-1.seg"});
  EXPECT_EQ(line_at(trace, place_of(trace, "rename wal-1.seg") + 1), "sync_dir");
}

}  // namespace
}  // namespace sluice::golden
