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
  OnConflict on_conflict = OnConflict::kReject;
  OpenEnd open_end = OpenEnd::kTake;
  /// Where the input stands: the beginning, or the `end` of a batch.
  Position start = {};
};

/// What a stretch of the stream held.
struct Decoded {
  Batch batch;  ///< may be empty, if every record was rejected or the first one is refused
  std::vector<Reject> rejects;
  ConflictCounts kept;  ///< rows with something in `_rest`, by the kind of its first value
  Position end;         ///< behind its last record; a decoder started here gives what follows
  /// OnConflict::kRefuse: the record behind `end`, which is no row. Nothing follows.
  std::optional<Reject> refused = {};
};

/// Batches have the columns of the sample, and `_rest` from the first row on that has something
/// there. The same bytes give the same batches, however the stream delivers them. Memory: the
/// longest record (for JSON about seven times, while one longer than 4 MiB is read), the batch, and
/// at most kRejectsMax rejects.
class Decoder {
 public:
  static constexpr size_t kRejectsMax = 1000;  ///< a batch ends there

  /// `input` must outlive the decoder. kInvalid: the columns make no schema.
  static Result<Decoder> open(Input& input, const Sample& sample, const DecoderOptions& options);

  /// The next batch, or nothing at the end. After an error the decoder is spent.
  Result<std::optional<Decoded>> next();
  /// At the end: a record was left there.
  bool left_open_end() const { return records_.left_open_end(); }

 private:
  enum class Taken : uint8_t { kRow, kReject, kRefused, kNothingYet /* end the batch first */ };

  Decoder(Input& input, const Sample& sample, const DecoderOptions& options, SchemaPtr schema,
          SchemaPtr schema_with_rest);
  uint64_t cost_of(const Record& record) const;
  Fault append(const Record& record);
  Taken take(const Record& record, Decoded& decoded);
  bool needs_a_batch_of_its_own() const;
  void append_rest(Decoded& decoded);

  DecoderOptions options_;
  SchemaPtr schema_;
  SchemaPtr schema_with_rest_;
  RecordReader records_;
  std::unique_ptr<Rest> rest_;
  std::unique_ptr<RowParser> parser_;
  BatchBuilder builder_;
  uint32_t rows_ = 0;
  uint64_t bytes_ = 0;     ///< a bound of the batch's
  bool has_rest_ = false;  ///< the batches do
  bool header_is_next_;
  bool ended_ = false;
};

}  // namespace sluice::source
