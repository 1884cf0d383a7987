#include "landing/format.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace sluice::landing {
namespace {

constexpr size_t kTicketDigits = 16;
constexpr size_t kFlushDigits = 32;
constexpr size_t kStemBytes = kTicketDigits + 1 + kFlushDigits;

// Numbers of the files, wherever the enumerations go.
static_assert(static_cast<int>(part::PhysicalType::kBool) == 0);
static_assert(static_cast<int>(part::PhysicalType::kTimestampMicros) == 7);
static_assert(static_cast<int>(model::PartitionValue::Kind::kBytes) == 2);

std::string_view suffix_of(IntentState state) {
  switch (state) {
    case IntentState::kPending:
      return ".pending";
    case IntentState::kCommitted:
      return ".committed";
    case IntentState::kRollback:
      break;
  }
  return ".rollback";
}

std::string frame(FrameKind kind, ByteView body) {
  ByteWriter out;
  out.fixed(kFrameMagic);
  out.fixed(kFormat);
  out.fixed(kind);
  out.fixed(static_cast<uint32_t>(body.size()));
  out.fixed(crc32c(body, crc32c(out.view())));
  out.raw(body);
  return std::string(as_text(out.view()));
}

Error damaged(Reason reason, uint64_t offset, const char* what) {
  return Error({Code::kCorrupt, reason, what, {}, 0, offset});
}

/// The body of the frame at `offset`.
Result<ByteView> open_frame(ByteView bytes, uint64_t offset, FrameKind kind) {
  ByteReader in(bytes.subspan(std::min<uint64_t>(offset, bytes.size())));
  const auto magic = in.fixed<uint32_t>();
  const auto version = in.fixed<uint16_t>();
  const auto found_kind = in.fixed<FrameKind>();
  const auto body_bytes = in.fixed<uint32_t>();
  const auto crc = in.fixed<uint32_t>();
  if (!in.ok() || magic != kFrameMagic) {
    return damaged(Reason::kDecodeFailure, offset, "there is no frame");
  }
  if (version > kFormat) {
    return Error(
        {Code::kUnsupported, Reason::kVersion, "a frame of a newer format", {}, kFormat, version});
  }
  const ByteView body = in.raw(body_bytes);
  if (!in.ok()) return damaged(Reason::kIncompletePayload, offset, "the frame is cut off");
  const ByteView header = bytes.subspan(offset, kFrameHeaderBytes - sizeof(uint32_t));
  if (crc != crc32c(body, crc32c(header))) {
    return damaged(Reason::kCrcMismatch, offset, "the frame's checksum does not fit");
  }
  if (found_kind != kind) return damaged(Reason::kForeign, offset, "a frame of another kind");
  return body;
}

template <class Id>
void put_id(ByteWriter& out, const Id& id) {
  out.raw(id.bytes());
}

template <class Id>
Id read_id(ByteReader& in) {
  const ByteView bytes = in.raw(16);
  return bytes.size() == 16 ? Id::from_bytes(bytes.first<16>()) : Id();
}

/// How many follow, each of `bytes_min` bytes at least: more than there are bytes for is damage.
size_t read_count(ByteReader& in, uint64_t bytes_min) {
  const auto count = in.fixed<uint32_t>();
  if (count <= in.remaining() / bytes_min) return count;
  in.raw(in.remaining() + 1);
  return 0;
}

void put_bound(ByteWriter& out, const std::optional<std::string>& bound) {
  out.fixed(static_cast<uint8_t>(bound.has_value()));
  out.text(bound.value_or(""));
}

std::optional<std::string> read_bound(ByteReader& in) {
  const auto there = in.fixed<uint8_t>();
  std::string text(in.text());
  return there != 0 ? std::optional(std::move(text)) : std::nullopt;
}

void put_stats(ByteWriter& out, const part::ColumnStats& stats) {
  out.fixed(stats.field_id);
  out.fixed(stats.bytes);
  out.fixed(stats.value_count);
  out.fixed(stats.null_count);
  out.fixed(stats.nan_count);
  put_bound(out, stats.lower);
  put_bound(out, stats.upper);
}

part::ColumnStats read_stats(ByteReader& in) {
  part::ColumnStats stats;
  stats.field_id = in.fixed<int32_t>();
  stats.bytes = in.fixed<uint64_t>();
  stats.value_count = in.fixed<uint64_t>();
  stats.null_count = in.fixed<uint64_t>();
  stats.nan_count = in.fixed<uint64_t>();
  stats.lower = read_bound(in);
  stats.upper = read_bound(in);
  return stats;
}

void put_meta(ByteWriter& out, const part::Meta& meta) {
  out.text(meta.key);
  out.fixed(meta.bytes);
  out.fixed(meta.rows);
  out.fixed(static_cast<uint32_t>(meta.partition.size()));
  for (const model::PartitionValue& value : meta.partition) {
    out.fixed(value.kind);
    out.fixed(value.number);
    out.text(value.bytes);
  }
  out.fixed(static_cast<uint32_t>(meta.columns.size()));
  for (const part::ColumnStats& stats : meta.columns) put_stats(out, stats);
  out.fixed(static_cast<uint32_t>(meta.split_offsets.size()));
  for (const int64_t offset : meta.split_offsets) out.fixed(offset);
}

part::Meta read_meta(ByteReader& in) {
  constexpr uint64_t kStatsBytesMin = 46;
  constexpr uint64_t kPartitionBytesMin = 13;
  part::Meta meta;
  meta.key = in.text();
  meta.bytes = in.fixed<uint64_t>();
  meta.rows = in.fixed<uint64_t>();
  for (size_t left = read_count(in, kPartitionBytesMin); left > 0 && in.ok(); --left) {
    model::PartitionValue value;
    value.kind = in.fixed<model::PartitionValue::Kind>();
    if (value.kind > model::PartitionValue::Kind::kBytes) in.raw(in.remaining() + 1);
    value.number = in.fixed<int64_t>();
    value.bytes = in.text();
    meta.partition.push_back(std::move(value));
  }
  for (size_t left = read_count(in, kStatsBytesMin); left > 0 && in.ok(); --left) {
    meta.columns.push_back(read_stats(in));
  }
  for (size_t left = read_count(in, sizeof(int64_t)); left > 0 && in.ok(); --left) {
    meta.split_offsets.push_back(in.fixed<int64_t>());
  }
  return meta;
}

Parts read_parts(ByteReader& in) {
  constexpr uint64_t kColumnBytesMin = 9;
  constexpr uint64_t kMetaBytesMin = 32;
  Parts parts;
  for (size_t left = read_count(in, kColumnBytesMin); left > 0 && in.ok(); --left) {
    part::Column column;
    column.field_id = in.fixed<int32_t>();
    column.type = in.fixed<part::PhysicalType>();
    if (column.type > part::PhysicalType::kTimestampMicros) in.raw(in.remaining() + 1);
    column.name = in.text();
    parts.columns.push_back(std::move(column));
  }
  for (size_t left = read_count(in, kMetaBytesMin); left > 0 && in.ok(); --left) {
    parts.metas.push_back(read_meta(in));
  }
  return parts;
}

void put_lsns(ByteWriter& out, const SourceLsns& lsns) {
  out.fixed(static_cast<uint32_t>(lsns.size()));
  for (const auto& [source, stretches] : lsns) {
    out.text(source);
    out.fixed(static_cast<uint32_t>(stretches.size()));
    for (const LsnStretch& stretch : stretches) {
      out.fixed(stretch.first);
      out.fixed(stretch.last);
    }
  }
}

SourceLsns read_lsns(ByteReader& in) {
  constexpr uint64_t kSourceBytesMin = 8;
  constexpr uint64_t kStretchBytes = 16;
  SourceLsns lsns;
  for (size_t left = read_count(in, kSourceBytesMin); left > 0 && in.ok(); --left) {
    std::vector<LsnStretch>& stretches = lsns[std::string(in.text())];
    for (size_t more = read_count(in, kStretchBytes); more > 0 && in.ok(); --more) {
      const auto first = in.fixed<uint64_t>();
      const auto last = in.fixed<uint64_t>();
      const bool rises = stretches.empty() || stretches.back().last < first;
      if (!rises || first > last || last > kLsnMax) in.raw(in.remaining() + 1);
      stretches.push_back({first, last});
    }
  }
  return lsns;
}

std::string plan_frame(const Plan& plan) {
  ByteWriter body;
  put_id(body, plan.flush);
  body.fixed(plan.ticket);
  body.fixed(plan.range.min_lsn);
  body.fixed(plan.range.max_lsn);
  body.fixed(plan.range.seq);
  body.fixed(plan.created_wall_time);
  body.fixed(static_cast<uint8_t>(plan.with_table));
  body.text(plan.prefix);
  if (!plan.lsns.empty()) put_lsns(body, plan.lsns);
  return frame(FrameKind::kPlan, body.view());
}

Result<Plan> read_plan(ByteView bytes) {
  const ByteView body = TRY(open_frame(bytes, 0, FrameKind::kPlan));
  ByteReader in(body);
  Plan plan;
  plan.flush = read_id<FlushId>(in);
  plan.ticket = in.fixed<uint64_t>();
  plan.range.min_lsn = in.fixed<uint64_t>();
  plan.range.max_lsn = in.fixed<uint64_t>();
  plan.range.seq = in.fixed<uint64_t>();
  plan.created_wall_time = in.fixed<Nanos>();
  plan.with_table = in.fixed<uint8_t>() != 0;
  plan.prefix = in.text();
  if (in.ok() && !in.at_end()) plan.lsns = read_lsns(in);
  const bool sound = plan.range.min_lsn <= plan.range.max_lsn && plan.range.max_lsn <= kLsnMax &&
                     plan.ticket > 0 && plan.ticket <= kTicketMax;
  if (!in.ok() || !in.at_end() || !sound) {
    return damaged(Reason::kDecodeFailure, kFrameHeaderBytes + in.offset(), "the plan is no plan");
  }
  return plan;
}

}  // namespace

std::string to_string(const IntentName& name) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t shift = 4 * kTicketDigits; shift > 0; shift -= 4) {
    text += kDigits[(name.ticket >> (shift - 4)) & 15];
  }
  return text.append("-").append(name.flush.hex()).append(suffix_of(name.state));
}

std::optional<IntentName> parse_intent_name(std::string_view name) {
  if (name.size() <= kStemBytes || name[kTicketDigits] != '-') return std::nullopt;
  IntentName parsed;
  const char* end = name.data() + kTicketDigits;
  const auto [last, error] = std::from_chars(name.data(), end, parsed.ticket, 16);
  const auto flush = FlushId::parse(name.substr(kTicketDigits + 1, kFlushDigits));
  if (error != std::errc{} || last != end || !flush) return std::nullopt;
  parsed.flush = *flush;
  for (const IntentState state : kIntentStates) {
    parsed.state = state;
    // The one spelling: upper-case digits make another name.
    if (to_string(parsed) == name) return parsed;
  }
  return std::nullopt;
}

std::string encode_identity(const Identity& identity) {
  ByteWriter body;
  put_id(body, identity.log);
  body.fixed(static_cast<uint32_t>(identity.openings.size()));
  for (const Identity::Opening& opening : identity.openings) {
    put_id(body, opening.id);
    body.fixed(opening.first_ticket);
  }
  return frame(FrameKind::kIdentity, body.view());
}

Result<Identity> decode_identity(ByteView bytes) {
  const ByteView body = TRY(open_frame(bytes, 0, FrameKind::kIdentity));
  ByteReader in(body);
  Identity identity;
  identity.log = read_id<LogId>(in);
  bool rises = true;
  for (size_t left = read_count(in, 24); left > 0 && in.ok(); --left) {
    Identity::Opening opening;
    opening.id = read_id<OpeningId>(in);
    opening.first_ticket = in.fixed<uint64_t>();
    rises = rises && (identity.openings.empty() ||
                      identity.openings.back().first_ticket <= opening.first_ticket);
    identity.openings.push_back(opening);
  }
  if (!in.ok() || !in.at_end() || !rises) {
    return damaged(Reason::kDecodeFailure, kFrameHeaderBytes + in.offset(), "the identity is none");
  }
  return identity;
}

uint64_t parts_offset(const Plan& plan) {
  return align_up(plan_frame(plan).size(), kFrameAlignment);
}

std::string encode_plan(const Plan& plan) {
  std::string bytes = plan_frame(plan);
  bytes.resize(std::max(kIntentBytesMin, align_up(bytes.size(), kFrameAlignment)));
  return bytes;
}

std::string encode_parts(const FlushId& flush, const Parts& parts) {
  ByteWriter body;
  put_id(body, flush);
  body.fixed(static_cast<uint32_t>(parts.columns.size()));
  for (const part::Column& column : parts.columns) {
    body.fixed(column.field_id);
    body.fixed(column.type);
    body.text(column.name);
  }
  body.fixed(static_cast<uint32_t>(parts.metas.size()));
  for (const part::Meta& meta : parts.metas) put_meta(body, meta);
  return frame(FrameKind::kParts, body.view());
}

Result<Intent> decode_intent(ByteView bytes, const IntentName& name) {
  Intent intent;
  intent.plan = TRY(read_plan(bytes));
  if (intent.plan.flush != name.flush || intent.plan.ticket != name.ticket) {
    return damaged(Reason::kForeign, kFrameHeaderBytes, "the file is another flush's");
  }
  const auto body = open_frame(bytes, parts_offset(intent.plan), FrameKind::kParts);
  if (!body.ok()) {
    if (body.error().code() == Code::kUnsupported) return body.error();
    return intent;
  }
  ByteReader in(*body);
  const FlushId flush = read_id<FlushId>(in);
  Parts parts = read_parts(in);
  if (!in.ok() || !in.at_end() || flush != name.flush) {
    return damaged(Reason::kDecodeFailure, parts_offset(intent.plan) + in.offset(),
                   "the parts' frame holds none");
  }
  intent.parts = std::move(parts);
  return intent;
}

}  // namespace sluice::landing
