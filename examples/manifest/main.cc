// A manifest of one's own: JSON rows become Parquet objects, atomically, and a text file lists
// them, each once, wherever the program is killed. Run it again and again.
//   manifest DIRECTORY
#include <sluice/flush.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

namespace {

using namespace sluice;

/// A line a block: its id, its key. Replaced as a whole, so a killed program leaves the old one.
class Manifest {
 public:
  explicit Manifest(std::string path) : path_(std::move(path)) {
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) lines_.insert(line);
  }
  /// A block that is listed already changes nothing: that is what makes repetition harmless.
  bool take(const std::vector<BlockMetadata>& blocks) {
    for (const BlockMetadata& block : blocks) lines_.insert(block.id + " " + block.key);
    std::ofstream file(path_ + ".new", std::ios::trunc);
    for (const std::string& line : lines_) file << line << "\n";
    file.close();  // a program that fears a power cut syncs the file and its directory here
    if (!file) return false;
    std::filesystem::rename(path_ + ".new", path_);
    return true;
  }
  size_t blocks() const { return lines_.size(); }

 private:
  const std::string path_;
  std::set<std::string> lines_;
};

Status flush_some_rows(const std::string& directory) {
  const auto platform = TRY(open_local_platform(directory, DirectoryUse::kCreate));
  AtomicFlushWriterOptions options;
  options.location = "com/example/users";
  const auto writer = TRY(AtomicFlushWriter::open(platform->platform(), options));

  // What an earlier run prepared and did not settle is whole, or is reported.
  const FlushRecoveryResult earlier = TRY(writer->recover_pending_flushes());
  for (const auto& flush : earlier.recovered) TRY(writer->commit_flush(flush.flush_id));
  for (const auto& flush : earlier.failed) std::cerr << flush.reason.to_string() << "\n";

  Manifest manifest(directory + "/manifest.txt");
  const uint64_t lsn = 2 * manifest.blocks() + 1;
  std::vector<WalEntry> rows(2);
  rows[0].json = R"({"name": "Alice", "age": 31})";
  rows[1].json = R"({"name": "Bob", "age": 27.5})";
  for (uint64_t i = 0; i < 2; ++i) rows[i].lsn = lsn + i;
  TRY(writer->atomic_flush(rows, FlushRange{.min_lsn = lsn, .max_lsn = lsn + 1, .seq = lsn}));

  const std::vector<BlockMetadata> blocks = writer->committed_blocks();
  if (!manifest.take(blocks)) return Error(Code::kIo, "the manifest cannot be written", directory);
  TRY(writer->clear_committed_blocks(blocks));  // killed before this line, they are listed again
  std::cout << manifest.blocks() << " blocks\n";
  return ok();
}

}  // namespace

int main(int argc, char** argv) {
  const Status done = flush_some_rows(argc > 1 ? argv[1] : "sluice-blocks");
  if (!done.ok()) std::cerr << done.error().to_string() << "\n";
  return done.ok() ? 0 : 1;
}
