// Intake: inputs on their way into one table; line protocol also into those of a database.
//
// An input: 1 find out by content how much of it is in the table already  2 sample its head  3 make
// the table, or add the columns it lacks  4 decode, keep rejects, send batches.
// Owns: what was counted, what the table knows of files. Does not own: the engine, the flush.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/content.h"
#include "cli/point_tables.h"
#include "cli/progress.h"
#include "cli/rejects_file.h"
#include "cli/sender.h"
#include "sluice/engine.h"
#include "source/decoder.h"
#include "source/file_source.h"
#include "source/sample.h"

namespace sluice::cli {

struct IntakeOptions {
  TableName table;  ///< without a collection: line protocol, a table for each measurement
  std::vector<std::string> key;  ///< empty: of the existing table, or none
  std::string time;              ///< likewise
  /// Likewise; absent: of the existing table, or by the day of `time`.
  std::optional<std::vector<PartitionField>> partition;
  std::optional<source::Format> format;  ///< absent: by each input's name, or first bytes
  std::vector<Field> types;              ///< declared by the user, by table name
  source::TimeUnit precision = source::TimeUnit::kNanos;  ///< of line protocol
  std::optional<OnConflict> on_conflict;                  ///< absent: that of the table
  std::string rejects_path;  ///< empty: for each input a file of its own in rejects_folder
  std::string rejects_folder;
  uint64_t rows_per_second = 0;  ///< 0: no limit
  bool reports_columns = true;   ///< tells new columns and their types
  bool tells_of_each = true;     ///< what was met in each input
  uint64_t inputs_expected = 0;  ///< for the progress; 0: unknown
};

/// What became of one input so far.
struct InputReport {
  std::string input;
  uint64_t rows = 0;            ///< durable, and not in the table before
  source::ConflictCounts kept = {};  ///< rows sent with something in the column _rest
  source::ConflictCounts rejects = {};
  std::string rejects_path = {};  ///< empty: no rejects
  std::string first_reject = {};  ///< the same
  uint64_t bytes = 0;             ///< decoded, rejects included
  uint64_t resume_offset = 0;     ///< everything before it was in the table already
  bool was_known = false;         ///< all of it was
  bool has_open_end = false;      ///< its last record was left, it may be written still
  std::optional<Error> failure = std::nullopt;  ///< why it was not taken to its end
};

/// One thread.
class Intake {
 public:
  struct Totals {
    uint64_t inputs = 0;
    uint64_t known = 0;  ///< inputs that were in the table already
    uint64_t rows = 0;
    source::ConflictCounts kept;
    source::ConflictCounts rejects;
    uint64_t bytes = 0;
    uint64_t failures = 0;
  };

  Intake(OpenEngine& open, const Interrupt& interrupt, Progress& progress, IntakeOptions options);
  /// Takes what of the input is not in the table yet. A plain file is taken but for a last record
  /// without its end, if `settled_bytes` is given and not its size: somebody may write it still. An
  /// input that is at fault is reported as a failure, with a note, and the next one may be taken.
  /// An error is of the ingest: kCancelled if the user asked to stop; kInvalid if a record is
  /// refused (OnConflict::kRefuse), which is reported as a failure too.
  Status take(const std::string& path, std::optional<uint64_t> settled_bytes = std::nullopt);
  /// An input that cannot even be named.
  Status take_failure(const Error& failure);
  /// The verdict of all that was sent. At last it is asked for whatever take() said.
  Status finish();

  /// Of the last inputs, at most kReportsMax.
  const std::deque<InputReport>& reports() const { return reports_; }
  /// Of a database: the tables that were sent something.
  std::vector<TableName> tables() const { return points_.used(); }
  static constexpr size_t kReportsMax = 10'000;
  Totals totals() const;

 private:
  /// An input whose beginning was looked at.
  struct Opened {
    std::unique_ptr<Content> content;
    source::OpenEnd open_end = source::OpenEnd::kTake;
    std::optional<source::FileIdentity> identity;  ///< absent: a stream
    source::Head head;
    std::optional<source::Sample> sample;  ///< absent: line protocol, or nothing to take
    bool holds_points = false;             ///< line protocol
    std::optional<std::string> beginning;  ///< of points in front of a refused one: its name
  };

  Status learn_table();
  Status begin_report(const std::string& input);
  /// Its errors are the input's.
  Result<Opened> open_input(const std::string& path, std::optional<uint64_t> settled_bytes);
  Status take_opened(Opened& opened);
  /// By collection: what of the input at hand was sent, up to where.
  using Reached = std::map<std::string, uint64_t>;

  Status take_points(Opened& opened);
  Status check_points() const;
  source::LineProtocolOptions point_options(const Opened& opened) const;
  Status pump_points(source::LineProtocolDecoder& decoder, RejectsFile& rejects, Opened& opened,
                     Reached& reached);
  Status send_points(source::DecodedPoints& points, Opened& opened, Reached& reached);
  Status make_point_table(const source::DecodedPoints& points);
  Status make_rest_column(const Batch& batch);
  /// The text from where the identity says on.
  Result<source::Input*> text_of(Opened& opened, source::HeadedInput& stream) const;
  uint32_t batch_rows_max(uint32_t usual) const;
  void begin_progress(const Opened& opened);
  Status make_table(const source::Sample& sample);
  void report_columns(const source::Sample& sample) const;
  void report_resumption() const;
  Status pump(source::Decoder& decoder, RejectsFile& rejects, Opened& opened);
  /// Of the table, or of those that are made.
  OnConflict policy() const;
  Status send(source::Decoded decoded, Opened& opened, uint64_t& previous);
  Status refuse(source::Decoded held, source::Decoded last, Opened& opened, uint64_t& previous);
  /// The name of the file's beginning: as if it were a file, of which everything is taken.
  Result<std::optional<std::string>> name_beginning(Opened& opened, uint64_t bytes) const;
  Status send_last_points(source::DecodedPoints& points, Opened& opened);
  /// What the user can do next.
  enum class Outlook : uint8_t { kNothingTaken, kGoesOn, kTakenInFront };
  Status stop_refused(const source::Reject& refused, Outlook outlook);
  Result<RejectsFile> open_rejects() const;
  Status keep_rejects(RejectsFile& rejects, const std::vector<source::Reject>& found);
  void keep_pace(uint64_t rows);
  std::string progress_name(const Content& content) const;
  /// ok, unless the failure is the user's wish to stop.
  Status give_up_input(const Error& failure);
  InputReport& report() { return reports_.back(); }
  const InputReport& report() const { return reports_.back(); }

  Engine& engine_;
  Runtime& runtime_;
  const Interrupt& interrupt_;
  Progress& progress_;
  const IntakeOptions options_;
  std::optional<TableSpec> spec_;  ///< absent: there is no table yet
  source::KnownFiles known_;       ///< asked once, then kept with what is sent
  PointTables points_;
  bool has_learned_ = false;
  uint64_t rows_sent_ = 0;
  Nanos next_batch_at_ = 0;  ///< with a limit on rows per second
  std::deque<InputReport> reports_;
  Totals dropped_;  ///< of reports that are gone
  Sender sender_;
};

}  // namespace sluice::cli
