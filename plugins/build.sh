#!/usr/bin/env bash
# Builds plugins from source to components, without WASI and without imports.
#
#   plugins/build.sh plugins          the embedded plugins, to target/plugins/NAME.wasm
#   plugins/build.sh guests           the tests' misbehaving guests, to target/guests/NAME.wasm
#
# Lookup order for the target wasm32-unknown-unknown:
#   1. the installed toolchain
#   2. rustup target add
#   3. Debian's rustc-web and rust-web-src, which build the standard library from source (for closed networks with a
#      Debian mirror)
# MASKER_WASM_TOOLCHAIN=rustup|debian skips the search. MASKER_TOOLS_PROFILE=release builds masker-componentize with
# the release profile.
set -euo pipefail
cd "$(dirname "$0")/.."

TARGET=wasm32-unknown-unknown
WASM_DIR=${CARGO_TARGET_DIR:-target}/wasm

say() { printf 'plugins: %s\n' "$*" >&2; }

has_target() { [ -d "$(rustc --print sysroot)/lib/rustlib/$TARGET/lib" ]; }

debian_has_sources() { [ -x /usr/bin/rustc ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ]; }

install_debian() {
    command -v apt-get >/dev/null || return 1
    local sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get install -y --no-install-recommends rustc-web rust-web-src >&2 && return 0
    $sudo apt-get update >&2 && $sudo apt-get install -y --no-install-recommends rustc-web rust-web-src >&2
}

choose_toolchain() {
    case "${MASKER_WASM_TOOLCHAIN:-}" in
        rustup | debian) echo "$MASKER_WASM_TOOLCHAIN"; return ;;
    esac
    if has_target; then echo rustup; return; fi
    say "the Rust target $TARGET is missing; asking rustup for it"
    if command -v rustup >/dev/null && rustup target add $TARGET >&2 && has_target; then echo rustup; return; fi
    say "rustup could not add it; trying Debian's rustc-web and rust-web-src"
    if debian_has_sources || install_debian; then echo debian; return; fi
    say "error: no way to build for $TARGET. Install it with one of"
    say "    rustup target add $TARGET"
    say "    apt-get install rustc-web rust-web-src"
    exit 1
}

# The linker of rustup's toolchain; Debian's rustc-web has none for wasm.
rust_lld() {
    local host
    host=$(rustc -vV | sed -n 's/^host: //p')
    echo "$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld"
}

build() { # cargo arguments
    case "$TOOLCHAIN" in
        rustup) CARGO_TARGET_DIR=$WASM_DIR cargo build --locked --profile plugin --target $TARGET "$@" ;;
        debian)
            # `std` is built from the sources of the same compiler; -Zbuild-std is unstable, hence RUSTC_BOOTSTRAP.
            CARGO_TARGET_DIR=$WASM_DIR RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
                CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(rust_lld) \
                cargo build --locked --profile plugin --target $TARGET -Zbuild-std=std,panic_abort "$@" ;;
    esac
}

# A plugin's memory begins with its stack. After every request the host scans the stack for pages to restore, so the
# linker's default of one megabyte is too much.
lean() { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C link-arg=-zstack-size=262144" "$@"; }

wrap() { # module, component
    "$COMPONENTIZE" "$1" "$2"
    say "$2 ($(wc -c <"$2") bytes)"
}

TOOLCHAIN=$(choose_toolchain)
# The profile of the next build, so that the WebAssembly tooling that both use is compiled once.
PROFILE=${MASKER_TOOLS_PROFILE:-dev}
cargo build --locked -q --profile "$PROFILE" -p masker-componentize
COMPONENTIZE=${CARGO_TARGET_DIR:-target}/${PROFILE/dev/debug}/masker-componentize
# Independent of CARGO_TARGET_DIR: the host embeds them from here.
OUT=target
MODULES=$WASM_DIR/$TARGET/plugin

case "${1:-plugins}" in
    plugins)
        lean build -p masker-plugin-regex -p masker-plugin-ner
        for name in regex ner; do wrap "$MODULES/masker_plugin_$name.wasm" "$OUT/plugins/$name.wasm"; done
        ;;
    guests)
        build -p masker-guests --examples
        for source in tests/guests/examples/*.rs; do
            name=$(basename "$source" .rs)
            wrap "$MODULES/examples/${name}.wasm" "$OUT/guests/${name//_/-}.wasm"
        done
        ;;
    *)
        say "usage: plugins/build.sh plugins|guests"
        exit 64
        ;;
esac
