// `sluice serve`: the engine behind HTTP, until a signal ends it.
#include <optional>

#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/figures.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/troubles.h"
#include "remote/host.h"
#include "server/server.h"

namespace sluice::cli {
namespace {

struct ListenAddress {
  std::string host;
  uint16_t port = 0;
};

struct ServeOptions {
  std::string data_dir;
  BucketOptions tables;
  ConfigOptions config;
  std::optional<ListenAddress> listen;
  std::vector<std::string> api_keys;  ///< of the command line
  server::Options server;             ///< what all of it comes to
};

/// HOST:PORT; an IPv6 address in brackets.
Result<ListenAddress> parse_listen(std::string_view text) {
  const Error unfit(Code::kInvalid, "is not of the form ADDRESS:PORT, such as 127.0.0.1:5555");
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return unfit;
  const auto port = parse_count(text.substr(colon + 1));
  if (!port.ok() || *port > 65'535) return unfit;
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.empty() || host.find(':') != std::string_view::npos) {
    return unfit;
  }
  if (host == "localhost") host = "127.0.0.1";
  return ListenAddress{std::string(host), static_cast<uint16_t>(*port)};
}

std::string_view describe(AckClass ack) {
  switch (ack) {
    case AckClass::kMemory:
      return "memory: a 2xx may be lost in a power cut";
    case AckClass::kLog:
      return "log: a 2xx is durable, it survives a power cut";
    case AckClass::kTable:
      break;
  }
  return "table: a 2xx is in the table";
}

std::string banner(const std::string& url, const ServeOptions& options,
                   const EngineOptions& engine) {
  const std::string key =
      options.server.api_keys.empty() ? "" : " -H 'X-API-Key: '\"$SLUICE_API_KEY\"";
  const std::string points = url + "/v1/databases/demo/collections/weather";
  return "sluice serves " + url + "\n  data        " + make_visible(options.data_dir) +
         "\n  durability  " + std::string(describe(options.server.ack)) + "\n  next flush  " +
         format_span(engine.flush_age) + " after a row came, at the latest\n\nTry:\n  curl" + key +
         " " + points +
         "/write -d '{\"id\":\"oslo\",\"time\":\"2026-01-01T00:00:00Z\",\"temp\":-3.5}'\n  curl" +
         key + " " + points + "/query\n  curl" + key + " -X POST " + url + "/v1/admin/flush\n";
}

/// Says how it ended; a request to stop is no error.
Status run(Engine& engine, Runtime& runtime, const ServeOptions& options,
           const EngineOptions& engine_options) {
  const Interrupt interrupt;
  const auto host = TRY(remote::Host::start(engine, options.data_dir));
  const auto server = TRY(server::Server::start(engine, runtime, options.server));
  Output output;
  const Status printed =
      output.finish(output.write(banner(server->url(), options, engine_options)));
  while (printed.ok() && !interrupt.requested()) interrupt.wait(3600 * kSecond);
  print_note("stopping: running requests end, and rows go into their tables; again, to stop now");
  server->stop();
  const Status closed = engine.close();
  host->stop();
  return printed.ok() ? closed : printed;
}

server::Options server_options(const config::ServerSettings& settings,
                               const ServeOptions& options) {
  server::Options server;
  server.host = options.listen ? options.listen->host : settings.host;
  server.port = options.listen ? options.listen->port : settings.http_port;
  server.threads = settings.threads;
  server.workers = settings.workers;
  server.connections_max = settings.connections_max;
  if (settings.auth_enabled) server.api_keys = settings.api_keys;
  if (!options.api_keys.empty()) server.api_keys = options.api_keys;
  server.allow_anonymous = settings.allow_anonymous;
  server.auto_create = settings.auto_create;
  server.on_conflict = settings.on_conflict;
  server.ack = settings.ack;
  server.body_bytes_max = settings.body_bytes_max;
  server.timezone = settings.timezone;
  server.node_id = settings.node_id;
  server.groups_total = settings.total_groups;
  return server;
}

Result<ExitCode> serve(ServeOptions options) {
  config::Setup setup = TRY(configure(options.config, config::Defaults::kOfTable));
  setup.engine.listener = std::make_shared<Troubles>();
  options.data_dir = setup.data_dir;
  options.server = server_options(setup.server, options);
  options.server.catalog_path = options.data_dir + "/catalog.json";
  const BucketOptions tables = TRY(choose_tables(options.tables, setup.tables));
  const OpenEngine open = TRY(open_engine(options.data_dir, DirectoryUse::kCreate, setup.engine,
                                          ProgressMode::kNever, tables));
  TRY(run(*open.engine, *open.platform->platform().runtime, options, setup.engine));
  return ExitCode::kDone;
}

/// An option that sets a key, as --set KEY=VALUE does.
void add_setting(CLI::App& command, ConfigOptions& config, const std::string& name,
                 const std::string& key, const std::string& type, const std::string& description) {
  const std::string shown = description + " (" + key + ")";
  command.add_option(name, shown)
      ->each([&config, name, key](const std::string& text) {
        config.flags.push_back({key, text, name});
      })
      ->type_name(type);
}

void add_settings(CLI::App& command, ConfigOptions& config) {
  command.add_flag_callback(
      "--allow-anonymous",
      [&config] {
        config.flags.push_back({"server.allow_anonymous", "true", "--allow-anonymous"});
      },
      "Without a key, listen where other machines can reach it (server.allow_anonymous)");
  add_setting(command, config, "--auto-create", "server.auto_create", "true|false",
              "The first write makes database and collection");
  add_setting(command, config, "--on-conflict", "server.on_conflict", "table|reject|keep|refuse",
              "A point that does not fit: as its table says, reject it, keep what does not fit in "
              "_rest, or end the request there");
  add_setting(command, config, "--ack", "server.ack", "memory|log|table",
              "When a write that does not say is answered");
  add_setting(command, config, "--threads", "server.threads", "N",
              "Threads that serve connections");
  add_setting(command, config, "--workers", "server.workers", "N", "Queries at a time");
}

}  // namespace

Command make_serve(CLI::App& program) {
  const auto options = std::make_shared<ServeOptions>();
  CLI::App* command = program.add_subcommand("serve", "Serve writes and queries over HTTP");
  add_data_dir(*command, options->data_dir);
  add_tables(*command, options->tables);
  add_config(*command, options->config);
  command
      ->add_option("--listen",
                   "Where; port 0: any that is free (server.host, server.http_port). Default "
                   "127.0.0.1:5555")
      ->each(read_into(options->listen, parse_listen))
      ->type_name("ADDRESS:PORT");
  command
      ->add_option("--api-key", options->api_keys,
                   "Key that clients must send, 32 characters or more; may be repeated "
                   "(auth.api_keys)")
      ->envname("SLUICE_API_KEY")
      ->type_name("KEY");
  add_settings(*command, options->config);
  command->footer(
      "SIGTERM and Ctrl-C end it: running requests are answered, and rows go into their tables.\n"
      "A second one ends it at once; rows stay in the log.\n\n"
      "Examples:\n"
      "  sluice serve\n"
      "  sluice serve --listen 0.0.0.0:5555 --api-key \"$KEY\"");
  return {command, [options] { return serve(*options); }};
}

}  // namespace sluice::cli
