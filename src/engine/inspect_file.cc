// Files that lie anywhere, opened for people to look at.
#include "sluice/inspect_file.h"

#include <utility>

#include "base/bytes.h"
#include "engine/log_summary.h"
#include "part/inspect.h"
#include "wal/segments.h"

namespace sluice {
namespace engine {
namespace {

/// One file as the only object of a bucket, whatever it is called.
class FileBucket final : public Bucket {
 public:
  explicit FileBucket(File& file) : file_(file) {}

  Result<size_t> get_range(std::string_view, uint64_t offset, std::span<std::byte> out) override {
    return file_.read_at(offset, out);
  }
  std::string uri(std::string_view key) const override { return std::string(key); }

  Status put_if_absent(std::string_view, ByteView) override { return refused(); }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view) override { return refused(); }
  Status put(std::string_view, ByteView) override { return refused(); }
  Result<ObjectEntry> head(std::string_view) override { return refused(); }
  Result<std::vector<ObjectEntry>> list(std::string_view) override { return refused(); }
  Status remove(std::string_view) override { return refused(); }

 private:
  static Error refused() { return Error(Code::kUnsupported, "a single file is only read"); }
  File& file_;
};

std::string type_text(uint16_t type) {
  switch (type & ~wal::kRequiredBit) {
    case wal::kPadType:
      return "pad";
    case wal::kMarkType:
      return "mark";
    case wal::kCheckpointType & ~wal::kRequiredBit:
      return "checkpoint";
    case kSchemaRecord:
      return "schema";
    case kBatchRecord:
      return "batch";
    default:
      return std::to_string(type);
  }
}

/// What the log's own frames say.
void describe_own(const wal::ParsedFrame& frame, FrameDescription& description) {
  if (frame.type == wal::kMarkType && frame.payload.size() == sizeof(uint64_t)) {
    description.confirmed_end = load<uint64_t>(frame.payload.data());
  }
  if (frame.type != wal::kCheckpointType) return;
  const Result<wal::Checkpoint> checkpoint = wal::decode_checkpoint(frame.payload);
  if (checkpoint.ok()) description.trim_lsn = checkpoint->trim_lsn;
}

/// Walks one segment, counts its records and shows each frame.
class SegmentShow {
 public:
  SegmentShow(SegmentDescription& segment,
              const std::function<void(const FrameDescription&)>& visit)
      : segment_(segment), visit_(visit) {}

  void take(const wal::ParsedFrame& frame) {
    FrameDescription description;
    description.offset = frame.offset;
    description.bytes = wal::frame_bytes(frame.payload.size());
    description.type = type_text(frame.type);
    description.lsn = frame.lsn;
    describe_own(frame, description);
    const Result<RecordSummary> record = reader_.read(frame);
    if (record.ok()) {
      describe_record(*record, description);
    } else if (!segment_.damage) {
      segment_.damage = Error({Code::kCorrupt, record.error().reason(), record.error().message(),
                               segment_.file, 0, frame.offset});
    }
    visit_(description);
  }

 private:
  void describe_record(const RecordSummary& record, FrameDescription& description) {
    if (record.table) description.table = record.table->to_string();
    description.rows = record.rows;
    description.source = record.source;
    description.position = record.position;
    if (record.kind == RecordSummary::Kind::kBatch) ++segment_.batches;
    if (record.kind == RecordSummary::Kind::kSchema) ++segment_.schemas;
    segment_.rows += record.rows;
  }

  SegmentDescription& segment_;
  const std::function<void(const FrameDescription&)>& visit_;
  RecordReader reader_;
};

Result<wal::SegmentHeader> read_header(File& file, const std::string& name) {
  std::vector<std::byte> block(wal::kBlockBytes);
  const size_t got_bytes = TRY(file.read_at(0, block));
  return wal::decode_segment_header(ByteView(block).first(got_bytes), name);
}

}  // namespace
}  // namespace engine

Result<ParquetFile> inspect_part(std::unique_ptr<File> file, const std::string& name) {
  const uint64_t bytes = TRY(file->size());
  engine::FileBucket bucket(*file);
  return part::inspect(bucket, name, bytes);
}

Result<SegmentDescription> inspect_segment(
    std::unique_ptr<File> file, const std::string& name,
    const std::function<void(const FrameDescription&)>& visit) {
  SegmentDescription segment;
  segment.file = name;
  segment.file_bytes = TRY(file->size());
  const wal::SegmentHeader header = TRY(engine::read_header(*file, name));
  // A copy may be called differently.
  const std::string own_name = wal::segment_name(header.base_lsn);
  const auto parser =
      TRY(wal::SegmentParser::open(std::move(file), own_name, std::nullopt, nullptr));
  engine::SegmentShow show(segment, visit);
  const wal::SegmentWalk walk = wal::walk_segment(
      *parser, own_name, [&](const wal::ParsedFrame& frame) { show.take(frame); });
  if (walk.damage) segment.damage = walk.damage;
  engine::describe(header, walk.content, segment);
  return segment;
}

}  // namespace sluice
