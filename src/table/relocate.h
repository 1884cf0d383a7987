// Relocate: the addresses of a table that stands elsewhere than its metadata says.
//
// Our own readers strip the recorded location, so a moved table opens as it is. Others follow the
// addresses as they are written, in the metadata, in manifest lists and in manifests: so all of
// these are written anew, under new names, for every snapshot that is kept.
#pragma once

#include <string>

#include "sluice/io.h"
#include "table/edit.h"

namespace sluice::table {

/// The next version with all addresses under `location`, and what its snapshots name, as new
/// objects: parts stay as they are, and every entry keeps its numbers (T8). Reads all manifests of
/// all kept snapshots, and holds them: about a hundred bytes a part and column with statistics.
Result<Proposal> propose_relocation(Bucket& bucket, const Head& head, const std::string& location,
                                    const Stamp& stamp);

}  // namespace sluice::table
