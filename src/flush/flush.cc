#include "flush/flush.h"

#include <algorithm>

#include "flush/finisher.h"

namespace sluice::flush {

namespace {

constexpr size_t kChunkRows = 8192;

struct AttemptTag;

class PartSequence {
 public:
  PartSequence(Runtime& runtime, Bucket& bucket, const Job& job)
      : bucket_(bucket),
        job_(job),
        rows_(*job.rows, job.layout->columns, job.layout->epoch),
        stem_(job.layout->prefix + "/data/" + job.flush.hex() + "-" +
              RandomId<AttemptTag>::draw(runtime).hex().substr(0, 8) + "-"),
        finisher_(runtime, job.rows->partitions().size()) {}

  Status write_all() {
    for (const auto& partition : job_.rows->partitions()) {
      const size_t end = partition.first + partition.count;
      for (size_t at = partition.first; at < end;) at = TRY(write_part(partition.values, at, end));
    }
    return finisher_.wait();
  }

  /// Ends what is under way first, so that nothing appears after it was discarded.
  void give_up() {
    static_cast<void>(finisher_.wait());
    discard(bucket_, parts_);
  }
  std::vector<part::Meta> take() { return std::move(parts_); }

 private:
  // Writes rows from `at` on until the part is full or `end` is reached; returns where it stopped.
  Result<size_t> write_part(const model::PartitionTuple& partition, size_t at, size_t end) {
    const std::string key = stem_ + std::to_string(parts_.size()) + ".parquet";
    std::unique_ptr<Upload> upload = TRY(bucket_.begin_upload(key));
    part::WriterOptions options = job_.layout->writer;
    options.key = key;
    part::Writer writer(*upload, job_.layout->part_columns, std::move(options));
    while (at < end && writer.bytes() < job_.layout->part_bytes) {
      if (job_.cancelled()) return Error(Code::kCancelled, "the flush was told to stop", key);
      const Batch batch = TRY(rows_.rows(at, std::min(kChunkRows, end - at)));
      TRY(writer.append(batch));
      at += batch.rows();
    }
    part::Meta meta = TRY(writer.finish());
    meta.key = key;
    meta.partition = partition;
    // Named before finish(): after an unknown answer the object may exist and has to be discarded.
    parts_.push_back(std::move(meta));
    TRY(finisher_.push(std::move(upload)));
    return at;
  }

  Bucket& bucket_;
  const Job& job_;
  memtable::Gatherer rows_;
  std::string stem_;
  std::vector<part::Meta> parts_;
  Finisher finisher_;
};

}  // namespace

Result<std::vector<part::Meta>> flush(Runtime& runtime, Bucket& bucket, const Job& job) {
  PartSequence sequence(runtime, bucket, job);
  const Status written = sequence.write_all();
  if (!written.ok()) {
    sequence.give_up();
    return written.error();
  }
  return sequence.take();
}

void discard(Bucket& bucket, const std::vector<part::Meta>& parts) {
  for (const part::Meta& part : parts) {
    const Status removed = bucket.remove(part.key);
    static_cast<void>(removed);  // an orphan costs space only
  }
}

}  // namespace sluice::flush
