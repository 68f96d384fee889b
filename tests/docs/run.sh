#!/bin/sh
# Tests the documents: builds the book, checks every command line against the program, and follows README.md and
# docs/start.md word for word.
#
#   MASKER=target/debug/masker tests/docs/run.sh
#   tests/docs/run.sh book FOLDER      # only builds the book, into FOLDER
#
# mdBook comes from crates.io and is built once, into tests/.clients; about a minute on two cores.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
installed=${MASKER_CLIENTS_DIR:-$root/tests/.clients}/mdbook
# Newer versions may need a newer compiler than rust-toolchain.toml names.
version=0.5.4

build_book() { # FOLDER
    if [ "$(cat "$installed/stamp" 2>/dev/null)" != "$version" ]; then
        rm -rf "$installed"
        # Unoptimised: building it costs more than running it. Search is the only feature that the book needs.
        CARGO_TARGET_DIR="$installed/target" cargo install mdbook --quiet --version "$version" --locked --debug \
            --no-default-features --features search --root "$installed"
        rm -rf "$installed/target"
        echo "$version" >"$installed/stamp"
    fi
    "$installed/bin/mdbook" build "$root" --dest-dir "$1" >"$1.log" 2>&1 || { cat "$1.log" >&2; exit 1; }
    if grep -E 'WARN|ERROR' "$1.log" >&2; then exit 1; fi
    rm -f "$1.log"
}

if [ "${1:-}" = book ]; then
    mkdir -p "$2"
    build_book "$(cd "$2" && pwd)"
    echo "$2/index.html"
    exit
fi

masker=${MASKER:-$root/target/debug/masker}
case $masker in /*) ;; *) masker=$root/$masker ;; esac
[ -x "$masker" ] || { echo "tests/docs needs $masker: build it first" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
build_book "$work/book"
[ -f "$work/book/index.html" ] || { echo "FAILED: there is no book" >&2; exit 1; }
echo "ok  the book is built, without a warning"
MASKER=$masker python3 "$here/commands.py"
MASKER=$masker python3 "$here/start.py"
