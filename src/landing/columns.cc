#include "landing/columns.h"

#include "base/check.h"
#include "model/schema.h"

namespace sluice::landing {
namespace {

void add_column(const part::Column& column, size_t input, PartColumns& columns) {
  const bool micros = column.type == part::PhysicalType::kTimestampMicros;
  columns.columns.push_back(column);
  columns.writer.push_back(
      {column, input, micros ? part::Transform::kMicros : part::Transform::kNone});
}

void add_nanos(const part::Column& column, size_t input, PartColumns& columns) {
  columns.columns.push_back(column);
  columns.writer.push_back({column, input, part::Transform::kNanos});
}

bool has_remainder(const ColumnView& times) {
  for (size_t row = 0; row < times.rows; ++row) {
    if (times.int64(row) % kMicrosecond != 0) return true;
  }
  return false;
}

}  // namespace

std::string nanos_column(std::string_view timestamp) {
  return "_" + std::string(timestamp) + "_ns";
}

const std::vector<Field>& entry_columns() {
  static const std::vector<Field> columns = {{std::string(kOperationColumn), Type::kString},
                                             {std::string(kLsnColumn), Type::kInt64},
                                             {std::string(kTimestampColumn), Type::kTimestamp},
                                             {std::string(kRowIdColumn), Type::kString},
                                             {std::string(kSourceColumn), Type::kString}};
  return columns;
}

Result<std::vector<Field>> union_of(std::span<const Batch> batches) {
  std::vector<Field> fields;
  const Schema* last = nullptr;
  for (const Batch& batch : batches) {
    if (batch.empty() || batch.schema().get() == last) continue;
    last = batch.schema().get();
    for (Field& field : TRY(model::merge_columns(fields, last->fields()))) {
      fields.push_back(std::move(field));
    }
  }
  return fields;
}

void find_nanos(const Batch& batch, std::set<std::string>& names) {
  if (batch.empty()) return;
  for (size_t column = 0; column < batch.schema()->size(); ++column) {
    const Field& field = (*batch.schema())[column];
    if (field.type != Type::kTimestamp || names.contains(field.name)) continue;
    if (has_remainder(batch.column(column))) names.insert(field.name);
  }
}

Result<PartColumns> columns_alone(const std::vector<Field>& fields,
                                  const std::set<std::string>& nanos) {
  PartColumns columns;
  std::vector<Field> input = fields;
  table::TableSchema schema;
  int32_t field_id = 0;
  for (size_t index = 0; index < input.size(); ++index) {
    Field& field = input[index];
    if (field.type == Type::kNull) field.type = Type::kString;
    add_column({++field_id, field.name, table::physical_type(field.type), false}, index, columns);
    if (!nanos.contains(field.name)) continue;
    add_nanos({++field_id, nanos_column(field.name), part::PhysicalType::kInt32, false}, index,
              columns);
  }
  columns.input = TRY(Schema::make(std::move(input)));
  schema.columns = columns.columns;
  columns.iceberg_schema = schema.to_json();
  return columns;
}

Result<PartColumns> columns_of_table(const table::TableSchema& schema,
                                     const std::vector<Field>& fields) {
  PartColumns columns;
  columns.input = TRY(Schema::make(fields));
  columns.iceberg_schema = schema.to_json();
  for (size_t index = 0; index < fields.size(); ++index) {
    const part::Column* column = schema.find(fields[index].name);
    if (column == nullptr) {
      return Error(Code::kInvalid, Reason::kUnknownColumn, "the table has no such column",
                   fields[index].name);
    }
    add_column(*column, index, columns);
    const part::Column* nanos = fields[index].type == Type::kTimestamp
                                    ? schema.find(nanos_column(fields[index].name))
                                    : nullptr;
    if (nanos != nullptr) add_nanos(*nanos, index, columns);
  }
  return columns;
}

Result<Batch> conform(const Batch& batch, const SchemaPtr& schema) {
  if (batch.schema() == schema || *batch.schema() == *schema) return batch;
  BatchBuilder builder(schema);
  for (size_t column = 0; column < schema->size(); ++column) {
    const auto from = batch.schema()->find((*schema)[column].name);
    if (from && (*batch.schema())[*from].type != Type::kNull) {
      CHECK((*batch.schema())[*from].type == (*schema)[column].type);
      builder.append_run(column, batch.column(*from), 0, batch.rows());
      continue;
    }
    for (uint32_t row = 0; row < batch.rows(); ++row) builder.append_null(column);
  }
  return builder.finish();
}

}  // namespace sluice::landing
