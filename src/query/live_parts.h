// Live parts: those of a snapshot, read manifest by manifest as queries need them.
#pragma once

#include <optional>
#include <vector>

#include "part/meta.h"
#include "query/partition_filter.h"
#include "sluice/io.h"
#include "sluice/result.h"
#include "table/manifest.h"
#include "table/metadata.h"

namespace sluice::query {

/// One thread. What was read is kept. Bucket and metadata outlive it.
class LiveParts {
 public:
  LiveParts(Bucket& bucket, const table::Metadata& metadata)
      : bucket_(bucket), metadata_(metadata) {}
  /// The parts whose partition may hold a row that passes, in the order of commits; that of the
  /// manifests is another once some were merged. They live as long as this.
  Result<std::vector<const part::Meta*>> find(const PartitionFilter& filter);

 private:
  struct Manifest {
    table::ManifestFile file;
    std::optional<std::vector<table::ManifestEntry>> entries;  ///< absent: not read yet
  };
  Status list();

  Bucket& bucket_;
  const table::Metadata& metadata_;
  std::optional<std::vector<Manifest>> manifests_;
};

}  // namespace sluice::query
