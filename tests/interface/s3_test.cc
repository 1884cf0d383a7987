// The Bucket of S3 passes the suite, against the fake S3, with and without retries.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "io/retry_bucket.h"
#include "io/s3_bucket.h"
#include "io/thread_runtime.h"
#include "tests/interface/suites.h"
#include "tests/s3/fake_s3.h"

namespace sluice::interface {
namespace {

/// One for all tests of this process; each has a prefix of its own.
FakeS3& fake_s3() {
  static FakeS3 server(SLUICE_FAKE_S3);
  return server;
}

S3Options next_options() {
  static int worlds = 0;
  return fake_s3().options("world/" + std::to_string(++worlds));
}

class S3World final : public World {
 public:
  explicit S3World(bool is_retried) {
    bucket_ = io::open_s3_bucket(next_options(), *runtime_).value();
    if (is_retried) bucket_ = io::make_retry_bucket(std::move(bucket_), *runtime_, {});
  }
  Platform platform() override { return {runtime_.get(), nullptr, bucket_.get()}; }

 private:
  const std::unique_ptr<Runtime> runtime_ = io::make_thread_runtime();
  std::unique_ptr<Bucket> bucket_;
};

template <bool kRetried>
std::unique_ptr<World> make_s3_world() {
  return std::make_unique<S3World>(kRetried);
}

INSTANTIATE_TEST_SUITE_P(S3, BucketSuite,
                         testing::Values(Implementation{"S3", make_s3_world<false>},
                                         Implementation{"Retried", make_s3_world<true>}));

}  // namespace
}  // namespace sluice::interface
