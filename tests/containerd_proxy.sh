#!/usr/bin/env bash
# Debian's containerd with our snapshotter as a proxy plugin and an empty cache: images unpack and containers run as with any
# snapshotter; kill -9 of the snapshotter disturbs no container and loses nothing; collection leaves no folder behind.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)
SOCKET=/run/zeropull/snapshots.sock
FOLDERS=$WORK/snapshots/snapshots
IMAGE=localhost/small:1

start_server() {
  : > "$WORK/server.log"
  "$ZP_TESTS/snapshotter_server" "$WORK/snapshots" $SOCKET >> "$WORK/server.log" 2>&1 &
  SERVER_PID=$!
  wait_until 10 grep -q serving "$WORK/server.log" # not the socket: a killed one leaves it behind
}
kill_server() {
  kill -9 $SERVER_PID
  wait $SERVER_PID 2> /dev/null || true
}
say() { $CTR run --rm --snapshotter zeropull $IMAGE "$1" /payload say "$1" show /data/greeting; }
listed() { $CTR snapshots --snapshotter zeropull ls | tail -n +2 | sort; }
running() { $CTR task ls | grep -Eq "^$1 .*RUNNING"; }

start_server
start_containerd "$WORK/containerd" '
[proxy_plugins.zeropull]
  type = "snapshot"
  address = "/run/zeropull/snapshots.sock"'

"$HERE/make_image.py" "$WORK/small" $IMAGE '{"Env": ["PATH=/"]}' payload="$ZP_TESTS/payload" data/greeting="text:hello"
$CTR image import --snapshotter zeropull "$WORK/small.tar" > /dev/null
chain=$(cat "$WORK/small.chain")
listed | grep -q "^$chain .*Committed" || fail "no committed snapshot of the layer: $(listed)"
[ "$(say first | tr '\n' ' ')" = "first hello" ] || fail "the container's output"
used=$($CTR snapshots --snapshotter zeropull usage -b "$chain" | awk 'NR == 2 { print $2 }')
[ "$used" -ge "$(stat -c %s "$ZP_TESTS/payload")" ] || fail "usage of the layer is $used"

# A container outlives the snapshotter, which comes back with the same snapshots and the container's own files.
$CTR run -d --null-io --snapshotter zeropull $IMAGE lasting /payload write /data/own wait
own=$FOLDERS/$(ls -v "$FOLDERS" | tail -1)/fs/data/own
wait_until 10 test -f "$own"
before=$(listed)
kill_server
running lasting || fail "the container ended with the snapshotter"
mkdir -p "$FOLDERS/4711/fs" # as a crash between folder and row leaves it
start_server
[ ! -e "$FOLDERS/4711" ] || fail "a folder that no row names is still there"
wait_until 20 listed # containerd's client waits a little before it connects again
[ "$(listed)" = "$before" ] || fail "snapshots changed over kill -9: $before / $(listed)"
running lasting || fail "the container ended with the snapshotter's return"
[ -f "$own" ] || fail "the container's file is gone"
[ "$(say second | tr '\n' ' ')" = "second hello" ] || fail "a container after kill -9"

# Both killed: everything is there again.
kill_server
kill -9 "$CONTAINERD_PID"
wait "$CONTAINERD_PID" 2> /dev/null || true
start_server
start_containerd "$WORK/containerd" '
[proxy_plugins.zeropull]
  type = "snapshot"
  address = "/run/zeropull/snapshots.sock"'
[ "$(listed)" = "$before" ] || fail "snapshots changed over a restart of both"
running lasting || fail "the container ended with both"
$CTR task kill -s KILL lasting > /dev/null
wait_until 10 $CTR task rm lasting
$CTR container rm lasting
[ "$(say third | tr '\n' ' ')" = "third hello" ] || fail "a container after the restart of both"

$CTR image rm --sync $IMAGE > /dev/null
nothing_left() { [ -z "$(ls "$FOLDERS")" ] && [ -z "$(listed)" ]; }
wait_until 20 nothing_left
echo "containerd ran its containers over the snapshotter, killed twice"
