#include "memtable/gatherer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice::memtable {

namespace {

/// Short texts are most; a call for each costs more than they do.
void copy_text(char* to, const char* from, size_t bytes) {
  if (bytes < 8 || bytes > 16) {
    if (bytes > 0) std::memcpy(to, from, bytes);  // where all are empty, there is no `to`
    return;
  }
  uint64_t first = 0;
  uint64_t last = 0;
  std::memcpy(&first, from, 8);
  std::memcpy(&last, from + bytes - 8, 8);
  std::memcpy(to, &first, 8);
  std::memcpy(to + bytes - 8, &last, 8);
}

}  // namespace

Gatherer::Gatherer(const Frozen& frozen, SchemaPtr columns, uint64_t epoch)
    : frozen_(frozen),
      columns_(std::move(columns)),
      epoch_(epoch),
      slot_of_run_(frozen.runs_.size()),
      may_be_null_(columns_->size()) {}

bool Gatherer::is_version(size_t column) const {
  return (*columns_)[column].name == kVersionColumn;
}

// Only the runs that these rows touch are looked at, so that many small runs and many small
// partitions stay linear.
void Gatherer::resolve(size_t first, size_t count) {
  if (views_.size() >= kViewsMax) {
    run_of_slot_.clear();
    views_.clear();
    std::fill(may_be_null_.begin(), may_be_null_.end(), false);
  }
  places_.clear();
  for (size_t at = first; at < first + count; ++at) {
    const RowRef row = frozen_.order_[at].at;
    const uint32_t slot = slot_of_run_[row.run];
    if (slot >= run_of_slot_.size() || run_of_slot_[slot] != row.run) {
      if (views_.size() >= kViewsMax && !places_.empty()) return;
      add_slot(row.run);
    }
    places_.push_back({slot_of_run_[row.run], row.row});
  }
}

void Gatherer::add_slot(uint32_t run) {
  slot_of_run_[run] = static_cast<uint32_t>(run_of_slot_.size());
  run_of_slot_.push_back(run);
  const Batch& batch = frozen_.runs_[run].batch;
  for (size_t column = 0; column < columns_->size(); ++column) {
    const Field& field = (*columns_)[column];
    const bool is_found = !is_version(column);
    const auto index = is_found ? batch.schema()->find(field.name) : std::nullopt;
    const ColumnView& view = views_.emplace_back(index ? batch.column(*index) : ColumnView{});
    CHECK(view.type == Type::kNull || view.type == field.type);
    if (is_found && (view.type == Type::kNull || view.null_count > 0)) may_be_null_[column] = true;
  }
}

model::ColumnShape Gatherer::shape_of(size_t column) const {
  model::ColumnShape shape;
  shape.type = (*columns_)[column].type;
  shape.rows = static_cast<uint32_t>(places_.size());
  if (may_be_null_[column]) {
    for (const Place& at : places_) shape.null_count += view(at.slot, column).is_null(at.row);
  }
  if (!model::is_text(shape.type)) return shape;
  for (const Place& at : places_) {
    const uint32_t* offsets = view(at.slot, column).offsets;
    if (offsets != nullptr) shape.text_bytes += offsets[at.row + 1] - offsets[at.row];
  }
  return shape;
}

void Gatherer::fill(size_t column, model::Encoding::Space space) {
  if (space.validity != nullptr) fill_validity(column, space.validity);
  if (is_version(column)) return fill_versions(space.values);
  switch ((*columns_)[column].type) {
    case Type::kNull:
      return;
    case Type::kBool:
      return fill_values<uint8_t>(column, space.values);
    case Type::kInt64:
    case Type::kTimestamp:
    case Type::kDouble:
      return fill_values<uint64_t>(column, space.values);
    case Type::kString:
    case Type::kBinary:
      return fill_texts(column, space);
  }
}

void Gatherer::fill_validity(size_t column, uint64_t* validity) const {
  for (size_t first = 0; first < places_.size(); first += 64) {
    const size_t end = std::min(first + 64, places_.size());
    uint64_t word = 0;
    for (size_t at = first; at < end; ++at) {
      const Place& place = places_[at];
      word |= uint64_t{!view(place.slot, column).is_null(place.row)} << (at - first);
    }
    validity[first / 64] = word;
  }
}

void Gatherer::fill_versions(std::byte* values) const {
  for (const Place& at : places_) {
    store(values, make_version(epoch_, frozen_.runs_[run_of_slot_[at.slot]].lsn));
    values += sizeof(int64_t);
  }
}

// The value of a null row is zero in its run already.
template <class T>
void Gatherer::fill_values(size_t column, std::byte* values) {
  bases_.clear();
  bool is_missing = false;
  for (size_t slot = 0; slot < run_of_slot_.size(); ++slot) {
    bases_.push_back(view(slot, column).values);
    is_missing = is_missing || bases_.back() == nullptr;
  }
  for (const Place& at : places_) {
    const std::byte* base = bases_[at.slot];
    const bool is_zero = is_missing && base == nullptr;
    store(values, is_zero ? T{0} : load<T>(base + at.row * sizeof(T)));
    values += sizeof(T);
  }
}

void Gatherer::fill_texts(size_t column, model::Encoding::Space space) const {
  char* const begin = reinterpret_cast<char*>(space.values);
  char* to = begin;
  *space.offsets++ = 0;
  for (const Place& at : places_) {
    const ColumnView& source = view(at.slot, column);
    if (source.offsets != nullptr) {
      const std::string_view text = source.bytes(at.row);
      copy_text(to, text.data(), text.size());
      to += text.size();
    }
    *space.offsets++ = static_cast<uint32_t>(to - begin);
  }
}

Result<Batch> Gatherer::rows(size_t first, size_t count) {
  CHECK(count > 0 && count <= 65536 && first + count <= frozen_.rows_);
  for (;; count /= 2) {
    resolve(first, count);
    count = places_.size();
    model::Layout layout(static_cast<uint32_t>(count), columns_->size());
    for (size_t column = 0; column < columns_->size(); ++column) layout.place(shape_of(column));
    if (count > 1 && layout.bytes() > kGatherBytes) continue;
    if (layout.bytes() > kBatchBytesMax) {
      return Error({Code::kInvalid,
                    Reason::kPayloadTooLarge,
                    "too many bytes for one batch",
                    {},
                    kBatchBytesMax,
                    layout.bytes()});
    }
    model::Encoding encoding(layout);
    for (size_t column = 0; column < columns_->size(); ++column) {
      fill(column, encoding.space(column));
    }
    return Batch::decode(columns_, encoding.bytes(), encoding.owner());
  }
}

}  // namespace sluice::memtable
