// Troubles: notes of what keeps tables from being written, each once for as long as it lasts.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "sluice/events.h"

namespace sluice::cli {

/// Any thread.
class Troubles : public Listener {
 public:
  void on_flush(const FlushCompleteEvent& flush) override;
  void on_trouble(const TableName& table, const Error& error) override;

 private:
  std::mutex mutex_;
  std::map<TableName, std::string> told_;  ///< the message of the trouble that lasts
};

}  // namespace sluice::cli
