// CSV rows by RFC 4180: fields apart by a delimiter; a field that begins with a quote ends at the
// next single one, may hold delimiters and newlines, and spells a quote twice. An empty field is
// null; a quoted empty one is the empty string. Nothing is trimmed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/row_parser.h"

namespace sluice::source {

struct CsvField {
  std::string_view text;
  bool quoted = false;
  bool is_null() const { return text.empty() && !quoted; }
};

/// Splits rows into fields.
class CsvSplitter {
 public:
  explicit CsvSplitter(char delimiter) : delimiter_(delimiter) {}
  /// kNone, kInvalidUtf8 or kInvalidQuoting.
  RejectReason split(std::string_view row);
  /// Of the last row split; valid as long as its text, until the next.
  const std::vector<CsvField>& fields() const { return fields_; }

 private:
  void split_plain(std::string_view row);
  RejectReason split_quoted(std::string_view row);
  std::string_view unescape(std::string_view inside);

  char delimiter_;
  std::vector<CsvField> fields_;
  std::string unescaped_;  ///< fields that had quotes inside; never moves within a row
};

/// Field i of a row is column i. `rest` outlives the parser; null: conflicts are faults.
std::unique_ptr<RowParser> make_csv_rows(const std::vector<Column>& columns, char delimiter,
                                         Rest* rest);

}  // namespace sluice::source
