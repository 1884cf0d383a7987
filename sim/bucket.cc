#include "sim/bucket.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace sluice::sim {
namespace {

constexpr size_t kKeyBytesMax = 512;
constexpr uint64_t kBusyCallsMax = 8;
constexpr uint32_t kSlowListPermille = 100;
constexpr size_t kChunkBytes = 16 << 10;  // what an upload collects before it sends

bool is_key_segment(std::string_view segment) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("._=+-").find(c) != std::string_view::npos;
  };
  return !segment.empty() && segment != "." && segment != ".." &&
         std::all_of(segment.begin(), segment.end(), allowed);
}

Status check_key(std::string_view key) {
  bool good = key.size() <= kKeyBytesMax;
  for (std::string_view rest = key; good;) {
    const size_t slash = rest.find('/');
    good = is_key_segment(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (!good) return Error(Code::kInvalid, "not an object key", std::string(key));
  return ok();
}

/// A prefix is good if some key starts with it.
Status check_prefix(std::string_view prefix) {
  if (prefix.empty() || check_key(prefix).ok()) return ok();
  return check_key(std::string(prefix) + "k");
}

std::shared_ptr<const std::vector<std::byte>> share(ByteView bytes) {
  return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

Error unknown_outcome(std::string_view key) {
  return Error(Code::kIo, Reason::kUnknownOutcome, "the simulated answer was lost",
               std::string(key));
}
Error not_found(std::string_view key) {
  return Error(Code::kNotFound, "no such object", std::string(key));
}

/// How soon a request in flight lands: soon, or long after everybody has forgotten it.
uint32_t draw_land_permille(Random& random) {
  constexpr uint32_t kChoices[] = {500, 100, 20, 3};
  return kChoices[random.below(std::size(kChoices))];
}

}  // namespace

using Effect = BucketState::Effect;

bool BucketState::apply(const Request& request, Nanos wall_now) {
  if (request.effect == Effect::kRemove) {
    objects.erase(request.key);
    unsynced.erase(request.key);
    return true;
  }
  if (request.effect == Effect::kPutIfAbsent && objects.contains(request.key)) return false;
  objects[request.key] = {request.bytes, wall_now};
  return true;
}

// Of one key a list knows of no change that came after one that it does not know of.
BucketState::Objects BucketState::stale_objects(Random& random, Nanos now) const {
  Objects seen = objects;
  std::set<std::string_view> known;
  for (auto change = recent.rbegin(); change != recent.rend(); ++change) {
    if (change->until <= now || known.contains(change->key)) continue;
    if (random.chance(500)) {
      known.insert(change->key);
    } else if (change->before) {
      seen[change->key] = *change->before;
    } else {
      seen.erase(change->key);
    }
  }
  return seen;
}

void BucketState::power_cut(Random& random) {
  for (const std::string& key : std::exchange(unsynced, {})) {
    const auto at = objects.find(key);
    if (at == objects.end()) continue;
    const uint64_t fate = random.below(3);
    if (fate == 0) objects.erase(at);
    if (fate != 1) continue;
    std::vector<std::byte> bytes = *at->second.bytes;
    if (random.chance(500)) {
      bytes.resize(random.below(bytes.size() + 1));
    } else {
      const auto torn = bytes.begin() + static_cast<ptrdiff_t>(random.below(bytes.size() + 1));
      std::fill(torn, bytes.end(), std::byte{0});
    }
    at->second.bytes = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  }
}

class SimUpload final : public Upload {
 public:
  SimUpload(SimBucket& bucket, std::string key) : bucket_(bucket), key_(std::move(key)) {}

  Status write(ByteView bytes) override {
    if (ended_) return closed();
    if (bytes_.size() / kChunkBytes != (bytes_.size() + bytes.size()) / kChunkBytes) TRY(send());
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return ok();
  }
  Status finish() override {
    if (ended_) return closed();
    ended_ = true;
    return bucket_.change("upload", {Effect::kPut, key_, share(bytes_)});
  }
  void abort() override { ended_ = true; }

 private:
  Error closed() const { return Error(Code::kInvalid, Reason::kClosed, "the upload ended", key_); }
  /// A chunk on its way.
  Status send() {
    TRY(bucket_.enter(bucket_.faults_.nanos_max));
    if (!bucket_.random_.chance(bucket_.faults_.lost_permille)) return ok();
    return Error(Code::kIo, "simulated network error", key_);
  }

  SimBucket& bucket_;
  const std::string key_;
  std::vector<std::byte> bytes_;
  bool ended_ = false;
};

SimBucket::SimBucket(SimRuntime& runtime, BucketState state, BucketFaults faults)
    : runtime_(runtime),
      random_(runtime.fork_random()),
      state_(std::move(state)),
      faults_(faults),
      wall_ahead_((state_.wall == 0 ? runtime.wall_now() : state_.wall) - runtime.now()) {
  // The clock of the process that made these changes has gone with it.
  const Nanos latest = runtime_.now() + faults_.stale_nanos_max;
  for (BucketState::Recent& change : state_.recent) change.until = std::min(change.until, latest);
  if (faults_.stale_permille == 0) state_.recent.clear();
}

Status SimBucket::enter(Nanos nanos_max) {
  TRY(runtime_.enter(nanos_max));
  state_.wall = wall_now();
  land_some();
  if (busy_calls_ == 0 && random_.chance(faults_.busy_permille)) {
    busy_calls_ = 1 + random_.below(kBusyCallsMax);
  }
  if (busy_calls_ == 0) return ok();
  --busy_calls_;
  return Error(Code::kBusy, "simulated 503");
}

void SimBucket::land_some() {
  for (size_t i = 0; i < state_.in_flight.size();) {
    if (!random_.chance(state_.in_flight[i].land_permille)) {
      ++i;
      continue;
    }
    const BucketState::Request request = std::move(state_.in_flight[i]);
    state_.in_flight.erase(state_.in_flight.begin() + static_cast<ptrdiff_t>(i));
    const bool won = take_effect(request);
    note("land", request, !won);
  }
}

bool SimBucket::take_effect(const BucketState::Request& request) {
  if (faults_.stale_permille > 0) {
    const Nanos now = runtime_.now();
    std::erase_if(state_.recent, [&](const auto& change) { return change.until <= now; });
    const auto at = state_.objects.find(request.key);
    BucketState::Recent change{request.key, std::nullopt, now};
    if (at != state_.objects.end()) change.before = at->second;
    change.until +=
        static_cast<Nanos>(random_.below(static_cast<uint64_t>(faults_.stale_nanos_max) + 1));
    state_.recent.push_back(std::move(change));
  }
  return state_.apply(request, wall_now());
}

void SimBucket::note(std::string_view verb, const BucketState::Request& request, bool failed) {
  const ByteView content = request.bytes == nullptr ? ByteView{} : ByteView(*request.bytes);
  runtime_.took_effect({.verb = verb,
                        .name = request.key,
                        .bytes = content.size(),
                        .content = content,
                        .failed = failed});
}

Status SimBucket::change(std::string_view verb, BucketState::Request request) {
  TRY(enter(faults_.nanos_max));
  if (random_.chance(faults_.hang_permille)) TRY(enter(faults_.hang_nanos_max));
  return arrive(verb, std::move(request));
}

Status SimBucket::arrive(std::string_view verb, BucketState::Request request) {
  if (random_.chance(faults_.lost_permille)) {
    note(verb, request, true);
    return unknown_outcome(request.key);
  }
  const bool late = random_.chance(faults_.late_permille);
  const bool answer_lost = late || random_.chance(faults_.answer_lost_permille);
  if (late || random_.chance(faults_.duplicated_permille)) {
    request.land_permille = draw_land_permille(random_);
    state_.in_flight.push_back(request);
  }
  const bool won = late || take_effect(request);
  note(verb, request, late || !won);
  runtime_.maybe_yield();
  if (answer_lost) return unknown_outcome(request.key);
  if (!won) return Error(Code::kExists, "the object exists", request.key);
  return ok();
}

Status SimBucket::put_if_absent(std::string_view key, ByteView bytes) {
  TRY(check_key(key));
  return change("put_if_absent", {Effect::kPutIfAbsent, std::string(key), share(bytes)});
}

Status SimBucket::put_all(std::span<const ObjectBytes> objects) {
  for (const ObjectBytes& object : objects) TRY(check_key(object.key));
  if (objects.empty()) return ok();
  TRY(enter(faults_.nanos_max));
  if (random_.chance(faults_.hang_permille)) TRY(enter(faults_.hang_nanos_max));
  std::vector<const ObjectBytes*> rest;
  for (const ObjectBytes& object : objects) rest.push_back(&object);
  Status answer;
  while (!rest.empty()) {
    TRY(enter(0));
    const auto next = rest.begin() + static_cast<ptrdiff_t>(random_.below(rest.size()));
    const ObjectBytes& object = **next;
    rest.erase(next);
    std::string key(object.key);
    if (!state_.objects.contains(key)) state_.unsynced.insert(key);
    const Status put = arrive("put_all", {Effect::kPutIfAbsent, key, share(object.bytes)});
    if (put.ok() || put.error().code() == Code::kExists) continue;
    answer = put.error();
    if (random_.chance(500)) break;  // the others are never sent
  }
  TRY(answer);
  for (const ObjectBytes& object : objects) state_.unsynced.erase(std::string(object.key));
  return ok();
}

Status SimBucket::put(std::string_view key, ByteView bytes) {
  TRY(check_key(key));
  return change("put", {Effect::kPut, std::string(key), share(bytes)});
}

Status SimBucket::remove(std::string_view key) {
  TRY(check_key(key));
  return change("delete", {Effect::kRemove, std::string(key), nullptr});
}

Result<std::unique_ptr<Upload>> SimBucket::begin_upload(std::string_view key) {
  TRY(check_key(key));
  TRY(enter(faults_.nanos_max));
  return std::unique_ptr<Upload>(std::make_unique<SimUpload>(*this, std::string(key)));
}

Status SimBucket::enter_read(std::string_view verb, std::string_view key, Nanos nanos_max) {
  TRY(enter(nanos_max));
  const bool fails = random_.chance(faults_.read_permille);
  runtime_.observed({.verb = verb, .name = key, .failed = fails});
  if (fails) return Error(Code::kIo, "simulated network error", std::string(key));
  return ok();
}

Result<size_t> SimBucket::get_range(std::string_view key, uint64_t offset,
                                    std::span<std::byte> out) {
  TRY(check_key(key));
  TRY(enter_read("get", key, faults_.nanos_max));
  const auto at = state_.objects.find(key);
  if (at == state_.objects.end()) return not_found(key);
  const std::vector<std::byte>& bytes = *at->second.bytes;
  if (offset >= bytes.size()) return size_t{0};
  const size_t count = std::min<uint64_t>(out.size(), bytes.size() - offset);
  std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(offset), count, out.begin());
  return count;
}

Result<ObjectEntry> SimBucket::head(std::string_view key) {
  TRY(check_key(key));
  TRY(enter_read("head", key, faults_.nanos_max));
  const auto at = state_.objects.find(key);
  if (at == state_.objects.end()) return not_found(key);
  return ObjectEntry{at->first, at->second.bytes->size(), at->second.put_wall_time};
}

Result<std::vector<ObjectEntry>> SimBucket::list(std::string_view prefix) {
  TRY(check_prefix(prefix));
  const Nanos slowness = random_.chance(kSlowListPermille) ? 10 : 1;
  TRY(enter_read("list", prefix, faults_.nanos_max * slowness));
  const bool stale = random_.chance(faults_.stale_permille);
  const BucketState::Objects seen =
      stale ? state_.stale_objects(random_, runtime_.now()) : BucketState::Objects();
  const BucketState::Objects& objects = stale ? seen : state_.objects;
  std::vector<ObjectEntry> entries;
  for (auto at = objects.lower_bound(prefix); at != objects.end() && at->first.starts_with(prefix);
       ++at) {
    entries.push_back({at->first, at->second.bytes->size(), at->second.put_wall_time});
  }
  return entries;
}

std::string SimBucket::uri(std::string_view key) const {
  return "sim://bucket/" + std::string(key);
}

}  // namespace sluice::sim
