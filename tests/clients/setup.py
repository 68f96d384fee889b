"""Waits until Masker answers /health, or creates an agent and prints its base URL.

Usage: setup.py HOST:PORT TOKEN NAME [POLICY_FILE], or setup.py HOST:PORT --wait PID to wait only. Standard library only: it
runs before any client is known to work.
"""

import json
import sys
import time
import urllib.error
import urllib.request

# The first start compiles the plugins.
LIMIT_SECONDS = 180


def main():
    server, token = f"http://{sys.argv[1]}", sys.argv[2]
    if token == "--wait":
        wait(server, sys.argv[3])
        return
    agent = {"name": sys.argv[3], "upstream": "openai:gpt-4o-mini", "platform": "custom"}
    if len(sys.argv) > 4:
        with open(sys.argv[4], encoding="utf-8") as policy:
            agent["policy_yaml"] = policy.read()
    request = urllib.request.Request(
        f"{server}/api/v1/agents",
        data=json.dumps(agent).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        print(json.load(answer)["agent"]["proxy_base_url"])


def wait(server, pid):
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{server}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if ended(pid) or time.monotonic() > end:
                raise
            time.sleep(0.1)


def ended(pid):
    """Whether the process is gone, or a zombie that the shell has not waited for yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


main()
