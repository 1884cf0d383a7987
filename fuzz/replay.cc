// Feeds a fuzz target without libFuzzer.
//
//   replay_NAME [FOLDER]             its seeds, each also cut and flipped at places spread evenly,
//                                    then the files of FOLDER
//   replay_NAME --write-seeds FOLDER for libFuzzer to start from
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "fuzz/target.h"

namespace {

namespace fs = std::filesystem;

constexpr size_t kDamages = 64;  // of each kind, a seed

void run(std::string_view input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

void run_damaged(const std::string& seed) {
  const size_t step = std::max<size_t>(1, seed.size() / kDamages);
  for (size_t at = 0; at < seed.size(); at += step) {
    run(std::string_view(seed).substr(0, at));
    std::string flipped = seed;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    run(flipped);
  }
}

size_t run_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) return 0;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::printf("%s\n", file.filename().c_str());
    std::fflush(stdout);  // a crash names its input
    std::ifstream in(file, std::ios::binary);
    run(std::string(std::istreambuf_iterator<char>(in), {}));
  }
  return files.size();
}

int write_seeds(const fs::path& folder) {
  fs::create_directories(folder);
  size_t count = 0;
  for (const std::string& seed : seeds()) {
    std::ofstream out(folder / ("seed-" + std::to_string(count++)), std::ios::binary);
    out << seed;
    if (!out.flush()) return 1;
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string_view(arguments[1]) == "--write-seeds") {
    return write_seeds(arguments[2]);
  }
  const std::vector<std::string> valid = seeds();
  for (const std::string& seed : valid) {
    run(seed);
    run_damaged(seed);
  }
  const size_t files = count == 2 ? run_files(arguments[1]) : 0;
  std::printf("%zu seeds, %zu files\n", valid.size(), files);
  return valid.empty() ? 1 : 0;
}
