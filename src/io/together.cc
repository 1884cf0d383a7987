#include "io/together.h"

#include <algorithm>
#include <atomic>
#include <memory>

namespace sluice::io {

Status run_together(Runtime& runtime, const std::vector<std::function<Status()>>& works) {
  constexpr size_t kThreadsMax = 8;
  std::vector<Status> verdicts(works.size(), ok());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < works.size(); i = next++) verdicts[i] = works[i]();
  };
  std::vector<std::unique_ptr<Thread>> threads;
  while (threads.size() + 1 < std::min(works.size(), kThreadsMax)) {
    threads.push_back(runtime.spawn("io", work));
  }
  work();
  for (const auto& thread : threads) thread->join();
  for (const Status& verdict : verdicts) TRY(verdict);
  return ok();
}

}  // namespace sluice::io
