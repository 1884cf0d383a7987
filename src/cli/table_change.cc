// The subcommands of `sluice table` that write. Each opens the engine, or goes through the server
// that has it.
#include "cli/figures.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/troubles.h"
#include "sluice/time_text.h"

namespace sluice::cli {
namespace {

Result<OpenEngine> open_for(const TableOptions& options, DirectoryUse use) {
  config::Setup setup = TRY(configure(options.config, config::Defaults::kOfLibrary));
  setup.engine.listener = std::make_shared<Troubles>();
  const BucketOptions tables = TRY(choose_tables({}, setup.tables));
  return reach_engine(setup.data_dir, use, setup.engine, ProgressMode::kAuto, tables);
}

/// What the table is now.
Result<ExitCode> close_and_tell(OpenEngine& open, const TableOptions& options, Report report) {
  const TableDescription table = TRY(open.engine->describe(*options.table));
  TRY(open.engine->close());
  report.field("table", Cell::words(options.table->to_string()));
  report.field("version", Cell::number(table.version));
  report.field("snapshot", table.snapshot_id == 0 ? Cell::none() : Cell::number(table.snapshot_id));
  report.field("location", Cell::words(table.location));
  return report.print(options.format);
}

}  // namespace

Result<ExitCode> create_table(const TableOptions& options) {
  OpenEngine open = TRY(open_for(options, DirectoryUse::kCreate));
  const auto known = open.engine->describe(*options.table);
  if (known.ok()) {
    return Error(Code::kExists, "the table exists; `sluice table alter` changes its columns",
                 options.table->to_string());
  }
  if (known.error().code() != Code::kNotFound) return known.error();
  TRY(open.engine->create_table(*options.table, options.spec));
  return close_and_tell(open, options, {});
}

Result<ExitCode> alter_table(const TableOptions& options) {
  OpenEngine open = TRY(open_for(options, DirectoryUse::kExisting));
  TRY(open.engine->alter(*options.table, options.changes));
  return close_and_tell(open, options, {});
}

Result<ExitCode> roll_back(const TableOptions& options) {
  OpenEngine open = TRY(open_for(options, DirectoryUse::kExisting));
  const uint64_t before = TRY(open.engine->describe(*options.table)).snapshot_id;
  TRY(open.engine->rollback(*options.table, options.snapshot_id));
  Report report;
  report.field("rolled back from", before == 0 ? Cell::none() : Cell::number(before));
  return close_and_tell(open, options, std::move(report));
}

Result<ExitCode> relocate_table(const TableOptions& options) {
  OpenEngine open = TRY(open_for(options, DirectoryUse::kExisting));
  TRY(open.engine->relocate(*options.table));
  return close_and_tell(open, options, {});
}

Result<ExitCode> tag_snapshot(const TableOptions& options) {
  OpenEngine open = TRY(open_for(options, DirectoryUse::kExisting));
  Engine& engine = *open.engine;
  TRY(options.remove_tag ? engine.untag(*options.table, options.tag.name)
                         : engine.tag(*options.table, options.tag));
  return close_and_tell(open, options, {});
}

Result<ExitCode> expire_snapshots(const TableOptions& options) {
  OpenEngine open = TRY(open_for(options, DirectoryUse::kExisting));
  ExpireOptions expire = options.expire;
  if (options.older_than) {
    const Nanos now = open.platform->platform().runtime->wall_now();
    expire.older_than = now - std::min(now, *options.older_than);
  }
  const ExpireReport expired = TRY(open.engine->expire(*options.table, expire));
  Report report;
  report.field("dry run", Cell::flag(expire.dry_run));
  report.field("expired", Cell::count(expired.expired.size()));
  report.field("kept", Cell::count(expired.kept));
  report.field("tags removed", Cell::list(expired.tags));
  Listing listing({{"snapshot", true}, {"time"}});
  for (const ExpiredSnapshot& snapshot : expired.expired) {
    listing.add({Cell::number(snapshot.id), Cell::wall_time(snapshot.wall_time)});
  }
  report.listing("expired snapshots", std::move(listing));
  return close_and_tell(open, options, std::move(report));
}

Result<ExitCode> sweep_table(const TableOptions& options) {
  OpenEngine open = TRY(open_for(options, DirectoryUse::kExisting));
  const SweepReport swept = TRY(open.engine->sweep(*options.table, options.sweep));
  Report report;
  report.field("dry run", Cell::flag(swept.dry_run));
  report.field("objects", Cell::count(swept.objects));
  report.field("size", Cell::bytes(swept.bytes));
  report.field("named", Cell::count(swept.named));
  report.field("within the grace", Cell::count(swept.young));
  report.field("of work under way", Cell::count(swept.pending));
  report.field("foreign", Cell::count(swept.foreign));
  report.field("swept", Cell::count(swept.swept.size()));
  report.field("swept size", Cell::bytes(swept.swept_bytes));
  Listing listing({{"object"}, {"size", true}, {"age", true}});
  for (const SweptObject& object : swept.swept) {
    listing.add(
        {Cell::words(object.key), Cell::bytes(object.bytes), Cell::words(format_span(object.age))});
  }
  report.listing("swept objects", std::move(listing));
  return close_and_tell(open, options, std::move(report));
}

}  // namespace sluice::cli
