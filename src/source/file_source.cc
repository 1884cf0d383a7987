#include "source/file_source.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <memory>
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

std::string make_name(uint64_t size, std::string_view hash) {
  return std::string(kPrefix) + std::to_string(size) + ":" + std::string(hash);
}

bool ends_line(std::byte byte) {
  return byte == std::byte{'\n'} || byte == std::byte{'\r'};
}

/// Follows a file as it is stored: its hash, and which known files are its beginning.
class ContentFollower {
 public:
  struct Match {
    uint64_t size;
    uint64_t reached;
    std::string hash;
  };

  explicit ContentFollower(const KnownFiles::Contents& known)
      : known_(known), next_(known.begin()) {}

  void add(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const uint64_t stop = next_ == known_.end() ? UINT64_MAX : next_->first;
      const auto part = bytes.first(std::min<uint64_t>(bytes.size(), stop - at_));
      hash_.add(part);
      at_ += part.size();
      if (at_ == stop) match();
      bytes = bytes.subspan(part.size());
    }
  }
  std::string name() const { return make_name(at_, hash_.hex()); }
  uint64_t size() const { return at_; }
  const std::vector<Match>& matches() const { return matches_; }

 private:
  void match() {
    const std::string hash = hash_.hex();
    const auto& [size, reached] = *next_++;
    if (const auto found = reached.find(hash); found != reached.end()) {
      matches_.push_back({size, found->second, hash});
    }
  }

  const KnownFiles::Contents& known_;
  KnownFiles::Contents::const_iterator next_;
  ContentHash hash_;
  uint64_t at_ = 0;
  std::vector<Match> matches_;
};

/// Follows a text and keeps what is around the places where a decoder may start again.
class PlaceFollower {
 public:
  struct Place {
    uint64_t line = 1;
    bool is_at_line_end = false;  ///< a newline is before or behind it, or the end
  };

  PlaceFollower(const KnownFiles::Contents& known, uint64_t size_max) {
    for (const auto& [size, files] : known) {
      if (size > size_max) break;
      for (const auto& [hash, reached] : files) places_.try_emplace(reached);
    }
    next_ = places_.begin();
  }

  void add(std::span<const std::byte> bytes) {
    while (!bytes.empty() && (awaits_byte_ || next_ != places_.end())) {
      if (std::exchange(awaits_byte_, false)) {
        Place& place = std::prev(next_)->second;
        place.is_at_line_end = before_ == std::byte{'\n'} || ends_line(bytes.front());
        if (next_ == places_.end()) return;
      }
      const auto part = bytes.first(std::min<uint64_t>(bytes.size(), next_->first - at_.offset));
      at_.offset += part.size();
      at_.line += static_cast<uint64_t>(std::count(part.begin(), part.end(), std::byte{'\n'}));
      before_ = part.back();
      if (at_.offset == next_->first) arrive();
      bytes = bytes.subspan(part.size());
    }
  }
  /// Null if the text ended before it.
  const Place* find(uint64_t offset) const {
    const auto found = places_.find(offset);
    const bool was_reached = found != places_.end() && offset <= at_.offset;
    return was_reached ? &found->second : nullptr;
  }

 private:
  void arrive() {
    next_->second = {at_.line, true};
    awaits_byte_ = true;
    ++next_;
  }

  std::map<uint64_t, Place> places_;
  std::map<uint64_t, Place>::iterator next_;
  bool awaits_byte_ = false;  ///< the place before next_ has to see the byte behind it
  std::byte before_ = {};
  Position at_;
};

/// Whether a decoder of this file can go on where the known one was left.
bool continues(const ContentFollower::Match& match, const PlaceFollower::Place* place,
               uint64_t size) {
  if (place == nullptr) return false;
  return match.size == size || match.reached < match.size || place->is_at_line_end;
}

FileIdentity conclude(const ContentFollower& content, const PlaceFollower& places) {
  FileIdentity identity{.source = content.name()};
  for (const ContentFollower::Match& match : content.matches()) {
    const PlaceFollower::Place* place = places.find(match.reached);
    if (match.reached <= identity.start.offset || !continues(match, place, content.size()))
      continue;
    identity.start = {match.reached, place->line};
    identity.known_as = make_name(match.size, match.hash);
  }
  return identity;
}

}  // namespace

KnownFiles::KnownFiles(const std::vector<SourcePosition>& sources) {
  for (const SourcePosition& known : sources) raise(known.source, known.position);
}

void KnownFiles::raise(std::string_view source, uint64_t position) {
  if (!source.starts_with(kPrefix)) return;
  const std::string_view text = source.substr(kPrefix.size());
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc()) return;
  const std::string_view tail = text.substr(static_cast<size_t>(end - text.data()));
  if (tail.size() != 1 + kHashDigits || tail.front() != ':') return;
  if (position == 0 || position > size) return;
  uint64_t& reached = contents_[size][std::string(tail.substr(1))];
  reached = std::max(reached, position);
}

Result<FileIdentity> identify(Input& input, uint64_t size, const KnownFiles& known) {
  ContentFollower content(known.contents());
  PlaceFollower places(known.contents(), size);
  std::vector<std::byte> piece(std::min<uint64_t>(size, kPieceBytes));
  for (uint64_t left = size; left > 0;) {
    const size_t got =
        TRY(input.read(std::span(piece).first(std::min<uint64_t>(left, piece.size()))));
    if (got == 0) return Error(Code::kConflict, "the file became shorter while it was read");
    const auto bytes = std::span(piece).first(got);
    content.add(bytes);
    places.add(bytes);
    left -= got;
  }
  return conclude(content, places);
}

}  // namespace sluice::source
