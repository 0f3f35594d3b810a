#!/usr/bin/env bash
# The container record that we create, its specification with it, equals the one that `ctr run` writes for the same image, options
# and name on this machine, field by field; what one refuses the other refuses.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
HERE=$(cd "$(dirname "$0")" && pwd)
PROBE="$ZP_TESTS/containerd_probe"
cases=0

# image NAME CONFIG_JSON [FILES...]: makes and imports localhost/NAME:1.
image() {
  local name=$1
  "$HERE/make_image.py" "$WORK/$name" "localhost/$name:1" "$2" bin/payload="$ZP_TESTS/payload" "${@:3}"
  $CTR image import --snapshotter overlayfs "$WORK/$name.tar" > /dev/null
}

no_snapshot() {
  local all
  all=$($CTR snapshot --snapshotter overlayfs ls) && ! grep -q '^same ' <<< "$all"
}

# What ctr made is gone. It refuses to remove a task whose end containerd has not seen yet, and leaves the snapshot of a container
# that it refused to the collector, which may not run for long.
remove_what_ctr_made() {
  $CTR task rm -f same || true
  $CTR container rm same || true
  $CTR snapshot --snapshotter overlayfs rm same || true
  no_snapshot
}

# Both with the same arguments: IMAGE [OPTIONS...] [-- ARGS...]. Sets CTR_STATUS and OUR_STATUS: whether a record came to be.
create_both() {
  local name=$1 args=() ctr_options=() our_options=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
      --bind) ctr_options+=(--mount "type=bind,src=$2,dst=$3,options=rbind:ro"); our_options+=(--mount "$2=$3"); shift 3 ;;
      --env | --label | --cwd) ctr_options+=("$1" "$2"); our_options+=("$1" "$2"); shift 2 ;;
      *) ctr_options+=("$1"); our_options+=("$1"); shift ;;
    esac
  done
  [ $# -eq 0 ] || { shift; args=("$@"); }
  CTR_STATUS=0 OUR_STATUS=0
  # A task that fails leaves its record, and the record is what is compared.
  $CTR run -d --null-io --snapshotter overlayfs "${ctr_options[@]}" "localhost/$name:1" same "${args[@]}" > "$WORK/ctr.out" 2>&1 || true
  "$PROBE" "$CONTAINERD_SOCKET" "$CONTAINERD_NAMESPACE" record same > "$WORK/ctr.json" 2>/dev/null || CTR_STATUS=1
  wait_until 10 remove_what_ctr_made
  "$PROBE" "$CONTAINERD_SOCKET" "$CONTAINERD_NAMESPACE" create same --image "localhost/$name:1" --config "$WORK/$name.config" \
    --chain "$(cat "$WORK/$name.chain")" --snapshotter overlayfs "${our_options[@]}" -- "${args[@]}" 2> "$WORK/our.out" || OUR_STATUS=1
  [ $OUR_STATUS != 0 ] || "$PROBE" "$CONTAINERD_SOCKET" "$CONTAINERD_NAMESPACE" record same > "$WORK/our.json"
  "$PROBE" "$CONTAINERD_SOCKET" "$CONTAINERD_NAMESPACE" remove same
  no_snapshot || fail "our try leaves its snapshot"
  cases=$((cases + 1))
}

equal() {
  create_both "$@"
  [ $CTR_STATUS = 0 ] || { cat "$WORK/ctr.out" >&2; fail "ctr made no record for: $*"; }
  [ $OUR_STATUS = 0 ] || { cat "$WORK/our.out" >&2; fail "we made no record for: $*"; }
  python3 - "$WORK/ctr.json" "$WORK/our.json" <<'PY' || fail "records differ for: $*"
import json, sys

def differences(a, b, at):
    if type(a) is not type(b):
        yield at, a, b
    elif isinstance(a, dict):
        for key in sorted(set(a) | set(b)):
            yield from differences(a.get(key, "(absent)"), b.get(key, "(absent)"), at + "." + key)
    elif isinstance(a, list) and len(a) == len(b):
        for i, pair in enumerate(zip(a, b)):
            yield from differences(*pair, f"{at}[{i}]")
    elif a != b:
        yield at, a, b

ctr, ours = (json.load(open(path)) for path in sys.argv[1:])
assert len(ctr["spec"]["mounts"]) >= 7 and ctr["spec"]["linux"]["resources"]["cpu"], "ctr's record is not what this test knows"
found = list(differences(ctr, ours, ""))
for at, a, b in found:
    print(f"{at}: ctr has {a!r}, we have {b!r}", file=sys.stderr)
sys.exit(bool(found))
PY
}

refused() {
  create_both "$@"
  [ $CTR_STATUS = 1 ] || fail "ctr accepts: $*"
  [ $OUR_STATUS = 1 ] || fail "we accept: $*"
}

start_containerd "$WORK/containerd"

PASSWD='root:x:0:0:root:/root:/bin/sh
# a comment is a line like others here
alice:x:1000:1001:Alice:/home/alice:/bin/sh
bob:x:1002
  carol:x:1003:1004::/:/bin/sh
half:x:abc:77
same:x:1000:1009::/:/bin/sh
big:x:3000000000:5::/:/bin/sh'
GROUP='root:x:0:
wheel:x:10:root,alice
# ignored:x:11:root,alice
alice:x:1001:
alice:x:1008:alice
empty:x:12:

extra:x:2000:bob,alice
 spaced:x:2001:alice
nine:x:9:1000
same:x:1009:alice,root'
FILES=(etc/passwd="text:$PASSWD" etc/group="text:$GROUP")
CMD='"Cmd": ["/bin/payload", "say", "x"]'

image plain "{$CMD}" "${FILES[@]}"
image nothing "{$CMD}"
image full '{"Entrypoint": ["/bin/payload", "say"], "Cmd": ["a <b> & c", "\u00e9\u2028"], "User": "alice:wheel", "WorkingDir": "/w",
  "Env": ["PATH=/bin", "A=1", "EMPTY=", "NOEQUALS", "", "A=2"], "StopSignal": "SIGQUIT", "Labels": {"one": "1", "two": "zwei"},
  "Volumes": {"/data": {}}, "ExposedPorts": {"80/tcp": {}}}' "${FILES[@]}"
image lower_case "{\"cmd\": [\"/bin/payload\"], \"env\": [\"B=2\"], \"workingdir\": \"/x\", \"user\": null}" "${FILES[@]}"
image escaping "{$CMD, \"User\": \"alice\"}" etc/passwd="link:/../../../../real/passwd" real/passwd="text:$PASSWD" \
  etc/group="link:../real/group" real/group="text:$GROUP"
image dangling "{$CMD, \"User\": \"1000\"}" etc/passwd=link:/nowhere etc/group=link:/nowhere

equal plain
equal plain -- /bin/payload exit 3
equal plain --env A=1 --env B --env PATH=/x --env A=2 --label l=1 --label flag --cwd /tmp
equal plain --bind /usr /models --bind /etc /etc/host --read-only
equal plain --net-host
equal plain --seccomp
equal nothing
equal full
equal full --env PATH=/other --env EMPTY --env NEW=1 --label one=over -- /bin/payload
equal full --net-host --seccomp --env HOSTNAME=mine
equal lower_case
equal escaping
equal dangling

n=0
for user in alice 1000 1000:1001 alice:10 alice:extra 0 root root:root 1002 bob carol 1003 half 4242 4242:4343 0:wheel : :5 5: \
    +1000 same big 2147483647 :wheel 007; do
  n=$((n + 1))
  image "user$n" "{$CMD, \"User\": \"$user\"}" "${FILES[@]}"
  equal "user$n"
done
for user in nobody nine alice:nogroup 3000000000 -1 a:b:c alice:-1 99999999999999999999 '1000 '; do
  n=$((n + 1))
  image "user$n" "{$CMD, \"User\": \"$user\"}" "${FILES[@]}"
  refused "user$n"
done
image ghost "{$CMD, \"User\": \"alice\"}"
refused ghost
image linked_away "{$CMD, \"User\": \"daemon\"}" etc/passwd=link:/etc/passwd-of-the-host
refused linked_away

# The same under cgroup v2 alone.
mount -t cgroup2 none /sys/fs/cgroup
equal plain
equal full --seccomp
umount /sys/fs/cgroup

[ -z "$($CTR leases ls -q)" ] || fail "a lease is left"
echo "equal in $cases cases"
