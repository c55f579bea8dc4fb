#!/bin/sh
# Format and static checks of all sources: tools/build/lint.sh BUILD_DIR
# BUILD_DIR is configured without unity builds, so that each file is checked by itself.
set -eu
build=$1
echo "clang-format"
git ls-files -z '*.h' '*.cc' '*.cpp' '*.c' | xargs -0 clang-format --dry-run --Werror
echo "clang-tidy: some minutes"
log=$build/clang-tidy.log
status=0
run-clang-tidy -quiet -p "$build" "$PWD/(uapi|driver|firmware|vdev|libruntime|tools)/.*" >"$log" 2>&1 ||
  status=$?
if grep -E '(warning|error):' "$log"; then
  exit 1
fi
if [ "$status" -ne 0 ]; then
  tail -n 20 "$log"
  exit "$status"
fi
echo "lint: clean"
