#include "config/show.h"

#include <vector>

#include "config/yaml.h"

namespace sluice::config {
namespace {

std::vector<std::string_view> words_of(std::string_view name) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t dot = name.find('.');
    words.push_back(name.substr(0, dot));
    if (dot == name.npos) return words;
    name.remove_prefix(dot + 1);
  }
}

std::string yaml_of(const Setting& setting) {
  if (setting.key->kind != Kind::kList) return quote_for_yaml(format(setting));
  std::string out;
  for (const std::string& text : format_list(*setting.key, setting.value)) {
    out += (out.empty() ? "" : ", ") + quote_for_yaml(text);
  }
  return "[" + out + "]";
}

/// What the key is, for those who do not know it.
std::string sentence_of(const Key& key) {
  if (key.fill) return std::string(key.text);
  return std::string(key.text) + " Accepted without effect: " + std::string(key.instead) + ".";
}

void append_key(const Setting& setting, const std::string& indent, std::string_view word,
                std::string& out) {
  const Key& key = *setting.key;
  out += indent + "# " + sentence_of(key) + "\n";
  out += indent + "# " + environment_name(key) + "\n";
  const bool is_comment = !key.fill && setting.origin == Origin::kDefault;
  out += indent + (is_comment ? "#" : "") + std::string(word) + ": " + yaml_of(setting);
  if (setting.origin != Origin::kDefault) out += "  # " + setting.where;
  out += "\n";
}

std::string section_of(std::string_view name) {
  return std::string(name.substr(0, name.find('.')));
}

}  // namespace

std::string to_yaml(const Settings& settings) {
  std::string out;
  std::vector<std::string_view> open;
  for (const Setting& setting : settings.all()) {
    const std::vector<std::string_view> words = words_of(setting.key->name);
    size_t shared = 0;
    while (shared < open.size() && shared + 1 < words.size() && open[shared] == words[shared]) {
      ++shared;
    }
    open.resize(shared);
    for (; open.size() + 1 < words.size(); open.push_back(words[open.size()])) {
      if (open.empty() && !out.empty()) out += "\n";
      out += std::string(2 * open.size(), ' ') + std::string(words[open.size()]) + ":\n";
    }
    append_key(setting, std::string(2 * open.size(), ' '), words.back(), out);
  }
  return out;
}

std::string keys_as_markdown() {
  std::string out;
  std::string section;
  const Settings defaults;
  for (const Setting& setting : defaults.all()) {
    const Key& key = *setting.key;
    if (section_of(key.name) != section) {
      section = section_of(key.name);
      out += (out.empty() ? "## `" : "\n## `") + section + "`\n\n";
      out += "| key | default | environment | takes | what it is |\n|---|---|---|---|---|\n";
    }
    const std::string initial = key.kind == Kind::kList ? yaml_of(setting) : format(setting);
    out += "| `" + std::string(key.name) + "` | " + (initial.empty() ? "" : "`" + initial + "`") +
           " | `" + environment_name(key) + "` | " + allowed_of(key) + " | " + sentence_of(key) +
           " |\n";
  }
  return out;
}

}  // namespace sluice::config
