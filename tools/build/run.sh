#!/bin/sh
# The main job: classifies the digits on the device node where FUSE can be mounted, else on the
# embedded transport. Leaves nothing running or mounted. tools/build/run.sh BUILD_DIR [ARGUMENT...]
set -eu
build=$1
shift
ctl=$build/bin/vnpu-ctl
digits=$build/bin/digits

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
    echo "Transport: device node, because FUSE can be mounted here"
    VNPU_TRANSPORT=node VNPU_DEV_DIR=$mount_point "$digits" "$@"
    exit
  fi
  rmdir "$mount_point"
  why="the device node could not be mounted: $message"
fi
echo "Transport: embedded, because $why"
VNPU_TRANSPORT=embedded "$digits" "$@"
