#!/usr/bin/env bash
# containerd's own snapshotter suite against the agent's socket, with an image on a volume, and the same agent's images afterwards.
. "$(dirname "$0")/common.sh"
enter_private_namespaces "$@"
start_registry "$WORK/registry"
"$(dirname "$0")/make_image.py" "$WORK/model" "$REGISTRY/model:1" '{}' etc/motd=text:model
push_image model
convert_image model "$WORK/volume"
start_agent "{\"root\": \"$WORK/agent\", \"key_file\": \"$WORK/volume.key\", \"volumes\": [\"$WORK/volume\"]}"
bash "$(dirname "$0")/snapshotter_suite.sh" /run/zeropull/agent.sock
"$ZP_BIN/zeropull" images list | grep -q "^volume.*$REGISTRY/model:1" || fail "the agent's images: $("$ZP_BIN/zeropull" images list)"
kill "$AGENT_PID"
wait "$AGENT_PID" || fail "the agent ends with $?"
