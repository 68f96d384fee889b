"""Follows README.md and docs/start.md: runs every block marked `sh run`, word for word and in order, and compares what
comes out.

    MASKER=target/debug/masker python3 tests/docs/start.py

The commands run in one shell, in a temporary folder that looks like the repository after `make run`: the program in
target/release, the examples, a server that listens. Only the port is another one. A `text` block that follows commands
must be in their output, line by line and in order; `…` matches any characters.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PUBLISHED = "127.0.0.1:8080"
END = "end of the commands"


def main():
    masker = (ROOT / os.environ.get("MASKER", "target/debug/masker")).resolve()
    passed = sum(follow(document, least, masker) for document, least in [("README.md", 1), ("docs/start.md", 6)])
    print(f"{passed} passed")


def follow(document, least, masker):
    """Runs a document's commands with a separate server, and returns the number of blocks."""
    blocks = BLOCK.findall((ROOT / document).read_text())
    runs = [at for at, (info, _) in enumerate(blocks) if info == "sh run"]
    if len(runs) < least:
        sys.exit(f"{document} has {len(runs)} blocks marked `sh run`: are they still found?")
    with tempfile.TemporaryDirectory() as folder, Server(masker, Path(folder)) as server:
        for at in runs:
            commands = blocks[at][1]
            printed = server.run(commands)
            info, expected = blocks[at + 1] if at + 1 < len(blocks) else ("", "")
            if info == "text":
                compare(document, commands, expected.replace(PUBLISHED, server.address), printed)
            print(f"ok  {document}: {commands.splitlines()[0]}")
    return len(runs)


class Server:
    """Masker in development mode and a shell."""

    def __init__(self, masker, folder):
        (folder / "target/release").mkdir(parents=True)
        (folder / "target/release/masker").symlink_to(masker)
        shutil.copytree(ROOT / "examples/openai-client", folder / "examples/openai-client")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("MASKER_")}
        # The shell has no settings, like a reader's; only the port differs.
        self.environment |= {"MASKER_DEV": "1", "MASKER_LISTEN_ADDR": self.address}
        # A debug build is slower than the default timeout allows.
        self.environment["MASKER_DETECTION_TIMEOUT_MS"] = "5000"

    def __enter__(self):
        log = open(self.folder / "log", "wb")
        command = [self.folder / "target/release/masker", "serve"]
        self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        while True:
            try:
                urllib.request.urlopen(f"http://{self.address}/livez")
                break
            except OSError:
                if self.process.poll() is not None:
                    sys.exit((self.folder / "log").read_text())
                time.sleep(0.1)
        pipe = subprocess.PIPE
        self.shell = subprocess.Popen(
            ["bash"], cwd=self.folder, env=self.environment, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )
        return self

    def __exit__(self, *_):
        self.shell.stdin.close()
        self.shell.wait()
        self.process.terminate()
        self.process.wait()

    def run(self, commands):
        """Runs commands in the shell and returns their output."""
        commands = commands.replace(PUBLISHED, self.address)
        self.shell.stdin.write(f"{commands}\necho; echo '{END}'\n")
        self.shell.stdin.flush()
        printed = []
        for line in self.shell.stdout:
            if line.rstrip("\n") == END:
                return "".join(printed)
            printed.append(line)
        sys.exit(f"the shell ended after:\n{commands}\n{''.join(printed)}")


def compare(document, commands, expected, printed):
    """Fails if an expected line is missing after the previous ones."""
    rest = printed
    for line in expected.splitlines():
        pattern = ".*?".join(re.escape(part) for part in line.split("…"))
        found = re.search(pattern, rest)
        if not found:
            sys.exit(f"FAILED: {document} expects\n{line}\nof\n{commands}\nwhich printed\n{printed}")
        rest = rest[found.end() :]


main()
