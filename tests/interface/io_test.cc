// The real implementations pass the suites.
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "io/dir_bucket.h"
#include "io/posix_disk.h"
#include "io/thread_runtime.h"
#include "tests/interface/suites.h"

namespace sluice::interface {
namespace {

std::string make_temporary_directory() {
  std::string path = testing::TempDir() + "/seams.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::filesystem::filesystem_error(path, {});
  std::filesystem::create_directories(path + "/disk");
  std::filesystem::create_directories(path + "/bucket");
  return path;
}

class LocalWorld final : public World {
 public:
  explicit LocalWorld(io::PosixDiskOptions options)
      : disk_(io::open_posix_disk(directory_ + "/disk", options).value()) {}
  ~LocalWorld() override { std::filesystem::remove_all(directory_); }
  Platform platform() override { return {runtime_.get(), disk_.get(), bucket_.get()}; }

 private:
  const std::string directory_ = make_temporary_directory();
  const std::unique_ptr<Runtime> runtime_ = io::make_thread_runtime();
  const std::unique_ptr<Disk> disk_;
  const std::unique_ptr<Bucket> bucket_ =
      io::open_dir_bucket(directory_ + "/bucket", *runtime_).value();
};

std::unique_ptr<World> make_local_world() {
  return std::make_unique<LocalWorld>(io::PosixDiskOptions{});
}

std::unique_ptr<World> make_direct_world() {
  return std::make_unique<LocalWorld>(io::PosixDiskOptions{.direct_writes = true});
}

INSTANTIATE_SEAM_SUITES(Local, make_local_world);
INSTANTIATE_TEST_SUITE_P(Direct, DiskSuite,
                         testing::Values(Implementation{"Direct", make_direct_world}));

}  // namespace
}  // namespace sluice::interface
