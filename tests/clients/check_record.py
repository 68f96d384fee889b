"""Checks what the upstream got: none of the planted values, tokens in their place, and no key of the caller's.

Usage: check_record.py RECORD CONVERSATION EXPECTED_REQUESTS. The record is what masker-fake-upstream --record wrote.
"""

import json
import re
import sys

TOKEN = re.compile(r"\bMSKV?1\.[A-Z0-9_]+\.[A-Z0-9_]+\.|\[[A-Z_]+_[0-9]+\]")


def main():
    record, conversation, expected = sys.argv[1:]
    with open(conversation, encoding="utf-8") as file:
        planted = json.load(file)["planted"]
    with open(record, encoding="utf-8") as file:
        requests = [json.loads(line) for line in file]
    problems = {
        f"the upstream got {expected} requests": [] if len(requests) == int(expected) else [f"got {len(requests)}"],
        "the upstream got none of the planted values": leaks(requests, planted),
        "the upstream got tokens in their place": without_tokens(requests),
        "the upstream got no key of the caller": leaks(requests, ["key-of-the-caller"]),
    }
    for name, found in problems.items():
        print(f"FAILED  record: {name}: {'; '.join(found)}" if found else f"ok      record: {name}")
    sys.exit(1 if any(problems.values()) else 0)


def leaks(requests, values):
    found = []
    for number, request in enumerate(requests):
        # As sent, and with every JSON escape undone, also in the JSON inside tool arguments.
        texts = [json.dumps(request), request["body"], *strings(json.loads(request["body"]))]
        found += [f"request {number} holds {value!r}" for value in values if any(holds(text, value) for text in texts)]
    return found


def holds(text, value):
    return value.lower() in text.lower()


def strings(value):
    if isinstance(value, dict):
        value = list(value.keys()) + list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value
        if value.startswith(("{", "[", '"')):
            try:
                yield from strings(json.loads(value))
            except ValueError:
                pass


def without_tokens(requests):
    return [f"request {number} holds no token" for number, request in enumerate(requests) if not TOKEN.search(request["body"])]


main()
