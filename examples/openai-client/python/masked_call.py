"""One turn of a call through Masker with the official Python client: a streamed answer, then a tool call.

    pip install -r requirements.txt
    python masked_call.py PROXY_BASE_URL [MODEL]

PROXY_BASE_URL is the agent's `proxy_base_url`; MODEL is the model of its upstream, `stub` unless given.
"""

import json
import sys

from openai import OpenAI

SAID = "This is Ingrid Halvorsen, born on March 14, 1962. Call me back at (312) 555-0147, please."
TOOL = {
    "type": "function",
    "function": {
        "name": "book_callback",
        "description": "Books a callback.",
        "parameters": {
            "type": "object",
            "properties": {"note": {"type": "string", "description": "Who to call, and where."}},
            "required": ["note"],
        },
    },
}


def main():
    if len(sys.argv) < 2:
        # Without a base URL the client would send the text to its own default, unmasked.
        sys.exit("usage: masked_call.py PROXY_BASE_URL [MODEL]")
    base_url = sys.argv[1]
    model = sys.argv[2] if len(sys.argv) > 2 else "stub"
    # The agent's id in the URL authorises the request. With MASKER_OPENAI_API_KEY set, this key is not used.
    client = OpenAI(base_url=base_url, api_key="not-used-by-the-stub")
    messages = [
        {"role": "system", "content": "You answer the phone for a small clinic."},
        {"role": "user", "content": SAID},
    ]
    # The name of the phone call: a value masked once in a call is masked throughout it.
    call = {"Masker-Session-Id": "example-call-1"}

    stream = client.chat.completions.create(model=model, messages=messages, stream=True, extra_headers=call)
    for chunk in stream:
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()

    answer = client.chat.completions.create(
        model=model,
        messages=messages,
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "book_callback"}},
        extra_headers=call,
    )
    function = answer.choices[0].message.tool_calls[0].function
    print(f"Tool call: {function.name}({json.loads(function.arguments)})")


main()
