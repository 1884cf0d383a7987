// The topics of one file: part, segment.
#include "sluice/inspect_file.h"

#include "cli/color.h"
#include "cli/figures.h"
#include "cli/inspect.h"
#include "cli/output.h"
#include "sluice/platform.h"

namespace sluice::cli {
namespace {

/// The file at a path or, if there is none, at its place in the data directory.
Result<std::unique_ptr<File>> open_file(const InspectOptions& options, const std::string& folder) {
  auto file = open_local_file(options.file);
  if (file.ok() || file.error().code() != Code::kNotFound) return file;
  auto inside = open_local_file(options.data_dir + "/" + folder + "/" + options.file);
  if (inside.ok()) return inside;
  return Error(Code::kNotFound,
               "there is no such file, nor one in " + options.data_dir + "/" + folder,
               options.file);
}

Listing list_columns(const ParquetFile& file) {
  Listing listing({{"column"}, {"type"}, {"repetition"}, {"field id", true}});
  for (const ParquetColumn& column : file.columns) {
    listing.add({Cell::words(column.name), Cell::words(column.type), Cell::words(column.repetition),
                 column.field_id == 0 ? Cell::none()
                                      : Cell::number(static_cast<uint64_t>(column.field_id))});
  }
  return listing;
}

Listing list_chunks(const ParquetFile& file) {
  Listing listing({{"row group", true},
                   {"rows", true},
                   {"column"},
                   {"offset", true},
                   {"stored", true},
                   {"plain", true},
                   {"codec"},
                   {"encodings"},
                   {"nulls", true},
                   {"page index"},
                   {"min"},
                   {"max"}});
  for (size_t at = 0; at < file.row_groups.size(); ++at) {
    const RowGroupDescription& group = file.row_groups[at];
    for (const ChunkDescription& chunk : group.chunks) {
      listing.add({Cell::number(at), Cell::count(group.rows), Cell::words(chunk.column),
                   Cell::number(chunk.offset), Cell::bytes(chunk.stored_bytes),
                   Cell::bytes(chunk.plain_bytes), Cell::words(chunk.codec),
                   Cell::list(chunk.encodings),
                   chunk.nulls ? Cell::count(*chunk.nulls) : Cell::none(),
                   Cell::flag(chunk.has_column_index && chunk.has_offset_index),
                   Cell::words(chunk.lower), Cell::words(chunk.upper)});
    }
  }
  return listing;
}

Listing list_keys(const ParquetFile& file) {
  Listing listing({{"key"}, {"value"}});
  for (const auto& [key, value] : file.keys) listing.add({Cell::words(key), Cell::words(value)});
  return listing;
}

Cell unless_zero(uint64_t number) {
  return number == 0 ? Cell::none() : Cell::number(number);
}

std::vector<TextTable::Column> frame_columns() {
  return {{"offset", true},   {"bytes", true}, {"type"},   {"LSN", true},
          {"rows", true},     {"table"},       {"source"}, {"position", true},
          {"confirms", true}, {"trims", true}};
}

std::vector<Cell> frame_cells(const FrameDescription& frame) {
  return {Cell::number(frame.offset), Cell::number(frame.bytes),   Cell::words(frame.type),
          Cell::number(frame.lsn),    unless_zero(frame.rows),     Cell::words(frame.table),
          Cell::words(frame.source),  unless_zero(frame.position), unless_zero(frame.confirmed_end),
          unless_zero(frame.trim_lsn)};
}

/// Prints frames as they come, in blocks: a segment may hold a million.
class FramePrinter {
 public:
  FramePrinter(const InspectOptions& options, Output& output)
      : options_(options), output_(output), table_(frame_columns(), SIZE_MAX) {
    table_.head_output();
  }

  void take(const FrameDescription& frame) {
    if (shown_++ >= options_.limit) return;
    if (options_.format == ReportFormat::kJson) {
      Listing one(frame_columns());
      one.add(frame_cells(frame));
      JsonWriter json;
      one.append_to(json);
      std::string object = json.take();
      object = object.substr(1, object.size() - 2);
      write((shown_ == 1 ? "{\"frames\":[" : ",") + object);
      return;
    }
    std::vector<std::string> cells;
    for (const Cell& cell : frame_cells(frame)) cells.push_back(cell.text);
    table_.add(std::move(cells));
    if (table_.lines() >= kBlockFrames) write(table_.take());
  }

  /// How the frames end.
  Status finish(const SegmentDescription& segment) {
    if (options_.format == ReportFormat::kJson) {
      if (shown_ == 0) write("{\"frames\":[");
      write("],\"end\":" + end_as_json(segment) + "}\n");
    } else {
      write(table_.take() + end_as_text(segment));
    }
    return output_.finish(written_);
  }

 private:
  static constexpr size_t kBlockFrames = 1000;

  void write(const std::string& text) {
    if (written_.ok()) written_ = output_.write(text);
  }
  static std::string end_as_json(const SegmentDescription& segment) {
    JsonWriter json;
    json.begin_object().key("file").text(segment.file);
    json.key("log").text(segment.log_id).key("opening").text(segment.opening_id);
    json.key("segment").text(segment.segment_id);
    json.key("base_LSN").number(segment.base_lsn).key("last_LSN").number(segment.last_lsn);
    json.key("rows").number(segment.rows).key("confirmed").number(segment.confirmed_end);
    json.key("valid").number(segment.accepted_end).key("torn").number(segment.torn_bytes);
    json.key("file_bytes").number(segment.file_bytes).key("damage");
    segment.damage ? json.text(segment.damage->to_string()) : json.null();
    return json.end_object().take();
  }
  std::string end_as_text(const SegmentDescription& segment) const {
    std::string text;
    if (shown_ > options_.limit) {
      text += "and " + format_count(shown_ - options_.limit) + " frames more\n";
    }
    text += "\nsegment " + segment.segment_id + " of log " + segment.log_id + ", LSNs " +
            std::to_string(segment.base_lsn) + " to " + std::to_string(segment.last_lsn) + ", " +
            format_count(segment.rows) + " rows\n";
    const std::string at = " at byte " + std::to_string(segment.accepted_end) + " of " +
                           std::to_string(segment.file_bytes);
    if (segment.damage) {
      return text +
             paint(Stream::kOutput, Tone::kError,
                   "DAMAGED" + at + ": " + segment.damage->to_string()) +
             "\n";
    }
    if (segment.torn_bytes > 0) {
      return text + "torn tail" + at + ": " + std::to_string(segment.torn_bytes) +
             " bytes that no sync has confirmed\n";
    }
    return text + "clean end" + at + "\n";
  }

  const InspectOptions& options_;
  Output& output_;
  TextTable table_;
  uint64_t shown_ = 0;
  Status written_;
};

}  // namespace

Result<ExitCode> show_part(const InspectOptions& options) {
  auto opened = TRY(open_file(options, "tables"));
  const ParquetFile file = TRY(inspect_part(std::move(opened), options.file));
  Report report;
  report.field("file", Cell::words(options.file)).field("bytes", Cell::bytes(file.bytes));
  report.field("rows", Cell::count(file.rows));
  report.field("created by", Cell::words(file.created_by));
  report.field("row groups", Cell::count(file.row_groups.size()));
  report.field("readable", Cell::flag(!file.unreadable));
  report.listing("columns", list_columns(file)).listing("chunks", list_chunks(file));
  report.listing("keys", list_keys(file));
  if (file.unreadable)
    report.findings({{*file.unreadable, options.file, file.unreadable->found()}});
  return report.print(options.format);
}

Result<ExitCode> show_segment(const InspectOptions& options) {
  auto opened = TRY(open_file(options, "log"));
  Output output;
  FramePrinter printer(options, output);
  const SegmentDescription segment =
      TRY(inspect_segment(std::move(opened), options.file,
                          [&](const FrameDescription& frame) { printer.take(frame); }));
  TRY(printer.finish(segment));
  if (!segment.damage) return ExitCode::kDone;
  return segment.damage->code() == Code::kCorrupt ? ExitCode::kCorruption : ExitCode::kFailed;
}

}  // namespace sluice::cli
