#!/bin/sh
# Streams through a real nginx with its default settings: the beginning of an answer must not wait for its end.
#
#   MASKER=target/debug/masker tests/nginx/run.sh
#
# nginx comes from Debian (nginx-light) and is installed if it is missing and this runs as root. It runs in the
# foreground with its own configuration; everything stays on loopback and in a temporary folder.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
masker=${MASKER:-$root/target/debug/masker}
# /usr/sbin is not in everybody's path.
PATH=$PATH:/usr/sbin
export PATH

[ -x "$masker" ] || { echo "tests/nginx needs $masker: build it first" >&2; exit 1; }
if ! command -v nginx >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "tests/nginx needs nginx; on Debian: apt-get install nginx-light" >&2
        exit 1
    fi
    # Installed, not started: the package would start a service on port 80.
    policy=/usr/sbin/policy-rc.d
    made=
    if [ ! -e "$policy" ]; then
        made=$policy
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    install() { apt-get install -y -qq --no-install-recommends nginx-light >/dev/null 2>&1; }
    install || { apt-get update -qq >/dev/null && install; } || installed=no
    [ -z "$made" ] || rm -f "$made"
    [ "${installed:-yes}" = yes ] || { echo "nginx-light could not be installed" >&2; exit 1; }
fi

work=$(mktemp -d)
# nginx's workers run as another user.
chmod 755 "$work"
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
for name in $(env | sed -n 's/^\(MASKER_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done

ports=$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in sockets))')
# shellcheck disable=SC2086
set -- $ports
address=127.0.0.1:$1 nginx=$2 upstream=$3

mkdir "$work/nginx"
cat >"$work/nginx.conf" <<CONFIG
daemon off;
pid $work/nginx/pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
    server {
        listen 127.0.0.1:$nginx;
        location / {
            proxy_pass http://$address;
        }
    }
}
CONFIG

export MASKER_DEV=1 MASKER_LOG_LEVEL=warn MASKER_LISTEN_ADDR="$address" MASKER_DATA_DIR="$work/data"
export MASKER_UPSTREAM_PROVIDER=openai MASKER_OPENAI_API_KEY=key-of-masker MASKER_DETECTION_TIMEOUT_MS=5000
export MASKER_OPENAI_BASE_URL="http://127.0.0.1:$upstream/v1"
"$masker" serve >"$work/masker.log" 2>&1 &
pids="$pids $!"
python3 "$here/../clients/setup.py" "$address" --wait $! || { cat "$work/masker.log" >&2; exit 1; }
token=$("$masker" token create --name nginx --scope agents:read --scope agents:write --scope sessions:read)
base_url=$(python3 "$here/../clients/setup.py" "$address" "$token" nginx)

nginx -c "$work/nginx.conf" -e stderr -p "$work/nginx" >"$work/nginx.log" 2>&1 &
pids="$pids $!"
python3 "$here/stream.py" "$nginx" "$upstream" "${base_url#"http://$address"}" "$token" $! || {
    cat "$work/nginx.log" "$work/masker.log" >&2
    exit 1
}
