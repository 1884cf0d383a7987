#include "cli/troubles.h"

#include "cli/output.h"

namespace sluice::cli {
namespace {

bool is_for_good(const Error& error) {
  switch (error.code()) {
    case Code::kFenced:
    case Code::kCorrupt:
    case Code::kNotFound:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Troubles::on_flush(const FlushCompleteEvent& flush) {
  const std::lock_guard lock(mutex_);
  told_.erase(flush.table);
}

void Troubles::on_trouble(const TableName& table, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    std::string& told = told_[table];
    if (told == error.message()) return;
    told = error.message();
  }
  constexpr const char* kPatience =
      ". It is tried again as long as it takes; nothing acknowledged is lost if you stop this, by "
      "Ctrl-C twice";
  print_note(table.to_string() + ": " + to_sentence(error) + (is_for_good(error) ? "" : kPatience),
             Tone::kWarning);
}

}  // namespace sluice::cli
