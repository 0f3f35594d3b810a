#!/bin/bash
# Prints the folder of a virtual environment with requirements.txt, by version and hash. It stays beside the build for the next
# run; its name is that of its requirements.
set -euo pipefail
REQUIREMENTS=$(cd "$(dirname "$0")" && pwd)/requirements.txt
VENV=$ZP_TESTS/api_suite_venv_$(sha256sum <"$REQUIREMENTS" | head -c 16)
exec 9>"$ZP_TESTS/api_suite_venv.lock"
flock 9
if [ ! -e "$VENV/complete" ]; then
  rm -rf "$VENV"
  python3 -m venv "$VENV" >&2
  "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$REQUIREMENTS" >&2
  touch "$VENV/complete"
fi
echo "$VENV"
