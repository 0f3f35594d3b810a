#!/usr/bin/env bash
# Copies of a component on an instance, in real containers and networks: reached from the router alone, reaching nothing, with their
# own devices, model and limits; adopted after the manager was killed at any point; failed with their true reason; gone without a
# trace.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)
ME=10.7.0.2
ROUTER=10.7.0.1
STRANGER=10.7.0.9
OUTSIDE=192.0.2.1

# The instance's uplink leads to the router and to a stranger, behind which lies the outside.
ip link add uplink type bridge
ip address add $ME/24 dev uplink
ip link set uplink up
for host in "router $ROUTER" "stranger $STRANGER"; do
  read -r name address <<< "$host"
  ip netns add "$name"
  ip link add "to-$name" type veth peer name eth0 netns "$name"
  ip link set "to-$name" master uplink up
  ip -n "$name" address add "$address/24" dev eth0
  ip -n "$name" link set eth0 up
  ip -n "$name" link set lo up
  ip -n "$name" route add 172.31.255.0/24 via $ME
  ip netns exec "$name" python3 -m http.server 9000 > /dev/null 2>&1 &
done
ip -n stranger address add $OUTSIDE/32 dev lo
ip route add $OUTSIDE via $STRANGER
ip route add 169.254.169.254 via $STRANGER
ip -n stranger address add 169.254.169.254/32 dev lo
python3 -m http.server 7000 > /dev/null 2>&1 &
for url in $STRANGER:9000 $ROUTER:9000 $OUTSIDE:9000 169.254.169.254:9000 127.0.0.1:7000; do
  wait_until 10 curl --silent --max-time 1 "http://$url/"
done

start_containerd "$WORK/containerd"
"$HERE/make_image.py" "$WORK/serve" localhost/serve:1 '{"Entrypoint": ["/bin/serve_payload"], "Cmd": ["not this"],
  "Env": ["NVIDIA_VISIBLE_DEVICES=all", "FROM=image"]}' bin/serve_payload="$ZP_TESTS/serve_payload"
$CTR image import --snapshotter overlayfs "$WORK/serve.tar" > /dev/null

mkdir "$WORK/cdi" "$WORK/model"
echo weights > "$WORK/model/weights"
# Devices that every kernel has and no container by itself: 10:237 loop-control, 10:229 fuse.
cat > "$WORK/cdi/accelerators.json" <<'CDI'
{"cdiVersion": "0.5.0", "kind": "zeropull.test/accelerator", "devices": [
  {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/zp0", "type": "c", "major": 10, "minor": 237}]}},
  {"name": "1", "containerEdits": {"deviceNodes": [{"path": "/dev/zp1", "type": "c", "major": 10, "minor": 229}]}}],
 "containerEdits": {"env": ["WITH_DEVICES=yes"]}}
CDI

start_server() {
  rm -f "$WORK/in" "$WORK/out"
  mkfifo "$WORK/in" "$WORK/out"
  "$ZP_TESTS/copies_server" "$CONTAINERD_SOCKET" "$CONTAINERD_NAMESPACE" "$WORK/agent" $ME "$WORK/serve.config" \
    "$(cat "$WORK/serve.chain")" "$WORK/cdi" < "$WORK/in" > "$WORK/out" 2>> "$WORK/server.log" &
  SERVER=$!
  exec 8> "$WORK/in" 9< "$WORK/out"
}

kill_server() {
  kill -9 "$SERVER"
  wait "$SERVER" 2> /dev/null || true
  exec 8>&- 9<&-
}

ask() {
  echo "$*" >&8
  read -r -t 60 ANSWER <&9 || { tail -20 "$WORK/server.log" >&2; fail "the server does not answer: $*"; }
}

# order COPY..: each an object's members.
order() {
  local copies="" copy
  for copy in "$@"; do copies+="${copies:+,}{$copy}"; done
  ask "apply {\"routers\": [\"$ROUTER\"], \"denied\": [\"10.7.0.0/24\"], \"copies\": [$copies]}"
  [ "$ANSWER" = ok ] || fail "the order is refused: $ANSWER"
}

# report ID FIELD
report() {
  ask reports
  python3 -c 'import json, sys
found = [r for r in json.loads(sys.argv[1]) if r["id"] == sys.argv[2]]
print(found[0][sys.argv[3]] if found else "(none)")' "$ANSWER" "$1" "$2"
}
is() { [ "$(report "$1" state)" = "$2" ]; }
becomes() {
  local until=$((SECONDS + ${3:-30}))
  until is "$1" "$2"; do
    [ "$SECONDS" -lt "$until" ] || { tail -20 "$WORK/server.log" >&2; fail "$1 never became $2: $(report "$1" state) $(report "$1" reason)"; }
    read -r -t 0.05 <> <(:) || true
  done
}
reports_none() { ask reports; [ "$ANSWER" = "[]" ]; }
from() { ip netns exec "$1" curl --silent --max-time 3 "${@:2}"; }
inside() { from router "http://$(report "$1" address)/$2"; }
expect() { [[ "$1" == $2 ]] || fail "$3: expected '$2', found '$1'"; }
pid_of() { $CTR task ls | awk -v id="$1" '$1 == id { print $2 }'; }

nothing_left() {
  local left
  for attempt in $(seq 100); do
    left=$(
      $CTR container ls -q
      $CTR task ls -q
      ls /run/zeropull/netns "$WORK/agent/copies" | grep -v ':$'
      ip -o link | grep -o 'zpc[^:@]*'
      nft list tables | grep zeropull
      $CTR snapshot --snapshotter overlayfs ls | tail -n +3
      find /sys/fs/cgroup -path "*/$CONTAINERD_NAMESPACE/*" -type d 2> /dev/null
      $CTR leases ls -q
    ) || true
    [ -n "$left" ] || return 0
    read -r -t 0.05 <> <(:) || true
  done
  fail "$1: left behind: $left"
}

start_server
ONE='"id": "one", "accelerators": [0], "memory": 67108864, "cores": 0.5, "warm_up": "/invocations", "environment": {"A": "1"},
  "model": "'$WORK/model'"'
ONE=${ONE//$'\n'/}
TWO='"id": "two", "accelerators": [1], "outbound": true'
order "$ONE" "$TWO"
becomes one ready
becomes two ready

# The container contract.
expect "$(inside one env?A)$(inside one env?FROM)" 1image "the environment"
expect "$(from router --data hello "http://$(report one address)/invocations")" "one hello" "a request"
expect "$(inside one file?/opt/ml/model/weights)" weights "the model"
expect "$(inside one write?/opt/ml/model/new)" "Read-only*" "a write to the model"
expect "$(inside one file?/proc/self/status)" *"NoNewPrivs:	1"* "no new privileges"
expect "$(inside one file?/etc/hosts)" *"172.31.255.2 one"* "the name's address"
expect "$(cat /sys/fs/cgroup/memory/"$CONTAINERD_NAMESPACE"/one/memory.limit_in_bytes)" 67108864 "the memory limit"
expect "$(cat /sys/fs/cgroup/cpu/"$CONTAINERD_NAMESPACE"/one/cpu.shares)" 512 "the cpu's share"
[ "$(report one memory)" -gt 0 ] || fail "no memory is reported"
ask "log one"
expect "$ANSWER" '"first line*invocation*' "the log, from its first line and with the warm-up"

# Each sees its own device, and cannot make itself the other's.
expect "$(inside one env?NVIDIA_VISIBLE_DEVICES)$(inside one env?WITH_DEVICES)" 0yes "the devices' variables"
expect "$(inside one device?/dev/zp0)" usable "the first's own device"
expect "$(inside one device?/dev/zp1)" "No such file*" "the other's device"
expect "$(inside one make?/dev/mine,10,229)" "Operation not permitted" "the other's device by a node of one's own"
expect "$(inside two device?/dev/zp1)" usable "the second's own device"
expect "$(inside two device?/dev/zp0)" "No such file*" "the first's device"
expect "$(inside two make?/dev/mine,10,237)" "Operation not permitted" "the first's device by a node of one's own"

# Who reaches a copy: the router, by the instance's address, alone.
! from stranger "http://$(report one address)/ping" || fail "a stranger reaches a copy"
! from stranger http://172.31.255.2:8080/ping || fail "a stranger reaches a copy by its own address"
! from router http://172.31.255.2:8080/ping || fail "the router reaches a copy past its port"
from router "http://$(report one address)/ping" || fail "the router does not reach a copy"

# What a copy reaches: itself; the outside where it may. What is refused is refused without an answer.
expect "$(inside one connect?127.0.0.1:8080)" open "its own loopback"
for target in 172.31.255.1:7000 $ME:7000 172.31.255.3:8080 "$(report two address)" $ROUTER:9000 $STRANGER:9000 \
    169.254.169.254:9000 $OUTSIDE:9000; do
  expect "$(inside one "connect?$target")" "no answer" "a copy without outbound connects to $target"
done
expect "$(inside two connect?$OUTSIDE:9000)" open "a copy with outbound connects to the outside"
for target in 172.31.255.1:7000 $ME:7000 172.31.255.2:8080 "$(report one address)" $ROUTER:9000 $STRANGER:9000 169.254.169.254:9000; do
  expect "$(inside two "connect?$target")" "no answer" "a copy with outbound connects to $target"
done

# A copy without outbound cannot borrow the name of one that has it.
ip netns exec stranger python3 -c '
import socket, sys
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("0.0.0.0", 9999))
while True:
    print(receiver.recv(100).decode(), flush=True)' > "$WORK/received" &
wait_until 10 bash -c "ip netns exec stranger ss -Hlun | grep -q :9999"
expect "$(inside one "send?172.31.255.3,$OUTSIDE,forged")" sent "a packet in the other's name"
expect "$(inside two "send?172.31.255.3,$OUTSIDE,own")" sent "a packet in its own name"
wait_until 10 grep -q own "$WORK/received"
! grep -q forged "$WORK/received" || fail "a copy reaches the outside in another's name"

# A manager that is killed disturbs nothing; the next one adopts, and has seen what ended meanwhile.
first=$(pid_of one)
kill_server
from router "http://$ME:20000/ping" || fail "a copy is out of reach without the manager"
$CTR task kill --signal SIGKILL two
start_server
becomes one ready
wait_until 10 bash -c "[ -z \"\$($CTR task ls | grep '^two .*RUNNING')\" ]"
order "$ONE" "$TWO"
becomes two ready
[ "$(pid_of one)" = "$first" ] || fail "an adopted copy was started again"
expect "$(report one address) $(report two address)" "$ME:20000 $ME:20001" "the addresses after an adoption"
expect "$(inside two connect?$OUTSIDE:9000)" open "the network after an adoption"
kill -9 "$first"
started_anew() { local pid; pid=$(pid_of one); [ -n "$pid" ] && [ "$pid" != "$first" ]; }
wait_until 10 started_anew
becomes one ready

# containerd's end disturbs them neither, nor makes the manager believe that they have ended.
first=$(pid_of one)
kill -9 "$CONTAINERD_PID"
wait "$CONTAINERD_PID" 2> /dev/null || true
from router "http://$ME:20000/ping" || fail "a copy is out of reach without containerd"
is one ready || fail "a copy is not ready without containerd: $(report one reason)"
start_containerd "$WORK/containerd"
order "$ONE" "$TWO" '"id": "new"'
becomes new ready
[ "$(pid_of one)" = "$first" ] && is one ready || fail "a copy was started again for containerd's end"

# A helper of containerd's that is killed leaves the folder of a task that has ended: the next start is not kept from its name, and
# what stands in the folder of a container that still runs is ended.
bundles=$WORK/containerd/state/io.containerd.runtime.v2.task/$CONTAINERD_NAMESPACE
mkdir "$WORK/stale"
cp -a "$bundles/new/." "$WORK/stale" 2> /dev/null || true
rm -rf "$WORK/stale/rootfs" && mkdir "$WORK/stale/rootfs"
order "$ONE" "$TWO"
gone() { [ ! -e "$bundles/$1" ]; }
wait_until 15 gone new
cp -a "$WORK/stale" "$bundles/new"
begin=$SECONDS
order "$ONE" "$TWO" '"id": "new"'
becomes new ready
[ $((SECONDS - begin)) -lt 10 ] || fail "a folder that was left kept a copy from its start for $((SECONDS - begin)) s"

# True reasons, soon.
begin=$SECONDS
order "$ONE" "$TWO" '"id": "crash", "environment": {"CRASH": "3"}' '"id": "missing", "image": "missing"' '"id": "far", "accelerators": [7]' \
  '"id": "late", "environment": {"PING": "never"}, "start_timeout": 2'
for id in crash missing far late; do becomes "$id" failed; done
[ $((SECONDS - begin)) -lt 20 ] || fail "the reasons came after $((SECONDS - begin)) s"
expect "$(report crash reason)" "*exit code 3, 3 times in a row*cannot load the model*" "a crash loop"
expect "$(report crash log_tail)" "*first line*cannot load the model*" "the log of a crash loop"
expect "$(report missing reason)" "*no such manifest" "an image that is absent"
expect "$(report far reason)" "*no device zeropull.test/accelerator=7*" "a device that is absent"
expect "$(report late reason)" "*not ready within 2 s: GET /ping: /ping answered 503*" "a start that takes too long"
is one ready || fail "a failure of others disturbs a copy"

# Stops within their limits.
order "$ONE" '"id": "deaf", "environment": {"DEAF": "1"}'
becomes deaf ready
begin=$SECONDS
order
wait_until 15 reports_none
[ $((SECONDS - begin)) -ge 2 ] || fail "a container that does not listen was not given its time"
nothing_left "after all have gone"

# Killed at any point of starts and stops, five times over.
RANDOM=7
many=()
for id in a b c d; do many+=("\"id\": \"$id\""); done
for round in $(seq 5); do
  if [ $((round % 2)) = 1 ]; then order "${many[@]}"; else order "${many[0]}"; fi
  read -r -t "0.$((RANDOM % 10))$((RANDOM % 10))" <> <(:) || true
  kill_server
  start_server
done
order "${many[@]}"
for id in a b c d; do becomes "$id" ready; done
[ "$($CTR task ls -q | wc -l)" = 4 ] || fail "$($CTR task ls -q | wc -l) tasks for four copies"
for id in a b c d; do expect "$(from router --data x "http://$(report $id address)/invocations")" "$id x" "copy $id after the kills"; done
order
wait_until 15 reports_none
nothing_left "after the kills"
echo "passed"
