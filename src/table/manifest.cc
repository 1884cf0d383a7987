#include "table/manifest.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "base/check.h"
#include "base/object_checksum.h"
#include "table/avro.h"
#include "table/checksum.h"
#include "table/format.h"
#include "table/manifest_schema.h"

namespace sluice::table {
namespace {

constexpr std::string_view kParquet = "PARQUET";

Error corrupt(std::string message, uint64_t offset) {
  return Error(
      {Code::kCorrupt, Reason::kDecodeFailure, std::move(message), std::string(), 0, offset});
}

// ---- encoding

void write_optional(AvroWriter& out, std::optional<int64_t> value) {
  if (!value) return out.null();
  out.present();
  out.number(*value);
}

/// One of the maps from field id; left out (null) when no column has a value for it.
void write_column_map(AvroWriter& out, const std::vector<part::ColumnStats>& columns,
                      const std::function<bool(const part::ColumnStats&)>& has,
                      const std::function<void(const part::ColumnStats&)>& write) {
  const auto count = static_cast<size_t>(std::count_if(columns.begin(), columns.end(), has));
  if (count == 0) return out.null();
  out.present();
  out.begin_items(count);
  for (const part::ColumnStats& column : columns) {
    if (!has(column)) continue;
    out.number(column.field_id);
    write(column);
  }
  out.end_items();
}

void write_statistics(AvroWriter& out, const part::Meta& part, const TableSchema& schema) {
  const auto count_of = [&](uint64_t part::ColumnStats::*field) {
    return [&out, field](const part::ColumnStats& column) {
      out.number(static_cast<int64_t>(column.*field));
    };
  };
  const auto always = [](const part::ColumnStats&) { return true; };
  const auto is_double = [&](const part::ColumnStats& column) {
    const part::Column* known = schema.find(column.field_id);
    return known != nullptr && logical_type(known->type) == Type::kDouble;
  };
  // No empty byte strings: readers take them for wrong bounds.
  const auto bound_of = [](std::optional<std::string> part::ColumnStats::*field) {
    return [field](const part::ColumnStats& column) {
      return (column.*field).has_value() && !(column.*field)->empty();
    };
  };
  const auto write_bound = [&](std::optional<std::string> part::ColumnStats::*field) {
    return [&out, field](const part::ColumnStats& column) { out.text(*(column.*field)); };
  };
  using Stats = part::ColumnStats;
  write_column_map(out, part.columns, always, count_of(&Stats::bytes));
  write_column_map(out, part.columns, always, count_of(&Stats::value_count));
  write_column_map(out, part.columns, always, count_of(&Stats::null_count));
  write_column_map(out, part.columns, is_double, count_of(&Stats::nan_count));
  write_column_map(out, part.columns, bound_of(&Stats::lower), write_bound(&Stats::lower));
  write_column_map(out, part.columns, bound_of(&Stats::upper), write_bound(&Stats::upper));
}

void write_data_file(AvroWriter& out, const part::Meta& part, const Metadata& metadata,
                     const PartitionCodec& partition) {
  out.number(0);  // content: data
  out.text(to_address(metadata.location, metadata.prefix, part.key));
  out.text(kParquet);
  partition.write(out, part.partition);
  out.number(static_cast<int64_t>(part.rows));
  out.number(static_cast<int64_t>(part.bytes));
  write_statistics(out, part, metadata.schema());
  out.null();  // key_metadata
  if (part.split_offsets.empty()) {
    out.null();
  } else {
    out.present();
    out.begin_items(part.split_offsets.size());
    for (const int64_t offset : part.split_offsets) out.number(offset);
    out.end_items();
  }
  out.null();  // equality_ids
  // Sorted as it is: ClickHouse, told so, reads several files one after another as if they were
  // one, and orders and limits wrongly.
  out.null();  // sort_order_id
}

void write_manifest_file(AvroWriter& out, const ManifestFile& file, const Metadata& metadata,
                         const PartitionCodec& partition) {
  out.text(to_address(metadata.location, metadata.prefix, file.key));
  out.number(static_cast<int64_t>(file.bytes));
  out.number(0);  // partition_spec_id
  out.number(0);  // content: data
  out.number(file.sequence_number);
  out.number(file.min_sequence_number);
  out.number(file.added_snapshot_id);
  for (const uint64_t count : {file.added_files, file.existing_files, file.deleted_files,
                               file.added_rows, file.existing_rows, file.deleted_rows}) {
    out.number(static_cast<int64_t>(count));
  }
  if (file.partitions) {
    out.present();
    partition.write(out, *file.partitions);
  } else {
    out.null();  // as it was read
  }
  out.null();  // key_metadata
}

// ---- decoding

Result<uint64_t> needed_count(std::optional<int64_t> value, std::string_view what,
                              uint64_t offset) {
  if (!value || *value < 0) {
    return corrupt("'" + std::string(what) + "' is missing or negative", offset);
  }
  return static_cast<uint64_t>(*value);
}

Result<std::string> needed_key(const std::optional<std::string_view>& address,
                               const Metadata& metadata, uint64_t offset) {
  if (!address) return corrupt("a path is missing", offset);
  auto key = to_key(metadata.location, metadata.prefix, *address);
  if (!key) return corrupt("a path lies outside the table's location", offset);
  return std::move(*key);
}

/// What a data_file record says, before it is judged.
struct RawDataFile {
  int64_t content = 0;
  std::optional<std::string_view> path;
  std::string format;
  std::optional<int64_t> rows;
  std::optional<int64_t> bytes;
  model::PartitionTuple partition;
  std::map<int32_t, part::ColumnStats> columns;
  std::vector<int64_t> split_offsets;
};

/// Reads a map from field id: `take` reads the value into the column's statistics.
void read_column_map(
    AvroReader& in, const AvroType& type, std::map<int32_t, part::ColumnStats>& columns,
    const std::function<void(part::ColumnStats& column, const AvroType& value)>& take) {
  in.array(type, [&](const AvroType& pair) {
    std::optional<int64_t> id;
    in.record(pair, [&](std::string_view name, const AvroType& field) {
      if (name == "key") {
        id = in.number(field);
        return true;
      }
      const bool usable = id && *id > 0 && *id <= INT32_MAX && columns.size() <= kColumnsMax;
      if (name != "value" || !usable) return false;
      part::ColumnStats& column = columns[static_cast<int32_t>(*id)];
      column.field_id = static_cast<int32_t>(*id);
      take(column, field);
      return true;
    });
  });
}

bool read_statistics(AvroReader& in, std::string_view name, const AvroType& type,
                     RawDataFile& file) {
  using Stats = part::ColumnStats;
  const auto counts = [&](uint64_t Stats::*field) {
    read_column_map(in, type, file.columns, [&in, field](Stats& column, const AvroType& value) {
      const auto number = in.number(value);
      if (number && *number >= 0) column.*field = static_cast<uint64_t>(*number);
    });
    return true;
  };
  const auto bounds = [&](std::optional<std::string> Stats::*field) {
    read_column_map(in, type, file.columns, [&in, field](Stats& column, const AvroType& value) {
      const auto bytes = in.text(value);
      if (bytes && !bytes->empty()) column.*field = std::string(*bytes);
    });
    return true;
  };
  if (name == "column_sizes") return counts(&Stats::bytes);
  if (name == "value_counts") return counts(&Stats::value_count);
  if (name == "null_value_counts") return counts(&Stats::null_count);
  if (name == "nan_value_counts") return counts(&Stats::nan_count);
  if (name == "lower_bounds") return bounds(&Stats::lower);
  if (name == "upper_bounds") return bounds(&Stats::upper);
  return false;
}

void read_data_file(AvroReader& in, const AvroType& type, const PartitionCodec& partition,
                    RawDataFile& file) {
  in.record(type, [&](std::string_view name, const AvroType& field) {
    if (name == "content") {
      file.content = in.number(field).value_or(0);
    } else if (name == "file_path") {
      file.path = in.text(field);
    } else if (name == "file_format") {
      file.format = in.text(field).value_or("");
    } else if (name == "partition") {
      file.partition = partition.read(in, field);
    } else if (name == "record_count") {
      file.rows = in.number(field);
    } else if (name == "file_size_in_bytes") {
      file.bytes = in.number(field);
    } else if (name == "split_offsets") {
      in.array(field, [&](const AvroType& item) {
        const auto offset = in.number(item);
        if (offset) file.split_offsets.push_back(*offset);
      });
    } else {
      return read_statistics(in, name, field, file);
    }
    return true;
  });
}

Result<part::Meta> judge_data_file(RawDataFile file, const Metadata& metadata,
                                   const PartitionCodec& partition, uint64_t offset) {
  if (file.content != 0) return Error(Code::kUnsupported, "a delete file");
  std::transform(file.format.begin(), file.format.end(), file.format.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (file.format != kParquet) {
    return Error(Code::kUnsupported, "a data file of format '" + file.format + "'");
  }
  if (!partition.fits(file.partition)) {
    return corrupt("the partition does not fit the table", offset);
  }
  part::Meta part;
  part.key = TRY(needed_key(file.path, metadata, offset));
  part.rows = TRY(needed_count(file.rows, "record_count", offset));
  part.bytes = TRY(needed_count(file.bytes, "file_size_in_bytes", offset));
  part.partition = std::move(file.partition);
  part.split_offsets = std::move(file.split_offsets);
  for (auto& column : file.columns) part.columns.push_back(std::move(column.second));
  return part;
}

Result<ManifestEntry> read_entry(AvroReader& in, const AvroType& type, const ManifestFile& file,
                                 const Metadata& metadata, const PartitionCodec& partition) {
  const uint64_t offset = in.offset();
  std::optional<int64_t> status;
  std::optional<int64_t> snapshot_id;
  ManifestEntry entry;
  RawDataFile data_file;
  in.record(type, [&](std::string_view name, const AvroType& field) {
    if (name == "status") {
      status = in.number(field);
    } else if (name == "snapshot_id") {
      snapshot_id = in.number(field);
    } else if (name == "sequence_number") {
      entry.sequence_number = in.number(field);
    } else if (name == "file_sequence_number") {
      entry.file_sequence_number = in.number(field);
    } else if (name == "data_file") {
      read_data_file(in, field, partition, data_file);
    } else {
      return false;
    }
    return true;
  });
  if (!in.ok()) return corrupt("a manifest entry is malformed", offset);
  if (!status || *status < 0 || *status > 2) return corrupt("an entry of unknown status", offset);
  entry.status = static_cast<EntryStatus>(*status);
  if (entry.status != EntryStatus::kAdded &&
      (!snapshot_id || !entry.sequence_number || !entry.file_sequence_number)) {
    return corrupt("an entry that is not new lacks its sequence numbers", offset);
  }
  entry.snapshot_id = snapshot_id.value_or(file.added_snapshot_id);
  if (!entry.sequence_number) entry.sequence_number = file.sequence_number;
  if (!entry.file_sequence_number) entry.file_sequence_number = file.sequence_number;
  entry.part = TRY(judge_data_file(std::move(data_file), metadata, partition, offset));
  return entry;
}

struct NamedCount {
  std::string_view name;
  uint64_t ManifestFile::*field;
};
constexpr NamedCount kCounts[] = {
    {"manifest_length", &ManifestFile::bytes},
    {"added_files_count", &ManifestFile::added_files},
    {"existing_files_count", &ManifestFile::existing_files},
    {"deleted_files_count", &ManifestFile::deleted_files},
    {"added_rows_count", &ManifestFile::added_rows},
    {"existing_rows_count", &ManifestFile::existing_rows},
    {"deleted_rows_count", &ManifestFile::deleted_rows},
};
struct NamedNumber {
  std::string_view name;
  int64_t ManifestFile::*field;
};
constexpr NamedNumber kNumbers[] = {
    {"sequence_number", &ManifestFile::sequence_number},
    {"min_sequence_number", &ManifestFile::min_sequence_number},
    {"added_snapshot_id", &ManifestFile::added_snapshot_id},
};

Result<ManifestFile> read_manifest_file(AvroReader& in, const AvroType& type,
                                        const Metadata& metadata, const PartitionCodec& partition) {
  const uint64_t offset = in.offset();
  ManifestFile file;
  std::optional<std::string_view> path;
  std::map<std::string_view, std::optional<int64_t>> numbers;
  in.record(type, [&](std::string_view name, const AvroType& field) {
    if (name == "manifest_path") {
      path = in.text(field);
    } else if (name == "partitions") {
      file.partitions = partition.read_summaries(in, field);
    } else {
      numbers[name] = in.number(field);
    }
    return true;
  });
  if (!in.ok()) return corrupt("an entry of the manifest list is malformed", offset);
  if (numbers["content"].value_or(0) != 0) return Error(Code::kUnsupported, "a delete manifest");
  if (numbers["partition_spec_id"].value_or(0) != 0) {
    return Error(Code::kUnsupported, "a manifest of another partitioning");
  }
  file.key = TRY(needed_key(path, metadata, offset));
  for (const auto& [name, field] : kCounts) {
    file.*field = TRY(needed_count(numbers[name], name, offset));
  }
  for (const auto& [name, field] : kNumbers) {
    if (!numbers[name]) return corrupt("'" + std::string(name) + "' is missing", offset);
    file.*field = *numbers[name];
  }
  if (partition.size() == 0) file.partitions.emplace();
  return file;
}

}  // namespace

ManifestWriter::ManifestWriter(const Metadata& metadata, const CommitId& commit, std::string key,
                               int64_t snapshot_id, int64_t sequence_number)
    : metadata_(metadata), partition_(metadata), commit_(commit) {
  file_.partitions.emplace(partition_.size());
  file_.key = std::move(key);
  file_.added_snapshot_id = snapshot_id;
  file_.sequence_number = sequence_number;
  file_.min_sequence_number = sequence_number;
}

void ManifestWriter::add(const ManifestEntry& entry) {
  // T8: an entry that is not new never inherits the numbers of the manifest it is moved to.
  CHECK(entry.status == EntryStatus::kAdded ||
        (entry.sequence_number && entry.file_sequence_number));
  AvroWriter out;
  out.number(static_cast<int64_t>(entry.status));
  write_optional(out, entry.snapshot_id);
  write_optional(out, entry.sequence_number);
  write_optional(out, entry.file_sequence_number);
  write_data_file(out, entry.part, metadata_, partition_);
  entries_.append(out.take());
  ++count_;
  count(entry);
}

void ManifestWriter::count(const ManifestEntry& entry) {
  const part::Meta& part = entry.part;
  switch (entry.status) {
    case EntryStatus::kAdded:
      ++file_.added_files;
      file_.added_rows += part.rows;
      break;
    case EntryStatus::kExisting:
      ++file_.existing_files;
      file_.existing_rows += part.rows;
      break;
    case EntryStatus::kDeleted:
      ++file_.deleted_files;
      file_.deleted_rows += part.rows;
      break;
  }
  if (entry.sequence_number && entry.status != EntryStatus::kDeleted) {
    file_.min_sequence_number = std::min(file_.min_sequence_number, *entry.sequence_number);
  }
  for (size_t at = 0; at < part.partition.size(); ++at) {
    (*file_.partitions)[at].add(part.partition[at]);
  }
}

EncodedManifest ManifestWriter::finish() {
  const AvroHeader header = {
      {"avro.codec", "null"},
      {"avro.schema", manifest_entry_schema(partition_.columns())},
      {"content", "data"},
      {"format-version", std::to_string(kIcebergFormat)},
      {"partition-spec", partition_fields_json(metadata_)},
      {"partition-spec-id", "0"},
      {"schema", metadata_.schema().to_json()},
      {"schema-id", std::to_string(metadata_.current_schema_id)},
      {std::string(kChecksumName), std::string(kChecksumDigits, '0')},
  };
  EncodedManifest manifest{file_, avro_file(header, commit_.bytes(), count_, entries_)};
  fill_checksum(manifest.bytes, file_.key);
  manifest.file.bytes = manifest.bytes.size();
  return manifest;
}

Result<std::vector<ManifestEntry>> decode_manifest(std::string_view bytes, const ManifestFile& file,
                                                   const Metadata& metadata) {
  const auto decode = [&]() -> Result<std::vector<ManifestEntry>> {
    const AvroFile avro = TRY(AvroFile::open(bytes));
    const PartitionCodec partition(metadata);
    std::vector<ManifestEntry> entries;
    const Status read = avro.read([&](AvroReader& in, const AvroType& type) -> Status {
      entries.push_back(TRY(read_entry(in, type, file, metadata, partition)));
      return ok();
    });
    if (!read.ok()) return read.error();
    return entries;
  };
  auto entries = decode();
  if (!entries.ok()) return entries.error().at(file.key);
  return entries;
}

std::string encode_manifest_list(const std::vector<ManifestFile>& files, const Metadata& metadata,
                                 const SnapshotEntry& snapshot, const CommitId& commit) {
  const AvroHeader header = {
      {"avro.codec", "null"},
      {"avro.schema", manifest_file_schema()},
      {"format-version", std::to_string(kIcebergFormat)},
      {"parent-snapshot-id", snapshot.parent ? std::to_string(*snapshot.parent) : "null"},
      {"sequence-number", std::to_string(snapshot.sequence_number)},
      {"snapshot-id", std::to_string(snapshot.id)},
      {std::string(kChecksumName), std::string(kChecksumDigits, '0')},
  };
  const PartitionCodec partition(metadata);
  AvroWriter entries;
  for (const ManifestFile& file : files) write_manifest_file(entries, file, metadata, partition);
  std::string list = avro_file(header, commit.bytes(), files.size(), entries.take());
  fill_checksum(list, snapshot.manifest_list);
  return list;
}

Result<std::vector<ManifestFile>> decode_manifest_list(std::string_view bytes,
                                                       const Metadata& metadata) {
  const AvroFile avro = TRY(AvroFile::open(bytes));
  const PartitionCodec partition(metadata);
  std::vector<ManifestFile> files;
  const Status read = avro.read([&](AvroReader& in, const AvroType& type) -> Status {
    files.push_back(TRY(read_manifest_file(in, type, metadata, partition)));
    return ok();
  });
  if (!read.ok()) return read.error();
  return files;
}

}  // namespace sluice::table
