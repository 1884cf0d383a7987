// Settings: what every key is set to, and by whom: a flag, else the environment, else the file,
// else the default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/keys.h"
#include "config/setup.h"
#include "config/value.h"
#include "sluice/result.h"

namespace sluice::config {

enum class Origin : uint8_t { kDefault, kFile, kEnvironment, kFlag };
std::string_view to_string(Origin origin);

struct Setting {
  const Key* key;
  Value value;
  Origin origin = Origin::kDefault;
  std::string where;  ///< "sluice.yaml:12", "SLUICE_AUTH_ENABLED", "--set"; empty: the default
};

/// format_value() of it.
std::string format(const Setting& setting);

struct ConfigFile {
  std::string name;  ///< as it is shown
  std::string text;
};
struct Flag {
  std::string key;
  std::string text;
  std::string option;  ///< "--set"
};
struct Inputs {
  std::optional<ConfigFile> file = std::nullopt;
  /// The whole environment: those names that begin with SLUICE_ are looked at.
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::vector<Flag> flags = {};  ///< a later one of a key wins
};

/// One of each key, in the order of the table. A value; any thread may read it.
class Settings {
 public:
  Settings();  ///< the defaults
  const std::vector<Setting>& all() const { return settings_; }
  const Setting& of(std::string_view name) const;  ///< `name` is in the table
  void set(Setting setting);

 private:
  std::vector<Setting> settings_;
};

struct Loaded {
  Settings settings;  ///< of keys with faults, the default or a lower layer's
  /// kInvalid, where(): file and line, variable or option. In the order of file, environment,
  /// flags, then of what does not fit together.
  std::vector<Error> faults;
  std::vector<std::string> notices;  ///< what was accepted and means nothing, a sentence each
};
Loaded load(const Inputs& inputs);

/// ok, or the first fault, which tells how many more there are.
Status check(const Loaded& loaded);
/// kInvalid: `sluice serve` does not start with these, though other commands do.
Status check_serving(const Settings& settings);

/// Whose defaults count where nothing is set.
enum class Defaults : uint8_t {
  kOfTable,    ///< those of the keys: a server
  kOfLibrary,  ///< EngineOptions': commands that load files
};
Setup set_up(const Settings& settings, Defaults defaults);

}  // namespace sluice::config
