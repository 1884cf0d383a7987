// For tests: logs at random. Records, and readers that must show just those that they are meant to.
//
// A law that is broken is an Error, so that TRY ends the life that broke it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sluice/wal_reader.h"
#include "wal/log_fixture.h"

namespace sluice::wal {

inline Error violation(const std::string& text) {
  return Error(Code::kConflict, text);
}

/// A record as it was appended.
struct Entry {
  Lsn lsn = 0;
  uint16_t type = kWalTypeMin;
  uint16_t vshard = 0;
  uint32_t tenant = 0;
  std::shared_ptr<const std::string> payload{};

  WalRecord record() const {
    return {.type = type, .vshard = vshard, .tenant = tenant, .head = as_bytes(*payload)};
  }
  bool has(const WalFrameHeader& header) const {
    return lsn == header.lsn && type == header.type && vshard == header.vshard &&
           tenant == header.tenant && payload->size() == header.payload_bytes;
  }
  bool is(const WalFrame& frame) const {
    return has({frame.lsn, frame.type, frame.vshard, frame.tenant, frame.payload.size()}) &&
           as_text(frame.payload) == *payload;
  }
};
using Entries = std::vector<Entry>;

inline std::vector<WalRecord> records_of(const Entries& entries) {
  std::vector<WalRecord> records;
  for (const Entry& entry : entries) records.push_back(entry.record());
  return records;
}

inline std::string to_string(const WalFrame& frame) {
  return "LSN " + std::to_string(frame.lsn) + " type " + std::to_string(frame.type) + " tenant " +
         std::to_string(frame.tenant) + " vshard " + std::to_string(frame.vshard) + " of " +
         std::to_string(frame.payload.size()) + " bytes";
}

/// Draws records that no other one is like.
class EntrySource {
 public:
  Entry draw(Dice& dice) {
    constexpr uint16_t kTypes[] = {16, 17, 18 | kWalRequired, 80 | kWalRequired, kWalTypeMax};
    const auto tenant = static_cast<uint32_t>(dice.below(3) == 0 ? dice.roll() : dice.below(3));
    return {0, kTypes[dice.below(std::size(kTypes))], static_cast<uint16_t>(dice.below(4)), tenant,
            payload(draw_bytes(dice))};
  }
  Entries draw_batch(Dice& dice) {
    Entries batch;
    for (uint64_t left = dice.below(3) == 0 ? 1 + dice.below(6) : 1; left > 0; --left) {
      batch.push_back(draw(dice));
    }
    return batch;
  }

 private:
  static uint64_t draw_bytes(Dice& dice) {
    switch (dice.below(64)) {
      case 0:
        return 300'000 + dice.below(100'000);  // goes to the file without being staged
      case 1:
        return 60'000 + dice.below(60'000);
      case 2:
        return 12'000 + dice.below(20'000);
      case 3:
      case 4:
      case 5:
        return 3900 + dice.below(300);  // about a block
      case 6:
      case 7:
        return 0;
      default:
        return dice.below(dice.below(4) == 0 ? 3000 : 100);
    }
  }
  std::shared_ptr<const std::string> payload(uint64_t bytes) {
    auto text = std::make_shared<std::string>(bytes, '\0');
    Dice dice(++serial_);
    for (uint64_t at = 0; at < bytes; at += sizeof(uint64_t)) {
      const uint64_t word = dice.roll();
      std::memcpy(text->data() + at, &word, std::min(sizeof(word), bytes - at));
    }
    return text;
  }
  uint64_t serial_ = 0;
};

inline WalReadOptions draw_read_options(Dice& dice, Lsn last_lsn) {
  WalReadOptions options;
  if (dice.below(2) == 0) options.from = 1 + dice.below(last_lsn + 3);
  if (dice.below(3) == 0) options.limit = dice.below(6);
  const auto maybe = [&](auto& wanted, auto some, auto more) {
    if (dice.below(4) != 0) return;
    wanted.push_back(some);
    if (dice.below(2) == 0) wanted.push_back(more);
  };
  maybe(options.filter.types, uint16_t{18}, static_cast<uint16_t>(16 | kWalRequired));
  maybe(options.filter.tenants, uint32_t{1}, uint32_t{0});
  maybe(options.filter.vshards, uint16_t{3}, uint16_t{1});
  if (dice.below(8) == 0) options.known_types = {16, 18, kWalTypeMax};
  return options;
}

/// What a reader may show.
struct Sight {
  Entries entries{};
  bool ends_unknown = false;  ///< a record follows whose type must be known and is not
};

inline Sight sight_of(std::span<const Entry> all, const WalReadOptions& options) {
  const auto is_among = [](const auto& wanted, auto value) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
  };
  const auto is_type = [&](std::vector<uint16_t> types, uint16_t type) {
    for (uint16_t& number : types) number &= kWalTypeMax;
    return is_among(types, static_cast<uint16_t>(type & kWalTypeMax));
  };
  Sight sight;
  for (const Entry& entry : all) {
    const WalFilter& filter = options.filter;
    if (entry.lsn < options.from) continue;
    const bool is_known = is_type(options.known_types, entry.type);
    if (!is_known && (entry.type & kWalRequired) != 0) {
      sight.ends_unknown = true;
      return sight;
    }
    const bool is_wanted = is_type(filter.types, entry.type) &&
                           is_among(filter.tenants, entry.tenant) &&
                           is_among(filter.vshards, entry.vshard);
    if (is_known && is_wanted) sight.entries.push_back(entry);
  }
  return sight;
}

/// The reader's next record is this one. By header, now and then, and perhaps without payload.
inline Status shows(WalReader& reader, const Entry& entry, Dice& dice) {
  const std::string wanted = "record " + std::to_string(entry.lsn) + ": ";
  if (dice.below(8) == 0 && !TRY(reader.has_more())) return violation(wanted + "has_more() is no");
  if (dice.below(2) == 0) {
    const std::optional<WalFrame> frame = TRY(reader.next());
    if (frame && entry.is(*frame)) return ok();
    return violation(wanted + (frame ? "found " + to_string(*frame) : "not found"));
  }
  const std::optional<WalFrameHeader> header = TRY(reader.next_header());
  if (!header || !entry.has(*header)) {
    return violation(wanted + (header ? "found " + std::to_string(header->lsn) : "not found"));
  }
  if (dice.below(3) == 0) return ok();
  return as_text(TRY(reader.payload())) == *entry.payload ? ok()
                                                          : violation(wanted + "other payload");
}

/// The reader has ended, and stays so.
inline Status has_ended(WalReader& reader, bool by_unknown) {
  for (int again = 0; again < 2; ++again) {
    const Result<std::optional<WalFrame>> frame = reader.next();
    if (by_unknown && !frame.ok() && frame.error().code() == Code::kUnsupported) continue;
    TRY(frame);
    if (frame->has_value()) return violation("more than there is: " + to_string(**frame));
    if (by_unknown) return violation("an unknown type was passed");
  }
  return ok();
}

/// The reader shows all of this, in pages of what the limit says.
inline Status shows_all(WalReader& reader, const Sight& sight, uint64_t limit, Dice& dice) {
  const Entries& entries = sight.entries;
  for (size_t at = 0;;) {
    const size_t left = entries.size() - at;
    const size_t page = std::min<uint64_t>(left, limit);
    for (size_t i = 0; i < page; ++i) TRY(shows(reader, entries[at + i], dice));
    at += page;
    if (page < limit) return has_ended(reader, sight.ends_unknown);
    TRY(has_ended(reader, false));
    if (at == entries.size() && sight.ends_unknown) return ok();
    if (TRY(reader.has_more()) != (at < entries.size())) return violation("has_more() is wrong");
    limit = 1 + dice.below(20);
    reader.reset(limit);
  }
}

/// The records of the reader, each of which must be the one of `all` with the next number.
struct Run {
  size_t first = 0;  ///< index
  size_t count = 0;
  std::optional<Error> error{};  ///< how the reader ended
};
/// Compares what the reader shows with a run of `all` that starts anywhere.
inline Result<Run> read_run(WalReader& reader, const Entries& all) {
  Run run;
  for (;;) {
    const Result<std::optional<WalFrame>> frame = reader.next();
    if (!frame.ok()) run.error = frame.error();
    if (!frame.ok() || !frame->has_value()) return run;
    if (run.count == 0) {
      while (run.first < all.size() && all[run.first].lsn != (*frame)->lsn) ++run.first;
    }
    const size_t at = run.first + run.count;
    if (at >= all.size()) return violation("never appended, or cut: " + to_string(**frame));
    if (!all[at].is(**frame)) {
      return violation("found " + to_string(**frame) + " instead of record " +
                       std::to_string(all[at].lsn));
    }
    ++run.count;
  }
}

/// Lives each seed from 1 on; SLUICE_PROPERTY_SEEDS says how many, SLUICE_PROPERTY_SEED which one
/// alone. `live` returns what went wrong, with the steps that led there.
inline std::optional<std::string> first_failure(
    uint64_t count, const std::function<std::optional<std::string>(uint64_t seed)>& live) {
  const char* const only = std::getenv("SLUICE_PROPERTY_SEED");
  const char* const many = std::getenv("SLUICE_PROPERTY_SEEDS");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  count /= 5;  // a tenth of the speed
#endif
  if (many != nullptr) count = std::strtoull(many, nullptr, 10);
  const uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const uint64_t last = only != nullptr ? first : count;
  for (uint64_t seed = first; seed <= last; ++seed) {
    std::optional<std::string> told = live(seed);
    if (told) return *told + "\nonce more: SLUICE_PROPERTY_SEED=" + std::to_string(seed);
  }
  return std::nullopt;
}

}  // namespace sluice::wal
