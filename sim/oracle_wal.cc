#include "sim/oracle_wal.h"

#include <algorithm>
#include <cstring>

#include "sim/random.h"

namespace sluice::sim {
namespace {

uint64_t draw_bytes(Random& random) {
  if (random.chance(30)) return 10'000 + random.below(50'000);
  if (random.chance(100)) return 3900 + random.below(300);  // about a block
  return random.below(random.chance(200) ? 2000 : 120);
}

std::string named(const FoundRecord& record) {
  return "record " + std::to_string(record.number) + " at LSN " + std::to_string(record.lsn);
}

}  // namespace

WalSample::WalSample(uint64_t number) {
  Random random(mix64(number));
  type = static_cast<uint16_t>(kWalTypeMin + random.below(4));
  if (random.chance(300)) type |= kWalRequired;
  vshard = static_cast<uint16_t>(random.below(4));
  tenant = static_cast<uint32_t>(random.below(3));
  payload.resize(sizeof(number) + draw_bytes(random));
  std::memcpy(payload.data(), &number, sizeof(number));
  random.fill(std::span(payload).subspan(sizeof(number)));
}

std::optional<uint64_t> number_of(const WalFrame& frame) {
  uint64_t number = 0;
  if (frame.payload.size() < sizeof(number)) return std::nullopt;
  std::memcpy(&number, frame.payload.data(), sizeof(number));
  const WalSample sample(number);
  const bool is_equal = sample.type == frame.type && sample.vshard == frame.vshard &&
                        sample.tenant == frame.tenant &&
                        std::equal(sample.payload.begin(), sample.payload.end(),
                                   frame.payload.begin(), frame.payload.end());
  return is_equal ? std::optional(number) : std::nullopt;
}

WalLedger::Verdict WalLedger::append(const FoundRecord& record) {
  if (Verdict verdict = check_one(record)) return verdict;
  lsns_[record.number] = record.lsn;
  return std::nullopt;
}

WalLedger::Verdict WalLedger::refuse(uint64_t number) {
  refused_.insert(number);
  const auto lsn = lsns_.find(number);
  if (lsn == lsns_.end()) return std::nullopt;
  return named({lsn->second, number}) + " is refused, but was shown";
}

WalLedger::Verdict WalLedger::acknowledge(const FoundRecord& record) {
  if (Verdict verdict = append(record)) return verdict;
  durable_[record.lsn] = record.number;
  return std::nullopt;
}

WalLedger::Verdict WalLedger::acknowledge_upto(Lsn lsn) {
  for (const auto& [number, given] : lsns_) {
    if (given > lsn) continue;
    if (Verdict verdict = check_one({given, number})) return verdict;
    durable_[given] = number;
  }
  return std::nullopt;
}

WalLedger::Verdict WalLedger::check_sent(const FoundRecord& record) const {
  if (record.number == 0 || record.number >= next_) return named(record) + " was never sent";
  if (refused_.contains(record.number)) return named(record) + " was refused";
  const auto lsn = lsns_.find(record.number);
  if (lsn != lsns_.end() && lsn->second != record.lsn) {
    return named(record) + " has LSN " + std::to_string(lsn->second);
  }
  const auto holder = durable_.find(record.lsn);
  if (holder != durable_.end() && holder->second != record.number) {
    return named(record) + ", which is record " + std::to_string(holder->second) + "'s";
  }
  return std::nullopt;
}

WalLedger::Verdict WalLedger::check_one(const FoundRecord& record) const {
  const bool is_old = record.number < recovered_next_ && !durable_.contains(record.lsn);
  return is_old ? Verdict(named(record) + " came back") : check_sent(record);
}

void WalLedger::truncate(Lsn lsn) {
  first_needed_ = std::max(first_needed_, lsn);
}

void WalLedger::forget(Lsn lsn) {
  first_left_ = std::max(first_left_, lsn);
}

WalLedger::Verdict WalLedger::archive(const WalSegment& segment, std::vector<std::byte> bytes) {
  auto& kept = archive_[segment.name];
  if (kept != nullptr && *kept != bytes) return "the archive was shown two " + segment.name;
  if (kept == nullptr && segment.first_lsn != archived_upto_ + 1) {
    return "the archive was shown " + segment.name + " behind LSN " +
           std::to_string(archived_upto_);
  }
  kept = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  archived_upto_ = std::max(archived_upto_, segment.last_lsn);
  return std::nullopt;
}

WalLedger::Verdict WalLedger::recover(const std::vector<FoundRecord>& found, Lsn durable_lsn) {
  const Lsn first_lsn = found.empty() ? durable_lsn + 1 : found.front().lsn;
  if (first_lsn < first_left_) return "truncated records came back";
  if (first_lsn > first_needed_) return "lost: it begins at LSN " + std::to_string(first_lsn);
  const Lsn last_acked = durable_.empty() ? 0 : durable_.rbegin()->first;
  if (durable_lsn < last_acked) {
    return "lost: it ends at LSN " + std::to_string(durable_lsn) + " of " +
           std::to_string(last_acked);
  }
  std::set<uint64_t> numbers;
  Lsn next_lsn = first_lsn;
  for (const FoundRecord& record : found) {
    if (record.lsn != next_lsn++) return named(record) + " follows a gap";
    if (!numbers.insert(record.number).second) return named(record) + " is there twice";
    if (Verdict verdict = check_one(record)) return verdict;
  }
  if (next_lsn != durable_lsn + 1) return "durable_lsn() is not the last one found";
  for (const FoundRecord& record : found) {
    lsns_[record.number] = record.lsn;
    durable_[record.lsn] = record.number;
  }
  // What did not come back now never does, and its LSN is another's.
  std::erase_if(lsns_, [&](const auto& given) { return !durable_.contains(given.second); });
  recovered_next_ = next_;
  first_left_ = std::max(first_left_, first_lsn);
  return std::nullopt;
}

WalLedger::Verdict WalLedger::check_archive(const std::vector<FoundRecord>& found) const {
  Lsn next_lsn = 1;
  for (const FoundRecord& record : found) {
    if (record.lsn != next_lsn++) return "in the archive " + named(record) + " follows a gap";
    if (Verdict verdict = check_sent(record)) return "in the archive " + *verdict;
  }
  if (next_lsn != archived_upto_ + 1) return "the archive ends at " + std::to_string(next_lsn - 1);
  return std::nullopt;
}

}  // namespace sluice::sim
