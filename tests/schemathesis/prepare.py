"""Makes an agent and a session, and prints their ids."""
import json
import sys
import time
import urllib.request

base, token = sys.argv[1:]


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers)) as answer:
        return json.load(answer)


agent = call("/api/v1/agents", {"name": "kept", "upstream": "stub"})["agent"]["id"]
call(f"/proxy/{agent}/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]})
while not (sessions := call("/api/v1/sessions")["data"]):
    time.sleep(0.05)
print(agent, sessions[0]["id"])
