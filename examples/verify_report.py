#!/usr/bin/env python3
"""Verifies a Masker report and its journal without any Masker code, using only Python's standard library.

    verify_report.py report.json key.json [journal.jsonl [audit-key-base64-file]]

key.json is the response of GET /.well-known/masker-report-key. The journal is the response of GET /api/v1/audit/export
for the install's owner, or audit.jsonl with its closed files beside it; compressed files need Python 3.14 or the command
zstd. Ed25519 follows RFC 8032 section 5.1, canonical JSON RFC 8785 (a report has only strings and integers), the tree
RFC 6962.
"""
import base64, glob, hashlib, hmac, json, os, re, subprocess, sys

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def canonical(value):  # A report's keys are ASCII, so plain sorting matches RFC 8785.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def x_of(y, sign):
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if x * x % P == xx else x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == xx, "not a point of the curve"
    return x if x & 1 == sign else P - x


def point(data):
    y = int.from_bytes(data, "little")
    return x_of(y & (2**255 - 1), y >> 255), y & (2**255 - 1)


def add(a, b):
    k = D * a[0] * b[0] * a[1] * b[1] % P
    return ((a[0] * b[1] + a[1] * b[0]) * pow(1 + k, P - 2, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, P - 2, P) % P)


def times(n, a):
    total = (0, 1)
    while n:
        total, a, n = add(total, a) if n & 1 else total, add(a, a), n >> 1
    return total


def is_signed(message, signature, key):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    base = (x_of(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)
    return s < L and times(s, base) == add(point(r), times(h, point(key)))


def root(leaves):
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()


def lines(path):  # A closed file's suffix is the byte offset at which it begins, plus .zst when compressed.
    closed = [name for name in sorted(glob.glob(glob.escape(path) + ".*")) if re.search(r"\.[0-9]{20}(\.zst)?$", name)]
    for name in [name for name in closed if name.removesuffix(".zst") not in closed or not name.endswith(".zst")] + [path]:
        if not name.endswith(".zst"):
            yield from open(name, encoding="utf-8")
            continue
        try:
            from compression import zstd
            yield from zstd.open(name, "rt", encoding="utf-8")
        except ImportError:
            with subprocess.Popen(["zstd", "-dcq", os.path.abspath(name)], stdout=subprocess.PIPE, encoding="utf-8") as unpacked:
                yield from unpacked.stdout
            assert unpacked.returncode == 0, "not a compressed file: " + name


def check(sound, what):
    print("ok " if sound else "BAD", what)
    return sound


report = json.load(open(sys.argv[1], encoding="utf-8"))["report"]
keys = json.load(open(sys.argv[2], encoding="utf-8"))
signature = report.pop("signature")
keys = {key["key_id"]: base64.b64decode(key["public_key"]) for key in (keys if isinstance(keys, list) else [keys])}
good = check(is_signed(canonical(report), base64.b64decode(signature["sig"]), keys[signature["key_id"]]), "signature of the report")
roots = [bytes.fromhex(session["merkle_root_hex"]) for session in report["sessions"]]
over = roots[0] if report["scope"] == "session" else root(roots)
listed = "".join(session["id"] + " " + session["merkle_root_hex"] + "\n" for session in report["sessions"])
digest = hashlib.sha256(listed.encode()).hexdigest()
if len(roots) == report["summary"]["sessions"]:
    same = over.hex() == report["merkle_root_hex"] and digest == report.get("sessions_digest_hex", digest)
    good &= check(same, "root and digest over the sessions' roots")
else:  # A long list is truncated.
    print("-- ", "root and digest are over", report["summary"]["sessions"], "sessions, of which", len(roots), "are listed")
if len(sys.argv) > 3:
    audit_key = base64.b64decode(open(sys.argv[4]).read()) if len(sys.argv) > 4 else None
    trees, previous, chained, genuine, start, trimmed = {}, None, True, True, 0, {0}
    for line in lines(sys.argv[3]):
        event = json.loads(line)
        if previous is None:  # A journal whose oldest files were deleted starts at an offset, recorded in an event.
            start = event["detail"] if event["kind"] == "journal_rotated" else 0
            previous = event["prev_hash"] if start else "0" * 64
        if event["kind"] == "journal_trimmed":
            trimmed.add(event["detail"])
        this, chained = event.pop("this_hash"), chained and event["prev_hash"] == previous
        genuine &= not audit_key or hmac.new(audit_key, previous.encode() + canonical(event), "sha256").hexdigest() == this
        previous = this
        trees.setdefault(event.get("session_id"), []).append(bytes.fromhex(this))
    good &= check(chained and start in trimmed, "every event of the journal names the one before it")
    good &= not audit_key or check(genuine, "every event was written with the audit key")
    own = [session for session in report["sessions"] if root(trees.get(session["id"], [])).hex() == session["merkle_root_hex"]]
    good &= check(len(own) == len(report["sessions"]), "every listed session's root is the one over its events in the journal")
sys.exit(not good)
