#include "cli/row_printer.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/figures.h"
#include "cli/json_writer.h"
#include "cli/text_table.h"

namespace sluice::cli {
namespace {

std::vector<ColumnView> columns_of(const Batch& rows) {
  std::vector<ColumnView> columns;
  for (size_t at = 0; at < rows.schema()->size(); ++at) columns.push_back(rows.column(at));
  return columns;
}

bool is_number(Type type) {
  return type == Type::kInt64 || type == Type::kDouble;
}

class TablePrinter final : public RowPrinter {
 public:
  TablePrinter(const SchemaPtr& schema, Output& output) : table_(titles(*schema)), output_(output) {
    std::vector<std::string> types;
    for (const Field& field : schema->fields()) types.emplace_back(to_string(field.type));
    table_.add(std::move(types));
    table_.add_rule();
  }

  Status begin() override { return ok(); }

  Status print(const Batch& rows) override {
    const std::vector<ColumnView> columns = columns_of(rows);
    for (size_t row = 0; row < rows.rows(); ++row) {
      std::vector<std::string> cells;
      for (const ColumnView& column : columns) {
        cells.push_back(column.is_null(row) ? "null" : format_value(column, row));
      }
      table_.add(std::move(cells));
    }
    rows_ += rows.rows();
    return output_.write(table_.take());
  }

  Status end() override {
    const std::string count = format_count(rows_) + (rows_ == 1 ? " row" : " rows");
    return output_.write(table_.take() + "(" + count + ")\n");
  }

 private:
  static std::vector<TextTable::Column> titles(const Schema& schema) {
    std::vector<TextTable::Column> columns;
    for (const Field& field : schema.fields()) {
      columns.push_back({field.name, is_number(field.type)});
    }
    return columns;
  }

  TextTable table_;
  Output& output_;
  uint64_t rows_ = 0;
};

class CsvPrinter final : public RowPrinter {
 public:
  CsvPrinter(SchemaPtr schema, Output& output) : schema_(std::move(schema)), output_(output) {}

  Status begin() override {
    std::string line;
    for (const Field& field : schema_->fields()) {
      if (!line.empty()) line += ',';
      append_field(line, field.name);
    }
    return output_.write(line + "\n");
  }

  Status print(const Batch& rows) override {
    const std::vector<ColumnView> columns = columns_of(rows);
    std::string text;
    for (size_t row = 0; row < rows.rows(); ++row) {
      for (size_t at = 0; at < columns.size(); ++at) {
        if (at > 0) text += ',';
        if (!columns[at].is_null(row)) append_field(text, format_value(columns[at], row));
      }
      text += '\n';
    }
    return output_.write(text);
  }

  Status end() override { return ok(); }

 private:
  static void append_field(std::string& out, std::string_view value) {
    const bool is_bare = !value.empty() && value.find_first_of("\",\r\n") == std::string::npos;
    if (is_bare) {
      out += value;
      return;
    }
    out += '"';
    for (const char c : value) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }

  const SchemaPtr schema_;
  Output& output_;
};

struct JsonLayout {
  std::string_view before_first;
  std::string_view between;
  std::string_view after_last;
  std::string_view empty;
};
constexpr JsonLayout kArray{"[\n", ",\n", "\n]\n", "[]\n"};
constexpr JsonLayout kLines{"", "\n", "\n", ""};

class JsonPrinter final : public RowPrinter {
 public:
  JsonPrinter(const JsonLayout& layout, SchemaPtr schema, Output& output)
      : layout_(layout), schema_(std::move(schema)), output_(output) {}

  Status begin() override { return ok(); }

  Status print(const Batch& rows) override {
    const std::vector<ColumnView> columns = columns_of(rows);
    std::string text;
    JsonWriter json;
    for (size_t row = 0; row < rows.rows(); ++row) {
      json.begin_object();
      for (size_t at = 0; at < columns.size(); ++at) {
        json.key((*schema_)[at].name).value(columns[at], row);
      }
      json.end_object();
      text += is_first_ ? layout_.before_first : layout_.between;
      text += json.take();
      is_first_ = false;
    }
    return output_.write(text);
  }

  Status end() override { return output_.write(is_first_ ? layout_.empty : layout_.after_last); }

 private:
  const JsonLayout layout_;
  const SchemaPtr schema_;
  Output& output_;
  bool is_first_ = true;
};

}  // namespace

std::unique_ptr<RowPrinter> make_row_printer(RowFormat format, SchemaPtr schema, Output& output) {
  switch (format) {
    case RowFormat::kTable:
      return std::make_unique<TablePrinter>(schema, output);
    case RowFormat::kCsv:
      return std::make_unique<CsvPrinter>(std::move(schema), output);
    case RowFormat::kJson:
      return std::make_unique<JsonPrinter>(kArray, std::move(schema), output);
    case RowFormat::kNdjson:
      break;
  }
  return std::make_unique<JsonPrinter>(kLines, std::move(schema), output);
}

}  // namespace sluice::cli
