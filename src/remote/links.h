// Links: the connections of one client to one host.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "remote/link.h"

namespace sluice::remote {

/// Each call has a link for itself, so that none waits for another one's flush. Any thread.
class Links {
 public:
  /// Errors of Link::open().
  static Result<std::unique_ptr<Links>> open(const std::string& data_dir);
  ~Links();

  /// An idle link, or a new one. kCancelled (kClosed): after close(). kIo (kClosed): the host is
  /// gone; who runs by now in its place is another one.
  Result<std::shared_ptr<Link>> take();
  /// Of no further use to whoever took it.
  void give_back(std::shared_ptr<Link> link);
  /// One that does not come back. It may outlive this.
  Result<std::shared_ptr<Link>> take_for_good();
  /// Waits for the acks of appends, at most so long; then ends all calls but on the links that were
  /// taken for good. False: some acks did not come in time.
  bool close(Nanos timeout);

 private:
  explicit Links(std::string data_dir) : data_dir_(std::move(data_dir)) {}
  Result<std::shared_ptr<Link>> connect();

  const std::string data_dir_;
  const std::shared_ptr<AcksDue> due_ = std::make_shared<AcksDue>();
  std::mutex mutex_;  ///< of what follows
  uint64_t instance_ = 0;
  std::vector<std::shared_ptr<Link>> idle_;
  std::vector<std::weak_ptr<Link>> all_;  ///< but those for good
  bool is_closed_ = false;
};

}  // namespace sluice::remote
