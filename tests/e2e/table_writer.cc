// table_writer DIRECTORY: writes awkward tables with the engine into DIRECTORY/sluice-data, and
// next to it NAME.tsv: the rows that were acknowledged for demo.NAME, in order. The first line
// names the columns; the first cell of a row is its flush, a cell is null or true, false, a decimal
// number (long; nanoseconds), a hexadecimal float (double), or hexadecimal bytes behind an x.
//
// Tables: plain (no key, no time), by_time, by_key_and_time, by_key (all with the same rows, whose
// keys are unique), rewritten (keys that are written again and again), empty.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>
#include <random>

#include "sluice/engine.h"

namespace sluice {
namespace {

using Row = std::vector<Value>;

constexpr Nanos kDay = 86'400 * kSecond;
constexpr Nanos kLeapDay = 18'321 * kDay;     // 2020-02-29
constexpr Nanos kFirstDay = -106'751 * kDay;  // 1677-09-22
constexpr Nanos kLastDay = 106'750 * kDay;    // 2262-04-10
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int kFlushes = 12;
constexpr int kReopenedAt = 4;  // this flush's rows are appended before, and flushed after
constexpr int kColumnsAddedAt = 6;
constexpr int kBulkAt = 7;
constexpr int kBulkRows = 4000;

Value typed(Type type) {
  Value cell;
  cell.type = type;
  return cell;
}
Value boolean(bool value) {
  Value cell = typed(Type::kBool);
  cell.boolean = value;
  return cell;
}
Value number(int64_t value, Type type = Type::kInt64) {
  Value cell = typed(type);
  cell.int64 = value;
  return cell;
}
Value moment(Nanos value) {
  return number(value, Type::kTimestamp);
}
Value real(double value) {
  Value cell = typed(Type::kDouble);
  cell.real = value;
  return cell;
}
Value bytes(std::string value, Type type = Type::kString) {
  Value cell = typed(type);
  cell.bytes = std::move(value);
  return cell;
}
Value binary(std::string value) {
  return bytes(std::move(value), Type::kBinary);
}

const std::vector<Field>& columns_at_first() {
  static const std::vector<Field> columns = {
      {"id", Type::kInt64},          {"flag", Type::kBool},      {"n", Type::kInt64},
      {"x", Type::kDouble},          {"text", Type::kString},    {"raw", Type::kBinary},
      {"at time", Type::kTimestamp}, {"seen", Type::kTimestamp}, {"dev.name", Type::kString},
      {"2n", Type::kInt64}};
  return columns;
}
const std::vector<Field>& columns_added() {
  static const std::vector<Field> columns = {{"late", Type::kInt64}, {"größe", Type::kString}};
  return columns;
}
std::vector<Field> columns_at(int flush) {
  std::vector<Field> columns = columns_at_first();
  if (flush < kColumnsAddedAt) return columns;
  columns.insert(columns.end(), columns_added().begin(), columns_added().end());
  return columns;
}

/// Values that the rows of one flush take in turn. Times are moved by the row's number.
struct Theme {
  std::vector<Value> flag, n, x, text, raw, at, seen;
};

Theme ordinary(int64_t first) {
  return {{boolean(true), boolean(false)},
          {number(first), number(first + 7), number(first + 99)},
          {real(static_cast<double>(first) + 0.1), real(static_cast<double>(first) + 50.5)},
          {bytes("alpha-" + std::to_string(first)), bytes("beta-" + std::to_string(first))},
          {binary("left-" + std::to_string(first)), binary("right-" + std::to_string(first))},
          {moment(kLeapDay + first * kDay), moment(kLeapDay + first * kDay + kDay - kMicrosecond)},
          {moment(kLeapDay + first * kDay)}};
}

Theme holes() {
  return {{Value{}, boolean(false)},
          {number(5), Value{}, number(-5)},
          {real(kNan), real(75), real(-0.0), real(1e-300)},
          {bytes(""), Value{}, bytes(std::string("a\0b", 3)), bytes("Grüße, 世界 🌊")},
          {Value{}, binary(""), binary(std::string("\0", 1)), binary(std::string("\xff\0\x80", 3))},
          {moment(-kDay), moment(-kMicrosecond), moment(0)},
          {Value{}, moment(-1 * kMicrosecond)}};
}

/// Long texts whose first characters cannot all be counted up, and the ends of every type.
Theme extremes() {
  std::string highest;
  for (int i = 0; i < 9; ++i) highest += "\U0010FFFF";
  return {{boolean(true)},
          {number(INT64_MAX), number(INT64_MIN), number(9007199254740993)},
          {real(kInfinity), real(-kInfinity), real(5e-324), real(1.7976931348623157e308)},
          {bytes(highest), bytes("a common prefix of sixteen and more \U0001F30A"),
           bytes("a common prefix of sixteen and more, later"), bytes("\x7f")},
          {binary(std::string(40, '\xff')), binary(std::string(40, '\0')), binary("\x80")},
          {moment(kFirstDay), moment(kLastDay)},
          {moment(kFirstDay), moment(kLastDay)}};
}

/// No null, no NaN, no value above zero; nanoseconds below a microsecond, before 1970 too.
Theme negatives() {
  return {{boolean(false)},
          {number(-1), number(-900)},
          {real(-0.0), real(-5), real(-1e-9)},
          {bytes("Ångström"), bytes("Zürich"), bytes(" "), bytes("\"quoted\" \\ 'text'\n")},
          {binary("\x01"), binary("\x02\xff")},
          {moment(-3 * kDay - 1), moment(-2 * kDay + 999), moment(-kDay - 999)},
          {moment(-4 * kDay)}};
}

Theme positives() {
  return {{boolean(true), Value{}},
          {number(0), number(900)},
          {real(0.0), real(5), real(1e-9)},
          {bytes("gamma"), bytes("gamm\u00e9")},
          {binary("m"), binary("n")},
          {moment(kLeapDay + 1), moment(kLeapDay + 2), moment(kLeapDay + kDay + 999)},
          {moment(kLeapDay + 7), Value{}}};
}

Theme theme_of(int flush) {
  switch (flush) {
    case 1:
      return holes();
    case 2:
      return extremes();
    case 3:
      return negatives();
    case 5:
      return positives();
    default:
      return ordinary(flush * 10);
  }
}

const Value& pick(const std::vector<Value>& values, int row) {
  return values[static_cast<size_t>(row) % values.size()];
}

Row row_of(const Theme& theme, int flush, int row) {
  Value at = pick(theme.at, row);
  at.int64 += (flush * 100'000 + row / static_cast<int>(theme.at.size())) * kMillisecond;
  Row cells = {number(flush * 100'000 + row),
               pick(theme.flag, row),
               pick(theme.n, row),
               pick(theme.x, row),
               pick(theme.text, row),
               pick(theme.raw, row),
               at,
               pick(theme.seen, row),
               bytes("device-" + std::to_string(row % 3)),
               number(row % 5)};
  if (flush >= kColumnsAddedAt) {
    cells.push_back(row % 4 == 3 ? Value{} : number(row));
    cells.push_back(row % 4 == 1 ? Value{} : bytes(row % 4 == 2 ? "" : "größer"));
  }
  return cells;
}

std::vector<Row> rows_of(int flush) {
  const Theme theme = theme_of(flush);
  std::vector<Row> rows;
  for (int row = 0; row < (flush == kBulkAt ? kBulkRows : 20); ++row) {
    rows.push_back(row_of(theme, flush, row));
  }
  if (flush != kBulkAt) return rows;
  std::mt19937_64 random(7);  // NOLINT: the same rows in every run
  for (Row& row : rows) {
    row[2] = number(static_cast<int64_t>(random()));
    const double x = std::ldexp(static_cast<double>(static_cast<int64_t>(random())), -40);
    row[3] = random() % 8 == 0 ? Value{} : real(x);
    std::string noise;
    while (noise.size() < 96) noise += static_cast<char>(random());
    row[5] = binary(noise);
  }
  return rows;
}

/// The flushes of demo.rewritten: the same few keys, also twice within one flush.
std::vector<Row> rewritten_rows_of(int flush) {
  std::vector<Row> rows;
  for (int row = 0; row < 12; ++row) {
    const int slot = (flush + row) % 9;
    rows.push_back({bytes(slot % 2 == 0 ? "even" : "odd"),
                    moment(kLeapDay + slot * kDay / 4 + slot), number(flush * 100 + row)});
  }
  return rows;
}

Batch batch_of(const std::vector<Field>& columns, const std::vector<Row>& rows) {
  BatchBuilder builder(Schema::make(columns).value());
  for (const Row& row : rows) {
    for (size_t column = 0; column < columns.size(); ++column) {
      const Value& cell = row[column];
      switch (cell.type) {
        case Type::kNull:
          builder.append_null(column);
          break;
        case Type::kBool:
          builder.append_bool(column, cell.boolean);
          break;
        case Type::kInt64:
          builder.append_int64(column, cell.int64);
          break;
        case Type::kTimestamp:
          builder.append_timestamp(column, cell.int64);
          break;
        case Type::kDouble:
          builder.append_double(column, cell.real);
          break;
        case Type::kString:
        case Type::kBinary:
          builder.append_bytes(column, cell.bytes);
          break;
      }
    }
  }
  return builder.finish().value();
}

std::string spell(const Value& cell) {
  char text[40];
  switch (cell.type) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return cell.boolean ? "true" : "false";
    case Type::kInt64:
    case Type::kTimestamp:
      return std::to_string(cell.int64);
    case Type::kDouble:
      std::snprintf(text, sizeof text, "%a", cell.real);
      return text;
    case Type::kString:
    case Type::kBinary:
      break;
  }
  std::string hex = "x";
  for (const char c : cell.bytes) {
    std::snprintf(text, sizeof text, "%02x", static_cast<unsigned char>(c));
    hex += text;
  }
  return hex;
}

/// One table, and the file of what was acknowledged.
class Subject {
 public:
  Subject(const std::string& directory, const std::string& name, const std::vector<Field>& columns)
      : name_{"demo", name}, rows_(directory + "/" + name + ".tsv") {
    rows_ << "flush";
    for (const Field& field : columns) rows_ << "\t" << field.name;
    rows_ << "\n";
  }

  const TableName& name() const { return name_; }

  Status append(Engine& engine, int flush, const std::vector<Field>& columns,
                const std::vector<Row>& rows) {
    TRY(engine.append(name_, batch_of(columns, rows), AppendOptions{}));
    for (const Row& row : rows) {
      rows_ << flush;
      for (const Value& cell : row) rows_ << "\t" << spell(cell);
      rows_ << "\n";
    }
    return rows_.flush() ? ok() : Error(Code::kIo, "cannot write the rows", name_.to_string());
  }

 private:
  const TableName name_;
  std::ofstream rows_;
};

class Scene {
 public:
  explicit Scene(std::string directory) : directory_(std::move(directory)) {
    for (const char* name : {"plain", "by_time", "by_key_and_time", "by_key"}) {
      subjects_.emplace_back(directory_, name, columns_at(kFlushes));
    }
  }

  Status write() {
    TRY(open());
    TRY(create_tables());
    for (int flush = 0; flush < kFlushes; ++flush) {
      if (flush == kColumnsAddedAt) {
        for (Subject& subject : subjects_) {
          TRY(engine_->add_columns(subject.name(), columns_added()));
        }
      }
      for (Subject& subject : subjects_) {
        TRY(subject.append(*engine_, flush, columns_at(flush), rows_of(flush)));
      }
      TRY(rewritten_.append(*engine_, flush, kRewrittenColumns, rewritten_rows_of(flush)));
      if (flush == kReopenedAt) TRY(open());
      TRY(engine_->flush());
    }
    return engine_->close();
  }

 private:
  Status open() {
    if (engine_) TRY(engine_->close());
    engine_.reset();
    platform_.reset();
    platform_ = TRY(open_local_platform(directory_ + "/sluice-data", DirectoryUse::kCreate));
    EngineOptions options;
    options.manifests_merged_at = 4;
    options.row_group_bytes = 64 << 10;
    options.part_bytes = 256 << 10;
    options.flush_age = kForever;
    engine_ = TRY(Engine::open(platform_->platform(), options));
    return ok();
  }

  Status create_tables() {
    const std::vector<Field>& columns = columns_at_first();
    TRY(engine_->create_table(subjects_[0].name(), {columns, {}, ""}));
    TRY(engine_->create_table(subjects_[1].name(), {columns, {}, "at time"}));
    TRY(engine_->create_table(subjects_[2].name(), {columns, {"dev.name"}, "at time"}));
    TRY(engine_->create_table(subjects_[3].name(), {columns, {"id", "dev.name"}, ""}));
    TRY(engine_->create_table(rewritten_.name(), {kRewrittenColumns, {"device"}, "at"}));
    return engine_->create_table({"demo", "empty"}, {columns, {}, "at time"});
  }

  const std::vector<Field> kRewrittenColumns = {
      {"device", Type::kString}, {"at", Type::kTimestamp}, {"v", Type::kInt64}};
  const std::string directory_;
  std::vector<Subject> subjects_;
  Subject rewritten_{directory_, "rewritten", kRewrittenColumns};
  std::unique_ptr<OwnedPlatform> platform_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace
}  // namespace sluice

int main(int count, char** words) {
  if (count != 2) return std::cerr << "usage: table_writer DIRECTORY\n", 2;
  const sluice::Status written = sluice::Scene(words[1]).write();
  if (written.ok()) return 0;
  return std::cerr << "table_writer: " << written.error().to_string() << "\n", 1;
}
