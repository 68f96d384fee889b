#!/bin/sh
# Uses the portal of a running server like a person, in headless Chromium.
#
#   MASKER=target/debug/masker tests/portal/run.sh
#   MASKER=target/debug/masker tests/portal/run.sh screenshots FOLDER
#
# Chromium and its driver come from Debian, selenium from PyPI and axe-core from npm; each is installed once.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
installed=${MASKER_CLIENTS_DIR:-$root/tests/.clients}/portal
masker=${MASKER:-$root/target/debug/masker}
axe=4.14.1

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    command -v apt-get >/dev/null || { echo "tests/portal needs chromium and chromedriver" >&2; exit 1; }
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null 2>&1 || {
        $sudo apt-get update -qq >/dev/null
        $sudo apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null
    }
fi
stamp="$(cat "$here/requirements.txt") axe-core@$axe"
if [ "$(cat "$installed/stamp" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$installed"
    python3 -m venv "$installed"
    "$installed/bin/pip" install --quiet --requirement "$here/requirements.txt"
    (cd "$installed" && npm pack --silent "axe-core@$axe" >/dev/null && tar xzf "axe-core-$axe.tgz" package/axe.min.js)
    echo "$stamp" >"$installed/stamp"
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
export MASKER_DEV=1 MASKER_LISTEN_ADDR="$address" MASKER_DATA_DIR="$work/data" MASKER_PAYLOAD_RETENTION_DAYS=1 MASKER_DETECTION_TIMEOUT_MS=5000
"$masker" serve >"$work/masker.log" 2>&1 &
pid=$!
python3 "$here/../clients/setup.py" "$address" --wait "$pid" || { cat "$work/masker.log" >&2; exit 1; }
link=$("$masker" admin login-link | grep -o 'http[^ ]*')
plugin=${PLUGIN:-$root/target/guests/staff-id.wasm}
script=${1:-portal}
out=${2:-$work}
"$installed/bin/python" "$here/$script.py" "http://$address" "$link" "$plugin" "$installed/package/axe.min.js" "$out"
