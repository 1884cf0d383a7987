#include "part/chunk_pages.h"

#include <utility>

#include "base/crc32.h"
#include "part/footer.h"

namespace sluice::part {
namespace {

using parquet::BoundaryOrder;
using parquet::Encoding;
using parquet::PageEntry;

parquet::Statistics statistics_of(const Tally& tally) {
  parquet::Statistics statistics;
  statistics.null_count = static_cast<int64_t>(tally.null_count);
  if (tally.has_lower()) statistics.lower = tally.lower;
  if (tally.has_upper()) statistics.upper = tally.upper;
  statistics.lower_exact = tally.lower_exact;
  statistics.upper_exact = tally.upper_exact;
  return statistics;
}

/// The order of the bounds of the pages that are not all null.
BoundaryOrder order_of(PhysicalType type, const std::vector<PageEntry>& pages) {
  bool ascending = true;
  bool descending = true;
  const PageEntry* previous = nullptr;
  for (const PageEntry& page : pages) {
    if (page.all_null) continue;
    if (previous != nullptr) {
      const int lower = compare_encoded(type, page.lower, previous->lower);
      const int upper = compare_encoded(type, page.upper, previous->upper);
      ascending = ascending && lower >= 0 && upper >= 0;
      descending = descending && lower <= 0 && upper <= 0;
    }
    previous = &page;
  }
  if (ascending) return BoundaryOrder::kAscending;
  return descending ? BoundaryOrder::kDescending : BoundaryOrder::kUnordered;
}

}  // namespace

void ChunkPages::add(Encoding encoding, ByteView body, const Tally& tally) {
  parquet::PageHeader header;
  header.type = parquet::PageType::kV1;
  header.values = static_cast<int32_t>(tally.rows);
  header.encoding = encoding;
  pages_.push_back({encode(header, body), tally});
  use_dictionary_ = use_dictionary_ || encoding == Encoding::kRleDictionary;
  held_bytes_ += pages_.back().bytes.size();
}

Bytes ChunkPages::encode(parquet::PageHeader header, ByteView body) {
  const ByteView stored = compressor_.compress(body);
  header.plain_bytes = static_cast<int32_t>(body.size());
  header.stored_bytes = static_cast<int32_t>(stored.size());
  header.crc = crc32(stored);
  const std::string head = encode_page_header(header);
  Bytes bytes;
  bytes.reserve(head.size() + stored.size());
  bytes.insert(bytes.end(), as_bytes(head).begin(), as_bytes(head).end());
  bytes.insert(bytes.end(), stored.begin(), stored.end());
  plain_bytes_ += head.size() + body.size();
  return bytes;
}

Result<WrittenChunk> ChunkPages::write(Upload& upload, uint64_t offset, ByteView dictionary,
                                       size_t dictionary_size) {
  WrittenChunk written;
  parquet::Chunk& chunk = written.chunk;
  chunk.encodings = {Encoding::kPlain, Encoding::kRle};
  uint64_t at = offset;
  if (use_dictionary_) {
    parquet::PageHeader header;
    header.type = parquet::PageType::kDictionary;
    header.values = static_cast<int32_t>(dictionary_size);
    const Bytes bytes = encode(header, dictionary);
    TRY(upload.write(bytes));
    chunk.dictionary_offset = static_cast<int64_t>(at);
    chunk.encodings.push_back(Encoding::kRleDictionary);
    at += bytes.size();
  }
  chunk.pages_offset = static_cast<int64_t>(at);
  for (const Page& page : pages_) {
    TRY(upload.write(page.bytes));
    const Tally& tally = page.tally;
    written.pages.push_back({static_cast<int64_t>(at), static_cast<int32_t>(page.bytes.size()),
                             static_cast<int64_t>(written.tally.rows),
                             static_cast<int64_t>(tally.null_count), tally.all_null(), tally.lower,
                             tally.upper});
    written.indexable = written.indexable && (tally.all_null() || tally.has_upper());
    written.tally.merge(column_.type, tally);
    at += page.bytes.size();
  }
  if (written.indexable) written.order = order_of(column_.type, written.pages);
  chunk.type = parquet::physical(column_.type);
  chunk.path = column_.name;
  chunk.compression = parquet::Compression::kZstd;
  chunk.values = static_cast<int64_t>(written.tally.rows);
  chunk.plain_bytes = static_cast<int64_t>(plain_bytes_);
  chunk.stored_bytes = static_cast<int64_t>(at - offset);
  chunk.statistics = statistics_of(written.tally);
  pages_.clear();
  use_dictionary_ = false;
  held_bytes_ = plain_bytes_ = 0;
  return written;
}

}  // namespace sluice::part
