#include "config/settings.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>

#include "config/nearest.h"
#include "config/yaml.h"

namespace sluice::config {
namespace {

constexpr std::string_view kPrefix = "SLUICE_";
// What the program itself takes from the environment.
constexpr std::string_view kOwnVariables[] = {"SLUICE_CONFIG", "SLUICE_DATA_DIR", "SLUICE_API_KEY"};

Error fault(std::string message, std::string where) {
  return Error(Code::kInvalid, std::move(message), std::move(where));
}

std::string place(const std::string& file, size_t line) {
  return line == 0 ? file : file + ":" + std::to_string(line);
}

/// Takes the layers, lowest first.
class Loader {
 public:
  void take_file(const ConfigFile& file);
  void take_environment(const Inputs& inputs);
  void take_flags(const Inputs& inputs);
  Loaded finish();

 private:
  void take_leaf(const Leaf& leaf, const std::string& where);
  bool accept(std::string_view name, const std::string& where);
  void take(const Key& key, const Written& written, Origin origin, const std::string& where);
  void tell_of_cluster();
  void tell_of_inert();
  void check_together();
  void require(bool is_met, std::string_view key, const std::string& what);

  Loaded loaded_;
  std::map<std::string, std::string, std::less<>> given_;  ///< by the file: key -> where
  struct Accepted {
    uint64_t count = 0;
    std::string where;
  };
  std::map<std::string_view, Accepted> cluster_;  ///< section -> its keys
};

void Loader::take(const Key& key, const Written& written, Origin origin, const std::string& where) {
  auto value = parse_value(key, written);
  if (!value.ok()) return loaded_.faults.push_back(value.error().at(where));
  loaded_.settings.set({&key, *std::move(value), origin, where});
}

void Loader::take_file(const ConfigFile& file) {
  const auto leaves = read_yaml(file.text);
  if (!leaves.ok()) {
    loaded_.faults.push_back(leaves.error().at(place(file.name, leaves.error().found())));
    return;
  }
  for (const Leaf& leaf : *leaves) take_leaf(leaf, place(file.name, leaf.line));
}

/// A key of a cluster's configuration is counted, and nothing else happens.
bool Loader::accept(std::string_view name, const std::string& where) {
  const std::string_view section = cluster_section_of(name);
  if (section.empty()) return false;
  Accepted& accepted = cluster_[section];
  if (accepted.count++ == 0) accepted.where = where;
  return true;
}

void Loader::take_leaf(const Leaf& leaf, const std::string& where) {
  if (accept(leaf.name, where)) return;
  const Key* key = find_key(leaf.name);
  if (!key) {
    const bool is_empty_section = leaf.is_null && is_section(leaf.name);
    if (!is_empty_section) loaded_.faults.push_back(fault(no_key(leaf.name), where));
    return;
  }
  const auto [first, is_new] = given_.emplace(leaf.name, where);
  if (!is_new) {
    loaded_.faults.push_back(
        fault(leaf.name + " stands there twice, first at " + first->second, where));
  } else if (leaf.is_null) {
    loaded_.faults.push_back(
        fault(leaf.name + " has no value: it takes " + allowed_of(*key), where));
  } else {
    take(*key, leaf.written, Origin::kFile, where);
  }
}

/// SLUICE_SERVICE_HOST, SLUICE_PORT_5555_TCP_ADDR: what Kubernetes sets for a service of our name.
bool is_of_kubernetes(std::string_view name) {
  const bool is_protocol = name.find("_TCP") != name.npos || name.find("_UDP") != name.npos;
  return name.ends_with("_PORT") || name.ends_with("_SERVICE_HOST") ||
         name.find("_SERVICE_PORT") != name.npos ||
         (is_protocol && name.find("_PORT_") != name.npos);
}

/// The key that the variable would set if each word were a section.
std::string name_of_variable(std::string_view variable) {
  std::string name;
  for (const char letter : variable.substr(kPrefix.size())) {
    const int lower = std::tolower(static_cast<unsigned char>(letter));
    name += letter == '_' ? '.' : static_cast<char>(lower);
  }
  return name;
}

std::string no_variable(const std::string& variable) {
  std::vector<std::string> names;
  for (const Key& key : all_keys()) names.push_back(environment_name(key));
  const std::string near = nearest(variable, names);
  return variable + " sets no key" + (near.empty() ? "" : "; did you mean " + near + "?");
}

void Loader::take_environment(const Inputs& inputs) {
  std::map<std::string, const Key*> keys;
  for (const Key& key : all_keys()) keys[environment_name(key)] = &key;
  for (const auto& [name, text] : inputs.environment) {
    const bool is_own = std::find(std::begin(kOwnVariables), std::end(kOwnVariables), name) !=
                        std::end(kOwnVariables);
    if (!name.starts_with(kPrefix) || is_own || text.empty()) continue;
    const auto key = keys.find(name);
    if (key != keys.end()) {
      take(*key->second, text, Origin::kEnvironment, name);
      continue;
    }
    const bool is_known = is_of_kubernetes(name) || accept(name_of_variable(name), name);
    if (!is_known) loaded_.faults.push_back(fault(no_variable(name), name));
  }
}

void Loader::take_flags(const Inputs& inputs) {
  for (const Flag& flag : inputs.flags) {
    const Key* key = find_key(flag.key);
    if (key) {
      take(*key, flag.text, Origin::kFlag, flag.option);
    } else {
      loaded_.faults.push_back(fault(no_key(flag.key), flag.option));
    }
  }
}

void Loader::tell_of_cluster() {
  for (const auto& [section, accepted] : cluster_) {
    const std::string keys =
        accepted.count == 1 ? "1 key has" : std::to_string(accepted.count) + " keys have";
    loaded_.notices.push_back(std::string(section) + ": " + keys + " no meaning in one process [" +
                              accepted.where + "]");
  }
}

bool is_set(const Setting& setting) {
  return setting.origin != Origin::kDefault;
}

void Loader::tell_of_inert() {
  const Setup setup = set_up(loaded_.settings, Defaults::kOfTable);
  for (const Setting& setting : loaded_.settings.all()) {
    if (!is_set(setting)) continue;
    const std::string_view name = setting.key->name;
    const auto tell = [&](std::string_view why) {
      loaded_.notices.push_back(std::string(name) + " has no effect: " + std::string(why) + " [" +
                                setting.where + "]");
    };
    if (!setting.key->fill) tell(setting.key->instead);
    const bool is_of_groups = setting.key->fill && name.starts_with("storage.multipart.");
    if (is_of_groups && !setup.engine.device_groups && format(setting) != setting.key->initial) {
      tell("parts hold any device unless storage.multipart.max_devices_per_group is set");
    }
    if (name == "storage.timezone" && std::get<std::string>(setting.value) != "UTC") {
      loaded_.notices.push_back(
          "storage.timezone is that of a query's buckets; partitions are UTC days [" +
          setting.where + "]");
    }
  }
}

void Loader::require(bool is_met, std::string_view key, const std::string& what) {
  if (is_met) return;
  loaded_.faults.push_back(fault(std::string(key) + " " + what, loaded_.settings.of(key).where));
}

void Loader::check_together() {
  const Settings& settings = loaded_.settings;
  const auto number = [&](std::string_view name) {
    return std::get<uint64_t>(settings.of(name).value);
  };
  const auto text = [&](std::string_view name) { return format(settings.of(name)); };
  const Setup setup = set_up(settings, Defaults::kOfTable);
  require(number("server.http_port") != number("server.grpc_port"), "server.grpc_port",
          "is " + text("server.grpc_port") + ", and so is server.http_port: they have to differ");
  require(setup.groups.part_rows_min <= setup.groups.part_rows_max,
          "storage.multipart.min_rows_per_part",
          "is " + text("storage.multipart.min_rows_per_part") + ", more than " +
              text("storage.multipart.max_rows_per_part") + " of max_rows_per_part");
  require(setup.engine.retry_min <= setup.engine.retry_max, "storage.flush.retry_min",
          "is " + text("storage.flush.retry_min") + ", more than " +
              text("storage.flush.retry_max") + " of retry_max");
  require(!setup.server.auth_enabled || !setup.server.api_keys.empty(), "auth.api_keys",
          "is empty, and auth.enabled asks for keys: name one of at least 32 characters");
  const bool has_place = !setup.tables.location.empty();
  require(has_place || setup.tables.endpoint.empty(), "tables.endpoint",
          "is the store of tables.location, which is empty");
  require(has_place || setup.tables.region.empty(), "tables.region",
          "is the region of tables.location, which is empty");
}

Loaded Loader::finish() {
  check_together();
  tell_of_cluster();
  tell_of_inert();
  return std::move(loaded_);
}

/// Whether only this machine reaches it.
bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

}  // namespace

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::kDefault:
      return "default";
    case Origin::kFile:
      return "file";
    case Origin::kEnvironment:
      return "environment";
    case Origin::kFlag:
      return "flag";
  }
  return "";
}

std::string format(const Setting& setting) {
  return format_value(*setting.key, setting.value);
}

Settings::Settings() {
  for (const Key& key : all_keys()) {
    settings_.push_back({&key, parse_value(key, std::string(key.initial)).value(), {}, {}});
  }
}

const Setting& Settings::of(std::string_view name) const {
  return settings_[static_cast<size_t>(find_key(name) - all_keys().data())];
}

void Settings::set(Setting setting) {
  settings_[static_cast<size_t>(setting.key - all_keys().data())] = std::move(setting);
}

Loaded load(const Inputs& inputs) {
  Loader loader;
  if (inputs.file) loader.take_file(*inputs.file);
  loader.take_environment(inputs);
  loader.take_flags(inputs);
  return loader.finish();
}

Status check(const Loaded& loaded) {
  if (loaded.faults.empty()) return ok();
  const size_t more = loaded.faults.size() - 1;
  const Error& first = loaded.faults.front();
  if (more == 0) return first;
  return Error(first.code(), first.reason(),
               first.message() + " (and " + std::to_string(more) +
                   " more: `sluice config check` lists them)",
               first.where());
}

Status check_serving(const Settings& settings) {
  const ServerSettings server = set_up(settings, Defaults::kOfTable).server;
  if (server.auth_enabled || server.allow_anonymous || is_loopback(server.host)) return ok();
  return fault("server.host " + server.host +
                   " can be reached by other machines, and anybody could write: set auth.enabled "
                   "and auth.api_keys, or server.allow_anonymous if that is meant",
               settings.of("server.host").where);
}

Setup set_up(const Settings& settings, Defaults defaults) {
  Setup setup;
  for (const Setting& setting : settings.all()) {
    const bool counts = defaults == Defaults::kOfTable || is_set(setting);
    if (counts && setting.key->fill) setting.key->fill(setting.value, setup);
  }
  return setup;
}

}  // namespace sluice::config
