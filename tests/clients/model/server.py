"""A model on a loopback port, in OpenAI's chat protocol, which knows only what it was sent (see `answer.py`).

Usage: server.py RECORD. It prints its origin; `/v1` below any path is its base URL. Every request is written into
RECORD before it is answered, one JSON object to a line, in the form of masker-fake-upstream.
"""

import http.server
import itertools
import json
import sys
import threading

from answer import Unknown, answer, written

MODEL = "gpt-4o-mini-2024-07-18"
# Characters of a streamed chunk, in turn: a token is cut in many ways.
PIECES = [1, 2, 3, 5, 8, 1, 13, 4]
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A stream of small writes would else wait for acknowledgements.
    disable_nagle_algorithm = True
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        line = {"method": "POST", "path": self.path, "headers": dict(self.headers.items()), "body": body}
        with self.lock, open(sys.argv[1], "a", encoding="utf-8") as record:
            record.write(json.dumps(line) + "\n")
        request = json.loads(body)
        try:
            kind, content = answer(request)
        except (Unknown, KeyError) as error:
            self.whole(
                400, {"error": {"message": str(error), "type": "invalid_request_error", "param": None, "code": None}}
            )
            return
        if request.get("stream"):
            self.stream(request, kind, content)
        else:
            self.whole(200, completion(request, kind, content))

    def whole(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, request, kind, content):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = [json.dumps(event, ensure_ascii=False) for event in chunks(request, kind, content)]
        for event in [*events, "[DONE]"]:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def completion(request, kind, content):
    message = {"role": "assistant", "content": content if kind == "text" else None, "refusal": None}
    if kind == "calls":
        message["tool_calls"] = [
            call(request, at, name, written(arguments)) for at, (name, arguments) in enumerate(content)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(kind)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_777_000_000,
        "model": MODEL,
        "choices": [choice],
        "usage": USAGE,
    }


def chunks(request, kind, content):
    yield chunk({"role": "assistant", "content": "" if kind == "text" else None, "refusal": None})
    if kind == "text":
        for piece in pieces(content):
            yield chunk({"content": piece})
    else:
        for at, (name, arguments) in enumerate(content):
            yield chunk({"tool_calls": [{"index": at, **call(request, at, name, "")}]})
            for piece in pieces(written(arguments)):
                yield chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
    yield chunk({}, finish(kind))
    if (request.get("stream_options") or {}).get("include_usage"):
        yield {**chunk({}), "choices": [], "usage": USAGE}


def chunk(delta, finish_reason=None):
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_777_000_000,
        "model": MODEL,
        "choices": [choice],
    }


def call(request, at, name, arguments):
    # No two calls of a conversation have one id.
    return {
        "id": f"call_{len(request['messages'])}_{at}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def finish(kind):
    return "stop" if kind == "text" else "tool_calls"


def pieces(text):
    at = 0
    for length in itertools.cycle(PIECES):
        if at >= len(text):
            return
        yield text[at : at + length]
        at += length


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    open(sys.argv[1], "w", encoding="utf-8").close()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


main()
