#include "server/databases.h"

#include <charconv>

#include "server/declaration.h"
#include "server/routes.h"
#include "sluice/time_text.h"

namespace sluice::server {
namespace {

Response with(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Refusal no_database(const std::string& name) {
  return {404, "DATABASE_NOT_FOUND", "there is no database " + name};
}

void add_note(JsonObject& into, const Note& note, std::string_view extra) {
  if (!note.description.empty()) into.text("description", note.description);
  if (!note.json.empty()) into.raw(extra, note.json);
  if (note.created_at != 0) into.text("created_at", format_time(note.created_at));
}

std::string_view type_word(Type type) {
  switch (type) {
    case Type::kInt64:
      return "int";
    case Type::kDouble:
      return "float";
    default:
      return to_string(type);
  }
}

Refusal bad_name(const std::string& name) {
  return {400, "INVALID_NAME",
          "\"" + name + "\" is no name: 1 to 64 letters, digits, - and _, no - at the front"};
}

}  // namespace

Result<TableName> table_of(const Request& request) {
  const std::string& database = request.path[kDatabasePlace];
  const bool has_collection = request.path.size() > kCollectionPlace;
  const std::string collection = has_collection ? request.path[kCollectionPlace] : "";
  for (const std::string& name : {database, has_collection ? collection : database}) {
    if (!is_name(name)) return Error(Code::kInvalid, bad_name(name).message);
  }
  return TableName{database, collection};
}

std::string Databases::to_json(const std::string& database, bool with_collections) {
  JsonObject json;
  json.text("name", database);
  if (const auto note = collections_.catalog().database(database)) {
    add_note(json, *note, "metadata");
  }
  if (!with_collections) return json.take();
  std::string names;
  const auto tables = collections_.tables(database);
  for (const TableDescription& table : tables.ok() ? *tables : std::vector<TableDescription>()) {
    names += names.empty() ? "" : ",";
    append_text(names, table.name.collection);
  }
  return json.raw("collections", "[" + names + "]").take();
}

std::string Databases::to_json(const TableDescription& table) {
  JsonObject json;
  json.text("name", table.name.collection);
  const auto note = collections_.catalog().collection(table.name);
  if (note) add_note(json, *note, "schema_hints");
  JsonObject fields;
  for (const Field& column : table.spec.columns) fields.text(column.name, type_word(column.type));
  json.raw("fields", fields.take());
  if (note && !note->fields.empty()) json.raw("declared_fields", note->fields);
  json.number("stored_rows", table.stored_rows).number("unflushed_rows", table.unflushed_rows);
  if (table.trouble) json.text("trouble", table.trouble->message());
  return json.take();
}

Response Databases::list(const Request& request) {
  const auto names = collections_.databases();
  if (!names.ok()) return to_response(to_refusal(names.error()), request);
  std::string list;
  for (const std::string& name : *names) list += (list.empty() ? "" : ",") + to_json(name, true);
  return with(200, JsonObject().raw("databases", "[" + list + "]").take());
}

Response Databases::make(const Request& request) {
  Declaration declared;
  if (auto refusal = read_declaration(request.body, declared)) {
    return to_response(*refusal, request);
  }
  if (!is_name(declared.name)) return to_response(bad_name(declared.name), request);
  if (is_reserved_database(declared.name)) {
    return to_response({400, "INVALID_NAME", "\"" + declared.name + "\" is reserved"}, request);
  }
  const auto known = collections_.has_database(declared.name);
  if (!known.ok()) return to_response(to_refusal(known.error()), request);
  Note note{declared.description, declared.metadata, {}, runtime_.wall_now()};
  const auto added =
      *known ? Result<bool>(false) : collections_.catalog().add_database(declared.name, note);
  if (!added.ok()) return to_response(to_refusal(added.error()), request);
  if (!*added) {
    return to_response({409, "DATABASE_EXISTS", "there is a database " + declared.name}, request);
  }
  return with(201, to_json(declared.name, false));
}

Response Databases::show(const Request& request) {
  const auto name = table_of(request);
  if (!name.ok()) return to_response({400, "INVALID_NAME", name.error().message()}, request);
  if (request.method == "DELETE") {
    return to_response({501, "NOT_IMPLEMENTED", "databases are not deleted by this version"},
                       request);
  }
  const auto known = collections_.has_database(name->database);
  if (!known.ok()) return to_response(to_refusal(known.error()), request);
  if (!*known) return to_response(no_database(name->database), request);
  return with(200, to_json(name->database, true));
}

Response Databases::list_collections(const Request& request) {
  const auto name = table_of(request);
  if (!name.ok()) return to_response({400, "INVALID_NAME", name.error().message()}, request);
  const auto known = collections_.has_database(name->database);
  const auto tables = collections_.tables(name->database);
  if (!known.ok() || !tables.ok()) {
    return to_response(to_refusal(known.ok() ? tables.error() : known.error()), request);
  }
  if (!*known) return to_response(no_database(name->database), request);
  std::string list;
  for (const TableDescription& table : *tables) {
    list += (list.empty() ? "" : ",") + to_json(table);
  }
  return with(200, JsonObject().raw("collections", "[" + list + "]").take());
}

Response Databases::make_collection(const Request& request) {
  const auto place = table_of(request);
  if (!place.ok()) return to_response({400, "INVALID_NAME", place.error().message()}, request);
  Declaration declared;
  if (auto refusal = read_declaration(request.body, declared)) {
    return to_response(*refusal, request);
  }
  if (!is_name(declared.name)) return to_response(bad_name(declared.name), request);
  if (is_reserved_collection(declared.name)) {
    return to_response({400, "INVALID_NAME", "\"" + declared.name + "\" is reserved"}, request);
  }
  if (auto refusal = check_fields(declared)) return to_response(*refusal, request);
  const auto known = collections_.has_database(place->database);
  if (!known.ok()) return to_response(to_refusal(known.error()), request);
  if (!*known) return to_response(no_database(place->database), request);
  const TableName name{place->database, declared.name};
  const Refusal exists{409, "COLLECTION_EXISTS", "there is a collection " + name.to_string()};
  if (collections_.find(name).ok()) return to_response(exists, request);
  const auto made =
      collections_.extend(name, declared.columns, declared.on_conflict,
                          {declared.description, declared.hints, declared.fields_json, 0});
  if (!made.ok()) return to_response(to_refusal(made.error()), request);
  const Note note = collections_.catalog().collection(name).value_or(Note());
  JsonObject json;
  json.text("name", declared.name);
  add_note(json, note, "schema_hints");
  return with(201, json.raw("fields", declared.fields_json).take());
}

Response Databases::show_collection(const Request& request) {
  const auto name = table_of(request);
  if (!name.ok()) return to_response({400, "INVALID_NAME", name.error().message()}, request);
  if (request.method == "DELETE") {
    return to_response({501, "NOT_IMPLEMENTED", "collections are not deleted by this version"},
                       request);
  }
  const auto tables = collections_.tables(name->database);
  if (!tables.ok()) return to_response(to_refusal(tables.error()), request);
  for (const TableDescription& table : *tables) {
    if (table.name == *name) return with(200, to_json(table));
  }
  const auto known = collections_.has_database(name->database);
  if (known.ok() && !*known) return to_response(no_database(name->database), request);
  return to_response({404, "COLLECTION_NOT_FOUND", "there is no collection " + name->to_string()},
                     request);
}

Response Databases::show_device_group(const Request& request) {
  const auto name = table_of(request);
  if (!name.ok()) return to_response({400, "INVALID_NAME", name.error().message()}, request);
  const std::string& device = request.path[kDevicePlace];
  const uint32_t hash = hash_of(name->database + ":" + name->collection + ":" + device);
  JsonObject json;
  json.text("database", name->database).text("collection", name->collection);
  json.text("device_id", device).number("group_id", hash % options_.groups_total);
  json.text("primary", options_.node_id).raw("replicas", "[]").text("state", "active");
  return with(200, json.number("total_nodes", 1).take());
}

std::string Databases::group_to_json(uint64_t group) const {
  JsonObject json;
  json.number("group_id", group).text("primary_node", options_.node_id);
  json.raw("replica_nodes", "[]").text("state", "active").number("epoch", 1);
  return json.take();
}

Response Databases::list_groups(const Request& request) {
  const bool is_of_node = request.path.end()[-2] != "admin";
  const std::string node = is_of_node ? request.path.end()[-2] : options_.node_id;
  std::string list;
  const uint64_t count = node == options_.node_id ? options_.groups_total : 0;
  for (uint64_t group = 0; group < count; ++group) {
    list += (group == 0 ? "" : ",") + group_to_json(group);
  }
  JsonObject json;
  if (is_of_node) json.text("node_id", node);
  return with(200, json.raw("groups", "[" + list + "]").number("count", count).take());
}

Response Databases::show_group(const Request& request) {
  const std::string& text = request.path.back();
  uint64_t group = 0;
  const char* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, group);
  if (error == std::errc() && read == end && group < options_.groups_total) {
    return with(200, group_to_json(group));
  }
  return to_response({404, "NOT_FOUND", "there is no group " + text}, request);
}

}  // namespace sluice::server
