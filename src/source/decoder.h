// Decoder: a stream and its sample become batches, rejects, and positions to start again from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "source/records.h"
#include "source/row_parser.h"
#include "source/sample.h"
#include "source/source.h"

namespace sluice::source {

struct DecoderOptions {
  uint32_t batch_rows_max = 5000;
  uint64_t batch_bytes_max = 4u << 20;  ///< a record that is larger is a batch of its own
  uint64_t record_bytes_max = kRecordBytesMax;
  /// Fields that no column takes are left out and counted, instead of rejecting their records.
  bool skip_unknown_columns = false;
  OpenEnd open_end = OpenEnd::kTake;
  /// Where the input stands: the beginning, or the `end` of a batch.
  Position start = {};
};

/// What a stretch of the stream held.
struct Decoded {
  Batch batch;  ///< may be empty, if every record was rejected
  std::vector<Reject> rejects;
  SkippedColumns skipped;
  Position end;  ///< behind its last record; a decoder started here gives what follows
};

/// The same bytes give the same batches, however the stream delivers them. Memory: the longest
/// record (for JSON about seven times, while one longer than 4 MiB is read), the batch, and at most
/// kRejectsMax rejects.
class Decoder {
 public:
  static constexpr size_t kRejectsMax = 1000;  ///< a batch ends there

  /// `input` must outlive the decoder. kInvalid: the columns make no schema.
  static Result<Decoder> open(Input& input, const Sample& sample, const DecoderOptions& options);

  /// The next batch, or nothing at the end. After an error the decoder is spent.
  Result<std::optional<Decoded>> next();
  const SchemaPtr& schema() const { return schema_; }
  /// At the end: a record was left there.
  bool left_open_end() const { return records_.left_open_end(); }

 private:
  Decoder(Input& input, const Sample& sample, const DecoderOptions& options, SchemaPtr schema);
  uint64_t cost_of(const Record& record) const;
  void take(const Record& record, Decoded& decoded);

  DecoderOptions options_;
  SchemaPtr schema_;
  RecordReader records_;
  std::unique_ptr<SkippedColumns> skipped_;
  std::unique_ptr<RowParser> parser_;
  BatchBuilder builder_;
  uint32_t rows_ = 0;
  bool header_is_next_;
  bool ended_ = false;
};

}  // namespace sluice::source
