#include "cli/target.h"

#include <algorithm>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::string_view kWanted =
    "is no server's address: http://HOST:PORT or https://HOST:PORT is wanted";

bool is_host(std::string_view text) {
  const bool is_bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  const std::string_view allowed = is_bracketed ? "0123456789abcdefABCDEF:."
                                                : "abcdefghijklmnopqrstuvwxyz"
                                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  if (is_bracketed) text = text.substr(1, text.size() - 2);
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace

Result<ServerAddress> parse_server_address(std::string_view url) {
  ServerAddress address;
  address.is_tls = url.starts_with("https://");
  if (!address.is_tls && !url.starts_with("http://")) {
    return Error(Code::kInvalid, std::string(kWanted));
  }
  std::string_view rest = url.substr(url.find("//") + 2);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t bracket = rest.rfind(']');
  const size_t colon = rest.find(':', bracket == rest.npos ? 0 : bracket);
  address.host = rest.substr(0, colon);
  if (!is_host(address.host)) return Error(Code::kInvalid, std::string(kWanted));
  address.port = address.is_tls ? 443 : 80;
  if (colon == rest.npos) return address;
  const auto port = parse_count(rest.substr(colon + 1));
  if (!port.ok() || *port == 0 || *port > UINT16_MAX) {
    return Error(Code::kInvalid, "names no port from 1 to 65535");
  }
  address.port = static_cast<uint16_t>(*port);
  return address;
}

Result<OpenEngine> open_target(const Target& target, EngineOptions options, ProgressMode progress) {
  if (const auto* server = std::get_if<ServerAddress>(&target)) {
    return Error(Code::kUnsupported,
                 "sending to a server is not supported by this version; leave out --to to ingest "
                 "into a local directory",
                 server->host + ":" + std::to_string(server->port));
  }
  const LocalDirectory& local = std::get<LocalDirectory>(target);
  return reach_engine(local.data_dir, DirectoryUse::kCreate, std::move(options), progress,
                      local.tables);
}

}  // namespace sluice::cli
