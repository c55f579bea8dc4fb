#!/bin/sh
# Runs a command against a driver of its own with device nodes.
#
#   with_node.sh VNPUD COMMAND [ARGUMENT...]
#
# Exits with the command's status; 77 where FUSE cannot be mounted; 1 if the driver or its mount
# outlives the command.
set -u
vnpud=$1
shift
folder=$(mktemp -d) || exit 1
log=$folder.log
skip() {
  echo "no device nodes here: $1"
  rmdir "$folder" 2>/dev/null
  rm -f "$log"
  exit 77
}
[ -e /dev/fuse ] || skip "/dev/fuse is missing"
"$vnpud" --foreground --mount-point "$folder" >"$log" 2>&1 &
driver=$!
tries=0
until [ -e "$folder/davinci_manager" ]; do
  if ! kill -0 "$driver" 2>/dev/null; then
    reason=$(tail -n 1 "$log")
    skip "$reason"
  fi
  tries=$((tries + 1))
  if [ "$tries" -gt 200 ]; then
    kill "$driver"
    skip "the driver did not come up: $(tail -n 1 "$log")"
  fi
  sleep 0.05
done
VNPU_DEV_DIR=$folder VNPU_TRANSPORT=node "$@"
status=$?
kill -TERM "$driver"
wait "$driver"
if grep -q " $folder " /proc/mounts; then
  echo "with_node.sh: the driver left its mount at $folder"
  status=1
fi
if [ "$status" -ne 0 ]; then
  cat "$log"
fi
rm -f "$log"
rmdir "$folder" || status=1
exit "$status"
