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

constexpr Compression kCompressions[] = {Compression::kNone, Compression::kGzip,
                                         Compression::kZstd};
constexpr size_t kHashDigits = 32;
constexpr size_t kPieceBytes = 256u << 10;

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

std::string prefix_of(Compression compression) {
  if (compression == Compression::kNone) return "file:";
  return std::string(to_string(compression)) + ":";
}

std::string make_name(Compression compression, uint64_t size, std::string_view hash) {
  return prefix_of(compression) + std::to_string(size) + ":" + std::string(hash);
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
  std::string hash() const { return hash_.hex(); }
  uint64_t size() const { return at_; }
  const std::vector<Match>& matches() const { return matches_; }

 private:
  void match() {
    const std::string hash = hash_.hex();
    const auto& [size, reached] = *next_++;
    if (const auto found = reached.find(hash); found != reached.end()) {
      for (const uint64_t position : found->second) matches_.push_back({size, position, hash});
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
      for (const auto& [hash, reached] : files) {
        for (const uint64_t position : reached) places_.try_emplace(position);
      }
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

/// The first `size` bytes of a file, followed on their way.
class FollowedInput final : public Input {
 public:
  FollowedInput(Input& input, uint64_t size, ContentFollower& follower)
      : input_(input), left_(size), follower_(follower) {}

  Result<size_t> read(std::span<std::byte> into) override {
    if (left_ == 0) return size_t{0};
    const auto room = into.first(std::min<uint64_t>(into.size(), left_));
    const size_t got = TRY(input_.read(room));
    if (got == 0) return Error(Code::kConflict, "the file became shorter while it was read");
    follower_.add(room.first(got));
    left_ -= got;
    return got;
  }

 private:
  Input& input_;
  uint64_t left_;
  ContentFollower& follower_;
};

/// Reads it to its end; its size.
Result<uint64_t> follow(Input& text, PlaceFollower& places) {
  std::vector<std::byte> piece(kPieceBytes);
  for (uint64_t size = 0;;) {
    const size_t got = TRY(text.read(piece));
    if (got == 0) return size;
    places.add(std::span(piece).first(got));
    size += got;
  }
}

/// Whether a decoder of this file can go on where the known one was left.
bool continues(const ContentFollower::Match& match, const PlaceFollower::Place& place,
               uint64_t size, Compression compression) {
  const bool was_left_halfway = compression == Compression::kNone && match.reached < match.size;
  return match.size == size || was_left_halfway || place.is_at_line_end;
}

FileIdentity conclude(const ContentFollower& content, const PlaceFollower& places,
                      Compression compression) {
  FileIdentity identity{.source = make_name(compression, content.size(), content.hash())};
  for (const ContentFollower::Match& match : content.matches()) {
    const PlaceFollower::Place* place = places.find(match.reached);
    if (place == nullptr || !continues(match, *place, content.size(), compression)) continue;
    identity.beginnings.push_back(
        {make_name(compression, match.size, match.hash), {match.reached, place->line}});
    if (match.reached <= identity.start.offset) continue;
    identity.start = identity.beginnings.back().reached;
    identity.known_as = identity.beginnings.back().source;
  }
  return identity;
}

/// A source's name, taken apart.
struct SourceName {
  Compression compression;
  uint64_t size;
  std::string_view hash;
};

std::optional<SourceName> parse_name(std::string_view source) {
  for (const Compression compression : kCompressions) {
    const std::string prefix = prefix_of(compression);
    if (!source.starts_with(prefix)) continue;
    const std::string_view text = source.substr(prefix.size());
    uint64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc()) return std::nullopt;
    const std::string_view tail = text.substr(static_cast<size_t>(end - text.data()));
    if (tail.size() != 1 + kHashDigits || tail.front() != ':') return std::nullopt;
    return SourceName{compression, size, tail.substr(1)};
  }
  return std::nullopt;
}

}  // namespace

KnownFiles::KnownFiles(const std::vector<SourcePosition>& sources) {
  for (const SourcePosition& known : sources) raise(known.source, known.position);
}

void KnownFiles::raise(std::string_view source, uint64_t position) {
  const uint64_t before = reached(source);
  if (position <= before) return;
  add(source, position);
  if (before == 0 || reached(source) == before) return;
  const std::optional<SourceName> name = parse_name(source);
  contents_[static_cast<size_t>(name->compression)][name->size]
      .find(name->hash)
      ->second.erase(before);
}

void KnownFiles::add(std::string_view source, uint64_t position) {
  const std::optional<SourceName> name = parse_name(source);
  if (!name || position == 0) return;
  if (name->compression == Compression::kNone && position > name->size) return;
  Contents& contents = contents_[static_cast<size_t>(name->compression)];
  contents[name->size][std::string(name->hash)].insert(position);
}

uint64_t KnownFiles::reached(std::string_view source) const {
  const std::optional<SourceName> name = parse_name(source);
  if (!name) return 0;
  const Contents& contents = contents_[static_cast<size_t>(name->compression)];
  const auto files = contents.find(name->size);
  if (files == contents.end()) return 0;
  const auto file = files->second.find(name->hash);
  return file == files->second.end() || file->second.empty() ? 0 : *file->second.rbegin();
}

Position start_of(const FileIdentity& identity, const KnownFiles& of_table) {
  Position start;
  for (const KnownBeginning& beginning : identity.beginnings) {
    const bool is_ours = of_table.reached(beginning.source) == beginning.reached.offset;
    if (is_ours && beginning.reached.offset > start.offset) start = beginning.reached;
  }
  return start;
}

Result<FileIdentity> identify(Input& input, uint64_t size, Compression compression,
                              const KnownFiles& known) {
  ContentFollower content(known.contents(compression));
  PlaceFollower places(known.contents(compression), size);
  FollowedInput stored(input, size, content);
  uint64_t text_bytes = 0;
  if (compression == Compression::kNone) {
    text_bytes = TRY(follow(stored, places));
  } else {
    const std::unique_ptr<Input> text = decompress(compression, stored);
    text_bytes = TRY(follow(*text, places));
  }
  FileIdentity identity = conclude(content, places, compression);
  identity.text_bytes = text_bytes;
  return identity;
}

}  // namespace sluice::source
