// What of Intake is for line protocol.
#include <utility>

#include "cli/intake.h"

namespace sluice::cli {

Status Intake::check_points() const {
  if (options_.key.empty() && options_.time.empty() && options_.types.empty()) return ok();
  return Error(Code::kInvalid,
               "line protocol has its own key, time and types: the tags, the timestamp, and how a "
               "value is spelled; leave out --key, --time and --types");
}

source::LineProtocolOptions Intake::point_options(const Opened& opened) const {
  source::LineProtocolOptions options;
  options.precision = options_.precision;
  options.on_conflict = policy();
  options.open_end = opened.open_end;
  options.batch_rows_max = batch_rows_max(options.batch_rows_max);
  if (opened.identity) {
    points_.place(*opened.identity, options);
  } else {
    points_.place(options);
  }
  return options;
}

Status Intake::take_points(Opened& opened) {
  const Status checked = check_points();
  if (!checked.ok()) return give_up_input(checked.error());
  TRY(points_.learn());
  source::HeadedInput stream(opened.head, *opened.content);
  const Result<source::Input*> input = text_of(opened, stream);
  if (!input.ok()) return give_up_input(input.error());
  source::LineProtocolDecoder decoder(**input, point_options(opened));
  RejectsFile rejects = TRY(open_rejects());
  begin_progress(opened);
  Reached reached;
  const Status pumped = pump_points(decoder, rejects, opened, reached);
  progress_.end();
  if (!opened.identity) return pumped;
  for (const auto& [collection, end] : reached) {
    points_.raise(collection, opened.identity->source, end);
    if (!points_.is_database()) known_.raise(opened.identity->source, end);
  }
  return pumped;
}

Status Intake::make_point_table(const source::DecodedPoints& points) {
  const bool is_new = TRY(points_.make(points.collection, *points.batch.schema()));
  if (is_new && options_.reports_columns && options_.tells_of_each) {
    progress_.note(report().input + ": line protocol, into the new table " +
                   points_.name_of(points.collection).to_string());
  }
  return ok();
}

Status Intake::pump_points(source::LineProtocolDecoder& decoder, RejectsFile& rejects,
                           Opened& opened, Reached& reached) {
  for (;;) {
    auto next = decoder.next();
    if (!next.ok()) return give_up_input(next.error());
    if (!*next) {
      report().has_open_end = decoder.left_open_end();
      return ok();
    }
    source::DecodedPoints& points = **next;
    TRY(keep_rejects(rejects, points.rejects));
    const uint64_t rows = points.batch.rows();
    const uint64_t end = points.end.offset;
    if (rows > 0) {
      const Status made = make_point_table(points);
      if (!made.ok() && made.error().code() == Code::kInvalid) return give_up_input(made.error());
      TRY(made);
      TRY(points.is_last ? send_last_points(points, opened) : send_points(points, opened, reached));
    }
    rows_sent_ += rows;
    report().kept.add(points.kept);
    report().bytes = end - report().resume_offset;
    progress_.show(rows_sent_, end);
    if (points.refused) {
      // Points that are met again replace themselves.
      const bool is_file = opened.identity.has_value();
      return stop_refused(*points.refused, is_file ? Outlook::kGoesOn : Outlook::kTakenInFront);
    }
    keep_pace(rows);
  }
}

Status Intake::send_points(source::DecodedPoints& points, Opened& opened, Reached& reached) {
  uint64_t& previous = reached[points.collection];
  const uint64_t end = points.end.offset;
  std::optional<SourcePosition> source;
  if (opened.identity) source = SourcePosition{opened.identity->source, end, previous};
  previous = end;
  return sender_.send(points_.name_of(points.collection), std::move(points.batch), source,
                      report().rows);
}

}  // namespace sluice::cli
