// A fake for the tests of this folder: a bucket in memory whose answers fail by script.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "sluice/io.h"
#include "table/committer.h"
#include "table/fake_runtime_fixture.h"

namespace sluice::table {

enum class Fault : uint8_t {
  kFailBefore,  ///< an error, and no effect
  kAnswerLost,  ///< the effect, and an error
  kLate,        ///< an error, and the effect `late_by` operations later
  kTwice,       ///< the request arrives twice: the second answer (kExists) is seen
  kDeath,       ///< an error, and from now on nothing but errors: the process is dead
  kDeathAfter,  ///< the effect, then death
  kDeathLate,   ///< death, and the effect lands `late_by` operations after the revival
};

/// Counts operations from 1. A fault hits exactly one of them.
class FakeBucket final : public Bucket {
 public:
  using Objects = std::map<std::string, std::string, std::less<>>;

  void fail_at(uint64_t operation, Fault fault, uint64_t late_by = 0) {
    fault_at_ = operation;
    fault_ = fault;
    late_by_ = late_by;
  }
  /// Hits the next `count` puts of `key`; `after` runs behind the first of them.
  void fail_puts_of(std::string key, Fault fault, uint64_t count, std::function<void()> after) {
    failing_key_ = std::move(key);
    key_fault_ = fault;
    key_faults_left_ = count;
    after_ = std::move(after);
  }
  /// The next process: counts go on, nothing fails any more.
  void revive() {
    dead_ = false;
    for (Late& late : late_) late.due += operations_ - death_;
  }
  bool dead() const { return dead_; }
  uint64_t operations() const { return operations_; }
  Objects& objects() { return objects_; }
  /// From now on puts have times, of this clock.
  void keep_time(std::function<Nanos()> clock) { clock_ = std::move(clock); }
  /// What is put past the requests, by a test.
  void place(const std::string& key, std::string bytes) { store(key, std::move(bytes)); }
  /// Runs before operation `operation`; may use other committers on this bucket.
  void before(uint64_t operation, std::function<void()> action) {
    action_at_ = operation;
    action_ = std::move(action);
  }

  Status put_if_absent(std::string_view key, ByteView bytes) override {
    return write(key, bytes, true);
  }
  Status put(std::string_view key, ByteView bytes) override { return write(key, bytes, false); }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view) override { CHECK(false); }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override {
    if (begin()) return lost();
    const auto found = objects_.find(key);
    if (found == objects_.end()) return absent(key);
    if (offset >= found->second.size()) return size_t{0};
    const size_t count = std::min(out.size(), found->second.size() - offset);
    std::memcpy(out.data(), found->second.data() + offset, count);
    return count;
  }
  Result<ObjectEntry> head(std::string_view key) override {
    if (begin()) return lost();
    const auto found = objects_.find(key);
    if (found == objects_.end()) return absent(key);
    return ObjectEntry{found->first, found->second.size(), put_time(key)};
  }
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override {
    if (begin()) return lost();
    ++lists_;
    std::vector<ObjectEntry> entries;
    for (const auto& [key, bytes] : objects_) {
      if (unlisted_.contains(key)) continue;
      if (key.starts_with(prefix)) entries.push_back({key, bytes.size(), put_time(key)});
    }
    return entries;
  }
  Status remove(std::string_view key) override {
    const auto fault = begin();
    if (dead_ && fault != Fault::kDeathAfter) return lost();
    if (fault == Fault::kFailBefore) return lost();
    objects_.erase(std::string(key));
    return fault ? Status(lost()) : ok();
  }
  std::string uri(std::string_view key) const override { return root_ + std::string(key); }

  std::string root_ = "/lake/";
  std::set<std::string> unlisted_;  // keys that lists do not know yet
  uint64_t lists_ = 0;

 private:
  struct Late {
    uint64_t due;
    std::string key;
    std::string bytes;
  };

  static Error lost() { return Error(Code::kIo, Reason::kUnknownOutcome, "no answer"); }
  static Error absent(std::string_view key) {
    return Error(Code::kNotFound, "no such object", std::string(key));
  }

  /// Counts the operation; the fault that hits it.
  std::optional<Fault> begin() {
    if (dead_) return Fault::kDeath;
    ++operations_;
    std::erase_if(late_, [&](const Late& late) {
      if (late.due > operations_) return false;
      if (!objects_.contains(late.key)) store(late.key, late.bytes);
      return true;
    });
    if (operations_ == action_at_) std::exchange(action_, nullptr)();
    if (operations_ != fault_at_) return std::nullopt;
    dead_ = fault_ >= Fault::kDeath;
    death_ = operations_;
    return fault_;
  }

  void store(const std::string& key, std::string bytes) {
    objects_[key] = std::move(bytes);
    put_times_[key] = clock_ ? clock_() : 0;
  }
  Nanos put_time(std::string_view key) const {
    const auto found = put_times_.find(key);
    return found == put_times_.end() ? 0 : found->second;
  }

  Status write(std::string_view key, ByteView bytes, bool if_absent) {
    const bool was_dead = dead_;
    auto fault = begin();
    const bool hit = key == failing_key_ && key_faults_left_ > 0;
    if (hit) fault = key_fault_;
    if (hit) --key_faults_left_;
    const Status answer = write_with(fault, was_dead, key, bytes, if_absent);
    if (hit && after_) std::exchange(after_, nullptr)();
    return answer;
  }

  Status write_with(std::optional<Fault> fault, bool was_dead, std::string_view key, ByteView bytes,
                    bool if_absent) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (was_dead || fault == Fault::kFailBefore || fault == Fault::kDeath) return lost();
    if (fault == Fault::kLate || fault == Fault::kDeathLate) {
      if (if_absent) late_.push_back({operations_ + late_by_ + 1, std::string(key), text});
      return lost();
    }
    const bool taken = if_absent && objects_.contains(key);
    if (!taken) store(std::string(key), text);
    if (fault == Fault::kAnswerLost || fault == Fault::kDeathAfter) return lost();
    if (taken || (fault == Fault::kTwice && if_absent)) {
      return Error(Code::kExists, "the object exists", std::string(key));
    }
    return ok();
  }

  Objects objects_;
  std::map<std::string, Nanos, std::less<>> put_times_;
  std::function<Nanos()> clock_;
  std::vector<Late> late_;
  uint64_t operations_ = 0;
  uint64_t fault_at_ = 0;
  uint64_t late_by_ = 0;
  uint64_t death_ = 0;
  uint64_t action_at_ = 0;
  std::function<void()> action_;
  Fault fault_ = Fault::kFailBefore;
  std::string failing_key_;
  Fault key_fault_ = Fault::kFailBefore;
  uint64_t key_faults_left_ = 0;
  std::function<void()> after_;
  bool dead_ = false;
};

template <class Id>
Id id_of(uint8_t number) {
  std::array<std::byte, 16> bytes{};
  bytes.back() = static_cast<std::byte>(number);
  return Id::from_bytes(bytes);
}

inline const TableName kName{"db", "coll"};

inline TableSpec keyed_spec() {
  return {{{"device", Type::kString}, {"time", Type::kTimestamp}, {"temp", Type::kDouble}},
          {"device"},
          "time"};
}

/// The opening `number` (1 and up) of log `log`; opening n may give out LSNs from 100 (n - 1) + 1.
inline Writer writer_of(uint8_t log, uint8_t number) {
  Writer writer{id_of<LogId>(log), id_of<OpeningId>(static_cast<uint8_t>(16 * log + number)), {}};
  for (uint8_t n = 1; n <= number; ++n) {
    writer.chain.push_back(
        {id_of<OpeningId>(static_cast<uint8_t>(16 * log + n)), 100u * (n - 1u) + 1});
  }
  return writer;
}

/// A part of `rows` rows of one day whose object has `bytes` bytes.
inline part::Meta part_of(const std::string& name, int32_t day = 19'000, uint64_t rows = 10,
                          uint64_t bytes = 100) {
  part::Meta part;
  part.key = "db/coll/data/" + name + ".parquet";
  part.bytes = bytes;
  part.rows = rows;
  part.partition = {day};
  part.columns = {{1, 40, rows, 0, 0, "a", "b"},
                  {2, 30, rows, 0, 0, std::string(8, '\1'), std::string(8, '\2')},
                  {3, 30, rows, 1, 2, std::nullopt, std::nullopt}};
  part.split_offsets = {4};
  return part;
}

}  // namespace sluice::table
