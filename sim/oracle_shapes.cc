#include "sim/oracle_shapes.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::sim {

bool Shapes::was_widened() const {
  return std::any_of(spans_.begin(), spans_.end(),
                     [](const Span& span) { return span.shape.has_longs; });
}

void Shapes::begin(const Shape& to, uint64_t tick) {
  spans_.push_back({to, tick});
  generations_ = std::max(generations_, to.extra);
  ++alive_;
  ++changes_;
}

void Shapes::done(uint64_t tick) {
  end_all_but_newest(tick);
  ++changes_;
}

void Shapes::undone() {
  CHECK(spans_.size() > 1);
  spans_.pop_back();
  --alive_;
  ++changes_;
}

void Shapes::witness(const Shape& seen, uint64_t begin, uint64_t tick) {
  const bool is_newest = std::all_of(spans_.begin(), spans_.end(), [&](const Span& span) {
    if (&span == &spans_.back()) return span.shape.looks_like(seen);
    return span.until < begin || !span.shape.looks_like(seen);
  });
  if (is_newest) end_all_but_newest(tick);
}

void Shapes::end_all_but_newest(uint64_t tick) {
  for (Span& span : spans_) {
    if (&span != &spans_.back()) span.until = std::min(span.until, tick);
  }
  spans_.back().sure_from = std::min(spans_.back().sure_from, tick);
  alive_ = 1;
}

std::vector<Shape> Shapes::candidates(const Shape& seen, uint64_t from, uint64_t until) const {
  std::vector<Shape> found;
  for (const Span& span : spans_) {
    const bool in_time = span.from <= until && span.until >= from;
    if (in_time && span.shape.looks_like(seen)) found.push_back(span.shape);
  }
  return found;
}

const Shapes::Span* Shapes::first_with(uint32_t generation) const {
  const auto first = std::find_if(spans_.begin(), spans_.end(),
                                  [&](const Span& span) { return span.shape.extra == generation; });
  return first == spans_.end() ? nullptr : &*first;
}

bool Shapes::is_before(uint64_t end, uint32_t generation) const {
  const Span* first = first_with(generation);
  return first != nullptr && end < first->from;
}

bool Shapes::is_behind(uint64_t begin, uint32_t generation) const {
  const Span* first = first_with(generation);
  return first != nullptr && begin >= first->sure_from;
}

}  // namespace sluice::sim
