#!/usr/bin/env bash
# Images of the largest kind: 12 GB in 40 layers with a file of 5 GB, and a million inodes. Each is converted in 512 MiB of memory, page
# cache included, mounted, read back, and ready from its volume in under 100 ms.
#   long_images.sh [big|many [SIZES of generator_registry.py]]
. "$(dirname "$0")/common.sh"
HERE=$(cd "$(dirname "$0")" && pwd)
readonly MEMORY_MAX=$((512 << 20)) READY_MAX_US=100000 ROUNDS=9

generator() { "$HERE/generator_registry.py" "$@"; }
gigabytes() { awk -v bytes="$1" 'BEGIN {printf "%.1f GB", bytes / 1e9}'; }

# The images come one after the other and are removed, so the larger one's need is the whole.
require_disk() {
  local needed=0 image free
  for image in "$@"; do
    # shellcheck disable=SC2086 # words
    image=$(generator plan $image)
    ((image <= needed)) || needed=$image
  done
  free=$(df --output=avail -B1 /var/tmp | tail -1)
  [ -n "${ZP_PRIVATE:-}" ] || echo "disk needed in /var/tmp: $(gigabytes "$needed"); free: $(gigabytes "$free")"
  ((free > needed)) || fail "/var/tmp has $(gigabytes "$free") free, $(gigabytes "$needed") are needed: make room"
}

# limited COMMAND...: runs it in a memory cgroup of its own without swap.
limited() {
  local group limit=memory.max
  if [ -d /sys/fs/cgroup/memory ]; then
    group=/sys/fs/cgroup/memory/$CONTAINERD_NAMESPACE limit=memory.limit_in_bytes
  else
    group=/sys/fs/cgroup/$CONTAINERD_NAMESPACE
    echo +memory > /sys/fs/cgroup/cgroup.subtree_control
  fi
  mkdir -p "$group"
  echo $MEMORY_MAX > "$group/$limit"
  [ ! -e "$group/memory.swap.max" ] || echo 0 > "$group/memory.swap.max"
  [ ! -e "$group/memory.memsw.limit_in_bytes" ] || echo $MEMORY_MAX > "$group/memory.memsw.limit_in_bytes"
  bash -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$group" "$@"
}

# What the page cache holds of the volume goes.
make_cold() {
  find "$1" -type f -exec dd if={} iflag=nocache count=0 status=none \;
}

# First in line for the processors where the machine allows it: what else runs is not the question.
FIRST=(chrt --fifo 1)
"${FIRST[@]}" true 2> /dev/null || FIRST=()
mount_volume() {
  local began=${EPOCHREALTIME/[.,]/}
  "${FIRST[@]}" "$ZP_BIN/zeropull" image mount "$WORK/volume" "$WORK/tree" > /dev/null
  READY_US=$((${EPOCHREALTIME/[.,]/} - began))
}

# Sets COLD_US, and WARM_US: the middle of ROUNDS.
measure_ready() {
  local round times=()
  make_cold "$WORK/volume"
  mount_volume
  COLD_US=$READY_US
  for ((round = 0; round < ROUNDS; ++round)); do
    umount "$WORK/tree"
    mount_volume
    times+=("$READY_US")
  done
  mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
  WARM_US=${times[ROUNDS / 2]}
}

# image KIND [SIZES]
image() {
  local numbers reference bytes
  numbers=$ZP_BIN/../generated-$(printf %s "$*" | tr -c '[:alnum:]' -).json
  coproc REGISTRY { generator serve "$@" --numbers "$numbers"; }
  read -r reference <&"${REGISTRY[0]}" || fail "the generator registry did not start"
  local registry_in=${REGISTRY[1]} registry_pid=$REGISTRY_PID

  local began=$SECONDS
  limited "$ZP_BIN/zeropull" image convert --plain-http --from "$reference" --to "$WORK/volume" > "$WORK/log" 2>&1 ||
    fail "$1: convert in $((MEMORY_MAX >> 20)) MiB: $(tail -5 "$WORK/log")"
  local seconds=$((SECONDS - began + 1))
  exec {registry_in}>&-
  wait "$registry_pid"
  bytes=$(du -s -B1 "$WORK/volume" | cut -f1)
  echo "$1: converted in $((MEMORY_MAX >> 20)) MiB of memory: $(gigabytes "$bytes") on disk in $seconds s, $((bytes / 1000000 / seconds)) MB/s"

  mkdir -p "$WORK/tree"
  measure_ready
  echo "$1: ready from the volume in $((WARM_US / 1000)) ms, $((COLD_US / 1000)) ms with nothing of it in the page cache"
  echo "$1: $(generator check "$@" --numbers "$numbers" "$WORK/tree")"
  umount "$WORK/tree"
  ((WARM_US < READY_MAX_US)) || fail "$1: ready from the volume in $WARM_US us; the limit is $READY_MAX_US"
  rm -rf "$WORK/volume"
}

if (($# > 0)); then require_disk "$*"; else require_disk big many; fi
enter_private_namespaces "$@"
if (($# > 0)); then
  image "$@"
else
  image big
  image many
fi
echo "passed"
