// Sluice in another program: rows in, a table on the disk, an answer out.
//   embed DIRECTORY
#include <sluice/engine.h>

#include <iostream>

namespace {

using namespace sluice;

Status write_and_ask(const std::string& directory) {
  const auto platform = TRY(open_local_platform(directory, DirectoryUse::kCreate));
  const auto engine = TRY(Engine::open(platform->platform(), {}));

  const TableName name{"demo", "weather"};
  const TableSpec spec{
      .columns = {{"city", Type::kString}, {"time", Type::kTimestamp}, {"temp", Type::kDouble}},
      .key = {"city"},
      .time = "time"};
  TRY(engine->create_table(name, spec));

  BatchBuilder rows(TRY(Schema::make(spec.columns)));
  rows.append_row("Oslo", 1'700'000'000 * kSecond, -3.5);
  rows.append_row("Lima", 1'700'000'000 * kSecond, 21.5);
  const Batch batch = TRY(rows.finish());
  TRY(engine->append(name, batch));  // returns when the rows survive a power cut
  TRY(engine->flush(name));          // returns when they are in the table

  const auto snapshot = TRY(engine->snapshot(name));
  Grouping asked;
  asked.aggregates = TRY(parse_aggregates("count(*), max(temp)"));
  const auto answers = TRY(snapshot->aggregate(asked, {}));
  const auto answer = TRY(answers->next());
  std::cout << answer->column(0).int64(0) << " rows, at most " << answer->column(1).real(0) << "\n";
  return engine->close();
}

}  // namespace

int main(int argc, char** argv) {
  const Status done = write_and_ask(argc > 1 ? argv[1] : "sluice-data");
  if (!done.ok()) std::cerr << done.error().to_string() << "\n";
  return done.ok() ? 0 : 1;
}
