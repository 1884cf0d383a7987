// An Upload to S3: one put if the object is no larger than a piece, else a multipart upload.
#pragma once

#include <memory>
#include <string>

#include "io/s3_client.h"
#include "sluice/io.h"

namespace sluice::io {

/// Pieces go up one after the other while the caller writes; one is held in memory. A piece is
/// tried again when the store is busy or silent, since the same piece twice is one piece, and so
/// is the whole: nobody else uses the key. finish() is ok only if the store has said that the
/// object is whole, or shows it with its full size. What was begun and not finished is aborted, as
/// far as the store answers; what a crash left is found by list_unfinished().
/// `client` outlives the upload.
std::unique_ptr<Upload> make_s3_upload(S3Client& client, std::string key);

}  // namespace sluice::io
