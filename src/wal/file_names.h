// The names of a log's files. Nothing but these is ever removed or replaced by a log.
//
// In the directory of a log of segments:
//
//   wal-<base LSN, 20 digits>.seg         a segment
//   quarantine-<base LSN>-<offset>.bin    bytes that an opening cut from that segment's tail
//   <either of them>.new                  the same under construction, worthless after a crash
//   spare-<base LSN, 20 digits>.new       a trimmed segment's file that waits to be one again,
//                                         likewise
//   zeros.new                             zeros in which the next segment will lie, likewise
//   wal-tail.side                         see side_file.h
//   lock                                  whose lock is the log's
//
// Beside a log in one file, which has any name but those that end in .sluice-unborn:
//
//   <file>.sluice-unborn                  the log while it is made, worthless after a crash
//   <file>.quarantine-<offset>            bytes that an opening cut; perhaps with -2, -3, …
//   <one of them>.sluice-unborn           the same under construction, worthless after a crash
//   <file>.side, <file>.lock              as above
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/wal_record.h"

namespace sluice::wal {

using sluice::Lsn;

std::string segment_name(Lsn base_lsn);
std::optional<Lsn> parse_segment_name(std::string_view name);
/// Of a segment of format version 0.
bool is_old_segment_name(std::string_view name);
std::string quarantine_name(Lsn base_lsn, uint64_t offset);
/// Of the file of a trimmed segment that waits to be used again. A temporary name.
std::string spare_name(Lsn base_lsn);
/// Of the file of zeros. A temporary name.
std::string zeros_name();
/// Under which a segment or a quarantine file is made.
std::string temporary_name(std::string_view name);
/// Of what a log in a directory has under temporary names, and of nothing else.
bool is_temporary_name(std::string_view name);
/// Under which a log in one file, or a quarantine file beside it, is made. No log is opened by such
/// a name, so that none is lost when the file is removed.
std::string unborn_name(std::string_view file);
bool is_unborn_name(std::string_view name);

}  // namespace sluice::wal
