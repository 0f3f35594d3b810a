# What the scripts here share. Source it first: it makes a folder of the script's own ($work) and removes it at the end, when every
# process that start() began has ended.
set -euo pipefail
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${ZP_BUILD:-$tests/../build}
work=$(mktemp -d /var/tmp/zp-test-XXXXXX)
started=()

fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "skipped: $*" >&2; exit 77; }  # ctest's SKIP_RETURN_CODE

# start NAME COMMAND..: in the background, output in $work/NAME.log, its pid in $last.
start() {
  local name=$1; shift
  "$@" >"$work/$name.log" 2>&1 &
  last=$!
  started+=("$last")
}

# wait_for SECONDS COMMAND..: until it succeeds.
wait_for() {
  local until=$(($(date +%s) + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$until" ] || fail "never came true: $*"
    sleep 0.05
  done
}

stop_all() {
  local status=$? pid
  trap - EXIT
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then tail -n 40 "$work"/*.log >&2 || true; fi
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap stop_all EXIT
[ "$(id -u)" = 0 ] || skip "needs root"
