// Writer: texts of points on their way into the log.
//
// A text: 1 read it into the columns that the collection has  2 if it needs others, make them and
// read it again, on a worker  3 append  4 when the ack comes, tell what became of it. Only what
// waits for a commit or for memory takes a worker; nobody else waits in a thread.
// Does not own: the engine, the collections, the workers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/answer.h"
#include "server/collections.h"
#include "server/deadlines.h"
#include "server/options.h"
#include "server/points.h"
#include "server/workers.h"
#include "sluice/engine.h"

namespace sluice::server {

struct PointsText {
  TableName table;
  std::string text;  ///< source::kRecordPaddingBytes can be read behind its end
  Form form = Form::kOne;
  uint64_t first_line = 1;
  AckClass ack = AckClass::kLog;
};

struct Written {
  uint32_t points = 0;  ///< acknowledged
  uint32_t groups = 0;
  uint32_t first_group = 0;
  uint64_t lines = 0;
  std::vector<PointFault> faults;  ///< of lines that were left out
  uint64_t faults_total = 0;
  bool is_refused = false;         ///< kLines: nothing behind the fault was read
  source::ConflictCounts kept;     ///< of `points`, those with something in `_rest`
  source::ConflictCounts refused;  ///< points with faults
  std::optional<Refusal> refusal;  ///< nothing of the text was stored
};

/// Any thread.
class Writer {
 public:
  Writer(Engine& engine, Collections& collections, Workers& workers, Deadlines& deadlines,
         const Options& options)
      : engine_(engine),
        collections_(collections),
        workers_(workers),
        deadlines_(deadlines),
        options_(options) {}

  /// `done` is called once, by any thread, perhaps before this returns.
  void write(PointsText text, std::function<void(Written)> done);

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;

  std::optional<Refusal> read(Job& job);
  Result<LayoutPtr> layout_of(const TableName& name);
  void append(const JobPtr& job, Nanos timeout);
  void append_again(const JobPtr& job);
  void hand_to_worker(const JobPtr& job);
  void work(const JobPtr& job);
  void set_deadline(const JobPtr& job);
  Status complete(Job& job);
  void refuse(Job& job, Refusal refusal);
  Refusal not_found(const TableName& name);

  Engine& engine_;
  Collections& collections_;
  Workers& workers_;
  Deadlines& deadlines_;
  const Options& options_;
};

}  // namespace sluice::server
