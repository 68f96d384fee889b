"""A Masker in a temporary folder, started for a benchmark, with readings of its process. Traffic is on loopback."""

import http.client
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MIB = 1 << 20


class Service:
    """`masker serve` with the built-in model. `settings` are `MASKER_*` variables without their prefix."""

    def __init__(self, masker, folder, descriptors=None, core=None, **settings):
        self.masker, self.folder = pathlib.Path(masker).resolve(), pathlib.Path(folder)
        self.descriptors, self.core = descriptors, core
        plugins = self.folder / "plugins"
        plugins.mkdir(exist_ok=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MASKER_")}
        own = {
            "DEV": "1", "DATA_DIR": f"{folder}/data", "PLUGIN_DIR": plugins, "LISTEN_ADDR": "127.0.0.1:0",
            "LOG_FORMAT": "json", "LOG_LEVEL": "warn,masker=info",
        }
        self.environment = clean | {f"MASKER_{name}": str(value) for name, value in (own | settings).items()}
        self.token = None
        self.start()
        self.token = self.new_token()

    def start(self):
        """Starts the process; returns the seconds until it listened."""
        log = self.folder / "log"
        began = time.perf_counter()
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [self.masker, "serve"], env=self.environment, stdout=output, stderr=output, preexec_fn=self.limit)
        while not (found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", log.read_text())):
            if self.process.poll() is not None:
                sys.exit(log.read_text())
            time.sleep(0.005)
        self.port = int(found.group(1))
        return time.perf_counter() - began

    def limit(self):
        import resource
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))
        if self.core is not None:
            os.sched_setaffinity(0, {self.core})

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def new_token(self):
        scopes = [word for scope in ("admin",) for word in ("--scope", scope)]
        made = subprocess.run([self.masker, "token", "create", "--name", "bench", *scopes],
                              env=self.environment, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        return re.search(r"mskt_[A-Za-z0-9_-]+", made.stdout + made.stderr).group()

    def connect(self, timeout=300):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """Status and body of an answer. A `body` other than text or bytes is sent as JSON."""
        connection = connection or self.connect()
        body = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        connection.request(method, path, body, {"content-type": "application/json"} | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()

    def api(self, method, path, body=None, kind="application/json"):
        return self.ask(method, "/api/v1" + path, body, {"authorization": f"Bearer {self.token}", "content-type": kind})

    def agent(self, name, **more):
        """The path of a new agent."""
        status, body = self.api("POST", "/agents", {"name": name, "upstream": "stub"} | more)
        assert status == 201, body
        return f"/proxy/{json.loads(body)['agent']['id']}/v1/chat/completions"

    def memory(self):
        """Memory of the process in MiB: proportional set size."""
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1)) / 1024

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak(self):
        """The most memory that was resident since `forget_peak`, in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+)", status, re.M).group(1)) / 1024


def chat(*contents, **more):
    """A request's body: the contents, the user's and the assistant's in turn, the last one the user's."""
    roles = ["user", "assistant"]
    first = len(contents) % 2 == 0
    messages = [{"role": roles[(at + first) % 2], "content": text} for at, text in enumerate(contents)]
    return {"model": "stub", "messages": messages} | more


def seconds(work):
    """The duration and the result of this."""
    began = time.perf_counter()
    given = work()
    return time.perf_counter() - began, given


class Caller:
    """Sends requests repeatedly on one connection, in a thread."""

    def __init__(self, service, path, body, method="POST", pause=0.001):
        self.service, self.path, self.body, self.method, self.pause = service, path, body, method, pause
        self.times, self.statuses, self.stopped = [], {}, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def run(self):
        connection = self.service.connect()
        while not self.stopped.is_set():
            took, (status, _) = seconds(lambda: self.service.ask(self.method, self.path, self.body, connection=connection))
            self.times.append(took)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            time.sleep(self.pause)

    def at(self, share):
        """A percentile in milliseconds."""
        times = sorted(self.times)
        return times[min(int(len(times) * share), len(times) - 1)] * 1e3

    def median(self):
        return statistics.median(self.times) * 1e3


class Table:
    """Rows of measure, what to reach, what was measured."""

    def __init__(self, *columns):
        self.rows = [columns]

    def add(self, *cells):
        self.rows.append(tuple(str(cell) for cell in cells))
        print("  " + "  ".join(self.rows[-1]), file=sys.stderr, flush=True)

    def show(self):
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]
        lines = [self.rows[0], tuple("-" * width for width in widths), *self.rows[1:]]
        for row in lines:
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
