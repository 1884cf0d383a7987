// RecordFilter: which records a reader wants, told by their headers alone.
#pragma once

#include <cstdint>
#include <vector>

#include "sluice/wal_reader.h"
#include "wal/format.h"
#include "wal/sealed.h"
#include "wal/type_set.h"

namespace sluice::wal {

class RecordFilter {
 public:
  explicit RecordFilter(const WalReadOptions& options);

  Lsn from() const { return from_; }
  void start_at(Lsn from) { from_ = from; }
  /// All records from from() on.
  bool is_open() const { return is_open_; }

  bool takes(const WalFrameHeader& record) const;
  /// Its type says that it must be known, and is not: no other wish of the reader passes it.
  bool must_refuse(const WalFrameHeader& record) const;
  const TypeSet& known() const { return known_; }
  /// Whether a record that it takes or must refuse, or a type of the log's own that must be known,
  /// may be in the block. A block does not tell types whose numbers are equal modulo 64 apart.
  bool may_take(const SealedHeader& block) const;

 private:
  Lsn from_;
  TypeSet types_;  ///< those wanted
  TypeSet known_;
  uint64_t type_bits_ = 0;         ///< of wanted types, as in a SealedHeader
  std::vector<uint32_t> tenants_;  ///< sorted; empty: any
  std::vector<uint16_t> vshards_;
  bool knows_all_;
  bool is_open_;
};

}  // namespace sluice::wal
