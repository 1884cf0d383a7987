// FileSource: which file this is by its content, so that every byte of it is taken exactly once,
// also when the file is sent again, was taken halfway, or has grown at its end.
//
// A source is named `file:<size>:<32 hex digits>`: the size and XXH3-128 of the whole content as it
// is stored; `gzip:` and `zstd:` for a compressed file. The positions of its batches are byte
// offsets in the text, decompressed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/engine.h"
#include "source/compression.h"
#include "source/source.h"

namespace sluice::source {

/// The files that a table has taken, and how far each; or those of several tables. One thread.
class KnownFiles {
 public:
  /// size -> hash -> positions reached, of one table one
  using Contents = std::map<uint64_t, std::map<std::string, std::set<uint64_t>, std::less<>>>;

  KnownFiles() = default;
  /// Of a table's sources (Engine::sources); those of another make are left out.
  explicit KnownFiles(const std::vector<SourcePosition>& sources);
  /// `source` has reached at least `position`. Other makes are ignored.
  void raise(std::string_view source, uint64_t position);
  /// The same, but of one more table: what others have reached stays.
  void add(std::string_view source, uint64_t position);
  /// What of `source` was reached; 0: it is not known. Of several tables the highest.
  uint64_t reached(std::string_view source) const;

  const Contents& contents(Compression compression) const {
    return contents_[static_cast<size_t>(compression)];
  }

 private:
  std::array<Contents, 3> contents_;  ///< by compression
};

/// A known source that this file begins with, and where a decoder can go on.
struct KnownBeginning {
  std::string source;
  Position reached;
};

struct FileIdentity {
  std::string source;                           ///< the name for this content
  Position start = {};                          ///< everything before it is in the table already
  std::string known_as = {};                    ///< the known source that says so; empty: none does
  uint64_t text_bytes = 0;                      ///< of the whole text, decompressed
  std::vector<KnownBeginning> beginnings = {};  ///< all of them
};

/// Where one table stands in a file that was identified by what several tables know.
Position start_of(const FileIdentity& identity, const KnownFiles& of_table);

/// Reads `size` bytes of `input` once, decompressing them to the end: the errors of decompress()
/// come before anything of the file is taken. kConflict: the input is shorter than `size`, so the
/// file is changing.
///
/// A known file counts if its whole content is the beginning of this one; if all of its text was
/// taken and this one is longer, that must end in a newline too, or its last record may have grown.
/// This holds for compressed files, too: a file grows by further members.
///
/// Decode from `start`, appending under `source`. A JSON array cannot grow: its known beginning
/// would end behind the closing bracket, and what follows is rejected.
Result<FileIdentity> identify(Input& input, uint64_t size, Compression compression,
                              const KnownFiles& known);

}  // namespace sluice::source
