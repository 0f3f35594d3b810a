#!/bin/bash
# Drives the API as clients do: a current boto3 (in a virtual environment, by version and hash), and Debian's boto3 and AWS CLI as old ones.
# The server is api_server, which moves objects at once; tests/serve_api.py drives a real one.
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

"$ZP_TESTS/api_server" "$WORK" >"$WORK/told" 2>"$WORK/server.log" &
SERVER=$!
for _ in $(seq 100); do
  [ ! -s "$WORK/told" ] || break
  sleep 0.1
done
ZP_API=$(head -1 "$WORK/told") # a JSON line: url and two accounts' keys
[ -n "$ZP_API" ] || { cat "$WORK/server.log"; fail "the server does not start"; }
export ZP_API PYTHONDONTWRITEBYTECODE=1 AWS_EC2_METADATA_DISABLED=true HOME=$WORK

cd "$SUITE"
"$VENV/bin/python" -m unittest --quiet current_operations stuck_endpoints current_members current_signatures \
  current_scaling current_cloudwatch current_scaling_members
# Debian's before any that lies in /usr/local.
PYTHONPATH=/usr/lib/python3/dist-packages /usr/bin/python3 -m unittest --quiet old_clients old_scaling
echo "PASSED"
