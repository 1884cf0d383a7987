#!/usr/bin/env bash
# Sluice at work on real input: ingest, a crash in the middle of an ingest, recovery, queries.
#   scripts/demo.sh PROGRAM [DATA_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."

program=$(realpath "${1:?usage: scripts/demo.sh PROGRAM [DATA_DIR]}")
data=${2:-build/demo-data}
copies=10  # of the week of flights, so that a crash finds the ingest at work
log_bytes_at_crash=$((8 << 20))

step() { printf '\n== %s\n' "$*"; }
sluice() {
  local word
  printf '$ sluice'
  for word; do
    if [[ $word == *[\ \(]* ]]; then printf ' "%s"' "$word"; else printf ' %s' "$word"; fi
  done
  printf '\n'
  "$program" "$@" --data-dir "$data"
}
fail() { printf 'demo.sh: %s\n' "$*" >&2; exit 1; }
count_rows() { "$program" query "$1" --agg 'count(*)' --format csv --data-dir "$data" | tail -1; }
log_bytes() { du -sb "$data/log" 2>/dev/null | cut -f1 || echo 0; }

rm -rf "$data"
mkdir -p "$data.input"
flights="$data.input/flights.csv"

step 'Ingest four years of weather: one row per location and day'
sluice ingest --table demo.weather --key location --time date testdata/weather.csv

step 'Ingest share prices: one row per symbol and month'
sluice ingest --table demo.stocks --key symbol --time date testdata/stocks.csv

step 'Ingest flights as NDJSON: append-only, without a key'
sluice ingest --table demo.delays --time date testdata/flights.ndjson

step "Ingest a week of flights $copies times over, and kill the process in the middle, on purpose"
awk -v copies="$copies" 'NR == 1 { print "copy," $0; next } { rows[NR] = $0 }
  END { for (c = 1; c <= copies; ++c) for (r = 2; r <= NR; ++r) print c "," rows[r] }' \
  testdata/flights-week.csv >"$flights"
sent=$(($(wc -l <"$flights") - 1))
"$program" ingest --table demo.flights --time date --data-dir "$data" "$flights" &
ingest=$!
before=$(log_bytes)
while kill -0 "$ingest" 2>/dev/null && (($(log_bytes) - before < log_bytes_at_crash)); do
  sleep 0.02
done
kill -KILL "$ingest" 2>/dev/null || true
status=0
wait "$ingest" 2>/dev/null || status=$?
((status == 137)) || fail "the ingest ended before the kill, with exit code $status"
echo "killed process $ingest with SIGKILL; nothing was closed or flushed"

step 'What survived: every row that was acknowledged'
survived=$(count_rows demo.flights)
echo "$survived of $sent rows"

step 'Repeat the same ingest: it goes on where the log ends, no row is lost or doubled'
sluice ingest --table demo.flights --time date "$flights"
stored=$(count_rows demo.flights)
echo "$stored of $sent rows"
[[ $stored == "$sent" ]] || fail "the table holds $stored rows, $sent were sent"

step 'Query'
sluice query demo.weather --where "location = 'Seattle' and temp_max > 35" \
  --columns date,temp_max,weather
sluice query demo.flights --where "origin = 'JFK'" --agg 'count(*),avg(delay),max(delay)'

step 'The tables, and a check of every byte'
sluice tables
sluice verify

rm -rf "$data.input"
step 'Done. The tables stay for you to look at:'
echo "  $program tables --data-dir $data"
