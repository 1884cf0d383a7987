#include "sluice/buffer_strategy.h"

namespace sluice {
namespace {

class BufferedEntries final : public BufferStrategy {
 public:
  explicit BufferedEntries(CdcBuffer buffer) : buffer_(std::move(buffer)) {}

  Status append(std::string_view source, std::span<const WalEntry> entries, Nanos now) override {
    return buffer_.add(source, entries, now);
  }
  DrainedEntries flush() override { return buffer_.drain(); }
  CdcBufferStats stats() const override { return buffer_.stats(); }
  void clear() override { static_cast<void>(buffer_.drain()); }
  bool is_empty() const override { return buffer_.is_empty(); }
  bool should_flush(Nanos now) const override { return buffer_.should_flush(now); }
  std::optional<Nanos> time_to_flush(Nanos now) const override {
    return buffer_.time_to_flush(now);
  }
  std::map<std::string, uint64_t> source_cursors() const override {
    return buffer_.state().cursors;
  }

 private:
  CdcBuffer buffer_;
};

}  // namespace

Result<std::unique_ptr<BufferStrategy>> make_buffer_strategy(FlushRule rule,
                                                             CdcBufferOptions options) {
  if (rule == FlushRule::kSize) options.buffer_timeout = kForever;
  if (rule == FlushRule::kTime) options.buffer_size = options.target_block_size = UINT64_MAX;
  CdcBuffer buffer = TRY(CdcBuffer::create(std::move(options)));
  return std::unique_ptr<BufferStrategy>(new BufferedEntries(std::move(buffer)));
}

}  // namespace sluice
