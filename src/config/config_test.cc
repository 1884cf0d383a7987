#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "config/keys.h"
#include "config/settings.h"
#include "config/show.h"
#include "config/yaml.h"
#include "sluice/engine.h"
#include "sluice/platform.h"

namespace sluice::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Texts that a key takes and does not take.
struct Samples {
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

/// A text of `amount` that the key takes, whatever its unit.
std::string plain(const Key& key, uint64_t amount) {
  return std::to_string(amount) + (key.kind == Kind::kDuration ? "ns" : "");
}

Samples samples_of(const Key& key) {
  Samples samples;
  const bool has_most = key.limits.most < INT64_MAX;
  switch (key.kind) {
    case Kind::kText:
      samples = {{"a"}, {" ", "\t"}};
      if (key.check) samples = {{"s3://lake/prod", ""}, {"lake", "s3://", "/lake"}};
      break;
    case Kind::kSwitch:
      samples = {{"true", "false"}, {"", "yes", "1", "True", "off"}};
      break;
    case Kind::kChoice:
      samples = {{std::string(key.choices.substr(0, key.choices.find(' ')))}, {"", "xyzzy"}};
      break;
    case Kind::kZone:
      samples = {{"UTC", "Asia/Tokyo", "+05:30"}, {"", "Mars/Base", "+25:00", "/etc/localtime"}};
      break;
    case Kind::kList:
      samples = {{"", std::string(32, 'a'), std::string(32, 'a') + ", " + std::string(40, 'b')},
                 {std::string(31, 'a'), std::string(40, ' ') + ",", "a,b"}};
      break;
    case Kind::kNumber:
    case Kind::kSize:
    case Kind::kDuration:
      samples.good = {plain(key, key.limits.least)};
      samples.bad = {"", "-1", "-5m", "x", "1x", "1.5", "99999999999999999999", " 1", "0x10", "+1"};
      if (key.limits.least > 0) samples.bad.push_back(plain(key, key.limits.least - 1));
      if (key.limits.least > 0) samples.bad.push_back("0");
      if (has_most) samples.good.push_back(plain(key, key.limits.most));
      if (has_most) samples.bad.push_back(plain(key, key.limits.most + 1));
      if (key.kind == Kind::kDuration) samples.bad.push_back("5");
  }
  (key.takes_off ? samples.good : samples.bad).push_back("off");
  if (key.kind == Kind::kText) samples.bad.pop_back();  // a word like any other
  return samples;
}

Inputs environment(const Key& key, const std::string& text) {
  return {.environment = {{environment_name(key), text}, {"PATH", "/bin"}}};
}
Inputs file(const std::string& text) {
  return {.file = ConfigFile{"sluice.yaml", text}};
}
std::string in_file(const Key& key, const std::string& text) {
  return std::string(key.name) + ": " + quote_for_yaml(text) + "\n";
}
std::string format_of(const Loaded& loaded, std::string_view name) {
  return format(loaded.settings.of(name));
}
/// The only fault of these inputs: "message [where]".
std::string fault_of(const Inputs& inputs) {
  const Loaded loaded = load(inputs);
  EXPECT_EQ(loaded.faults.size(), 1u);
  if (loaded.faults.empty()) return "";
  EXPECT_EQ(loaded.faults.front().code(), Code::kInvalid);
  return loaded.faults.front().message() + " [" + loaded.faults.front().where() + "]";
}

/// What may not stand alone, made complete.
Inputs completed(Inputs inputs, const Key& key) {
  if (key.name == "auth.enabled") {
    inputs.flags.push_back({"auth.api_keys", std::string(32, 'k'), "--set"});
  }
  if (key.name == "tables.endpoint" || key.name == "tables.region") {
    inputs.flags.push_back({"tables.location", "s3://lake/prod", "--set"});
  }
  const bool is_upper_end = key.name == "storage.flush.retry_max";
  if (is_upper_end) inputs.flags.push_back({"storage.flush.retry_min", "1ns", "--set"});
  if (key.name == "storage.flush.retry_min") {
    inputs.flags.push_back({"storage.flush.retry_max", "365d", "--set"});
  }
  if (key.name == "storage.multipart.max_rows_per_part") {
    inputs.flags.push_back({"storage.multipart.min_rows_per_part", "1", "--set"});
  }
  if (key.name == "storage.multipart.min_rows_per_part") {
    inputs.flags.push_back({"storage.multipart.max_rows_per_part", "4294967296", "--set"});
  }
  return inputs;
}

TEST(Keys, EachHasADefaultThatItTakesAndANameOfItsOwnInTheEnvironment) {
  std::set<std::string> variables;
  for (const Key& key : all_keys()) {
    const auto value = parse_value(key, std::string(key.initial));
    ASSERT_TRUE(value.ok()) << key.name;
    EXPECT_EQ(format_value(key, *value), key.initial) << key.name;
    EXPECT_TRUE(variables.insert(environment_name(key)).second) << key.name;
    EXPECT_EQ(find_key(key.name), &key);
    EXPECT_FALSE(is_section(key.name)) << key.name;
    EXPECT_EQ(key.fill == nullptr, !key.instead.empty()) << key.name;
    EXPECT_TRUE(key.text.ends_with('.')) << key.name;
    EXPECT_EQ(cluster_section_of(key.name), "") << key.name;
  }
  EXPECT_EQ(environment_name(*find_key("storage.flush.max_wal_segments")),
            "SLUICE_STORAGE_FLUSH_MAX_WAL_SEGMENTS");
}

TEST(Keys, EachTakesItsGoodValuesFromFileEnvironmentAndFlag) {
  for (const Key& key : all_keys()) {
    for (const std::string& good : samples_of(key).good) {
      const std::string wanted = format_value(key, parse_value(key, good).value());
      const std::string context = std::string(key.name) + " = " + good;
      const Loaded by_file = load(completed(file(in_file(key, good)), key));
      EXPECT_THAT(by_file.faults, IsEmpty()) << context << check(by_file).error().to_string();
      EXPECT_EQ(format_of(by_file, key.name), wanted) << context;
      EXPECT_EQ(by_file.settings.of(key.name).where, "sluice.yaml:1") << context;
      const Loaded by_flag =
          load(completed({.flags = {{std::string(key.name), good, "--set"}}}, key));
      EXPECT_THAT(by_flag.faults, IsEmpty()) << context;
      EXPECT_EQ(format_of(by_flag, key.name), wanted) << context;
      if (good.empty()) continue;  // an empty variable is none
      const Loaded by_variable = load(completed(environment(key, good), key));
      EXPECT_THAT(by_variable.faults, IsEmpty()) << context;
      EXPECT_EQ(format_of(by_variable, key.name), wanted) << context;
    }
  }
}

TEST(Keys, EachRefusesItsBadValuesWithItsNameThePlaceAndWhatIsAllowed) {
  for (const Key& key : all_keys()) {
    for (const std::string& bad : samples_of(key).bad) {
      const std::string context = std::string(key.name) + " = " + bad;
      const std::string fault = fault_of(completed(file(in_file(key, bad)), key));
      EXPECT_THAT(fault, HasSubstr(std::string(key.name) + " cannot be ")) << context;
      EXPECT_THAT(fault, HasSubstr(allowed_of(key) + " [sluice.yaml:1]")) << context;
      EXPECT_EQ(fault.find('"' + bad + '"') == fault.npos, key.is_secret) << context;
      EXPECT_THAT(fault_of(completed({.flags = {{std::string(key.name), bad, "--set"}}}, key)),
                  HasSubstr("[--set]"));
      if (bad.empty()) continue;
      EXPECT_THAT(fault_of(completed(environment(key, bad), key)),
                  HasSubstr("[" + environment_name(key) + "]"))
          << context;
    }
  }
}

TEST(Keys, AFlagIsAboveTheEnvironmentThatAboveTheFileAndThatAboveTheDefault) {
  const Key& key = *find_key("storage.flush.interval");
  Inputs inputs;
  EXPECT_EQ(load(inputs).settings.of(key.name).origin, Origin::kDefault);
  EXPECT_EQ(format_of(load(inputs), key.name), "5m");
  inputs.file = ConfigFile{"a.yaml", "storage:\n  flush:\n    interval: 1m\n"};
  EXPECT_EQ(format_of(load(inputs), key.name), "1m");
  EXPECT_EQ(load(inputs).settings.of(key.name).where, "a.yaml:3");
  inputs.environment = {{environment_name(key), "2m"}};
  EXPECT_EQ(format_of(load(inputs), key.name), "2m");
  EXPECT_EQ(load(inputs).settings.of(key.name).origin, Origin::kEnvironment);
  inputs.flags = {{std::string(key.name), "3m", "--set"}, {std::string(key.name), "4m", "--set"}};
  EXPECT_EQ(format_of(load(inputs), key.name), "4m");
  EXPECT_EQ(load(inputs).settings.of(key.name).origin, Origin::kFlag);
}

TEST(Keys, DurationsAndSizesAreReadAsTheyAreWritten) {
  const Key& duration = *find_key("storage.flush.interval");
  const std::map<std::string, Nanos> spans = {{"500ms", 500 * kMillisecond},
                                              {"1h30m", 5400 * kSecond},
                                              {"2d", 172'800 * kSecond},
                                              {"1us", kMicrosecond},
                                              {"90s", 90 * kSecond}};
  for (const auto& [text, span] : spans) {
    EXPECT_EQ(std::get<Nanos>(parse_value(duration, text).value()), span) << text;
  }
  for (const char* text : {"30m1h", "1m1m", "1h 30m", "106752d", "m", "1min", "1H"}) {
    EXPECT_FALSE(parse_value(duration, text).ok()) << text;
  }
  EXPECT_EQ(format_duration(90 * kSecond), "90s");
  EXPECT_EQ(format_duration(0), "0s");
  const Key& size = *find_key("storage.flush.max_bytes");
  const std::map<std::string, uint64_t> sizes = {
      {"64MiB", 67'108'864}, {"67108864", 67'108'864}, {"64MB", 64'000'000},  {"1kB", 1000},
      {"1TiB", 1ull << 40},  {"2GiB", 2ull << 30},     {"3GB", 3'000'000'000}};
  for (const auto& [text, bytes] : sizes) {
    EXPECT_EQ(std::get<uint64_t>(parse_value(size, text).value()), bytes) << text;
  }
  for (const char* text : {"64M", "64mb", "64 MiB", "MiB", "99999999TiB", "1e6"}) {
    EXPECT_FALSE(parse_value(size, text).ok()) << text;
  }
}

TEST(Value, AnyDurationOrSizeIsItselfAgainAfterItsText) {
  std::mt19937_64 random(7);
  const Key& duration = *find_key("storage.flush.interval");
  const Key& size = *find_key("storage.flush.max_bytes");
  for (int i = 0; i < 2000; ++i) {
    const Nanos span = static_cast<Nanos>(random() >> (random() % 56 + 7)) * (i % 2 ? 1 : 60) + 1;
    EXPECT_EQ(std::get<Nanos>(parse_value(duration, format_duration(span)).value()), span);
    const uint64_t bytes = random() % (1ull << 40) + 1;
    EXPECT_EQ(std::get<uint64_t>(parse_value(size, format_size(bytes)).value()), bytes);
  }
}

TEST(ConfigFile, AnUnknownKeyIsNamedWithItsLineAndTheNearestThatThereIs) {
  EXPECT_EQ(fault_of(file("storage:\n  flush:\n    intervall: 5m\n")),
            "storage.flush.intervall is no key; did you mean storage.flush.interval? "
            "[sluice.yaml:3]");
  EXPECT_THAT(fault_of(file("xyzzy: 1\n")), HasSubstr("xyzzy is no key; `sluice config show`"));
  EXPECT_THAT(fault_of(file("storage:\n  flush: 5\n")),
              HasSubstr("storage.flush is a section of keys, not a key [sluice.yaml:2]"));
  EXPECT_THAT(fault_of(file("storage:\n  flush:\n    interval:\n      a: 1\n")),
              HasSubstr("storage.flush.interval.a is no key"));
  EXPECT_THAT(fault_of(file("wal:\n  open:\n")), HasSubstr("wal.open has no value"));
  EXPECT_THAT(fault_of(file("wal:\n  open: [strict]\n")), HasSubstr("wal.open cannot be a list"));
  EXPECT_THAT(fault_of({.flags = {{"wal.opne", "strict", "--set"}}}),
              HasSubstr("did you mean wal.open? [--set]"));
}

TEST(ConfigFile, AKeyStandsThereOnce) {
  EXPECT_THAT(fault_of(file("wal:\n  open: strict\nwal.open: instant\n")),
              HasSubstr("wal.open stands there twice, first at sluice.yaml:2 [sluice.yaml:3]"));
  EXPECT_THAT(fault_of(file("wal:\n  open: strict\n  open: instant\n")), HasSubstr("twice"));
}

TEST(ConfigFile, WhatIsNoMapOfKeysIsRefused) {
  EXPECT_THAT(fault_of(file("- a\n- b\n")), HasSubstr("keys and values are wanted"));
  EXPECT_THAT(fault_of(file("a: [")), HasSubstr("is not YAML"));
  EXPECT_THAT(fault_of(file("wal:\n\topen: strict\n")), HasSubstr("[sluice.yaml:2]"));
  EXPECT_THAT(fault_of(file("a: 1\n---\nb: 2\n")), HasSubstr("more than one document"));
  EXPECT_THAT(fault_of(file("? [a, b]\n: 1\n")), HasSubstr("a key that is no text"));
  EXPECT_THAT(fault_of(file("auth:\n  api_keys: [[a]]\n")), HasSubstr("holds something"));
  EXPECT_THAT(fault_of(file("wal:\n  open: *unknown\n")), HasSubstr("is not YAML"));
  EXPECT_THAT(fault_of(file(std::string(kFileBytesMax + 1, '#'))), HasSubstr("too large"));
  EXPECT_THAT(load(file("")).faults, IsEmpty());
  EXPECT_THAT(load(file("# nothing\n")).faults, IsEmpty());
  EXPECT_THAT(load(file("storage:\n  flush:\nauth:\n")).faults, IsEmpty());
}

TEST(ConfigFile, AliasesOfAliasesEndInARefusal) {
  std::string text = "a: &a0 [x, x]\n";
  std::string nested = "a0: &b0 {k: v, l: v}\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*b" + std::to_string(i - 1);
    nested += "a" + std::to_string(i) + ": &b" + std::to_string(i) + " {k: " + before +
              ", l: " + before + "}\n";
  }
  EXPECT_FALSE(check(load(file(nested))).ok());
  EXPECT_FALSE(check(load(file(text))).ok());
}

TEST(ConfigFile, AnyTextIsAFaultOrASettingAndNeverMore) {
  std::mt19937_64 random(11);
  const std::string good = to_yaml(Settings());
  const std::string_view odd = "\n:# -[]{}&*!|>'\"%@`a0\t\x80";
  for (int i = 0; i < 300; ++i) {
    std::string text = good.substr(0, random() % good.size());
    for (int j = 0; j < 8 && !text.empty(); ++j) {
      text[random() % text.size()] = odd[random() % odd.size()];
    }
    const Loaded loaded = load(file(text));
    EXPECT_EQ(loaded.settings.all().size(), all_keys().size());
  }
}

TEST(Environment, OnlyVariablesOfOurKeysCountAndUnknownOnesAreNamed) {
  EXPECT_EQ(fault_of({.environment = {{"SLUICE_STORAGE_FLUSH_INTERVALL", "5m"}}}),
            "SLUICE_STORAGE_FLUSH_INTERVALL sets no key; did you mean "
            "SLUICE_STORAGE_FLUSH_INTERVAL? [SLUICE_STORAGE_FLUSH_INTERVALL]");
  const Inputs foreign = {.environment = {{"SLUICE_CONFIG", "a.yaml"},
                                          {"SLUICE_DATA_DIR", "/data"},
                                          {"SLUICE_WAL_OPEN", ""},
                                          {"SLUICE_SERVICE_HOST", "10.0.0.1"},
                                          {"SLUICE_SERVER_SERVICE_PORT_HTTP", "5555"},
                                          {"SLUICE_PORT", "tcp://10.0.0.1:5555"},
                                          {"SLUICE_PORT_5555_TCP_ADDR", "10.0.0.1"},
                                          {"HOME", "/"}}};
  EXPECT_THAT(load(foreign).faults, IsEmpty());
  EXPECT_EQ(to_yaml(load(foreign).settings), to_yaml(Settings()));
}

TEST(Environment, AListIsWrittenWithCommas) {
  const std::string first(32, 'a'), second(33, 'b');
  const Loaded loaded = load({.environment = {{"SLUICE_AUTH_API_KEYS", first + ", " + second}}});
  EXPECT_THAT(set_up(loaded.settings, Defaults::kOfTable).server.api_keys,
              ElementsAre(first, second));
}

TEST(Settings, WhatDoesNotFitTogetherIsRefused) {
  const auto flags = [](std::vector<Flag> all) { return Inputs{.flags = std::move(all)}; };
  EXPECT_THAT(fault_of(flags({{"server.grpc_port", "5555", "--set"}})), HasSubstr("differ"));
  EXPECT_THAT(fault_of(flags({{"auth.enabled", "true", "--set"}})), HasSubstr("auth.api_keys"));
  EXPECT_THAT(fault_of(flags({{"storage.multipart.max_rows_per_part", "999", "--set"}})),
              HasSubstr("storage.multipart.min_rows_per_part is 1000, more than 999"));
  EXPECT_THAT(fault_of(flags({{"storage.flush.retry_min", "1m", "--set"}})),
              HasSubstr("storage.flush.retry_min is 1m, more than 30s of retry_max [--set]"));
  EXPECT_THAT(fault_of(flags({{"tables.region", "auto", "--set"}})), HasSubstr("tables.location"));
  const Loaded many = load(file("a: 1\nwal:\n  open: maybe\n  segment_size: 1\n"));
  EXPECT_EQ(many.faults.size(), 3u);
  EXPECT_THAT(check(many).error().message(), HasSubstr("and 2 more"));
}

TEST(Settings, AServerThatOthersReachNeedsKeysOrToBeToldSo) {
  const auto serving = [](std::vector<Flag> flags) {
    return check_serving(load({.flags = std::move(flags)}).settings);
  };
  const std::string key(32, 'k');
  EXPECT_TRUE(serving({}).ok());
  EXPECT_TRUE(serving({{"server.host", "127.0.0.2", ""}}).ok());
  EXPECT_TRUE(serving({{"server.host", "::1", ""}}).ok());
  EXPECT_FALSE(serving({{"server.host", "0.0.0.0", ""}}).ok());
  EXPECT_FALSE(serving({{"server.host", "0.0.0.0", ""}, {"auth.api_keys", key, ""}}).ok());
  EXPECT_TRUE(
      serving({{"server.host", "0.0.0.0", ""}, {"server.allow_anonymous", "true", ""}}).ok());
  EXPECT_TRUE(serving({{"server.host", "0.0.0.0", ""},
                       {"auth.enabled", "true", ""},
                       {"auth.api_keys", key, ""}})
                  .ok());
}

// Written after the reference's table of keys, and everything that its cluster part has.
constexpr const char* kReferenceConfiguration = R"(
server: {host: 0.0.0.0, http_port: 5555, grpc_host: "localhost", grpc_port: 5556}
storage:
  node_id: storage-node-01
  data_dir: ./data
  timezone: "Asia/Tokyo"
  memory_store:
    max_age: 2h
    max_size: 100000
  flush: {interval: 5m, max_records: 50000, max_wal_segments: 5}
  multipart:
    max_rows_per_part: 100000
    max_part_size: 67108864   # bytes
    min_rows_per_part: 1000
    max_devices_per_group: 50
    max_parts_per_dg: 4
  sync: {enabled: true, startup_timeout: 5m, anti_entropy: {interval: 1h}}
etcd:
  endpoints:
    - http://localhost:2379
  dial_timeout: 5s
queue: {type: nats, url: "nats://localhost:4222"}
coordinator: {total_groups: 256, replica_factor: 3, vnode_count: 200}
replication: {factor: 3, strategy: async}
logging: {level: info, format: json, output_path: stdout, time_format: RFC3339}
auth:
  enabled: true
  api_keys:
    - "an-api-key-of-forty-four-characters-in-all-1"
)";

TEST(Settings, AConfigurationOfTheReferenceSystemStartsWithNotices) {
  const Loaded loaded = load(file(kReferenceConfiguration));
  ASSERT_TRUE(check(loaded).ok()) << check(loaded).error().to_string();
  EXPECT_TRUE(check_serving(loaded.settings).ok());
  for (const char* said :
       {"etcd: 2 keys have", "queue: 2 keys", "replication: 2 keys", "storage.sync: 3 keys",
        "coordinator: 2 keys", "server.grpc_port", "storage.memory_store.max_size has no effect",
        "logging.level", "storage.multipart.max_parts_per_dg", "partitions are UTC days"}) {
    EXPECT_THAT(loaded.notices, testing::Contains(HasSubstr(said))) << said;
  }
  const config::Setup setup = set_up(loaded.settings, Defaults::kOfTable);
  EXPECT_EQ(setup.engine.flush_age, 300 * kSecond);
  EXPECT_EQ(setup.engine.flush_rows, 50'000u);
  EXPECT_EQ(setup.engine.pinned_segments_max, 5u);
  EXPECT_EQ(setup.engine.cold_age, 7200 * kSecond);
  ASSERT_TRUE(setup.engine.device_groups.has_value());
  EXPECT_EQ(setup.engine.device_groups->devices_max, 50u);
  EXPECT_EQ(setup.engine.device_groups->part_rows_max, 100'000u);
  EXPECT_EQ(setup.server.host, "0.0.0.0");
  EXPECT_EQ(setup.server.timezone, "Asia/Tokyo");
  EXPECT_EQ(setup.data_dir, "./data");
}

TEST(Settings, TheSizesOfPartsOfGroupsHaveAnEffectWithGroupsOnly) {
  const Flag rows = {"storage.multipart.max_rows_per_part", "10000", "--set"};
  const Loaded loaded = load({.flags = {rows}});
  EXPECT_THAT(loaded.notices, ElementsAre(HasSubstr("parts hold any device unless")));
  EXPECT_FALSE(set_up(loaded.settings, Defaults::kOfTable).engine.device_groups.has_value());
  const Flag devices = {"storage.multipart.max_devices_per_group", "7", "--set"};
  for (const auto& flags : {std::vector{rows, devices}, std::vector{devices, rows}}) {
    const Loaded grouped = load({.flags = flags});
    EXPECT_THAT(grouped.notices, IsEmpty());
    for (const Defaults defaults : {Defaults::kOfTable, Defaults::kOfLibrary}) {
      const auto groups = set_up(grouped.settings, defaults).engine.device_groups;
      ASSERT_TRUE(groups.has_value());
      EXPECT_EQ(groups->devices_max, 7u);
      EXPECT_EQ(groups->part_rows_max, 10'000u);
    }
  }
}

TEST(Settings, ALibrarysDefaultsStayAndOnlyWhatIsSetChangesThem) {
  const EngineOptions library;
  const config::Setup setup =
      set_up(load({.flags = {{"wal.open", "strict", ""}}}).settings, Defaults::kOfLibrary);
  EXPECT_EQ(setup.engine.flush_age, library.flush_age);
  EXPECT_EQ(setup.engine.flush_rows, library.flush_rows);
  EXPECT_EQ(setup.engine.cold_age, library.cold_age);
  EXPECT_EQ(setup.engine.start_up, StartUp::kStrict);
}

// An engine checks its options before it asks for the lock, which another has here.
TEST(Settings, AnEngineTakesTheEndsOfEveryLimit) {
  std::string folder = testing::TempDir() + "config-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto platform = open_local_platform(folder + "/data", DirectoryUse::kCreate).value();
  const auto owner = Engine::open(platform->platform(), {}).value();
  const auto refusal = [&](const EngineOptions& options) {
    return Engine::open(platform->platform(), options).error().reason();
  };
  EngineOptions unfit;
  unfit.segment_bytes = 1;
  EXPECT_EQ(refusal(unfit), Reason::kOutOfRange);
  for (const Key& key : all_keys()) {
    for (const std::string& good : samples_of(key).good) {
      const Inputs inputs = completed({.flags = {{std::string(key.name), good, "--set"}}}, key);
      const config::Setup setup = set_up(load(inputs).settings, Defaults::kOfTable);
      EXPECT_EQ(refusal(setup.engine), Reason::kLocked) << key.name << " = " << good;
    }
  }
  EXPECT_TRUE(owner->close().ok());
  std::filesystem::remove_all(folder);
}

TEST(Settings, TheTablesDefaultsAreTheLibrarysButForThoseOfTheReference) {
  EngineOptions options = set_up(Settings(), Defaults::kOfTable).engine;
  const EngineOptions library;
  EXPECT_EQ(options.flush_age, 300 * kSecond);
  EXPECT_EQ(options.flush_rows, 50'000u);
  EXPECT_EQ(options.cold_age, 7200 * kSecond);
  EXPECT_EQ(options.segment_bytes, library.segment_bytes);
  EXPECT_EQ(options.memory_bytes, library.memory_bytes);
  EXPECT_EQ(options.start_up, library.start_up);
  EXPECT_EQ(options.flush_bytes, library.flush_bytes);
  EXPECT_EQ(options.pinned_segments_max, library.pinned_segments_max);
  EXPECT_EQ(options.flush_threads, library.flush_threads);
  EXPECT_EQ(options.device_groups.has_value(), library.device_groups.has_value());
  EXPECT_EQ(options.table_log_bytes, library.table_log_bytes);
  EXPECT_EQ(options.disk_reserve_bytes, library.disk_reserve_bytes);
  EXPECT_EQ(options.row_group_bytes, library.row_group_bytes);
  EXPECT_EQ(options.part_bytes, library.part_bytes);
  EXPECT_EQ(options.zstd_level, library.zstd_level);
  EXPECT_EQ(options.retry_min, library.retry_min);
  EXPECT_EQ(options.retry_max, library.retry_max);
  EXPECT_EQ(options.close_flush, library.close_flush);
  EXPECT_EQ(options.snapshots_kept, library.snapshots_kept);
  EXPECT_EQ(options.manifests_merged_at, library.manifests_merged_at);
  EXPECT_EQ(options.sweep_grace, library.sweep_grace);
  EXPECT_EQ(options.sweep_interval, library.sweep_interval);
}

TEST(Show, EveryKeyStandsInItWithItsVariableAndItsSentence) {
  const std::string yaml = to_yaml(Settings());
  const std::string markdown = keys_as_markdown();
  for (const Key& key : all_keys()) {
    const std::string word(key.name.substr(key.name.rfind('.') + 1));
    EXPECT_THAT(yaml, HasSubstr(word + ": ")) << key.name;
    EXPECT_THAT(markdown, HasSubstr("| `" + std::string(key.name) + "` |")) << key.name;
    for (const std::string& text : {yaml, markdown}) {
      EXPECT_THAT(text, HasSubstr(environment_name(key))) << key.name;
      EXPECT_THAT(text, HasSubstr(std::string(key.text))) << key.name;
    }
  }
}

TEST(Show, WhatIsShownIsReadAsTheSameSettings) {
  const Loaded defaults = load(file(to_yaml(Settings())));
  EXPECT_THAT(defaults.faults, IsEmpty());
  EXPECT_THAT(defaults.notices, IsEmpty());
  const Settings initial;
  for (const Setting& setting : initial.all()) {
    EXPECT_EQ(format_of(defaults, setting.key->name), format(setting)) << setting.key->name;
  }
  for (const Key& key : all_keys()) {
    if (key.is_secret) continue;
    for (const std::string& good : samples_of(key).good) {
      const Loaded set = load(completed({.flags = {{std::string(key.name), good, "--set"}}}, key));
      Inputs again = completed(file(to_yaml(set.settings)), key);
      if (key.name == "auth.enabled") {  // the keys are cut in it
        again.file->text.replace(again.file->text.find("[kkkk..."), 8, "[" + std::string(32, 'k'));
      }
      again.flags.clear();
      const Loaded loaded = load(again);
      EXPECT_TRUE(check(loaded).ok()) << check(loaded).error().to_string();
      EXPECT_EQ(format_of(loaded, key.name), format_of(set, key.name)) << key.name;
    }
  }
}

TEST(Show, TextsOfAnyKindAreQuotedSoThatTheyComeBack) {
  for (const char* text :
       {"+02:00", "a b", "a: b", "#x", "- x", "'",  "\"", "null", "~", "a\nb", "{a}",
        "[a]",    "&a",  "*a",   "!a", "%a",  "@a", "`a", "\\",   "é", "1.0"}) {
    const Inputs inputs = file("storage:\n  node_id: " + quote_for_yaml(text) + "\n");
    EXPECT_EQ(format_of(load(inputs), "storage.node_id"), text);
    EXPECT_THAT(load(inputs).faults, IsEmpty()) << text;
  }
}

TEST(Show, SecretsAreCutToFourCharactersEverywhere) {
  const std::string secret = "0123456789abcdef0123456789abcdef";
  const Loaded loaded = load({.flags = {{"auth.api_keys", secret, "--set"}}});
  EXPECT_THAT(to_yaml(loaded.settings), HasSubstr("0123..."));
  EXPECT_EQ(to_yaml(loaded.settings).find("01234"), std::string::npos);
  EXPECT_EQ(format_of(loaded, "auth.api_keys"), "0123...");
  EXPECT_EQ(fault_of({.flags = {{"auth.api_keys", "too-short-a-key", "--set"}}}).find("too-"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::config
