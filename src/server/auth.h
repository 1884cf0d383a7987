// Keys: who may call /v1 and /admin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http.h"

namespace sluice::server {

/// Any thread.
class Keys {
 public:
  /// kInvalid: a key that is shorter than kKeyBytesMin or blank; the error shows at most 4
  /// characters of it.
  static Result<Keys> make(std::vector<std::string> keys);
  bool empty() const { return keys_.empty(); }
  /// Whether the request carries one of the keys, or none is asked for. `X-API-Key: K`,
  /// `Authorization: Bearer K`, `ApiKey K` or K alone. The time it takes tells nothing of a key.
  bool admit(const Request& request) const;

 private:
  std::vector<std::string> keys_;
};

/// The first 4 characters of a key, and that there are more.
std::string masked(std::string_view key);

}  // namespace sluice::server
