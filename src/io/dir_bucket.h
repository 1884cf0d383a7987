// A Bucket on a directory: the key is the path below the root.
//
// An object is written under a temporary name beside its own, synced, and then named in one step:
// link(2) for the commit and for uploads, rename(2) for put(); the directory is synced before the
// call returns, also when the answer is kExists, but not for put(). Objects of put_all() are
// written under their names, and synced all at once. Temporary names contain a character that keys
// may not have, so no key can meet them; a crash may leave such files, which nothing reads.
//
// Where this differs from an object store: "a" and "a/b" cannot both be objects, and no segment of
// a key may be longer than the file system allows (255 bytes). Links that an operator made are
// followed.
#pragma once

#include <memory>
#include <string>

#include "sluice/io.h"

namespace sluice::io {

/// The root exists and may be read-only as long as nothing is written; kNotFound if it does not,
/// kInvalid if it is something else. `runtime` outlives the bucket.
Result<std::unique_ptr<Bucket>> open_dir_bucket(std::string root, Runtime& runtime);

/// Whether a file of this name is what a crash left of an unfinished object.
bool is_unfinished_object(std::string_view file_name);

}  // namespace sluice::io
