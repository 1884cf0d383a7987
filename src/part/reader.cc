#include "part/reader.h"

#include <algorithm>

#include "base/crc32c.h"
#include "base/object_checksum.h"
#include "part/chunk_stream.h"
#include "part/encoding/zstd.h"
#include "part/footer_reader.h"
#include "part/layout.h"
#include "part/rows.h"

namespace sluice::part {
namespace {

class FileReader final : public Reader {
 public:
  FileReader(Bucket& bucket, std::string key, LocatedFooter footer, std::vector<Column> columns)
      : file_{bucket, std::move(key), std::move(footer.footer), std::move(columns)},
        footer_offset_(footer.offset),
        body_checksum_(std::move(footer.body_checksum)) {}

  Status check_bytes() override;
  uint64_t rows() const override { return static_cast<uint64_t>(file_.footer.rows); }
  const std::vector<Column>& columns() const override { return file_.columns; }
  const std::vector<std::pair<std::string, std::string>>& footer() const override {
    return file_.footer.keys;
  }
  Result<std::unique_ptr<Rows>> read(std::vector<ReadColumn> columns,
                                     const std::vector<Range>& ranges,
                                     ReadOptions options) override {
    return read_rows(file_, columns, ranges, std::move(options));
  }

 private:
  const OpenFile file_;
  const uint64_t footer_offset_;
  const std::optional<std::string> body_checksum_;
};

Status FileReader::check_bytes() {
  if (!body_checksum_) {
    return corrupt(file_.key, footer_offset_,
                   "the footer has no checksum: it is damaged, or another program wrote the part");
  }
  constexpr uint64_t kPieceBytes = 256u << 10;
  ChunkStream stream(file_.bucket, file_.key, {0, footer_offset_});
  uint32_t checksum = checksum_seed(file_.key);
  while (stream.remaining() > 0) {
    const uint64_t bytes = std::min(stream.remaining(), kPieceBytes);
    checksum = crc32c(TRY(stream.peek(bytes)), checksum);
    stream.consume(bytes);
  }
  if (*body_checksum_ == checksum_text(checksum)) return ok();
  return Error(Code::kCorrupt, Reason::kCrcMismatch,
               "bytes before the footer are not those that were written under this name",
               file_.key);
}

}  // namespace

std::shared_ptr<Decompressor> make_decompressor() {
  return std::make_shared<Decompressor>();
}

Result<std::unique_ptr<Reader>> Reader::open(Bucket& bucket, std::string key, uint64_t bytes) {
  LocatedFooter found = TRY(read_footer(bucket, key, bytes));
  TRY(found.checksum);
  auto columns = TRY(columns_of(found.footer, key, found.offset));
  TRY(check_row_groups(found.footer, key, found.offset));
  return std::unique_ptr<Reader>(
      new FileReader(bucket, std::move(key), std::move(found), std::move(columns)));
}

}  // namespace sluice::part
