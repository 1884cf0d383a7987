// JSON records: one object each.
//
// Everything is checked, what no column takes as well; a name may appear once in an object; a
// nested value is kept as JSON text without white space, its numbers and escapes as they were
// written.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/row_parser.h"
#include "source/value_text.h"

namespace sluice::source {

/// Field i of `columns` is column i of the rows. A name that no column has is a conflict. `rest`
/// outlives the parser; null: conflicts are faults.
std::unique_ptr<RowParser> make_json_rows(const std::vector<Column>& columns, Rest* rest);

struct JsonField {
  std::string name;
  Kind kind = Kind::kNull;
  std::string text;  ///< the string's value, or the JSON text of another kind
};

/// Reads records whose columns are not known.
class JsonProbe {
 public:
  JsonProbe();
  ~JsonProbe();
  /// The record's fields in their order.
  Fault read(std::string_view record, std::vector<JsonField>& fields);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::source
