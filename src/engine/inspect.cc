#include "sluice/inspect.h"

#include "query/view.h"
#include "table/committer.h"

namespace sluice {

Result<std::vector<TableDescription>> committed_tables(Platform platform) {
  std::vector<TableDescription> tables;
  for (const TableName& name : TRY(table::list_tables(*platform.bucket))) {
    const Result<table::HeadPtr> head = table::load_head(*platform.bucket, name);
    TableDescription description;
    description.name = name;
    if (head.ok()) description = query::describe(*platform.bucket, name, **head);
    if (!head.ok()) description.trouble = head.error();
    tables.push_back(std::move(description));
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
