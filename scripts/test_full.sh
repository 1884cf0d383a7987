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
build/asan/sim/sluice-sim --world flush --seeds 1..100 --jobs 2
build/asan/sim/sluice-sim --world wal --seeds 1..100 --jobs 2

step "simulation, $sim_seconds seconds"
build/release/sim/sluice-sim --seconds "$sim_seconds" --jobs 2
build/release/sim/sluice-sim --world flush --seconds "$sim_seconds" --jobs 2
build/release/sim/sluice-sim --world wal --seconds "$sim_seconds" --jobs 2

step 'faults at each operation of a log'
build/release/sim/sluice-sim --world wal --sweep-faults --seeds 1..50 --jobs 2

step 'logs that are killed, 30 times each'
python3 -B tests/e2e/cli_wal_kill_test.py build/release 30

step "fuzzing, $fuzz_seconds seconds a target"
cmake --preset fuzz
cmake --build --preset fuzz --parallel --target fuzz/all
for program in build/fuzz/fuzz/fuzz_*; do
  name=${program##*/fuzz_}
  found=build/fuzz/found/$name
  # What was found goes on from one round to the next.
  build/release/fuzz/"replay_$name" --write-seeds "$found"
  mkdir -p "fuzz/corpus/$name"
  "$program" -max_total_time="$fuzz_seconds" -print_final_stats=1 -rss_limit_mb=2048 -timeout=60 \
    -artifact_prefix="$found-" "$found" "fuzz/corpus/$name"
done
