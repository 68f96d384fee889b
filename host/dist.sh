#!/usr/bin/env bash
# Builds the binary for a machine that serves, with profile-guided optimisation: a first build counts what runs while it
# answers the bench's calls, a second one is laid out after these counts. See "Profile-guided Optimization" in The rustc book,
# https://doc.rust-lang.org/rustc/profile-guided-optimization.html. Both are optimised over all crates at once (thin LTO), so that
# what the counts show to be hot is inlined also from one crate into another.
#
#   host/dist.sh              to target/dist/masker; needs plugins/build.sh and a release build of masker-bench
#
# Merging the counts takes the compiler's own llvm-profdata, which rustup adds. Without it, as with Debian's Rust, the binary
# is the one that `make run` builds.
set -euo pipefail
cd "$(dirname "$0")/.."

TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")
HOST=$(rustc -vV | sed -n 's/^host: //p')
PROFDATA=$(rustc --print sysroot)/lib/rustlib/$HOST/bin/llvm-profdata
COUNTS=$TARGET/dist/counts
PROFILE=$TARGET/dist/profile

# For both builds: names of functions contain it, and the counts are found by these names.
export CARGO_PROFILE_RELEASE_LTO=thin

say() { printf 'dist: %s\n' "$*" >&2; }

# With a `--target`, flags reach what runs in production and leave build scripts and macros alone.
build() { # step, flags
    RUSTFLAGS="${RUSTFLAGS:-} $2" CARGO_TARGET_DIR=$TARGET/dist/$1 \
        cargo build --locked --release --target "$HOST" -p masker --features embed-plugins
}

built_by() { echo "$TARGET/dist/$1/$HOST/release/masker"; }

mkdir -p "$TARGET/dist"
if [ ! -x "$PROFDATA" ] && ! { command -v rustup >/dev/null && rustup component add llvm-tools >&2; }; then
    say "this toolchain has no llvm-profdata, and rustup could not add it: building without a profile"
    build plain ""
    install "$(built_by plain)" "$TARGET/dist/masker"
    exit
fi

say "1 of 3: a build that counts"
build counting "-Cprofile-generate=$COUNTS"

if [ "$(built_by counting)" -nt "$PROFILE" ]; then
    say "2 of 3: calls for it to count, about a minute"
    rm -rf "$COUNTS"
    "$TARGET/release/masker-bench" --masker "$(built_by counting)" --quick --only latency,paced,throughput,streams >/dev/null
    "$PROFDATA" merge -o "$PROFILE" "$COUNTS"
fi

say "3 of 3: the build that is laid out after them"
build guided "-Cprofile-use=$PROFILE"
install "$(built_by guided)" "$TARGET/dist/masker"
