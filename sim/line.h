// Line: one process's way to a bucket. Calls that change something can be held up, refused, or lose
// their answers, one by one and by script; and the line can be cut, as by its process's death.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/runtime.h"
#include "sluice/io.h"

namespace sluice::sim {

/// A call that changes the bucket. An upload does so when it is finished.
struct Change {
  enum class Verb : uint8_t { kPutIfAbsent, kUpload, kPut, kRemove };
  Verb verb;
  std::string_view key;
  ByteView bytes = {};  // of a put
  /// Whether it fills a version of a table.
  bool commits() const { return verb == Verb::kPutIfAbsent && key.ends_with(".metadata.json"); }
};

/// What happens to one change.
enum class Trouble : uint8_t {
  kNone,
  kSleepBefore,  ///< it waits for wake(), then it goes on
  kSleepAfter,   ///< it has its effect; the answer waits for wake()
  kSleepLost,    ///< it has its effect; an error waits for wake()
  kFails,        ///< an error, and no effect
  kAnswerLost,   ///< its effect, and an error
  kTwice,        ///< of a put: it arrives twice, and the second answer is heard
  kLate,         ///< an error; a put has its effect with land()
  kCut,          ///< the line is cut before its effect
};

/// Used by fibers of one SimRuntime. Uploads must not outlive it.
class Line final : public Bucket {
 public:
  /// Every call takes up to `nanos_max`; 0: none yields to other fibers here.
  Line(SimRuntime& runtime, Bucket& bucket, Nanos nanos_max = 0)
      : runtime_(runtime), monitor_(runtime.monitor()), bucket_(bucket), nanos_max_(nanos_max) {}

  /// Asked before each change, unless the trouble of the next commit was set; may be empty.
  std::function<Trouble(const Change&)> plan;
  void trouble_next_commit(Trouble trouble) { next_commit_ = trouble; }

  /// Told of each put that has had its effect; may be empty.
  std::function<void(std::string_view key)> on_put;

  bool asleep() const { return asleep_; }
  void wake();
  /// What was sent late arrives, in the order in which it was sent.
  void land();
  /// From now on no call has an effect, each answers kCancelled; sleepers wake to it.
  void cut();
  bool is_cut() const { return cut_; }
  std::function<void()> on_cut;  ///< once, at that moment; may be empty

  Status put_if_absent(std::string_view key, ByteView bytes) override;
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override;
  Status put(std::string_view key, ByteView bytes) override;
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override;
  Result<ObjectEntry> head(std::string_view key) override;
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override;
  Status remove(std::string_view key) override;
  std::string uri(std::string_view key) const override { return bucket_.uri(key); }

 private:
  friend class LineUpload;
  struct Late {
    std::string key;
    std::vector<std::byte> bytes;
  };

  Status enter();
  Trouble trouble_of(const Change& change);
  Status change(const Change& change, const std::function<Status()>& effect);
  void fall_asleep(uint64_t wakes);

  SimRuntime& runtime_;
  std::unique_ptr<Monitor> monitor_;
  Bucket& bucket_;
  const Nanos nanos_max_;
  Trouble next_commit_ = Trouble::kNone;
  bool asleep_ = false;
  uint64_t wakes_ = 0;
  bool cut_ = false;
  std::vector<Late> late_;
};

}  // namespace sluice::sim
