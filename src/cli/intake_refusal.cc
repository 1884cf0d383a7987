// What of Intake is for records that are refused (OnConflict::kRefuse).
//
// A file is known by its content, and to mend it changes that. So the rows in front of a refused
// record, of which some are held back until it is known, are sent as those of a file of their own:
// the beginning of this one, all of which is taken. The mended file begins with that one, and goes
// on behind it.
#include <utility>

#include "cli/figures.h"
#include "cli/intake.h"
#include "cli/output.h"

namespace sluice::cli {

OnConflict Intake::policy() const {
  return options_.on_conflict.value_or(spec_ ? spec_->on_conflict : OnConflict::kReject);
}

Result<std::optional<std::string>> Intake::name_beginning(Opened& opened, uint64_t bytes) const {
  const bool is_plain = opened.content->compression() == source::Compression::kNone;
  const bool is_array = opened.sample && opened.sample->format == source::Format::kJsonArray;
  if (!opened.identity || !is_plain || is_array || bytes == 0) return std::optional<std::string>();
  return std::optional(TRY(opened.content->name_beginning(bytes)));
}

Status Intake::refuse(source::Decoded held, source::Decoded last, Opened& opened,
                      uint64_t& previous) {
  const source::Reject refused = *std::move(last.refused);
  const uint64_t place = refused.at.offset;
  if (last.batch.empty()) std::swap(held, last);
  TRY(send(std::move(held), opened, previous));
  // The name of the beginning says that everything in it is taken.
  TRY(sender_.finish());
  const auto name = TRY(name_beginning(opened, place));
  if (name && !last.batch.empty()) {
    opened.identity->source = *name;
    last.end = refused.at;
    previous = 0;
  }
  TRY(send(std::move(last), opened, previous));
  TRY(sender_.finish());
  if (report().resume_offset == 0 && report().rows == 0) {
    return stop_refused(refused, Outlook::kNothingTaken);
  }
  const bool goes_on = name && known_.reached(*name) == place;
  return stop_refused(refused, goes_on ? Outlook::kGoesOn : Outlook::kTakenInFront);
}

Status Intake::send_last_points(source::DecodedPoints& points, Opened& opened) {
  TRY(sender_.finish());
  if (!opened.beginning) opened.beginning = TRY(name_beginning(opened, points.end.offset));
  std::optional<SourcePosition> source;
  if (opened.beginning) source = SourcePosition{*opened.beginning, points.end.offset, 0};
  TRY(sender_.send(points_.name_of(points.collection), std::move(points.batch), source,
                   report().rows));
  return sender_.finish();
}

Status Intake::stop_refused(const source::Reject& refused, Outlook outlook) {
  progress_.end();
  std::string text = "line " + std::to_string(refused.at.line) +
                     " is refused: " + make_visible(source::describe(refused));
  switch (outlook) {
    case Outlook::kNothingTaken:
      text += ". Nothing of the input is in the table; mend the line and repeat the command";
      break;
    case Outlook::kGoesOn:
      text +=
          ". What is in front of it is in the table; mend the line and repeat the command, "
          "which goes on there";
      break;
    case Outlook::kTakenInFront:
      text +=
          ". What is in front of it is in the table; send the rest, mended, as an input of "
          "its own";
      break;
  }
  report().failure = Error(Code::kInvalid, text).at(report().input);
  return *report().failure;
}

}  // namespace sluice::cli
