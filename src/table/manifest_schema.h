// The Avro schemas of manifests and manifest lists, with Iceberg's field ids (Apache Iceberg table
// specification, format version 2, "Manifests" and "Manifest Lists").
#pragma once

#include <string>
#include <string_view>

namespace sluice::table {

/// The schema of a manifest's entries. `partition_name` is empty in an unpartitioned table; else
/// the partition has one field of that name, a date.
std::string manifest_entry_schema(std::string_view partition_name);
std::string manifest_file_schema();

}  // namespace sluice::table
