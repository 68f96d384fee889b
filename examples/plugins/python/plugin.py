"""A plugin for Masker: finds the medical record numbers of one hospital.

A number has eight digits, the last of them a Luhn check digit, after a prefix of letters: LK-1234-5674. Without the
prefix it counts only near a word that announces it, or right after the question.
"""

import functools
import json
import re

from componentize_py_types import Err
from wit_world.exports import pass_

KIND = "MRN"
WORDS = {"mrn", "record", "chart"}
SCHEMA = {
    "type": "object",
    "properties": {"prefix": {"type": "string", "pattern": "^[A-Z]{1,4}$", "default": "LK"}},
    "additionalProperties": False,
}

# Built by `configure`. Every request starts from the memory as it is after `configure`.
full = digits = None


def is_sound(number):
    """Whether the last digit is a valid Luhn check digit."""
    values = [int(digit) for digit in number if digit in "0123456789"]
    doubled = [digit if at % 2 == 0 else sum(divmod(2 * digit, 10)) for at, digit in enumerate(reversed(values))]
    return any(values) and sum(doubled) % 10 == 0


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def is_near(text, start, end, distance=5):
    """Whether a word that announces a record number is at most this many words away."""
    around = words(text[:start])[-distance:] + words(text[end:])[:distance]
    return not WORDS.isdisjoint(around)


def tells(step):
    """Turns an exception into an error of the contract: `masker plugin test` shows its message, a server never does."""

    @functools.wraps(step)
    def run(*arguments):
        try:
            return step(*arguments)
        except Err:
            raise
        except Exception as error:
            at = error.__traceback__
            while at.tb_next:
                at = at.tb_next
            raise Err(pass_.Error("exception", f"{error!r} in line {at.tb_lineno}", None))

    return run


class Pass:
    def describe(self):
        return pass_.Manifest(
            name="hospital-mrn",
            version="0.1.0",
            description="Finds the medical record numbers of our hospital.",
            kinds=[KIND],
            config_schema=json.dumps(SCHEMA),
            # Python strings count code points; Masker converts.
            offset_unit="code-point",
        )

    @tells
    def configure(self, config):
        global full, digits
        prefix = json.loads(config).get("prefix", "LK")
        full = re.compile(rf"\b{prefix}-?[0-9]{{4}}-?[0-9]{{4}}\b", re.ASCII)
        digits = re.compile(r"\b[0-9]{4}-?[0-9]{4}\b", re.ASCII)
        if full.match(""):
            raise Err(pass_.Error("invalid-config", "prefix must be letters", "/prefix"))

    @tells
    def detect(self, messages, earlier):
        findings = []
        for at, message in enumerate(messages):
            if not message.search:
                continue
            text = message.text
            whole = [match.span() for match in full.finditer(text) if is_sound(match.group())]
            asked = any(not WORDS.isdisjoint(words(before.text)) for before in messages[max(0, at - 2):at])
            for match in digits.finditer(text):
                start, end = match.span()
                within = any(first <= start and end <= last for first, last in whole)
                if not within and is_sound(match.group()) and (asked or is_near(text, start, end)):
                    findings.append(pass_.Finding(at, start, end, KIND, 0.9, None, None))
            findings += [pass_.Finding(at, start, end, KIND, 0.98, None, None) for start, end in whole]
        return findings
