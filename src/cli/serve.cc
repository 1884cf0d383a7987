// `sluice serve`: the engine behind HTTP, until a signal ends it.
#include <optional>

#include "cli/command.h"
#include "cli/figures.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/troubles.h"
#include "remote/host.h"
#include "server/server.h"

namespace sluice::cli {
namespace {

struct ServeOptions {
  std::string data_dir;
  BucketOptions tables;
  std::string listen;
  server::Options server;
};

struct ListenAddress {
  std::string host;
  uint16_t port = 0;
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

Result<ExitCode> serve(ServeOptions options) {
  EngineOptions engine_options;
  engine_options.listener = std::make_shared<Troubles>();
  const OpenEngine open = TRY(open_engine(options.data_dir, DirectoryUse::kCreate, engine_options,
                                          ProgressMode::kNever, options.tables));
  options.server.catalog_path = options.data_dir + "/catalog.json";
  TRY(run(*open.engine, *open.platform->platform().runtime, options, engine_options));
  return ExitCode::kDone;
}

void add_server(CLI::App& command, server::Options& options) {
  command
      .add_option("--api-key", options.api_keys,
                  "Key that clients must send, 32 characters or more; may be repeated")
      ->envname("SLUICE_API_KEY")
      ->type_name("KEY");
  command.add_flag("--allow-anonymous", options.allow_anonymous,
                   "Without a key, listen where other machines can reach it");
  command
      .add_option("--auto-create", options.auto_create,
                  "The first write makes database and collection")
      ->capture_default_str();
  add_choice(command, "--conflicts", options.on_conflict,
             {{"refuse", source::OnConflict::kReject}, {"rest", source::OnConflict::kKeep}},
             "A value that does not fit its column: refuse the write, or keep it in _rest");
  add_choice(command, "--ack", options.ack,
             {{"memory", AckClass::kMemory}, {"log", AckClass::kLog}, {"table", AckClass::kTable}},
             "When a write that does not say is answered");
  command.add_option("--threads", options.threads, "Threads that serve connections")
      ->capture_default_str();
  command.add_option("--workers", options.workers, "Queries at a time")->capture_default_str();
}

}  // namespace

Command make_serve(CLI::App& program) {
  const auto options = std::make_shared<ServeOptions>();
  CLI::App* command = program.add_subcommand("serve", "Serve writes and queries over HTTP");
  add_data_dir(*command, options->data_dir);
  add_tables(*command, options->tables);
  command->add_option("--listen", "Where; port 0: any that is free. Default 127.0.0.1:5555")
      ->each([options](const std::string& text) {
        ListenAddress address;
        read_into(address, parse_listen)(text);
        options->server.host = address.host;
        options->server.port = address.port;
      })
      ->type_name("ADDRESS:PORT");
  add_server(*command, options->server);
  command->footer(
      "SIGTERM and Ctrl-C end it: running requests are answered, and rows go into their tables.\n"
      "A second one ends it at once; rows stay in the log.\n\n"
      "Examples:\n"
      "  sluice serve\n"
      "  sluice serve --listen 0.0.0.0:5555 --api-key \"$KEY\"");
  return {command, [options] { return serve(*options); }};
}

}  // namespace sluice::cli
