#include "flush/flush.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "flush/gather_ahead.h"

namespace sluice::flush {

namespace {

// Of keys in turn, neighbours in a batch lie far apart in a part: a chunk spans many keys, so that
// what a cache line holds of the next ones is used while it is there.
constexpr size_t kChunkRowsMin = 8192;
constexpr size_t kChunkRowsMax = 32'768;
// A part is ended between chunks: where parts are to be small, so are they.
size_t chunk_rows(uint64_t part_bytes) {
  return std::clamp<uint64_t>(part_bytes / 1024, kChunkRowsMin, kChunkRowsMax);
}
// From here on it matters whether more partitions fail than not.
constexpr size_t kFailuresMin = 4;

bool is_of_the_partition(const Error& error) {
  return error.code() == Code::kIo || error.code() == Code::kFull || error.code() == Code::kBusy;
}

// How many parts there are at the least.
size_t least_parts(const Job& job) {
  if (job.devices == nullptr) return job.rows->partitions().size();
  size_t parts = 0;
  const memtable::DeviceRows* last = nullptr;
  for (const memtable::DeviceRows& device : *job.devices) {
    parts += !last || device.partition != last->partition || device.group != last->group;
    last = &device;
  }
  return parts;
}

struct AttemptTag;

class PartSequence {
 public:
  PartSequence(Runtime& runtime, Bucket& bucket, const Job& job)
      : bucket_(bucket),
        job_(job),
        rows_(runtime, *job.rows, job.layout->columns, job.layout->epoch),
        stem_(job.layout->prefix + "/data/" + job.flush.hex() + "-" +
              RandomId<AttemptTag>::draw(runtime).hex().substr(0, 8) + "-"),
        finisher_(runtime, least_parts(job)) {}

  /// An error: of the flush, not of a partition.
  Status write_all() {
    const auto& partitions = job_.rows->partitions();
    for (size_t number = 0; number < partitions.size(); ++number) {
      const size_t end = partitions[number].first + partitions[number].count;
      for (size_t at = partitions[number].first; at < end;) {
        const Result<size_t> written = write_part(stretch_from(number, at, end));
        at = written.ok() ? *written : end;
        if (written.ok()) continue;
        if (!is_of_the_partition(written.error())) return written.error();
        failures_.push_back({number, written.error()});
        if (failures_.size() >= kFailuresMin && failures_.size() * 2 > number) {
          return written.error();
        }
      }
    }
    return ok();
  }

  /// Ends what is under way first, so that nothing appears after it was discarded.
  void give_up() {
    static_cast<void>(finisher_.wait());
    discard(bucket_, parts_);
  }

  Result<Outcome> settle() {
    const std::vector<PartitionFailure>& late = finisher_.wait();
    failures_.insert(failures_.end(), late.begin(), late.end());
    const auto by_partition = [](const auto& a, const auto& b) {
      return a.partition < b.partition;
    };
    std::stable_sort(failures_.begin(), failures_.end(), by_partition);
    const auto last =
        std::unique(failures_.begin(), failures_.end(),
                    [](const auto& a, const auto& b) { return a.partition == b.partition; });
    failures_.erase(last, failures_.end());
    if (!failures_.empty() && failures_.size() * 2 > job_.rows->partitions().size()) {
      const Error first = failures_.front().error;
      discard(bucket_, parts_);
      return first;
    }
    return split();
  }

 private:
  // Keeps the parts of whole partitions, and removes the others.
  Outcome split() {
    Outcome outcome;
    std::vector<part::Meta> broken;
    for (size_t at = 0; at < parts_.size(); ++at) {
      const bool fails = std::any_of(failures_.begin(), failures_.end(), [&](const auto& failure) {
        return failure.partition == partition_of_[at];
      });
      (fails ? broken : outcome.parts).push_back(std::move(parts_[at]));
    }
    discard(bucket_, broken);
    outcome.failures = std::move(failures_);
    return outcome;
  }

  // What may come into one part: rows [at, end) of a partition, and of a group.
  struct Stretch {
    size_t partition;
    std::optional<uint32_t> group;
    size_t at;
    size_t end;
  };
  Stretch stretch_from(size_t partition, size_t at, size_t end) {
    if (job_.devices == nullptr) return {partition, std::nullopt, at, end};
    const auto& devices = *job_.devices;
    while (devices[device_].first + devices[device_].count <= at) ++device_;
    end = part_end(devices, device_, at, job_.layout->group_rows);
    return {partition, devices[device_].group, at, end};
  }

  bool is_full(const part::Writer& writer) const {
    const bool may_end = job_.devices == nullptr || writer.rows() >= rows_min();
    return may_end && writer.bytes() >= job_.layout->part_bytes;
  }
  uint64_t rows_min() const { return job_.layout->group_rows.rows_min; }

  // How many rows the next chunk may have. Where parts of groups end is told from the size that
  // their rows had so far.
  size_t rows_for(const part::Writer& writer) const {
    const size_t most = chunk_rows(job_.layout->part_bytes);
    if (job_.devices == nullptr) return most;
    constexpr uint64_t kLeast = 64;
    const uint64_t rows = writer.rows();
    const uint64_t bytes = std::max<uint64_t>(writer.bytes(), 1);
    const uint64_t missing = rows < rows_min() ? rows_min() - rows : 0;
    const uint64_t room = job_.layout->part_bytes - std::min(bytes, job_.layout->part_bytes);
    const uint64_t fitting = rows == 0 ? kLeast : rows * room / bytes;
    return std::clamp<uint64_t>(std::max(fitting, missing), kLeast, most);
  }

  // Writes the rows until the part is full or all are in it; returns where it stopped.
  Result<size_t> write_part(const Stretch& stretch) {
    const std::string group = stretch.group ? "-g" + std::to_string(*stretch.group) : "";
    const std::string key = stem_ + std::to_string(next_part_++) + group + ".parquet";
    std::unique_ptr<Upload> upload = TRY(bucket_.begin_upload(key));
    part::WriterOptions options = job_.layout->writer;
    options.key = key;
    part::Writer writer(*upload, job_.layout->part_columns, std::move(options));
    size_t at = stretch.at;
    while (at < stretch.end && !is_full(writer)) {
      if (job_.cancelled()) return Error(Code::kCancelled, "the flush was told to stop", key);
      const Batch batch = TRY(rows_.rows({at, stretch.end}, rows_for(writer)));
      TRY(writer.append(batch));
      at += batch.rows();
    }
    part::Meta meta = TRY(writer.finish());
    meta.key = key;
    meta.partition = job_.rows->partitions()[stretch.partition].values;
    // Named before finish(): after an unknown answer the object may exist and has to be discarded.
    parts_.push_back(std::move(meta));
    partition_of_.push_back(stretch.partition);
    finisher_.push(std::move(upload), stretch.partition);
    return at;
  }

  Bucket& bucket_;
  const Job& job_;
  GatherAhead rows_;
  std::string stem_;
  size_t device_ = 0;       // of the job's devices: none before it has rows left
  uint64_t next_part_ = 0;  // a name that was tried is never used again
  std::vector<part::Meta> parts_;
  std::vector<size_t> partition_of_;  // of each part
  std::vector<PartitionFailure> failures_;
  Finisher finisher_;
};

}  // namespace

Result<Outcome> flush_each(Runtime& runtime, Bucket& bucket, const Job& job) {
  PartSequence sequence(runtime, bucket, job);
  const Status written = sequence.write_all();
  if (!written.ok()) {
    sequence.give_up();
    return written.error();
  }
  return sequence.settle();
}

Result<std::vector<part::Meta>> flush(Runtime& runtime, Bucket& bucket, const Job& job) {
  Outcome outcome = TRY(flush_each(runtime, bucket, job));
  if (outcome.failures.empty()) return std::move(outcome.parts);
  discard(bucket, outcome.parts);
  return outcome.failures.front().error;
}

void discard(Bucket& bucket, const std::vector<part::Meta>& parts) {
  for (const part::Meta& part : parts) {
    const Status removed = bucket.remove(part.key);
    static_cast<void>(removed);  // an orphan costs space only
  }
}

}  // namespace sluice::flush
