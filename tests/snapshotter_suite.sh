#!/bin/bash
# containerd's own snapshotter suite against a snapshotter's socket: SOCKET, or a server with an empty cache when none is given.
# usage: snapshotter_suite.sh [SOCKET]
. "$(dirname "$0")/common.sh"
gocode=/usr/share/gocode
[ -d "$gocode/src/github.com/containerd/containerd/snapshots/testsuite" ] ||
  skip "needs golang-github-containerd-containerd-dev"
command -v go >/dev/null || skip "needs golang-go"

# Built from Debian's sources: no module, no network.
export GO111MODULE=off GOPATH=$gocode GOFLAGS= GOCACHE=${GOCACHE:-/var/tmp/zp-go-build} CGO_ENABLED=0
go test -c -o "$work/suite" "$tests/snapshotter_suite/suite_test.go"

socket=${1:-}
if [ -z "$socket" ]; then
  socket=$work/s.sock
  start server "$build/tests/snapshotter_server" "$work/state" "$socket"
  wait_for 10 test -S "$socket"
fi
ZP_SOCKET=$socket TMPDIR=$work "$work/suite" -test.v -test.root >"$work/suite.log" 2>&1 || fail "containerd's suite; see above"
passed=$(grep -c -- '--- PASS: TestSnapshotterSuite/' "$work/suite.log")
[ "$passed" -ge 20 ] || fail "only $passed checks ran"
grep -q -- '--- PASS: TestSnapshotterSuite/128LayersMount' "$work/suite.log" || fail "128LayersMount did not run"
echo "containerd's suite: $passed checks passed"
