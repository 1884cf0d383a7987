// The simulated Bucket and Runtime pass the suites, from several seeds.
#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "tests/interface/suites.h"

namespace sluice::interface {
namespace {

class SimulatedWorld final : public World {
 public:
  explicit SimulatedWorld(uint64_t seed) : runtime_({.seed = seed, .switch_permille = 200}) {}
  Platform platform() override { return {&runtime_, &disk_, &bucket_}; }
  void run(const std::function<void()>& body) override {
    const sim::RunReport report = runtime_.run(body);
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.dropped, std::vector<std::string>());
  }

 private:
  sim::SimRuntime runtime_;
  sim::SimDisk disk_{runtime_};
  sim::SimBucket bucket_{runtime_};
};

template <uint64_t kSeed>
std::unique_ptr<World> make_simulated_world() {
  return std::make_unique<SimulatedWorld>(kSeed);
}

const auto kSeeds = testing::Values(Implementation{"Seed1", make_simulated_world<1>},
                                    Implementation{"Seed2", make_simulated_world<2>},
                                    Implementation{"Seed3", make_simulated_world<3>});
INSTANTIATE_TEST_SUITE_P(Simulated, DiskSuite, kSeeds);
INSTANTIATE_TEST_SUITE_P(Simulated, BucketSuite, kSeeds);
INSTANTIATE_TEST_SUITE_P(Simulated, RuntimeSuite, kSeeds);

}  // namespace
}  // namespace sluice::interface
