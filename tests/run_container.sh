#!/usr/bin/env bash
# A container run through our client from an image that the snapshotter holds: its streams, its exit code, its end by our will, and
# nothing left of it. The snapshotter is containerd's own; that ours serves the same is another test's matter.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)
start_containerd "$WORK/containerd"

"$HERE/make_image.py" "$WORK/image" localhost/run:1 '{"Entrypoint": ["/bin/payload"], "Cmd": ["say", "hello"], "Env": ["A=1"],
  "User": "7:8"}' bin/payload="$ZP_TESTS/payload" etc/motd=text:inside
$CTR image import --snapshotter overlayfs "$WORK/image.tar" > /dev/null
IMAGE=(--image localhost/run:1 --config "$WORK/image.config" --chain "$(cat "$WORK/image.chain")" --snapshotter overlayfs)

probe() { ${PROBE_PREFIX:-} "$ZP_TESTS/containerd_probe" "$CONTAINERD_SOCKET" "$CONTAINERD_NAMESPACE" "$@"; }

# run NAME [OPTIONS...] [-- ARGS...]: sets STATUS, OUT and ERR.
run() {
  STATUS=0
  probe run "$1" "${IMAGE[@]}" "${@:2}" > "$WORK/out" 2> "$WORK/err" || STATUS=$?
  OUT=$(tr -d "\000" < "$WORK/out") ERR=$(cat "$WORK/err")
}

expect() { [ "$1" = "$2" ] || fail "$3: expected '$2', found '$1' (standard error: $ERR)"; }

nothing_left() {
  [ -z "$($CTR container ls -q)" ] || fail "$1: a container is left"
  [ -z "$($CTR task ls -q)" ] || fail "$1: a task is left"
  [ -z "$(probe leases)" ] || fail "$1: a lease is left"
  [ "$($CTR snapshot --snapshotter overlayfs ls | tail -n +2 | wc -l)" = 1 ] || fail "$1: a snapshot is left beside the image's"
  [ -z "$(ls -A /run/zeropull-probe 2>/dev/null)" ] || fail "$1: a FIFO is left"
  ! grep -q "$CONTAINERD_NAMESPACE" /proc/self/mountinfo || fail "$1: a mount is left"
}

run plain
expect "$STATUS $OUT $ERR" "0 hello " "the image's command"
nothing_left "after an exit"

run code -- /bin/payload say one complain two env A ids show /etc/motd exit 42
expect "$STATUS" 42 "the exit code"
expect "$OUT" "$(printf 'one\n1\n7 8\ninside')" "standard output"
expect "$ERR" two "standard error"

mkdir "$WORK/model" && echo weights > "$WORK/model/file"
run mounted --mount "$WORK/model=/models" -- /bin/payload show /models/file write /models/new
expect "$OUT" "$(printf 'weights\nrefused')" "a read-only bind mount"

run large -- /bin/payload fill 3000000
expect "$STATUS $(wc -c < "$WORK/out")" "0 3000000" "output larger than any pipe"

head -c 1000000 /dev/urandom > "$WORK/input"
run copied --interactive -- /bin/payload copy < "$WORK/input"
cmp "$WORK/input" "$WORK/out" || fail "input did not come back as it was given"

probe run closed "${IMAGE[@]}" -- /bin/payload fill 3000000 exit 5 2> /dev/null | head -c 1 > /dev/null && STATUS=0 || STATUS=$?
nothing_left "after a closed output"

# Ends that come from outside: of the time, by SIGTERM to us; of a container that does not listen, by SIGKILL.
run late --timeout 1 -- /bin/payload listen say up wait
expect "$STATUS $OUT" "15 up" "a container stopped at its deadline"
expect "$ERR" stopped "the outcome of a stop"
nothing_left "after a deadline"
run deaf --timeout 1 --grace 0.2 -- /bin/payload say up wait
expect "$STATUS $OUT" "137 up" "a container that does not listen"

coproc RUNNING { PROBE_PREFIX=exec probe run told "${IMAGE[@]}" -- /bin/payload listen say up wait 2> /dev/null; }
read -r line <&"${RUNNING[0]}"
pid=$RUNNING_PID
kill -TERM "$pid"
STATUS=0
wait "$pid" || STATUS=$?
expect "$line $STATUS" "up 15" "a container stopped by our SIGTERM"
nothing_left "after SIGTERM"

# A container that is left running, its log, and its end by SIGKILL when it does not listen.
probe start kept "${IMAGE[@]}" --log "$WORK/log" -- /bin/payload say up wait
[ -z "$(probe leases)" ] || fail "a detached container's lease is left"
$CTR task ls | grep -q 'kept.*RUNNING' || fail "the detached container does not run"
for attempt in $(seq 100); do [ ! -s "$WORK/log" ] || break; read -r -t 0.05 <> <(:) || true; done
expect "$(cat "$WORK/log")" up "the log of a detached container"
run kept
expect "$STATUS" 125 "a name that is taken"
[[ $ERR == *already_exists* ]] || fail "a taken name is told as: $ERR"
$CTR task ls | grep -q 'kept.*RUNNING' || fail "the other's try ended the container"
coproc WATCH { probe watch; }
watch=$WATCH_PID
exec {told}<&"${WATCH[0]}"
probe remove kept
nothing_left "after remove"
probe remove kept
# The subscription has no moment that can be seen from outside, so containers end until it has told of one.
for attempt in $(seq 50); do
  ! read -r -t 0.1 line <&"$told" || break
  run "seen$attempt" -- /bin/payload exit 9
done
[[ $line == kept\ 137 || $line == seen*\ 9 ]] || fail "the watch tells: $line"
wait "$watch" 2> /dev/null || true

# What cannot start says why and leaves nothing.
run nowhere -- /bin/absent
expect "$STATUS" 125 "a command that is absent"
[[ $ERR == *"/bin/absent"* ]] || fail "an absent command is told as: $ERR"
nothing_left "after a failed start"
IMAGE[5]=sha256:0000000000000000000000000000000000000000000000000000000000000000
run uncached
expect "$STATUS" 125 "an image that the snapshotter does not hold"
[[ $ERR == *not_found*"does not hold the image"* ]] || fail "an absent image is told as: $ERR"
nothing_left "after an absent image"

STATUS=0
ERR=$("$ZP_TESTS/containerd_probe" /nonexistent.sock x version 2>&1) || STATUS=$?
[[ $STATUS == 125 && $ERR == *unavailable*"is containerd running"*/nonexistent.sock* ]] || fail "an absent containerd is told as: $ERR"
echo "passed"
