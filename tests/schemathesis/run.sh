#!/bin/sh
# Tests the running server against its own OpenAPI document with schemathesis: valid and invalid requests to every
# operation, all checks on. Bounded by the number of requests of each operation.
#
#   MASKER=target/debug/masker tests/schemathesis/run.sh
#
# schemathesis is installed into tests/.clients once, from PyPI, in the version pinned here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
installed=${MASKER_CLIENTS_DIR:-$root/tests/.clients}/schemathesis
masker=${MASKER:-$root/target/debug/masker}
examples=${EXAMPLES:-25}

if ! cmp -s "$here/requirements.txt" "$installed/stamp"; then
    rm -rf "$installed"
    python3 -m venv "$installed"
    "$installed/bin/pip" install --quiet --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$installed/stamp"
fi

work=$(mktemp -d)
pid=
stop() {
    [ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM
for name in $(env | sed -n 's/^\(MASKER_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done

address=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MASKER_DEV=1 MASKER_LOG_LEVEL=warn MASKER_LISTEN_ADDR="$address" MASKER_DATA_DIR="$work/data" MASKER_DETECTION_TIMEOUT_MS=5000
"$masker" serve >"$work/masker.log" 2>&1 &
pid=$!
python3 "$here/../clients/setup.py" "$address" --wait "$pid" || { cat "$work/masker.log" >&2; exit 1; }
MASKER_TOKEN=$("$masker" token create --name schemathesis --scope admin)

# An existing agent and session.
ids=$(python3 "$here/prepare.py" "http://$address" "$MASKER_TOKEN")
export MASKER_TOKEN MASKER_TEST_AGENT="${ids%% *}" MASKER_TEST_SESSION="${ids##* }"
cd "$work"
# The stream of sessions does not end by itself; signing out would end the session of the remaining requests.
"$installed/bin/st" --config-file "$here/schemathesis.toml" run "http://$address/api/v1/openapi.json" \
    --checks all --max-examples "$examples" --seed 1 --workers 2 \
    --exclude-operation-id stream_sessions --request-timeout 60 --no-color --suppress-health-check all || {
    code=$?
    echo "Masker's log:" >&2
    tail -40 "$work/masker.log" >&2
    exit $code
}
kill -0 "$pid" || { echo "Masker ended" >&2; exit 1; }
