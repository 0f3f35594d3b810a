#!/usr/bin/env bash
# What `zeropull run` makes of the endpoint's caches, good and bad. An image that only a served store holds is no cached image for a
# snapshotter, which never waits for a network; a run fetches it, verifies it and asks no registry. A store with a wrong byte costs time:
# the registry is asked. A volume with wrong bytes is left out when it is attached, or withdrawn by the check behind the start.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)

zeropull() { "$ZP_BIN/zeropull" "$@"; }
start_registry "$WORK/registry"
head -c 3000000 /dev/urandom > "$WORK/weights"
"$HERE/make_image.py" "$WORK/model" "$REGISTRY/model:1" '{}' bin/payload="$ZP_TESTS/payload" etc/motd=text:model + weights="$WORK/weights"
push_image model
convert_image model "store:$WORK/store"
cp -p "$WORK/store.key" "$WORK/volume.key" # one endpoint
convert_image model "$WORK/volume"

TOKEN=0123456789abcdef0123456789abcdef
(umask 077 && echo "$TOKEN read *" > "$WORK/grants" && echo $TOKEN > "$WORK/token" && head -c 32 /dev/urandom > "$WORK/other.key")
zeropull store serve --dir "$WORK/store" --token-file "$WORK/grants" --listen 127.0.0.1:7443 --cert-dir "$WORK/certificates" \
  > "$WORK/store.log" 2>&1 &
wait_until 10 bash -c "exec 3<> /dev/tcp/127.0.0.1/7443"

# start KEY [VOLUME]: an agent with nothing of its own yet, the served store, and the volume.
start() {
  [ -z "${AGENT_PID:-}" ] || { kill "$AGENT_PID" && wait "$AGENT_PID"; } || fail "the agent ends with $?"
  awk -v at="$WORK/agent/" 'index($5, at) == 1 { print $5 }' /proc/self/mountinfo | tac | xargs -r umount --lazy
  rm -rf --one-file-system "$WORK/agent" "$WORK/agent.log" "$WORK/containerd-$((STARTS))"
  [ -z "${CONTAINERD_PID:-}" ] || { kill "$CONTAINERD_PID" && wait "$CONTAINERD_PID" || true; }
  STARTS=$((STARTS + 1))
  start_agent "{\"root\": \"$WORK/agent\", \"key_file\": \"$1\", \"volumes\": [${2:+\"$2\"}], \"verify_volumes_after_s\": 0,
    \"stores\": [{\"url\": \"https://127.0.0.1:7443\", \"token_file\": \"$WORK/token\", \"ca_file\": \"$WORK/certificates/cert.pem\",
    \"publish\": false}]}"
  start_containerd "$WORK/containerd-$STARTS" "$(readme_containerd_config)"
}
STARTS=0
# run: the model's weights, compared; sets STATUS and ASKED, the requests that the registry had.
run() {
  local before
  before=$(requests)
  STATUS=0
  zeropull run --image "$REGISTRY/model:1" --plain-http --containerd "$CONTAINERD_SOCKET" --namespace "$CONTAINERD_NAMESPACE" -- \
    /bin/payload show /weights > "$WORK/out" 2> "$WORK/err" || STATUS=$?
  ASKED=$(($(requests) - before))
}
works() { # HOW
  run
  [ $STATUS = 0 ] || fail "$1: $(cat "$WORK/err"; tail -n 5 "$AGENT_LOG")"
  cmp "$WORK/weights" "$WORK/out" || fail "$1: the container reads wrong bytes"
}
logged() { grep -q "$1" "$AGENT_LOG" || fail "the agent's log lacks '$1': $(cat "$AGENT_LOG")"; }
listed() { zeropull images list | tail -n +2 | cut -d' ' -f1; }
# flip FILE [BACK]: changes the byte in its middle, or BACK bytes before its end.
flip() {
  python3 - "$@" <<'PY'
import os, sys
with open(sys.argv[1], "r+b") as file:
    size = os.fstat(file.fileno()).st_size
    at = size - int(sys.argv[2]) if len(sys.argv) > 2 else size // 2
    file.seek(at)
    byte = file.read(1)[0]
    file.seek(at)
    file.write(bytes([byte ^ 1]))
PY
}

start "$WORK/store.key"
[ -z "$(listed)" ] || fail "an image in a store is listed as cached: $(listed)"
works "from the store"
[ $ASKED = 0 ] || fail "a fetch from the store asks the registry $ASKED times"
[ "$(listed)" = cache ] || fail "the fetched image is not in the cache: $(listed)"

start "$WORK/other.key"
works "with another endpoint's key"
[ $ASKED -gt 0 ] || fail "another endpoint's key opens the store"
logged "key"
! zeropull image verify "store:$WORK/store" --key-file "$WORK/other.key" > "$WORK/err" 2>&1 || fail "another key verifies the store"
grep -q key "$WORK/err" || fail "a wrong key is told as: $(cat "$WORK/err")"

pack=$(find "$WORK/store/packs" -type f -size +1M | head -1)
flip "$pack"
! zeropull image verify "store:$WORK/store" --key-file "$WORK/store.key" > "$WORK/err" 2>&1 || fail "a wrong pack is not found"
start "$WORK/store.key"
works "from a store with a wrong byte"
[ $ASKED -gt 0 ] || fail "a wrong frame was taken"
logged "ask the next source"
kill "$REGISTRY_PID" && wait "$REGISTRY_PID" || true
start "$WORK/store.key"
run
[ $STATUS != 0 ] || fail "a run without any source ends with $STATUS"
grep -q "$REGISTRY" "$WORK/err" || fail "a run without any source is told as: $(cat "$WORK/err")"
[ -z "$(listed)" ] && [ -z "$(ls "$WORK/agent/cache/blobs")" ] || fail "a failed fetch leaves something"
flip "$pack" # right again
works "from the mended store"

# volume_with_flip WHICH: a copy of the volume, one byte of its index, metadata image or data changed, at $WORK/bad.
volume_with_flip() {
  rm -rf "$WORK/bad"
  cp -a "$WORK/volume" "$WORK/bad"
  case $1 in
    index) flip "$WORK"/bad/images/*/index ;;
    metadata) flip "$WORK/bad/blobs/$METADATA" ;;
    data) flip "$(find "$WORK/bad/blobs" -type f -size +2M)" ;;
  esac
  ! zeropull image verify "$WORK/bad" --key-file "$WORK/volume.key" > "$WORK/err" 2>&1 || fail "a wrong byte in the $1 is not found"
}
for blob in "$WORK"/volume/blobs/*; do # the one that is an EROFS image
  [ "$(od -An -tx4 -j1024 -N4 "$blob" 2> /dev/null | tr -d ' ')" != e0f5e1e2 ] || METADATA=$(basename "$blob")
done
for part in index metadata; do
  volume_with_flip $part
  start "$WORK/volume.key" "$WORK/bad"
  logged "leave out .*$(ls "$WORK/bad/images")"
  [ -z "$(listed)" ] || fail "a volume with a wrong byte in the $part is used: $(listed)"
  works "beside a volume with a wrong byte in the $part"
done
volume_with_flip data
start "$WORK/volume.key" "$WORK/bad"
withdrawn() { [ -z "$(listed)" ] && grep -q "withdrawn: .*$WORK/bad" "$AGENT_LOG"; }
wait_until 20 withdrawn
works "beside a withdrawn volume"
start "$WORK/volume.key" "$WORK/volume"
works "from a good volume"
[ "$(listed) $ASKED" = "volume 0" ] || fail "a good volume: $(listed), $ASKED requests"
echo "runs survive bad stores and volumes, and read no wrong byte"
