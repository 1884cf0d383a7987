#include "source/sample.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "model/schema.h"
#include "sluice/time_text.h"
#include "source/csv.h"
#include "source/json.h"
#include "source/records.h"
#include "source/value_text.h"

namespace sluice::source {
namespace {

constexpr size_t kExampleBytesMax = 40;
constexpr size_t kNameBytesMax = 255;

class TextInput final : public Input {
 public:
  explicit TextInput(std::string_view text) : unread_(text) {}
  Result<size_t> read(std::span<std::byte> into) override {
    const size_t size = std::min(into.size(), unread_.size());
    std::copy_n(as_bytes(unread_).begin(), size, into.begin());
    unread_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view unread_;
};

std::string beginning_of(std::string_view text) {
  if (text.size() <= kExampleBytesMax) return std::string(text);
  size_t end = kExampleBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

/// What was seen of one column.
struct Tally {
  std::array<uint64_t, 8> kinds{};  ///< by Kind
  uint64_t inexact = 0;             ///< numbers that a double cannot hold
  uint64_t times = 0;               ///< strings that are times
  std::array<uint64_t, 5> units{};  ///< by TimeUnit: longs of that magnitude
  std::string example;

  uint64_t& of(Kind kind) { return kinds[static_cast<size_t>(kind)]; }
  uint64_t of(Kind kind) const { return kinds[static_cast<size_t>(kind)]; }
  uint64_t values() const {
    uint64_t count = 0;
    for (const uint64_t kind : kinds) count += kind;
    return count - of(Kind::kNull);
  }
  void add(Kind kind, std::string_view text);
};

void Tally::add(Kind kind, std::string_view text) {
  if (kind != Kind::kNull && values() == 0) example = beginning_of(text);
  ++of(kind);
  if (kind == Kind::kString && times == of(Kind::kString) - 1 &&
      parse_time(text).fault == TimeFault::kNone) {
    ++times;
  }
  if (kind == Kind::kLong || kind == Kind::kBig || kind == Kind::kFraction) {
    const std::optional<double> real = parse_double(text);
    if (!real || (kind != Kind::kFraction && !is_exact(text, *real))) ++inexact;
  }
  if (kind == Kind::kLong && text != "0") {
    ++units[static_cast<size_t>(unit_by_magnitude(scan_number(text).value))];
  }
}

TimeUnit unit_of_most(const Tally& tally) {
  const auto most = std::max_element(tally.units.begin(), tally.units.end());
  if (*most == 0) return tally.of(Kind::kLong) > 0 ? TimeUnit::kSeconds : TimeUnit::kNone;
  return static_cast<TimeUnit>(most - tally.units.begin());
}

std::string mixture(const Tally& tally) {
  constexpr std::array<std::string_view, 8> kNames = {
      "null", "bool", "whole", "beyond 64 bits", "fraction", "NaN or infinite", "text", "nested"};
  std::string text;
  for (size_t kind = 1; kind < tally.kinds.size(); ++kind) {
    if (tally.kinds[kind] == 0) continue;
    if (!text.empty()) text += ", ";
    text.append(kNames[kind]).append(" ").append(std::to_string(tally.kinds[kind]));
  }
  return text;
}

struct Verdict {
  Type type = Type::kString;
  bool verbatim = false;
  std::string why;
};

Verdict decide(const Tally& tally, bool csv) {
  const uint64_t values = tally.values();
  const std::string_view kept = csv ? "kept as written" : "kept as JSON text";
  if (values == 0) return {Type::kString, true, "no value in the sample, " + std::string(kept)};
  if (tally.of(Kind::kBool) == values) return {Type::kBool, false, "all true or false"};
  if (tally.of(Kind::kLong) == values) return {Type::kInt64, false, "all whole numbers"};
  const uint64_t whole = tally.of(Kind::kLong) + tally.of(Kind::kBig);
  const uint64_t fractions = tally.of(Kind::kFraction);
  if (fractions > 0 && whole + fractions + tally.of(Kind::kSpecial) == values) {
    if (tally.inexact == 0) return {Type::kDouble, false, "numbers, some with fraction"};
    return {Type::kString, true, "numbers that a double cannot hold, " + std::string(kept)};
  }
  if (tally.of(Kind::kString) == values) {
    if (tally.times == values) return {Type::kTimestamp, false, "all times"};
    return {Type::kString, false, "text"};
  }
  if (tally.of(Kind::kNested) == values) {
    return {Type::kString, true, "objects or arrays, " + std::string(kept)};
  }
  if (tally.of(Kind::kBig) == values) {
    return {Type::kString, true, "whole numbers beyond 64 bits, " + std::string(kept)};
  }
  return {Type::kString, true, "mixed (" + mixture(tally) + "), " + std::string(kept)};
}

class Sampler {
 public:
  Sampler(Format format, const SampleOptions& options) : options_(options) {
    sample_.format = format;
  }
  Result<Sample> run(const Head& head);

 private:
  Status read_header(const Record& record);
  Status read_records(RecordReader& records, bool head_is_complete);
  Status read_record(const Record& record);
  RejectReason read_row(std::string_view text);
  Result<RejectReason> read_object(std::string_view text);
  Status add_column(std::string_view source_name, std::string name);
  Status add_unseen_columns();
  Status decide_columns();
  const Field* find_declared(const std::string& name) const;

  const SampleOptions& options_;
  Sample sample_;
  std::vector<Tally> tallies_;
  std::map<std::string, size_t, std::less<>> by_source_name_;
  std::set<std::string> names_;
  JsonProbe json_;
  std::vector<JsonField> fields_;
  CsvSplitter csv_{','};
  RejectReason first_fault_ = RejectReason::kNone;
};

Status Sampler::add_column(std::string_view source_name, std::string name) {
  const std::string where(source_name.substr(0, kNameBytesMax));
  if (name.size() > kNameBytesMax) {
    return Error(Code::kInvalid, Reason::kPayloadTooLarge,
                 "a column's name is longer than 255 bytes", where);
  }
  if (sample_.columns.size() == kColumnsMax) {
    return Error(Code::kInvalid, Reason::kPayloadTooLarge,
                 "the source has more than 4096 columns; are its names values?", where);
  }
  if (!names_.insert(name).second) {
    return Error(Code::kInvalid, "two columns would both be named " + name + ": rename one", where);
  }
  ColumnReport report;
  if (name != source_name) report.why = "renamed from \"" + std::string(source_name) + "\"; ";
  sample_.columns.push_back(
      {.source_name = std::string(source_name), .field = {std::move(name), Type::kString}});
  sample_.reports.push_back(std::move(report));
  tallies_.emplace_back();
  return ok();
}

std::string_view trim(std::string_view name) {
  const size_t begin = name.find_first_not_of(' ');
  return begin == name.npos ? "" : name.substr(begin, name.find_last_not_of(' ') + 1 - begin);
}

bool looks_like_a_row(const std::vector<CsvField>& fields) {
  return std::all_of(fields.begin(), fields.end(), [](const CsvField& field) {
    return kind_of_csv(field.text) != Kind::kString && !field.text.empty();
  });
}

Status Sampler::read_header(const Record& record) {
  csv_ = CsvSplitter(delimiter_of(sample_.format));
  const RejectReason reason =
      record.defect != RejectReason::kNone ? record.defect : csv_.split(record.text);
  if (reason != RejectReason::kNone) {
    return Error(Code::kInvalid, Reason::kDecodeFailure,
                 "the CSV header cannot be read: " + std::string(to_string(reason)));
  }
  if (looks_like_a_row(csv_.fields())) {
    return Error(Code::kInvalid, Reason::kMissingColumn,
                 "the first row holds values, not column names: add a header row");
  }
  std::map<std::string, int> copies;
  for (const CsvField& field : csv_.fields()) {
    const std::string_view spelled = trim(field.text);
    const std::string base = column_name(spelled);
    std::string name = base;
    while (names_.contains(name))
      name = base + "_" + std::to_string(++copies.try_emplace(base, 1).first->second);
    TRY(add_column(spelled, std::move(name)));
  }
  return ok();
}

RejectReason Sampler::read_row(std::string_view text) {
  const RejectReason reason = csv_.split(text);
  if (reason != RejectReason::kNone) return reason;
  const std::vector<CsvField>& fields = csv_.fields();
  if (fields.size() != tallies_.size()) return RejectReason::kRaggedRow;
  for (size_t index = 0; index < fields.size(); ++index) {
    const CsvField& field = fields[index];
    tallies_[index].add(field.is_null() ? Kind::kNull : kind_of_csv(field.text), field.text);
  }
  return RejectReason::kNone;
}

Result<RejectReason> Sampler::read_object(std::string_view text) {
  const Fault fault = json_.read(text, fields_);
  if (!fault.ok()) return fault.reason;
  for (const JsonField& field : fields_) {
    auto at = by_source_name_.find(field.name);
    if (at == by_source_name_.end()) {
      TRY(add_column(field.name, column_name(field.name)));
      at = by_source_name_.emplace(field.name, tallies_.size() - 1).first;
    }
    tallies_[at->second].add(field.kind, field.text);
  }
  return RejectReason::kNone;
}

const Field* Sampler::find_declared(const std::string& name) const {
  for (const Field& field : options_.declared) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

/// Fields of JSON records may still come; the columns of a CSV file are all known.
Status Sampler::add_unseen_columns() {
  if (!is_csv(sample_.format)) {
    for (const Field& field : options_.declared) {
      if (field.name == model::kRestColumn) continue;  // the decoder's own
      if (!names_.contains(field.name)) TRY(add_column(field.name, field.name));
    }
  }
  for (const std::string& name : options_.required) {
    const auto at = std::find_if(sample_.columns.begin(), sample_.columns.end(),
                                 [&](const Column& column) { return column.field.name == name; });
    if (at == sample_.columns.end() ||
        (sample_.records > 0 &&
         tallies_[static_cast<size_t>(at - sample_.columns.begin())].values() == 0)) {
      return Error(Code::kInvalid, Reason::kMissingColumn,
                   "no record has a value in the key or time column", name);
    }
    at->required = true;
  }
  return ok();
}

Status Sampler::decide_columns() {
  for (size_t index = 0; index < tallies_.size(); ++index) {
    const Tally& tally = tallies_[index];
    Column& column = sample_.columns[index];
    ColumnReport& report = sample_.reports[index];
    Verdict verdict = decide(tally, is_csv(sample_.format));
    column.verbatim = verdict.verbatim;
    column.field.type = verdict.type;
    if (const Field* declared = find_declared(column.field.name)) {
      if (declared->type == Type::kBinary) {
        return Error(Code::kUnsupported, "text files hold no binary columns", declared->name);
      }
      column.field.type = declared->type;
      verdict.why = "given as " + std::string(to_string(declared->type));
    }
    if (column.field.type == Type::kTimestamp) {
      column.unit = unit_of_most(tally);
      if (column.unit != TimeUnit::kNone) {
        verdict.why += ", numbers are " + std::string(to_string(column.unit));
      }
    }
    report.values = tally.values();
    report.nulls = sample_.records - report.values;
    report.example = tally.example;
    report.why += verdict.why;
  }
  return ok();
}

Status Sampler::read_records(RecordReader& records, bool head_is_complete) {
  bool header_is_next = is_csv(sample_.format);
  while (sample_.records + sample_.records_rejected < options_.records_max) {
    const Record* record = TRY(records.peek());
    if (record == nullptr || (record->cut_by_end && !head_is_complete)) break;
    if (std::exchange(header_is_next, false)) {
      TRY(read_header(*record));
    } else {
      TRY(read_record(*record));
    }
    records.consume();
  }
  return ok();
}

Status Sampler::read_record(const Record& record) {
  RejectReason reason = record.defect;
  if (reason == RejectReason::kNone) {
    reason = is_csv(sample_.format) ? read_row(record.text) : TRY(read_object(record.text));
  }
  ++(reason == RejectReason::kNone ? sample_.records : sample_.records_rejected);
  if (first_fault_ == RejectReason::kNone) first_fault_ = reason;
  return ok();
}

Result<Sample> Sampler::run(const Head& head) {
  TextInput input(head.bytes);
  RecordReader records(input, sample_.format, {}, head.bytes.size());
  TRY(read_records(records, head.complete));
  if (sample_.records == 0 && sample_.records_rejected > 0) {
    return Error(Code::kInvalid, Reason::kDecodeFailure,
                 "no record can be read as " + std::string(to_string(sample_.format)) +
                     ", the first because: " + std::string(to_string(first_fault_)));
  }
  if (sample_.columns.empty()) {
    if (head.complete) return Error(Code::kNotFound, "the input holds no records");
    return Error(Code::kInvalid, Reason::kPayloadTooLarge,
                 "the first record is longer than the 8 MiB that are sampled; put a shorter one "
                 "before it");
  }
  TRY(add_unseen_columns());
  TRY(decide_columns());
  return std::move(sample_);
}

}  // namespace

Result<Sample> sample_head(const Head& head, Format format, const SampleOptions& options) {
  return Sampler(format, options).run(head);
}

}  // namespace sluice::source
