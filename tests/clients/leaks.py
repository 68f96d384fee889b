"""Finds planted values in the upstream's requests, in any encoding."""

import html
import json
import re
import unicodedata
import urllib.parse

TOKEN = re.compile(r"\bMSKV?1\.[A-Z0-9_]+\.[A-Z0-9_]+\.[A-Za-z0-9_-]+|\[[A-Z_]+_[0-9A-Z]+\]")
JSON_ESCAPES = re.compile(r'(?:\\u[0-9a-fA-F]{4})+|\\["\\/bfnrt]')
# JSON in JSON in JSON is three.
DEPTH = 4
# Characters around a value that was found.
AROUND = 60


def leaks(requests, values):
    """A line for each value in a request, with the text around it. All data is invented."""
    found = []
    for number, request in enumerate(requests):
        # The random letters of a token may spell a short name.
        sent = TOKEN.sub("[]", json.dumps(request["headers"]) + request["body"])
        texts = [searchable(text) for text in readings(sent)]
        for value in values:
            place = next((around(text, searchable(value)) for text in texts if searchable(value) in text), None)
            if place:
                found.append(f"request {number} holds {value!r}: {place!r}")
    return found


def readings(text):
    """The text as sent, and after each decoding step."""
    seen, new = [], [text]
    for _ in range(DEPTH):
        seen += new
        undone = [undo(text) for text in new for undo in (without_escapes, html.unescape, urllib.parse.unquote)]
        new = list(dict.fromkeys(text for text in undone if text not in seen))
    return seen + new


def without_escapes(text):
    def character(match):
        # A lone surrogate is not a character.
        try:
            return json.loads(f'"{match[0]}"').encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        except ValueError:
            return match[0]

    return JSON_ESCAPES.sub(character, text)


def searchable(text):
    """Without case and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def around(text, value):
    at = text.index(value)
    return text[max(at - AROUND, 0) : at + len(value) + AROUND]
