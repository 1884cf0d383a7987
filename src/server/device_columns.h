// DeviceColumns: rows as JSON, one object a device: {"id":"a","times":[...],"temp":[...]}. The rows
// of a device come in the order of time. A field that has no value at all is left out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query.h"
#include "sluice/batch.h"

namespace sluice::server {

/// One thread.
class DeviceColumns {
 public:
  /// The answer begins with `head`.
  DeviceColumns(const Query& query, uint64_t bytes_max, std::string head)
      : query_(query), bytes_max_(bytes_max), out_(std::move(head) + "[") {}

  /// The columns of all batches; `id` and `time` are two of them.
  void begin(const Schema& schema, std::string_view id, std::string_view time);
  /// kInvalid (kPayloadTooLarge): the answer became too large.
  Status take(const Batch& batch);
  /// The answer: behind its head the list of all devices, and the end of an object.
  std::string finish();

 private:
  struct Values {
    std::string text;
    bool has_value = false;
  };
  struct Device {
    std::string times;
    std::vector<Values> columns;
    uint64_t rows = 0;
  };
  struct Column {
    std::string name;
    size_t index = 0;
  };
  void append_row(Device& device, const std::vector<ColumnView>& views, uint32_t row);
  void append_device(const std::string& id, const Device& device);
  Device& device_of(const std::string& id);

  const Query& query_;
  const uint64_t bytes_max_;
  size_t id_ = 0;
  size_t time_ = 0;
  std::vector<Column> columns_;
  std::map<std::string, Device> devices_;  ///< by id, as JSON
  uint64_t bytes_ = 0;                     ///< that they take, about
  std::string out_;
};

}  // namespace sluice::server
