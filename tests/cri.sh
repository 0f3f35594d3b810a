#!/usr/bin/env bash
# Our slice of the CRI against containerd's own: an image is pulled from a registry, listed, run in a pod and removed. What the slice is
# for, a pull that our snapshotter answers, is another test's matter.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)
start_registry "$WORK/registry"
# A pod wants a lower oom_score_adj, which takes a capability that a machine inside a sandbox may lack.
CONTAINERD_CRI=on start_containerd "$WORK/containerd" "[plugins.\"io.containerd.grpc.v1.cri\"]
  sandbox_image = \"$REGISTRY/pause:1\"
  restrict_oom_score_adj = true"

for name in pause app; do
  "$HERE/make_image.py" "$WORK/$name" "$REGISTRY/$name:1" '{"Entrypoint": ["/bin/payload"], "Cmd": ["listen", "wait"]}' \
    bin/payload="$ZP_TESTS/payload"
  $CTR image import "$WORK/$name.tar" > /dev/null
  $CTR image push --plain-http "$REGISTRY/$name:1" > /dev/null
done

cri() { "$ZP_TESTS/cri_probe" "$CONTAINERD_SOCKET" "$@"; }

[[ $(cri pull "$REGISTRY/app:1") == sha256:* ]] || fail "pull names no image"
cri list | grep -qx "$REGISTRY/app:1" || fail "list lacks the image"
cri status "$REGISTRY/app:1" > /dev/null || fail "status does not know the image"
mkdir "$WORK/logs"
status=0
cri run "$REGISTRY/app:1" "$WORK/logs" say "from a pod" exit 6 || status=$?
[ $status = 6 ] || fail "the pod's container exits with $status"
grep -q 'stdout F from a pod' "$WORK/logs/log" || fail "the container's log: $(cat "$WORK/logs/log")"
cri remove "$REGISTRY/app:1"
! cri status "$REGISTRY/app:1" || fail "the image is there after its removal"
status=0
error=$(cri pull "$REGISTRY/absent:1" 2>&1) || status=$?
[[ $status == 125 && $error == *not_found* ]] || fail "an absent image is told as: $error"
echo "passed"
