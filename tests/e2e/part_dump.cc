// part_dump DIRECTORY: writes parts of every shape, NAME.parquet, and the rows that they hold,
// NAME.ndjson, in the spelling of tests/readers/canonical.mjs.
#include <cstdio>
#include <fstream>
#include <iostream>

#include "part/micros.h"
#include "part/part_fixture.h"

namespace sluice::part {
namespace {

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    char escaped[8];
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      quoted += escaped;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    text += digits;
  }
  return text;
}

std::string number(double value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  if (value == 0) return std::signbit(value) ? "\"-0\"" : "0";
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::string spell_json(const WriterColumn& column, const ColumnView& view, uint32_t row) {
  if (view.is_null(row)) return "null";
  switch (column.column.type) {
    case PhysicalType::kBool:
      return view.boolean(row) ? "true" : "false";
    case PhysicalType::kInt32:
      return quote(std::to_string(nanos_remainder(view.int64(row))));
    case PhysicalType::kInt64:
      return quote(std::to_string(view.int64(row)));
    case PhysicalType::kTimestampMicros:
      return quote(std::to_string(floor_micros(view.int64(row))));
    case PhysicalType::kFloat:
    case PhysicalType::kDouble:
      return number(view.real(row));
    case PhysicalType::kString:
      return quote(view.bytes(row));
    case PhysicalType::kBinary:
      return quote(hex(view.bytes(row)));
  }
  return {};
}

struct Shape {
  std::string name;
  std::vector<Batch> batches;
  bool required = false;
  WriterOptions options;
};

bool dump(const std::string& directory, const SchemaPtr& schema, const Shape& shape) {
  std::vector<WriterColumn> columns = writer_columns(*schema);
  for (WriterColumn& column : columns) column.column.required = shape.required;
  MemoryBucket bucket;
  const auto meta = write_part(bucket, "p", shape.batches, columns, shape.options);
  if (!meta.ok()) return std::cerr << meta.error().to_string() << "\n", false;
  std::ofstream(directory + "/" + shape.name + ".parquet", std::ios::binary) << bucket.objects["p"];
  std::ofstream rows(directory + "/" + shape.name + ".ndjson");
  for (const Batch& batch : shape.batches) {
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      const char* separator = "{";
      for (const WriterColumn& column : columns) {
        rows << separator << quote(column.column.name) << ":"
             << spell_json(column, batch.column(column.input), row);
        separator = ",";
      }
      rows << "}\n";
    }
  }
  return rows.good();
}

int run(const std::string& directory) {
  const SchemaPtr schema = make_schema({{"flag", Type::kBool},
                                        {"n", Type::kInt64},
                                        {"x", Type::kDouble},
                                        {"text", Type::kString},
                                        {"raw", Type::kBinary},
                                        {"time", Type::kTimestamp}});
  RandomRows random(7);
  WriterOptions small;
  small.page_bytes = 2048;
  small.row_group_bytes = 100'000;
  small.dictionary_bytes = 8192;
  WriterOptions plain;
  plain.dictionary_bytes = 0;
  const std::vector<Shape> shapes = {
      {"special", {random.batch(schema, 200, 3, 2)}, false, {}},
      {"required", {random.batch(schema, 5000, 100, 0)}, true, {}},
      {"one_value", {random.batch(schema, 1, 1, 0)}, false, {}},
      {"nulls", {random.batch(schema, 3000, 1, 8)}, false, {}},
      {"groups",
       {random.batch(schema, 9000, 50, 1), random.batch(schema, 9000, 5000, 4)},
       false,
       small},
      {"plain", {random.batch(schema, 9000, 50, 1)}, false, plain},
      {"empty", {}, false, {}},
  };
  for (const Shape& shape : shapes) {
    if (!dump(directory, schema, shape)) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace sluice::part

int main(int count, char** words) {
  if (count != 2) return std::cerr << "usage: part_dump DIRECTORY\n", 2;
  return sluice::part::run(words[1]);
}
