#include "server/collections.h"

#include <algorithm>
#include <array>
#include <set>

namespace sluice::server {
namespace {

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool is_name(std::string_view name) {
  const auto is_legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kNameLengthMax && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), is_legal);
}

bool is_reserved_database(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kReserved = {"system", "admin", "internal"};
  return is_one_of(kReserved, name);
}

bool is_reserved_collection(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kReserved = {"metadata", "config", "system"};
  return is_one_of(kReserved, name);
}

Result<LayoutPtr> Collections::find(const TableName& name) {
  const Nanos now = runtime_.now();
  {
    const std::lock_guard lock(mutex_);
    const auto at = layouts_.find(name);
    if (at != layouts_.end() && now - at->second.when < kSecond) return at->second.layout;
  }
  const TableDescription table = TRY(engine_.describe(name));
  LayoutPtr layout = TRY(Layout::of(table.spec));
  const std::lock_guard lock(mutex_);
  layouts_[name] = {layout, now};
  return layout;
}

void Collections::forget(const TableName& name) {
  const std::lock_guard lock(mutex_);
  layouts_.erase(name);
}

Result<LayoutPtr> Collections::extend(const TableName& name, const std::vector<Field>& missing,
                                      OnConflict on_conflict, Note note) {
  TableSpec spec;
  const LayoutPtr empty = Layout::empty();
  for (const source::Column& column : empty->columns) spec.columns.push_back(column.field);
  for (const Field& field : missing) {
    if (!empty->by_name.contains(field.name)) spec.columns.push_back(field);
  }
  spec.key = {std::string(kIdColumn)};
  spec.time = kTimeColumn;
  spec.on_conflict = on_conflict;
  TRY(engine_.create_table(name, spec));
  note.created_at = runtime_.wall_now();
  const Note of_database{{}, {}, {}, note.created_at};
  if (!catalog_.database(name.database)) TRY(catalog_.add_database(name.database, of_database));
  if (!catalog_.collection(name)) TRY(catalog_.add_collection(name, note));
  forget(name);
  return find(name);
}

Result<std::vector<std::string>> Collections::databases() {
  std::set<std::string> names;
  for (const auto& [name, note] : catalog_.databases()) names.insert(name);
  for (const TableDescription& table : TRY(engine_.tables())) names.insert(table.name.database);
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<TableDescription>> Collections::tables(const std::string& database) {
  std::vector<TableDescription> tables = TRY(engine_.tables());
  std::erase_if(tables,
                [&](const TableDescription& table) { return table.name.database != database; });
  return tables;
}

Result<bool> Collections::has_database(const std::string& name) {
  const std::vector<std::string> names = TRY(databases());
  return std::binary_search(names.begin(), names.end(), name);
}

}  // namespace sluice::server
