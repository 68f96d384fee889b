#!/bin/sh
# Follows docs/plugins.md for each language: a new project in an empty folder is built, tested, measured, signed and
# used by a policy. Then tests the generalising example.
#
#   MASKER=target/debug/masker tests/plugins/run.sh
#
# Needs cargo, python3 and npm; componentize-py comes from PyPI and componentize-js from npm.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
masker=${MASKER:-$root/target/debug/masker}
case $masker in /*) ;; *) masker=$root/$masker ;; esac
[ -x "$masker" ] || { echo "tests/plugins needs $masker: build it first" >&2; exit 1; }
for tool in cargo python3 npm; do
    command -v "$tool" >/dev/null || { echo "tests/plugins needs $tool" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
for name in $(env | sed -n 's/^\(MASKER_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
# One for all Rust projects here, so that shared dependencies are compiled once.
export CARGO_TARGET_DIR="$work/target"
export XDG_CACHE_HOME="$work/cache"
passed=0
ok() { passed=$((passed + 1)); echo "ok  $1"; }
fail() { echo "FAILED: $1" >&2; exit 1; }
holds() { grep -q -- "$1" "$2" || { cat "$2" >&2; fail "$3"; }; }

cd "$work"
for lang in rust python js; do
    "$masker" plugin new "lab-$lang" --lang "$lang" >new.txt
    cd "lab-$lang"
    "$masker" plugin build >../built.txt 2>../build.log || { cat ../build.log >&2; fail "$lang: build"; }
    holds '^imports  *none$' ../built.txt "$lang: the component imports something"
    "$masker" plugin test >../tested.txt || { cat ../tested.txt >&2; fail "$lang: test"; }
    holds '22 of 22 cases' ../tested.txt "$lang: cases"
    "$masker" plugin bench --calls 50 >../measured.txt
    holds '^fuel, median  *[1-9]' ../measured.txt "$lang: no fuel was counted"
    holds 'a snapshot' ../measured.txt "$lang: it is configured in every call"
    ok "$lang: a new project is built, imports nothing, finds what the cases say and starts from a snapshot"
    MASKER_PLUGIN_DIR=$PWD "$masker" policy validate policy.yaml >/dev/null || fail "$lang: policy"
    sed 's/prefix: LK/prefix: lk/' policy.yaml >wrong.yaml
    if MASKER_PLUGIN_DIR=$PWD "$masker" policy validate wrong.yaml 2>refused.txt; then fail "$lang: a wrong setting was taken"; fi
    holds 'lk' refused.txt "$lang: the error does not say what is wrong"
    echo 'the wristband says LK-1234-5674' | MASKER_PLUGIN_DIR=$PWD "$masker" detect --policy policy.yaml >found.txt
    holds "lab-$lang" found.txt "$lang: the policy does not use the plugin"
    ok "$lang: a policy uses it, and a setting that its schema refuses is an error that says so"
    cd ..
done

mkdir more && cp -r lab-js/. more && cd more
sed -i 's/export pass;/export pass;\n    export of-a-later-version: func() -> string;/' wit/plugin.wit
printf '\nexport const ofALaterVersion = () => "ignored";\n' >>plugin.js
"$masker" plugin build >../built.txt 2>../build.log || { cat ../build.log >&2; fail "a further export: build"; }
"$masker" plugin test >../tested.txt || fail "a component with a further export is not taken"
ok "a component that exports more than the contract asks for is taken"
cd ..

cd lab-rust
cargo test --quiet >../native.txt 2>&1 || { cat ../native.txt >&2; fail "rust: native tests"; }
ok "rust: the same cases pass natively"
"$masker" plugin keygen --out key >/dev/null
key=$("$masker" plugin sign --key key --json | sed 's/.*"public_key":"\([^"]*\)".*/\1/')
"$masker" plugin verify --key "$key" >/dev/null || fail "the signature does not verify"
cp plugin.wasm other.wasm && printf x >>other.wasm
if "$masker" plugin verify other.wasm --signature plugin.wasm.sig --key "$key" 2>/dev/null; then fail "a changed component verifies"; fi
ok "a signed component verifies, and a changed one does not"
cd ..

for lang in rust python js; do
    cp -r "lab-$lang" "failing-$lang" && cd "failing-$lang"
    case $lang in
        rust) sed -i 's/let mut findings = Vec::new();/let mut findings = Vec::new(); assert!(messages.is_empty(), "planted-words");/' src/lib.rs ;;
        python) sed -i 's/^        findings = \[\]/        raise ValueError("planted-words")/' plugin.py ;;
        js) sed -i 's/^    const findings = \[\];/    throw new TypeError("planted-words");/' plugin.js ;;
    esac
    "$masker" plugin build >../built.txt 2>../build.log || { cat ../build.log >&2; fail "$lang: build"; }
    if "$masker" plugin test 2>../told.txt; then fail "$lang: a failing plugin passes its test"; fi
    holds 'planted-words' ../told.txt "$lang: its words are not told"
    ok "$lang: what a failing plugin says is told to its author"
    cd ..
done

cp -r "$root/examples/plugins/generalise" generalise
sed -i "s#\.\./\.\./\.\./plugin-sdk#$root/plugin-sdk#" generalise/Cargo.toml
cd generalise
cargo test --quiet >../native.txt 2>&1 || { cat ../native.txt >&2; fail "generalise: native tests"; }
"$masker" plugin build >../built.txt 2>../build.log || { cat ../build.log >&2; fail "generalise: build"; }
echo 'I was born on March 14, 1982 and was here on May 3, 2019' |
    MASKER_PLUGIN_DIR=$PWD "$masker" mask --policy policy.yaml >../masked.txt
holds 'I was born on 1982 and was here on 2019' ../masked.txt "generalise: $(cat ../masked.txt)"
ok "generalise: a policy that grants may_replace says years instead of dates"

echo "$passed passed"
