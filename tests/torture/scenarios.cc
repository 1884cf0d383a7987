#include "tests/torture/scenarios.h"

namespace sluice::torture {
namespace {

constexpr Scenario kScenarios[] = {
    {"marks_read_once", "the watermark is read once, then the commit is rebased", marks_read_once},
    {"lost_answer", "a lost answer is taken for a failure", lost_answer},
    {"lost_answer_under_another_commit", "the same, when another commit has come on top",
     lost_answer_under_another_commit},
    {"unstable_identity", "the writer's identity changes with each start", unstable_identity},
    {"two_coordinators", "a stalled coordinator wakes beside its successor", two_coordinators},
    {"late_rows", "late rows win over newer ones of their key", late_rows},
    {"one_number_for_many", "one stored maximum for tables and sources that advance apart",
     one_number_for_many},
    {"expired_maximum", "the snapshot that held the position has expired", expired_maximum},
    {"acknowledged_before_durable", "an ack goes out before its sync", acknowledged_before_durable},
    {"trimmed_before_commit", "the log forgets rows before their commit is confirmed",
     trimmed_before_commit},
    {"overwriting_store", "a store without conditional writes", overwriting_store},
    {"resend_after_crash", "a resend after a commit that nobody confirmed", resend_after_crash},
    {"late_put_into_expired_slot", "a late commit lands in a version that has expired",
     late_put_into_expired_slot},
    {"crash_before_trim", "a crash between commit and trim: replay doubles", crash_before_trim},
    {"log_went_back_in_time", "a log restored from a backup, or copied", log_went_back_in_time},
    {"parts_of_several_days", "a commit of several partitions is visible in part",
     parts_of_several_days, true},
    {"aborted_attempt", "parts of an aborted attempt come in with the next one", aborted_attempt},
    {"marks_apart_from_rows", "marks and rows are committed apart", marks_apart_from_rows, true},
    {"sweep_beside_flush", "a sweep takes the parts of a flush under way", sweep_beside_flush},
    {"swept_under_late_commit", "a late commit names what was swept meanwhile",
     swept_under_late_commit},
    {"stalled_sweep", "a sweep that stalled deletes what was committed meanwhile", stalled_sweep},
    {"sweep_by_stale_hint", "a sweep goes by a hint that is behind", sweep_by_stale_hint},
    {"rewrite_of_what_is_gone", "a compaction brings back what was deleted meanwhile",
     rewrite_of_what_is_gone},
    {"kept_snapshot", "files go that a kept snapshot still names", kept_snapshot},
    {"operator_rollback", "after a rollback rows come back, or are skipped", operator_rollback},
    {"out_of_order_flushes", "flushes are committed out of order, under one maximum",
     out_of_order_flushes},
    {"manifest_of_a_caller", "what is committed while a manifest is written is forgotten with it",
     manifest_of_a_caller},
    {"duplicated_request", "a request that arrives twice is refused by its own first copy",
     duplicated_request},
    {"moved_row", "an update moves a row to another partition, and the old one stays", moved_row},
    {"batch_left_out", "a refused batch is overtaken, and then taken for a resend", batch_left_out},
    {"failed_sync", "a sync that failed is tried again, and the next one succeeds", failed_sync},
    {"torn_tail", "what a power cut tore at the end of the log stops the start", torn_tail},
    {"one_damaged_table", "one table cannot go on, and its rows leave the log with the others'",
     one_damaged_table},
};

}  // namespace

std::span<const Scenario> scenarios() {
  return kScenarios;
}

}  // namespace sluice::torture
