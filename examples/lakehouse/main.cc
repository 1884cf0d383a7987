// Two senders into one table, without a server: each numbers its own rows, sends all of them in
// every run, and the table has each once, wherever the program is killed. Run it again and again.
//   lakehouse DIRECTORY
#include <sluice/parent.h>

#include <iostream>

namespace {

using namespace sluice;

/// Rows 1 to 10 of a sender.
Status send(LakehouseWriter& writer, const std::string& sender) {
  for (uint64_t number = 1; number <= 10; ++number) {
    const std::string row = "{\"sender\":\"" + sender + "\",\"n\":" + std::to_string(number) + "}";
    WalEntry entry;
    entry.lsn = number;
    entry.json = row;
    TRY(writer.receive(sender, std::span(&entry, 1)));  // in memory: no time to acknowledge it
  }
  return ok();
}

Status send_all(const std::string& directory) {
  const auto platform = TRY(open_local_platform(directory, DirectoryUse::kCreate));
  WriterOptions options = writer_options(WriterPreset::kExample);
  options.bucket = platform->platform().bucket;
  options.disk = platform->platform().disk;
  options.runtime = platform->platform().runtime;
  options.table_path = "com/example/users";
  const auto writer = TRY(LakehouseWriter::open(options));

  TRY(send(*writer, "alice"));
  TRY(send(*writer, "bob"));
  const FlushResult flushed = writer->flush();
  if (flushed.status != FlushStatus::kPersisted) return *flushed.error;
  std::cout << flushed.row_count << " rows persisted, " << flushed.known_count << " known\n";
  return ok();
}

}  // namespace

int main(int argc, char** argv) {
  const Status done = send_all(argc > 1 ? argv[1] : "sluice-lakehouse");
  if (!done.ok()) std::cerr << done.error().to_string() << "\n";
  return done.ok() ? 0 : 1;
}
