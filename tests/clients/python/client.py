"""Drives a base URL with the official Python client and checks that every answer is whole.

Usage: client.py BASE_URL MODEL CONVERSATION. The model behind the URL says the last message back, in text or in the
arguments of the first tool (masker-fake-upstream --echo), so what must come back is known to the byte.
"""

import json
import sys

import openai


def main():
    base_url, model, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        conversation = json.load(file)
    with_result = conversation["history"] + [conversation["tool_result"]]
    whole_call = with_result + conversation["last"]
    # No retries: a failure must be visible.
    client = openai.OpenAI(base_url=base_url, api_key="key-of-the-caller", max_retries=0, timeout=60)
    said = "You said: " + conversation["last"][-1]["content"]
    result = "You said: " + conversation["tool_result"]["content"]
    tools = conversation["tools"]
    checks = {
        "a plain completion is whole": lambda: plain(client, model, whole_call, said),
        "a streamed completion is whole": lambda: streamed(client, model, whole_call, said),
        "a plain answer to a tool's result is whole": lambda: plain(client, model, with_result, result),
        "a streamed answer to a tool's result is whole": lambda: streamed(client, model, with_result, result),
        "a streamed tool call is whole": lambda: tool_call(client, model, whole_call, tools),
    }
    failed = 0
    for name, check in checks.items():
        try:
            check()
            print(f"ok      python: {name}")
        except Exception as error:  # noqa: BLE001: whatever it is, it is this check's failure
            failed += 1
            print(f"FAILED  python: {name}: {type(error).__name__}: {error}")
    sys.exit(1 if failed else 0)


def plain(client, model, messages, expected):
    answer = client.chat.completions.create(model=model, messages=messages)
    equal(answer.choices[0].message.content, expected)
    equal(answer.choices[0].finish_reason, "stop")


def streamed(client, model, messages, expected):
    stream = client.chat.completions.create(
        model=model, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    text, finish, usage = "", None, None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    equal(text, expected)
    equal(finish, "stop")
    equal(usage is not None, True)


def tool_call(client, model, messages, tools):
    stream = client.chat.completions.create(model=model, messages=messages, tools=tools, stream=True)
    name, arguments, ids, finish = "", "", [], None
    for chunk in stream:
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                ids += [call.id] if call.id else []
                name += call.function.name or ""
                arguments += call.function.arguments or ""
    # Clients concatenate the name, so it must come once.
    equal(name, tools[0]["function"]["name"])
    equal(len(ids), 1)
    equal(finish, "tool_calls")
    said = messages[-1]["content"]
    names = tools[0]["function"]["parameters"]["properties"]
    equal(json.loads(arguments), {name: said for name in names})


def equal(got, expected):
    if got != expected:
        raise AssertionError(f"got {got!r}, expected {expected!r}")


main()
