// Scenarios about atomic flushes, which their caller commits when he likes.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/torture/scenarios.h"
#include "tests/torture/troubles.h"

namespace sluice::torture {

using sim::CrashKind;

namespace {

template <class Results>
bool names(const Results& results, const std::string& flush_id) {
  return std::any_of(results.begin(), results.end(),
                     [&](const AtomicFlushResult& result) { return result.flush_id == flush_id; });
}

void expect_pending(Stage& stage, Host& host, size_t count) {
  if (stage.failed()) return;
  AtomicFlushWriter& writer = *host.writer();
  if (writer.pending_flush_count() != count || writer.has_pending_flushes() != (count > 0)) {
    stage.violate(Harm::kStuck,
                  "flushes that are pending: " + std::to_string(writer.pending_flush_count()) +
                      ", not " + std::to_string(count));
  }
  if (!writer.committed_blocks().empty()) {
    stage.violate(Harm::kDoubled, "blocks that the table has are offered to a manifest");
  }
}

/// What a caller without a table keeps of the blocks: which are his, by their ids.
class Manifest {
 public:
  explicit Manifest(Stage& stage) : stage_(stage) {}

  /// All that there are, durably.
  std::vector<BlockMetadata> take(Host& host) {
    if (stage_.failed()) return {};
    std::vector<BlockMetadata> blocks = host.writer()->committed_blocks();
    for (const BlockMetadata& block : blocks) blocks_.try_emplace(block.id, block);
    return blocks;
  }
  void clear(Host& host, const std::vector<BlockMetadata>& blocks) {
    if (stage_.failed()) return;
    stage_.expect("clearing", host.writer()->clear_committed_blocks(blocks));
  }
  /// Each of these flushes is there, once, and nothing else.
  void judge(std::map<std::string, Rows> flushes) {
    for (const auto& [id, block] : blocks_) {
      const auto flush = flushes.find(block.flush_id);
      if (flush == flushes.end() || block.rows != flush->second.size()) {
        return stage_.violate(Harm::kDoubled, "the manifest has a block too many: " + id);
      }
      if (!has_object(stage_.bucket(), block.key)) {
        return stage_.violate(Harm::kUnreadable, "the manifest names what is gone: " + block.key);
      }
      flushes.erase(flush);
    }
    for (const auto& [id, rows] : flushes) {
      stage_.violate(Harm::kLost, "a flush is committed, and in no manifest: " + id);
    }
  }

 private:
  Stage& stage_;
  std::map<std::string, BlockMetadata> blocks_;
};

}  // namespace

// apache/iceberg#14090: "number <= stored maximum" takes a flush that was prepared before, and not
// committed yet, for a committed one. Here the last of three is committed first, the first one's
// answer is lost with its process, and the second one comes last. L4, L5.
void out_of_order_flushes(Stage& stage) {
  const Rows a = rows_of({.first = 1, .count = 10});
  const Rows b = rows_of({.first = 11, .count = 10});
  const Rows c = rows_of({.first = 21, .count = 10});
  Host& first = stage.add_host();
  first.open_writer(kAudit);
  const std::string flush_a = first.prepare(a);
  const std::string flush_b = first.prepare(b);
  const std::string flush_c = first.prepare(c);
  expect_pending(stage, first, 3);
  first.commit(kAudit, flush_c, c);
  stage.judge_committed();
  expect_pending(stage, first, 2);
  first.line().plan = lost_and_dead();
  first.start([&] { return to_status(first.writer()->commit_flush(flush_a)); });
  static_cast<void>(first.await());
  stage.truth().promise(kAudit, a);
  stage.judge_committed();

  Host& second = stage.restart(first, CrashKind::kPowerCut);
  second.open_writer(kAudit);
  if (stage.failed()) return;
  const auto recovered = second.writer()->recover_pending_flushes();
  stage.expect("recovering", to_status(recovered));
  if (stage.failed()) return;
  if (!names(recovered->committed, flush_a) || names(recovered->committed, flush_b)) {
    stage.violate(Harm::kLost, "recovery does not know which flush is committed");
  }
  if (recovered->recovered.size() != 1 || !names(recovered->recovered, flush_b) ||
      !recovered->failed.empty()) {
    stage.violate(Harm::kLost, "recovery has not kept the flush that was only prepared");
  }
  expect_pending(stage, second, 1);
  stage.judge_committed();
  second.commit(kAudit, flush_b, b);
  expect_pending(stage, second, 0);
  stage.judge_committed();
  if (stage.failed()) return;
  for (const auto& [id, rows] : {std::pair(flush_a, a), std::pair(flush_b, b)}) {
    stage.expect_code("a second commit", Code::kExists,
                      to_status(second.writer()->commit_flush(id)));
    stage.expect_code("its rollback", Code::kInvalid, second.writer()->rollback_flush(id));
    const std::vector<Batch> again = {batch_of(rows)};
    stage.expect_code("its rows once more", Code::kExists,
                      to_status(second.writer()->prepare_flush(again, range_of(rows))));
  }
  second.die();
  Host& third = stage.add_host();
  third.open();
  third.write(kAudit, rows_of({.first = 31, .count = 10}));
  stage.conclude(third);
}

// Without a table the caller takes committed blocks into a manifest of his own (no public case: few
// writers offer it). A flush is committed while he writes it, and is cleared with what he has; or
// he dies in between, and takes the same blocks again. L3, L4.
void manifest_of_a_caller(Stage& stage) {
  const Rows a = rows_of({.first = 1, .count = 10});
  const Rows b = rows_of({.first = 11, .count = 20});
  const Rows c = rows_of({.first = 31, .count = 30});
  AtomicFlushWriterOptions options;
  options.location = "com/example/users";
  Manifest manifest(stage);
  Host* host = &stage.add_host();
  host->open_writer(options);
  const auto commit = [&](const std::string& flush_id) {
    if (stage.failed()) return;
    stage.expect("a commit", to_status(host->writer()->commit_flush(flush_id)));
  };
  const auto restart = [&] {
    host = &stage.restart(*host, CrashKind::kPowerCut);
    host->open_writer(options);
    if (stage.failed()) return;
    stage.expect("recovering", to_status(host->writer()->recover_pending_flushes()));
  };
  const std::string flush_a = host->prepare(a);
  const std::string flush_b = host->prepare(b);
  const std::string flush_c = host->prepare(c);
  commit(flush_b);
  const auto taken = manifest.take(*host);
  commit(flush_c);
  manifest.clear(*host, taken);
  restart();
  static_cast<void>(manifest.take(*host));
  manifest.judge({{flush_b, b}, {flush_c, c}});
  restart();  // before it could clear them
  commit(flush_a);
  manifest.clear(*host, manifest.take(*host));
  manifest.judge({{flush_a, a}, {flush_b, b}, {flush_c, c}});
  restart();
  if (!manifest.take(*host).empty() || (!stage.failed() && host->writer()->has_pending_flushes())) {
    stage.violate(Harm::kDoubled, "what was cleared is offered again");
  }
}

}  // namespace sluice::torture
