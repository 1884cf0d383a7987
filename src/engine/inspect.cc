#include "sluice/inspect.h"

#include "query/view.h"
#include "table/committer.h"

namespace sluice {

Result<std::vector<TableDescription>> committed_tables(Platform platform) {
  std::vector<TableDescription> tables;
  for (const TableName& name : TRY(table::list_tables(*platform.bucket))) {
    const table::HeadPtr head = TRY(table::load_head(*platform.bucket, name));
    tables.push_back(query::describe(*platform.bucket, name, *head));
  }
  return tables;
}

Result<std::unique_ptr<Snapshot>> committed_snapshot(Platform platform, const TableName& name) {
  query::View view;
  view.name = name;
  view.head = TRY(table::load_head(*platform.bucket, name));
  return query::make_snapshot(*platform.bucket, std::move(view));
}

}  // namespace sluice
