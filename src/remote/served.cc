#include "remote/served.h"

#include <tuple>
#include <type_traits>
#include <utility>

#include "remote/archive.h"
#include "remote/calls.h"
#include "remote/start_thread.h"

namespace sluice::remote {
namespace {

/// Decodes what `frame` asks, has it served, and encodes what that returned.
template <Kind kKind, class Serve>
Result<Answer> answer(const Frame& frame, Serve serve) {
  using Reply = typename Call<kKind>::Reply;
  auto request = TRY(decode<typename Call<kKind>::Request>(frame.body.view()));
  auto returned = std::apply(serve, std::move(request));
  if (!returned.ok()) return returned.error();
  if constexpr (std::is_same_v<decltype(returned), Status>) {
    static_assert(std::is_same_v<Reply, Nothing>);
    return Answer{};
  } else {
    static_assert(std::is_same_v<Reply, std::tuple<typename decltype(returned)::value_type>>);
    return Answer{encode(*returned)};
  }
}

Error unknown_call(Kind kind) {
  return Error({Code::kUnsupported, Reason::kVersion, "the server does not know this call",
                "sluice.sock", kVersion, static_cast<uint64_t>(kind)});
}

Error no_such(const char* what) {
  return Error(Code::kInvalid, std::string("the connection has no such ") + what, "sluice.sock");
}

}  // namespace

Served::Served(Engine& engine, Socket socket, uint64_t instance)
    : engine_(engine), socket_(std::move(socket)), instance_(instance) {}

Served::~Served() {
  acks_->close();
  if (telling_.joinable()) telling_.join();
}

void Served::run() {
  bool goes_on = greet();
  while (goes_on) {
    const auto frame = socket_.receive();
    goes_on = frame.ok() && frame->has_value();
    if (goes_on) goes_on = send_answer(**frame, serve(**frame)).ok();
  }
  // A client that went need not be told; one that we leave is told what became of its appends.
  has_ended_.load() ? acks_->finish() : acks_->close();
  if (telling_.joinable()) telling_.join();
  socket_.cut();
  cursors_.clear();
  snapshot_.reset();
}

void Served::refuse(const Error& why) {
  static_cast<void>(send_answer({Kind::kHello, 0, {}}, why));
}

void Served::end() {
  has_ended_.store(true);
  socket_.end_receiving();
}

void Served::cut() {
  socket_.cut();
  acks_->close();
}

bool Served::greet() {
  const auto frame = socket_.receive();
  if (!frame.ok() || !frame->has_value()) return false;
  using Hello = Call<Kind::kHello>::Request;
  const auto hello = decode<Hello>((*frame)->body.view());
  if ((*frame)->kind != Kind::kHello || !hello.ok() || std::get<0>(*hello) != kMagic) return false;
  if (std::get<1>(*hello) == kVersion) {
    return send_answer(**frame, Answer{encode(kMagic, kVersion, instance_)}).ok();
  }
  refuse(Error({Code::kUnsupported, Reason::kVersion,
                "the server that has the data directory is of another version of sluice",
                "sluice.sock", kVersion, std::get<1>(*hello)}));
  return false;
}

Status Served::send_answer(const Frame& frame, Result<Answer> answer) {
  const std::lock_guard lock(sending_);
  if (answer.ok()) {
    const Status sent =
        socket_.send(Kind::kReply, frame.call, answer->first, answer->batch.bytes());
    if (sent.ok() || sent.error().code() != Code::kInvalid) return sent;
    answer = sent.error();
  }
  return socket_.send(Kind::kError, frame.call, encode(answer.error()));
}

Result<Answer> Served::serve(const Frame& frame) {
  switch (frame.kind) {
    case Kind::kAppend:
      return append(frame);
    case Kind::kNext:
      return next(frame);
    case Kind::kSnapshot:
    case Kind::kScan:
    case Kind::kAggregate:
    case Kind::kCloseCursor:
      return serve_rows(frame);
    case Kind::kDescribe:
    case Kind::kTables:
    case Kind::kSourcePosition:
    case Kind::kSources:
    case Kind::kStatus:
    case Kind::kPending:
      return serve_question(frame);
    default:
      return serve_change(frame);
  }
}

Result<Answer> Served::serve_change(const Frame& frame) {
  Engine& engine = engine_;
  switch (frame.kind) {
    case Kind::kCreateTable:
      return answer<Kind::kCreateTable>(frame, [&](const auto& name, const auto& spec) {
        return engine.create_table(name, spec);
      });
    case Kind::kAddColumns:
      return answer<Kind::kAddColumns>(frame, [&](const auto& name, const auto& columns) {
        return engine.add_columns(name, columns);
      });
    case Kind::kAlter:
      return answer<Kind::kAlter>(frame, [&](const auto& name, const auto& changes, Nanos timeout) {
        return engine.alter(name, changes, timeout);
      });
    case Kind::kTag:
      return answer<Kind::kTag>(
          frame, [&](const auto& name, const auto& tag) { return engine.tag(name, tag); });
    case Kind::kUntag:
      return answer<Kind::kUntag>(
          frame, [&](const auto& name, const auto& tag) { return engine.untag(name, tag); });
    case Kind::kExpire:
      return answer<Kind::kExpire>(frame, [&](const auto& name, const auto& options) {
        return engine.expire(name, options);
      });
    case Kind::kRollback:
      return answer<Kind::kRollback>(
          frame, [&](const auto& name, uint64_t id) { return engine.rollback(name, id); });
    case Kind::kRelocate:
      return answer<Kind::kRelocate>(frame,
                                     [&](const auto& name) { return engine.relocate(name); });
    case Kind::kFlush:
      return answer<Kind::kFlush>(frame, [&](const auto& name) { return engine.flush(name); });
    case Kind::kFlushAll:
      return answer<Kind::kFlushAll>(frame, [&] { return engine.flush(); });
    case Kind::kSweep:
      return answer<Kind::kSweep>(frame, [&](const auto& name, const auto& options) {
        return engine.sweep(name, options);
      });
    default:
      return unknown_call(frame.kind);
  }
}

Result<Answer> Served::serve_question(const Frame& frame) {
  Engine& engine = engine_;
  switch (frame.kind) {
    case Kind::kDescribe:
      return answer<Kind::kDescribe>(frame,
                                     [&](const auto& name) { return engine.describe(name); });
    case Kind::kTables:
      return answer<Kind::kTables>(frame, [&] { return engine.tables(); });
    case Kind::kSourcePosition:
      return answer<Kind::kSourcePosition>(frame, [&](const auto& name, const auto& source) {
        return engine.source_position(name, source);
      });
    case Kind::kSources:
      return answer<Kind::kSources>(frame, [&](const auto& name) { return engine.sources(name); });
    case Kind::kStatus:
      return answer<Kind::kStatus>(frame, [&] { return Result<EngineStatus>(engine.status()); });
    default:
      return answer<Kind::kPending>(frame, [&](uint64_t limit) {
        return Result<std::vector<PartitionStatus>>(engine.pending(limit));
      });
  }
}

Result<Answer> Served::append(const Frame& frame) {
  Decoder decoder(frame.body.view());
  Call<Kind::kAppend>::Request request;
  auto& [name, options, columns] = request;
  decoder(name, options, columns);
  const ByteView bytes = decoder.rest();
  if (!decoder.ok()) return undecodable(decoder.offset());
  const SchemaPtr schema = TRY(schema_of(std::move(columns)));
  // The frame's memory becomes the log's payload and the memtable's.
  Batch batch = TRY(Batch::decode(schema, bytes, frame.body.words));
  if (!telling_.joinable()) TRY(start_thread(telling_, [this] { tell_acks(); }));
  acks_->expect();
  const Status accepted = engine_.append(
      name, std::move(batch), options, [acks = acks_, call = frame.call](Result<Appended> verdict) {
        acks->add(call, std::move(verdict));
      });
  if (accepted.ok()) return Answer{};
  acks_->give_up();
  return accepted.error();
}

Result<SchemaPtr> Served::schema_of(std::vector<Field> columns) {
  if (last_schema_ == nullptr || last_schema_->fields() != columns) {
    last_schema_ = TRY(Schema::make(std::move(columns)));
  }
  return last_schema_;
}

void Served::tell_acks() {
  while (const auto ack = acks_->next()) {
    {
      const std::lock_guard lock(sending_);
      const Status sent = ack->verdict.ok()
                              ? socket_.send(Kind::kAck, ack->call, encode(*ack->verdict))
                              : socket_.send(Kind::kNack, ack->call, encode(ack->verdict.error()));
      if (!sent.ok()) return acks_->close();
    }
    acks_->told();
  }
}

Result<Answer> Served::serve_rows(const Frame& frame) {
  if (frame.kind == Kind::kSnapshot) {
    return answer<Kind::kSnapshot>(frame, [&](const auto& name) -> Result<TableDescription> {
      cursors_.clear();
      snapshot_.reset();
      snapshot_ = TRY(engine_.snapshot(name));
      return snapshot_->table();
    });
  }
  if (frame.kind == Kind::kCloseCursor) {
    return answer<Kind::kCloseCursor>(
        frame, [&](uint64_t number) { return cursors_.erase(number), ok(); });
  }
  if (snapshot_ == nullptr) return no_such("snapshot");
  if (cursors_.size() >= kCursorsMax) {
    return Error({Code::kBusy, Reason::kQuota, "a snapshot over the socket has too many cursors",
                  "sluice.sock", kCursorsMax, cursors_.size()});
  }
  if (frame.kind == Kind::kScan) {
    const auto [options] = TRY(decode<Call<Kind::kScan>::Request>(frame.body.view()));
    return add_cursor(snapshot_->scan(options));
  }
  const auto [grouping, options] = TRY(decode<Call<Kind::kAggregate>::Request>(frame.body.view()));
  return add_cursor(snapshot_->aggregate(grouping, options));
}

Result<Answer> Served::add_cursor(Result<std::unique_ptr<Cursor>> cursor) {
  if (!cursor.ok()) return cursor.error();
  const auto& added = cursors_[++last_cursor_] = *std::move(cursor);
  return Answer{encode(last_cursor_, added->schema())};
}

Result<Answer> Served::next(const Frame& frame) {
  const auto [number] = TRY(decode<Call<Kind::kNext>::Request>(frame.body.view()));
  const auto cursor = cursors_.find(number);
  if (cursor == cursors_.end()) return no_such("cursor");
  std::optional<Batch> rows = TRY(cursor->second->next());
  return Answer{{}, rows ? *std::move(rows) : Batch()};
}

}  // namespace sluice::remote
