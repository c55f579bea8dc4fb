#!/bin/sh
# Line coverage of the library, the driver, the firmware and the virtual silicon by all tests; the
# last line is the total. The pages stay in build/coverage/report. Fails if a test fails.
set -eu
cmake --preset coverage >/dev/null
cmake --build --preset coverage
find build/coverage -name '*.gcda' -delete
failed=0
ctest --preset coverage || failed=$?
mkdir -p build/coverage/report
# What npucc compiles is left out: its preprocessed sources are gone.
gcovr --root . --object-directory build/coverage --exclude-unreachable-branches \
  --filter '(libruntime/src|driver|firmware|vdev)/' --exclude-directories '.*\.npucc$' \
  --html-details build/coverage/report/index.html \
  --json-summary build/coverage/summary.json build/coverage >/dev/null
python3 - build/coverage/summary.json <<'PYTHON'
import collections
import json
import sys

parts = collections.defaultdict(lambda: [0, 0])
for file in json.load(open(sys.argv[1]))["files"]:
    for part in (file["filename"].split("/")[0], "lines"):
        parts[part][0] += file["line_covered"]
        parts[part][1] += file["line_total"]
total = parts.pop("lines")
for part, (covered, lines) in sorted(parts.items()):
    print(f"{part}: {100 * covered / lines:.1f}% of {lines}")
print(f"lines: {100 * total[0] / total[1]:.1f}%")
PYTHON
exit "$failed"
