// SimBucket: a Bucket over a BucketState, with faults by seed.
//
// An object is durable and visible when its request took effect. What a network adds: a request may
// fail before its effect, its answer may be lost after it, it may take effect late (even after its
// sender has died) or twice, or hang for long. A list may be stale: for a while it does not know of
// a change. What a directory adds: of a put_all() that has not answered ok a power cut leaves any
// objects, and any of their bytes. The clock is the store's own: who steps the process's does not
// move it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/random.h"
#include "sim/runtime.h"
#include "sluice/io.h"

namespace sluice::sim {

/// What a bucket holds, and what is still on its way there. Copying it is the clone.
class BucketState {
 public:
  struct Object {
    std::shared_ptr<const std::vector<std::byte>> bytes;
    Nanos put_wall_time = 0;
  };
  enum class Effect : uint8_t { kPutIfAbsent, kPut, kRemove };
  /// A request to change the bucket.
  struct Request {
    Effect effect;
    std::string key;
    std::shared_ptr<const std::vector<std::byte>> bytes;  // of a put
    uint32_t land_permille = 0;  ///< in flight: how likely it lands at each later call
  };

  /// A change that a stale list may not know of.
  struct Recent {
    std::string key;
    std::optional<Object> before;  ///< none: there was no object
    Nanos until = 0;               ///< monotonic: from then on every list knows of it
  };
  using Objects = std::map<std::string, Object, std::less<>>;

  /// False if the key was taken.
  bool apply(const Request& request, Nanos wall_now);
  /// What a list sees that does not know of some recent changes, each by chance.
  Objects stale_objects(Random& random, Nanos now) const;
  /// Objects that were not synced are gone, torn, or there.
  void power_cut(Random& random);

  Objects objects;
  std::set<std::string, std::less<>> unsynced;  ///< of a put_all() that has not answered ok
  Nanos wall = 0;                               ///< the store's clock; 0: it has not run yet
  std::vector<Request> in_flight;
  std::vector<Recent> recent;  ///< in the order of their effects; only if the faults want them
};

/// How often what goes wrong, in a thousand calls.
struct BucketFaults {
  uint32_t busy_permille = 0;         ///< a burst of kBusy begins
  uint32_t lost_permille = 0;         ///< a change fails before its effect
  uint32_t answer_lost_permille = 0;  ///< a change has its effect, the caller gets an error
  uint32_t late_permille = 0;         ///< the caller gets an error, the effect comes later
  uint32_t duplicated_permille = 0;   ///< a change has its effect, and later once more
  uint32_t read_permille = 0;         ///< get_range, head, list: kIo
  uint32_t stale_permille = 0;        ///< a list does not know of some recent changes
  uint32_t hang_permille = 0;         ///< a change is under way for up to hang_nanos_max
  Nanos stale_nanos_max = kSecond;    ///< how long a change may be unknown to lists
  Nanos hang_nanos_max = 7200 * kSecond;
  Nanos nanos_max = 5 * kMillisecond;  ///< latency; a list may take ten times as long
};

/// Used by fibers of one SimRuntime, which outlives it. Uploads must not outlive the bucket.
class SimBucket final : public Bucket {
 public:
  explicit SimBucket(SimRuntime& runtime, BucketState state = {}, BucketFaults faults = {});

  Status put_if_absent(std::string_view key, ByteView bytes) override;
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override;
  /// Each object on its own, in any order; other fibers run in between.
  Status put_all(std::span<const ObjectBytes> objects) override;
  Status put(std::string_view key, ByteView bytes) override;
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override;
  Result<ObjectEntry> head(std::string_view key) override;
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override;
  Status remove(std::string_view key) override;
  std::string uri(std::string_view key) const override;

  const BucketState& state() const { return state_; }
  BucketState& mutable_state() { return state_; }
  void set_faults(const BucketFaults& faults) {
    faults_ = faults;
    busy_calls_ = 0;
  }

 private:
  friend class SimUpload;
  /// The call's way to the bucket: requests in flight may overtake it.
  Status enter(Nanos nanos_max);
  Status enter_read(std::string_view verb, std::string_view key, Nanos nanos_max);
  void land_some();
  /// A change that has reached the bucket.
  Status arrive(std::string_view verb, BucketState::Request request);
  /// The request has its effect, if it can have one.
  bool take_effect(const BucketState::Request& request);
  Nanos wall_now() const { return runtime_.now() + wall_ahead_; }
  /// A change by the caller: it has its effect, or one of the faults.
  Status change(std::string_view verb, BucketState::Request request);
  void note(std::string_view verb, const BucketState::Request& request, bool failed);

  SimRuntime& runtime_;
  Random random_;
  BucketState state_;
  BucketFaults faults_;
  const Nanos wall_ahead_;   // of the monotonic clock
  uint64_t busy_calls_ = 0;  // left of the burst
};

}  // namespace sluice::sim
