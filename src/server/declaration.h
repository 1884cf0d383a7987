// Declarations: the JSON by which a database or a collection is made.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/answer.h"
#include "sluice/batch.h"
#include "sluice/conflict.h"

namespace sluice::server {

struct Declaration {
  std::string name = {};
  std::string description = {};
  std::string metadata = {};     ///< JSON, as it was given; empty: none
  std::string hints = {};        ///< the same
  std::string fields_json = {};  ///< the same
  std::vector<Field> columns = {};
  OnConflict on_conflict = OnConflict::kReject;
  bool has_id = false;    ///< a required string
  bool has_time = false;  ///< a required timestamp
};

/// The refusal is the client's fault.
std::optional<Refusal> read_declaration(std::string_view body, Declaration& declared);
/// Of a collection: it has `id` and `time`, and its other fields can be columns.
std::optional<Refusal> check_fields(const Declaration& declared);

}  // namespace sluice::server
