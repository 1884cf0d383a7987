#!/usr/bin/env bash
# Sluice at work on real input: ingest, a crash in the middle of an ingest, recovery, queries.
#   scripts/demo.sh PROGRAM [DATA_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."

program=$(realpath "${1:?usage: scripts/demo.sh PROGRAM [DATA_DIR]}")
data=${2:-build/demo-data}
rows_per_second=40000  # slow enough that the kill finds the ingest at work

step() { printf '\n== %s\n' "$*"; }
sluice() {
  printf '$ sluice'
  local word
  for word; do
    if [[ $word =~ [^-A-Za-z0-9_./:,] ]]; then printf ' "%s"' "$word"; else printf ' %s' "$word"; fi
  done
  printf '\n'
  "$program" "$@" --data-dir "$data"
}
fail() { printf 'demo.sh: %s\n' "$*" >&2; exit 1; }
count_rows() { "$program" query "$1" --agg 'count(*)' --format csv --data-dir "$data" | tail -1; }
records_of() { grep -c . "$1"; }
expect_rows() {
  local found
  found=$(count_rows "$1")
  [[ $found == "$2" ]] || fail "$1 holds $found rows, but $2 were sent"
  echo "$1 holds exactly the $2 rows that were sent"
}

rm -rf "$data"
mkdir -p "$(dirname "$data")"
progress=$(mktemp)
trap 'rm -f "$progress"' EXIT

step 'Ingest four years of weather: one row per location and day'
sluice ingest --table demo.weather --key location --time date testdata/weather.csv
expect_rows demo.weather $(($(records_of testdata/weather.csv) - 1))

step 'Ingest hourly normals of Seattle: append-only, by time'
sluice ingest --table demo.normals --time date testdata/seattle-weather-hourly-normals.csv
expect_rows demo.normals $(($(records_of testdata/seattle-weather-hourly-normals.csv) - 1))

step 'Ingest share prices: one row per symbol and month'
sluice ingest --table demo.stocks --key symbol --time date testdata/stocks.csv
expect_rows demo.stocks $(($(records_of testdata/stocks.csv) - 1))

step 'Ingest delayed flights as NDJSON'
sluice ingest --table demo.delays --time date testdata/flights.ndjson
expect_rows demo.delays "$(records_of testdata/flights.ndjson)"

step 'Ingest a week of flights, and kill the process in the middle, on purpose'
sent=$(($(records_of testdata/flights-week.csv) - 1))
"$program" ingest --table demo.flights --time date --rate "$rows_per_second" --progress always \
  --data-dir "$data" testdata/flights-week.csv 2>"$progress" &
ingest=$!
until grep -q 'rows/s' "$progress"; do
  kill -0 "$ingest" 2>/dev/null || fail "the ingest ended by itself: $(cat "$progress")"
  sleep 0.1
done
kill -KILL "$ingest"
wait "$ingest" 2>/dev/null && fail 'the ingest ended before the kill'
tail -1 "$progress"
echo "killed process $ingest with SIGKILL: nothing was closed, nothing was flushed"

step 'What survived: every row that was acknowledged'
survived=$(count_rows demo.flights)
echo "$survived of $sent rows"
((survived > 0 && survived < sent)) || fail 'the kill did not come in the middle'

step 'Repeat the same ingest: it goes on where the log ends, no row is lost or doubled'
sluice ingest --table demo.flights --time date testdata/flights-week.csv
expect_rows demo.flights "$sent"

step 'Once more: the file is in the table already'
sluice ingest --table demo.flights --time date testdata/flights-week.csv
expect_rows demo.flights "$sent"

step 'Query'
sluice query demo.weather --where "location = 'Seattle' and temp_max > 35" \
  --columns date,temp_max,weather
sluice query demo.stocks --from 2010-01-01 --to 2010-02-01
sluice query demo.flights --where "origin = 'JFK'" --agg 'count(*),avg(delay),max(delay)'

step 'The tables, and a check of every byte'
sluice tables
sluice verify

step 'Done. The tables stay for you to look at:'
echo "  $program tables --data-dir $data"
