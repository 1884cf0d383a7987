// When a writer flushes what it has collected: by size, by time, or by both.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sluice/cdc.h"

namespace sluice {

/// Collects the entries of one writer, who calls from one thread at a time. Implement it to decide
/// by something else.
class BufferStrategy {
 public:
  virtual ~BufferStrategy() = default;
  /// All of them or none, as CdcBuffer::add().
  virtual Status append(std::string_view source, std::span<const WalEntry> entries, Nanos now) = 0;
  /// Everything, in order; it is empty afterwards.
  virtual DrainedEntries flush() = 0;
  virtual CdcBufferStats stats() const = 0;
  /// Drops what it holds; the cursors stay.
  virtual void clear() = 0;
  virtual bool is_empty() const = 0;
  virtual bool should_flush(Nanos now) const = 0;
  /// Nothing: not by time, or it is empty.
  virtual std::optional<Nanos> time_to_flush(Nanos now) const = 0;
  virtual std::map<std::string, uint64_t> source_cursors() const = 0;
};

enum class FlushRule : uint8_t {
  kSize,    ///< entries or bytes
  kTime,    ///< age of the first entry
  kHybrid,  ///< whichever is first
};
/// Over a CdcBuffer, whose limit holds whatever the rule. kInvalid: the options.
Result<std::unique_ptr<BufferStrategy>> make_buffer_strategy(FlushRule rule,
                                                             CdcBufferOptions options);

}  // namespace sluice
