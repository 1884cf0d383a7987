#include "memtable/buffer.h"

#include "base/check.h"

namespace sluice::memtable {

void Buffer::append(Run run, Nanos now) {
  CHECK(runs_.empty() || run.lsn > runs_.back().lsn);
  if (runs_.empty()) oldest_ = now;
  rows_ += run.batch.rows();
  bytes_ += charge(run.batch);
  runs_.push_back(std::move(run));
}

}  // namespace sluice::memtable
