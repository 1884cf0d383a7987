// Compactor: a process that rewrites parts of a table, at its own pace and beside others.
#pragma once

#include <functional>

#include "table/committer.h"
#include "tests/torture/stage.h"

namespace sluice::torture {

class Compactor {
 public:
  /// An opening of its own. The table is append-only.
  Compactor(Stage& stage, Host& host, Table table);
  /// Another thread of the same process.
  Compactor(const Compactor& other);

  /// All parts of the table as they are now, to be replaced by the rows that `keeps` says; the
  /// outputs are put. Claims the table.
  table::RewriteEdit plan(const std::function<bool(const Row&)>& keeps);
  Status commit(const table::RewriteEdit& edit);

 private:
  Result<table::RewriteEdit> try_plan(const std::function<bool(const Row&)>& keeps);

  Stage& stage_;
  Host& host_;
  const Table table_;
  const table::Writer writer_;
  table::Committer committer_;
};

}  // namespace sluice::torture
