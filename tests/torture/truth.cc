#include "tests/torture/truth.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::torture {
namespace {

constexpr Nanos kDay = 86'400 * kSecond;
constexpr Nanos kFirstDay = 20'000 * kDay;
constexpr size_t kIdsShown = 5;

const std::vector<Field> kColumns = {{"id", Type::kInt64},
                                     {"device", Type::kString},
                                     {"at", Type::kTimestamp},
                                     {"value", Type::kInt64},
                                     {"note", Type::kString}};
enum Column : size_t { kId, kDevice, kAt, kValue, kNote };

constexpr std::array<std::pair<Harm, std::string_view>, 7> kHarms = {
    {{Harm::kLost, "lost"},
     {Harm::kDoubled, "doubled"},
     {Harm::kInvented, "invented"},
     {Harm::kStale, "stale"},
     {Harm::kUnreadable, "unreadable"},
     {Harm::kUnfenced, "unfenced"},
     {Harm::kStuck, "stuck"}}};

std::string key_of(const Table& table, const Row& row) {
  return table.keyed() ? row.device : std::to_string(row.id);
}

/// "3 rows lost (id 4, 5, 6)".
std::string describe(const Table& table, Harm harm, const Rows& rows) {
  std::string text = table.name.to_string() + ": " + std::to_string(rows.size()) + " rows " +
                     std::string(to_string(harm)) + " (id";
  for (size_t i = 0; i < std::min(rows.size(), kIdsShown); ++i) {
    text += (i == 0 ? " " : ", ") + std::to_string(rows[i].id);
  }
  return text + (rows.size() > kIdsShown ? ", ...)" : ")");
}

}  // namespace

const Table kEvents{{"demo", "events"}, {kColumns, {}, "at"}};
const Table kAudit{{"demo", "audit"}, {kColumns, {}, ""}};
const Table kState{{"demo", "state"}, {kColumns, {"device"}, ""}};

Rows rows_of(const Shape& shape) {
  Rows rows;
  for (int64_t id = shape.first; id < shape.first + shape.count; ++id) {
    Row row{id, "device-" + std::to_string(id), kFirstDay + (id % shape.days) * kDay + id * kSecond,
            id * 1000 + shape.generation, "note " + std::to_string(id)};
    // Not to be compressed away: a part of it is another for each row.
    while (row.note.size() < shape.note_bytes) row.note += std::to_string(id * row.note.size());
    rows.push_back(std::move(row));
  }
  return rows;
}

Batch batch_of(const Rows& rows) {
  BatchBuilder builder(*Schema::make(kColumns));
  for (const Row& row : rows) {
    builder.append_int64(kId, row.id);
    builder.append_bytes(kDevice, row.device);
    builder.append_timestamp(kAt, row.at);
    builder.append_int64(kValue, row.value);
    builder.append_bytes(kNote, row.note);
  }
  return *builder.finish();
}

Result<Rows> read_rows(Snapshot& snapshot) {
  auto cursor = TRY(snapshot.scan({}));
  std::vector<size_t> at;
  for (const Field& field : kColumns) {
    const auto place = cursor->schema()->find(field.name);
    if (!place || (*cursor->schema())[*place].type != field.type) {
      return Error(Code::kCorrupt, "the table's columns are not ours", field.name);
    }
    at.push_back(*place);
  }
  Rows rows;
  while (const std::optional<Batch> batch = TRY(cursor->next())) {
    for (uint32_t i = 0; i < batch->rows(); ++i) {
      rows.push_back({batch->column(at[kId]).int64(i),
                      std::string(batch->column(at[kDevice]).bytes(i)),
                      batch->column(at[kAt]).int64(i), batch->column(at[kValue]).int64(i),
                      std::string(batch->column(at[kNote]).bytes(i))});
    }
  }
  return rows;
}

std::string_view to_string(Harm harm) {
  return kHarms[static_cast<size_t>(harm)].second;
}

std::optional<Harm> parse_harm(std::string_view text) {
  for (const auto& [harm, name] : kHarms) {
    if (name == text) return harm;
  }
  return std::nullopt;
}

Truth::Known& Truth::known(const Table& table) {
  if (!known_.contains(table.name)) tables_.push_back(table);
  return known_[table.name];
}

void Truth::promise(const Table& table, const Rows& rows) {
  Known& of = known(table);
  for (const Row& row : rows) {
    const auto [place, fresh] = of.rows.try_emplace(key_of(table, row), row);
    if (!fresh) of.superseded.push_back(std::exchange(place->second, row));
  }
}

void Truth::withdraw(const Table& table, const Rows& rows) {
  for (const Row& row : rows) known(table).rows.erase(key_of(table, row));
  supersede(table, rows);
}

void Truth::supersede(const Table& table, const Rows& rows) {
  Known& of = known(table);
  of.superseded.insert(of.superseded.end(), rows.begin(), rows.end());
}

Rows Truth::rows(const Table& table) const {
  Rows rows;
  const auto of = known_.find(table.name);
  if (of == known_.end()) return rows;
  for (const auto& [key, row] : of->second.rows) rows.push_back(row);
  return rows;
}

std::optional<Wrong> Truth::judge(const Table& table, const Rows& found) const {
  const auto of = known_.find(table.name);
  static const Known kNone;
  const Known& truth = of == known_.end() ? kNone : of->second;
  std::map<Harm, Rows> wrong;
  std::set<std::string> seen;
  for (const Row& row : found) {
    const std::string key = key_of(table, row);
    const auto expected = truth.rows.find(key);
    const auto& old = truth.superseded;
    if (!seen.insert(key).second) {
      wrong[Harm::kDoubled].push_back(row);
    } else if (expected != truth.rows.end() && expected->second == row) {
      continue;
    } else if (std::find(old.begin(), old.end(), row) != old.end()) {
      wrong[Harm::kStale].push_back(row);
    } else {
      wrong[Harm::kInvented].push_back(row);
    }
  }
  for (const auto& [key, row] : truth.rows) {
    if (!seen.contains(key)) wrong[Harm::kLost].push_back(row);
  }
  if (wrong.empty()) return std::nullopt;
  const auto& [harm, rows] = *wrong.begin();
  return Wrong{harm, describe(table, harm, rows)};
}

}  // namespace sluice::torture
