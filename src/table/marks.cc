#include "table/marks.h"

#include <algorithm>
#include <optional>

#include "table/format.h"
#include "table/json.h"

namespace sluice::table {
namespace {

// Names of sources and partitions are arbitrary bytes: all but printable ASCII is %XX.
std::string escape(std::string_view name) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '%') {
      text.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    } else {
      text.push_back(c);
    }
  }
  return text;
}

std::optional<unsigned> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  if (digit >= 'A' && digit <= 'F') return static_cast<unsigned>(digit - 'A' + 10);
  return std::nullopt;
}

Result<std::string> unescape(std::string_view text) {
  const Error malformed(Code::kCorrupt, Reason::kDecodeFailure, "a name with a broken %XX");
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      name.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return malformed;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return malformed;
    name.push_back(static_cast<char>(*high << 4 | *low));
    i += 2;
  }
  return name;
}

void write_coverage(JsonWriter& json, const Coverage& coverage) {
  json.name("low-water").number(coverage.low_water);
  json.name("exceptions").open_object();
  for (const auto& [partition, number] : coverage.exceptions) {
    json.name(escape(partition)).number(number);
  }
  json.close_object();
}

Result<Coverage> read_coverage(const JsonValue& value) {
  Coverage coverage;
  coverage.low_water = TRY(value.uint64("low-water"));
  const JsonValue exceptions = TRY(value.object("exceptions"));
  for (const auto& [partition, number] : TRY(exceptions.as_members("exceptions"))) {
    std::string name = TRY(unescape(partition));
    coverage.exceptions[std::move(name)] = TRY(number.as_uint64("exceptions"));
  }
  return coverage;
}

template <class Id>
Result<Id> read_id(const JsonValue& value, std::string_view name) {
  const auto id = Id::parse(TRY(value.text(name)));
  if (!id) {
    return Error(Code::kCorrupt, Reason::kDecodeFailure, "'" + std::string(name) + "' is no id");
  }
  return *id;
}

}  // namespace

uint64_t Coverage::of(std::string_view partition) const {
  const auto exception = exceptions.find(std::string(partition));
  return exception == exceptions.end() ? low_water : std::max(low_water, exception->second);
}

uint64_t Coverage::highest() const {
  uint64_t number = low_water;
  for (const auto& exception : exceptions) number = std::max(number, exception.second);
  return number;
}

void Coverage::raise(const Coverage& other) {
  low_water = std::max(low_water, other.low_water);
  for (const auto& [partition, number] : other.exceptions) {
    uint64_t& mine = exceptions[partition];
    mine = std::max(mine, number);
  }
  std::erase_if(exceptions, [&](const auto& exception) { return exception.second <= low_water; });
}

const LogMarks* Marks::find(const LogId& log) const {
  for (const LogMarks& entry : logs) {
    if (entry.log == log) return &entry;
  }
  return nullptr;
}

uint64_t Marks::flushed(const LogId& log, std::string_view partition) const {
  const LogMarks* entry = find(log);
  return entry ? entry->lsns.of(partition) : 0;
}

uint64_t Marks::position(std::string_view source, std::string_view partition) const {
  const auto entry = sources.find(std::string(source));
  return entry == sources.end() ? 0 : entry->second.of(partition);
}

std::string Marks::encode() const {
  JsonWriter json;
  json.open_object().name("format").number(kFormat).name("logs").open_array();
  for (const LogMarks& entry : logs) {
    json.open_object().name("log").text(entry.log.hex()).name("opening").text(entry.opening.hex());
    write_coverage(json, entry.lsns);
    json.close_object();
  }
  json.close_array().name("sources").open_object();
  for (const auto& [source, positions] : sources) {
    json.name(escape(source)).open_object();
    write_coverage(json, positions);
    json.close_object();
  }
  json.close_object().close_object();
  return json.take();
}

Result<Marks> Marks::decode(std::string_view text) {
  const JsonDocument document = TRY(JsonDocument::parse(text));
  const JsonValue root = document.root();
  const uint64_t format = TRY(root.uint64("format"));
  if (format > kFormat) {
    return Error(
        {Code::kUnsupported, Reason::kVersion, "marks of a newer format", {}, kFormat, format});
  }
  Marks marks;
  for (const JsonValue& value : TRY(root.array("logs"))) {
    LogMarks entry;
    entry.log = TRY(read_id<LogId>(value, "log"));
    entry.opening = TRY(read_id<OpeningId>(value, "opening"));
    entry.lsns = TRY(read_coverage(value));
    if (!marks.logs.empty() && !(marks.logs.back().log < entry.log)) {
      return Error(Code::kCorrupt, Reason::kDecodeFailure, "the logs are not in order");
    }
    marks.logs.push_back(std::move(entry));
  }
  const JsonValue sources = TRY(root.object("sources"));
  for (const auto& [source, positions] : TRY(sources.as_members("sources"))) {
    std::string name = TRY(unescape(source));
    marks.sources[std::move(name)] = TRY(read_coverage(positions));
  }
  return marks;
}

Status check_lineage(const Marks& marks, const LogId& log, const std::vector<Opening>& chain,
                     uint64_t next_lsn) {
  const LogMarks* entry = marks.find(log);
  if (entry == nullptr) return ok();
  const auto opening = std::find_if(chain.begin(), chain.end(),
                                    [&](const Opening& o) { return o.id == entry->opening; });
  if (opening == chain.end()) {
    return Error(Code::kFenced, Reason::kForked,
                 "the table was written by an opening of this log that the log does not know: it "
                 "is a copy, or an older state of itself",
                 entry->opening.hex());
  }
  const uint64_t end = std::next(opening) == chain.end() ? next_lsn : std::next(opening)->base_lsn;
  const uint64_t highest = entry->lsns.highest();
  if (highest >= end) {
    return Error({Code::kFenced, Reason::kForked,
                  "the table holds rows that this log gives out anew: it is an older state of "
                  "itself",
                  entry->opening.hex(), end, highest});
  }
  return ok();
}

}  // namespace sluice::table
