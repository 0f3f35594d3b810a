#!/usr/bin/env bash
# A pull through containerd's CRI with our agent, configured as the README says. A cached image's layers are not fetched, whether it lies
# on a volume or in the local cache; what is not cached is pulled as ever; an image with cached lower layers fetches the others; and
# all of it again after removal and collection.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)
start_registry "$WORK/registry"
mkdir "$WORK/logs"

cri() { "$ZP_TESTS/cri_probe" "$CONTAINERD_SOCKET" "$@"; }
zeropull() { "$ZP_BIN/zeropull" "$@"; }

head -c 3000000 /dev/urandom > "$WORK/weights"
CONFIG='{"Entrypoint": ["/bin/payload"], "Cmd": ["listen", "wait"]}'
BASE=(bin/payload="$ZP_TESTS/payload" etc/motd=text:base etc/gone=text:gone + opt/lib=text:lib opt/both=text:lower)
make() {
  "$HERE/make_image.py" "$WORK/$1" "$REGISTRY/$1:1" "$CONFIG" "${@:2}"
  push_image "$1"
}
make pause bin/payload="$ZP_TESTS/payload"
make model "${BASE[@]}" + weights="$WORK/weights" opt/both=text:model
make mixed "${BASE[@]}" + etc/.wh.gone=text: opt/both=text:mixed + opt/top=text:top
make plain bin/payload="$ZP_TESTS/payload" etc/motd=text:plain + etc/second=text:second
make local bin/payload="$ZP_TESTS/payload" etc/motd=text:local + etc/second=text:second

# pull NAME COUNT: pulls it; COUNT of its layers are fetched.
pull() {
  local before
  before=$(layers_fetched "$1")
  cri pull "$REGISTRY/$1:1" > /dev/null
  local count=$(($(layers_fetched "$1") - before))
  [ $count = "$2" ] || fail "$1: the pull fetched $count layers, not $2"
}
# in_pod NAME EXPECTED ARGS..: the output, its lines joined, of a container in a pod.
in_pod() {
  rm -f "$WORK/logs/log"
  cri run "$REGISTRY/$1:1" "$WORK/logs" "${@:3}" || fail "$1: the container ends with $?: $(tail -5 "$AGENT_LOG")"
  local said
  said=$(sed 's/^[^ ]* stdout [FP] //' "$WORK/logs/log" | tr '\n' ' ')
  [ "$said" = "$2 " ] || fail "$1: the container says '$said', not '$2'"
}
content_gone() { ! ctr --address "$CONTAINERD_SOCKET" -n k8s.io content ls -q | grep -q "$1"; }
chain_gone() { ! ctr --address "$CONTAINERD_SOCKET" -n k8s.io snapshots --snapshotter zeropull ls | grep -q "$1"; }
# remove NAME: from containerd, with all that was its alone.
remove() {
  cri remove "$REGISTRY/$1:1"
  wait_until 20 content_gone "sha256:$(sha256sum "$WORK/$1.config" | cut -d' ' -f1)"
  wait_until 20 chain_gone "$(cat "$WORK/$1.chain")"
}

convert_image model "$WORK/volume"
start_agent "{\"root\": \"$WORK/agent\", \"key_file\": \"$WORK/volume.key\", \"volumes\": [\"$WORK/volume\"]}"
[ "$(readme_containerd_config | grep -c .)" -ge 6 ] || fail "the README's configuration for containerd is not where it was"
CONTAINERD_CRI=on start_containerd "$WORK/containerd" "$(readme_containerd_config)
[plugins.\"io.containerd.grpc.v1.cri\"]
  sandbox_image = \"$REGISTRY/pause:1\"
  restrict_oom_score_adj = true"

blobs=$(requests '/v2/model/blobs/.*')
pull model 0
[ $(($(requests '/v2/model/blobs/.*') - blobs)) = 1 ] || fail "a pull of a cached image asks for more blobs than its configuration"
cri list | grep -qx "$REGISTRY/model:1" || fail "the cached image is not listed"
in_pod model "base gone lib model" show /etc/motd say "" show /etc/gone say "" show /opt/lib say "" show /opt/both say ""
pull plain 2
in_pod plain "plain second" show /etc/motd say "" show /etc/second say ""
pull mixed 2
in_pod mixed "base (absent) lib mixed top" show /etc/motd say "" show /etc/gone show /opt/lib say "" show /opt/both say "" show /opt/top say ""

# Removed and collected, the image is served from its volume again; the others are pulled again.
for name in model plain mixed; do remove $name; done
pull model 0
in_pod model "base model" show /etc/motd say "" show /opt/both say ""
pull mixed 2
in_pod mixed "(absent) mixed" show /etc/gone show /opt/both say ""

# The local cache: filled by `zeropull run`, served until it is removed there, and after a conversion again.
run_local() {
  zeropull run --image "$REGISTRY/local:1" --plain-http --containerd "$CONTAINERD_SOCKET" --namespace "$CONTAINERD_NAMESPACE" -- \
    /bin/payload show /etc/motd 2> "$WORK/run.log"
}
[ "$(run_local)" = local ] || fail "zeropull run: $(tail -3 "$WORK/run.log")"
zeropull images list | grep -q "^cache.*$REGISTRY/local:1" || fail "the converted image is not in the cache"
pull local 0
in_pod local "local second" show /etc/motd say "" show /etc/second say ""
! zeropull images remove "$REGISTRY/local:1" 2> "$WORK/remove.log" || fail "an image that containerd holds was removed"
grep -q "in use" "$WORK/remove.log" || fail "the refusal reads: $(cat "$WORK/remove.log")"
remove local
wait_until 20 zeropull images remove "$REGISTRY/local:1" # the collector of the other namespace may come later
! zeropull images list | grep -q "/local:1" || fail "the removed image is still listed"
[ -z "$(ls "$WORK/agent/cache/blobs")" ] || fail "the removed image's blobs are still there"
pull local 2
in_pod local "local" show /etc/motd say ""
remove local
[ "$(run_local)" = local ] || fail "zeropull run again: $(tail -3 "$WORK/run.log")"
pull local 0
in_pod local "local second" show /etc/motd say "" show /etc/second say ""
echo "containerd's CRI pulls, runs and removes images over the agent"
