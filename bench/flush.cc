// What a flush costs the processor, stage by stage, without a disk.
//
//   bench_flush [ROWS [BATCH_ROWS]]
//
// Runs of the reference telemetry are sorted, gathered, and written to an upload that forgets them.
// CPU nanoseconds a row of the one thread, so that a busy machine distorts them little.
#include <ctime>

#include <cstdio>
#include <cstdlib>

#include "bench/telemetry.h"
#include "memtable/gatherer.h"
#include "part/writer.h"

namespace {

using namespace sluice;

double cpu_nanos() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

class Nowhere final : public Upload {
 public:
  Status write(ByteView) override { return ok(); }
  Status finish() override { return ok(); }
  void abort() override {}
};

std::vector<memtable::Run> make_runs(uint64_t rows, uint32_t batch_rows) {
  BatchBuilder builder(Schema::make(bench::telemetry_spec().columns).value());
  std::vector<memtable::Run> runs;
  for (uint64_t first = 0; first < rows; first += batch_rows) {
    memtable::Run run;
    run.batch = bench::telemetry(builder, first, batch_rows);
    run.lsn = runs.size() + 1;
    runs.push_back(std::move(run));
  }
  return runs;
}

std::vector<Field> gathered_fields() {
  std::vector<Field> fields = bench::telemetry_spec().columns;
  fields.push_back({std::string(memtable::kVersionColumn), Type::kInt64});
  return fields;
}

std::vector<part::WriterColumn> part_columns() {
  using part::PhysicalType;
  using part::Transform;
  const std::vector<Field> fields = gathered_fields();
  std::vector<part::WriterColumn> columns;
  for (size_t at = 0; at < fields.size(); ++at) {
    const int id = static_cast<int>(at) + 1;
    if (fields[at].type == Type::kString) {
      columns.push_back({{id, fields[at].name, PhysicalType::kString, true}, at, Transform::kNone});
    } else if (fields[at].type == Type::kTimestamp) {
      columns.push_back(
          {{id, fields[at].name, PhysicalType::kTimestampMicros, true}, at, Transform::kMicros});
    } else {
      const bool is_real = fields[at].type == Type::kDouble;
      columns.push_back(
          {{id, fields[at].name, is_real ? PhysicalType::kDouble : PhysicalType::kInt64, !is_real},
           at,
           Transform::kNone});
    }
  }
  return columns;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const auto batch_rows =
      static_cast<uint32_t>(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 5000);
  std::vector<memtable::Run> runs = make_runs(rows, batch_rows);
  const double start = cpu_nanos();
  const memtable::Frozen frozen(std::move(runs), bench::telemetry_spec());
  const double sorted = cpu_nanos();
  memtable::Gatherer gatherer(frozen, Schema::make(gathered_fields()).value(), 1);
  Nowhere upload;
  part::Writer writer(upload, part_columns(), {});
  double gathering = 0;
  for (size_t at = 0; at < frozen.rows();) {
    const double before = cpu_nanos();
    const Batch batch = gatherer.rows(at, std::min<size_t>(32'768, frozen.rows() - at)).value();
    gathering += cpu_nanos() - before;
    bench::require(writer.append(batch));
    at += batch.rows();
  }
  const part::Meta meta = writer.finish().value();
  const double written = cpu_nanos();
  const auto count = static_cast<double>(rows);
  std::printf(
      "rows %llu in runs of %u: sort %.1f ns/row, gather %.1f, write %.1f; %.2f bytes/row\n",
      static_cast<unsigned long long>(rows), batch_rows, (sorted - start) / count,
      gathering / count, (written - sorted - gathering) / count,
      static_cast<double>(meta.bytes) / count);
}
