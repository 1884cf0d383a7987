#include "landing/prepare.h"

#include <algorithm>

#include "flush/flush.h"
#include "memtable/frozen.h"
#include "model/partition.h"
#include "model/schema.h"

namespace sluice::landing {
namespace {

bool is_transient(const Error& error) {
  return error.code() == Code::kIo || error.code() == Code::kBusy;
}

bool is_plain(const TableSpec& spec) {
  return spec.key.empty() && spec.time.empty() && model::partition_of(spec).empty();
}

class Preparer {
 public:
  Preparer(const Preparation& job, const GivenRows& rows)
      : job_(job), batches_(rows.batches), entries_(rows.entries), numbers_(rows.numbers) {}

  Result<Prepared> run();

 private:
  Status plan_columns();
  Status plan_table_columns(std::vector<Field>& fields);
  Result<Prepared> attempt();
  Result<Prepared> attempt_plain();
  Result<Prepared> attempt_sorted();
  Result<Prepared> end(std::vector<part::Meta> metas, uint64_t replaced);
  Status widen(const Widening& widening);
  Result<std::vector<memtable::Run>> make_runs();
  Result<flush::Layout> layout(const std::vector<Field>& fields) const;
  Status back_off(uint32_t tries);

  const Preparation& job_;
  const std::span<const Batch> batches_;
  const std::span<const WalEntry> entries_;
  const std::span<const size_t> numbers_;
  std::optional<TableSpec> spec_;
  size_t sampled_ = kSampledEntries;
  EntryShape shape_;
  std::set<std::string> nanos_;
  bool rest_ = false;
  PartColumns columns_;
  Widening widening_;
  std::vector<part::Meta> made_;  ///< by the attempt, as far as it came
};

Result<Prepared> Preparer::run() {
  for (uint32_t tries = 1;;) {
    made_.clear();
    TRY(plan_columns());
    auto prepared = attempt();
    if (prepared.ok()) return prepared;
    // Without its intent no attempt can succeed.
    TRY(job_.before_visible());
    // L6: nothing of this attempt is beside the next one.
    TRY(remove_parts(job_.bucket, job_.plan.prefix, job_.plan.flush, {job_.kept, made_}));
    if (prepared.error().code() == Code::kCancelled && widening_.any()) {
      TRY(widen(std::exchange(widening_, {})));
      continue;
    }
    if (!is_transient(prepared.error()) || tries == job_.options.tries) return prepared.error();
    TRY(back_off(tries++));
  }
}

/// Everything that is new makes the shape wider, so this ends.
Status Preparer::widen(const Widening& widening) {
  if (widening.types) sampled_ = entries_.size();
  rest_ = rest_ || widening.rest;
  nanos_.insert(widening.nanos.begin(), widening.nanos.end());
  return ok();
}

Status Preparer::back_off(uint32_t tries) {
  const Nanos longest = std::max(job_.options.retry_max, job_.options.retry_min);
  const Nanos delay = std::min(job_.options.retry_min << std::min(tries - 1, 20u), longest);
  job_.runtime.sleep_until(job_.runtime.now() + delay);
  return ok();
}

Status Preparer::plan_columns() {
  if (job_.ledger != nullptr) {
    const Status read = job_.with_ledger([&] {
      spec_ = job_.ledger->head()->metadata.spec();
      return ok();
    });
    TRY(read);
  }
  std::vector<Field> fields;
  if (entries_.empty()) {
    fields = TRY(union_of(batches_));
    for (const Batch& batch : batches_) find_nanos(batch, nanos_);
  } else {
    shape_ = TRY(shape_of(entries_, sampled_, spec_ ? &*spec_ : nullptr, job_.options.misfit));
    shape_.with_rest = shape_.with_rest || rest_;
    shape_.nanos = nanos_;
    shape_.numbers = numbers_;
    fields = shape_.fields();
  }
  if (spec_) return plan_table_columns(fields);
  for (const Field& field : fields) {
    if (!entries_.empty() || model::is_user_column(field.name)) continue;
    return Error(Code::kInvalid, "names that begin with '_' are Sluice's own", field.name);
  }
  columns_ = TRY(columns_alone(fields, nanos_));
  return ok();
}

Status Preparer::plan_table_columns(std::vector<Field>& fields) {
  for (const Batch& batch : batches_) {
    if (!batch.empty()) TRY(model::check_batch_fits(*spec_, batch));
  }
  for (Field& field : fields) {
    const auto known = std::find_if(spec_->columns.begin(), spec_->columns.end(),
                                    [&](const Field& column) { return column.name == field.name; });
    if (known != spec_->columns.end()) field.type = known->type;
  }
  std::vector<part::Column> system;
  const auto add = [&](const std::string& name, part::PhysicalType type) {
    system.push_back({0, name, type, false});
  };
  if (!entries_.empty()) {
    if (shape_.with_rest) add(std::string(model::kRestColumn), part::PhysicalType::kString);
    for (const Field& field : entry_columns()) add(field.name, table::physical_type(field.type));
  }
  for (const std::string& name : nanos_) add(nanos_column(name), part::PhysicalType::kInt32);
  return job_.with_ledger([&]() -> Status {
    TRY(job_.ledger->add_columns(system));
    columns_ = TRY(columns_of_table(job_.ledger->head()->metadata.schema(), fields));
    return ok();
  });
}

Result<Prepared> Preparer::attempt() {
  return spec_ && !is_plain(*spec_) ? attempt_sorted() : attempt_plain();
}

Result<Prepared> Preparer::end(std::vector<part::Meta> metas, uint64_t replaced) {
  return Prepared{{columns_.columns, std::move(metas)}, replaced};
}

Result<Prepared> Preparer::attempt_plain() {
  PartOptions options;
  options.prefix = job_.plan.prefix;
  options.flush = job_.plan.flush;
  options.row_group_bytes = job_.options.row_group_bytes;
  options.part_bytes = job_.options.part_bytes;
  options.zstd_level = job_.options.zstd_level;
  PartsAttempt attempt(job_.runtime, job_.bucket, options, columns_, job_.before_visible);
  Status done = attempt.write({batches_, entries_, shape_});
  widening_ = attempt.widening();
  made_ = attempt.metas();
  Parts parts{columns_.columns, made_};
  if (done.ok()) done = attempt.finish([&] { return job_.record(parts); });
  if (done.ok()) return end(std::move(parts.metas), 0);
  return done.error();
}

Result<std::vector<memtable::Run>> Preparer::make_runs() {
  std::vector<memtable::Run> runs;
  const auto add = [&](Batch batch) {
    if (!batch.empty()) runs.push_back({std::move(batch), job_.plan.ticket, nullptr, 0});
  };
  for (const Batch& batch : batches_) add(batch);
  if (entries_.empty()) return runs;
  EntryReader reader(shape_, columns_.input, entries_, 0);
  for (;;) {
    auto batch = reader.next();
    widening_ = reader.widening();
    if (!batch.ok()) return batch.error();
    if (!*batch) return runs;
    add(**std::move(batch));
  }
}

Result<flush::Layout> Preparer::layout(const std::vector<Field>& fields) const {
  const table::Metadata& metadata = job_.ledger->head()->metadata;
  const PartColumns columns = TRY(columns_of_table(metadata.schema(), fields));
  flush::Layout layout;
  layout.columns = columns.input;
  layout.part_columns = columns.writer;
  layout.prefix = metadata.prefix;
  layout.epoch = metadata.epoch;
  layout.part_bytes = job_.options.part_bytes;
  layout.writer.row_group_bytes = job_.options.row_group_bytes;
  layout.writer.zstd_level = job_.options.zstd_level;
  layout.writer.iceberg_schema = columns.iceberg_schema;
  layout.writer.footer = {{std::string(kFlushProperty), job_.plan.flush.hex()}};
  return layout;
}

Result<Prepared> Preparer::attempt_sorted() {
  const memtable::Frozen rows(TRY(make_runs()), *spec_);
  std::vector<Field> fields = columns_.input->fields();
  if (!spec_->key.empty()) fields.push_back({std::string(memtable::kVersionColumn), Type::kInt64});
  flush::Layout parts_layout;
  const Status planned = job_.with_ledger([&]() -> Status {
    parts_layout = TRY(layout(fields));
    return ok();
  });
  TRY(planned);
  TRY(job_.before_visible());
  Parts parts{columns_.columns, {}};
  parts.metas = TRY(flush::flush(job_.runtime, job_.bucket,
                                 {job_.plan.flush, &rows, &parts_layout, [] { return false; }}));
  made_ = parts.metas;
  const Status recorded = job_.record(parts);
  if (recorded.ok()) return end(std::move(parts.metas), rows.rows_replaced());
  return recorded.error();
}

}  // namespace

Result<Prepared> prepare_parts(const Preparation& job, const GivenRows& rows) {
  return Preparer(job, rows).run();
}

}  // namespace sluice::landing
