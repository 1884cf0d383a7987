// Where the objects of a table carry their checksum (base/object_checksum.h).
//
//   JSON   the last member of the document: ,"sluice.crc32c":"<8 digits>"}. Not among a table's
//          properties: another writer would carry those over, and the old digits with them
//   Avro   the entry sluice.crc32c of the file's header
//
// An object without one was written by another program, and is read as it is.
#pragma once

#include <string>
#include <string_view>

#include "sluice/result.h"

namespace sluice::table {

/// The document, which is an object with members, with the checksum as its last one.
std::string with_checksum(std::string document, std::string_view key);
/// Fills in the checksum of an Avro file whose header has an entry for it.
void fill_checksum(std::string& file, std::string_view key);

enum class Provenance : uint8_t {
  kOurs,
  kAny,  ///< without a checksum too
};
/// kCorrupt (kCrcMismatch) if the checksum does not fit the bytes; (kDecodeFailure) if there is
/// none, but the object must be ours.
Status check_checksum(std::string_view bytes, std::string_view key, Provenance provenance);

}  // namespace sluice::table
