"""Measures growth with the size of an install. `make bench-growth` runs it on the release binary.

    python3 tests/limits/growth.py MASKER [TURNS ...]        (10000 and 300000 when not named)

Named calls of six turns, two agents (long tokens and compact ones), the built-in model. At each size the same things are
measured on the same install, with calls beside what may disturb them. Load and server share the machine's cores.
"""

import asyncio
import json
import pathlib
import sqlite3
import statistics
import sys
import tempfile
import threading
import time

from service import Caller, Service, Table, chat, seconds

TURNS = 6
CONNECTIONS = 16
COMPACT = """name: compact
version: 1
kid: K_HEALTHCARE
tokenization: vault-deterministic
token_style: compact
passes: [regex, ner]
entities: {NAME: {}, PHONE: {}, DOB: {}, DATE: {}, EMAIL: {}, MRN: {}}
"""
FIRST = ["Maria", "Robert", "Ingrid", "Daniel", "Susan", "Carlos", "Helen", "Kevin"]
LAST = ["Gonzalez", "Halvorsen", "Johnson", "Miller", "Ramirez", "Coleman", "Foster", "Bryant"]


def phone(call):
    return f"({200 + call // 1_000_000 % 700}) 555-{call // 10_000 % 100:02}{call % 100:02}" if call < 0 else \
        f"({210 + call // 80_000 % 700}) {200 + call // 10_000 % 8}{call // 1_000 % 10}{call // 100 % 10}-{call % 10_000:04}"


def said(call):
    """What the caller says, turn by turn."""
    name = f"{FIRST[call % 8]} {LAST[call // 8 % 8]}"
    return [
        f"hi this is {name} and I need an appointment",
        f"my date of birth is {1 + call % 12}/{1 + call // 12 % 28}/19{50 + call % 49}",
        f"you can call me at {phone(call)}",
        f"or write to {name.split()[0].lower()}{call}@example.com",
        "no, in the morning please, as early as you can",
        "thank you very much, that is all",
    ]


class Load:
    """Turns of new calls, on persistent connections."""

    def __init__(self, service, agents):
        self.service, self.agents, self.call = service, agents, 0

    def run(self, turns):
        return asyncio.run(self.all(turns))

    async def all(self, turns):
        self.left, self.times = turns, []
        await asyncio.gather(*(self.caller() for _ in range(CONNECTIONS)))
        return self.times

    async def caller(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
        while self.left > 0:
            self.call += 1
            call, contents = self.call, []
            for text in said(call):
                contents.append(text)
                body = json.dumps(chat(*contents)).encode()
                contents.append("I see. Go on, please.")
                head = (f"POST {self.agents[call % 2]} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        f"Masker-Session-Id: call-{call}\r\nContent-Length: {len(body)}\r\n\r\n")
                began = time.perf_counter()
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                lower = answer.lower()
                at = lower.index(b"content-length:") + 15
                await reader.readexactly(int(lower[at:lower.index(b"\r\n", at)]))
                assert answer.startswith(b"HTTP/1.1 200"), answer
                self.times.append(time.perf_counter() - began)
                self.left -= 1
        writer.close()


def journal_bytes(service):
    return sum(file.stat().st_size for file in (service.folder / "data").rglob("*") if "audit" in file.name or "journal" in str(file.parent.name))


def ms(value):
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"


def newest_session(service):
    status, body = service.api("GET", "/sessions?limit=1")
    assert status == 200, body
    return json.loads(body)["data"][0]["id"]


def report(service, path):
    took, (status, body) = seconds(lambda: service.api("GET", path))
    assert status == 200, (path, status, body[:300])
    return took


def measure(service, load, turns):
    """Every figure at this size: name -> text."""
    figures = {}
    before = (journal_bytes(service), len_turns(service))
    times = load.run(max(turns - before[1], 2_000))
    made = len(times)
    figures["a turn: p50, p99 with 16 callers"] = f"{statistics.median(times) * 1e3:.1f}, {sorted(times)[int(made * .99)] * 1e3:.1f} ms"
    time.sleep(3)
    service.stop()
    figures["journal, bytes a turn"] = f"{journal_bytes(service) / len_turns(service):,.0f}"
    figures["folder, bytes a turn"] = f"{sum(f.stat().st_size for f in service.folder.rglob('*') if f.is_file()) / len_turns(service):,.0f}"
    figures["start, until it listens"] = ms(service.start())
    caller = Caller(service, load.agents[0], chat("this is Maria Lopez, 415-555-0132"))
    load.run(60)
    time.sleep(0.5)
    session = newest_session(service)
    figures["first session report after a start"] = ms(report(service, f"/sessions/{session}/report"))
    again = []
    for _ in range(5):
        load.run(6)
        time.sleep(0.3)
        again.append(report(service, f"/sessions/{newest_session(service)}/report"))
    figures["session report of a new session"] = ms(statistics.median(again))
    idle = service.memory()
    service.forget_peak()
    with Caller(service, load.agents[0], caller.body) as alone:
        time.sleep(2)
    with Caller(service, load.agents[0], caller.body) as beside:
        took = report(service, "/reports?since=7d")
        time.sleep(max(0, 1 - took))
    figures["account report of 7 days"] = f"{ms(took)}, +{service.peak() - idle:.0f} MiB at most, +{service.memory() - idle:.0f} MiB kept"
    figures["calls beside it: p99, alone p99"] = f"{beside.at(.99):.1f} ms, {alone.at(.99):.1f} ms"
    subject = phone(load.call // 2)
    with Caller(service, load.agents[1], caller.body) as beside:
        took, (status, body) = seconds(lambda: service.api("POST", "/vault/purge", {"subject": subject}))
        time.sleep(1)
    assert status == 200, body
    values = json.loads(body)["purge"]["values"]
    figures["purge of one subject"] = f"{ms(took)} ({values} values); compact calls beside it at most {max(beside.times) * 1e3:.0f} ms"
    with Caller(service, "/health", None, method="GET") as health:
        threads = [threading.Thread(target=lambda: service.api("GET", "/vault/stats")) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        time.sleep(0.3)
    figures["vault stats, four at once: /health at most"] = f"{max(health.times) * 1e3:.0f} ms {health.statuses}"
    figures["lists of sessions"] = ms(statistics.median(seconds(lambda: service.api("GET", "/sessions?limit=100"))[0] for _ in range(5)))
    took, (status, body) = seconds(lambda: service.api("POST", "/audit/verify"))
    figures["the whole chain checked"] = f"{ms(took)}, {json.loads(body)['event_count']:,} events, ok: {json.loads(body)['ok']}"
    return figures


def len_turns(service):
    """Sessions so far, counted without the service."""
    for file in (service.folder / "data").glob("*.db"):
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            if database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sessions'").fetchone()[0]:
                return database.execute("SELECT count(*) FROM sessions").fetchone()[0]
    return 0


def main():
    sizes = [int(size) for size in sys.argv[2:]] or [10_000, 300_000]
    with tempfile.TemporaryDirectory(dir=pathlib.Path(sys.argv[1]).resolve().parent) as folder:
        service = Service(sys.argv[1], folder)
        agents = [service.agent("long"), service.agent("compact", policy_yaml=COMPACT)]
        load = Load(service, agents)
        measured = []
        for size in sizes:
            measured.append(measure(service, load, size))
            print(size, measured[-1], file=sys.stderr, flush=True)
        service.stop()
    table = Table("measure", *(f"{size:,} turns" for size in sizes))
    for name in measured[0]:
        table.rows.append((name, *(figures[name] for figures in measured)))
    table.show()


if __name__ == "__main__":
    main()
