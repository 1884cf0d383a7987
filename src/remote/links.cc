#include "remote/links.h"

#include <algorithm>
#include <utility>

namespace sluice::remote {
namespace {

Error gone(const std::string& data_dir) {
  return Error(Code::kIo, Reason::kClosed,
               "the server of the data directory is gone; connect again", data_dir);
}

}  // namespace

Result<std::unique_ptr<Links>> Links::open(const std::string& data_dir) {
  std::unique_ptr<Links> links(new Links(data_dir));
  std::shared_ptr<Link> first = TRY(Link::open(data_dir, links->due_));
  links->instance_ = first->instance();
  links->all_.push_back(first);
  links->idle_.push_back(std::move(first));
  return links;
}

Links::~Links() {
  close(0);
}

Result<std::shared_ptr<Link>> Links::take() {
  std::unique_lock lock(mutex_);
  if (is_closed_) return Error(Code::kCancelled, Reason::kClosed, "the connection was closed");
  while (!idle_.empty()) {
    std::shared_ptr<Link> link = std::move(idle_.back());
    idle_.pop_back();
    if (!link->is_whole()) return gone(data_dir_);
    return link;
  }
  lock.unlock();
  std::shared_ptr<Link> link = TRY(connect());
  lock.lock();
  if (is_closed_) return Error(Code::kCancelled, Reason::kClosed, "the connection was closed");
  std::erase_if(all_, [](const auto& each) { return each.expired(); });
  all_.push_back(link);
  return link;
}

Result<std::shared_ptr<Link>> Links::take_for_good() {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return Error(Code::kCancelled, Reason::kClosed, "the connection was closed");
  }
  return connect();
}

Result<std::shared_ptr<Link>> Links::connect() {
  auto opened = Link::open(data_dir_, due_);
  if (!opened.ok() && opened.error().code() == Code::kNotFound) return gone(data_dir_);
  std::shared_ptr<Link> link = TRY(std::move(opened));
  if (link->instance() != instance_) return gone(data_dir_);
  return link;
}

void Links::give_back(std::shared_ptr<Link> link) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(link));
}

bool Links::close(Nanos timeout) {
  std::vector<std::weak_ptr<Link>> all;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return true;
    is_closed_ = true;
    all.swap(all_);
  }
  const bool is_complete = due_->wait(timeout);
  for (const auto& each : all) {
    if (const auto link = each.lock()) link->cut();
  }
  std::vector<std::shared_ptr<Link>> idle;
  const std::lock_guard lock(mutex_);
  idle.swap(idle_);
  return is_complete;
}

}  // namespace sluice::remote
