# A thin front: CMake presets do the work.
#   SANITIZE=address|thread   build and test with that sanitizer
#   PREFIX=DIR                where `make install` puts things (default /usr/local)
#   ARGS=..., BENCH_ARGS=...  arguments of `make run` and `make bench`
#   SOAK_SECONDS=N            how long `make soak` runs (default 600)
SANITIZE ?=
PREFIX ?= /usr/local
ARGS ?=
BENCH_ARGS ?=
SOAK_SECONDS ?= 600

PRESET := $(if $(SANITIZE),$(SANITIZE),release)
BUILD := build/$(PRESET)

# The thread checker leaves little room for the device's window; with random addresses at times none.
FIXED_ADDRESSES := $(if $(filter thread,$(PRESET)),setarch --addr-no-randomize)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help packages bench-packages configure build run test bench soak install lint coverage clean

help:
	@echo 'vnpu: a virtual Ascend-style NPU'
	@echo
	@echo '  make run       install what is missing, build, classify the digits (ARGS=...)'
	@echo '  make test      install what is missing, build, run every test'
	@echo '  make build     build into $(BUILD)'
	@echo '  make bench     measure, beside PoCL and the bare machine (BENCH_ARGS=...)'
	@echo '  make soak      work for long, see that memory and launch time stay flat (SOAK_SECONDS=...)'
	@echo '  make install   install under PREFIX (now $(PREFIX))'
	@echo '  make lint      check format and clang-tidy'
	@echo '  make coverage  run every test and count the lines that they reach'
	@echo '  make clean     remove build/'
	@echo
	@echo '  SANITIZE=address|thread   with any of build, run and test'

packages:
	@tools/build/install_packages.sh

configure: packages
	@cmake --preset $(PRESET) >build.log 2>&1 || { cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log

build: configure
	cmake --build --preset $(PRESET)

run: build
	@tools/build/run.sh $(BUILD) $(ARGS)

test: build
	$(FIXED_ADDRESSES) ctest --preset $(PRESET)

bench-packages: packages
	@tools/build/install_packages.sh tools/build/bench_packages.txt || \
	  echo 'PoCL is not here and could not be installed: going on without its figures'

bench: bench-packages build
	@tools/build/on_device.sh $(BUILD) $(BUILD)/bin/vnpu-bench $(BENCH_ARGS)

soak: build
	@tools/build/on_device.sh $(BUILD) $(BUILD)/bin/vnpu-soak --seconds $(SOAK_SECONDS)

install: build
	cmake --install $(BUILD) --prefix $(PREFIX)

lint: packages
	@cmake --preset lint >/dev/null
	@tools/build/lint.sh build/lint

coverage: packages
	@tools/build/install_packages.sh tools/build/coverage_packages.txt
	@tools/build/coverage.sh

clean:
	rm -rf build
