"""Checks what the model of the library programs got: of the people everything when asked straight, nothing through Masker.

Usage: check_people.py RECORD PEOPLE. The record is what model/server.py wrote; programs that ask it straight have
`/straight` in their path.
"""

import json
import sys

from check_record import without_tokens
from leaks import leaks

# A part of a name is one, too.
SHORTEST_NAME = 4
SHOWN = 12


def main():
    record, people = sys.argv[1:]
    with open(people, encoding="utf-8") as file:
        planted = [value for group in json.load(file).values() for person in group for value in values(person)]
    with open(record, encoding="utf-8") as file:
        requests = [json.loads(line) for line in file]
    straight = [request for request in requests if request["path"].startswith("/straight/")]
    masked = [request for request in requests if not request["path"].startswith("/straight/")]
    seen = leaks(straight, planted)
    problems = {
        # Else the next line would prove nothing.
        "straight, the model got every planted value": [
            f"not {value!r}" for value in planted if not any(f" holds {value!r}: " in line for line in seen)
        ],
        "through Masker, the model got none of the planted values": leaks(masked, planted),
        "through Masker, the model got tokens in their place": without_tokens(masked),
        "through Masker, the model got no key of the caller": leaks(masked, ["key-of-the-caller"]),
        "through Masker, the model was asked": [] if masked else ["no request came"],
    }
    for name, found in problems.items():
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        print(
            f"FAILED  libraries: {name}: {'; '.join(found[:SHOWN] + more)}" if found else f"ok      libraries: {name}"
        )
    sys.exit(1 if any(problems.values()) else 0)


def values(person):
    """The values of a person that must not be visible, and their identifying parts."""
    yield person["patient"]
    yield from (word for word in person["patient"].split() if len(word) >= SHORTEST_NAME)
    yield person["birth_date"]
    yield person["phone"].removeprefix("+1")
    yield person["email"]
    yield person["email"].partition("@")[0]
    yield str(person["mrn"])


main()
