// Any bytes as the body of a frame of the socket for commands: an error, or values that encode to
// the same bytes.
//
// Input: a byte that chooses the call, and whether it is asked or answered; the body.
#include <array>
#include <functional>

#include "base/check.h"
#include "fuzz/target.h"
#include "remote/archive.h"
#include "remote/calls.h"

namespace {

using namespace sluice;
using namespace sluice::remote;

template <class Values>
void try_values(ByteView body) {
  const auto values = decode<Values>(body);
  if (!values.ok()) return;
  const auto again = std::apply([](const auto&... each) { return encode(each...); }, *values);
  CHECK(as_text(again) == as_text(body));
}

void try_append(ByteView body) {
  Decoder decoder(body);
  Call<Kind::kAppend>::Request request;
  auto& [name, options, columns] = request;
  decoder(name, options, columns);
  const ByteView batch = decoder.rest();
  if (!decoder.ok()) return;
  auto head = encode(name, options, columns);
  head.resize(align_up(head.size(), 8));
  CHECK(as_text(head) == as_text(body.first(body.size() - batch.size())));
}

using Try = std::function<void(ByteView)>;

template <Kind... kKinds>
std::vector<Try> tries_of() {
  std::vector<Try> tries;
  (tries.emplace_back(try_values<typename Call<kKinds>::Request>), ...);
  (tries.emplace_back(try_values<typename Call<kKinds>::Reply>), ...);
  return tries;
}

const std::vector<Try>& tries() {
  static const std::vector<Try> all = [] {
    auto tries =
        tries_of<Kind::kHello, Kind::kCreateTable, Kind::kAlter, Kind::kTag, Kind::kExpire,
                 Kind::kDescribe, Kind::kTables, Kind::kFlush, Kind::kScan, Kind::kAggregate,
                 Kind::kSources, Kind::kSweep, Kind::kStatus, Kind::kPending>();
    tries.emplace_back(try_values<std::tuple<Error::Body>>);
    tries.emplace_back(try_values<std::tuple<Appended>>);
    tries.emplace_back(try_append);
    return tries;
  }();
  return all;
}

template <class... Values>
std::string input(size_t which, const Values&... values) {
  return static_cast<char>(which) + std::string(as_text(encode(values...)));
}

}  // namespace

std::vector<std::string> seeds() {
  const size_t count = tries().size();
  const size_t calls = (count - 3) / 2;
  const TableName name{"db", "coll"};
  const TableSpec spec{{{"id", Type::kString}, {"at", Type::kTimestamp}}, {"id"}, "at"};
  ScanOptions scan;
  scan.where = parse_predicate("not (id = 'a' or at is null)").value();
  scan.order = parse_order("at:desc").value();
  Grouping grouping;
  grouping.aggregates = parse_aggregates("count(*),first(id)").value();
  grouping.every = parse_period("1h").value();
  EngineStatus status;
  status.failure = Error(Code::kIo, "no answer");
  status.flush_failures[Code::kBusy] = 1;
  AppendOptions options;
  options.source = SourcePosition{"file", 3, 1};
  std::string append = input(count - 1, name, options, spec.columns);
  append.resize(1 + align_up(append.size() - 1, 8));
  return {input(1, name, spec),
          input(8, scan),
          input(9, grouping, scan),
          input(calls + 12, status),
          input(count - 3, Error::Body{Code::kFull, Reason::kNone, "full", "log", 1, 2}),
          append + "batch"};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  tries()[bytes[0] % tries().size()](std::as_bytes(std::span(bytes, size)).subspan(1));
  return 0;
}
