#!/usr/bin/env bash
# What is too long for every change: sanitizers, long seeds, a round of fuzzing.
#   SIM_SECONDS=600 FUZZ_SECONDS=60 scripts/test_full.sh
set -euo pipefail
cd "$(dirname "$0")/.."

sim_seconds=${SIM_SECONDS:-600}
fuzz_seconds=${FUZZ_SECONDS:-60}
step() { printf '\n== %s\n' "$*"; }

# Laws, readers and programs say the same under every compiler flag; seeds are run below.
for preset in asan tsan; do
  step "tests under $preset"
  cmake --preset "$preset"
  cmake --build --preset "$preset" --parallel
  ctest --test-dir "build/$preset" -j 2 --output-on-failure --no-tests=error \
    -E '^(laws|readers|e2e|sim)\.'
done
step 'simulation under asan'
build/asan/sim/sluice-sim --seeds 1..20 --jobs 2

step "simulation, $sim_seconds seconds"
build/release/sim/sluice-sim --seconds "$sim_seconds" --jobs 2

step "fuzzing, $fuzz_seconds seconds a target"
cmake --preset fuzz -DSLUICE_TESTS=OFF
cmake --build --preset fuzz --parallel
for target in build/fuzz/fuzz/fuzz_*; do
  [[ -x $target && -f $target ]] || continue
  found=build/fuzz/found/$(basename "$target")
  mkdir -p "$found"
  "$target" -max_total_time="$fuzz_seconds" -print_final_stats=1 "$found"
done
