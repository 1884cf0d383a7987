# Two commands matter: `make run` shows Sluice at work, `make test` proves it.
SHELL := bash
JOBS ?= $(shell nproc)
TEST_JOBS ?= 2
SOURCES = $(shell find include src sim tests bench fuzz examples -name '*.h' -o -name '*.cc')

.PHONY: help run test test-full bench-wal build format clean

help:
	@echo 'make run        install, build, and walk through ingest, crash, recovery and query'
	@echo 'make test       install, build, and run the tests'
	@echo 'make test-full  the same, then sanitizers, long seeds and a round of fuzzing'
	@echo 'make bench-wal  the log beside the disk itself, RocksDB and LevelDB'
	@echo 'make build      the release build alone, in build/release'
	@echo 'make format     clang-format over every source file'
	@echo 'make clean      remove build/'

run:
	scripts/install.sh
	cmake --preset release -DSLUICE_TESTS=OFF -B build/run
	cmake --build build/run --parallel $(JOBS)
	scripts/demo.sh build/run/sluice

build:
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS)

test:
	scripts/install.sh --tests
	$(MAKE) build
	ctest --test-dir build/release -j $(TEST_JOBS) --output-on-failure --no-tests=error

test-full: test
	scripts/install.sh --full
	scripts/test_full.sh

bench-wal:
	scripts/install.sh --full
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target bench_wal bench_wal_clients
	build/release/bench/bench_wal build/bench-wal --direct
	build/release/bench/bench_wal_clients build/bench-wal

format:
	clang-format -i $(SOURCES)

clean:
	rm -rf build
