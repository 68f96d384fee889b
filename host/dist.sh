#!/usr/bin/env bash
# Builds the production binary with profile-guided optimisation: an instrumented build collects a profile while it
# serves the bench's calls, and the final build uses that profile. See "Profile-guided Optimization" in The rustc book,
# https://doc.rust-lang.org/rustc/profile-guided-optimization.html. Both builds use thin LTO, so that hot code is also
# inlined across crates.
#
#   host/dist.sh              writes target/dist/masker; needs plugins/build.sh and a release build of masker-bench
#
# Merging the profile needs the compiler's own llvm-profdata, which rustup installs. Without it, as with Debian's Rust,
# the binary is the one that `make run` builds.
set -euo pipefail
cd "$(dirname "$0")/.."

TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")
HOST=$(rustc -vV | sed -n 's/^host: //p')
PROFDATA=$(rustc --print sysroot)/lib/rustlib/$HOST/bin/llvm-profdata
COUNTS=$TARGET/dist/counts
PROFILE=$TARGET/dist/profile

# The same for both builds: symbol names contain it, and the profile refers to functions by symbol name.
export CARGO_PROFILE_RELEASE_LTO=thin

say() { printf 'dist: %s\n' "$*" >&2; }

# With `--target`, the flags apply only to the production binary, not to build scripts and macros.
build() { # step, flags
    RUSTFLAGS="${RUSTFLAGS:-} $2" CARGO_TARGET_DIR=$TARGET/dist/$1 \
        cargo build --locked --release --target "$HOST" -p masker --features embed-plugins
}

built_by() { echo "$TARGET/dist/$1/$HOST/release/masker"; }

mkdir -p "$TARGET/dist"
if [ ! -x "$PROFDATA" ] && ! { command -v rustup >/dev/null && rustup component add llvm-tools >&2; }; then
    say "llvm-profdata not found, and rustup could not install it: building without a profile"
    build plain ""
    install "$(built_by plain)" "$TARGET/dist/masker"
    exit
fi

say "1 of 3: instrumented build"
build counting "-Cprofile-generate=$COUNTS"

if [ "$(built_by counting)" -nt "$PROFILE" ]; then
    say "2 of 3: collecting the profile, about a minute"
    rm -rf "$COUNTS"
    "$TARGET/release/masker-bench" --masker "$(built_by counting)" --quick --only latency,paced,throughput,streams >/dev/null
    "$PROFDATA" merge -o "$PROFILE" "$COUNTS"
fi

say "3 of 3: optimised build"
build guided "-Cprofile-use=$PROFILE"
install "$(built_by guided)" "$TARGET/dist/masker"
