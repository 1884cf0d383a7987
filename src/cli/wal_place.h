// WalPlace: what lies at a path that is said to be a log, and the keys to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sluice/result.h"
#include "sluice/wal_key.h"
#include "sluice/wal_options.h"

namespace sluice::cli {

enum class WalPlace : uint8_t { kNothing, kDirectory, kFile };

/// kNotFound: there is no log; the message says what is there instead.
Result<WalPlace> find_log(const std::string& path);
/// The same for a command that changes the log; `force`: also that of a data directory, which is
/// kInvalid otherwise.
Result<WalPlace> find_log_to_change(const std::string& path, bool force);
/// Where a log may be made, or there is one. kInvalid: something else is there.
Result<WalPlace> find_place_for_log(const std::string& path, bool force);

/// A new directory, and its name is durable.
Status make_log_directory(const std::string& path);

inline constexpr const char* kKeyVariable = "SLUICE_WAL_KEY";
/// The keys of the files, the first being the current one, and of the variable; null: there is
/// none.
Result<std::shared_ptr<const KeyRing>> read_keys(const std::vector<std::string>& key_files);

/// The path of a file that lies in the log's directory, or beside its one file.
std::string path_beside(const std::string& path, WalPlace place, const std::string& name);
/// The error of a log, which knows the names of its files, with the path of the file.
Error with_path(const Error& error, const std::string& path, WalPlace place);
/// What an opening cut, as a note.
void tell_cut(const std::string& path, WalPlace place, const WalRepair& repair);

/// The error with what to do about it, where the program's options say more than the library can.
Error advise(const Error& error);

}  // namespace sluice::cli
