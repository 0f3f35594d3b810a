#!/usr/bin/env bash
# Nothing of ours is in the path of a read: a container runs on, and reads what was never read before, while its agent is dead. After the
# agent's return, and after the end of every process, mount and file in /run, as when a machine stops, containers of cached images start
# again with neither registry nor its credentials. One image is in the local cache, one on a volume, which is an EROFS file.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)

zeropull() { "$ZP_BIN/zeropull" "$@"; }
head -c 3000000 /dev/urandom > "$WORK/weights"
head -c 3000000 /dev/urandom > "$WORK/more"
start_registry "$WORK/registry"
for name in cached volume; do
  "$HERE/make_image.py" "$WORK/$name" "$REGISTRY/$name:1" '{}' bin/payload="$ZP_TESTS/payload" etc/motd="text:$name" + \
    weights="$WORK/weights" more="$WORK/more" only/$name="text:$name"
  push_image $name
done
convert_image volume "$WORK/volume"
mkfs.erofs "$WORK/volume.erofs" "$WORK/volume" > "$WORK/mkfs.log" 2>&1 || fail "mkfs.erofs: $(cat "$WORK/mkfs.log")"
rm -r "$WORK/volume"
echo "{\"auths\": {\"$REGISTRY\": {\"auth\": \"dXNlcjpwYXNzd29yZA==\"}}}" > "$WORK/auth.json"

start() {
  start_agent "{\"root\": \"$WORK/agent\", \"key_file\": \"$WORK/volume.key\", \"volumes\": [\"$WORK/volume.erofs\"],
    \"registries\": {\"auth_file\": \"$WORK/auth.json\"}}"
}
run() { # NAME [OPTIONS..] -- ARGS..
  zeropull run --image "$REGISTRY/$1:1" --plain-http --containerd "$CONTAINERD_SOCKET" --namespace "$CONTAINERD_NAMESPACE" "${@:2}" \
    2> "$WORK/$1.err"
}
works() { # NAME WHEN
  [ "$(run "$1" -- /bin/payload show /etc/motd)" = "$1" ] || fail "$1, $2: $(cat "$WORK/$1.err"; tail -n 5 "$AGENT_LOG")"
}
kill_hard() {
  kill -9 "$1"
  wait "$1" 2> /dev/null || true
}
mounts() { grep -F " $WORK/agent/mounts/" /proc/self/mountinfo; }
loops() { losetup --list --noheadings --output BACK-FILE | grep -F "$WORK/"; }
none() { ! "$@"; }

start
start_containerd "$WORK/containerd" "$(readme_containerd_config)"
works cached "converted from its registry"
kill_hard "$REGISTRY_PID"
rm "$WORK/auth.json"
works cached "without its registry"
works volume "without its registry"

# A container that reads up to the end of its input before it reads its files.
for name in cached volume; do
  mkfifo "$WORK/$name.in"
  run $name --name "kept-$name" -- /bin/payload say up copy show /weights copy show /more < "$WORK/$name.in" > "$WORK/$name.out" &
  eval "RUN_$name=$!"
done
exec 8> "$WORK/cached.in" 9> "$WORK/volume.in"
for name in cached volume; do wait_until 20 grep -q up "$WORK/$name.out"; done
before=$(mounts)
kill_hard "$AGENT_PID"
exec 8>&- # its input ends, and it goes on to its files
wait "$RUN_cached" || fail "the container ends with $? while the agent is dead: $(cat "$WORK/cached.err")"
(echo up && cat "$WORK/weights" "$WORK/more") | cmp - "$WORK/cached.out" || fail "what a container reads while the agent is dead"
start 9>&- # else the agent holds the input open
[ "$(mounts)" = "$before" ] || fail "mounts changed with the agent: $before / $(mounts)"
works cached "after the agent's return"
works volume "after the agent's return"
exec 9>&-
wait "$RUN_volume" || fail "the older container ends with $? after the agent's return: $(cat "$WORK/volume.err")"
(echo up && cat "$WORK/weights" "$WORK/more") | cmp - "$WORK/volume.out" || fail "what an older container reads after the agent's return"

# Everything ends at once, as when a machine stops; what was on disks stays.
for name in cached volume; do
  : > "$WORK/$name.out"
  run $name --name "lost-$name" -- /bin/payload say up wait > "$WORK/$name.out" &
done
for name in cached volume; do wait_until 20 grep -q up "$WORK/$name.out"; done
no_leases() { [ -z "$($CTR leases ls -q)" ]; }
wait_until 20 no_leases # a run that is killed before it gives its lease back holds its image for a day
[ $$ = 1 ] || fail "not the first process of a namespace"
exec 7>&2 2> /dev/null # bash tells of each
kill -9 -1
wait
exec 2>&7 7>&-
awk -v at="$WORK/" 'index($5, at) == 1 || $5 ~ "^/run/" { print $5 }' /proc/self/mountinfo | tac | xargs -r umount --lazy
umount /run
mount -t tmpfs tmpfs /run
rm -rf --one-file-system "$WORK/containerd/state"
wait_until 20 none loops
start
start_containerd "$WORK/containerd" "$(readme_containerd_config)"
works cached "after a machine's stop"
works volume "after a machine's stop"
[ "$(zeropull images list | tail -n +2 | cut -d' ' -f1 | sort | tr '\n' ' ')" = "cache volume " ] || fail "$(zeropull images list)"

# What is not used is not mounted, and an agent that ends in peace leaves nothing.
for name in cached volume; do
  $CTR task rm -f "lost-$name" > /dev/null 2>&1 || true # containerd may have cleaned up behind the lost shims itself
  $CTR container rm "lost-$name"
done
$CTR leases delete --sync "$($CTR leases create)" > /dev/null # makes containerd collect now
wait_until 20 none mounts
kill "$AGENT_PID"
wait "$AGENT_PID" || fail "the agent ends with $?"
kill "$CONTAINERD_PID"
wait "$CONTAINERD_PID" || true
wait_until 20 none loops
! grep -F " $WORK/" /proc/self/mountinfo || fail "a mount is left"
echo "containers outlived their agent, and cached images their machine"
