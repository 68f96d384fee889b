"""Measures what misbehaving and changing plugins cost other calls. `make bench-plugins` runs it on the release binary.

    python3 tests/plugins/bench.py MASKER [TRAPS [COMPONENT]]

COMPONENT is one of some megabytes, such as `masker plugin new --lang js` makes: it is installed and compiled, too.

Starts a server with the built-in model. One agent's plugin panics in every call, another agent works. Prints the memory
before and after, and the working agent's times alone, beside the traps, and while plugins are installed and removed.
Needs nothing but Python's own library. Traffic is on loopback, files are in a temporary folder.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

root = pathlib.Path(__file__).resolve().parents[2]
masker = pathlib.Path(sys.argv[1]).resolve()
traps = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
big = pathlib.Path(sys.argv[3]).read_bytes() if len(sys.argv) > 3 else None
guests = root / "target" / "guests"

POLICY = """name: {plugin}
version: 1
kid: K_HEALTHCARE
tokenization: vault-deterministic
passes: [{{plugin: {plugin}, on_error: block}}]
entities: {{STAFF_ID: {{}}}}
"""
SAID = json.dumps({"model": "stub", "messages": [{"role": "user", "content": "this is Maria Lopez, E-12345, 415-555-0132"}]})


class Server:
    def __init__(self, folder):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MASKER_")}
        self.environment = environment | {
            "MASKER_DEV": "1", "MASKER_DATA_DIR": f"{folder}/data", "MASKER_PLUGIN_DIR": f"{folder}/plugins",
            "MASKER_LISTEN_ADDR": "127.0.0.1:0", "MASKER_LOG_FORMAT": "json",
        }
        self.log = open(f"{folder}/log", "w+")
        self.process = subprocess.Popen([masker, "serve"], env=self.environment, stdout=self.log, stderr=self.log)
        self.port = None
        while self.port is None:
            time.sleep(0.1)
            if self.process.poll() is not None:
                sys.exit(pathlib.Path(self.log.name).read_text())
            found = re.search(r"127\.0\.0\.1:([1-9][0-9]*)", pathlib.Path(self.log.name).read_text())
            self.port = int(found.group(1)) if found else None
        made = subprocess.run([masker, "token", "create", "--name", "bench", "--scope", "agents:write", "--scope", "agents:read",
                               "--scope", "plugins:write"], env=self.environment, capture_output=True, text=True, check=True)
        self.token = re.search(r"mskt_[A-Za-z0-9_-]+", made.stdout + made.stderr).group()

    def api(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, {"authorization": f"Bearer {self.token}", "content-type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def agent(self, name, **more):
        status, body = self.api("POST", "/api/v1/agents", json.dumps({"name": name, "upstream": "stub"} | more))
        assert status == 201, body
        return f"/proxy/{json.loads(body)['agent']['id']}/v1/chat/completions"

    def pss(self):
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1)) / 1024


def call(server, path, times, statuses, until):
    """Sends requests on one connection until stopped."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    while not until(len(times)):
        started = time.perf_counter()
        connection.request("POST", path, SAID, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - started)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1


def beside(server, path, work):
    """The times of an agent while `work` runs, and its statuses."""
    times, statuses, stop = [], {}, threading.Event()
    thread = threading.Thread(target=call, args=(server, path, times, statuses, lambda _: stop.is_set()))
    thread.start()
    work()
    stop.set()
    thread.join()
    return times, statuses


def shown(what, times, statuses):
    times = sorted(times)
    p99 = times[int(len(times) * 0.99)] * 1e3
    print(f"{what:44}  {len(times):6}  {statistics.median(times) * 1e3:8.2f}  {p99:8.2f}  {statuses}")


with tempfile.TemporaryDirectory() as folder:
    plugins = pathlib.Path(folder) / "plugins"
    plugins.mkdir()
    for guest in ("panics", "staff-id"):
        (plugins / f"{guest}.wasm").write_bytes((guests / f"{guest}.wasm").read_bytes())
    server = Server(folder)
    try:
        failing = server.agent("failing", policy_yaml=POLICY.format(plugin="panics"))
        swapped = server.agent("swapped", policy_yaml=POLICY.format(plugin="staff-id"))
        working = server.agent("working", policy_name="healthcare-default")
        print(f"{masker.name}, {os.cpu_count()} cores; times in ms, in a load generator that shares the cores")
        print(f"{'the working agent':44}  {'calls':>6}  {'median':>8}  {'p99':>8}  statuses")
        call(server, working, [], {}, lambda done: done == 2_000)
        times, statuses = [], {}
        call(server, working, times, statuses, lambda done: done == 3_000)
        shown("alone", times, statuses)

        def trap(count):
            trapped, failed = [], {}
            call(server, failing, trapped, failed, lambda done: done == count)
            assert list(failed) == [503], failed

        trap(max(traps // 10, 1))
        before = server.pss()
        shown(f"beside {traps} traps", *beside(server, working, lambda: trap(traps)))
        after = server.pss()

        def install_and_remove():
            component = (guests / "staff-id.wasm").read_bytes()
            for version in range(10):
                status, body = server.api("POST", "/api/v1/plugins", component.replace(b"1.0.0", b"9.0.%d" % version), "application/wasm")
                assert status in (200, 201), body
                status, body = server.api("DELETE", "/api/v1/plugins/staff-id")
                assert status == 204, body

        shown("while a plugin is swapped 20 times", *beside(server, working, install_and_remove))
        shown("the agent whose plugin is swapped 20 times", *beside(server, swapped, install_and_remove))
        if big:
            def compile_it():
                status, body = server.api("POST", "/api/v1/plugins", big, "application/wasm")
                assert status == 201, body
                plugin = json.loads(body)["plugin"]
                policy = POLICY.format(plugin=plugin["name"]).replace("STAFF_ID", plugin["kinds"][0])
                server.agent("big", policy_yaml=policy)

            shown(f"while {len(big) >> 20} MiB of component are compiled", *beside(server, working, compile_it))
        print(f"memory (Pss) before and after {traps} traps: {before:.1f} and {after:.1f} MiB, {after / before:.2f} x")
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait()
