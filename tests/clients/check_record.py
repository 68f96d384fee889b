"""Checks the upstream's requests: none of the planted values, tokens in their place, and no key of the caller's.

Usage: check_record.py RECORD CONVERSATION EXPECTED_REQUESTS. The record is what masker-fake-upstream --record wrote.
"""

import json
import sys

from leaks import TOKEN, leaks


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


def without_tokens(requests):
    return [
        f"request {number} holds no token"
        for number, request in enumerate(requests)
        if not TOKEN.search(request["body"])
    ]


if __name__ == "__main__":
    main()
