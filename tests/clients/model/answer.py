"""How the model answers: it fills in what the request asks for with what it was sent, each value under its own name.

* Tools are called in the order in which they are offered, each once after the last message of the user. A tool
  whose parameters were said several times is called as often, all at once.
* `response_format`, or a JSON schema in the instructions, is filled in.
* Else the answer is a sentence for each value.
"""

import json
import re

from facts import facts, text_of


class Unknown(Exception):
    """The request asks for a value that the model was not sent."""


def answer(request):
    """Either `("calls", [(name, arguments)])` or `("text", text)`."""
    messages = request["messages"]
    known = facts(messages)
    tool = next_tool(request, messages)
    if tool:
        return "calls", [(tool["name"], arguments) for arguments in all_arguments(tool.get("parameters") or {}, known)]
    schema = schema_asked_for(request, messages)
    if schema:
        return "text", written(filled(schema, schema, known))
    if (request.get("response_format") or {}).get("type") == "json_object":
        return "text", written({name: values[0] if len(values) == 1 else values for name, values in known.items()})
    return "text", sentences(known)


def written(value):
    """JSON as models write it: nothing escaped that need not be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def next_tool(request, messages):
    tools = [tool["function"] for tool in request.get("tools") or []]
    choice = request.get("tool_choice") or "auto"
    if choice == "none" or not tools:
        return None
    last_user = max((at for at, message in enumerate(messages) if message["role"] == "user"), default=0)
    called = {call["function"]["name"] for message in messages[last_user:] for call in message.get("tool_calls") or []}
    if isinstance(choice, dict):
        return next(tool for tool in tools if tool["name"] == choice["function"]["name"])
    left = [tool for tool in tools if tool["name"] not in called]
    return left[0] if left else tools[-1] if choice == "required" else None


def schema_asked_for(request, messages):
    form = request.get("response_format") or {}
    if form.get("type") == "json_schema":
        return form["json_schema"]["schema"]
    if request.get("tools"):
        return None
    texts = [text_of(message) for message in messages if message["role"] in ("system", "developer")]
    return next((schema for text in texts for schema in schemas_in(text)), None)


def schemas_in(text):
    for start in re.finditer(r"\{", text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, start.start())
        except ValueError:
            continue
        if "properties" in value:
            yield value


def all_arguments(schema, known):
    scalar = [name for name, inner in schema.get("properties", {}).items() if not is_list(schema, inner)]
    times = max((len(known.get(name, [])) for name in scalar), default=1)
    return [filled(schema, schema, known, at) for at in range(max(times, 1))]


def filled(root, schema, known, at=0, name=None):
    """The value that `schema` asks for; `at` selects among several values of one name."""
    schema = resolved(root, schema)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        return {name: filled(root, inner, known, at, name) for name, inner in schema["properties"].items()}
    if schema.get("type") == "array":
        return filled_list(root, schema["items"], known, name)
    values = known.get(name, [])
    if not values:
        if takes_null(schema):
            return None
        raise Unknown(f"the model was sent no {name}")
    return as_type(values[min(at, len(values) - 1)], schema)


def filled_list(root, items, known, name):
    items = resolved(root, items)
    if "properties" in items:
        times = max(len(known.get(name, [])) for name in items["properties"])
        return [filled(root, items, known, at) for at in range(times)]
    values = known.get(name, [])
    if len(values) == 1 and isinstance(values[0], str):
        values = values[0].split(", ")
    return values


def resolved(root, schema):
    while "$ref" in schema or "allOf" in schema:
        if "$ref" in schema:
            schema = at_path(root, schema["$ref"])
        else:
            schema = schema["allOf"][0]
    for inner in schema.get("anyOf", []):
        if inner.get("type") != "null":
            return {**resolved(root, inner), "nullable": takes_null(schema)}
    return schema


def at_path(root, reference):
    value = root
    for step in reference.removeprefix("#/").split("/"):
        value = value[step]
    return value


def is_list(root, schema):
    return resolved(root, schema).get("type") == "array"


def takes_null(schema):
    kind = schema.get("type")
    return (
        schema.get("nullable")
        or "null" in (kind if isinstance(kind, list) else [])
        or {"type": "null"} in schema.get("anyOf", [])
    )


def as_type(value, schema):
    """A number spelled in words is written as a number; other text is unchanged."""
    kind = schema.get("type")
    if isinstance(value, str) and kind in ("integer", "number") and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return json.loads(value)
    if kind == "string" and not isinstance(value, str):
        return json.dumps(value)
    return value


# Models quote and emphasise.
DRESSES = ["{}", "**{}**", '"{}"', "({})", "`{}`"]


def sentences(known):
    said = []
    for number, (name, values) in enumerate(known.items()):
        dress = DRESSES[number % len(DRESSES)]
        values = " and ".join(dress.format(value if isinstance(value, str) else written(value)) for value in values)
        said.append(f"The {name.replace('_', ' ')} is {values}.")
    return " ".join(said) or "Nothing was said."
