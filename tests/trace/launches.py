"""Traces 100,000 launches with strace: the device is reached by open, ioctl and mmap on its node, and
a launch makes no system call.

usage: launches.py PROGRAM     (with VNPU_DEV_DIR set)
"""

import os
import re
import subprocess
import sys
import tempfile

LAUNCHES = 100_000
# Loading the kernel, waking the device: less than one call in a hundred launches.
MOST_CALLS = LAUNCHES // 100
# How often a full queue makes the program wait, and how long, is the machine's business.
WAITING = re.compile(r" (sched_yield|io_uring_enter)\(")
MOST_WAITING_CALLS = LAUNCHES // 2
SKIP = 77


def trace(program):
    """The lines of the program's trace, '<pid> <call>' each."""
    with tempfile.NamedTemporaryFile("r", suffix=".strace") as log:
        command = ["strace", "-f", "-o", log.name, program, "--launches", str(LAUNCHES)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = log.read().splitlines()
    if done.returncode != 0:
        if "PTRACE_TRACEME" in done.stderr:
            print("strace may not trace here:", done.stderr.strip())
            sys.exit(SKIP)
        sys.exit(f"{program} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return lines


def expect(right, what):
    if not right:
        sys.exit(f"FAILED: {what}")


def index_of(lines, text):
    found = [i for i, line in enumerate(lines) if text in line]
    expect(found, f"the trace has a line with {text!r}")
    return found[0]


def main():
    node = os.path.join(os.environ["VNPU_DEV_DIR"], "davinci0")
    lines = trace(sys.argv[1])

    opened = [m for m in (re.search(rf'openat\(.*"{re.escape(node)}".*\) = (\d+)$', line)
                          for line in lines) if m]
    expect(opened, f"open of {node}")
    fd = opened[0].group(1)
    expect(any(f" ioctl({fd}, " in line for line in lines), "ioctl on the node")
    expect(any(re.search(rf" mmap\(.*, {fd}, 0x[0-9a-f]+\) = 0x", line) for line in lines),
           "mmap of the node")

    first = index_of(lines, 'write(1, "launching')
    last = index_of(lines, 'sums are right')
    calls = [line for line in lines[first + 1:last]
             if not re.search(r"resumed>|---|\+\+\+", line)]
    waiting = [line for line in calls if WAITING.search(line)]
    others = [line for line in calls if not WAITING.search(line)]
    print(f"{len(others)} system calls during {LAUNCHES} launches, {len(waiting)} to wait for room")
    expect(len(others) < MOST_CALLS,
           f"fewer than {MOST_CALLS} calls; the first of them:\n" + "\n".join(others[:40]))
    expect(len(waiting) < MOST_WAITING_CALLS,
           f"fewer than {MOST_WAITING_CALLS} calls to wait; the first of them:\n" +
           "\n".join(waiting[:40]))


if __name__ == "__main__":
    main()
