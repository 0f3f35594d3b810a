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
    nothing_remains || status=1
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

# Called by enter_private_namespaces outside the namespaces: no mount and no loop device of the run is left.
nothing_remains() {
  local attempt left
  for attempt in $(seq 100); do # the kernel takes a mount namespace apart behind its last process
    left=$(losetup --list --noheadings --output BACK-FILE | grep -F "$WORK/"; grep -F "$WORK/" /proc/self/mountinfo) || true
    [ -n "$left" ] || return 0
    read -r -t 0.05 <> <(:) || true
  done
  echo "FAILED: the test leaves behind: $left" >&2
  return 1
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

# start_registry DIR: Debian's docker-registry on this network namespace's loopback, keeping its data below DIR. Sets REGISTRY,
# REGISTRY_LOG and REGISTRY_PID. Called again it starts once more over the same data.
start_registry() {
  REGISTRY=localhost:5000
  REGISTRY_LOG=$1/log
  mkdir -p "$1"
  cat > "$1/config.yml" <<CONFIG
version: 0.1
log: {accesslog: {disabled: false}, level: info}
storage: {filesystem: {rootdirectory: $1/data}}
http: {addr: "$REGISTRY"}
CONFIG
  docker-registry serve "$1/config.yml" >> "$1/log" 2>&1 &
  REGISTRY_PID=$!
  wait_until 10 bash -c "exec 3<> /dev/tcp/localhost/5000"
}

# push_image NAME: OUT.tar of make_image.py at $WORK/NAME into the registry as $REGISTRY/NAME:1.
push_image() {
  mkdir "$WORK/$1.layout"
  tar -C "$WORK/$1.layout" -xf "$WORK/$1.tar"
  PYTHONPATH="$(dirname "$0")/../bench" PYTHONDONTWRITEBYTECODE=1 \
    python3 -m scaleout.push "$WORK/$1.layout" "$REGISTRY" "$1" 1
  rm -r "$WORK/$1.layout"
}

# requests [PATTERN]: how many requests that match the registry has answered.
requests() { grep -Ec "\"[A-Z]+ [^ ]*${1:-} HTTP" "$REGISTRY_LOG" || true; }

# layers_fetched NAME: how often the registry was asked for a layer of that image.
layers_fetched() {
  local digest count=0
  while read -r digest; do
    count=$((count + $(grep -c "\"GET /v2/$1/blobs/$digest HTTP" "$REGISTRY_LOG" || true)))
  done < "$WORK/$1.layers"
  echo $count
}

# convert_image NAME TO: $REGISTRY/NAME:1 into a volume or store; its key lies beside.
convert_image() {
  "$ZP_BIN/zeropull" image convert --from "docker://$REGISTRY/$1:1" --to "$2" --plain-http > "$WORK/convert.log" 2>&1 ||
    fail "convert $1: $(tail -3 "$WORK/convert.log")"
}

# start_agent JSON: the agent with that configuration, its root $WORK/agent unless JSON names one. Sets AGENT_PID; its log is AGENT_LOG.
start_agent() {
  AGENT_LOG=$WORK/agent.log
  mkdir -p "$WORK/agent"
  echo "$1" > "$WORK/agent.json"
  "$ZP_BIN/zeropull" agent --config "$WORK/agent.json" >> "$AGENT_LOG" 2>&1 &
  AGENT_PID=$!
  local attempt
  for attempt in $(seq 200); do
    ! "$ZP_BIN/zeropull" images list > /dev/null 2>&1 || return 0
    kill -0 "$AGENT_PID" 2>/dev/null || break
    read -r -t 0.05 <> <(:) || true
  done
  tail -20 "$AGENT_LOG" >&2
  fail "the agent did not start"
}

# The README's lines for containerd's configuration, without the version, which start_containerd writes itself.
readme_containerd_config() {
  awk '/^    version = 2$/ { on = 1; next } on && !/^    / && NF { exit } on { print substr($0, 5) }' "$(dirname "$0")/../README.md"
}
