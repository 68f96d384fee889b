"""What the programs with a client library share: the people that they talk about, and how they report.

A program is `with_NAME.py BASE_URL MODEL PEOPLE`. It prints one JSON object: for each scenario everything that the
library handed to it, `{"got": ...}`, or why it got nothing, `{"error": "..."}`. It judges nothing: `compare.py`
compares what it got straight from the model with what it got through Masker.
"""

import json
import sys

import pydantic

BASE_URL, MODEL, PATH = sys.argv[1:]
# The caller's, not the model's. No retries: a failure must be visible.
KEY = "key-of-the-caller"
TIMEOUT_SECONDS = 60

with open(PATH, encoding="utf-8") as file:
    people = json.load(file)
# Callers, and people whom only the tools know.
INGRID, RENEE, SIOBHAN, JOSE = CALLERS = people["callers"]
RECORDS = people["records"]


def said(person, *names):
    """What is known of a person, as one line of text."""
    return "; ".join(f"{name}: {person[name]}" for name in names or person)


def run(scenarios):
    print(json.dumps({name: result(scenario) for name, scenario in scenarios.items()}, ensure_ascii=False))


def result(scenario):
    try:
        return {"got": plain(scenario())}
    except Exception as error:  # noqa: BLE001: whatever it is, it is what this scenario got
        return {"error": f"{type(error).__name__}: {error}"}


def plain(value):
    """As JSON has it."""
    return pydantic.TypeAdapter(object).dump_python(value, mode="json")


class Growing:
    """Reads the partial objects of a stream and keeps the last. Received values may grow, but not change."""

    def __init__(self):
        self.last, self.count = None, 0

    def take(self, value):
        value = plain(value)
        if not continues(self.last, value):
            raise AssertionError(f"{self.last!r} became {value!r}")
        self.last, self.count = value, self.count + 1

    def end(self):
        """The last object. Earlier ones depend on the chunking, but there must be some."""
        return {"last": self.last, "came_in_parts": self.count > 1}


def continues(before, after):
    if before is None or before == after:
        return True
    if isinstance(before, dict) and isinstance(after, dict):
        return all(continues(value, after.get(name)) for name, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) <= len(after) and all(map(continues, before, after))
    # A number arrives in pieces too.
    return type(before) is type(after) and str(after).startswith(str(before))
