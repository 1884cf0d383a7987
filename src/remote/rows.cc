#include "remote/rows.h"

#include <mutex>
#include <utility>

namespace sluice::remote {
namespace {

/// What the snapshot and its cursors share: calls of several threads go one after the other.
struct Line {
  std::shared_ptr<Link> link;
  std::mutex mutex;
};

class RemoteCursor final : public Cursor {
 public:
  RemoteCursor(std::shared_ptr<Line> line, uint64_t number, SchemaPtr schema)
      : line_(std::move(line)), number_(number), schema_(std::move(schema)) {}
  ~RemoteCursor() override {
    const std::lock_guard lock(line_->mutex);
    static_cast<void>(line_->link->call<Kind::kCloseCursor>(number_));
  }

  Result<std::optional<Batch>> next() override {
    if (failure_) return *failure_;
    Result<std::optional<Batch>> rows = ask();
    if (!rows.ok()) failure_ = rows.error();
    return rows;
  }
  const SchemaPtr& schema() const override { return schema_; }

 private:
  Result<std::optional<Batch>> ask() {
    const std::lock_guard lock(line_->mutex);
    const Body body = TRY(line_->link->next(number_));
    if (body.size == 0) return std::optional<Batch>();
    Batch rows = TRY(Batch::decode(schema_, body.view(), body.words));
    return std::optional<Batch>(std::move(rows));
  }

  const std::shared_ptr<Line> line_;
  const uint64_t number_;
  const SchemaPtr schema_;
  std::optional<Error> failure_;
};

class RemoteSnapshot final : public Snapshot {
 public:
  RemoteSnapshot(std::shared_ptr<Line> line, TableDescription table)
      : line_(std::move(line)), table_(std::move(table)) {}
  ~RemoteSnapshot() override { line_->link->cut(); }

  const TableDescription& table() const override { return table_; }
  Result<std::unique_ptr<Cursor>> scan(const ScanOptions& options) override {
    const std::lock_guard lock(line_->mutex);
    return cursor_of(TRY(line_->link->call<Kind::kScan>(options)));
  }
  Result<std::unique_ptr<Cursor>> aggregate(const Grouping& grouping,
                                            const ScanOptions& options) override {
    const std::lock_guard lock(line_->mutex);
    return cursor_of(TRY(line_->link->call<Kind::kAggregate>(grouping, options)));
  }

 private:
  std::unique_ptr<Cursor> cursor_of(std::tuple<uint64_t, SchemaPtr> opened) const {
    return std::make_unique<RemoteCursor>(line_, std::get<0>(opened),
                                          std::move(std::get<1>(opened)));
  }

  const std::shared_ptr<Line> line_;
  const TableDescription table_;
};

}  // namespace

Result<std::unique_ptr<Snapshot>> take_snapshot(std::shared_ptr<Link> link, const TableName& name) {
  auto [table] = TRY(link->call<Kind::kSnapshot>(name));
  const auto line = std::make_shared<Line>();
  line->link = std::move(link);
  return std::unique_ptr<Snapshot>(std::make_unique<RemoteSnapshot>(line, std::move(table)));
}

}  // namespace sluice::remote
