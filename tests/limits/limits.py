"""Measures the cost of hostile requests, connections, plugins and policies. `make bench-limits` runs it on the release binary.

    python3 tests/limits/limits.py MASKER [ROW...]

Every row starts a Masker of its own with the built-in model, does its worst to it and prints what that cost: time, memory
above idle, and the 99th percentile of another agent's calls meanwhile. Load and server share the machine's cores. ROW is the
beginning of a function's name below.
"""

import json
import os
import pathlib
import socket
import sys
import tempfile
import threading
import time

from service import MIB, ROOT, Caller, Service, Table, chat, seconds

HELLO = chat("this is Maria Lopez, call me at 415-555-0132")
GUEST_POLICY = """name: guest
version: 1
kid: K_HEALTHCARE
tokenization: vault-deterministic
passes: [{{plugin: {plugin}, on_error: block}}]
entities: {{{kind}: {{}}}}
"""


def phone(number):
    return f"{200 + number // 10_000 % 800}-{200 + number // 100 % 700}-{number % 10_000:04}"


LOOKALIKES = """name: lookalikes
version: 1
kid: K_HEALTHCARE
tokenization: vault-deterministic
token_style: compact
passes: [regex]
entities: {PHONE: {}}
"""


class Row:
    """One row's server, and another agent that calls it concurrently."""

    def __init__(self, table, masker, name, reach, agent={}, **settings):
        self.table, self.name, self.reach = table, name, reach
        self.folder = tempfile.TemporaryDirectory()
        self.service = Service(masker, self.folder.name, **settings)
        self.other, self.attacked = self.service.agent("other"), self.service.agent("attacked", **agent)
        # The time to compile the plugins is not part of the row.
        self.service.stop()
        self.service.start()
        for _ in range(200):
            self.service.ask("POST", self.other, HELLO)
        self.idle = self.service.memory()
        self.service.forget_peak()

    def beside(self):
        return Caller(self.service, self.other, HELLO)

    def above(self):
        return self.service.peak() - self.idle

    def say(self, figures, other=None):
        beside = "-" if other is None else f"p99 {other.at(0.99):.1f} ms, max {max(other.times) * 1e3:.0f} ms, {other.statuses}"
        self.table.add(self.name, self.reach, figures, beside)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.service.stop()
        self.folder.cleanup()


def history(table, masker):
    name = "720 KB of history with 48,000 values, most of it seen before"
    with Row(table, masker, name, "< 0.3 s; others p99 < 5 ms", DETECTION_TIMEOUT_MS=60_000) as row:
        said = [", ".join(phone(number) for number in range(at * 100, at * 100 + 100)) for at in range(480)]
        for end in range(60, 480, 60):
            row.service.ask("POST", row.attacked, chat(*said[:end]))
        with row.beside() as other:
            took, (status, _) = seconds(lambda: row.service.ask("POST", row.attacked, chat(*said)))
        again, (status_again, _) = seconds(lambda: row.service.ask("POST", row.attacked, chat(*said, "again")))
        row.say(f"{took:.2f} s ({status}), once more {again:.2f} s ({status_again}), +{row.above():.0f} MiB", other)


def lookalikes(table, masker):
    only_regex = {"policy_yaml": LOOKALIKES}
    for name, text in (("[NAME_1]", "[NAME_1] "), ("MSKV1", "MSKV1.NAME.K_HEALTHCARE.AAAAAAAAAAAAAAAAAAAAAAAAAA ")):
        with Row(table, masker, f"80,000 look-alikes of {name}", "< 0.3 s", only_regex, DETECTION_TIMEOUT_MS=60_000) as row:
            with row.beside() as other:
                took, (status, _) = seconds(lambda: row.service.ask("POST", row.attacked, chat(text * 80_000)))
            row.say(f"{took:.2f} s ({status}), +{row.above():.0f} MiB", other)


def leaves(table, masker):
    for name, wrap in (("in a body", lambda ones: ones), ("in a string", lambda ones: '"' + ones + '"')):
        with Row(table, masker, f"8 MB [1,1,1,...] {name}", "refused, < 64 MiB above idle") as row:
            ones = "[" + "1," * (4 * MIB - 1000) + "1]"
            body = '{"model":"stub","messages":[{"role":"user","content":"hello"}],"x":' + wrap(ones) + "}"
            with row.beside() as other:
                took, (status, _) = seconds(lambda: row.service.ask("POST", row.attacked, body))
            row.say(f"{took:.2f} s ({status}), +{row.above():.0f} MiB", other)


def memo(table, masker):
    with Row(table, masker, "60 requests of 130 KB, after 20 others", "<= 16 MiB more kept", DETECTION_TIMEOUT_MS=60_000) as row:
        for at in range(80):
            text = ", ".join(phone(number) for number in range(at * 9000, at * 9000 + 9000))
            status, _ = row.service.ask("POST", row.attacked, chat(text))
            if at == 19:
                before = row.service.memory()
        row.say(f"{before:.0f} -> {row.service.memory():.0f} MiB ({status})")


def findings(table, masker):
    """Plugins whose answers are too large or too slow to use."""
    for guest, kind, text in (
        ("many-utf16-findings", "STAFF_ID", "é1234567 " * 62_500),
        ("one-finding", "STAFF_ID", "(" * 400_000),
    ):
        path = ROOT / "target" / "guests" / f"{guest}.wasm"
        with Row(table, masker, f"plugin {guest}, {len(text) // 1000} KB", "within its deadline of 200 ms") as row:
            status, body = row.service.api("POST", "/plugins", path.read_bytes(), "application/wasm")
            assert status in (200, 201), body
            agent = row.service.agent("guest", policy_yaml=GUEST_POLICY.format(plugin=guest, kind=kind))
            with row.beside() as other:
                took, (status, _) = seconds(lambda: row.service.ask("POST", agent, chat(text)))
            row.say(f"{took:.2f} s ({status})", other)


def with_memories(component, count, pages):
    """A component with this many additional memories: core modules with a memory each, and an instance of each."""
    at, modules = 8, 0
    while at < len(component):
        section, at, length, shift = component[at], at + 1, 0, 0
        while True:
            byte, at = component[at], at + 1
            length, shift = length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        at, modules = at + length, modules + (section == 1)
    low, high = pages & 0x7F | 0x80, pages >> 7
    module = bytes([1, 14, 0]) + b"asm" + bytes([1, 0, 0, 0, 5, 4, 1, 0, low, high])
    return component + b"".join(module + bytes([2, 4, 1, 0, modules + at, 0]) for at in range(count))


def memories(table, masker):
    component = with_memories((ROOT / "target" / "guests" / "staff-id.wasm").read_bytes(), 24, 1000)
    with Row(table, masker, "plugin with 24 memories of 62 MiB", "refused, <= 64 MiB above idle") as row:
        took, (status, _) = seconds(lambda: row.service.api("POST", "/plugins", component, "application/wasm"))
        row.say(f"{took:.2f} s ({status}), +{row.above():.0f} MiB")


def connections(table, masker):
    name = "1,100 half-open connections at `ulimit -n 1024`"
    with Row(table, masker, name, "a new caller is served", descriptors=1024) as row:
        held = []
        for _ in range(1_100):
            try:
                held.append(socket.create_connection(("127.0.0.1", row.service.port), timeout=2))
                held[-1].sendall(b"POST /proxy/x HTTP/1.1\r\nHost: x\r\n")
            except OSError:
                break
        try:
            took, (status, _) = seconds(lambda: row.service.ask("POST", row.other, HELLO, connection=row.service.connect(60)))
            row.say(f"{len(held)} held; a new caller had its answer after {took:.2f} s ({status})")
        except OSError as error:
            row.say(f"{len(held)} held; a new caller had none in 60 s ({type(error).__name__})")
        for one in held:
            one.close()


def bodies(table, masker):
    name = "20 bodies of 8 MiB to an unknown agent, the last byte not sent"
    with Row(table, masker, name, "answered before the body, nothing kept") as row:
        head = (b"POST /proxy/agt_01JZ0000000000000000000000/v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (8 * MIB - 1024))
        answers, began = [], time.perf_counter()

        def send():
            with socket.create_connection(("127.0.0.1", row.service.port), timeout=120) as one:
                try:
                    one.sendall(head)
                    one.sendall(b" " * (8 * MIB - 1025))
                except OSError:
                    pass
                try:
                    answer = one.recv(64)
                except OSError:
                    answer = b"closed"
                answers.append((time.perf_counter() - began, answer[9:12]))

        with row.beside() as other:
            threads = [threading.Thread(target=send) for _ in range(20)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
        words = sorted({answer.decode() for _, answer in answers})
        row.say(f"the last answer after {max(answers)[0]:.1f} s ({', '.join(words)}), +{row.above():.0f} MiB", other)


def policy(number, patterns=12):
    listed = "".join(
        f'      - {{name: p{at}, regex: "X{number}[A-Z0-9]{{2,9}}-{at}[0-9]{{3,12}}", confidence: 0.9}}\n' for at in range(patterns))
    return ("name: tried\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\npasses: [regex, ner]\n"
            f"entities:\n  NAME: {{}}\n  OTHER_ID:\n    patterns:\n{listed}")


def trials(table, masker):
    name = "POST /mask with new policies, 4 at once: an agent with a new policy meanwhile"
    with Row(table, masker, name, "its own lane") as row:
        alone, _ = seconds(lambda: row.service.agent("alone", policy_yaml=policy(1_000_000)))
        stop, done = threading.Event(), []

        def loop(first):
            number = first
            while not stop.is_set():
                number += 1
                status, _ = row.service.api("POST", "/mask", {"text": "hello", "policy_yaml": policy(number)})
                done.append(status)

        threads = [threading.Thread(target=loop, args=(at * 10_000,)) for at in range(4)]
        with row.beside() as other:
            [thread.start() for thread in threads]
            time.sleep(1)
            beside, _ = seconds(lambda: row.service.agent("beside", policy_yaml=policy(2_000_000)))
            stop.set()
            [thread.join() for thread in threads]
        statuses = {status: done.count(status) for status in set(done)}
        row.say(f"{alone:.2f} s alone, {beside:.2f} s beside {statuses}, +{row.above():.0f} MiB", other)


def validations(table, masker):
    name = "600 x POST /policies/validate with 60 large patterns, hung up"
    with Row(table, masker, name, "calls continue, < 64 MiB above idle") as row:
        listed = "".join(
            f'      - {{name: p{at}, regex: "(?i)[\\\\p{{L}}\\\\p{{N}}]{{1,60}}{at}", confidence: 0.9}}\n' for at in range(60))
        body = ("name: tried\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\npasses: [regex]\n"
                f"entities:\n  OTHER_ID:\n    patterns:\n{listed}")
        data = json.dumps({"policy_yaml": body, "yaml": body, "policy": body}).encode()
        head = (f"POST /api/v1/policies/validate HTTP/1.1\r\nHost: 127.0.0.1:{row.service.port}\r\nAuthorization: Bearer {row.service.token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n").encode()
        status, answer = row.service.api("POST", "/policies/validate", data)
        with row.beside() as other:
            for _ in range(600):
                with socket.create_connection(("127.0.0.1", row.service.port)) as one:
                    one.sendall(head + data)
            time.sleep(5)
        took, (health, _) = seconds(lambda: row.service.ask("GET", "/health"))
        row.say(f"one alone: {status}; /health after: {health} in {took * 1e3:.0f} ms, +{row.above():.0f} MiB", other)


ROWS = [history, lookalikes, leaves, memo, findings, memories, connections, bodies, trials, validations]


def main():
    masker, wanted = sys.argv[1], sys.argv[2:]
    table = Table("what", "reach", "measured", "another agent meanwhile")
    for row in ROWS:
        if not wanted or any(row.__name__.startswith(word) for word in wanted):
            row(table, masker)
    print(f"{pathlib.Path(masker).name}, {len(os.sched_getaffinity(0))} cores, load and server share them\n")
    table.show()


if __name__ == "__main__":
    main()
