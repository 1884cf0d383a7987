// Columns: what a flush's rows look like, from the batches or entries to the parts.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "part/meta.h"
#include "part/writer.h"
#include "sluice/batch.h"
#include "sluice/wal_entry.h"
#include "table/metadata.h"

namespace sluice::landing {

/// The columns of parts, made from batches of the schema `input`.
struct PartColumns {
  SchemaPtr input;
  std::vector<part::WriterColumn> writer;
  std::vector<part::Column> columns;  ///< of the writer
  std::string iceberg_schema;
};

/// `_<name>_ns`: the companion of a timestamp with remainders below a microsecond.
std::string nanos_column(std::string_view timestamp);
/// The columns that parts of entries have besides: see wal_entry.h.
const std::vector<Field>& entry_columns();

/// The columns of all batches by name, in order of appearance. kInvalid: where() is the column:
/// kTypeMismatch between batches, a name that begins with '_'.
Result<std::vector<Field>> union_of(std::span<const Batch> batches);
/// Names of the timestamp columns with a remainder below a microsecond.
void find_nanos(const Batch& batch, std::set<std::string>& names);

/// Field ids are given from 1 on; columns without a type become strings.
Result<PartColumns> columns_alone(const std::vector<Field>& fields,
                                  const std::set<std::string>& nanos);
/// The columns of the table that `fields` names.
Result<PartColumns> columns_of_table(const table::TableSchema& schema,
                                     const std::vector<Field>& fields);

/// The same rows with the columns of `schema`; a column that the batch lacks is null.
Result<Batch> conform(const Batch& batch, const SchemaPtr& schema);

}  // namespace sluice::landing
