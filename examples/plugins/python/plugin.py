"""A plugin for Masker: finds the medical record numbers of one hospital.

They are eight digits, the last of them a Luhn check digit, with letters before them: LK-1234-5674. Without the letters
they count only near a word that announces them, or right after the question.
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

# What `configure` builds. The memory as it is then is what every request starts from.
full = digits = None


def is_sound(number):
    """Whether the last digit is right: the sum of Luhn."""
    values = [int(digit) for digit in number if digit in "0123456789"]
    doubled = [digit if at % 2 == 0 else sum(divmod(2 * digit, 10)) for at, digit in enumerate(reversed(values))]
    return any(values) and sum(doubled) % 10 == 0


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def is_near(text, start, end, distance=5):
    """Whether a word that announces a record number stands at most so many words away."""
    around = words(text[:start])[-distance:] + words(text[end:])[:distance]
    return not WORDS.isdisjoint(around)


def tells(step):
    """Makes an exception an error of the contract: `masker plugin test` shows its words, a server never does."""

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
            # Python's strings count code points; Masker converts.
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
