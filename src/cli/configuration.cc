#include "cli/configuration.h"

#include <unistd.h>

#include <algorithm>
#include <span>

#include "cli/command.h"
#include "cli/output.h"
#include "config/yaml.h"

namespace sluice::cli {
namespace {

Result<config::Flag> parse_flag(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0) return Error(Code::kInvalid, "is no KEY=VALUE");
  return config::Flag{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)),
                      "--set"};
}

/// One byte more than is allowed, if it holds more.
Result<std::string> read_text(const std::string& path) {
  const auto file = TRY(open_local_file(path));
  std::string text(config::kFileBytesMax + 1, '\0');
  text.resize(TRY(file->read_at(0, std::as_writable_bytes(std::span(text)))));
  return text;
}

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view variable = *each;
    const size_t equals = std::min(variable.find('='), variable.size());
    variables.emplace_back(variable.substr(0, equals),
                           variable.substr(std::min(equals + 1, variable.size())));
  }
  return variables;
}

}  // namespace

void add_config(CLI::App& command, ConfigOptions& options) {
  command.add_option("--config", options.file, "A file of settings; `sluice config show` explains")
      ->envname("SLUICE_CONFIG")
      ->type_name("FILE");
  add_each(command, "--set", "KEY=VALUE",
           "A setting, above file and environment; repeat it for several", parse_flag,
           [&options](config::Flag flag) { options.flags.push_back(std::move(flag)); });
  if (const auto* data_dir = command.get_option_no_throw("--data-dir")) {
    options.directories.push_back(data_dir);
  }
}

Result<config::Loaded> load_config(const ConfigOptions& options) {
  config::Inputs inputs{.environment = environment(), .flags = options.flags};
  if (!options.file.empty()) {
    inputs.file = config::ConfigFile{options.file, TRY(read_text(options.file))};
  }
  return load(inputs);
}

Result<config::Setup> configure(const ConfigOptions& options, config::Defaults defaults) {
  const config::Loaded loaded = TRY(load_config(options));
  TRY(check(loaded));
  for (const std::string& notice : loaded.notices) print_note(notice, Tone::kWarning);
  config::Setup setup = set_up(loaded.settings, defaults);
  setup.data_dir = format(loaded.settings.of("storage.data_dir"));
  for (const CLI::Option* data_dir : options.directories) {
    if (data_dir->count() > 0) setup.data_dir = data_dir->as<std::string>();
  }
  return setup;
}

Result<BucketOptions> choose_tables(const BucketOptions& options,
                                    const config::TableSettings& configured) {
  if (options.place || configured.location.empty()) return options;
  BucketOptions chosen;
  chosen.place = TRY(parse_s3_uri(configured.location));
  chosen.endpoint = configured.endpoint;
  chosen.region = configured.region;
  return chosen;
}

}  // namespace sluice::cli
