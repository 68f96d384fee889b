#!/bin/sh
# Drives Masker with the official OpenAI clients for Python and Node: every answer must arrive whole, and the upstream
# must see only tokens. Then with agent libraries (LangChain, pydantic-ai, instructor, the Vercel AI SDK): a program
# must get the same objects directly from a model and through Masker.
#
#   MASKER=target/debug/masker FAKE_UPSTREAM=target/debug/masker-fake-upstream tests/clients/run.sh
#
# Python must be 3.11 or newer. The clients are installed into tests/.clients once, from PyPI and npm, in the versions
# pinned here; later runs need no network. Everything else stays on loopback and in a temporary folder.
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
# Of the programs with_*, for each way of writing tokens.
scenarios=63

for tool in python3 node npm; do
    command -v "$tool" >/dev/null || { echo "tests/clients needs $tool" >&2; exit 1; }
done
for program in "$masker" "$fake_upstream"; do
    [ -x "$program" ] || { echo "tests/clients needs $program: build it first" >&2; exit 1; }
done

# A stamp with the pinned versions records what is installed.
mkdir -p "$installed"
install_python() { # FOLDER REQUIREMENTS
    cmp -s "$2" "$installed/$1/stamp" && return
    rm -rf "$installed/${1:?}"
    python3 -m venv "$installed/$1"
    "$installed/$1/bin/pip" install --quiet --requirement "$2"
    cp "$2" "$installed/$1/stamp"
}
install_python python "$here/python/requirements.txt"
install_python instructor "$here/python/instructor.txt"
if ! cmp -s "$here/node/package-lock.json" "$installed/node/stamp"; then
    rm -rf "$installed/node"
    mkdir -p "$installed/node"
    cp "$here/node/package.json" "$here/node/package-lock.json" "$installed/node/"
    npm --prefix "$installed/node" ci --silent --no-audit --no-fund
    cp "$here/node/package-lock.json" "$installed/node/stamp"
fi
# Node looks for packages beside the script, and the repository must stay free of node_modules.
cp "$here"/node/*.mjs "$installed/node/"

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

# The caller's own Masker settings must not affect the tests.
for name in $(env | sed -n 's/^\(MASKER_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
unset OPENAI_API_KEY OPENAI_BASE_URL OPENAI_ORG_ID OPENAI_PROJECT_ID http_proxy HTTP_PROXY 2>/dev/null || true
# Loopback only: LangChain would send telemetry if the environment enables it.
export LANGSMITH_TRACING=false LANGCHAIN_TRACING_V2=false PYTHONDONTWRITEBYTECODE=1

start_upstream() { # FILE COMMAND...: the file gets the address that the command prints.
    address_file=$1
    shift
    "$@" >"$address_file" &
    pids="$pids $!"
    until [ -s "$address_file" ]; do
        kill -0 $! 2>/dev/null || { echo "the fake upstream ended" >&2; exit 1; }
        sleep 0.05
    done
}
start_upstream "$work/upstream_url" "$fake_upstream" --echo --record "$work/record"
start_upstream "$work/model_url" python3 "$here/model/server.py" "$work/model_record"

address=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MASKER_DEV=1 MASKER_LOG_LEVEL=warn MASKER_LISTEN_ADDR="$address" MASKER_DATA_DIR="$work/data"
export MASKER_UPSTREAM_PROVIDER=openai MASKER_OPENAI_API_KEY=key-of-masker MASKER_DETECTION_TIMEOUT_MS=2000
masker_pid=
serve() { # UPSTREAM
    [ -z "$masker_pid" ] || { kill "$masker_pid"; wait "$masker_pid" || true; }
    MASKER_OPENAI_BASE_URL=$1 "$masker" serve >>"$work/masker.log" 2>&1 &
    masker_pid=$!
    pids="$pids $masker_pid"
    python3 "$here/setup.py" "$address" --wait $masker_pid || { cat "$work/masker.log" >&2; exit 1; }
}

official_clients() {
    "$installed/python/bin/python" "$here/python/client.py" "$base_url" "$model" "$conversation" || true
    node "$installed/node/client.mjs" "$base_url" "$model" "$conversation" || true
    python3 "$here/check_record.py" "$work/record" "$conversation" "$requests" || true
}

library() { # NAME COMMAND...: straight to the model once, and through Masker with long tokens and with compact ones.
    name=$1
    shift
    for way in straight long compact; do
        "$@" "$(cat "$work/url_$way")" "$model" "$here/people.json" >"$work/$way.json" 2>"$work/stderr" || {
            echo "$name, $way: ended with $?"
            cat "$work/stderr"
        }
        [ $way = straight ] || python3 "$here/compare.py" "$name, $way tokens" "$work/straight.json" "$work/$way.json" || true
    done
}

libraries() {
    library langchain "$installed/python/bin/python" "$here/python/with_langchain.py"
    library pydantic-ai "$installed/python/bin/python" "$here/python/with_pydantic_ai.py"
    library instructor "$installed/instructor/bin/python" "$here/python/with_instructor.py"
    library ai-sdk node "$installed/node/with_ai_sdk.mjs"
    python3 "$here/check_people.py" "$work/model_record" "$here/people.json" || true
}

serve "$(cat "$work/upstream_url")"
token=$("$masker" token create --name clients --scope agents:read --scope agents:write)
base_url=$(python3 "$here/setup.py" "$address" "$token" clients)
official_clients 2>&1 | tee "$work/result"

serve "$(cat "$work/model_url")/v1"
sed 's/^name: .*/name: compact/; s/^token_style: .*/token_style: compact/' \
    "$root/host/policies/healthcare-default.yaml" >"$work/compact.yaml"
grep -q "^token_style: compact" "$work/compact.yaml"
echo "$(cat "$work/model_url")/straight/v1" >"$work/url_straight"
python3 "$here/setup.py" "$address" "$token" long >"$work/url_long"
python3 "$here/setup.py" "$address" "$token" compact "$work/compact.yaml" >"$work/url_compact"
libraries 2>&1 | tee -a "$work/result"

passed=$(grep -c '^ok ' "$work/result" || true)
failed=$(grep -c '^FAILED ' "$work/result" || true)
echo "$passed passed, $failed failed"
# A script that died printed neither line for its skipped checks.
expected=$((requests + 4 + 2 * scenarios + 5))
[ "$failed" -eq 0 ] && [ "$passed" -eq "$expected" ] || {
    echo "expected $expected passed; Masker's log:" >&2
    cat "$work/masker.log" >&2
    exit 1
}
