// The Avro schemas of manifests and manifest lists, with Iceberg's field ids (Apache Iceberg table
// specification, format version 2, "Manifests" and "Manifest Lists").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::table {

/// A field of the partition struct.
struct PartitionColumn {
  int32_t field_id = 0;
  std::string name;       ///< as Avro allows it
  std::string_view type;  ///< JSON
};

/// `name` as Avro allows it: [A-Za-z_][A-Za-z0-9_]*. Readers go by field id.
std::string avro_name(std::string_view name);

/// The schema of a manifest's entries in a table of this partition.
std::string manifest_entry_schema(const std::vector<PartitionColumn>& partition);
std::string manifest_file_schema();

}  // namespace sluice::table
