// Layouts: a table's columns as points see them.
#include <algorithm>

#include "server/points.h"

namespace sluice::server {
namespace {

std::shared_ptr<Layout> make_layout(const std::vector<Field>& fields, SchemaPtr schema) {
  auto layout = std::make_shared<Layout>();
  layout->schema = std::move(schema);
  for (const Field& field : fields) {
    source::Column column;
    column.source_name = field.name;
    column.field = field;
    if (field.name == source::kRestColumn) layout->rest = layout->columns.size();
    layout->by_name.emplace(field.name, layout->columns.size());
    layout->columns.push_back(std::move(column));
  }
  return layout;
}

}  // namespace

LayoutPtr Layout::empty() {
  const std::vector<Field> fields = {{std::string(kIdColumn), Type::kString},
                                     {std::string(kTimeColumn), Type::kTimestamp}};
  auto layout = make_layout(fields, Schema::make(fields).value());
  layout->exists = false;
  return layout;
}

Result<LayoutPtr> Layout::of(const TableSpec& spec) {
  std::vector<Field> fields = spec.columns;
  const auto named = [](std::string_view name) {
    return [name](const Field& field) { return field.name == name; };
  };
  const auto id = std::find_if(fields.begin(), fields.end(), named(kIdColumn));
  const bool is_keyed = spec.key.size() == 1 && spec.key.front() == kIdColumn &&
                        spec.time == kTimeColumn && id != fields.end() && id->type == Type::kString;
  if (!is_keyed) {
    return Error(Code::kInvalid, Reason::kTypeMismatch,
                 "points go to tables with the key `id`, a string, and the time `time`; this one "
                 "has others");
  }
  std::rotate(fields.begin(), id, id + 1);
  const auto time = std::find_if(fields.begin(), fields.end(), named(kTimeColumn));
  std::rotate(fields.begin() + 1, time, time + 1);
  SchemaPtr schema = TRY(Schema::make(fields));
  const std::shared_ptr<Layout> layout = make_layout(fields, std::move(schema));
  layout->on_conflict = spec.on_conflict;
  return LayoutPtr(layout);
}

}  // namespace sluice::server
