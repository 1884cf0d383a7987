#include "query/merge.h"

#include <gtest/gtest.h>

#include <utility>

#include "query/rows_fixture.h"

namespace sluice::query {
namespace {

const std::vector<Field> kFields = {
    {"key", Type::kInt64}, {"version", Type::kInt64}, {"text", Type::kString}};

/// One answer after another, then the end.
class FakeStream final : public Stream {
 public:
  explicit FakeStream(std::vector<Result<Batch>> answers) : answers_(std::move(answers)) {}
  Result<std::optional<Batch>> next() override {
    if (next_ == answers_.size()) return std::optional<Batch>();
    return std::optional(TRY(Result<Batch>(answers_[next_++])));
  }

 private:
  std::vector<Result<Batch>> answers_;
  size_t next_ = 0;
};

struct Entry {
  int64_t key;
  int64_t version;
};

Batch batch_of(const std::vector<Entry>& entries, const std::string& text = "t") {
  std::vector<Row> rows;
  for (const Entry& entry : entries) {
    rows.push_back({make_value(entry.key), make_value(entry.version), make_value(text)});
  }
  return make_batch(kFields, rows);
}

Merge make_merge(std::vector<std::unique_ptr<Stream>> streams, bool versioned) {
  Order order{{0}, std::nullopt};
  if (versioned) order.version = 1;
  return Merge(Schema::make(kFields).value(), order, std::move(streams));
}

std::unique_ptr<Stream> stream_of(std::vector<Result<Batch>> answers) {
  return std::make_unique<FakeStream>(std::move(answers));
}

/// "key:version" of every row.
std::string read_all(Merge& merge) {
  std::string text;
  while (const auto batch = merge.next().value()) {
    for (uint32_t row = 0; row < batch->rows(); ++row) {
      text += (text.empty() ? "" : " ") + std::to_string(batch->column(0).int64(row)) + ":" +
              std::to_string(batch->column(1).int64(row));
    }
  }
  return text;
}

TEST(Merge, TheGreatestVersionOfARowStays) {
  std::vector<std::unique_ptr<Stream>> streams;
  streams.push_back(stream_of({batch_of({{1, 5}, {2, 1}}), batch_of({{4, 9}})}));
  streams.push_back(stream_of({batch_of({{1, 4}, {2, 2}, {3, 1}, {4, 8}})}));
  streams.push_back(stream_of({batch_of({{1, 3}}), batch_of({{2, 3}}), batch_of({{5, 1}})}));
  Merge merge = make_merge(std::move(streams), true);
  EXPECT_EQ(read_all(merge), "1:5 2:3 3:1 4:9 5:1");
}

TEST(Merge, WithoutVersionsEqualRowsStayInTheOrderOfRuns) {
  std::vector<std::unique_ptr<Stream>> streams;
  streams.push_back(stream_of({batch_of({{1, 10}, {1, 11}, {3, 12}})}));
  streams.push_back(stream_of({batch_of({{0, 20}, {1, 21}}), batch_of({{1, 22}, {3, 23}})}));
  streams.push_back(stream_of({batch_of({{1, 30}})}));
  Merge merge = make_merge(std::move(streams), false);
  EXPECT_EQ(read_all(merge), "0:20 1:10 1:11 1:21 1:22 1:30 3:12 3:23");
}

TEST(Merge, OfNoRowsIsNothing) {
  Merge none = make_merge({}, true);
  EXPECT_FALSE(none.next().value().has_value());
  std::vector<std::unique_ptr<Stream>> streams;
  streams.push_back(stream_of({}));
  Merge empty = make_merge(std::move(streams), true);
  EXPECT_FALSE(empty.next().value().has_value());
  EXPECT_FALSE(empty.next().value().has_value());
}

TEST(Merge, RunsThatDoNotOverlapArePassedOnUncopied) {
  const Batch first = batch_of({{1, 1}, {2, 1}});
  const Batch second = batch_of({{3, 1}});
  std::vector<std::unique_ptr<Stream>> streams;
  streams.push_back(stream_of({second}));
  streams.push_back(stream_of({first}));
  Merge merge = make_merge(std::move(streams), true);
  EXPECT_EQ(merge.next().value()->bytes().data(), first.bytes().data());
  EXPECT_EQ(merge.next().value()->bytes().data(), second.bytes().data());
  EXPECT_FALSE(merge.next().value().has_value());
}

TEST(Merge, ABatchEndsAtItsLimits) {
  std::vector<Entry> even;
  std::vector<Entry> odd;
  for (int64_t key = 0; key < 8192; ++key) (key % 2 == 0 ? even : odd).push_back({key, 1});
  even.push_back({9000, 1});
  odd.push_back({8999, 1});
  std::vector<std::unique_ptr<Stream>> streams;
  streams.push_back(stream_of({batch_of(even)}));
  streams.push_back(stream_of({batch_of(odd)}));
  Merge rows = make_merge(std::move(streams), true);
  EXPECT_EQ(rows.next().value()->rows(), 8192u);
  EXPECT_EQ(rows.next().value()->rows(), 1u);

  const std::string text(3u << 20, 'x');
  streams.clear();
  streams.push_back(stream_of({batch_of({{1, 1}, {3, 1}}, text)}));
  streams.push_back(stream_of({batch_of({{2, 1}, {4, 1}}, text)}));
  Merge bytes = make_merge(std::move(streams), true);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(bytes.next().value()->rows(), 1u);
  EXPECT_FALSE(bytes.next().value().has_value());
}

TEST(Merge, RunsOfAnyLengthEndWhereAnotherStreamGoesOn) {
  for (const int64_t length : {1, 2, 3, 7, 64, 1000}) {
    std::vector<Entry> odd;
    std::vector<Entry> even;
    for (int64_t key = 0; key < 5000; ++key) {
      (key / length % 2 == 0 ? even : odd).push_back({key, 1});
    }
    std::vector<std::unique_ptr<Stream>> streams;
    streams.push_back(stream_of({batch_of(odd)}));
    streams.push_back(stream_of({batch_of(even)}));
    Merge merge = make_merge(std::move(streams), true);
    int64_t next = 0;
    while (const auto batch = merge.next().value()) {
      for (uint32_t row = 0; row < batch->rows(); ++row, ++next) {
        ASSERT_EQ(batch->column(0).int64(row), next) << "runs of " << length;
        ASSERT_EQ(batch->column(2).bytes(row), "t");
      }
    }
    EXPECT_EQ(next, 5000);
  }
}

TEST(Merge, AnErrorOfARunIsReturned) {
  std::vector<std::unique_ptr<Stream>> streams;
  streams.push_back(stream_of({batch_of({{2, 1}})}));
  streams.push_back(stream_of({batch_of({{1, 1}, {3, 1}}), Error(Code::kCorrupt, "planned")}));
  Merge merge = make_merge(std::move(streams), true);
  EXPECT_EQ(merge.next().error().code(), Code::kCorrupt);
}

/// Knows a bound, and counts who is asked for rows.
class BoundStream final : public Stream {
 public:
  BoundStream(Batch batch, int64_t lower, int& asked) : batch_(std::move(batch)), asked_(asked) {
    lower_ = make_value(lower);
  }
  std::optional<Value> lower() const override { return lower_; }
  Result<std::optional<Batch>> next() override {
    if (!std::exchange(is_asked_, true)) ++asked_;
    return std::exchange(batch_, std::nullopt);
  }

 private:
  std::optional<Batch> batch_;
  Value lower_;
  int& asked_;
  bool is_asked_ = false;
};

TEST(Merge, AStreamIsNotAskedBeforeItsBoundIsReached) {
  int asked = 0;
  std::vector<std::unique_ptr<Stream>> streams;
  for (const int64_t key : {30, 10, 20}) {
    streams.push_back(
        std::make_unique<BoundStream>(batch_of({{key, 1}, {key + 1, 1}}), key, asked));
  }
  Merge merge = make_merge(std::move(streams), true);
  for (const int expected : {1, 2, 3}) {
    EXPECT_EQ(merge.next().value()->column(0).int64(0), expected * 10);
    EXPECT_LE(asked, expected + 1);
  }
  EXPECT_FALSE(merge.next().value());
}

TEST(Merge, BoundsMayBeTooLowAndEqualToARow) {
  int asked = 0;
  std::vector<std::unique_ptr<Stream>> streams;
  streams.push_back(stream_of({batch_of({{1, 1}, {5, 1}, {9, 1}})}));
  streams.push_back(std::make_unique<BoundStream>(batch_of({{5, 2}, {6, 2}}), 5, asked));
  streams.push_back(std::make_unique<BoundStream>(batch_of({{5, 3}, {7, 3}}), -1, asked));
  streams.push_back(std::make_unique<BoundStream>(batch_of({{9, 0}, {9, 0}}), 9, asked));
  Merge merge = make_merge(std::move(streams), false);
  EXPECT_EQ(read_all(merge), "1:1 5:1 5:2 5:3 6:2 7:3 9:1 9:0 9:0");
}

}  // namespace
}  // namespace sluice::query
