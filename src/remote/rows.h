// Rows of a host's snapshot, as the client sees them.
#pragma once

#include <memory>

#include "remote/link.h"
#include "sluice/snapshot.h"

namespace sluice::remote {

/// Has the link for itself; the host holds the snapshot for as long as this lives. Cursors may
/// outlive it, but then give errors. kIo: the connection is gone.
Result<std::unique_ptr<Snapshot>> take_snapshot(std::shared_ptr<Link> link, const TableName& name);

}  // namespace sluice::remote
