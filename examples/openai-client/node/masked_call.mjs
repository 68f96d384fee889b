// One turn of a call through Masker with the official Node client: a streamed answer, then a tool call.
//
//     npm install
//     node masked_call.mjs PROXY_BASE_URL [MODEL]
//
// PROXY_BASE_URL is the agent's `proxy_base_url`; MODEL is the model of its upstream, `stub` unless given.

import OpenAI from "openai";

const [baseURL, model = "stub"] = process.argv.slice(2);
if (!baseURL) {
  // Without a base URL the client would send the text to its own default, unmasked.
  console.error("usage: masked_call.mjs PROXY_BASE_URL [MODEL]");
  process.exit(64);
}
const said = "This is Ingrid Halvorsen, born on March 14, 1962. Call me back at (312) 555-0147, please.";
const tool = {
  type: "function",
  function: {
    name: "book_callback",
    description: "Books a callback.",
    parameters: {
      type: "object",
      properties: { note: { type: "string", description: "Who to call, and where." } },
      required: ["note"],
    },
  },
};

// The agent's id in the URL authorises the request. With MASKER_OPENAI_API_KEY set, this key is not used.
const client = new OpenAI({ baseURL, apiKey: "not-used-by-the-stub" });
const messages = [
  { role: "system", content: "You answer the phone for a small clinic." },
  { role: "user", content: said },
];
// The name of the phone call: a value masked once in a call is masked throughout it.
const options = { headers: { "Masker-Session-Id": "example-call-1" } };

const stream = await client.chat.completions.create({ model, messages, stream: true }, options);
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
process.stdout.write("\n");

const answer = await client.chat.completions.create(
  { model, messages, tools: [tool], tool_choice: { type: "function", function: { name: "book_callback" } } },
  options,
);
const call = answer.choices[0].message.tool_calls[0].function;
console.log(`Tool call: ${call.name}(${JSON.stringify(JSON.parse(call.arguments))})`);
