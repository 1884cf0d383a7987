#include "server/api.h"

#include <utility>

#include "server/inflate.h"
#include "server/ndjson.h"
#include "server/query.h"
#include "sluice/time_text.h"
#include "sluice/version.h"

namespace sluice::server {
namespace {

// Of metrics: those that pin the oldest of the log.
constexpr size_t kPartitionsTold = 10;

bool is_lines(const Request& request) {
  const std::string_view type = request.header("content-type");
  return type.starts_with("application/x-ndjson") || type.starts_with("application/ndjson");
}

Result<AckClass> ack_of(const Request& request, AckClass usual) {
  const auto word = request.parameter("ack");
  if (!word) return usual;
  if (*word == "memory") return AckClass::kMemory;
  if (*word == "log") return AckClass::kLog;
  if (*word == "table") return AckClass::kTable;
  return Error(Code::kInvalid, "ack is none of memory, log, table");
}

void allow_everyone(Response& response) {
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
}

Response preflight() {
  Response response;
  response.status = 204;
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "Authorization, X-API-Key, Content-Type, Content-Encoding");
  response.headers.emplace_back("Access-Control-Max-Age", "86400");
  return response;
}

Response method_refused(const Matched& matched, const Request& request) {
  Response response =
      to_response({405, "ERROR", request.method + " is not for this path"}, request);
  response.headers.emplace_back("Allow", std::string(matched.methods));
  return response;
}

}  // namespace

Api::Api(const Surroundings& around)
    : around_(around),
      writer_(around.engine, around.collections, around.changers, around.deadlines, around.options),
      databases_(around.collections, around.runtime, around.options) {}

std::optional<Response> Api::refuse(const Request& head) {
  const Matched matched = match(head);
  std::optional<Response> answer;
  if (head.method == "OPTIONS") {
    answer = preflight();
  } else if (matched.route == Route::kUnknown) {
    answer = to_response({404, "NOT_FOUND", "there is no such path"}, head);
  } else if (!matched.is_open && !around_.keys.admit(head)) {
    answer = to_response({401, "UNAUTHORIZED", "the API key is missing or wrong"}, head);
  } else if (!allows(matched, head)) {
    answer = method_refused(matched, head);
  } else if (matched.route == Route::kLater) {
    answer = to_response({501, "NOT_IMPLEMENTED", "this route comes with a later version"}, head);
  }
  if (!answer) return std::nullopt;
  allow_everyone(*answer);
  metrics_.count_answer(matched.label, answer->status, 0, 0);
  return answer;
}

Response Api::fault(int status, std::string_view message) {
  const char* code = status == 413   ? "BATCH_TOO_LARGE"
                     : status == 429 ? "QUEUE_UNAVAILABLE"
                                     : "ERROR";
  Response response = to_response({status, code, std::string(message)}, Request());
  allow_everyone(response);
  metrics_.count_answer("unknown", status, 0, 0);
  return response;
}

std::shared_ptr<BodyStream> Api::lines(const Request& head, const TableName& name, AckClass ack,
                                       bool is_streamed) {
  const Nanos begun = around_.runtime.now();
  auto on_end = [this, is_streamed, begun, label = match(head).label](NdjsonStream::End& end) {
    if (end.points > 0) metrics_.count_batch(end.points);
    metrics_.count_conflicts(end.kept, end.refused);
    if (!is_streamed) return;
    allow_everyone(end.response);
    metrics_.count_answer(label, end.response.status, around_.runtime.now() - begun, end.bytes);
  };
  return std::make_shared<NdjsonStream>(writer_, around_.options, head, name, ack,
                                        std::move(on_end));
}

std::shared_ptr<BodyStream> Api::stream(const Request& head) {
  const Route route = match(head).route;
  const bool is_write = route == Route::kWrite || route == Route::kWriteBatch;
  if (!is_write || !is_lines(head) || !head.header("content-encoding").empty()) return nullptr;
  const auto name = table_of(head);
  const auto ack = ack_of(head, around_.options.ack);
  if (!name.ok() || !ack.ok()) return nullptr;  // handle() says so
  return lines(head, *name, *ack, true);
}

void Api::handle(Request request, Responder respond) {
  const Matched matched = match(request);
  const Nanos begun = around_.runtime.now();
  const uint64_t bytes = request.body.size();
  const Responder counted = [this, matched, begun, bytes,
                             respond = std::move(respond)](Response response) {
    allow_everyone(response);
    metrics_.count_answer(matched.label, response.status, around_.runtime.now() - begun, bytes);
    respond(std::move(response));
  };
  if (auto refusal = inflate(request, around_.options.body_bytes_max)) {
    return counted(to_response(*refusal, request));
  }
  answer(std::move(request), matched, counted);
}

void Api::answer(Request request, const Matched& matched, const Responder& respond) {
  const bool is_post = request.method == "POST";
  switch (matched.route) {
    case Route::kWrite:
      return write(std::move(request), Form::kOne, respond);
    case Route::kWriteBatch:
      return write(std::move(request), Form::kBatch, respond);
    case Route::kQuery:
      return query(std::move(request), respond);
    case Route::kFlush:
      return flush(respond);
    case Route::kDatabases:
      if (is_post) return change(std::move(request), &Databases::make, respond);
      return respond(databases_.list(request));
    case Route::kDatabase:
      return respond(databases_.show(request));
    case Route::kCollections:
      if (is_post) return change(std::move(request), &Databases::make_collection, respond);
      return respond(databases_.list_collections(request));
    case Route::kCollection:
      return respond(databases_.show_collection(request));
    case Route::kDeviceGroup:
      return respond(databases_.show_device_group(request));
    case Route::kGroups:
    case Route::kNodeGroups:
      return respond(databases_.list_groups(request));
    case Route::kGroup:
      return respond(databases_.show_group(request));
    case Route::kHealth:
      return respond(health(false));
    case Route::kHealthz:
      return respond(health(true));
    case Route::kReadyz:
      return respond(ready());
    case Route::kMetrics:
      return respond(metrics());
    case Route::kUnknown:
    case Route::kLater:
      break;  // refuse() has answered
  }
}

void Api::write(Request request, Form form, const Responder& respond) {
  const auto name = table_of(request);
  if (!name.ok()) {
    return respond(to_response({400, "INVALID_NAME", name.error().message()}, request));
  }
  const auto ack = ack_of(request, around_.options.ack);
  if (!ack.ok()) return respond(to_response(to_refusal(ack.error()), request));
  if (is_lines(request)) {  // compressed, so taken whole
    const auto all = lines(request, *name, *ack, false);
    return all->push(std::move(request.body) + "\n",
                     [all, respond](bool) { all->finish(respond); });
  }
  PointsText text{*name, std::move(request.body), form, 1, *ack};
  request.body.clear();
  writer_.write(std::move(text),
                [this, form, respond, request = std::move(request)](Written written) {
                  answer_written(request, form, std::move(written), respond);
                });
}

void Api::answer_written(const Request& request, Form form, Written written,
                         const Responder& respond) {
  metrics_.count_conflicts(written.kept, written.refused);
  if (written.refusal) return respond(to_response(*written.refusal, request));
  metrics_.count_batch(written.points);
  std::string nodes = "[";
  append_text(nodes, around_.options.node_id);
  nodes += ']';
  JsonObject json;
  if (form == Form::kOne) {
    json.number("group_id", written.first_group);
  } else {
    json.number("total_points", written.points).number("published_count", written.points);
    json.number("group_count", written.groups);
  }
  if (written.kept.total() > 0) {
    json.number("kept_count", written.kept.total()).raw("kept_by", to_json(written.kept));
  }
  json.raw("success_nodes", nodes).text("status", "accepted");
  json.text("message", form == Form::kOne ? "the point is stored" : "every point is stored");
  Response response;
  response.status = 202;
  response.body = json.take();
  respond(std::move(response));
}

void Api::query(Request request, const Responder& respond) {
  const auto name = table_of(request);
  if (!name.ok()) {
    return respond(to_response({400, "INVALID_NAME", name.error().message()}, request));
  }
  Query asked;
  asked.zone = around_.options.timezone;
  if (auto refusal = read_query(request, asked)) return respond(to_response(*refusal, request));
  const bool is_posted = around_.readers.post([this, name = *name, asked, request, respond] {
    Response response;
    auto answer = run_query(around_.engine, name, asked, around_.options);
    if (answer.ok()) {
      response.body = *std::move(answer);
      return respond(std::move(response));
    }
    Refusal refusal = to_refusal(answer.error());
    const bool is_unknown = answer.error().code() == Code::kNotFound;
    const auto known = around_.collections.has_database(name.database);
    if (is_unknown && known.ok() && !*known) refusal.code = "DATABASE_NOT_FOUND";
    if (refusal.status == 413) refusal = invalid_request(answer.error().message());
    if (refusal.status == 500) refusal.code = "QUERY_FAILED";
    respond(to_response(refusal, request));
  });
  if (is_posted) return;
  respond(to_response({429, "QUEUE_UNAVAILABLE", "too many queries wait already"}, request));
}

void Api::flush(const Responder& respond) {
  around_.flushes.ask([respond](const Result<FlushReport>& report, Nanos duration) {
    JsonObject json;
    json.boolean("success", report.ok());
    Response response;
    if (!report.ok()) {
      response.status = 503;
      response.body = json.text("error", report.error().to_string()).take();
      return respond(std::move(response));
    }
    json.text("message", report->rows == 0 ? "nothing was pending" : "everything is in the table");
    json.number("partitions", report->partitions).number("points", report->rows);
    json.number("points_replaced", report->rows_replaced).number("parts", report->parts);
    json.number("bytes", report->bytes);
    json.number("duration_ms", static_cast<uint64_t>(duration / kMillisecond));
    response.body = json.take();
    respond(std::move(response));
  });
}

void Api::change(Request request, Response (Databases::*what)(const Request&),
                 const Responder& respond) {
  const auto shared = std::make_shared<Request>(std::move(request));
  Turn turn;
  const bool is_posted = around_.changers.post([this, shared, what, respond, turn]() mutable {
    Response response = (databases_.*what)(*shared);
    if (turn.take()) respond(std::move(response));
  });
  if (!is_posted) {
    return respond(to_response({429, "QUEUE_UNAVAILABLE", "too much waits already"}, *shared));
  }
  around_.deadlines.add(around_.options.commit_wait, turn, [shared, respond] {
    respond(to_response({503, "QUEUE_UNAVAILABLE", "it did not end in time, and may still come"},
                        *shared));
  });
}

Response Api::health(bool is_brief) {
  const EngineStatus status = around_.engine.status();
  std::string reasons;
  if (status.failure) append_text(reasons, status.failure->to_string());
  const bool is_failed = status.failure.has_value();
  for (const PartitionStatus& partition : around_.engine.pending(100)) {
    if (is_brief || !partition.trouble) continue;
    reasons += reasons.empty() ? "" : ",";
    append_text(reasons, partition.name.to_string() + ": " + partition.trouble->to_string());
  }
  const auto tables = is_brief
                          ? Result<std::vector<TableDescription>>(std::vector<TableDescription>())
                          : around_.engine.tables();
  for (const TableDescription& table : tables.ok() ? *tables : std::vector<TableDescription>()) {
    if (!table.trouble) continue;
    reasons += reasons.empty() ? "" : ",";
    append_text(reasons, table.name.to_string() + ": " + table.trouble->to_string());
  }
  JsonObject json;
  json.text("status", is_failed ? "unhealthy" : reasons.empty() ? "healthy" : "degraded");
  json.text("timestamp", format_time(around_.runtime.wall_now()));
  json.text("version", version());
  if (!reasons.empty()) json.raw("reasons", "[" + reasons + "]");
  Response response;
  response.status = is_failed ? 503 : 200;
  response.body = json.take();
  return response;
}

Response Api::ready() {
  const EngineStatus status = around_.engine.status();
  const char* reason = stopping_.load()    ? "the server is stopping"
                       : status.failure    ? "the log takes nothing more"
                       : status.recovering ? "the log is being replayed: writes are taken, "
                                             "queries wait"
                       : status.full       ? "the disk is full"
                                           : nullptr;
  Response response;
  response.status = reason == nullptr ? 200 : 503;
  JsonObject json;
  json.boolean("ready", reason == nullptr);
  if (reason != nullptr) json.text("reason", reason);
  response.body = json.take();
  return response;
}

Response Api::metrics() {
  Exposition text;
  metrics_.write(text);
  if (connections_) {
    text.gauge("http_connections", "Connections that are open.",
               static_cast<double>(connections_()));
  }
  text.gauge("http_queries_waiting", "Queries that no worker has taken.",
             static_cast<double>(around_.readers.waiting()));
  write_engine(around_.engine.status(), text);
  write_partitions(around_.engine.pending(kPartitionsTold), text);
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = text.take();
  return response;
}

}  // namespace sluice::server
