#include "server/device_columns.h"

#include <algorithm>
#include <cstdlib>

#include "sluice/time_text.h"

namespace sluice::server {
namespace {

constexpr Nanos kMinute = 60 * kSecond;

void append_hex(std::string& json, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  json += '"';
  for (const char c : bytes) {
    json += kDigits[static_cast<unsigned char>(c) >> 4];
    json += kDigits[c & 15];
  }
  json += '"';
}

/// `time` as a clock that is `offset` ahead of UTC shows it; in UTC where no such time is.
std::string time_text(Nanos time, Nanos offset) {
  Nanos shifted = 0;
  if (offset == 0 || __builtin_add_overflow(time, offset, &shifted)) return format_time(time);
  std::string text = format_time(shifted);
  text.pop_back();
  const Nanos minutes = std::abs(offset) / kMinute;
  const auto two = [](Nanos number) {
    return std::string(number < 10 ? "0" : "") + std::to_string(number);
  };
  return text + (offset < 0 ? '-' : '+') + two(minutes / 60) + ":" + two(minutes % 60);
}

void append_value(std::string& json, const ColumnView& column, size_t row, Nanos offset) {
  switch (column.type) {
    case Type::kNull:
      json += "null";
      break;
    case Type::kBool:
      json += column.boolean(row) ? "true" : "false";
      break;
    case Type::kInt64:
      json += std::to_string(column.int64(row));
      break;
    case Type::kDouble:
      append_real(json, column.real(row));
      break;
    case Type::kString:
      append_text(json, column.bytes(row));
      break;
    case Type::kBinary:
      append_hex(json, column.bytes(row));
      break;
    case Type::kTimestamp:
      append_text(json, time_text(column.int64(row), offset));
      break;
  }
}

}  // namespace

void DeviceColumns::begin(const Schema& schema, std::string_view id, std::string_view time) {
  for (size_t index = 0; index < schema.size(); ++index) {
    const std::string& name = schema[index].name;
    if (name == id) {
      id_ = index;
    } else if (name == time) {
      time_ = index;
    } else {
      columns_.push_back({name, index});
    }
  }
}

DeviceColumns::Device& DeviceColumns::device_of(const std::string& id) {
  const auto [at, is_new] = devices_.try_emplace(id);
  if (is_new) {
    at->second.columns.resize(columns_.size());
    bytes_ += sizeof(Device) + id.size() + columns_.size() * sizeof(Values);
  }
  return at->second;
}

Status DeviceColumns::take(const Batch& batch) {
  std::vector<ColumnView> views;
  for (size_t index = 0; index < batch.schema()->size(); ++index) {
    views.push_back(batch.column(index));
  }
  std::string id;
  std::string last;
  Device* device = nullptr;
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    id.clear();
    append_value(id, views[id_], row, 0);
    if (device == nullptr || id != last) device = &device_of(id);
    last = id;
    append_row(*device, views, row);
  }
  if (bytes_ <= bytes_max_) return ok();
  return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                "the answer is too large: ask for a shorter range, fewer ids or fields, or a limit",
                "", bytes_max_, bytes_});
}

void DeviceColumns::append_row(Device& device, const std::vector<ColumnView>& views, uint32_t row) {
  if (query_.interval) {
    const bool is_empty = std::all_of(columns_.begin(), columns_.end(), [&](const Column& column) {
      const ColumnView& view = views[column.index];
      const bool is_count = query_.aggregation == Aggregate::Function::kCount;
      return view.is_null(row) || (is_count && view.int64(row) == 0);
    });
    if (is_empty || (query_.limit > 0 && device.rows >= query_.limit)) return;
  }
  const char* comma = device.rows == 0 ? "" : ",";
  ++device.rows;
  const auto append = [&](std::string& text, const ColumnView& view) {
    const size_t before = text.size();
    text += comma;
    if (view.is_null(row)) {
      text += "null";
    } else {
      append_value(text, view, row, query_.offset);
    }
    bytes_ += text.size() - before;
  };
  append(device.times, views[time_]);
  for (size_t at = 0; at < columns_.size(); ++at) {
    const ColumnView& view = views[columns_[at].index];
    append(device.columns[at].text, view);
    device.columns[at].has_value = device.columns[at].has_value || !view.is_null(row);
  }
}

void DeviceColumns::append_device(const std::string& id, const Device& device) {
  if (device.rows == 0) return;
  out_ += out_.back() == '[' ? "{\"id\":" : ",{\"id\":";
  out_ += id + ",\"times\":[" + device.times + "]";
  for (size_t at = 0; at < columns_.size(); ++at) {
    if (!device.columns[at].has_value) continue;
    out_ += ',';
    append_text(out_, columns_[at].name);
    out_ += ":[" + device.columns[at].text + "]";
  }
  out_ += '}';
}

std::string DeviceColumns::finish() {
  while (!devices_.empty()) {
    const auto first = devices_.begin();
    append_device(first->first, first->second);
    devices_.erase(first);
  }
  out_ += "]}";
  return std::move(out_);
}

}  // namespace sluice::server
