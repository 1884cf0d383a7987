// The structs of part/format.h to and from Thrift bytes. Decoders take any bytes; nothing means
// malformed. What they yield is well-formed, not yet consistent: the reader checks that.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "part/format.h"
#include "sluice/io.h"

namespace sluice::part::parquet {

/// `created_by` and the key-values included; every column has the column order TYPE_ORDER.
std::string encode_footer(const Footer& footer);
std::optional<Footer> decode_footer(ByteView bytes);

/// Where the 16 digits of the key sluice.crc32c begin. Found by the bytes, without decoding: a
/// damaged footer may decode as one that has no such key.
std::optional<size_t> find_checksum(std::string_view footer);

/// Of a V1 page or a dictionary page.
std::string encode_page_header(const PageHeader& header);

struct DecodedPageHeader {
  PageHeader header;
  uint64_t bytes = 0;  ///< that the header took
};
std::optional<DecodedPageHeader> decode_page_header(ByteView bytes);

/// Every page that is not all null has both bounds.
std::string encode_column_index(std::span<const PageEntry> pages, BoundaryOrder order);
std::string encode_offset_index(std::span<const PageEntry> pages);

}  // namespace sluice::part::parquet
