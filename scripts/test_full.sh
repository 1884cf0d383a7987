#!/usr/bin/env bash
# What is too long for every change: sanitizers, long seeds, a round of fuzzing.
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${SEEDS:-500}
fuzz_seconds=${FUZZ_SECONDS:-30}
step() { printf '\n== %s\n' "$*"; }

for preset in asan tsan; do
  step "tests under $preset"
  cmake --preset "$preset"
  cmake --build --preset "$preset" --parallel
  ctest --test-dir "build/$preset" -j 2 --output-on-failure --no-tests=error
done

step "simulation, seeds 1 to $seeds"
for ((seed = 1; seed <= seeds; ++seed)); do
  build/release/sim/sluice-sim --seed "$seed" >build/sim.log 2>&1 || { cat build/sim.log; exit 1; }
done

step "fuzzing, $fuzz_seconds seconds a target"
cmake --preset fuzz -DSLUICE_TESTS=OFF
cmake --build --preset fuzz --parallel
for target in build/fuzz/fuzz/*_fuzz; do
  name=$(basename "$target")
  mkdir -p "build/fuzz/found/$name"
  "$target" -max_total_time="$fuzz_seconds" -print_final_stats=1 "build/fuzz/found/$name" \
    "fuzz/corpus/${name%_fuzz}"
done
