#include "sim/workload_rows.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/murmur3.h"

namespace sluice::sim {
namespace {

constexpr Nanos kDay = 86'400 * kSecond;
constexpr Nanos kHour = 3'600 * kSecond;
constexpr int64_t kDays[] = {-1, 0, 19'675};
constexpr int64_t kHoursUsed = 4;

enum Column : size_t { kId, kDevice, kSlot, kAt, kLevel, kNote, kFlag, kExtra };

std::vector<Field> all_columns(const Shape& shape = {}) {
  return {{"id", Type::kInt64},     {device_name(shape), Type::kString},
          {"slot", Type::kInt64},   {"at", Type::kTimestamp},
          {"level", Type::kDouble}, {note_name(shape), Type::kString},
          {"flag", Type::kBool},    {std::string(kExtraColumn), Type::kInt64}};
}

/// Some batches do not know the column.
bool has_notes(const SimTable& table, uint64_t batch) {
  return mix64(table.seed ^ (batch + 1)) % 8 != 0;
}

double draw_level(Random& random) {
  switch (random.below(8)) {
    case 0:
      return std::numeric_limits<double>::quiet_NaN();
    case 1:
      return -0.0;
    case 2:
      return -std::numeric_limits<double>::infinity();
    default:
      return static_cast<double>(random.below(2'000'000)) / 1000 - 1000;
  }
}

std::string draw_note(Random& random, uint32_t bytes_max) {
  std::string note;
  if (random.chance(100)) note = "\xc3\xb8\xe2\x82\xac";
  const uint64_t end = note.size() + random.below(uint64_t{bytes_max} + 1);
  while (note.size() < end) {
    for (uint64_t word = random.next(); word != 0 && note.size() < end; word >>= 5) {
      note += static_cast<char>('a' + word % 26);
    }
  }
  return note;
}

Nanos draw_time(const SimTable& table, Random& random) {
  const Nanos hours = static_cast<Nanos>(random.below(kHoursUsed)) * kHour;
  const Nanos micros = random.chance(500) ? 0 : kDay - kHour * (kHoursUsed + 1) + kMicrosecond;
  const Nanos nanos = table.has_nanos ? static_cast<Nanos>(random.below(3)) : 0;
  return kDays[random.below(std::size(kDays))] * kDay + hours + micros + nanos;
}

Row read_row(const Batch& batch, const std::vector<std::optional<size_t>>& columns, size_t at) {
  Row row;
  const auto cell = [&](Column column) { return batch.column(*columns[column]); };
  row.id = static_cast<uint64_t>(cell(kId).int64(at));
  row.device = cell(kDevice).bytes(at);
  row.slot = cell(kSlot).int64(at);
  row.at = cell(kAt).int64(at);
  row.level = cell(kLevel).real(at);
  if (!cell(kNote).is_null(at)) row.note = cell(kNote).bytes(at);
  row.flag = cell(kFlag).boolean(at);
  if (columns[kExtra] && !cell(kExtra).is_null(at)) row.extra = cell(kExtra).int64(at);
  return row;
}

/// Where our columns are in a scan. Absent may be only the one that comes and goes.
std::vector<std::optional<size_t>> find_columns(const Schema& schema, const Shape& shape) {
  std::vector<std::optional<size_t>> places;
  for (const Field& field : all_columns(shape)) places.push_back(schema.find(field.name));
  return places;
}

/// From a stream of its own.
std::optional<std::vector<PartitionField>> draw_partition(const SimTable& table) {
  Random random(mix64(table.seed) ^ 1);
  if (random.chance(500)) return std::nullopt;
  std::vector<PartitionField> choices;
  if (table.timed()) {
    constexpr Transform kTimes[] = {Transform::kDay, Transform::kHour, Transform::kMonth};
    choices.push_back({"at", kTimes[random.below(std::size(kTimes))], 0});
  }
  for (const char* column : {"device", "slot"}) {
    const auto& key = table.spec.key;
    if (table.keyed() && std::find(key.begin(), key.end(), column) == key.end()) continue;
    choices.push_back({column, Transform::kIdentity, 0});
    choices.push_back({column, Transform::kBucket, 1 + static_cast<uint32_t>(random.below(4))});
  }
  std::vector<PartitionField> chosen;
  for (uint64_t fields = random.below(3); fields > 0 && !choices.empty(); --fields) {
    const auto choice = choices.begin() + static_cast<ptrdiff_t>(random.below(choices.size()));
    chosen.push_back(*choice);
    choices.erase(choice);
  }
  return chosen;
}

std::vector<PartitionField> partition_of(const SimTable& table) {
  if (table.spec.partition) return *table.spec.partition;
  if (!table.timed()) return {};
  return {{"at", Transform::kDay, 0}};
}

int64_t floor_divide(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

std::pair<int64_t, std::string> partition_value(const PartitionField& field, const Row& row) {
  const bool is_device = field.column == "device";
  switch (field.transform) {
    case Transform::kIdentity:
      return is_device ? std::pair(int64_t{0}, row.device) : std::pair(row.slot, std::string());
    case Transform::kBucket: {
      const uint32_t hash = is_device ? murmur3(row.device) : murmur3(row.slot);
      return {(hash & INT32_MAX) % field.buckets, ""};
    }
    case Transform::kDay:
      return {floor_divide(row.at, kDay), ""};
    case Transform::kHour:
      return {floor_divide(row.at, kHour), ""};
    case Transform::kMonth: {
      const std::chrono::sys_days day{std::chrono::days(floor_divide(row.at, kDay))};
      const std::chrono::year_month_day date(day);
      return {int{date.year()} * 12 + static_cast<int>(unsigned{date.month()}), ""};
    }
  }
  CHECK(false);
}

}  // namespace

std::vector<SimTable> draw_tables(Random& random) {
  std::vector<SimTable> tables;
  const uint64_t first = random.below(4);
  const uint64_t count = 1 + random.below(4);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t kind = (first + i) % 4;
    SimTable table;
    table.name = {"sim", "t" + std::to_string(kind)};
    table.spec.columns = all_columns();
    table.spec.columns.pop_back();
    if (kind < 2) {
      const uint64_t key = random.below(3);
      if (key != 1) table.spec.key.emplace_back("device");
      if (key != 0) table.spec.key.emplace_back("slot");
    }
    if (kind % 2 == 0) table.spec.time = "at";
    table.seed = random.next();
    table.keys = 1 + static_cast<uint32_t>(random.below(6));
    constexpr uint32_t kNoteBytes[] = {8, 60, 400};
    table.note_bytes_max = kNoteBytes[random.below(std::size(kNoteBytes))];
    table.has_nanos = random.chance(300);
    table.spec.partition = draw_partition(table);
    if (Random(mix64(table.seed) ^ 2).chance(500)) table.spec.narrow = {"slot"};
    tables.push_back(std::move(table));
  }
  return tables;
}

bool operator==(const Row& a, const Row& b) {
  return a.id == b.id && a.device == b.device && a.slot == b.slot && a.at == b.at &&
         std::bit_cast<uint64_t>(a.level) == std::bit_cast<uint64_t>(b.level) && a.note == b.note &&
         a.flag == b.flag && a.extra == b.extra;
}

std::string Row::to_string() const {
  return "row " + std::to_string(id % kIdsPerBatch) + " of batch " +
         std::to_string(id / kIdsPerBatch) + " (" + device + ", " + std::to_string(slot) + ", " +
         std::to_string(at) + (extra ? ", extra)" : ")");
}

Place place_of(const SimTable& table, const Row& row) {
  Place place;
  for (const PartitionField& field : partition_of(table)) {
    place.partition.push_back(partition_value(field, row));
  }
  if (table.timed()) place.at = row.at;
  for (const std::string& column : table.spec.key) {
    if (column == "device") place.device = row.device;
    if (column == "slot") place.slot = row.slot;
  }
  return place;
}

Row row_of(const SimTable& table, uint64_t id, bool wide) {
  Random random(mix64(table.seed) + id);
  Row row;
  row.id = id;
  row.device = "d" + std::to_string(random.below(table.keys));
  row.slot = static_cast<int64_t>(random.below(table.keys)) - 1;
  row.at = draw_time(table, random);
  row.level = draw_level(random);
  row.flag = random.chance(500);
  if (has_notes(table, id / kIdsPerBatch) && !random.chance(100)) {
    row.note = draw_note(random, table.note_bytes_max);
  }
  if (wide) row.extra = static_cast<int64_t>(random.next());
  return row;
}

Batch batch_of(const SimTable& table, uint64_t batch, uint32_t rows, bool wide,
               const Shape& shape) {
  std::vector<Field> fields = all_columns(shape);
  if (!wide) fields.pop_back();
  const bool notes = has_notes(table, batch);
  if (!notes) fields.erase(fields.begin() + kNote);
  BatchBuilder builder(Schema::make(std::move(fields)).value());
  const size_t shift = notes ? 0 : 1;
  for (uint32_t i = 0; i < rows; ++i) {
    const Row row = row_of(table, row_id(batch, i), wide);
    builder.append_int64(kId, static_cast<int64_t>(row.id));
    builder.append_bytes(kDevice, row.device);
    builder.append_int64(kSlot, row.slot);
    builder.append_timestamp(kAt, row.at);
    builder.append_double(kLevel, row.level);
    if (row.note) {
      builder.append_bytes(kNote, *row.note);
    } else if (notes) {
      builder.append_null(kNote);
    }
    builder.append_bool(kFlag - shift, row.flag);
    if (wide) builder.append_int64(kExtra - shift, *row.extra);
  }
  return builder.finish().value();
}

std::string note_name(const Shape& shape) {
  return shape.is_memo ? "memo" : "note";
}

std::string device_name(const Shape& shape) {
  return shape.is_unit ? "unit" : "device";
}

Result<Shape> shape_of(const Schema& schema) {
  Shape shape;
  shape.is_memo = schema.find("memo").has_value();
  shape.is_unit = schema.find("unit").has_value();
  shape.extra = schema.find(kExtraColumn) ? 1 : 0;
  std::vector<Field> ours = all_columns(shape);
  if (shape.extra == 0) ours.pop_back();
  for (const Field& field : ours) {
    const auto place = schema.find(field.name);
    if (place && schema[*place].type == field.type) continue;
    return Error(Code::kCorrupt, "the table's columns are not ours", field.name);
  }
  if (schema.size() != ours.size()) {
    return Error(Code::kCorrupt, "the table has columns beside ours");
  }
  return shape;
}

Result<Reading> read_rows(Snapshot& snapshot) {
  const auto cursor = TRY(snapshot.scan({}));
  Reading reading;
  reading.shape = TRY(shape_of(*cursor->schema()));
  const auto columns = find_columns(*cursor->schema(), reading.shape);
  while (const std::optional<Batch> batch = TRY(cursor->next())) {
    for (uint32_t i = 0; i < batch->rows(); ++i) {
      reading.rows.push_back(read_row(*batch, columns, i));
    }
  }
  return reading;
}

}  // namespace sluice::sim
