// The write-ahead log of Sluice: many threads append durably with few syncs, and what was appended
// is read again.
//
//   wal DIRECTORY        (it exists)
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "sluice/wal.h"

namespace {

sluice::ByteView bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

int fail(const sluice::Error& error) {
  std::fprintf(stderr, "%s\n", error.to_string().c_str());
  return 1;
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: wal DIRECTORY\n");
    return 2;
  }
  const auto log = sluice::SegmentedWal::open(words[1], {});
  if (!log.ok()) return fail(log.error());

  // Each call returns when its record would survive a power cut; those that wait share a sync.
  sluice::GroupCommitter committer(**log);
  std::vector<std::thread> threads;
  for (uint32_t tenant = 1; tenant <= 4; ++tenant) {
    threads.emplace_back([&, tenant] {
      for (int i = 0; i < 100; ++i) {
        const std::string text = "event " + std::to_string(i);
        const auto lsn = committer.submit({.tenant = tenant, .head = bytes(text)});
        if (!lsn.ok()) fail(lsn.error());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%llu records are durable\n", static_cast<unsigned long long>((*log)->durable_lsn()));

  sluice::WalReadOptions options;
  options.filter.tenants = {2};
  const auto reader = (*log)->read(options);
  if (!reader.ok()) return fail(reader.error());
  uint64_t records = 0;
  for (;;) {
    const auto frame = (*reader)->next();
    if (!frame.ok()) return fail(frame.error());
    if (!frame->has_value()) break;
    ++records;
  }
  std::printf("%llu of them are tenant 2's\n", static_cast<unsigned long long>(records));
  const sluice::Status closed = (*log)->close();
  return closed.ok() ? 0 : fail(closed.error());
}
