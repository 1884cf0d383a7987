// `sluice config`: what is set, by whom, and whether it can be.
#include <optional>

#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/output.h"
#include "cli/report.h"
#include "config/show.h"

namespace sluice::cli {
namespace {

enum class ShowFormat : uint8_t { kText, kJson, kYaml, kMarkdown };

struct ConfigShowOptions {
  ConfigOptions config;
  ShowFormat format = ShowFormat::kText;
  bool defaults_only = false;
};

Cell cell_of(const config::Setting& setting) {
  const std::string text = config::format(setting);
  if (std::holds_alternative<config::Texts>(setting.value)) {
    return Cell::list(config::format_list(*setting.key, setting.value));
  }
  if (const auto* number = std::get_if<uint64_t>(&setting.value)) {
    return {text, std::to_string(*number)};
  }
  const bool is_switch = std::holds_alternative<bool>(setting.value);
  return is_switch ? Cell{text, text} : Cell::words(text);
}

Listing list_settings(const config::Settings& settings) {
  Listing listing({{"key"}, {"value"}, {"origin"}, {"where"}, {"default"}, {"environment"}});
  for (const config::Setting& setting : settings.all()) {
    listing.add({Cell::words(std::string(setting.key->name)), cell_of(setting),
                 Cell::words(std::string(to_string(setting.origin))), Cell::words(setting.where),
                 Cell::words(std::string(setting.key->initial)),
                 Cell::words(environment_name(*setting.key))});
  }
  return listing;
}

Status print(const std::string& text) {
  Output output;
  return output.finish(output.write(text));
}

Result<ExitCode> show_config(const ConfigShowOptions& options) {
  config::Loaded loaded;
  if (!options.defaults_only) loaded = TRY(load_config(options.config));
  TRY(check(loaded));
  for (const std::string& notice : loaded.notices) print_note(notice, Tone::kWarning);
  if (options.format == ShowFormat::kYaml) TRY(print(to_yaml(loaded.settings)));
  if (options.format == ShowFormat::kMarkdown) TRY(print(config::keys_as_markdown()));
  const bool is_file = options.format == ShowFormat::kYaml ||  //
                       options.format == ShowFormat::kMarkdown;
  if (is_file) return ExitCode::kDone;
  Report report;
  report.listing("settings", list_settings(loaded.settings));
  return report.print(options.format == ShowFormat::kJson ? ReportFormat::kJson
                                                          : ReportFormat::kText);
}

Result<ExitCode> check_config(const ConfigOptions& options) {
  config::Loaded loaded = TRY(load_config(options));
  const Status serving = check_serving(loaded.settings);
  if (!serving.ok()) loaded.faults.push_back(serving.error());
  for (const std::string& notice : loaded.notices) print_note(notice, Tone::kWarning);
  for (const Error& fault : loaded.faults) print_note(to_sentence(fault), Tone::kError);
  if (!loaded.faults.empty()) return ExitCode::kFailed;
  size_t set = 0;
  for (const config::Setting& setting : loaded.settings.all()) {
    set += setting.origin == config::Origin::kDefault ? 0 : 1;
  }
  TRY(print("ok: " + std::to_string(set) + (set == 1 ? " key is set\n" : " keys are set\n")));
  return ExitCode::kDone;
}

}  // namespace

Command make_config(CLI::App& program) {
  const auto shown = std::make_shared<ConfigShowOptions>();
  const auto checked = std::make_shared<ConfigOptions>();
  CLI::App* command = program.add_subcommand("config", "Show and check the configuration");
  command->require_subcommand(1);
  CLI::App* show = command->add_subcommand("show", "Every key: what it is set to, and by whom");
  add_config(*show, shown->config);
  add_choice(*show, "--format", shown->format,
             {{"text", ShowFormat::kText},
              {"json", ShowFormat::kJson},
              {"yaml", ShowFormat::kYaml},
              {"markdown", ShowFormat::kMarkdown}},
             "yaml: a file that can be loaded; markdown: what each key takes");
  show->add_flag("--defaults", shown->defaults_only, "Nothing but the defaults");
  show->footer(
      "A flag is above the environment, that above the file, that above the default. Secrets are\n"
      "cut to 4 characters.\n\n"
      "Examples:\n"
      "  sluice config show --config sluice.yaml\n"
      "  sluice config show --format yaml --defaults > sluice.yaml");
  CLI::App* check = command->add_subcommand("check", "Whether a server would start with it");
  add_config(*check, *checked);
  check->add_option("FILE", checked->file, "The file, as --config FILE");
  check->footer(
      "Every fault is named with its place and what is allowed; then the exit code is 1.\n\n"
      "Examples:\n"
      "  sluice config check sluice.yaml");
  command->footer(
      "Examples:\n"
      "  sluice config show\n"
      "  sluice config check sluice.yaml");
  return {command, [show, shown, checked] {
            return show->parsed() ? show_config(*shown) : check_config(*checked);
          }};
}

}  // namespace sluice::cli
