"""Streams through nginx: a provider that says the next thing only when the caller has the one before.

Usage: stream.py NGINX_PORT UPSTREAM_PORT PROXY_PATH TOKEN NGINX_PID

What is proved is an order: the provider does not continue before the caller has read everything sent so far. Through a proxy that
collects the answer nothing would ever come; then the caller gives up, so that the test fails and does not hang.
"""

import http.client
import http.server
import json
import os
import sys
import threading
import time

# Timeout for the arrival of sent data.
PATIENCE = 20
# The provider's steps, each sent when the previous one has arrived, and the expected output of each.
STEPS = [
    (": PROCESSING\n\n", ": keep-alive"),
    ('data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": null}]}\n\n', "Hello"),
    ('data: {"choices": [{"index": 0, "delta": {"content": " there"}, "finish_reason": "stop"}]}\n\n', " there"),
    ("data: [DONE]\n\n", "[DONE]"),
]
arrived = [threading.Event() for _ in STEPS]
sent = []


class Provider(http.server.BaseHTTPRequestHandler):
    """Sends a step, and waits until it has arrived at the caller."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response_only(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for number, (event, _) in enumerate(STEPS):
            sent.append(number)
            self.wfile.write(event.encode())
            self.wfile.flush()
            if not arrived[number].wait(2 * PATIENCE):
                return

    def log_message(self, *_):
        pass


def check_completion(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    body = {"messages": [{"role": "user", "content": "Hi."}], "stream": True}
    connection.request("POST", f"{path}/chat/completions", json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, f"{answer.status}: {answer.read()[:500]}"
    for number, (_, wanted) in enumerate(STEPS):
        line = next_line(answer)
        assert wanted in line, f"{wanted!r} was to come, and not {line!r}"
        assert sent == list(range(number + 1)), f"the provider had sent {sent} when {number} arrived"
        arrived[number].set()
    connection.close()
    print("ok  an answer's first event arrives before the provider sends its second, and so on")


def check_sessions(port, token):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/api/v1/sessions/stream", headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    assert next_line(answer), "the stream of sessions begins at once"
    connection.close()
    print("ok  the stream of sessions begins at once")


def next_line(answer):
    while True:
        line = answer.readline().decode()
        if line.strip() or not line:
            return line.rstrip("\n")


def wait_for(port, pid):
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/livez")
            connection.getresponse().read()
            return
        except OSError:
            os.kill(pid, 0)
            time.sleep(0.1)
    sys.exit("nginx does not answer")


def main():
    nginx, upstream, path, token, pid = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", upstream), Provider)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wait_for(nginx, pid)
    try:
        check_completion(nginx, path)
        check_sessions(nginx, token)
    except TimeoutError:
        sys.exit("FAILED  nginx held back what was sent already")


main()
