#include "cli/intake.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/figures.h"
#include "cli/text_table.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

/// With a limit on rows per second, so many batches share a second's rows.
constexpr uint64_t kBatchesPerSecond = 10;

std::string file_name(const std::string& path) {
  return path == "-" ? "stdin" : fs::path(path).filename().string();
}

std::string absolute(const std::string& path) {
  return path == "-" ? path : fs::absolute(path).lexically_normal().string();
}

source::SampleOptions sample_options(const std::optional<TableSpec>& spec,
                                     const IntakeOptions& options) {
  source::SampleOptions sample;
  if (spec) sample.declared = spec->columns;
  if (!spec && !options.time.empty()) sample.declared = {{options.time, Type::kTimestamp}};
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
  std::string text = "line " + std::to_string(reject.at.line) + ": ";
  if (!reject.column.empty()) text += make_visible(reject.column) + ": ";
  return text.append(source::to_string(reject.reason));
}

Status check_fixed(const TableSpec& spec, const IntakeOptions& options) {
  const bool same_key = options.key.empty() || options.key == spec.key;
  const bool same_time = options.time.empty() || options.time == spec.time;
  if (same_key && same_time) return ok();
  return Error(Code::kInvalid, Reason::kTypeMismatch,
               "the table exists with another key or time column, which are fixed; leave out --key "
               "and --time, or name another table",
               options.table.to_string());
}

}  // namespace

Intake::Intake(OpenEngine& open, const Interrupt& interrupt, Progress& progress,
               IntakeOptions options)
    : engine_(*open.engine),
      runtime_(*open.platform->platform().runtime),
      interrupt_(interrupt),
      progress_(progress),
      options_(std::move(options)) {}

Status Intake::take(const std::string& path) {
  reports_.push_back({path});
  const auto file = TRY(InputFile::open(path, interrupt_));
  const source::Head head = TRY(source::read_head(*file));
  const std::optional<TableSpec> spec = TRY(existing_spec());
  const source::Format format = source::detect_format(file_name(path), head.bytes);
  const auto sample = source::sample_head(head, format, sample_options(spec, options_));
  if (!sample.ok() && sample.error().code() == Code::kNotFound) {
    progress_.note(path + " holds no records");
    return ok();
  }
  if (!sample.ok()) return sample.error().at(path);
  if (options_.reports_columns) report_columns(*sample, spec);
  TRY(make_table(*sample, spec));
  if (const auto size = file->size_bytes()) return take_file(*file, *size, *sample);
  source::HeadedInput whole(head, *file);
  progress_.begin(runtime_, file_name(path), std::nullopt);
  return take_records(whole, *sample, std::nullopt);
}

Result<std::optional<TableSpec>> Intake::existing_spec() const {
  const auto table = engine_.describe(options_.table);
  if (!table.ok() && table.error().code() == Code::kNotFound) return std::optional<TableSpec>();
  if (!table.ok()) return table.error();
  TRY(check_fixed(table->spec, options_));
  return std::optional(table->spec);
}

Status Intake::make_table(const source::Sample& sample, const std::optional<TableSpec>& spec) {
  if (spec) return engine_.add_columns(options_.table, fields_of(sample));
  return engine_.create_table(options_.table, {fields_of(sample), options_.key, options_.time});
}

void Intake::report_columns(const source::Sample& sample,
                            const std::optional<TableSpec>& spec) const {
  TextTable columns({{"  column"}, {"type"}, {"why"}, {"example"}});
  size_t fresh = 0;
  for (size_t at = 0; at < sample.columns.size(); ++at) {
    const source::Column& column = sample.columns[at];
    if (has_column(spec, column.field.name)) continue;
    ++fresh;
    columns.add({"  " + column.field.name, std::string(to_string(column.field.type)),
                 sample.reports[at].why, sample.reports[at].example});
  }
  std::string text = reports_.back().input + ": " + std::string(source::to_string(sample.format));
  text += spec ? ", into " : ", into the new table ";
  text += options_.table.to_string() + "; ";
  text += fresh == 0 ? "its columns are known"
                     : "new columns by the first " + format_count(sample.records) + " records:\n" +
                           columns.take();
  if (text.back() == '\n') text.pop_back();
  progress_.note(text);
}

Result<RejectsFile> Intake::open_rejects() const {
  const InputReport& report = reports_.back();
  const std::string own = options_.rejects_folder + "/" + options_.table.to_string() + "-" +
                          file_name(report.input) + ".ndjson";
  // A stream is never met again: what was rejected of an earlier one stays.
  const uint64_t forget_from = report.input == "-" ? UINT64_MAX : report.resume_offset;
  return RejectsFile::open(options_.rejects_path.empty() ? own : options_.rejects_path,
                           absolute(report.input), forget_from);
}

Status Intake::take_file(InputFile& file, uint64_t size, const source::Sample& sample) {
  InputReport& report = reports_.back();
  file.seek(0);
  const std::vector<SourcePosition> known = TRY(engine_.sources(options_.table));
  const source::FileIdentity identity = TRY(source::identify(file, size, known));
  report.resume_offset = identity.start.offset;
  if (report.resume_offset == size) {
    progress_.note(report.input + " is in the table already: nothing new");
  } else if (report.resume_offset > 0) {
    progress_.note(report.input + ": " + format_bytes(report.resume_offset) +
                   " of it are in the table already; going on behind them");
  }
  file.seek(report.resume_offset);
  progress_.begin(runtime_, file_name(report.input), size);
  return take_records(file, sample, identity);
}

Status Intake::take_records(source::Input& input, const source::Sample& sample,
                            const std::optional<source::FileIdentity>& identity) {
  source::DecoderOptions options;
  if (identity) options.start = identity->start;
  if (options_.rows_per_second > 0) {
    options.batch_rows_max = static_cast<uint32_t>(std::clamp<uint64_t>(
        options_.rows_per_second / kBatchesPerSecond, 1, options.batch_rows_max));
  }
  source::Decoder decoder = TRY(source::Decoder::open(input, sample, options));
  RejectsFile rejects = TRY(open_rejects());
  Sender sender(engine_, options_.table, identity ? std::optional(identity->source) : std::nullopt,
                interrupt_);
  const Status pumped = pump(decoder, rejects, sender);
  const Status sent = sender.finish();
  reports_.back().rows = sender.rows_durable();
  progress_.end();
  return pumped.ok() ? sent : pumped;
}

Status Intake::pump(source::Decoder& decoder, RejectsFile& rejects, Sender& sender) {
  InputReport& report = reports_.back();
  const Nanos began = runtime_.now();
  uint64_t rows = 0;
  while (std::optional<source::Decoded> decoded = TRY(decoder.next())) {
    if (!decoded->rejects.empty()) {
      TRY(rejects.append(decoded->rejects));
      if (report.rejects == 0) report.first_reject = describe_reject(decoded->rejects.front());
      report.rejects += decoded->rejects.size();
      report.rejects_path = rejects.path();
    }
    rows += decoded->batch.rows();
    if (!decoded->batch.empty()) TRY(sender.send(std::move(decoded->batch), decoded->end.offset));
    report.bytes = decoded->end.offset - report.resume_offset;
    progress_.show(rows, decoded->end.offset);
    keep_pace(began, rows);
  }
  return ok();
}

void Intake::keep_pace(Nanos began, uint64_t rows) const {
  if (options_.rows_per_second == 0) return;
  const double seconds = static_cast<double>(rows) / static_cast<double>(options_.rows_per_second);
  const Nanos due = began + static_cast<Nanos>(seconds * kSecond);
  interrupt_.wait(due - runtime_.now());
}

}  // namespace sluice::cli
