"""Checks whether memory stays flat. `make soak` runs it on the release binary; MINUTES=16 for longer or shorter.

    python3 tests/limits/soak.py MASKER [MINUTES]

Calls of six turns, whole and streamed, some hung up in the middle, with bad bodies, policy edits, plugins installed and removed, reports
of sessions and of the account, and a live list of sessions that is opened and dropped, after a load that has filled the caches. Every ten seconds the resident memory is
read; at the end the slope of a line through the second half is printed, in MiB an hour.
"""

import json
import pathlib
import random
import socket
import sys
import tempfile
import threading
import time

from growth import COMPACT, Load, said
from service import ROOT, Service, chat


# Turns after which every cache is full.
CACHES = 200_000


class Soak:
    def __init__(self, service, agents):
        self.service, self.agents, self.until, self.call, self.lock = service, agents, False, 0, threading.Lock()
        self.turns = 0

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while not self.until and time.monotonic() < end:
            time.sleep(0.05)

    def calls(self):
        while not self.until:
            with self.lock:
                self.call += 1
                call = self.call
            connection, contents = self.service.connect(), []
            for text in said(call):
                contents.append(text)
                stream = call % 3 == 0
                body = json.dumps(chat(*contents, stream=stream))
                connection.request("POST", self.agents[call % 2], body, {"masker-session-id": f"soak-{call}", "content-type": "application/json"})
                if call % 17 == 0:
                    connection.close()  # hung up
                    break
                connection.getresponse().read()
                contents.append("I see. Go on, please.")
                self.turns += 1
                time.sleep(0.02)
            connection.close()

    def errors(self):
        for body in self.again(["{", '{"model":"other","messages":[]}', '{"messages":[{"role":"x"}]}', "[]"], 0.5):
            self.service.ask("POST", self.agents[0], body)

    def edits(self):
        for number in self.again(range(1_000_000), 5):
            status, body = self.service.api("GET", "/agents?limit=10")
            agent = json.loads(body)["data"][-1]["id"]
            self.service.api("PATCH", f"/agents/{agent}", {"policy_yaml": COMPACT + f"description: edit {number}\n"})

    def installs(self):
        component = (ROOT / "target" / "guests" / "staff-id.wasm").read_bytes()
        for number in self.again(range(10), 10):
            self.service.api("POST", "/plugins", component.replace(b"1.0.0", b"9.0.%d" % number), "application/wasm")
            self.service.api("DELETE", "/plugins/staff-id")

    def reports(self):
        for number in self.again(range(1_000_000), 3):
            if number % 5 == 0:
                self.service.api("GET", f"/reports?since=1h&format={'pdf' if number % 2 else 'json'}")
            _, body = self.service.api("GET", "/sessions?limit=1")
            for row in json.loads(body)["data"]:
                self.service.api("GET", f"/sessions/{row['id']}/report?format={'pdf' if number % 2 else 'json'}")

    def live(self):
        for _ in self.again([0], 1):
            one = socket.create_connection(("127.0.0.1", self.service.port), timeout=5)
            one.sendall(f"GET /api/v1/sessions/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.service.token}\r\n\r\n".encode())
            self.pause(random.uniform(1, 8))  # read nothing, then leave
            one.close()

    def again(self, items, pause):
        items = list(items) if not isinstance(items, range) else items
        at = 0
        while not self.until:
            yield items[at % len(items)]
            at += 1
            self.pause(pause)


def slope(samples):
    """The least-squares slope, in MiB per hour."""
    times, sizes = zip(*samples)
    mean_time, mean_size = sum(times) / len(times), sum(sizes) / len(sizes)
    over = sum((t - mean_time) ** 2 for t in times)
    return 3600 * sum((t - mean_time) * (s - mean_size) for t, s in samples) / over


def main():
    minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 16
    with tempfile.TemporaryDirectory(dir=pathlib.Path(sys.argv[1]).resolve().parent) as folder:
        service = Service(sys.argv[1], folder)
        soak = Soak(service, [service.agent("long"), service.agent("compact", policy_yaml=COMPACT)])
        work = [soak.calls, soak.calls, soak.calls, soak.errors, soak.edits, soak.installs, soak.reports, soak.live]
        # Caches are filled to their limits first: growth after that is not a cache.
        Load(service, soak.agents).run(CACHES)
        soak.call = CACHES
        threads = [threading.Thread(target=one, daemon=True) for one in work]
        [thread.start() for thread in threads]
        began, samples = time.monotonic(), []
        while time.monotonic() - began < minutes * 60:
            time.sleep(10)
            samples.append((time.monotonic() - began, service.memory()))
            if len(samples) % 6 == 0:
                print(f"{samples[-1][0] / 60:5.1f} min  {soak.turns:8,} turns  {samples[-1][1]:7.1f} MiB", flush=True)
        soak.until = True
        [thread.join(10) for thread in threads]
        half = samples[len(samples) // 2:]
        print(f"{soak.turns / (minutes * 60):.0f} turns/s for {minutes:g} min; memory {samples[0][1]:.1f} -> {samples[-1][1]:.1f} MiB; "
              f"slope of the second half {slope(half):+.0f} MiB an hour")
        service.stop()


if __name__ == "__main__":
    main()
