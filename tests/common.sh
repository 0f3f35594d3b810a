# Shared by the system test scripts:
#   . "$(dirname "$0")/common.sh"
#   enter_private_namespaces "$@"
#   start_containerd "$WORK/containerd"        # sets CONTAINERD_SOCKET, CTR
# Everything ends with the script: its processes with its process namespace, its mounts with its mount namespace.
set -euo pipefail

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# Runs the script again as the init of mount, process, network, ipc and uts namespaces of its own, with an empty /run and the loopback
# up. Sets WORK, a scratch folder, and CONTAINERD_NAMESPACE, unlike those of other runs since cgroups are shared.
enter_private_namespaces() {
  if [ -z "${ZP_PRIVATE:-}" ]; then
    [ "$(id -u)" = 0 ] || { echo "SKIPPED: needs root"; exit 77; }
    WORK=$(mktemp -d /var/tmp/zp-test-XXXXXX)
    local status=0
    ZP_PRIVATE=1 WORK="$WORK" CONTAINERD_NAMESPACE="zptest-$$" \
      unshare --mount --pid --net --ipc --uts --fork --kill-child --mount-proc -- bash "$0" "$@" || status=$?
    cleanup "zptest-$$"
    exit $status
  fi
  mount -t tmpfs tmpfs /run
  ip link set lo up
  export CONTAINERD_NAMESPACE
}

# Called by enter_private_namespaces outside the namespaces.
cleanup() {
  local folder
  for folder in /sys/fs/cgroup/*/"$1" /sys/fs/cgroup/"$1"; do
    [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
  rm -rf --one-file-system "$WORK"
}

# start_containerd DIR [TOML]: a containerd of its own with root, state and socket below DIR; TOML is appended to its configuration. With
# CONTAINERD_CRI=on it has its CRI service.
start_containerd() {
  local dir=$1 extra=${2:-} cri='"io.containerd.grpc.v1.cri", '
  [ "${CONTAINERD_CRI:-off}" = off ] || cri=
  mkdir -p "$dir"
  cat > "$dir/config.toml" <<CONFIG
version = 2
root = "$dir/root"
state = "$dir/state"
disabled_plugins = [${cri}"io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$dir/containerd.sock"
$extra
CONFIG
  containerd --config "$dir/config.toml" > "$dir/log" 2>&1 &
  CONTAINERD_PID=$!
  CONTAINERD_SOCKET=$dir/containerd.sock
  CTR="ctr --address $CONTAINERD_SOCKET --namespace $CONTAINERD_NAMESPACE"
  local attempt
  for attempt in $(seq 200); do
    ! $CTR version > /dev/null 2>&1 || return 0
    kill -0 "$CONTAINERD_PID" 2>/dev/null || break
    read -r -t 0.05 <> <(:) || true
  done
  tail -20 "$dir/log" >&2
  fail "containerd did not start"
}

# wait_until SECONDS COMMAND..: until it succeeds.
wait_until() {
  local until=$((SECONDS + $1)); shift
  until "$@" > /dev/null 2>&1; do
    [ "$SECONDS" -lt "$until" ] || fail "never came true: $*"
    read -r -t 0.05 <> <(:) || true
  done
}

# start_registry DIR: Debian's docker-registry on this network namespace's loopback, keeping its data below DIR. Sets REGISTRY.
start_registry() {
  REGISTRY=localhost:5000
  mkdir -p "$1"
  cat > "$1/config.yml" <<CONFIG
version: 0.1
log: {accesslog: {disabled: false}, level: info}
storage: {filesystem: {rootdirectory: $1/data}}
http: {addr: "$REGISTRY"}
CONFIG
  docker-registry serve "$1/config.yml" > "$1/log" 2>&1 &
  wait_until 10 bash -c "exec 3<> /dev/tcp/localhost/5000"
}
