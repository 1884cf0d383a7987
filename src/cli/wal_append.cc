// `sluice wal append`.
#include "cli/appending.h"
#include "cli/figures.h"
#include "cli/output.h"
#include "cli/wal.h"

namespace sluice::cli {
namespace {

std::string lines_of(const Appending::Group& group, bool json) {
  std::string lines;
  for (size_t at = 0; at < group.payloads.size(); ++at) {
    const std::string lsn = std::to_string(group.first_lsn + at);
    if (json) {
      lines +=
          "{\"lsn\":" + lsn + ",\"record\":" + std::to_string(group.payloads.first() + at) + "}\n";
    } else {
      lines += lsn + "\n";
    }
  }
  return lines;
}

/// The error with how much is in the log all the same.
Error tell_left(const Error& error, uint64_t records) {
  const std::string text =
      error.message() + "; " + format_count(records) + " records were appended and are durable";
  return Error(
      {error.code(), error.reason(), text, error.where(), error.expected(), error.found()});
}

void tell_failure(const WalProtection& protection) {
  if (!protection.failure) return;
  print_note("the side file could not be written (" + protection.failure->to_string() +
                 "); from there on commits filled their blocks up, and are as safe as others",
             Tone::kWarning);
}

}  // namespace

Result<ExitCode> append_records(const WalArguments& arguments) {
  const Interrupt interrupt;
  // Before the log, which must not be given the number of an input that is closed.
  const std::unique_ptr<Payloads> payloads = TRY(payloads_of(arguments, interrupt));
  const std::unique_ptr<LogAppender> log = TRY(open_or_make(arguments));
  Output output;
  Appending appending(*log, *payloads, arguments);
  const Status appended = appending.run([&](const Appending::Group& group) -> Status {
    TRY(output.write(lines_of(group, arguments.json)));
    return output.flush();
  });
  tell_failure(log->protection());
  const Status closed = log->close();
  if (!appended.ok()) return tell_left(appended.error(), appending.records());
  TRY(closed);
  return ExitCode::kDone;
}

}  // namespace sluice::cli
