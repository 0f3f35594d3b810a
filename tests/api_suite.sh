#!/bin/bash
# Drives the API as clients do: a current boto3 (in a virtual environment, by version and hash), and Debian's boto3 and AWS CLI as old ones.
# With ZP_API (the JSON line that api_server prints: url and two accounts' keys) it drives that server, else api_server itself.
source "$(dirname "$0")/common.sh"
SUITE=$(cd "$(dirname "$0")" && pwd)/api_suite
WORK=$(mktemp -d /var/tmp/zp-test-XXXXXX)
SERVER=
finish() {
  [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || true
  rm -rf "$WORK"
}
trap finish EXIT

VENV=$(bash "$SUITE/environment.sh") || { echo "SKIPPED: the package index cannot be reached for a current boto3"; exit 77; }

if [ -z "${ZP_API:-}" ]; then
  "$ZP_TESTS/api_server" "$WORK" >"$WORK/told" 2>"$WORK/server.log" &
  SERVER=$!
  for _ in $(seq 100); do
    [ ! -s "$WORK/told" ] || break
    sleep 0.1
  done
  ZP_API=$(head -1 "$WORK/told")
  export ZP_API_FAKE_FLEET=1
fi
[ -n "$ZP_API" ] || { cat "$WORK/server.log"; fail "the server does not start"; }
export ZP_API PYTHONDONTWRITEBYTECODE=1 AWS_EC2_METADATA_DISABLED=true HOME=$WORK

cd "$SUITE"
"$VENV/bin/python" -m unittest --quiet current_operations current_members current_signatures
# Debian's before any that lies in /usr/local.
PYTHONPATH=/usr/lib/python3/dist-packages /usr/bin/python3 -m unittest --quiet old_clients
echo "PASSED"
