// The Vercel AI SDK, with its provider for OpenAI-compatible servers and with its provider for OpenAI.
//
// Usage: with_ai_sdk.mjs BASE_URL MODEL PEOPLE. It prints what the programs of ../python print: see scenarios.py.

import { readFileSync } from "node:fs";

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, Output, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";

// Its warning that any JSON object is asked for.
globalThis.AI_SDK_LOG_WARNINGS = false;

const [baseURL, modelName, path] = process.argv.slice(2);
const { callers } = JSON.parse(readFileSync(path, "utf8"));
const [ingrid, renee, siobhan, jose] = callers;
const apiKey = "key-of-the-caller";

const named = (settings) => createOpenAICompatible({ name: "masker", baseURL, apiKey, includeUsage: true, ...settings });
const compatible = named({ supportsStructuredOutputs: true })(modelName);
// Without it the SDK asks for any JSON object, and the prompt must describe its content.
const plainJson = named({ supportsStructuredOutputs: false })(modelName);
const official = createOpenAI({ baseURL, apiKey }).chat(modelName);

// No retries: a failure must be visible. The SDK discards a stream's error by default.
const common = () => {
  const errors = [];
  return { errors, settings: { maxRetries: 0, onError: ({ error }) => errors.push(error) } };
};
const system = "You answer the phone for a small clinic. Be brief and friendly.";

const said = (person, ...names) =>
  (names.length ? names : Object.keys(person)).map((name) => `${name}: ${person[name]}`).join("; ");

const Patient = z.object({
  patient: z.string().describe("First and last name."),
  birth_date: z.string(),
  phone: z.string(),
  email: z.string(),
});
const details = Object.keys(Patient.shape);
const Chart = z.object({ patient: z.string(), mrn: z.number().int() });
const CalendarEvent = z.object({
  doctor: z.string(),
  room: z.number(),
  attendees: z.array(z.object({ patient: z.string(), phone: z.string() })),
});
const Guest = z.object({ patient: z.string(), birth_date: z.string(), phone: z.string() });
const guest = `Answer in JSON.\n${said(siobhan, "patient", "birth_date", "phone")}`;
const visit = [
  "Please put this visit into the calendar.",
  `doctor: ${jose.patient}; room: 12`,
  said(renee, "patient", "phone"),
  said(siobhan, "patient", "phone"),
].join("\n");

// The tools of a clinic's desk, which record each call.
function desk(record, calls) {
  const noted = (name, result) => async (input) => {
    calls.push([name, input]);
    return result;
  };
  return {
    getPatient: tool({
      description: "Finds the record of a patient.",
      inputSchema: z.object({ patient: z.string() }),
      execute: noted("getPatient", record),
    }),
    sendSMS: tool({
      description: "Sends a text message.",
      inputSchema: z.object({ phone: z.string(), text: z.string() }),
      execute: noted("sendSMS", "sent"),
    }),
    transferCall: tool({
      description: "Transfers the call.",
      inputSchema: z.object({ patient: z.string(), mrn: z.number(), birth_date: z.string() }),
      execute: noted("transferCall", { ok: true }),
    }),
    endCall: tool({ description: "Ends the call.", inputSchema: z.object({}), execute: noted("endCall", null) }),
  };
}

function question(model, record, calls) {
  const prompt = `Text me, and then connect me.\npatient: ${ingrid.patient}; text: See you at ten.`;
  return { model, system, prompt, tools: desk(record, calls), stopWhen: stepCountIs(8) };
}

async function tools(model, record) {
  const calls = [];
  const { text, steps } = await generateText({ ...question(model, record, calls), maxRetries: 0 });
  return { calls, text, inputs: steps.flatMap((step) => step.toolCalls.map((call) => [call.toolName, call.input])) };
}

async function toolsStreamed(model, record) {
  const calls = [];
  const { errors, settings } = common();
  const { fullStream } = streamText({ ...question(model, record, calls), ...settings });
  let text = "";
  const deltas = {};
  const names = [];
  for await (const part of fullStream) {
    if (part.type === "text-delta") text += part.text;
    if (part.type === "tool-input-start") names.push(part.toolName);
    if (part.type === "tool-input-delta") deltas[part.id] = (deltas[part.id] ?? "") + part.delta;
    if (part.type === "tool-error") throw part.error;
  }
  if (errors.length) throw errors[0];
  return { calls, text, names, inputs: Object.values(deltas).map((json) => JSON.parse(json)) };
}

async function twoAtOnce(model) {
  const calls = [];
  const prompt = [
    "Text them both.",
    `${said(renee, "phone")}; text: See you at ten, ${renee.patient}.`,
    `${said(jose, "phone")}; text: See you at eleven, ${jose.patient}.`,
  ].join("\n");
  const { sendSMS } = desk(null, calls);
  const { text } = await generateText({ model, prompt, tools: { sendSMS }, stopWhen: stepCountIs(3), maxRetries: 0 });
  return { calls, text };
}

async function remembers(model) {
  const calls = [];
  const settings = { model, system, tools: desk(siobhan, calls), stopWhen: stepCountIs(8), maxRetries: 0 };
  const messages = [{ role: "user", content: `A visit please.\npatient: ${siobhan.patient}; text: See you at ten.` }];
  const first = await generateText({ ...settings, messages });
  messages.push(...first.response.messages, { role: "user", content: `And for my son.\npatient: ${jose.patient}` });
  const second = await generateText({ ...settings, messages });
  return { calls, texts: [first.text, second.text] };
}

async function object(model, schema, prompt) {
  return (await generateObject({ model, system, schema, schemaName: "CalendarEvent", prompt, maxRetries: 0 })).object;
}

async function outputOfText(model) {
  const output = Output.object({ schema: Patient });
  return (await generateText({ model, output, prompt: `Who is it?\n${said(siobhan, ...details)}`, maxRetries: 0 })).output;
}

async function objectStreamed(model, settings, prompt) {
  const { errors, settings: shared } = common();
  const answer = streamObject({ model, system, prompt, ...shared, ...settings });
  // Reported below, from the stream's own error.
  answer.object.catch(() => {});
  let partials = 0;
  let last;
  for await (const partial of answer.partialObjectStream) {
    if (!continues(last, partial)) throw new Error(`${JSON.stringify(last)} became ${JSON.stringify(partial)}`);
    last = partial;
    partials += 1;
  }
  if (errors.length) throw errors[0];
  return { last, came_in_parts: partials > 1, object: await answer.object };
}

// Received values may grow, but not change.
function continues(before, after) {
  if (before === undefined) return true;
  if (Array.isArray(before)) return before.every((value, at) => continues(value, after?.[at]));
  if (before && typeof before === "object") return Object.keys(before).every((name) => continues(before[name], after?.[name]));
  return typeof before === typeof after && String(after).startsWith(String(before));
}

async function text(model) {
  const { errors, settings } = common();
  let whole = "";
  for await (const piece of streamText({ model, prompt: `Say it again please.\n${said(jose)}`, ...settings }).textStream) whole += piece;
  if (errors.length) throw errors[0];
  return whole;
}

const everyone = `Who are they?\n${callers.map((person) => said(person, ...details)).join("\n")}`;
const scenarios = {
  "compatible: generateText with tools": () => tools(compatible, renee),
  "compatible: generateText with a tool that returns a text": () => tools(compatible, JSON.stringify(siobhan, null, 2)),
  "compatible: streamText with tools": () => toolsStreamed(compatible, jose),
  "compatible: two calls at once": () => twoAtOnce(compatible),
  "compatible: an agent remembers": () => remembers(compatible),
  "compatible: generateObject by a schema": () => object(compatible, CalendarEvent, visit),
  "compatible: generateObject of any JSON": () => object(plainJson, Guest, guest),
  "compatible: generateObject with a masked number": () => object(compatible, Chart, `Which chart is it?\n${said(renee, "patient", "mrn")}`),
  "compatible: streamObject by a schema": () => objectStreamed(compatible, { schema: CalendarEvent }, visit),
  "compatible: streamObject of any JSON": () => objectStreamed(plainJson, { schema: Guest }, guest),
  "compatible: streamText": () => text(compatible),
  "openai: generateText with tools": () => tools(official, siobhan),
  "openai: streamText with tools": () => toolsStreamed(official, renee),
  "openai: generateObject": () => object(official, CalendarEvent, visit),
  "openai: generateText with an output": () => outputOfText(official),
  "openai: streamObject": () => objectStreamed(official, { schema: CalendarEvent }, visit),
  "openai: streamObject of a list": () => objectStreamed(official, { output: "array", schema: Patient }, everyone),
  "openai: streamText": () => text(official),
};
const results = {};
for (const [name, scenario] of Object.entries(scenarios)) {
  try {
    results[name] = { got: await scenario() };
  } catch (error) {
    results[name] = { error: `${error} ${error.responseBody ?? error.text ?? ""}` };
  }
}
console.log(JSON.stringify(results));
