// `sluice wal`: its subcommands and their options.
#include "cli/wal.h"

#include "cli/wal_place.h"

namespace sluice::cli {
namespace {

struct Verb {
  const char* name;
  const char* description;
  const char* footer;
  Result<ExitCode> (*run)(const WalArguments& arguments);
};

constexpr Verb kAppend = {
    "append", "Append records: one a line of standard input, or made up; print their LSNs",
    "A line's end is not part of the record, an empty line is an empty record. An LSN is printed\n"
    "once its record is durable: what was printed is there after a power cut. With --sync-every N\n"
    "up to N records (or 16 MiB) share a sync and are printed together, which waits for the Nth\n"
    "line. With --threads the order of lines is kept within a group only; --json says which "
    "record\n"
    "of the input has which LSN. What a crash has left of a record at the end is cut, kept, and\n"
    "told.\n\n"
    "Examples:\n"
    "  printf 'one\\ntwo\\n' | sluice wal append ./log\n"
    "  sluice wal append ./log --count 100000 --bytes 256 --sync-every 100\n"
    "  head -c 32 /dev/urandom > key && sluice wal append ./secret --key-file key < lines.txt\n"
    "  sluice wal append ./events.wal --file < lines.txt",
    append_records};
constexpr Verb kDump = {
    "dump", "Print records, one a line",
    "Columns, by tabs: LSN, type (with ! if no reader may skip it), tenant, vshard, text or "
    "base64,\n"
    "payload. With --json an object a line, with the key text or base64. Text is UTF-8 without\n"
    "control characters (but tabs). Needs no lock: a log that somebody writes may be read.\n\n"
    "Examples:\n"
    "  sluice wal dump ./log --from 1000 --limit 10\n"
    "  sluice wal dump ./log --type 17 --tenant 5 --json\n"
    "  sluice wal dump ./sluice-data/log --to 100",
    dump_records};
constexpr Verb kStat = {
    "stat", "Sizes, LSNs and keys of a log and of each of its files",
    "Reads and checks every record. `confirmed` is the offset that a mark in the file says was\n"
    "synced, `valid` the end of its valid records, `key` the id of the key that it needs; a log "
    "of\n"
    "one file may need older ones, too, and be encrypted from some record on.\n\n"
    "Examples:\n"
    "  sluice wal stat ./log\n"
    "  sluice wal stat ./log --json",
    show_log_figures};
constexpr Verb kVerify = {
    "verify", "Read and check every record; change nothing",
    "A torn end is what a crash leaves, or what is just being written: it is told, and is no\n"
    "damage. Damage is what was durable and is not as it was written: exits with 3, and names the\n"
    "file, the offset, the first LSN that cannot be read, and the kind.\n\n"
    "Examples:\n"
    "  sluice wal verify ./log --threads 2\n"
    "  sluice wal verify ./log --json | python3 -m json.tool",
    verify_log};
constexpr Verb kRepair = {
    "repair", "Cut a torn end, or take out of a damaged log what can be read",
    "truncate-partial    cut a torn end; of a file that its callers number, only if no record\n"
    "                    follows it\n"
    "truncate-unsynced   cut what no mark in the log confirms, whatever follows\n"
    "salvage             take every readable record into a new log of the same name; what cannot\n"
    "                    be read is lost, acknowledged or not\n"
    "What is cut, or the whole old log, is kept and its name is printed. Without something to "
    "mend\n"
    "nothing is done. Whoever opens a log to append cuts a torn end, too.\n\n"
    "Examples:\n"
    "  sluice wal repair ./log --policy truncate-partial\n"
    "  sluice wal repair ./log --policy salvage",
    repair_log};
constexpr Verb kTruncate = {"truncate", "Remove segments whose records are all before an LSN",
                            "Whole segments go, oldest first, so records before the LSN may stay. "
                            "They do not come back.\n\n"
                            "Examples:\n"
                            "  sluice wal truncate ./log --before 100000",
                            truncate_log};
constexpr Verb kRotateKey = {
    "rotate-key", "Begin a new segment under a new key",
    "Give the new key first, and after it all that the log still needs. What is there stays as it\n"
    "is: the list says which keys are needed, up to which LSN. Once those segments are truncated\n"
    "their key can go. A key is 32 bytes, or 64 hexadecimal digits, in a file.\n\n"
    "Examples:\n"
    "  head -c 32 /dev/urandom > new.key\n"
    "  sluice wal rotate-key ./log --key-file new.key --key-file old.key",
    rotate_key};
constexpr Verb kBench = {
    "bench", "Measure appending, in a new directory that is removed afterwards",
    "PATH is a directory on the device that is meant. A sync here is the time from a group's "
    "append\n"
    "until it is durable.\n\n"
    "Examples:\n"
    "  sluice wal bench /var/lib\n"
    "  sluice wal bench . --threads 16 --count 50000\n"
    "  sluice wal bench . --sync-every 1000 --count 1000000",
    measure_log};

/// The arguments that are read, and the verb that was named.
struct Chosen {
  const Verb* verb = nullptr;
  WalArguments arguments;
};

CLI::App* add_verb(Chosen& chosen, CLI::App& wal, const Verb& verb) {
  CLI::App* command = wal.add_subcommand(verb.name, verb.description);
  WalArguments& arguments = chosen.arguments;
  command->add_option("PATH", arguments.path, "A directory of segments, or one file")->required();
  command->add_flag("--json", arguments.json, "Print JSON");
  command
      ->add_option("--key-file", arguments.key_files,
                   "A key; the first is the current one. Also from SLUICE_WAL_KEY, 64 hex digits")
      ->type_name("FILE")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command->footer(verb.footer);
  command->callback([&verb, &chosen] { chosen.verb = &verb; });
  return command;
}

/// A whole number from `lowest` to `highest`.
template <class T>
CLI::Option* add_number(CLI::App& command, const std::string& name, T& into, uint64_t lowest,
                        uint64_t highest, const std::string& description) {
  const auto parse = [lowest, highest](const std::string& text) -> Result<uint64_t> {
    const uint64_t number = TRY(parse_count(text));
    if (lowest <= number && number <= highest) return number;
    return Error(Code::kInvalid,
                 "is not from " + std::to_string(lowest) + " to " + std::to_string(highest));
  };
  return command.add_option(name, description)->each(read_into(into, parse))->type_name("N");
}

void add_force(CLI::App& command, WalArguments& arguments) {
  command.add_flag("--force", arguments.force, "Also if it is the log of a data directory");
}

void add_appending(CLI::App& command, WalArguments& arguments) {
  add_number(command, "--bytes", arguments.record_bytes, 0, kWalPayloadBytesMax,
             "Of each record that is made up; 256 unless told");
  add_number(command, "--sync-every", arguments.sync_every, 1, UINT64_MAX,
             "Records that share a sync; 1 unless told");
  add_number(command, "--threads", arguments.threads, 1, 256, "That append at once; 1 unless told");
  command.add_flag("--file", arguments.in_file, "A new log is one file, not a directory");
  command.add_flag("--direct", arguments.direct,
                   "Write past the page cache, where the file system can do it");
  add_choice(command, "--torn-writes", arguments.torn_writes,
             {{"pad", TornWrites::kPad},
              {"double-write", TornWrites::kDoubleWrite},
              {"off", TornWrites::kOff}},
             "Small commits fill a block each (pad, unless told), or share blocks: once what is\n"
             "there is in a side file, or without, on a device that is trusted");
}

void add_append(CLI::App& wal, Chosen& chosen) {
  CLI::App* command = add_verb(chosen, wal, kAppend);
  WalArguments& arguments = chosen.arguments;
  add_number(*command, "--count", arguments.count, 1, UINT64_MAX,
             "Make up so many records; without: standard input");
  add_appending(*command, arguments);
  add_number(*command, "--type", arguments.record.type, kWalTypeMin, kWalTypeMax,
             "Of the records; 16 unless told");
  add_number(*command, "--tenant", arguments.record.tenant, 0, UINT32_MAX, "Of the records");
  add_number(*command, "--vshard", arguments.record.vshard, 0, UINT16_MAX, "Of the records");
  command->add_flag("--required", arguments.required,
                    "No reader may skip them because it does not know their type");
  add_force(*command, arguments);
}

void add_dump(CLI::App& wal, Chosen& chosen) {
  CLI::App* command = add_verb(chosen, wal, kDump);
  WalArguments& arguments = chosen.arguments;
  add_number(*command, "--from", arguments.from, 0, UINT64_MAX, "The first LSN");
  add_number(*command, "--to", arguments.to, 0, UINT64_MAX, "The last LSN");
  add_number(*command, "--type", arguments.type, kWalTypeMin, kWalTypeMax, "Only of this type");
  add_number(*command, "--tenant", arguments.tenant, 0, UINT32_MAX, "Only of this tenant");
  add_number(*command, "--vshard", arguments.vshard, 0, UINT16_MAX, "Only of this vshard");
  add_number(*command, "--limit", arguments.limit, 0, UINT64_MAX, "At most so many records");
}

void add_bench(CLI::App& wal, Chosen& chosen) {
  CLI::App* command = add_verb(chosen, wal, kBench);
  add_number(*command, "--count", chosen.arguments.count, 1, UINT64_MAX,
             "Records; 10000 unless told");
  add_appending(*command, chosen.arguments);
}

void add_repair(CLI::App& wal, Chosen& chosen) {
  CLI::App* command = add_verb(chosen, wal, kRepair);
  add_choice(*command, "--policy", chosen.arguments.policy,
             {{"truncate-partial", MendPolicy::kTruncatePartial},
              {"truncate-unsynced", MendPolicy::kTruncateUnsynced},
              {"salvage", MendPolicy::kSalvage}},
             "What may be done");
  command->get_option("--policy")->required();
  add_force(*command, chosen.arguments);
}

void add_all(CLI::App& wal, Chosen& chosen) {
  WalArguments& arguments = chosen.arguments;
  add_append(wal, chosen);
  add_dump(wal, chosen);
  add_verb(chosen, wal, kStat);
  add_number(*add_verb(chosen, wal, kVerify), "--threads", arguments.threads, 1, 64,
             "That check segments at once; 1 unless told");
  add_repair(wal, chosen);
  CLI::App* truncate = add_verb(chosen, wal, kTruncate);
  add_number(*truncate, "--before", arguments.before, 1, UINT64_MAX, "The first LSN that is needed")
      ->type_name("LSN")
      ->required();
  add_force(*truncate, arguments);
  CLI::App* rotate = add_verb(chosen, wal, kRotateKey);
  rotate->get_option("--key-file")->required();
  add_force(*rotate, arguments);
  add_bench(wal, chosen);
}

Result<ExitCode> run(Chosen& chosen) {
  WalArguments& arguments = chosen.arguments;
  if (chosen.verb == &kBench && !arguments.count) arguments.count = 10'000;
  if (arguments.required) arguments.record.type |= kWalRequired;
  const Result<ExitCode> verdict = chosen.verb->run(arguments);
  if (!verdict.ok()) return advise(verdict.error());
  return verdict;
}

}  // namespace

Command make_wal(CLI::App& program) {
  const auto chosen = std::make_shared<Chosen>();
  CLI::App* wal =
      program.add_subcommand("wal", "A write-ahead log by itself: append, read, verify, mend");
  wal->require_subcommand(1);
  add_all(*wal, *chosen);
  wal->footer(
      "A log is a directory of segments, or one file. Commands that only read need no lock and no\n"
      "permission to write; they also read the log of a data directory, DATA_DIR/log.\n\n"
      "Examples:\n"
      "  printf 'one\\ntwo\\n' | sluice wal append ./log\n"
      "  sluice wal dump ./log --json\n"
      "  sluice wal verify ./log");
  return {wal, [chosen] { return run(*chosen); }};
}

}  // namespace sluice::cli
