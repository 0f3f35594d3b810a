#!/usr/bin/env bash
# As many layers as containerd and overlayfs know, and blobs whose paths are long: one EROFS mount of 128 devices, from `zeropull run` and
# through the CRI; and an image that shares all layers but its last, whose lower 127 are merged on this instance.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)
start_registry "$WORK/registry"
mkdir "$WORK/logs"

layers=(bin/payload="$ZP_TESTS/payload" etc/last=text:1)
for n in $(seq 2 127); do layers+=(+ "layers/$n=text:layer $n" "etc/last=text:$n"); done
"$HERE/make_image.py" "$WORK/many" "$REGISTRY/many:1" '{}' "${layers[@]}" + etc/last=text:128 layers/.wh.64=text:
"$HERE/make_image.py" "$WORK/other" "$REGISTRY/other:1" '{}' "${layers[@]}" + etc/last=text:other
"$HERE/make_image.py" "$WORK/pause" "$REGISTRY/pause:1" '{"Entrypoint": ["/bin/payload"], "Cmd": ["listen", "wait"]}' \
  bin/payload="$ZP_TESTS/payload"
for name in many other pause; do push_image $name; done

name=$(printf 'n%.0s' $(seq $((200 - ${#WORK} - 72)))) # WORK/NAME/blobs/HEX has 200 bytes
convert_image many "$WORK/$name"
blob=$(find "$WORK/$name/blobs" -type f -print -quit)
[ ${#blob} = 200 ] || fail "the blobs' paths have ${#blob} bytes"
start_agent "{\"root\": \"$WORK/agent\", \"key_file\": \"$WORK/$name.key\", \"volumes\": [\"$WORK/$name\"]}"
CONTAINERD_CRI=on start_containerd "$WORK/containerd" "$(readme_containerd_config)
[plugins.\"io.containerd.grpc.v1.cri\"]
  sandbox_image = \"$REGISTRY/pause:1\"
  restrict_oom_score_adj = true"

SHOW=(/bin/payload show /etc/last say "" show /layers/2 say "" show /layers/64 say "" show /layers/127 say "")
expected() { printf '%s\nlayer 2\n%s\nlayer 127' "$1" "$2"; }
said() { sed 's/^[^ ]* stdout [FP] //' "$WORK/logs/log" | grep .; }
cri() { "$ZP_TESTS/cri_probe" "$CONTAINERD_SOCKET" "$@"; }

out=$("$ZP_BIN/zeropull" run --image "$REGISTRY/many:1" --containerd "$CONTAINERD_SOCKET" --namespace "$CONTAINERD_NAMESPACE" -- \
  "${SHOW[@]}" 2> "$WORK/err" | grep .) || fail "zeropull run: $(tail -n 5 "$WORK/err" "$AGENT_LOG")"
[ "$out" = "$(expected 128 "(absent)")" ] || fail "zeropull run shows: $out"
before=$(layers_fetched many)
cri pull "$REGISTRY/many:1" > /dev/null
[ "$(layers_fetched many)" = "$before" ] || fail "the pull of a cached image fetches $(($(layers_fetched many) - before)) layers"
cri run "$REGISTRY/many:1" "$WORK/logs" "${SHOW[@]}" || fail "the pod: $(tail -n 5 "$AGENT_LOG")"
[ "$(said)" = "$(expected 128 "(absent)")" ] || fail "the pod shows: $(said)"

cri pull "$REGISTRY/other:1" > /dev/null
[ "$(layers_fetched other)" = 1 ] || fail "the pull fetches $(layers_fetched other) layers, not the last one alone"
rm "$WORK/logs/log"
cri run "$REGISTRY/other:1" "$WORK/logs" "${SHOW[@]}" || fail "the pod on 127 merged layers: $(tail -n 5 "$AGENT_LOG")"
[ "$(said)" = "$(expected other "layer 64")" ] || fail "the pod on 127 merged layers shows: $(said)"
echo "128 layers mount and run"
