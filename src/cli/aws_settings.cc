#include "cli/aws_settings.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>

namespace sluice::cli {
namespace {

constexpr size_t kFileBytesMax = 1u << 20;

using ProfileLines = std::map<std::string, std::string, std::less<>>;

/// Nothing if it is not set or empty.
std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return {};
  return value;
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// Empty if there is no such file: then there are no settings in it.
std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

/// The lines "name = value" of one section.
ProfileLines parse_profile(std::string_view text, std::string_view section) {
  ProfileLines lines;
  bool is_ours = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      is_ours = line.back() == ']' && trim(line.substr(1, line.size() - 2)) == section;
      continue;
    }
    const size_t equals = line.find('=');
    if (!is_ours || equals == line.npos) continue;
    lines.try_emplace(std::string(trim(line.substr(0, equals))), trim(line.substr(equals + 1)));
  }
  return lines;
}

/// Settings by their names in the files; those of the environment come first.
class Sources {
 public:
  Sources() {
    const std::string profile = environment("AWS_PROFILE").value_or("default");
    const std::string home = environment("HOME").value_or("") + "/.aws/";
    const auto read = [&](const char* variable, const char* name, const std::string& section) {
      const std::string path = environment(variable).value_or(home + name);
      lines_.merge(parse_profile(text_of(path), section));
    };
    read("AWS_SHARED_CREDENTIALS_FILE", "credentials", profile);
    read("AWS_CONFIG_FILE", "config", profile == "default" ? profile : "profile " + profile);
  }

  std::string find(std::initializer_list<const char*> variables, std::string_view line) const {
    for (const char* variable : variables) {
      if (auto value = environment(variable)) return *value;
    }
    return of_files(line);
  }
  std::string of_files(std::string_view line) const {
    const auto found = lines_.find(line);
    return found == lines_.end() ? "" : found->second;
  }

 private:
  ProfileLines lines_;
};

}  // namespace

Result<AwsSettings> find_aws_settings() {
  const Sources sources;
  AwsSettings settings;
  settings.region = sources.find({"AWS_REGION", "AWS_DEFAULT_REGION"}, "region");
  settings.endpoint = sources.find({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "endpoint_url");
  if (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  settings.ca_file = sources.find({"AWS_CA_BUNDLE"}, "ca_bundle");
  // Three that belong together: never one of each.
  S3Credentials& found = settings.credentials;
  const bool is_in_environment = environment("AWS_ACCESS_KEY_ID").has_value();
  if (is_in_environment) {
    found = {*environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY").value_or(""),
             environment("AWS_SESSION_TOKEN").value_or("")};
  } else {
    found = {sources.of_files("aws_access_key_id"), sources.of_files("aws_secret_access_key"),
             sources.of_files("aws_session_token")};
  }
  if (!found.access_key_id.empty() && !found.secret_access_key.empty()) return settings;
  return Error(Code::kInvalid,
               "there are no credentials for the bucket of the tables: set AWS_ACCESS_KEY_ID and "
               "AWS_SECRET_ACCESS_KEY, or write them into ~/.aws/credentials");
}

}  // namespace sluice::cli
