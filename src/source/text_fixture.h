// What the tests of this folder share: text as an input, and decoding all of it.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "sluice/time_text.h"
#include "source/decoder.h"
#include "source/sample.h"

namespace sluice::source {

/// Delivers a text in pieces of at most `piece_bytes`.
class PiecewiseInput final : public Input {
 public:
  explicit PiecewiseInput(std::string_view text, size_t piece_bytes = SIZE_MAX)
      : unread_(text), piece_bytes_(piece_bytes) {}
  Result<size_t> read(std::span<std::byte> into) override {
    const size_t size = std::min({into.size(), unread_.size(), piece_bytes_});
    std::copy_n(as_bytes(unread_).begin(), size, into.begin());
    unread_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view unread_;
  size_t piece_bytes_;
};

inline Result<Sample> sample_text(std::string_view text, Format format,
                                  const SampleOptions& options = {}) {
  return sample_head({std::string(text), true}, format, options);
}

/// A value as the tests write it: null, true, 12, 0.5, 'text', @2000-01-01T00:00:00Z.
inline std::string show(const ColumnView& column, size_t row) {
  if (column.is_null(row)) return "null";
  switch (column.type) {
    case Type::kBool:
      return column.boolean(row) ? "true" : "false";
    case Type::kInt64:
      return std::to_string(column.int64(row));
    case Type::kTimestamp:
      return "@" + format_time(column.int64(row));
    case Type::kDouble: {
      char text[32];
      std::snprintf(text, sizeof text, "%.17g", column.real(row));
      return text;
    }
    default:
      return "'" + std::string(column.bytes(row)) + "'";
  }
}

inline std::vector<std::string> show_rows(const Batch& batch) {
  std::vector<std::string> rows(batch.rows());
  for (size_t column = 0; column < (batch.empty() ? 0 : batch.schema()->size()); ++column) {
    for (size_t row = 0; row < rows.size(); ++row) {
      rows[row] += (column == 0 ? "" : " ") + show(batch.column(column), row);
    }
  }
  return rows;
}

struct Everything {
  std::vector<Decoded> parts;
  std::vector<std::string> rows;
  std::vector<Reject> rejects;
};

inline Everything decode_all(std::string_view text, const Sample& sample,
                             const DecoderOptions& options = {}, size_t piece_bytes = SIZE_MAX) {
  Everything all;
  PiecewiseInput input(text.substr(options.start.offset), piece_bytes);
  Result<Decoder> decoder = Decoder::open(input, sample, options);
  CHECK(decoder.ok());
  for (;;) {
    Result<std::optional<Decoded>> part = decoder->next();
    CHECK(part.ok());
    if (!*part) return all;
    for (std::string& row : show_rows((*part)->batch)) all.rows.push_back(std::move(row));
    for (const Reject& reject : (*part)->rejects) all.rejects.push_back(reject);
    all.parts.push_back(std::move(**part));
  }
}

/// "line:column:reason" of each reject.
inline std::vector<std::string> show_rejects(const std::vector<Reject>& rejects) {
  std::vector<std::string> lines;
  for (const Reject& reject : rejects) {
    lines.push_back(std::to_string(reject.at.line) + ":" + reject.column + ":" +
                    std::string(to_string(reject.reason)));
  }
  return lines;
}

}  // namespace sluice::source
