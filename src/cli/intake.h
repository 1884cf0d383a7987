// Intake: inputs on their way into one table.
//
// An input: 1 sample its head  2 make the table, or add the columns it lacks  3 find out by content
// how much of it is in the table already  4 decode, keep rejects, send batches.
// Owns: what was counted. Does not own: the engine, the flush.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/input_file.h"
#include "cli/progress.h"
#include "cli/rejects_file.h"
#include "cli/sender.h"
#include "sluice/engine.h"
#include "source/decoder.h"
#include "source/file_source.h"
#include "source/sample.h"

namespace sluice::cli {

struct IntakeOptions {
  TableName table;
  std::vector<std::string> key;  ///< empty: of the existing table, or none
  std::string time;              ///< likewise
  std::string rejects_path;      ///< empty: for each input a file of its own in rejects_folder
  std::string rejects_folder;
  uint64_t rows_per_second = 0;  ///< 0: no limit
  bool reports_columns = true;   ///< tells the columns and their types
};

/// What became of one input so far.
struct InputReport {
  std::string input;
  uint64_t rows = 0;  ///< durable, and not in the table before
  uint64_t rejects = 0;
  std::string rejects_path = {};  ///< empty: no rejects
  std::string first_reject = {};  ///< the same
  uint64_t bytes = 0;             ///< decoded, rejects included
  uint64_t resume_offset = 0;     ///< everything before it was in the table already
};

/// One thread.
class Intake {
 public:
  Intake(OpenEngine& open, const Interrupt& interrupt, Progress& progress, IntakeOptions options);
  /// Takes what of the input is not in the table yet. kCancelled: the user asked to stop. After an
  /// error the report still tells how far it came.
  Status take(const std::string& path);
  const std::vector<InputReport>& reports() const { return reports_; }

 private:
  Result<std::optional<TableSpec>> existing_spec() const;
  Status make_table(const source::Sample& sample, const std::optional<TableSpec>& spec);
  void report_columns(const source::Sample& sample, const std::optional<TableSpec>& spec) const;
  Status take_file(InputFile& file, uint64_t size, const source::Sample& sample);
  Status take_records(source::Input& input, const source::Sample& sample,
                      const std::optional<source::FileIdentity>& identity);
  Status pump(source::Decoder& decoder, RejectsFile& rejects, Sender& sender);
  Result<RejectsFile> open_rejects() const;
  void keep_pace(Nanos began, uint64_t rows) const;

  Engine& engine_;
  Runtime& runtime_;
  const Interrupt& interrupt_;
  Progress& progress_;
  const IntakeOptions options_;
  std::vector<InputReport> reports_;
};

}  // namespace sluice::cli
