// RetryBucket: a Bucket that asks another one again when that is busy or gives no answer.
//
// Tried again, because twice is as good as once: get_range, head, list, remove, the same of what is
// unfinished, put (which is for hints: a late one costs a look), and the puts of put_all, whose
// names stand for these bytes only; those go out together and without a condition.
//
// Never tried again: put_if_absent, and the calls of an Upload. A put_if_absent without an answer
// may have won; and between two tries of one the slot of a version may have been filled, expired
// and freed. Only its caller knows what to look at before the same bytes are put once more
// (invariant T2); the committer does. Uploads of io/s3_bucket.h repeat their own pieces.
#pragma once

#include <memory>

#include "io/retry.h"
#include "sluice/io.h"

namespace sluice::io {

/// `runtime` outlives the bucket.
std::unique_ptr<Bucket> make_retry_bucket(std::unique_ptr<Bucket> inner, Runtime& runtime,
                                          RetryOptions options);

}  // namespace sluice::io
