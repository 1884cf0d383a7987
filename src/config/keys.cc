#include "config/keys.h"

#include <algorithm>
#include <cctype>
#include <type_traits>
#include <variant>
#include <vector>

#include "config/nearest.h"
#include "sluice/s3.h"

namespace sluice::config {
namespace {

constexpr uint64_t kPositive = 1;
constexpr uint64_t kMiB = 1ull << 20;
constexpr uint64_t kTiB = 1ull << 40;
constexpr uint64_t kYear = 365ull * 86'400 * kSecond;
constexpr Limits kPort = {1, UINT16_MAX};
constexpr Limits kSpan = {kPositive, kYear};
constexpr Limits kAnySpan = {kPositive, INT64_MAX};

Nanos span_of(const Value& value) {
  return std::holds_alternative<Off>(value) ? kForever : std::get<Nanos>(value);
}

/// The value as a member takes it.
template <class T>
void assign(T& member, const Value& value) {
  if constexpr (std::is_same_v<T, Nanos>) {
    member = span_of(value);
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    member = static_cast<T>(std::get<uint64_t>(value));  // the key's limits are within T
  } else {
    member = std::get<T>(value);
  }
}
template <auto kMember>
void fill_own(const Value& value, Setup& setup) {
  assign(setup.*kMember, value);
}
template <auto kMember>
void fill_engine(const Value& value, Setup& setup) {
  assign(setup.engine.*kMember, value);
}
template <auto kMember>
void fill_server(const Value& value, Setup& setup) {
  assign(setup.server.*kMember, value);
}
template <auto kMember>
void fill_groups(const Value& value, Setup& setup) {
  assign(setup.groups.*kMember, value);
  if (setup.engine.device_groups) setup.engine.device_groups = setup.groups;
}
template <auto kMember>
void fill_tables(const Value& value, Setup& setup) {
  assign(setup.tables.*kMember, value);
}

void fill_ack(const Value& value, Setup& setup) {
  const std::string& word = std::get<std::string>(value);
  setup.server.ack = word == "memory"  ? AckClass::kMemory
                     : word == "table" ? AckClass::kTable
                                       : AckClass::kLog;
}

void fill_conflicts(const Value& value, Setup& setup) {
  setup.server.on_conflict = parse_on_conflict(std::get<std::string>(value));
}

void fill_start_up(const Value& value, Setup& setup) {
  const bool is_strict = std::get<std::string>(value) == "strict";
  setup.engine.start_up = is_strict ? StartUp::kStrict : StartUp::kInstant;
}

void fill_device_groups(const Value& value, Setup& setup) {
  setup.engine.device_groups.reset();
  if (std::holds_alternative<Off>(value)) return;
  assign(setup.groups.devices_max, value);
  setup.engine.device_groups = setup.groups;
}

Status check_location(std::string_view uri) {
  return TRY(parse_s3_uri(uri)), ok();
}

using Text = std::string_view;

Key text(Text name, Text initial, Fill fill, Text sentence) {
  return {.name = name, .initial = initial, .text = sentence, .fill = fill};
}
Key toggle(Text name, Text initial, Fill fill, Text sentence) {
  return {name, Kind::kSwitch, initial, sentence, fill};
}
Key zone(Text name, Text initial, Fill fill, Text sentence) {
  return {name, Kind::kZone, initial, sentence, fill};
}
Key choice(Text name, Text initial, Text choices, Fill fill, Text sentence) {
  Key key = {name, Kind::kChoice, initial, sentence, fill};
  key.choices = choices;
  return key;
}
Key number(Text name, Text initial, Limits limits, Fill fill, Text sentence) {
  return {name, Kind::kNumber, initial, sentence, fill, {}, limits};
}
Key size(Text name, Text initial, Limits limits, Fill fill, Text sentence) {
  return {name, Kind::kSize, initial, sentence, fill, {}, limits};
}
Key duration(Text name, Text initial, Limits limits, Fill fill, Text sentence) {
  return {name, Kind::kDuration, initial, sentence, fill, {}, limits};
}
Key secrets(Text name, Limits limits, Fill fill, Text sentence) {
  Key key = {name, Kind::kList, "", sentence, fill, {}, limits};
  key.is_secret = true;
  return key;
}

Key or_off(Key key) {
  key.takes_off = true;
  return key;
}
Key or_empty(Key key) {
  key.may_be_empty = true;
  return key;
}
Key checked(Key key, Check check, Text wanted) {
  key.check = check;
  key.wanted = wanted;
  return key;
}
Key without_effect(Key key, Text why) {
  key.instead = why;
  return key;
}

constexpr std::string_view kNoGrpc = "there is no gRPC here";
constexpr std::string_view kNotes = "messages go to standard error, a line each";

const Key kServer[] = {
    text("server.host", "127.0.0.1", fill_server<&ServerSettings::host>,
         "The address to listen on; one that other machines reach needs auth.enabled."),
    number("server.http_port", "5555", kPort, fill_server<&ServerSettings::http_port>,
           "The port of HTTP."),
    without_effect(text("server.grpc_host", "localhost", nullptr, "The address of gRPC."), kNoGrpc),
    without_effect(
        number("server.grpc_port", "5556", kPort, nullptr, "The port of gRPC, not that of HTTP."),
        kNoGrpc),
    toggle("server.allow_anonymous", "false", fill_server<&ServerSettings::allow_anonymous>,
           "Listens on any address without asking for keys."),
    toggle("server.auto_create", "true", fill_server<&ServerSettings::auto_create>,
           "The first write makes its database and collection; otherwise it is answered with 404."),
    choice("server.on_conflict", "table", "table reject keep refuse", fill_conflicts,
           "A point that does not fit: table does as its table says; reject refuses its request, "
           "or of NDJSON leaves its line out; keep puts what does not fit into the column _rest; "
           "refuse ends the request there."),
    choice("server.ack", "log", "memory log table", fill_ack,
           "When a write is answered that does not say: handed to the system, durable in the log, "
           "in the table."),
    number("server.threads", "2", {kPositive, 64}, fill_server<&ServerSettings::threads>,
           "Threads that read and write connections."),
    number("server.workers", "4", {kPositive, 256}, fill_server<&ServerSettings::workers>,
           "Threads that run what may wait, queries above all."),
    number("server.max_connections", "1024", {kPositive, 65'536},
           fill_server<&ServerSettings::connections_max>,
           "Connections at a time; more wait until one ends."),
    size("server.max_body_size", "50000000", {1 << 10, 1 << 30},
         fill_server<&ServerSettings::body_bytes_max>,
         "A request with a larger body is answered with 413."),
    toggle("auth.enabled", "false", fill_server<&ServerSettings::auth_enabled>,
           "Requests need one of auth.api_keys."),
    secrets("auth.api_keys", {32, UINT64_MAX}, fill_server<&ServerSettings::api_keys>,
            "The keys, each of at least 32 characters."),
    number("coordinator.total_groups", "256", {kPositive, 65'536},
           fill_server<&ServerSettings::total_groups>,
           "The logical groups that answers number devices by."),
};

const Key kStorage[] = {
    text("storage.node_id", "storage-default-node", fill_server<&ServerSettings::node_id>,
         "How answers name this process."),
    text("storage.data_dir", "./sluice-data", fill_own<&Setup::data_dir>,
         "Where the log and the tables are; SLUICE_DATA_DIR and --data-dir say the same."),
    zone("storage.timezone", "UTC", fill_server<&ServerSettings::timezone>,
         "Whose calendar a query's buckets follow; partitions are UTC days in any case."),
    size("storage.memory_budget", "256MiB", {8 * kMiB, kTiB},
         fill_engine<&EngineOptions::memory_bytes>,
         "Everything that the engine holds; writers wait when it is used up."),
    or_off(duration("storage.memory_store.max_age", "2h", {kSecond, INT64_MAX},
                    fill_engine<&EngineOptions::cold_age>,
                    "A row whose time lies further back makes its partition due at once.")),
    without_effect(number("storage.memory_store.max_size", "100000", {kPositive, UINT64_MAX},
                          nullptr, "Records in memory."),
                   "memory is counted in bytes here, by storage.memory_budget"),
    or_off(duration("storage.flush.interval", "5m", kAnySpan,
                    fill_engine<&EngineOptions::flush_age>,
                    "A partition is flushed when its oldest row is so old.")),
    number("storage.flush.max_records", "50000", {kPositive, 1ull << 32},
           fill_engine<&EngineOptions::flush_rows>,
           "A partition is flushed when it holds so many rows."),
    size("storage.flush.max_bytes", "64MiB", {kPositive, kTiB},
         fill_engine<&EngineOptions::flush_bytes>,
         "A table is flushed when its rows in memory take so much."),
    number(
        "storage.flush.max_wal_segments", "5", {kPositive, 100'000},
        fill_engine<&EngineOptions::pinned_segments_max>,
        "When rows pin more segments of the log than this, those that pin the oldest are flushed."),
    number("storage.flush.threads", "2", {kPositive, 64},
           fill_engine<&EngineOptions::flush_threads>, "Flushes that run at a time."),
    duration("storage.flush.retry_min", "50ms", kSpan, fill_engine<&EngineOptions::retry_min>,
             "How long a flush that failed waits at first; doubled with each try."),
    duration("storage.flush.retry_max", "30s", kSpan, fill_engine<&EngineOptions::retry_max>,
             "How long it waits at most."),
    duration("storage.flush.shutdown_timeout", "30s", {0, kYear},
             fill_engine<&EngineOptions::close_flush>,
             "How long a shutdown tries to flush what is left; the rest stays in the log."),
    or_off(number(
        "storage.multipart.max_devices_per_group", "off", {kPositive, 1'000'000},
        fill_device_groups,
        "Devices of a group, whose rows lie in parts of their own; off: parts hold any device.")),
    number("storage.multipart.max_rows_per_part", "100000", {kPositive, 1ull << 32},
           fill_groups<&DeviceGroups::part_rows_max>,
           "With groups: a part is ended at so many rows."),
    size("storage.multipart.max_part_size", "64MiB", {64 << 10, kTiB},
         fill_groups<&DeviceGroups::part_bytes_max>, "With groups: a part is ended at this size."),
    number("storage.multipart.min_rows_per_part", "1000", {kPositive, 1ull << 32},
           fill_groups<&DeviceGroups::part_rows_min>,
           "With groups: a part of fewer rows is not ended by its size."),
    without_effect(number("storage.multipart.max_parts_per_dg", "4", {kPositive, UINT64_MAX},
                          nullptr, "Parts of a group and day above which they are merged."),
                   "parts are not merged by this version"),
    size("storage.parts.max_size", "192MiB", {64 << 10, kTiB},
         fill_engine<&EngineOptions::part_bytes>, "Without groups: a part is ended at this size."),
    size("storage.parts.row_group_size", "16MiB", {64 << 10, 1 << 30},
         fill_engine<&EngineOptions::row_group_bytes>,
         "A row group of a part is ended at this size."),
    number("storage.parts.zstd_level", "1", {1, 19}, fill_engine<&EngineOptions::zstd_level>,
           "How hard pages are compressed."),
    number("storage.snapshots.kept", "100", {kPositive, 1'000'000},
           fill_engine<&EngineOptions::snapshots_kept>,
           "Snapshots that a table keeps, besides one an hour for 7 days."),
    number("storage.snapshots.manifests_merged_at", "100", {2, 10'000},
           fill_engine<&EngineOptions::manifests_merged_at>,
           "A commit merges a table's manifests when there are more."),
    or_off(duration("storage.sweep.interval", "1h", {kSecond, INT64_MAX},
                    fill_engine<&EngineOptions::sweep_interval>,
                    "Between two sweeps of what nothing names any more.")),
    duration("storage.sweep.grace", "1d", {3600ull * kSecond, kYear},
             fill_engine<&EngineOptions::sweep_grace>,
             "How old that has to be; no reader may take longer, and all writers of a table need "
             "the same."),
};

const Key kPlaces[] = {
    checked(
        or_empty(text("tables.location", "", fill_tables<&TableSettings::location>,
                      "A new data directory keeps its tables in this bucket; empty: in itself.")),
        check_location, "s3://BUCKET/PREFIX"),
    or_empty(text("tables.endpoint", "", fill_tables<&TableSettings::endpoint>,
                  "The store of that bucket, if it is not AWS; empty: AWS_ENDPOINT_URL.")),
    or_empty(text("tables.region", "", fill_tables<&TableSettings::region>,
                  "The region of that bucket; empty: AWS_REGION.")),
    choice("wal.open", "instant", "instant strict", fill_start_up,
           "instant: accepts while older segments are replayed; strict: when all were verified."),
    size("wal.segment_size", "64MiB", {64 << 10, 1 << 30},
         fill_engine<&EngineOptions::segment_bytes>, "A segment of the log is ended at this size."),
    size("wal.table_quota", "1GiB", {kMiB, kTiB}, fill_engine<&EngineOptions::table_log_bytes>,
         "What of the log a table may pin that cannot commit; then its writers wait."),
    size("wal.disk_reserve", "64MiB", {0, kTiB}, fill_engine<&EngineOptions::disk_reserve_bytes>,
         "Writes are refused while the log's disk has less left."),
    without_effect(choice("logging.level", "info", "debug info warn error", nullptr,
                          "Which messages are shown."),
                   kNotes),
    without_effect(
        choice("logging.format", "json", "json console", nullptr, "How messages are written."),
        kNotes),
    without_effect(text("logging.output_path", "stdout", nullptr, "Where messages go."), kNotes),
    without_effect(
        text("logging.output", "stdout", nullptr, "Another name of logging.output_path."), kNotes),
    without_effect(text("logging.time_format", "RFC3339", nullptr, "How messages write times."),
                   kNotes),
};

constexpr std::string_view kClusterSections[] = {"etcd", "queue", "replication", "storage.sync",
                                                 "coordinator"};

std::vector<Key> gather() {
  std::vector<Key> keys(std::begin(kServer), std::end(kServer));
  keys.insert(keys.end(), std::begin(kStorage), std::end(kStorage));
  keys.insert(keys.end(), std::begin(kPlaces), std::end(kPlaces));
  return keys;
}

bool is_below(std::string_view name, std::string_view section) {
  return name.size() > section.size() && name.starts_with(section) && name[section.size()] == '.';
}

}  // namespace

std::span<const Key> all_keys() {
  static const std::vector<Key> keys = gather();
  return keys;
}

const Key* find_key(std::string_view name) {
  const auto keys = all_keys();
  const auto found =
      std::find_if(keys.begin(), keys.end(), [name](const Key& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::string environment_name(const Key& key) {
  std::string name = "SLUICE_";
  for (const char letter : key.name) {
    const int upper = std::toupper(static_cast<unsigned char>(letter));
    name += letter == '.' ? '_' : static_cast<char>(upper);
  }
  return name;
}

bool is_section(std::string_view name) {
  const auto keys = all_keys();
  return std::any_of(keys.begin(), keys.end(),
                     [name](const Key& key) { return is_below(key.name, name); });
}

std::string_view cluster_section_of(std::string_view name) {
  if (find_key(name)) return {};
  for (const std::string_view section : kClusterSections) {
    if (name == section || is_below(name, section)) return section;
  }
  return {};
}

std::string no_key(std::string_view name) {
  if (is_section(name)) return std::string(name) + " is a section of keys, not a key";
  std::vector<std::string> names;
  for (const Key& key : all_keys()) names.emplace_back(key.name);
  const std::string near = nearest(name, names);
  return std::string(name) + " is no key" +
         (near.empty() ? "; `sluice config show` lists them all" : "; did you mean " + near + "?");
}

}  // namespace sluice::config
