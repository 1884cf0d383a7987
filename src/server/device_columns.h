// DeviceColumns: rows in the order of device and time as JSON, one object a device:
// {"id":"a","times":[...],"temp":[...]}. A field that has no value at all is left out.
#pragma once

#include <cstdint>
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
  struct Column {
    std::string name;
    size_t index = 0;
    std::string values;
    bool has_value = false;
  };
  void append_row(const std::vector<ColumnView>& views, uint32_t row);
  void end_device();
  uint64_t bytes() const;

  const Query& query_;
  const uint64_t bytes_max_;
  size_t id_ = 0;
  size_t time_ = 0;
  std::vector<Column> columns_;
  std::string times_;
  std::string device_;
  uint64_t rows_ = 0;  ///< of the device
  bool has_device_ = false;
  std::string out_;
};

}  // namespace sluice::server
