// `sluice wal dump`: the records of a log, one a line.
#include "cli/figures.h"
#include "cli/json_writer.h"
#include "cli/output.h"
#include "cli/wal.h"
#include "cli/wal_place.h"
#include "sluice/wal_reader.h"

namespace sluice::cli {
namespace {

std::string_view text_of(ByteView payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

std::string as_json(const WalFrame& frame) {
  const std::string_view payload = text_of(frame.payload);
  JsonWriter json;
  json.begin_object().key("lsn").number(frame.lsn);
  json.key("type").number(frame.type & kWalTypeMax);
  json.key("required").boolean((frame.type & kWalRequired) != 0);
  json.key("tenant").number(frame.tenant).key("vshard").number(frame.vshard);
  if (is_text(payload)) {
    json.key("text").text(payload);
  } else {
    json.key("base64").text(format_base64(payload));
  }
  return json.end_object().take() + "\n";
}

std::string as_line(const WalFrame& frame) {
  const std::string_view payload = text_of(frame.payload);
  std::string line = std::to_string(frame.lsn) + "\t" + std::to_string(frame.type & kWalTypeMax) +
                     ((frame.type & kWalRequired) != 0 ? "!" : "") + "\t" +
                     std::to_string(frame.tenant) + "\t" + std::to_string(frame.vshard);
  line += is_text(payload) ? "\ttext\t" : "\tbase64\t";
  line += is_text(payload) ? std::string(payload) : format_base64(payload);
  return line + "\n";
}

WalReadOptions options_of(const WalArguments& arguments) {
  WalReadOptions options;
  options.from = arguments.from;
  if (arguments.type) options.filter.types = {*arguments.type};
  if (arguments.tenant) options.filter.tenants = {*arguments.tenant};
  if (arguments.vshard) options.filter.vshards = {*arguments.vshard};
  return options;
}

Status print_records(WalReader& reader, const WalArguments& arguments, bool is_ordered,
                     Output& output) {
  for (uint64_t printed = 0; printed < arguments.limit;) {
    const std::optional<WalFrame> frame = TRY(reader.next());
    if (!frame) break;
    if (frame->lsn > arguments.to && is_ordered) break;
    if (frame->lsn > arguments.to) continue;
    TRY(output.write(arguments.json ? as_json(*frame) : as_line(*frame)));
    ++printed;
  }
  return ok();
}

}  // namespace

Result<ExitCode> dump_records(const WalArguments& arguments) {
  const WalPlace place = TRY(find_log(arguments.path));
  const std::shared_ptr<const KeyRing> keys = TRY(read_keys(arguments.key_files));
  const std::unique_ptr<WalReader> reader =
      TRY(open_wal_reader(arguments.path, keys, options_of(arguments)));
  Output output;
  // The callers of a log in one file may have numbered it as they liked.
  const bool is_ordered = place == WalPlace::kDirectory;
  Status printed = print_records(*reader, arguments, is_ordered, output);
  if (!printed.ok()) printed = with_path(printed.error(), arguments.path, place);
  const Status flushed = output.flush();  // what is in front of damage is shown
  TRY(output.finish(printed.ok() ? flushed : printed));
  return ExitCode::kDone;
}

}  // namespace sluice::cli
