#include "source/file_source.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace sluice::source {
namespace {

constexpr std::string_view kPrefix = "file:";
constexpr size_t kHashDigits = 32;
constexpr size_t kPieceBytes = 1u << 20;

class ContentHash {
 public:
  ContentHash() : state_(XXH3_createState()) {
    CHECK(state_ != nullptr && XXH3_128bits_reset(state_.get()) == XXH_OK);
  }
  void add(std::span<const std::byte> bytes) {
    CHECK(XXH3_128bits_update(state_.get(), bytes.data(), bytes.size()) == XXH_OK);
  }
  /// Of what was added so far.
  std::string hex() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_.get()));
    std::string text;
    for (const unsigned char byte : canonical.digest) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

/// A known source that may be the beginning of the file at hand.
struct Candidate {
  std::string source;
  uint64_t size = 0;
  std::string hash = {};
  Position reached = {};
  bool matches = false;
  bool awaits_newline =
      false;  ///< matches if the next byte ends the line that was taken as a record
};

std::optional<Candidate> parse_candidate(const SourcePosition& known) {
  std::string_view text = known.source;
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  Candidate candidate{.source = known.source};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), candidate.size);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.size() != 1 + kHashDigits || text.front() != ':') return std::nullopt;
  candidate.hash = text.substr(1);
  candidate.reached.offset = known.position;
  if (known.position == 0 || known.position > candidate.size) return std::nullopt;
  return candidate;
}

/// Follows the content and settles the candidates when their offsets come by.
class Comparison {
 public:
  Comparison(const std::vector<SourcePosition>& known, uint64_t size) : size_(size) {
    for (const SourcePosition& position : known) {
      std::optional<Candidate> candidate = parse_candidate(position);
      if (!candidate || candidate->size > size) continue;
      stops_.push_back(candidate->size);
      stops_.push_back(candidate->reached.offset);
      candidates_.push_back(std::move(*candidate));
    }
    stops_.push_back(size);
    std::sort(stops_.begin(), stops_.end());
  }

  void add(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const uint64_t stop = *std::upper_bound(stops_.begin(), stops_.end(), at_.offset);
      const auto part = bytes.first(std::min<uint64_t>(bytes.size(), stop - at_.offset));
      settle_line_ends(part.front());
      hash_.add(part);
      at_.offset += part.size();
      at_.line += static_cast<uint64_t>(std::count(part.begin(), part.end(), std::byte{'\n'}));
      if (at_.offset == stop) settle(part.back() == std::byte{'\n'});
      bytes = bytes.subspan(part.size());
    }
  }

  FileIdentity finish() const {
    FileIdentity identity{.source =
                              std::string(kPrefix) + std::to_string(size_) + ":" + hash_.hex()};
    for (const Candidate& candidate : candidates_) {
      if (!candidate.matches || candidate.reached.offset <= identity.start.offset) continue;
      identity.start = candidate.reached;
      identity.known_as = candidate.source;
    }
    return identity;
  }

 private:
  void settle_line_ends(std::byte next) {
    const bool ends_line = next == std::byte{'\n'} || next == std::byte{'\r'};
    for (Candidate& candidate : candidates_) {
      if (std::exchange(candidate.awaits_newline, false)) candidate.matches = ends_line;
    }
  }

  void settle(bool after_newline) {
    for (Candidate& candidate : candidates_) {
      if (candidate.reached.offset == at_.offset) candidate.reached.line = at_.line;
      if (candidate.size != at_.offset) continue;
      const bool grew_behind_record =
          after_newline || candidate.size == size_ || candidate.reached.offset < candidate.size;
      const bool same = candidate.hash == hash_.hex();
      candidate.matches = same && grew_behind_record;
      candidate.awaits_newline = same && !grew_behind_record;
    }
  }

  const uint64_t size_;
  std::vector<Candidate> candidates_;
  std::vector<uint64_t> stops_;
  ContentHash hash_;
  Position at_;
};

}  // namespace

Result<FileIdentity> identify(Input& input, uint64_t size,
                              const std::vector<SourcePosition>& known) {
  Comparison comparison(known, size);
  std::vector<std::byte> piece(std::min<uint64_t>(size, kPieceBytes));
  for (uint64_t left = size; left > 0;) {
    const size_t got =
        TRY(input.read(std::span(piece).first(std::min<uint64_t>(left, piece.size()))));
    if (got == 0) return Error(Code::kConflict, "the file became shorter while it was read");
    comparison.add(std::span(piece).first(got));
    left -= got;
  }
  return comparison.finish();
}

}  // namespace sluice::source
