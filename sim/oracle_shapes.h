// The shapes of a table: what its columns were called, and which there were, from when to when.
//
// An alteration whose answer was lost may have happened or not: until somebody sees the new shape,
// or another alteration ends, the table may have either. Ticks are the ledger's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/workload_rows.h"

namespace sluice::sim {

class Shapes {
 public:
  /// The newest that the table may have.
  const Shape& newest() const { return spans_.back().shape; }
  /// Whether it can be only that one.
  bool is_sure() const { return alive_ == 1; }
  bool was_altered() const { return changes_ > 0; }
  /// Rises with every beginning and end of an alteration.
  uint64_t changes() const { return changes_; }
  bool was_widened() const;  ///< perhaps
  uint32_t generations() const { return generations_; }

  void begin(const Shape& to, uint64_t tick);
  void done(uint64_t tick);
  /// It was refused: the table never had that shape.
  void undone();
  /// A reader that began at `begin` saw it: if only the newest looked so since, the others are
  /// over.
  void witness(const Shape& seen, uint64_t begin, uint64_t tick);

  /// The shapes that look like `seen` and that the table may have had in that time.
  std::vector<Shape> candidates(const Shape& seen, uint64_t from, uint64_t until) const;
  /// Whether a batch that ended by then was too early for a value in this generation of the column
  /// that comes and goes.
  bool is_before(uint64_t end, uint32_t generation) const;
  /// Whether a batch that began then found this generation of the column for sure, if any: not an
  /// earlier one of the same name.
  bool is_behind(uint64_t begin, uint32_t generation) const;

 private:
  struct Span {
    Shape shape;
    uint64_t from = 0;
    uint64_t until = UINT64_MAX;
    uint64_t sure_from = UINT64_MAX;
  };
  const Span* first_with(uint32_t generation) const;
  void end_all_but_newest(uint64_t tick);

  std::vector<Span> spans_{Span{}};
  uint64_t alive_ = 1;
  uint64_t changes_ = 0;
  uint32_t generations_ = 0;
};

}  // namespace sluice::sim
