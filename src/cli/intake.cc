#include "cli/intake.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/column_types.h"
#include "cli/figures.h"
#include "cli/output.h"
#include "cli/text_table.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

/// With a limit on rows per second, so many batches share a second's rows.
constexpr uint64_t kBatchesPerSecond = 10;

std::string file_name(const std::string& path) {
  return path == "-" ? "stdin" : fs::path(path).filename().string();
}

/// "database.collection", or the database alone.
std::string target_name(const TableName& table) {
  return table.collection.empty() ? table.database : table.to_string();
}

std::string absolute(const std::string& path) {
  return path == "-" ? path : fs::absolute(path).lexically_normal().string();
}

source::SampleOptions sample_options(const std::optional<TableSpec>& spec,
                                     const IntakeOptions& options) {
  source::SampleOptions sample;
  sample.declared = with_declared(spec ? spec->columns : std::vector<Field>(), options.types);
  if (!spec && !options.time.empty()) {
    sample.declared = with_declared(std::move(sample.declared), {{options.time, Type::kTimestamp}});
  }
  sample.required = spec ? spec->key : options.key;
  const std::string& time = spec ? spec->time : options.time;
  if (!time.empty()) sample.required.push_back(time);
  return sample;
}

std::vector<Field> fields_of(const source::Sample& sample) {
  std::vector<Field> fields;
  for (const source::Column& column : sample.columns) fields.push_back(column.field);
  return fields;
}

bool has_column(const std::optional<TableSpec>& spec, const std::string& name) {
  return spec && std::any_of(spec->columns.begin(), spec->columns.end(),
                             [&](const Field& field) { return field.name == name; });
}

std::string describe_reject(const source::Reject& reject) {
  return "line " + std::to_string(reject.at.line) + ": " + make_visible(source::describe(reject));
}

Status check_fixed(const TableSpec& spec, const IntakeOptions& options) {
  const bool same_key = options.key.empty() || options.key == spec.key;
  const bool same_time = options.time.empty() || options.time == spec.time;
  const bool same_partition = !options.partition || options.partition == spec.partition;
  if (same_key && same_time && !same_partition) {
    return Error(Code::kInvalid, Reason::kTypeMismatch,
                 "the table exists with the partition " +
                     format_partition(spec.partition.value_or(std::vector<PartitionField>())) +
                     ", which is fixed; leave out --partition, or name another table",
                 options.table.to_string());
  }
  if (same_key && same_time) return ok();
  return Error(Code::kInvalid, Reason::kTypeMismatch,
               "the table exists with another key or time column, which are fixed; leave out --key "
               "and --time, or name another table",
               options.table.to_string());
}

void add(const InputReport& input, Intake::Totals& totals) {
  ++totals.inputs;
  totals.known += input.was_known ? 1 : 0;
  totals.rows += input.rows;
  totals.kept.add(input.kept);
  totals.rejects.add(input.rejects);
  totals.bytes += input.bytes;
  totals.failures += input.failure ? 1 : 0;
}

}  // namespace

Intake::Intake(OpenEngine& open, const Interrupt& interrupt, Progress& progress,
               IntakeOptions options)
    : engine_(*open.engine),
      runtime_(*open.platform->platform().runtime),
      interrupt_(interrupt),
      progress_(progress),
      options_(std::move(options)),
      points_(engine_, options_.table, options_.on_conflict),
      sender_(engine_, interrupt) {}

Status Intake::take(const std::string& path, std::optional<uint64_t> settled_bytes) {
  if (!has_learned_) TRY(learn_table());
  TRY(begin_report(path));
  Result<Opened> opened = open_input(path, settled_bytes);
  if (!opened.ok()) return give_up_input(opened.error());
  report_resumption();
  if (opened->holds_points) return take_points(*opened);
  return opened->sample ? take_opened(*opened) : ok();
}

Status Intake::finish() {
  return sender_.finish();
}

Intake::Totals Intake::totals() const {
  Totals totals = dropped_;
  for (const InputReport& input : reports_) add(input, totals);
  return totals;
}

Status Intake::begin_report(const std::string& input) {
  if (reports_.size() == kReportsMax) {
    TRY(finish());  // what is in flight counts into its report
    while (reports_.size() > kReportsMax / 2) {
      add(reports_.front(), dropped_);
      reports_.pop_front();
    }
  }
  reports_.push_back({input});
  return ok();
}

Status Intake::give_up_input(const Error& failure) {
  progress_.end();
  if (failure.code() == Code::kCancelled) return failure;
  report().failure = failure.at(report().input);
  progress_.note(to_sentence(*report().failure), Tone::kError);
  return ok();
}

Status Intake::take_failure(const Error& failure) {
  TRY(begin_report(failure.where()));
  return give_up_input(failure);
}

Status Intake::learn_table() {
  if (points_.is_database()) {
    TRY(points_.learn());
    has_learned_ = true;
    return ok();
  }
  const auto table = engine_.describe(options_.table);
  has_learned_ = table.ok() || table.error().code() == Code::kNotFound;
  if (!has_learned_) return table.error();
  if (!table.ok()) return ok();
  TRY(check_fixed(table->spec, options_));
  TRY(check_declared(options_.types, table->spec));
  spec_ = table->spec;
  known_ = source::KnownFiles(TRY(engine_.sources(options_.table)));
  return ok();
}

Result<Intake::Opened> Intake::open_input(const std::string& path,
                                          std::optional<uint64_t> settled_bytes) {
  Opened opened;
  opened.content = TRY(Content::open(path, interrupt_));
  Content& content = *opened.content;
  const bool is_plain = content.compression() == source::Compression::kNone;
  const bool may_grow = settled_bytes && is_plain && content.stored_bytes() != settled_bytes;
  if (may_grow) opened.open_end = source::OpenEnd::kLeave;
  if (content.stored_bytes()) {
    const bool is_database = points_.is_database();
    opened.identity = TRY(content.identify(is_database ? points_.known() : known_));
    if (is_database) opened.identity->start = {};
    report().resume_offset = opened.identity->start.offset;
    report().was_known =
        report().resume_offset > 0 && report().resume_offset == opened.identity->text_bytes;
    if (report().was_known) return opened;
    TRY(content.seek(0));
  }
  opened.head = TRY(source::read_head(content));
  if (may_grow) {
    opened.head.complete = false;
    report().has_open_end = opened.head.bytes.find('\n') == std::string::npos;
    if (report().has_open_end) return opened;
  }
  const source::Format format =
      options_.format.value_or(source::detect_format(content.name(), opened.head.bytes));
  opened.holds_points = format == source::Format::kLineProtocol;
  if (opened.holds_points) return opened;
  auto sample = source::sample_head(opened.head, format, sample_options(spec_, options_));
  // A header alone says nothing of types, so it makes no columns either.
  const bool is_header_alone = sample.ok() && sample->records == 0 && opened.head.complete;
  const bool is_empty = !sample.ok() && sample.error().code() == Code::kNotFound;
  if (is_header_alone || is_empty) {
    if (options_.tells_of_each) progress_.note(path + " holds no records");
    return opened;
  }
  opened.sample = TRY(std::move(sample));
  return opened;
}

Status Intake::make_table(const source::Sample& sample) {
  const std::vector<Field> fields = with_declared(fields_of(sample), options_.types);
  const bool has_all = std::all_of(fields.begin(), fields.end(), [&](const Field& field) {
    return has_column(spec_, field.name);
  });
  if (has_all && spec_) return ok();
  if (spec_) {
    TRY(engine_.add_columns(options_.table, fields));
  } else {
    TRY(engine_.create_table(
        options_.table, {fields, options_.key, options_.time, options_.partition, {}, policy()}));
  }
  spec_ = TRY(engine_.describe(options_.table)).spec;
  return ok();
}

void Intake::report_columns(const source::Sample& sample) const {
  TextTable columns({{"  column"}, {"type"}, {"why"}, {"example"}});
  size_t fresh = 0;
  for (size_t at = 0; at < sample.columns.size(); ++at) {
    const source::Column& column = sample.columns[at];
    if (has_column(spec_, column.field.name)) continue;
    ++fresh;
    columns.add({"  " + column.field.name, std::string(to_string(column.field.type)),
                 sample.reports[at].why, sample.reports[at].example});
  }
  if (fresh == 0 && !options_.tells_of_each) return;
  std::string text = report().input + ": " + std::string(source::to_string(sample.format));
  text += spec_ ? ", into " : ", into the new table ";
  text += options_.table.to_string() + "; ";
  text += fresh == 0 ? "its columns are known"
                     : "new columns by the first " + format_count(sample.records) + " records:\n" +
                           columns.take();
  if (text.back() == '\n') text.pop_back();
  progress_.note(text);
}

Result<RejectsFile> Intake::open_rejects() const {
  const std::string own = options_.rejects_folder + "/" + target_name(options_.table) + "-" +
                          file_name(report().input) + ".ndjson";
  // A stream is never met again: what was rejected of an earlier one stays.
  const uint64_t forget_from = report().input == "-" ? UINT64_MAX : report().resume_offset;
  return RejectsFile::open(options_.rejects_path.empty() ? own : options_.rejects_path,
                           absolute(report().input), forget_from);
}

void Intake::report_resumption() const {
  const uint64_t offset = report().resume_offset;
  if (offset == 0 || !options_.tells_of_each) return;
  progress_.note(report().was_known ? report().input + " is in the table already: nothing new"
                                    : report().input + ": " + format_bytes(offset) +
                                          " of it are in the table already; going on behind them");
}

Status Intake::take_opened(Opened& opened) {
  if (options_.reports_columns) report_columns(*opened.sample);
  const Status made = make_table(*opened.sample);
  if (!made.ok() && made.error().code() == Code::kInvalid) return give_up_input(made.error());
  TRY(made);
  source::DecoderOptions options;
  options.on_conflict = policy();
  if (opened.identity) options.start = opened.identity->start;
  options.batch_rows_max = batch_rows_max(options.batch_rows_max);
  options.open_end = opened.open_end;
  source::HeadedInput stream(opened.head, *opened.content);
  const Result<source::Input*> input = text_of(opened, stream);
  if (!input.ok()) return give_up_input(input.error());
  source::Decoder decoder = TRY(source::Decoder::open(**input, *opened.sample, options));
  RejectsFile rejects = TRY(open_rejects());
  begin_progress(opened);
  const Status pumped = pump(decoder, rejects, opened);
  progress_.end();
  return pumped;
}

/// The table gets it with the first row that needs it.
Status Intake::make_rest_column(const Batch& batch) {
  const std::string name(source::kRestColumn);
  if (!batch.schema()->find(name) || has_column(spec_, name)) return ok();
  TRY(engine_.add_columns(options_.table, {{name, Type::kString}}));
  spec_->columns.push_back({name, Type::kString});
  return ok();
}

Result<source::Input*> Intake::text_of(Opened& opened, source::HeadedInput& stream) const {
  if (!opened.identity) return &stream;
  TRY(opened.content->seek(opened.identity->start.offset));
  return opened.content.get();
}

uint32_t Intake::batch_rows_max(uint32_t usual) const {
  if (options_.rows_per_second == 0) return usual;
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(options_.rows_per_second / kBatchesPerSecond, 1, usual));
}

void Intake::begin_progress(const Opened& opened) {
  std::optional<uint64_t> bytes;
  if (opened.identity) bytes = opened.identity->text_bytes;
  progress_.begin(runtime_, progress_name(*opened.content), bytes);
}

Status Intake::pump(source::Decoder& decoder, RejectsFile& rejects, Opened& opened) {
  uint64_t previous = 0;
  // What is in front of a refused record is sent under a name of its own: see refuse().
  const bool holds_back = opened.identity && policy() == OnConflict::kRefuse;
  source::Decoded held;
  for (;;) {
    Result<std::optional<source::Decoded>> next = decoder.next();
    if (!next.ok()) {
      TRY(send(std::move(held), opened, previous));
      return give_up_input(next.error());
    }
    if (!*next) {
      report().has_open_end = decoder.left_open_end();
      return send(std::move(held), opened, previous);
    }
    source::Decoded& decoded = **next;
    TRY(keep_rejects(rejects, decoded.rejects));
    if (decoded.refused) return refuse(std::move(held), std::move(decoded), opened, previous);
    if (holds_back) std::swap(held, decoded);
    TRY(send(std::move(decoded), opened, previous));
  }
}

Status Intake::send(source::Decoded decoded, Opened& opened, uint64_t& previous) {
  const uint64_t rows = decoded.batch.rows();
  const uint64_t end = decoded.end.offset;
  if (end == 0) return ok();  // nothing was held
  rows_sent_ += rows;
  report().kept.add(decoded.kept);
  if (rows > 0) {
    TRY(make_rest_column(decoded.batch));
    std::optional<SourcePosition> source;
    if (opened.identity) {
      source = SourcePosition{opened.identity->source, end, std::exchange(previous, end)};
    }
    TRY(sender_.send(options_.table, std::move(decoded.batch), source, report().rows));
    if (opened.identity) known_.raise(opened.identity->source, end);
  }
  report().bytes = end - report().resume_offset;
  progress_.show(rows_sent_, end);
  keep_pace(rows);
  return ok();
}

Status Intake::keep_rejects(RejectsFile& rejects, const std::vector<source::Reject>& found) {
  if (found.empty()) return ok();
  TRY(rejects.append(found));
  if (report().rejects.total() == 0) report().first_reject = describe_reject(found.front());
  for (const source::Reject& reject : found) report().rejects.count(reject.reason);
  report().rejects_path = rejects.path();
  return ok();
}

void Intake::keep_pace(uint64_t rows) {
  if (options_.rows_per_second == 0) return;
  const double seconds = static_cast<double>(rows) / static_cast<double>(options_.rows_per_second);
  const Nanos now = runtime_.now();
  next_batch_at_ = std::max(now, next_batch_at_) + static_cast<Nanos>(seconds * kSecond);
  interrupt_.wait(next_batch_at_ - now);
}

std::string Intake::progress_name(const Content& content) const {
  if (options_.inputs_expected < 2) return content.name();
  return format_count(reports_.size()) + " of " + format_count(options_.inputs_expected) + ": " +
         content.name();
}

}  // namespace sluice::cli
