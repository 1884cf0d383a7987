#include "part/reader.h"

#include <algorithm>

#include "base/bytes.h"
#include "part/footer.h"
#include "part/layout.h"
#include "part/rows.h"

namespace sluice::part {
namespace {

class FileReader final : public Reader {
 public:
  FileReader(Bucket& bucket, std::string key, parquet::Footer footer, std::vector<Column> columns)
      : file_{bucket, std::move(key), std::move(footer), std::move(columns)} {}

  uint64_t rows() const override { return static_cast<uint64_t>(file_.footer.rows); }
  const std::vector<Column>& columns() const override { return file_.columns; }
  const std::vector<std::pair<std::string, std::string>>& footer() const override {
    return file_.footer.keys;
  }
  Result<std::unique_ptr<Rows>> read(std::vector<ReadColumn> columns,
                                     const std::vector<Range>& ranges) override {
    return read_rows(file_, columns, ranges);
  }

 private:
  const OpenFile file_;
};

/// The last bytes of the object, up to its end.
Result<std::string> read_tail(Bucket& bucket, const std::string& key, Extent extent) {
  ChunkStream stream(bucket, key, extent);
  return std::string(as_text(TRY(stream.peek(extent.bytes))));
}

}  // namespace

Result<std::unique_ptr<Reader>> Reader::open(Bucket& bucket, std::string key, uint64_t bytes) {
  // Most footers are shorter than this: one request brings trailer and footer.
  constexpr uint64_t kTailBytes = 64u << 10;
  const uint64_t head_bytes = parquet::kMagic.size();
  if (bytes < head_bytes + parquet::kTrailerBytes) return corrupt(key, 0, "no Parquet file");
  uint64_t start = bytes - std::min(bytes, kTailBytes);
  std::string tail = TRY(read_tail(bucket, key, {start, bytes - start}));
  if (tail.ends_with(parquet::kEncryptedMagic)) {
    return unsupported(key, bytes - head_bytes, "the file is encrypted");
  }
  const uint64_t trailer = bytes - parquet::kTrailerBytes;
  if (!tail.ends_with(parquet::kMagic)) return corrupt(key, trailer, "no Parquet file");
  const auto footer_bytes = load<uint32_t>(as_bytes(tail).data() + (trailer - start));
  if (footer_bytes > std::min(trailer - head_bytes, parquet::kFooterBytesMax)) {
    return corrupt(key, trailer, "the footer has an impossible size");
  }
  const uint64_t footer_offset = trailer - footer_bytes;
  if (footer_offset < start) {
    tail = TRY(read_tail(bucket, key, {footer_offset, footer_bytes}));
    start = footer_offset;
  }
  auto footer = parquet::decode_footer(as_bytes(tail).subspan(footer_offset - start, footer_bytes));
  if (!footer) return corrupt(key, footer_offset, "the footer cannot be read");
  auto columns = TRY(columns_of(*footer, key, footer_offset));
  TRY(check_row_groups(*footer, key, footer_offset));
  return std::unique_ptr<Reader>(
      new FileReader(bucket, std::move(key), std::move(*footer), std::move(columns)));
}

}  // namespace sluice::part
