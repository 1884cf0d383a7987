#include "config/yaml.h"

#include <yaml-cpp/yaml.h>

#include <utility>

namespace sluice::config {
namespace {

// More than any configuration has: aliases that name aliases cost no more than this.
constexpr size_t kLeavesMax = 10'000;
constexpr size_t kDepthMax = 32;

size_t line_of(const YAML::Mark& mark) {
  return mark.is_null() ? 0 : static_cast<size_t>(mark.line) + 1;
}

Error refused(std::string what, size_t line) {
  return Error({Code::kInvalid, Reason::kDecodeFailure, std::move(what), {}, 0, line});
}

class Flattener {
 public:
  Status add(const YAML::Node& node, const std::string& name, size_t line, size_t depth) {
    if (depth > kDepthMax || leaves_.size() >= kLeavesMax) {
      return refused("the file is nested too deeply, or too large", line);
    }
    if (node.IsMap()) return add_map(node, name, depth);
    Leaf leaf{name, std::string(), node.IsNull(), line};
    if (node.IsScalar()) leaf.written = node.Scalar();
    if (node.IsSequence()) leaf.written = TRY(texts_of(node, name, line));
    leaves_.push_back(std::move(leaf));
    return ok();
  }

  std::vector<Leaf> take() { return std::move(leaves_); }

 private:
  Status add_map(const YAML::Node& map, const std::string& name, size_t depth) {
    for (const auto& each : map) {
      const YAML::Node& key = each.first;
      const size_t line = line_of(key.Mark());
      if (!key.IsScalar()) return refused("a key that is no text", line);
      TRY(add(each.second, name.empty() ? key.Scalar() : name + "." + key.Scalar(), line,
              depth + 1));
    }
    return ok();
  }

  Result<Texts> texts_of(const YAML::Node& sequence, const std::string& name, size_t line) {
    Texts texts;
    for (const YAML::Node& each : sequence) {
      if (!each.IsScalar() || texts.size() >= kLeavesMax) {
        return refused(name + " holds something that is no text", line);
      }
      texts.push_back(each.Scalar());
    }
    return texts;
  }

  std::vector<Leaf> leaves_;
};

Result<std::vector<Leaf>> flatten(const std::string& text) {
  const std::vector<YAML::Node> documents = YAML::LoadAll(text);
  if (documents.size() > 1) return refused("more than one document in the file", 0);
  if (documents.empty() || documents.front().IsNull()) return std::vector<Leaf>();
  if (!documents.front().IsMap()) return refused("keys and values are wanted", 1);
  Flattener flattener;
  TRY(flattener.add(documents.front(), "", 1, 0));
  return flattener.take();
}

}  // namespace

Result<std::vector<Leaf>> read_yaml(std::string_view text) {
  if (text.size() > kFileBytesMax) {
    return Error({Code::kInvalid,
                  Reason::kPayloadTooLarge,
                  "is too large for a configuration",
                  {},
                  kFileBytesMax,
                  text.size()});
  }
  try {
    return flatten(std::string(text));
  } catch (const YAML::Exception& error) {
    return refused("is not YAML: " + error.msg, line_of(error.mark));
  }
}

std::string quote_for_yaml(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
  const bool is_plain = !text.empty() && text.find_first_not_of(kPlain) == text.npos &&
                        text.front() != '-' && text.front() != '.' &&
                        !YAML::IsNullString(std::string(text));
  if (is_plain) return std::string(text);
  YAML::Emitter quoted;
  quoted << YAML::DoubleQuoted << std::string(text);
  return quoted.c_str();
}

}  // namespace sluice::config
