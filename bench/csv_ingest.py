#!/usr/bin/env python3
"""A CSV file into a sorted table, beside DuckDB (that of tests/readers), in turn.

    bench/csv_ingest.py BUILD DIR [ROWS [ROUNDS]]

sluice: types sampled, durable log, sort, Parquet with zstd 1, Iceberg commit. duckdb: types
sampled, sort, Parquet with zstd 1, two threads, the file synced. Figures are medians.
"""
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def seconds_of(*command):
    start = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def sluice(build, csv, directory):
    return seconds_of(build / "sluice", "ingest", "--quiet", "--data-dir", directory, "--table",
                      "bench.telemetry", "--key", "device", "--time", "time", csv)


def duckdb(csv, directory):
    directory.mkdir()
    part = directory / "part.parquet"
    query = (f"SET threads = 2; SET memory_limit = '2GB'; COPY (SELECT * FROM read_csv('{csv}') "
             f"ORDER BY device, time) TO '{part}' (FORMAT parquet, COMPRESSION zstd, "
             "COMPRESSION_LEVEL 1)")
    start = time.monotonic()
    seconds_of("node", ROOT / "tests/readers/duckdb.mjs", "--query", query)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    return time.monotonic() - start


def main(build, directory, rows=6_000_000, rounds=5):
    build, directory = Path(build).resolve(), Path(directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    csv = directory / "telemetry.csv"
    with csv.open("wb") as file:
        subprocess.run([build / "tests/e2e/bulk", "csv", str(rows)], check=True, stdout=file)
    times = {"duckdb": [], "sluice": []}
    for turn in range(int(rounds)):
        for name, run in (("duckdb", lambda at: duckdb(csv, at)),
                          ("sluice", lambda at: sluice(build, csv, at))):
            place = directory / f"{name}-{turn}"
            times[name].append(run(place))
            shutil.rmtree(place)
    peer = statistics.median(times["duckdb"])
    print(f"{rows} rows, {csv.stat().st_size / 1e9:.2f} GB of CSV, median of {rounds} rounds")
    for name, all_seconds in times.items():
        seconds = statistics.median(all_seconds)
        spread = f"({min(all_seconds):.2f} to {max(all_seconds):.2f} s)"
        print(f"  {name:8} {seconds:6.2f} s  {int(rows) / seconds / 1e6:5.2f} M rows/s  {spread}  "
              f"{peer / seconds:.2f} x duckdb")
    csv.unlink()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
