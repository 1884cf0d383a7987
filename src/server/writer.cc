#include "server/writer.h"

#include <utility>

#include "server/flush_desk.h"

namespace sluice::server {
namespace {

// Columns may be made by another request at the same time: each round adds what is still missing.
constexpr int kRoundsMax = 4;

PointReader& reader_of(const Options& options) {
  thread_local PointReader reader({options.points_max, 100, options.groups_total},
                                  options.on_conflict);
  return reader;
}

Refusal refusal_of(const PointFault& fault, Form form) {
  JsonObject details;
  if (form == Form::kBatch && !fault.is_shape) details.number("point", fault.place);
  if (!fault.field.empty()) details.text("field", fault.field);
  if (!fault.is_shape) details.text("kind", to_string(fault.kind));
  const std::string message =
      (fault.field.empty() ? "" : "field \"" + fault.field + "\": ") + fault.message;
  Refusal refusal = invalid_request(message, details.members());
  if (fault.is_time) refusal.code = "INVALID_TIME_FORMAT";
  return refusal;
}

}  // namespace

struct Writer::Job {
  PointsText text;
  std::function<void(Written)> done;
  Points points;
  bool is_new = false;  ///< the collection has to be made
  Turn turn = {};       ///< to append, or to answer that it was not: never both
};

void Writer::refuse(Job& job, Refusal refusal) {
  Written written;
  written.refusal = std::move(refusal);
  written.refused = job.points.refused;
  job.done(std::move(written));
}

Refusal Writer::not_found(const TableName& name) {
  const Result<bool> has_database = collections_.has_database(name.database);
  if (!has_database.ok()) return to_refusal(has_database.error());
  if (!*has_database) return {404, "DATABASE_NOT_FOUND", "there is no database " + name.database};
  return {404, "COLLECTION_NOT_FOUND", "there is no collection " + name.to_string()};
}

Result<LayoutPtr> Writer::layout_of(const TableName& name) {
  Result<LayoutPtr> layout = collections_.find(name);
  if (layout.ok() || layout.error().code() != Code::kNotFound || !options_.auto_create) {
    return layout;
  }
  return Layout::empty();
}

/// Reads the text into job.points.
std::optional<Refusal> Writer::read(Job& job) {
  const TableName& name = job.text.table;
  const Result<LayoutPtr> layout = layout_of(name);
  if (!layout.ok()) {
    return layout.error().code() == Code::kNotFound ? not_found(name) : to_refusal(layout.error());
  }
  Result<Points> points =
      reader_of(options_).read(name, *layout, job.text.text, job.text.form, job.text.first_line);
  if (!points.ok()) return to_refusal(points.error());
  job.points = std::move(*points);
  job.is_new = !(*layout)->exists && job.points.count > 0;
  if (job.text.form == Form::kLines || job.points.faults_total == 0) return std::nullopt;
  const PointFault& fault = job.points.faults.front();
  Refusal refusal = refusal_of(fault, job.text.form);
  if (fault.is_shape && job.text.form == Form::kBatch &&
      fault.message.starts_with("there are more")) {
    refusal.status = 413;
    refusal.code = "BATCH_TOO_LARGE";
  }
  return refusal;
}

void Writer::write(PointsText text, std::function<void(Written)> done) {
  const auto job = std::make_shared<Job>(Job{std::move(text), std::move(done), {}});
  if (auto refusal = read(*job)) return refuse(*job, *std::move(refusal));
  if (job->is_new || !job->points.missing.empty()) return hand_to_worker(job);
  append(job, 0);
}

void Writer::hand_to_worker(const JobPtr& job) {
  if (!workers_.post([this, job] { work(job); })) {
    return refuse(*job, {429, "QUEUE_UNAVAILABLE", "too many writes wait already", {}});
  }
  set_deadline(job);
}

/// The commit that makes a column may take as long as the bucket is away.
void Writer::set_deadline(const JobPtr& job) {
  deadlines_.add(options_.commit_wait, job->turn, [this, job] {
    const Error reason = reason_of_delay(engine_);
    refuse(*job, {503,
                  "QUEUE_UNAVAILABLE",
                  "nothing is stored: the collection, or a column, has to be made before, and " +
                      reason.message(),
                  {}});
  });
}

/// Makes what is missing, and reads again, until nothing is.
Status Writer::complete(Job& job) {
  for (int round = 0; round < kRoundsMax; ++round) {
    if (!job.is_new && job.points.missing.empty()) return ok();
    if (job.is_new && (is_reserved_database(job.text.table.database) ||
                       is_reserved_collection(job.text.table.collection))) {
      return Error(Code::kInvalid, "this name is reserved", job.text.table.to_string());
    }
    const OnConflict policy = options_.on_conflict.value_or(OnConflict::kReject);
    TRY(collections_.extend(job.text.table, job.points.missing, policy));
    if (auto refusal = read(job)) {
      return Error(Code::kInvalid, refusal->message, job.text.table.to_string());
    }
  }
  return Error(Code::kConflict, "its columns are being changed all the time",
               job.text.table.to_string());
}

void Writer::work(const JobPtr& job) {
  const Status completed = complete(*job);
  if (!job->turn.take()) return;  // it was told already that nothing is stored
  if (!completed.ok()) return refuse(*job, to_refusal(completed.error()));
  append(job, options_.write_wait);
}

/// The columns, or the memory, were not as expected: once more, from the beginning, and with time.
void Writer::append_again(const JobPtr& job) {
  collections_.forget(job->text.table);
  const bool is_posted = workers_.post([this, job] {
    auto refusal = read(*job);
    if (!refusal) return work(job);
    if (job->turn.take()) refuse(*job, *std::move(refusal));
  });
  if (!is_posted) {
    return refuse(*job, {429, "QUEUE_UNAVAILABLE", "too many writes wait already", {}});
  }
  set_deadline(job);
}

void Writer::append(const JobPtr& job, Nanos timeout) {
  Written written;
  written.points = job->points.count;
  written.groups = job->points.groups;
  written.first_group = job->points.first_group;
  written.lines = job->points.lines;
  written.faults = std::move(job->points.faults);
  written.faults_total = job->points.faults_total;
  written.is_refused = job->points.is_refused;
  written.kept = job->points.kept;
  written.refused = job->points.refused;
  if (job->points.batch.empty()) return job->done(std::move(written));
  AppendOptions options;
  options.ack = job->text.ack;
  options.timeout = timeout;
  const auto told = std::make_shared<Written>(std::move(written));
  const Status taken = engine_.append(job->text.table, std::move(job->points.batch), options,
                                      [job, told](const Result<Appended>& verdict) {
                                        if (!verdict.ok()) {
                                          told->refusal = to_refusal(verdict.error());
                                          told->points = 0;
                                          told->kept = {};
                                        }
                                        job->done(std::move(*told));
                                      });
  if (taken.ok()) return;
  const Reason reason = taken.error().reason();
  const bool is_stale = taken.error().code() == Code::kNotFound ||
                        reason == Reason::kUnknownColumn || reason == Reason::kTypeMismatch;
  const bool may_wait = taken.error().code() == Code::kBusy || is_stale;
  if (timeout == 0 && may_wait) return append_again(job);
  refuse(*job, to_refusal(taken.error()));
}

}  // namespace sluice::server
