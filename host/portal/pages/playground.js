import { h, card, field, marked, note, table } from "../dom.js";
import { all, post } from "../api.js";

/** A text with its findings, and the masked text that the model would receive. */
export function findings(text, { masked, events }) {
  const spans = events
    .filter((event) => event.span)
    .map((event) => [...event.span, `${event.entity_kind}, found by ${event.pass}`]);
  const rows = events.map((event) => [
    event.entity_kind ?? "media",
    event.pass,
    event.confidence?.toFixed(2) ?? "",
    event.action,
    h("span", { class: "mono" }, event.replacement ?? ""),
  ]);
  return h(
    "div",
    { class: "stack" },
    h("div", {}, h("h3", {}, "Detected"), h("pre", { tabindex: "0" }, marked(text, spans))),
    h(
      "div",
      {},
      h("h3", {}, "The model receives"),
      h("pre", { tabindex: "0" }, typeof masked === "string" ? masked : JSON.stringify(masked, null, 2)),
    ),
    rows.length
      ? table("Findings", ["Kind", "Pass", "#Confidence", "Action", "Replacement"], rows)
      : h("p", { class: "muted" }, "This policy masks nothing in this text."),
  );
}

const SAMPLE =
  "Hi, this is Maria Gonzalez. My date of birth is march fourteenth nineteen eighty two,\nyou can reach me at four one five five five five oh one three four,\nand my member id is W 8 8 4 1 2 0 0 9.";

export default async function playground() {
  const names = [...new Set((await all("/api/v1/policies")).map((policy) => policy.name))];
  const choice = (name, more) =>
    h(
      "select",
      { name },
      more,
      names.map((option) => h("option", { value: option, selected: option === "healthcare-default" && !more }, option)),
    );
  const out = h("div", { role: "status", "aria-live": "polite" });
  const form = h(
    "form",
    {
      class: "stack",
      onsubmit: async (event) => {
        event.preventDefault();
        const { text, policy, other } = Object.fromEntries(new FormData(form));
        try {
          const chosen = [policy, ...(other ? [other] : [])];
          const results = await Promise.all(chosen.map((policy_name) => post("/api/v1/mask", { text, policy_name })));
          out.replaceChildren(
            h(
              "div",
              { class: chosen.length > 1 ? "two" : "stack" },
              results.map((result, at) => card(chosen[at], findings(text, result))),
            ),
          );
        } catch (error) {
          out.replaceChildren(note("bad", error.message));
        }
      },
    },
    field(
      "Transcript",
      h("textarea", { name: "text", rows: 7, required: true, value: SAMPLE }),
      "The text is sent only to this Masker server and is not stored.",
    ),
    h(
      "div",
      { class: "filters" },
      field("Policy", choice("policy")),
      field("Compare with", choice("other", h("option", { value: "" }, "none"))),
      h("div", {}, h("button", { class: "first" }, "Mask")),
    ),
  );
  return { title: "Playground", body: [card(null, form), out] };
}
