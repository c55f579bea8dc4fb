#!/bin/sh
# Runs a program on the device node: the one that is mounted, else a private one where FUSE can be
# mounted, else on the embedded transport. Leaves nothing running or mounted.
# tools/build/on_device.sh BUILD_DIR PROGRAM [ARGUMENT...]
set -eu
build=$1
shift
ctl=$build/bin/vnpu-ctl

case " $* ${VNPU_TRANSPORT:-} " in
*embedded*) exec "$@" ;;
esac
if [ -e "${VNPU_DEV_DIR:-/dev/vnpu}/davinci_manager" ]; then exec "$@"; fi

why=
if [ ! -c /dev/fuse ]; then
  why="/dev/fuse is missing"
elif [ "$(id -u)" != 0 ]; then
  why="mounting the device node needs root"
fi
if [ -z "$why" ]; then
  mount_point=$(mktemp -d /tmp/vnpu.XXXXXX)
  if message=$("$ctl" start --mount-point "$mount_point" 2>&1); then
    trap '"$ctl" stop --mount-point "$mount_point" >/dev/null; rmdir "$mount_point"' EXIT
    trap 'exit 130' INT TERM
    export VNPU_DEV_DIR="$mount_point"
    "$@"
    exit
  fi
  rmdir "$mount_point"
  why="the device node could not be mounted: $message"
fi
echo "No device node, because $why"
exec "$@"
