import { h, card, copyable, facts, field, note } from "../dom.js";
import { post } from "../api.js";
import { number } from "../format.js";

export default async function journal() {
  const out = h("div", { role: "status", "aria-live": "polite" });
  const verify = h(
    "button",
    {
      class: "first",
      onclick: async () => {
        verify.disabled = true;
        out.replaceChildren(h("p", { class: "muted" }, "Verifying every line…"));
        try {
          const found = await post("/api/v1/audit/verify");
          out.replaceChildren(
            found.ok
              ? h(
                  "div",
                  { class: "stack" },
                  note("good", `The journal is intact: ${number(found.event_count)} events.`),
                  facts([
                    ["First hash", h("span", { class: "mono" }, found.start_hash ?? "")],
                    ["Last hash", h("span", { class: "mono" }, found.end_hash ?? "")],
                  ]),
                  h(
                    "p",
                    { class: "hint" },
                    "Store the last hash elsewhere: a truncated journal ends with a different hash.",
                  ),
                )
              : note(
                  "bad",
                  `The journal is broken: ${found.message}. The ${number(found.event_count)} events before that point are intact.`,
                ),
          );
        } catch (error) {
          out.replaceChildren(note("bad", error.message));
        } finally {
          verify.disabled = false;
        }
      },
    },
    "Verify",
  );
  const since = h(
    "select",
    { name: "since" },
    [
      ["24h", "24 hours"],
      ["7d", "7 days"],
      ["30d", "30 days"],
      ["90d", "90 days"],
    ].map(([value, label]) => h("option", { value, selected: value === "7d" }, `last ${label}`)),
  );
  const links = h("div", { class: "row" });
  const draw = () =>
    links.replaceChildren(
      ...["pdf", "json"].map((format) =>
        h(
          "a",
          {
            class: "button",
            href: `/api/v1/reports?since=${since.value}&format=${format}`,
            download: `masker-account.${format}`,
          },
          `Report, ${format.toUpperCase()}`,
        ),
      ),
    );
  since.addEventListener("change", draw);
  draw();
  return {
    title: "Journal and reports",
    body: [
      card(
        "Journal",
        h(
          "div",
          { class: "stack" },
          h(
            "p",
            {},
            "A hash chain that records every call, every change and every masked value (never the value itself). Verification detects lines that were changed, removed or moved.",
          ),
          h(
            "div",
            { class: "row" },
            verify,
            h("a", { class: "button", href: "/api/v1/audit/export", download: "masker-journal.jsonl" }, "Export"),
          ),
          out,
          h("p", {}, "To verify offline, on this machine or elsewhere with the key:"),
          copyable("masker audit verify --log masker-data/audit.jsonl --key masker-data/keys/MASKER_AUDIT_HMAC_KEY"),
        ),
      ),
      card(
        "Compliance report for the account",
        h(
          "div",
          { class: "stack" },
          h(
            "p",
            {},
            "A signed report for auditors: coverage of the eighteen identifiers, incidents, retention and agreements. Reports for a single agent or turn are on their pages.",
          ),
          h("div", { class: "filters" }, field("Period", since)),
          links,
        ),
      ),
    ],
  };
}
