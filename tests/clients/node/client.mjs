// Drives a base URL with the official Node client and checks that every answer is whole.
//
// Usage: client.mjs BASE_URL MODEL CONVERSATION. The model behind the URL repeats the last message, in text or in the
// arguments of the first tool (masker-fake-upstream --echo), so the expected result is known to the byte.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import OpenAI from "openai";

const [baseURL, model, path] = process.argv.slice(2);
const conversation = JSON.parse(readFileSync(path, "utf8"));
const withResult = [...conversation.history, conversation.tool_result];
const wholeCall = [...withResult, ...conversation.last];
const said = "You said: " + conversation.last.at(-1).content;
const result = "You said: " + conversation.tool_result.content;
const tools = conversation.tools;

// No retries: a failure must be visible.
const client = new OpenAI({ baseURL, apiKey: "key-of-the-caller", maxRetries: 0, timeout: 60_000 });

async function plain(messages, expected) {
  const answer = await client.chat.completions.create({ model, messages });
  assert.equal(answer.choices[0].message.content, expected);
  assert.equal(answer.choices[0].finish_reason, "stop");
}

async function streamed(messages, expected) {
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let finish = null;
  let usage = null;
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    for (const choice of chunk.choices) {
      text += choice.delta.content ?? "";
      finish = choice.finish_reason ?? finish;
    }
  }
  assert.equal(text, expected);
  assert.equal(finish, "stop");
  assert.notEqual(usage, null);
}

async function toolCall(messages) {
  // The client's own accumulator, which is stricter than a loop of ours.
  const stream = client.chat.completions.stream({ model, messages, tools });
  const answer = await stream.finalChatCompletion();
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  const calls = answer.choices[0].message.tool_calls;
  assert.equal(calls.length, 1);
  assert.equal(calls[0].function.name, tools[0].function.name);
  const names = Object.keys(tools[0].function.parameters.properties);
  const expected = Object.fromEntries(names.map((name) => [name, messages.at(-1).content]));
  assert.deepEqual(JSON.parse(calls[0].function.arguments), expected);
}

const checks = {
  "a plain completion is whole": () => plain(wholeCall, said),
  "a streamed completion is whole": () => streamed(wholeCall, said),
  "a plain answer to a tool's result is whole": () => plain(withResult, result),
  "a streamed answer to a tool's result is whole": () => streamed(withResult, result),
  "a streamed tool call is whole": () => toolCall(wholeCall),
};
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      node: ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED  node: ${name}: ${String(error).replaceAll("\n", " ")}`);
  }
}
