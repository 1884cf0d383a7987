// A Bucket in an S3-compatible store: AWS, R2, MinIO, Ceph.
//
// put_if_absent is one PUT with `If-None-Match: *`, sent once and never again by itself. 412 is
// kExists; 409 (another conditional put of the key is under way), 429 and 503 are kBusy; other 5xx,
// silence and broken connections are kIo. kBusy and kIo say nothing about the effect. A store that
// does not know the condition answers 501, kUnsupported; one that ignores it would let two commits
// win, so ask check_conditions() before the first one is trusted.
//
// Every request is signed with the checksum of its body, which the store compares. A call ends
// within request_nanos_max, a long list within that for each 1000 objects, an upload's calls within
// retry_nanos_max and one request more. What other programs put beside our objects under names that
// are no keys is not listed. Times are those of the store, to the second.
//
// Uploads, and what a repeated call means: io/s3_upload.h, io/retry_bucket.h.
#pragma once

#include <memory>

#include "sluice/io.h"
#include "sluice/s3.h"

namespace sluice::io {

/// Sends nothing yet. kInvalid: the place or the credentials cannot be. `runtime` outlives the
/// bucket, which outlives its uploads.
Result<std::unique_ptr<Bucket>> open_s3_bucket(S3Options options, Runtime& runtime);

/// Whether the bucket refuses a second put_if_absent, tried with an object of its own that is
/// removed again. kUnsupported: it does not, so nothing may be committed there. Other errors: it
/// cannot be reached, or not be written to.
Status check_conditions(Bucket& bucket, Runtime& runtime);

}  // namespace sluice::io
