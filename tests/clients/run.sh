#!/bin/sh
# Drives Masker with the official OpenAI clients for Python and Node: every answer must be whole at the client, and
# the upstream must have seen tokens only.
#
#   MASKER=target/debug/masker FAKE_UPSTREAM=target/debug/masker-fake-upstream tests/clients/run.sh
#
# The clients are installed into tests/.clients once, from PyPI and npm, in the versions pinned here; later runs need
# no network. Everything else stays on loopback and in a temporary folder.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
installed=${MASKER_CLIENTS_DIR:-$root/tests/.clients}
masker=${MASKER:-$root/target/debug/masker}
fake_upstream=${FAKE_UPSTREAM:-$root/target/debug/masker-fake-upstream}
model=gpt-4o-mini
conversation=$here/conversation.json
# Five of each client; see the `checks` of client.py and client.mjs.
requests=10

for tool in python3 node npm; do
    command -v "$tool" >/dev/null || { echo "tests/clients needs $tool" >&2; exit 1; }
done
for program in "$masker" "$fake_upstream"; do
    [ -x "$program" ] || { echo "tests/clients needs $program: build it first" >&2; exit 1; }
done

# A stamp that holds the pinned versions tells whether they are installed already.
mkdir -p "$installed"
if ! cmp -s "$here/python/requirements.txt" "$installed/python/stamp"; then
    rm -rf "$installed/python"
    python3 -m venv "$installed/python"
    "$installed/python/bin/pip" install --quiet --requirement "$here/python/requirements.txt"
    cp "$here/python/requirements.txt" "$installed/python/stamp"
fi
if ! cmp -s "$here/node/package-lock.json" "$installed/node/stamp"; then
    rm -rf "$installed/node"
    mkdir -p "$installed/node"
    cp "$here/node/package.json" "$here/node/package-lock.json" "$installed/node/"
    npm --prefix "$installed/node" ci --silent --no-audit --no-fund
    cp "$here/node/package-lock.json" "$installed/node/stamp"
fi
# Node looks for packages beside the script, and the repository stays free of node_modules.
cp "$here/node/client.mjs" "$installed/node/client.mjs"

work=$(mktemp -d)
pids=
stop() {
    for pid in $pids; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

# The shell's own settings of Masker are not what is tested.
for name in $(env | sed -n 's/^\(MASKER_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
unset OPENAI_API_KEY OPENAI_BASE_URL OPENAI_ORG_ID OPENAI_PROJECT_ID http_proxy HTTP_PROXY 2>/dev/null || true

"$fake_upstream" --echo --record "$work/record" >"$work/upstream_url" &
pids="$pids $!"
upstream_pid=$!
until [ -s "$work/upstream_url" ]; do
    kill -0 "$upstream_pid" 2>/dev/null || { echo "the fake upstream ended" >&2; exit 1; }
    sleep 0.05
done

address=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MASKER_DEV=1 MASKER_LOG_LEVEL=warn MASKER_LISTEN_ADDR="$address" MASKER_DATA_DIR="$work/data"
export MASKER_UPSTREAM_PROVIDER=openai MASKER_OPENAI_API_KEY=key-of-masker MASKER_DETECTION_TIMEOUT_MS=2000
MASKER_OPENAI_BASE_URL=$(cat "$work/upstream_url")
export MASKER_OPENAI_BASE_URL
"$masker" serve >"$work/masker.log" 2>&1 &
pids="$pids $!"
python3 "$here/setup.py" "$address" --wait $! || { cat "$work/masker.log" >&2; exit 1; }
token=$("$masker" token create --name clients --scope agents:read --scope agents:write)
base_url=$(python3 "$here/setup.py" "$address" "$token")

{
    "$installed/python/bin/python" "$here/python/client.py" "$base_url" "$model" "$conversation" || true
    node "$installed/node/client.mjs" "$base_url" "$model" "$conversation" || true
    python3 "$here/check_record.py" "$work/record" "$conversation" "$requests" || true
} 2>&1 | tee "$work/result"

passed=$(grep -c '^ok ' "$work/result" || true)
failed=$(grep -c '^FAILED ' "$work/result" || true)
echo "$passed passed, $failed failed"
# A script that died printed neither line for what it left out.
expected=$((requests + 4))
[ "$failed" -eq 0 ] && [ "$passed" -eq "$expected" ] || {
    echo "expected $expected passed; Masker's log:" >&2
    cat "$work/masker.log" >&2
    exit 1
}
