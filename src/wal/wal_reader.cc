// Readers of logs that somebody else may have open: without their lock, and from the device.
#include "sluice/wal_reader.h"

#include <array>
#include <utility>

#include "wal/record_reader.h"

namespace sluice {
namespace wal {
namespace {

/// A trim may take what was listed before it is read.
constexpr int kTries = 8;

Result<LogView> list_once(Disk& disk, Lsn from) {
  const std::vector<std::string> names = TRY(list_segments(disk));
  size_t first = 0;
  while (first + 1 < names.size() && *parse_segment_name(names[first + 1]) <= from) ++first;
  LogView view{.is_open_ended = true};
  for (size_t i = first; i < names.size(); ++i) {
    const Result<SegmentHeader> header = read_segment_header(disk, names[i]);
    Status link = header.ok() ? ok() : Status(header.error());
    if (link.ok() && i > first) link = check_link(view.segments.back().header, *header);
    const bool is_gone = !header.ok() && header.error().code() == Code::kNotFound;
    if (!link.ok() && (i == first || is_gone)) return link.error();
    if (!link.ok()) {
      view.hole = link.error();
      break;
    }
    if (i > first) view.segments.back().boundary = header->accepted;
    view.segments.push_back({.name = names[i], .header = *header});
  }
  return view;
}

Result<LogView> view_of_directory(Disk& disk, Lsn from) {
  for (int tries = 1;; ++tries) {
    Result<LogView> view = list_once(disk, from);
    const bool is_gone = !view.ok() && view.error().code() == Code::kNotFound;
    if (!is_gone || tries == kTries) return view;
  }
}

Result<LogView> view_of_file(Disk& disk, const std::string& name) {
  LogView view{.is_open_ended = true, .is_single_file = true};
  const std::unique_ptr<File> file = TRY(disk.open(name, OpenMode::kReadDevice));
  std::array<std::byte, kBlockBytes> block;
  const size_t got_bytes = TRY(file->read_at(0, block));
  if (got_bytes == 0) return view;
  const SegmentHeader header = TRY(decode_segment_header(ByteView(block).first(got_bytes), name));
  view.segments.push_back({.name = name, .header = header});
  return view;
}

}  // namespace

Result<std::unique_ptr<WalReader>> open_directory_reader(KeptDisk disk,
                                                         std::shared_ptr<const KeyRing> keys,
                                                         WalReadOptions options) {
  auto source = [disk, keys = std::move(keys)](Lsn from) -> Result<LogView> {
    LogView view = TRY(view_of_directory(disk.disk, from));
    view.keys = keys;
    return view;
  };
  return open_reader(disk.disk, std::move(source), std::move(options));
}

Result<std::unique_ptr<WalReader>> open_file_reader(KeptDisk disk, const std::string& name,
                                                    std::shared_ptr<const KeyRing> keys,
                                                    WalReadOptions options) {
  auto source = [disk, name, keys = std::move(keys)](Lsn) -> Result<LogView> {
    LogView view = TRY(view_of_file(disk.disk, name));
    view.keys = keys;
    return view;
  };
  return open_reader(disk.disk, std::move(source), std::move(options));
}

}  // namespace wal

Result<std::unique_ptr<WalReader>> open_wal_reader(Disk& disk, std::shared_ptr<const KeyRing> keys,
                                                   WalReadOptions options) {
  return wal::open_directory_reader({disk}, std::move(keys), std::move(options));
}

Result<std::unique_ptr<WalReader>> open_wal_file_reader(Disk& disk, const std::string& name,
                                                        std::shared_ptr<const KeyRing> keys,
                                                        WalReadOptions options) {
  return wal::open_file_reader({disk}, name, std::move(keys), std::move(options));
}

}  // namespace sluice
