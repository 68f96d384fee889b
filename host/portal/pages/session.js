import { h, card, facts, marked, note, table } from "../dom.js";
import { get } from "../api.js";
import { kinds, millis, status, time } from "../format.js";

/** The texts of a request's messages, in order. */
function messages(body) {
  try {
    return (JSON.parse(body).messages ?? []).map((message) => ({
      role: message.role,
      text:
        typeof message.content === "string"
          ? message.content
          : (message.content ?? []).map((part) => part.text ?? "").join("\n"),
    }));
  } catch {
    return [];
  }
}

/** The text of a response, complete or streamed; the raw response if it has another shape. */
function spoken(response) {
  try {
    const events = response.startsWith("data:")
      ? response
          .split("\n")
          .filter((line) => line.startsWith("data: {"))
          .map((line) => JSON.parse(line.slice(6)))
      : [JSON.parse(response)];
    const text = events
      .map((event) => event.choices?.[0]?.message?.content ?? event.choices?.[0]?.delta?.content ?? "")
      .join("");
    return text || response;
  } catch {
    return response;
  }
}

/** A masked text with its tokens highlighted. */
function tokens(text) {
  const spans = [];
  for (const match of text.matchAll(
    /MSK(?:V1|1)\.[A-Z0-9_]+\.[A-Z0-9_]+\.[A-Z2-7]+|\[REDACTED:[A-Z0-9_]+\]|\[[A-Z][A-Z0-9_]*_[0-9A-Za-z]+\]/g,
  )) {
    const start = Array.from(text.slice(0, match.index)).length;
    spans.push([start, start + Array.from(match[0]).length, "seen by the model"]);
  }
  return marked(text, spans);
}

function texts(session) {
  const { request, masked, response } = session.payloads;
  if (!request && !masked) {
    return card(
      "What was said",
      h(
        "p",
        {},
        "Texts are not stored. To see them here, set ",
        h("code", {}, "audit.log_payloads: true"),
        " in the agent's policy and ",
        h("code", {}, "MASKER_PAYLOAD_RETENTION_DAYS"),
        ". They are then encrypted on disk and shown only here. The findings below are always stored, without the values.",
      ),
    );
  }
  const said = messages(request ?? "{}"),
    seen = messages(masked ?? "{}");
  const spans = (at) =>
    session.events
      .filter((event) => event.message === at && event.span && event.field === "content")
      .map((event) => [...event.span, event.entity_kind]);
  const sides = said.map((message, at) => [
    h("div", {}, h("h3", {}, `${message.role} said`), h("pre", { tabindex: "0" }, marked(message.text, spans(at)))),
    h("div", {}, h("h3", {}, "the model received"), h("pre", { tabindex: "0" }, tokens(seen[at]?.text ?? ""))),
  ]);
  return card(
    "What was said, and what the model received",
    h(
      "div",
      { class: "stack" },
      sides.map(([left, right]) => h("div", { class: "two" }, left, right)),
      response && h("div", {}, h("h3", {}, "the caller heard"), h("pre", { tabindex: "0" }, spoken(response))),
      session.payloads.truncated && note("", "A text was truncated because it was too long to store."),
    ),
  );
}

export default async function page({ id }) {
  const { session } = await get(`/api/v1/sessions/${encodeURIComponent(id)}`);
  const stages = session.stage_durations_ms;
  const report = (format) =>
    h(
      "a",
      {
        class: "button",
        href: `/api/v1/sessions/${id}/report?format=${format}`,
        download: `masker-session-${id}.${format}`,
      },
      `Report, ${format.toUpperCase()}`,
    );
  const rows = session.events.map((event) => [
    event.entity_kind ?? "media",
    event.field ?? "",
    event.message ?? "",
    event.span ? `${event.span[0]}–${event.span[1]}` : "",
    event.pass ?? "",
    event.confidence?.toFixed(2) ?? "",
    event.action ?? "",
    event.token_kind ?? "",
    event.rehydrated ? h("span", { class: "good" }, "restored") : h("span", { class: "muted" }, "absent"),
  ]);
  return {
    title: `Turn of ${session.agent_name}`,
    crumb: ["/portal/sessions", "Sessions"],
    actions: [report("pdf"), report("json")],
    body: [
      session.rehydration_failures > 0 &&
        note(
          "bad",
          `${session.rehydration_failures} tokens in the response did not resolve. The caller heard the policy's fallback instead.`,
        ),
      session.failed_passes.length > 0 &&
        note(
          "bad",
          `Failed: ${session.failed_passes.map((pass) => `${pass.pass} (${pass.fault}, ${pass.outcome})`).join(", ")}`,
        ),
      card(
        "Overview",
        facts([
          ["Outcome", status(session.status)],
          ["Started", time(session.started_at)],
          ["Duration", millis(session.duration_ms)],
          ["Model", session.upstream_model],
          ["Policy", `${session.policy_name} version ${session.policy_version}`],
          ["Masked", h("span", {}, kinds(session.redactions_by_kind))],
          [
            "Call",
            session.call_id &&
              h("a", { class: "mono", href: `/portal/sessions?since=90d&call_id=${session.call_id}` }, session.call_id),
          ],
          ["Id", h("span", { class: "mono" }, session.id)],
          ["Merkle root", h("span", { class: "mono" }, session.merkle_root_hex ?? "not yet")],
        ]),
      ),
      card(
        "Duration by stage",
        h(
          "div",
          { class: "tiles" },
          [
            ["detection", "detection"],
            ["tokenize", "masking"],
            ["upstream", "LLM provider"],
            ["rehydrate", "restoring"],
          ].map(([name, label]) => h("div", { class: "tile" }, h("b", {}, millis(stages[name])), h("span", {}, label))),
        ),
      ),
      texts(session),
      card(
        "Findings",
        rows.length
          ? table(
              "Findings",
              ["Kind", "Field", "#Message", "#Characters", "Pass", "#Confidence", "Action", "Token", "In the response"],
              rows,
            )
          : h("p", { class: "muted" }, "Nothing was masked in this turn."),
      ),
    ],
  };
}
