"""A model's knowledge of a conversation: the values that it was sent, by the name that preceded them.

A value is everything between its name and the next separator, so it makes no difference whether that is an
original or a token. Nothing here knows what a token looks like.
"""

import json
import re

SEPARATORS = re.compile(r"[;\n]")
NAMED = re.compile(r"^([a-z][a-z_]*):(?: (.*))?$")
BULLET = re.compile(r"^[-*•] (.*)$|^\d+[.)] (.*)$")


def facts(messages):
    """The values of each name, those of the last message that has the name, in order of the names' appearance."""
    found = {}
    for message in messages:
        if message["role"] == "user":
            found.update(of_text(text_of(message)))
        elif message["role"] == "tool":
            for text in texts_of(message):
                found.update(of_result(text))
    return found


def text_of(message):
    return "\n".join(texts_of(message))


def texts_of(message):
    """The texts of a message's content, which is a string or a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content if part.get("type") == "text"]


def of_text(text):
    found = {}
    name = None
    for piece in SEPARATORS.split(text):
        piece = piece.strip()
        named, bullet = NAMED.match(piece), BULLET.match(piece)
        if named:
            name = named[1]
            # A name alone is a list heading.
            found.setdefault(name, []).extend([named[2].strip()] if named[2] else [])
        elif bullet and name:
            found[name].append((bullet[1] or bullet[2]).strip())
        else:
            name = None
    return found


def of_result(text):
    """A tool's result: JSON in most libraries, also behind a few words, and JSON in a JSON string."""
    value = text
    while isinstance(value, str):
        start = re.search(r'^"|[{\[]', value)
        try:
            value = json.loads(value[start.start() :]) if start else None
        except ValueError:
            value = None
        if value is None:
            return of_text(text)
    found = {}
    leaves(value, found)
    return found


def leaves(value, found):
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, (dict, list)) and not scalars(inner):
                leaves(inner, found)
            else:
                found.setdefault(name, []).extend(inner if isinstance(inner, list) else [inner])
    elif isinstance(value, list):
        for inner in value:
            leaves(inner, found)


def scalars(value):
    return isinstance(value, list) and not any(isinstance(inner, (dict, list)) for inner in value)
