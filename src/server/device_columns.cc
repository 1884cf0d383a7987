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
      columns_.push_back({name, index, {}, false});
    }
  }
}

Status DeviceColumns::take(const Batch& batch) {
  std::vector<ColumnView> views;
  for (size_t index = 0; index < batch.schema()->size(); ++index) {
    views.push_back(batch.column(index));
  }
  std::string id;
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    id.clear();
    append_value(id, views[id_], row, 0);
    if (!has_device_ || id != device_) {
      end_device();
      device_ = id;
      has_device_ = true;
    }
    append_row(views, row);
  }
  if (bytes() <= bytes_max_) return ok();
  return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                "the answer is too large: ask for a shorter range, fewer ids or fields, or a limit",
                "", bytes_max_, bytes()});
}

void DeviceColumns::append_row(const std::vector<ColumnView>& views, uint32_t row) {
  if (query_.interval) {
    const bool is_empty = std::all_of(columns_.begin(), columns_.end(), [&](const Column& column) {
      const ColumnView& view = views[column.index];
      const bool is_count = query_.aggregation == Aggregate::Function::kCount;
      return view.is_null(row) || (is_count && view.int64(row) == 0);
    });
    if (is_empty || (query_.limit > 0 && rows_ >= query_.limit)) return;
  }
  const char* comma = rows_ == 0 ? "" : ",";
  ++rows_;
  times_ += comma;
  append_value(times_, views[time_], row, query_.offset);
  for (Column& column : columns_) {
    const ColumnView& view = views[column.index];
    column.values += comma;
    if (view.is_null(row)) {
      column.values += "null";
      continue;
    }
    column.has_value = true;
    append_value(column.values, view, row, query_.offset);
  }
}

void DeviceColumns::end_device() {
  if (has_device_ && rows_ > 0) {
    out_ += out_.back() == '[' ? "{\"id\":" : ",{\"id\":";
    out_ += device_ + ",\"times\":[" + times_ + "]";
    for (const Column& column : columns_) {
      if (!column.has_value) continue;
      out_ += ',';
      append_text(out_, column.name);
      out_ += ":[" + column.values + "]";
    }
    out_ += '}';
  }
  rows_ = 0;
  times_.clear();
  for (Column& column : columns_) {
    column.values.clear();
    column.has_value = false;
  }
}

uint64_t DeviceColumns::bytes() const {
  uint64_t sum = out_.size() + times_.size();
  for (const Column& column : columns_) sum += column.values.size();
  return sum;
}

std::string DeviceColumns::finish() {
  end_device();
  out_ += "]}";
  return std::move(out_);
}

}  // namespace sluice::server
