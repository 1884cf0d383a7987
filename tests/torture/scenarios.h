// The scenarios: each is one known way in which rows are lost or doubled at a table's commit. Where
// others were hit by it is cited at its function, as repository#number.
#pragma once

#include <span>
#include <string_view>

#include "tests/torture/stage.h"

namespace sluice::torture {

struct Scenario {
  std::string_view name;
  std::string_view sentence;  ///< what goes wrong elsewhere
  void (*run)(Stage& stage);
  /// It is run with a crash at every change of the bucket in turn: crash point 1, 2, ... until one
  /// is not reached any more.
  bool crashes_everywhere = false;
};

std::span<const Scenario> scenarios();

// commits.cc
void marks_read_once(Stage& stage);
void lost_answer(Stage& stage);
void lost_answer_under_another_commit(Stage& stage);
void two_coordinators(Stage& stage);
void overwriting_store(Stage& stage);
void late_put_into_expired_slot(Stage& stage);
void aborted_attempt(Stage& stage);
void parts_of_several_days(Stage& stage);
void marks_apart_from_rows(Stage& stage);
void duplicated_request(Stage& stage);

// logs.cc
void unstable_identity(Stage& stage);
void acknowledged_before_durable(Stage& stage);
void trimmed_before_commit(Stage& stage);
void crash_before_trim(Stage& stage);
void log_went_back_in_time(Stage& stage);
void failed_sync(Stage& stage);
void torn_tail(Stage& stage);
void one_damaged_table(Stage& stage);

// sources.cc
void late_rows(Stage& stage);
void one_number_for_many(Stage& stage);
void expired_maximum(Stage& stage);
void resend_after_crash(Stage& stage);
void batch_left_out(Stage& stage);
void moved_row(Stage& stage);

// rewrites.cc
void rewrite_of_what_is_gone(Stage& stage);
void kept_snapshot(Stage& stage);
void operator_rollback(Stage& stage);

// flushes.cc
void out_of_order_flushes(Stage& stage);
void manifest_of_a_caller(Stage& stage);

// sweeps.cc
void sweep_beside_flush(Stage& stage);
void swept_under_late_commit(Stage& stage);
void stalled_sweep(Stage& stage);
void sweep_by_stale_hint(Stage& stage);

}  // namespace sluice::torture
