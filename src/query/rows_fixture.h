// Rows as values and as text, for tests.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "sluice/snapshot.h"

namespace sluice::query {

inline Value null_value() {
  return {};
}
inline Value make_value(bool value) {
  Value made;
  made.type = Type::kBool;
  made.boolean = value;
  return made;
}
inline Value make_value(int64_t value) {
  Value made;
  made.type = Type::kInt64;
  made.int64 = value;
  return made;
}
inline Value make_value(int value) {
  return make_value(int64_t{value});
}
inline Value make_value(double value) {
  Value made;
  made.type = Type::kDouble;
  made.real = value;
  return made;
}
inline Value make_value(std::string value, Type type = Type::kString) {
  Value made;
  made.type = type;
  made.bytes = std::move(value);
  return made;
}
inline Value make_value(const char* value) {
  return make_value(std::string(value));
}
inline Value make_time(Nanos value) {
  Value made = make_value(value);
  made.type = Type::kTimestamp;
  return made;
}

/// One row; a value of type null is a null.
using Row = std::vector<Value>;

inline Batch make_batch(std::vector<Field> fields, const std::vector<Row>& rows) {
  BatchBuilder builder(Schema::make(fields).value());
  for (const Row& row : rows) {
    for (size_t column = 0; column < fields.size(); ++column) {
      const Value& value = row[column];
      EXPECT_TRUE(value.is_null() || value.type == fields[column].type) << fields[column].name;
      if (value.is_null()) {
        builder.append_null(column);
      } else if (value.type == Type::kBool) {
        builder.append_bool(column, value.boolean);
      } else if (value.type == Type::kInt64) {
        builder.append_int64(column, value.int64);
      } else if (value.type == Type::kTimestamp) {
        builder.append_timestamp(column, value.int64);
      } else if (value.type == Type::kDouble) {
        builder.append_double(column, value.real);
      } else {
        builder.append_bytes(column, value.bytes);
      }
    }
  }
  return builder.finish().value();
}

/// A value as text that is equal only for equal values, bit for bit.
inline std::string spell(const Value& value) {
  switch (value.type) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return value.boolean ? "true" : "false";
    case Type::kInt64:
    case Type::kTimestamp:
      return std::to_string(value.int64);
    case Type::kDouble:
      return std::to_string(value.real) + "/" + std::to_string(std::bit_cast<uint64_t>(value.real));
    default:
      return "'" + value.bytes + "'";
  }
}

inline std::string spell(const ColumnView& view, uint32_t row) {
  if (view.is_null(row)) return "null";
  switch (view.type) {
    case Type::kBool:
      return spell(make_value(view.boolean(row)));
    case Type::kDouble:
      return spell(make_value(view.real(row)));
    case Type::kString:
    case Type::kBinary:
      return spell(make_value(std::string(view.bytes(row))));
    default:
      return spell(make_value(view.int64(row)));
  }
}

inline void spell_rows(const Batch& batch, std::vector<std::string>& rows) {
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    std::string text;
    for (size_t column = 0; column < batch.schema()->size(); ++column) {
      text += (column == 0 ? "" : " ") + spell(batch.column(column), row);
    }
    rows.push_back(text);
  }
}

inline Result<std::vector<Batch>> read_batches(Result<std::unique_ptr<Cursor>> opened) {
  if (!opened.ok()) return opened.error();
  std::vector<Batch> batches;
  while (const auto batch = TRY((*opened)->next())) {
    EXPECT_GT(batch->rows(), 0u);
    EXPECT_LE(batch->rows(), 8192u);
    EXPECT_EQ(*batch->schema(), *(*opened)->schema());
    batches.push_back(*batch);
  }
  EXPECT_FALSE((*opened)->next().value()) << "rows after the end";
  return batches;
}

inline Result<std::vector<std::string>> read_all(Result<std::unique_ptr<Cursor>> opened) {
  std::vector<std::string> rows;
  for (const Batch& batch : TRY(read_batches(std::move(opened)))) spell_rows(batch, rows);
  return rows;
}

inline Result<std::vector<std::string>> read_rows(Snapshot& snapshot, const ScanOptions& options) {
  return read_all(snapshot.scan(options));
}

}  // namespace sluice::query
