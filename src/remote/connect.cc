#include "remote/connect.h"

#include <future>
#include <tuple>
#include <utility>

#include "remote/links.h"
#include "remote/rows.h"

namespace sluice::remote {
namespace {

constexpr Nanos kAcksAtClose = 30 * kSecond;

class RemoteEngine final : public Engine {
 public:
  explicit RemoteEngine(std::unique_ptr<Links> links) : links_(std::move(links)) {}

  Status create_table(const TableName& name, const TableSpec& spec) override {
    return done(call<Kind::kCreateTable>(name, spec));
  }
  Status add_columns(const TableName& name, const std::vector<Field>& columns) override {
    return done(call<Kind::kAddColumns>(name, columns));
  }
  Status alter(const TableName& name, const std::vector<SchemaChange>& changes,
               Nanos timeout) override {
    return done(call<Kind::kAlter>(name, changes, timeout));
  }
  Status tag(const TableName& name, const Tag& tag) override {
    return done(call<Kind::kTag>(name, tag));
  }
  Status untag(const TableName& name, const std::string& tag) override {
    return done(call<Kind::kUntag>(name, tag));
  }
  Result<ExpireReport> expire(const TableName& name, const ExpireOptions& options) override {
    return only(call<Kind::kExpire>(name, options));
  }
  Status rollback(const TableName& name, uint64_t snapshot_id) override {
    return done(call<Kind::kRollback>(name, snapshot_id));
  }
  Status relocate(const TableName& name) override { return done(call<Kind::kRelocate>(name)); }
  Result<TableDescription> describe(const TableName& name) override {
    return only(call<Kind::kDescribe>(name));
  }
  Result<std::vector<TableDescription>> tables() override { return only(call<Kind::kTables>()); }

  Status append(const TableName& name, Batch batch, AppendOptions options,
                Completion done) override {
    if (batch.schema() == nullptr)
      return Error(Code::kInvalid, "the batch has no rows", name.to_string());
    auto link = TRY(links_->take());
    const Status accepted = link->append(name, batch, options, std::move(done));
    links_->give_back(std::move(link));
    return accepted;
  }
  Result<Appended> append(const TableName& name, Batch batch, AppendOptions options) override {
    const auto verdict = std::make_shared<std::promise<Result<Appended>>>();
    auto ack = verdict->get_future();
    TRY(append(name, std::move(batch), std::move(options),
               [verdict](Result<Appended> told) { verdict->set_value(std::move(told)); }));
    return ack.get();
  }

  Result<FlushReport> flush(const TableName& name) override {
    return only(call<Kind::kFlush>(name));
  }
  Result<FlushReport> flush() override { return only(call<Kind::kFlushAll>()); }

  Result<std::unique_ptr<Snapshot>> snapshot(const TableName& name) override {
    auto link = TRY(links_->take_for_good());
    return take_snapshot(std::move(link), name);
  }
  Result<uint64_t> source_position(const TableName& name, const std::string& source) override {
    return only(call<Kind::kSourcePosition>(name, source));
  }
  Result<std::vector<SourcePosition>> sources(const TableName& name) override {
    return only(call<Kind::kSources>(name));
  }
  Result<SweepReport> sweep(const TableName& name, const SweepOptions& options) override {
    return only(call<Kind::kSweep>(name, options));
  }
  EngineStatus status() override {
    auto told = only(call<Kind::kStatus>());
    if (told.ok()) return *std::move(told);
    EngineStatus none;
    none.failure = told.error();
    return none;
  }
  std::vector<PartitionStatus> pending(size_t limit) override {
    auto told = only(call<Kind::kPending>(static_cast<uint64_t>(limit)));
    return told.ok() ? *std::move(told) : std::vector<PartitionStatus>();
  }
  Status close() override {
    if (links_->close(kAcksAtClose)) return ok();
    return Error(Code::kBusy, Reason::kDeadline,
                 "some batches that the server accepted were not acknowledged in time");
  }

 private:
  template <Kind kKind, class... Values>
  Result<typename Call<kKind>::Reply> call(const Values&... values) {
    auto link = TRY(links_->take());
    auto returned = link->call<kKind>(values...);
    links_->give_back(std::move(link));
    return returned;
  }
  static Status done(const Result<Nothing>& returned) {
    return returned.ok() ? ok() : Status(returned.error());
  }
  template <class T>
  static Result<T> only(Result<std::tuple<T>> returned) {
    if (!returned.ok()) return returned.error();
    return std::get<0>(*std::move(returned));
  }

  const std::unique_ptr<Links> links_;
};

}  // namespace

Result<std::unique_ptr<Engine>> connect(const std::string& data_dir) {
  auto links = TRY(Links::open(data_dir));
  return std::unique_ptr<Engine>(std::make_unique<RemoteEngine>(std::move(links)));
}

}  // namespace sluice::remote
