// The parameters of a query, from a URL or from JSON.
#include <simdjson.h>

#include <array>
#include <charconv>
#include <functional>
#include <limits>

#include "server/query.h"
#include "sluice/time_text.h"

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;

constexpr Nanos kDay = 24 * 3600 * kSecond;

/// What a request says, whatever it is written in.
struct Words {
  std::string start_time;
  std::string end_time;
  std::vector<std::string> ids;
  std::vector<std::string> fields;
  std::string limit;
  std::string interval;
  std::string aggregation;
  std::vector<std::string> not_implemented;  ///< parameters that ask for what is not there
};

constexpr std::array<std::string_view, 2> kLater = {"downsampling", "anomaly_detection"};

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

/// In a URL a '+' that was not escaped is a blank by now.
std::string time_word(std::string_view text) {
  std::string word(text);
  const size_t sign = word.size() < 6 ? std::string::npos : word.size() - 6;
  if (sign != std::string::npos && word[sign] == ' ') word[sign] = '+';
  return word;
}

Words words_of_url(const Request& request) {
  Words words;
  const auto get = [&](std::string_view name) {
    return std::string(request.parameter(name).value_or(std::string_view()));
  };
  words.start_time = time_word(get("start_time"));
  words.end_time = time_word(get("end_time"));
  for (const char* name : {"ids", "device_ids", "device_id"}) {
    for (std::string& id : split(get(name))) words.ids.push_back(std::move(id));
  }
  words.fields = split(get("fields"));
  words.limit = get("limit");
  words.interval = get("interval");
  words.aggregation = get("aggregation");
  for (const std::string_view name : kLater) {
    const std::string value = get(name);
    if (!value.empty() && value != "none") words.not_implemented.emplace_back(name);
  }
  return words;
}

/// A text, a number, or nothing where there is none; false: anything else.
bool take_text(dom::object object, std::string_view name, std::string& into) {
  dom::element element;
  if (object[name].get(element) != simdjson::SUCCESS || element.is_null()) return true;
  std::string_view text;
  if (element.get(text) == simdjson::SUCCESS) {
    into = text;
    return true;
  }
  if (!element.is_number()) return false;
  into = simdjson::minify(element);
  return true;
}

/// A list of texts, or one text.
bool take_list(dom::object object, std::string_view name, std::vector<std::string>& into) {
  dom::element element;
  if (object[name].get(element) != simdjson::SUCCESS || element.is_null()) return true;
  std::string_view text;
  if (element.get(text) == simdjson::SUCCESS) {
    into.emplace_back(text);
    return true;
  }
  dom::array array;
  if (element.get(array) != simdjson::SUCCESS) return false;
  for (const dom::element one : array) {
    if (one.get(text) != simdjson::SUCCESS) return false;
    into.emplace_back(text);
  }
  return true;
}

std::optional<Refusal> words_of_json(const Request& request, Words& words) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(request.body).get(object) != simdjson::SUCCESS) {
    return Refusal{400, "INVALID_JSON", "the body is no JSON object"};
  }
  std::string later;
  for (const auto& [name, into] :
       {std::pair{"start_time", &words.start_time}, std::pair{"end_time", &words.end_time},
        std::pair{"limit", &words.limit}, std::pair{"interval", &words.interval},
        std::pair{"aggregation", &words.aggregation}}) {
    if (!take_text(object, name, *into)) {
      return invalid_request(std::string(name) + " has to be a text or a number");
    }
  }
  for (const auto& [name, into] :
       {std::pair{"ids", &words.ids}, std::pair{"device_ids", &words.ids},
        std::pair{"device_id", &words.ids}, std::pair{"fields", &words.fields}}) {
    if (!take_list(object, name, *into)) {
      return invalid_request(std::string(name) + " has to be a list of texts");
    }
  }
  for (const std::string_view name : kLater) {
    later.clear();
    const bool is_asked = !take_text(object, name, later) || (!later.empty() && later != "none");
    if (is_asked) words.not_implemented.emplace_back(name);
  }
  return std::nullopt;
}

Nanos offset_of(std::string_view time) {
  if (time.size() < 6 || time.back() == 'Z') return 0;
  const std::string_view zone = time.substr(time.size() - 6);
  const auto digit = [&](size_t at) { return static_cast<Nanos>(zone[at] - '0'); };
  const Nanos minutes = (digit(1) * 10 + digit(2)) * 60 + digit(4) * 10 + digit(5);
  return (zone.front() == '-' ? -minutes : minutes) * 60 * kSecond;
}

std::optional<Refusal> read_times(const Words& words, Query& query) {
  for (const auto& [name, text, into] : {std::tuple{"start_time", &words.start_time, &query.from},
                                         std::tuple{"end_time", &words.end_time, &query.to}}) {
    if (text->empty()) continue;
    const ParsedTime parsed = parse_time(*text);
    const bool has_zone = text->size() >= 20 && ((*text)[10] == 'T') &&
                          (text->back() == 'Z' || (*text)[text->size() - 3] == ':');
    if (parsed.fault != TimeFault::kNone || !has_zone) {
      return invalid_request(std::string(name) + " is not RFC 3339",
                             "\"field\":\"" + std::string(name) + "\"");
    }
    *into = parsed.time;
  }
  query.start_text = words.start_time;
  query.end_text = words.end_time;
  query.offset = offset_of(words.start_time);
  if (query.from && query.to && *query.to < *query.from) {
    return invalid_request("end_time lies before start_time");
  }
  return std::nullopt;
}

struct Step {
  std::string_view name;
  Period period;
  Nanos range_max = 0;  ///< 0: any
};
constexpr std::array<Step, 6> kSteps = {
    Step{"1m", {Period::Unit::kMinutes, 1}, 7 * kDay},
    Step{"5m", {Period::Unit::kMinutes, 5}, 7 * kDay},
    Step{"1h", {Period::Unit::kHours, 1}, 7 * kDay},
    Step{"1d", {Period::Unit::kDays, 1}, 90 * kDay},
    Step{"1mo", {Period::Unit::kMonths, 1}, 3 * 365 * kDay},
    Step{"1y", {Period::Unit::kYears, 1}, 0},
};

std::optional<Refusal> read_interval(const std::string& text, Query& query) {
  if (text.empty()) return std::nullopt;
  for (const Step& step : kSteps) {
    if (step.name != text) continue;
    query.interval = step.period;
    if (step.range_max == 0) return std::nullopt;
    Nanos range = 0;
    const bool is_open =
        !query.from || !query.to || __builtin_sub_overflow(*query.to, *query.from, &range);
    if (!is_open && range <= step.range_max) return std::nullopt;
    return invalid_request("an interval of " + text + " needs a range of at most " +
                           std::to_string(step.range_max / kDay) + " days");
  }
  return invalid_request("interval is none of 1m, 5m, 1h, 1d, 1mo, 1y");
}

std::optional<Refusal> read_aggregation(const std::string& text, Query& query) {
  using Function = Aggregate::Function;
  constexpr std::array<std::pair<std::string_view, Function>, 5> kFunctions = {{
      {"sum", Function::kSum},
      {"avg", Function::kAvg},
      {"min", Function::kMin},
      {"max", Function::kMax},
      {"count", Function::kCount},
  }};
  if (text.empty()) return std::nullopt;
  for (const auto& [name, function] : kFunctions) {
    if (name != text) continue;
    query.aggregation = function;
    return std::nullopt;
  }
  if (text == "min_time" || text == "max_time") {
    return Refusal{501, "NOT_IMPLEMENTED", text + " comes with a later version"};
  }
  return invalid_request("aggregation is none of sum, avg, min, max, count, min_time, max_time");
}

std::optional<Refusal> read_limit(const std::string& text, Query& query) {
  if (text.empty()) return std::nullopt;
  const char* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, query.limit);
  if (error == std::errc() && read == end) return std::nullopt;
  return invalid_request("limit has to be a whole number, 0 or more");
}

}  // namespace

std::optional<Refusal> read_query(const Request& request, Query& query) {
  Words words;
  if (request.method == "POST") {
    if (auto refusal = words_of_json(request, words)) return refusal;
  } else {
    words = words_of_url(request);
  }
  if (!words.not_implemented.empty()) {
    return Refusal{501, "NOT_IMPLEMENTED",
                   words.not_implemented.front() + " comes with a later version"};
  }
  if (auto refusal = read_times(words, query)) return refusal;
  if (auto refusal = read_interval(words.interval, query)) return refusal;
  if (auto refusal = read_aggregation(words.aggregation, query)) return refusal;
  if (auto refusal = read_limit(words.limit, query)) return refusal;
  query.ids = std::move(words.ids);
  query.fields = std::move(words.fields);
  return std::nullopt;
}

}  // namespace sluice::server
