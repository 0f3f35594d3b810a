#!/bin/bash
# containerd's own snapshotter suite against a snapshotter's socket: SOCKET, or a server with an empty cache when none is given.
# usage: snapshotter_suite.sh [SOCKET]
. "$(dirname "$0")/common.sh"
gocode=/usr/share/gocode
source=$(dirname "$0")/snapshotter_suite/suite_test.go
[ -d $gocode/src/github.com/containerd/containerd/snapshots/testsuite ] ||
  { echo "SKIPPED: needs golang-github-containerd-containerd-dev"; exit 77; }
command -v go > /dev/null || { echo "SKIPPED: needs golang-go"; exit 77; }

socket=${1:-}
if [ -n "$socket" ]; then
  WORK=$(mktemp -d /var/tmp/zp-test-XXXXXX)
  trap 'rm -rf --one-file-system "$WORK"' EXIT
else
  enter_private_namespaces
  socket=$WORK/s.sock
  "$ZP_TESTS/snapshotter_server" "$WORK/state" "$socket" > "$WORK/server.log" 2>&1 &
  wait_until 10 grep -q serving "$WORK/server.log"
fi

# Built from Debian's sources: no module, no network.
GO111MODULE=off GOPATH=$gocode GOFLAGS= CGO_ENABLED=0 GOCACHE=${GOCACHE:-/var/tmp/zp-go-build} \
  go test -c -o "$WORK/suite" "$source"
ZP_SOCKET=$socket TMPDIR=$WORK "$WORK/suite" -test.v -test.root > "$WORK/suite.log" 2>&1 ||
  { tail -60 "$WORK/suite.log" "$WORK"/server.log >&2 || true; fail "containerd's suite"; }
passed=$(grep -c -- '--- PASS: TestSnapshotterSuite/' "$WORK/suite.log")
[ "$passed" -ge 20 ] || fail "only $passed checks ran"
grep -q -- '--- PASS: TestSnapshotterSuite/128LayersMount' "$WORK/suite.log" || fail "128LayersMount did not run"
echo "containerd's suite: $passed checks passed"
