#include "server/ndjson.h"

#include <algorithm>

#include "source/records.h"

namespace sluice::server {
namespace {

constexpr size_t kFaultsTold = 100;
constexpr uint64_t kLineBytesMax = 1 << 20;

std::string to_json(const std::vector<PointFault>& faults) {
  std::string list;
  for (const PointFault& fault : faults) {
    JsonObject one;
    one.number("line", fault.place);
    if (!fault.field.empty()) one.text("field", fault.field);
    one.text("kind", to_string(fault.kind));
    one.text("message", fault.message);
    list += (list.empty() ? "" : ",") + one.take();
  }
  return "[" + list + "]";
}

}  // namespace

NdjsonStream::NdjsonStream(Writer& writer, const Options& options, Request head, TableName table,
                           AckClass ack, std::function<void(End&)> on_end)
    : writer_(writer),
      line_bytes_max_(std::min(kLineBytesMax, options.body_bytes_max)),
      head_(std::move(head)),
      table_(std::move(table)),
      ack_(ack),
      on_end_(std::move(on_end)) {}

void NdjsonStream::push(std::string piece, std::function<void(bool)> go_on) {
  bytes_ += piece.size();
  const size_t last = piece.rfind('\n');
  if (last == std::string::npos) {
    carry_ += piece;
    if (carry_.size() <= line_bytes_max_) return go_on(true);
    refusal_ =
        Refusal{413, "BATCH_TOO_LARGE", "line " + std::to_string(next_line_) + " is too long"};
    return go_on(false);
  }
  std::string lines = std::move(carry_);
  lines.append(piece, 0, last + 1);
  carry_ = piece.substr(last + 1);
  write(std::move(lines), std::move(go_on));
}

void NdjsonStream::write(std::string lines, std::function<void(bool)> then) {
  lines.reserve(lines.size() + source::kRecordPaddingBytes);
  PointsText text{table_, std::move(lines), Form::kLines, next_line_, ack_};
  const auto self = shared_from_this();
  writer_.write(std::move(text), [self, then = std::move(then)](Written written) {
    if (written.refusal) {
      self->refusal_ = std::move(written.refusal);
      return then(false);
    }
    self->take(std::move(written));
    then(!self->refusal_);
  });
}

void NdjsonStream::take(Written written) {
  points_ += written.points;
  next_line_ += written.lines;
  faults_total_ += written.faults_total;
  kept_.add(written.kept);
  refused_.add(written.refused);
  if (written.is_refused) {
    const PointFault& fault = written.faults.front();
    next_line_ = fault.place;
    const std::string field = fault.field.empty() ? "" : "field \"" + fault.field + "\": ";
    refusal_ = invalid_request("line " + std::to_string(fault.place) + " is refused: " + field +
                               fault.message + "; the lines before it are stored");
  }
  for (PointFault& fault : written.faults) {
    if (faults_.size() < kFaultsTold) faults_.push_back(std::move(fault));
  }
}

void NdjsonStream::finish(Responder respond) {
  if (carry_.empty() || refusal_) return end(respond);
  write(std::move(carry_),
        [self = shared_from_this(), respond = std::move(respond)](bool) { self->end(respond); });
}

void NdjsonStream::end(const Responder& respond) {
  End what{points_, kept_, refused_, bytes_, answer()};
  on_end_(what);
  respond(std::move(what.response));
}

Response NdjsonStream::answer() const {
  JsonObject counts;
  counts.number("total_points", points_ + faults_total_).number("published_count", points_);
  counts.number("rejected_count", faults_total_).raw("rejected_by", to_json(refused_));
  counts.number("kept_count", kept_.total()).raw("kept_by", to_json(kept_));
  counts.raw("errors", to_json(faults_));
  if (refusal_) {
    Refusal refusal = *refusal_;
    counts.number("next_line", next_line_);
    refusal.details += (refusal.details.empty() ? "" : ",") + counts.members();
    return to_response(refusal, head_);
  }
  if (points_ + faults_total_ == 0) {
    return to_response(invalid_request("the body has no points"), head_);
  }
  if (points_ == 0) {
    return to_response(invalid_request("no line is a point that fits", counts.members()), head_);
  }
  const bool is_whole = faults_total_ == 0;
  counts.text("status", is_whole ? "accepted" : "partial");
  counts.text("message", is_whole ? "every line is stored" : "the other lines are stored");
  Response response;
  response.status = 202;
  response.body = counts.take();
  return response;
}

}  // namespace sluice::server
