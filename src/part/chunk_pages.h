// ChunkPages: the encoded pages of a chunk, held until the chunk is written.
#pragma once

#include <vector>

#include "part/column_writer.h"

namespace sluice::part {

class ChunkPages {
 public:
  ChunkPages(const Column& column, Compressor& compressor)
      : column_(column), compressor_(compressor) {}

  void add(parquet::Encoding encoding, ByteView body, const Tally& tally);
  uint64_t held_bytes() const { return held_bytes_; }
  bool use_dictionary() const { return use_dictionary_; }

  /// Writes the dictionary, if a page needs it, and the pages; is empty afterwards.
  Result<WrittenChunk> write(Upload& upload, uint64_t offset, ByteView dictionary,
                             size_t dictionary_size);

 private:
  struct Page {
    Bytes bytes;  ///< header and body as they go to the file
    Tally tally;
  };

  Bytes encode(parquet::PageHeader header, ByteView body);

  const Column& column_;
  Compressor& compressor_;
  std::vector<Page> pages_;
  bool use_dictionary_ = false;
  uint64_t held_bytes_ = 0;
  uint64_t plain_bytes_ = 0;
};

}  // namespace sluice::part
