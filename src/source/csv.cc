#include "source/csv.h"

#include <algorithm>

#include "base/utf8.h"
#include "source/value_text.h"

namespace sluice::source {

RejectReason CsvSplitter::split(std::string_view row) {
  fields_.clear();
  if (!is_utf8(row)) return RejectReason::kInvalidUtf8;
  if (row.find('"') != row.npos) return split_quoted(row);
  split_plain(row);
  return RejectReason::kNone;
}

void CsvSplitter::split_plain(std::string_view row) {
  for (;;) {
    const size_t end = row.find(delimiter_);
    fields_.push_back({row.substr(0, end), false});
    if (end == row.npos) return;
    row.remove_prefix(end + 1);
  }
}

RejectReason CsvSplitter::split_quoted(std::string_view row) {
  unescaped_.clear();
  unescaped_.reserve(row.size());
  for (;;) {
    size_t end = 0;
    if (row.starts_with('"')) {
      end = 1;
      bool escapes = false;
      for (;;) {
        end = row.find('"', end);
        if (end == row.npos) return RejectReason::kInvalidQuoting;
        if (!row.substr(end + 1).starts_with('"')) break;
        escapes = true;
        end += 2;
      }
      const std::string_view inside = row.substr(1, end - 1);
      fields_.push_back({escapes ? unescape(inside) : inside, true});
      ++end;
      if (end < row.size() && row[end] != delimiter_) return RejectReason::kInvalidQuoting;
    } else {
      end = std::min(row.find(delimiter_), row.size());
      fields_.push_back({row.substr(0, end), false});
      if (fields_.back().text.find('"') != row.npos) return RejectReason::kInvalidQuoting;
    }
    if (end == row.size()) return RejectReason::kNone;
    row.remove_prefix(end + 1);
  }
}

std::string_view CsvSplitter::unescape(std::string_view inside) {
  const size_t begin = unescaped_.size();
  for (size_t at = 0; at < inside.size(); ++at) {
    unescaped_ += inside[at];
    if (inside[at] == '"') ++at;
  }
  return std::string_view(unescaped_).substr(begin);
}

namespace {

class CsvRows final : public RowParser {
 public:
  CsvRows(const std::vector<Column>& columns, char delimiter, Rest* rest)
      : columns_(columns), splitter_(delimiter), rest_(rest) {
    for (const Column& column : columns_) {
      const auto has_its_name = [&](const Column& other) {
        return other.source_name == column.source_name;
      };
      const bool is_unique = std::count_if(columns_.begin(), columns_.end(), has_its_name) == 1;
      rest_names_.push_back(is_unique ? column.source_name : column.field.name);
    }
  }

  Fault append(std::string_view record, BatchBuilder& rows) override {
    const RejectReason reason = splitter_.split(record);
    if (reason != RejectReason::kNone) return {reason, {}};
    const std::vector<CsvField>& fields = splitter_.fields();
    if (fields.size() != columns_.size()) return {RejectReason::kRaggedRow, {}};
    for (size_t index = 0; index < fields.size(); ++index) {
      const RejectReason misfit = append_field(fields[index], columns_[index], index, rows);
      if (misfit == RejectReason::kNone) continue;
      const bool keeps = rest_ != nullptr && is_conflict(misfit) && !columns_[index].required;
      if (!keeps) {
        return {misfit, columns_[index].source_name, fields[index].text,
                columns_[index].field.type};
      }
      append_json_string(fields[index].text, rest_->add_named(misfit, rest_names_[index]));
      rows.append_null(index);
    }
    return {};
  }

 private:
  static RejectReason append_field(const CsvField& field, const Column& column, size_t index,
                                   BatchBuilder& rows) {
    if (field.is_null()) {
      if (column.required) return RejectReason::kNullValue;
      rows.append_null(index);
      return RejectReason::kNone;
    }
    if (column.field.type != Type::kString) {
      return append_csv_value(field.text, column, index, rows);
    }
    rows.append_bytes(index, field.text);
    return RejectReason::kNone;
  }

  const std::vector<Column> columns_;
  CsvSplitter splitter_;
  Rest* const rest_;
  std::vector<std::string> rest_names_;  ///< the file's, unless it gives one to two columns
};

}  // namespace

std::unique_ptr<RowParser> make_csv_rows(const std::vector<Column>& columns, char delimiter,
                                         Rest* rest) {
  return std::make_unique<CsvRows>(columns, delimiter, rest);
}

}  // namespace sluice::source
