// start_thread(): a thread, or an error where the system has none to spare.
#pragma once

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "sluice/result.h"

namespace sluice::remote {

/// kBusy: there are too many threads.
template <class Run>
Status start_thread(std::thread& thread, Run run) {
  try {
    thread = std::thread(std::move(run));
  } catch (const std::system_error& error) {
    return Error(Code::kBusy, std::string("no thread for a connection: ") + error.what());
  }
  return ok();
}

}  // namespace sluice::remote
