#include "tests/torture/compactor.h"

#include <utility>

#include "flush/flush.h"
#include "landing/columns.h"
#include "memtable/frozen.h"
#include "sluice/inspect.h"

namespace sluice::torture {
namespace {

table::Writer new_writer(Runtime& runtime) {
  const OpeningId opening = OpeningId::draw(runtime);
  return {LogId::draw(runtime), opening, {{opening, 1}}};
}

}  // namespace

Compactor::Compactor(Stage& stage, Host& host, Table table)
    : stage_(stage),
      host_(host),
      table_(std::move(table)),
      writer_(new_writer(stage.runtime())),
      committer_(stage.runtime(), host.line(), table_.name, writer_, {},
                 [this] { return host_.line().is_cut(); }) {}

Compactor::Compactor(const Compactor& other)
    : stage_(other.stage_),
      host_(other.host_),
      table_(other.table_),
      writer_(other.writer_),
      committer_(stage_.runtime(), host_.line(), table_.name, writer_, {},
                 [this] { return host_.line().is_cut(); }) {}

table::RewriteEdit Compactor::plan(const std::function<bool(const Row&)>& keeps) {
  if (stage_.failed()) return {};
  auto edit = try_plan(keeps);
  stage_.expect("planning a rewrite", to_status(edit));
  return edit.ok() ? *std::move(edit) : table::RewriteEdit();
}

Result<table::RewriteEdit> Compactor::try_plan(const std::function<bool(const Row&)>& keeps) {
  TRY(committer_.claim());
  table::RewriteEdit edit;
  edit.rewrite = FlushId::draw(stage_.runtime());
  edit.base = TRY(committer_.load());
  const table::Metadata& metadata = edit.base->metadata;
  const auto inputs = TRY(table::read_parts(host_.line(), metadata));
  for (const part::Meta& part : inputs) edit.inputs.push_back(part.key);
  const auto snapshot = TRY(committed_snapshot(host_.platform(), table_.name));
  Rows rows = TRY(read_rows(*snapshot));
  std::erase_if(rows, [&](const Row& row) { return !keeps(row); });
  if (rows.empty()) return edit;
  const TableSpec spec = metadata.spec();
  const auto columns = TRY(landing::columns_of_table(metadata.schema(), spec.columns));
  flush::Layout layout;
  layout.prefix = metadata.prefix;
  layout.columns = columns.input;
  layout.part_columns = columns.writer;
  layout.writer.iceberg_schema = columns.iceberg_schema;
  const memtable::Frozen frozen({{batch_of(rows), 1, nullptr, 0}}, spec);
  edit.outputs = TRY(flush::flush(stage_.runtime(), host_.line(),
                                  {edit.rewrite, &frozen, &layout, [] { return false; }}));
  return edit;
}

Status Compactor::commit(const table::RewriteEdit& edit) {
  if (stage_.failed()) return ok();
  return to_status(committer_.rewrite(edit));
}

}  // namespace sluice::torture
