#include "memtable/row_sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <tuple>

#include "memtable/readings_fixture.h"

namespace sluice::memtable {
namespace {

/// A row as the reference sorts it. The number of the row in the log is in column "n".
struct Known {
  int64_t day;
  std::string key;  // values of the key's columns, in an encoding that orders by bytes
  Nanos time;
  int64_t n;
};

/// What the random rows are like.
struct Shape {
  size_t runs;
  size_t rows;  ///< a run
  size_t keys;
  size_t key_bytes_min;
  Nanos times;     ///< distinct ones
  bool rising;     ///< times rise in the order of the log, but for one in a hundred
  std::string of;  ///< names of the key's columns
};

std::string ordered(int64_t value) {
  uint64_t word = __builtin_bswap64(static_cast<uint64_t>(value) ^ (1ull << 63));
  return {reinterpret_cast<const char*>(&word), sizeof word};
}

class RowSortTest : public testing::TestWithParam<Shape> {
 protected:
  const TableSpec& spec() {
    spec_ = kKeyed;
    spec_.columns.push_back({"m", Type::kInt64});
    spec_.key.clear();
    if (GetParam().of.find("id") != std::string::npos) spec_.key.push_back("id");
    if (GetParam().of.find("m") != std::string::npos) spec_.key.push_back("m");
    if (GetParam().times == 0) spec_.time.clear();
    return spec_;
  }

  void make(uint64_t seed) {
    random_.seed(seed);
    for (size_t run = 0; run < GetParam().runs; ++run) {
      BatchBuilder builder(Schema::make(spec_.columns).value());
      for (size_t rows = 1 + random_() % GetParam().rows; rows > 0; --rows) add(builder);
      runs_.push_back({builder.finish().value(), run + 1, nullptr, 0});
      if (run % 2 == 1) keep_some_partitions(runs_.back());
    }
  }

  /// Of a run that was split: only some days of its batch are its own.
  void keep_some_partitions(memtable::Run& run) {
    run.shares = share_out(run.batch, spec_);
    if (run.shares.size() < 2) return;
    const size_t first = known_.size() - run.batch.rows();
    std::shuffle(run.shares.begin(), run.shares.end(), random_);
    run.shares.resize(1 + random_() % run.shares.size());
    const auto is_others = [&](const Known& row) {
      return std::none_of(run.shares.begin(), run.shares.end(), [&](const Share& share) {
        return share.partition->values[0].number == row.day;
      });
    };
    known_.erase(std::remove_if(known_.begin() + ptrdiff_t(first), known_.end(), is_others),
                 known_.end());
  }

  void add(BatchBuilder& builder) {
    const int64_t n = next_number_++;
    std::string id = "k" + std::to_string(random_() % GetParam().keys);
    while (id.size() < GetParam().key_bytes_min) id.insert(1, "0");
    const int64_t m = static_cast<int64_t>(random_() % 3) - 1;
    const Nanos drawn = static_cast<Nanos>(random_() % std::max<Nanos>(GetParam().times, 1));
    const bool rises = GetParam().rising && random_() % 100 != 0;
    const Nanos time = (rises ? n / 10 : drawn) * 3 * kSecond * 3600 - kDay;
    builder.append_row(id, time, n, m);
    const bool has_id = GetParam().of.find("id") != std::string::npos;
    const bool has_m = GetParam().of.find("m") != std::string::npos;
    Known row{0, (has_id ? id + '\0' : "") + (has_m ? ordered(m) : ""), 0, n};
    if (GetParam().times > 0) row.day = time / kDay - (time % kDay < 0);
    if (GetParam().times > 0) row.time = time;
    known_.push_back(row);
  }

  /// The numbers of the rows that are left, in the order of the part.
  std::vector<int64_t> expected() {
    const auto place = [](const Known& row) { return std::tie(row.day, row.key, row.time); };
    std::stable_sort(known_.begin(), known_.end(),
                     [&](const Known& a, const Known& b) { return place(a) < place(b); });
    std::vector<int64_t> numbers;
    for (size_t at = 0; at < known_.size(); ++at) {
      const bool is_last = at + 1 == known_.size() || place(known_[at]) != place(known_[at + 1]);
      if (is_last || spec_.key.empty()) numbers.push_back(known_[at].n);
    }
    return numbers;
  }

  TableSpec spec_;
  std::vector<memtable::Run> runs_;
  std::vector<Known> known_;
  int64_t next_number_ = 0;
  std::mt19937_64 random_;
};

TEST_P(RowSortTest, AgreesWithAStableSortThatKeepsTheLastOfEquals) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    runs_.clear();
    known_.clear();
    const TableSpec& table = spec();
    make(seed);
    const size_t rows = known_.size();
    RowSort sort(runs_, table);
    const auto order = sort.take_order();
    std::vector<int64_t> found;
    for (size_t at = 0; at < sort.rows(); ++at) {
      const RowRef row = order[at].at;
      found.push_back(runs_[row.run].batch.column(2).int64(row.row));
    }
    ASSERT_EQ(found, expected()) << "seed " << seed;
    EXPECT_EQ(sort.rows() + sort.replaced(), rows);
    size_t first = 0;
    for (const PartitionRows& partition : sort.take_partitions()) {
      EXPECT_EQ(partition.first, first);
      EXPECT_GT(partition.count, 0u);
      first += partition.count;
    }
    EXPECT_EQ(first, found.size());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tables, RowSortTest,
    testing::Values(Shape{20, 100, 10, 0, 40, false, "id"}, Shape{20, 100, 10, 0, 40, true, "id"},
                    Shape{20, 100, 30, 24, 40, false, "id"}, Shape{20, 100, 5, 0, 40, true, "id m"},
                    Shape{20, 100, 5, 0, 9, false, "m"}, Shape{20, 100, 5, 0, 40, false, ""},
                    Shape{20, 100, 5, 0, 40, true, ""}, Shape{20, 100, 5, 0, 0, false, ""},
                    Shape{20, 100, 50, 0, 0, false, "id"},
                    // More keys than are numbered: short, long, and with a second column.
                    Shape{10, 4000, 9000, 0, 12, false, "id"},
                    Shape{10, 4000, 9000, 24, 12, false, "id"},
                    Shape{10, 4000, 9000, 0, 12, true, "id m"},
                    Shape{10, 4000, 9000, 0, 0, false, "id"}));

}  // namespace
}  // namespace sluice::memtable
