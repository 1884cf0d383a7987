#include "part/reader.h"

#include "part/footer_reader.h"
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

}  // namespace

Result<std::unique_ptr<Reader>> Reader::open(Bucket& bucket, std::string key, uint64_t bytes) {
  LocatedFooter found = TRY(read_footer(bucket, key, bytes));
  auto columns = TRY(columns_of(found.footer, key, found.offset));
  TRY(check_row_groups(found.footer, key, found.offset));
  return std::unique_ptr<Reader>(
      new FileReader(bucket, std::move(key), std::move(found.footer), std::move(columns)));
}

}  // namespace sluice::part
