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
        out.replaceChildren(h("p", { class: "muted" }, "Every line is checked…"));
        try {
          const found = await post("/api/v1/audit/verify");
          out.replaceChildren(
            found.ok
              ? h(
                  "div",
                  { class: "stack" },
                  note("good", `The chain is whole: ${number(found.event_count)} events.`),
                  facts([
                    ["First hash", h("span", { class: "mono" }, found.start_hash ?? "")],
                    ["Last hash", h("span", { class: "mono" }, found.end_hash ?? "")],
                  ]),
                  h(
                    "p",
                    { class: "hint" },
                    "Keep the last hash elsewhere: a journal that was cut at its end has another one.",
                  ),
                )
              : note(
                  "bad",
                  `The chain is broken. ${found.message}. ${number(found.event_count)} events before it are sound.`,
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
            "Every call, every masked value (never the value itself), every change, in one chain of hashes. A line that is changed, removed or moved is found.",
          ),
          h(
            "div",
            { class: "row" },
            verify,
            h("a", { class: "button", href: "/api/v1/audit/export", download: "masker-journal.jsonl" }, "Export"),
          ),
          out,
          h("p", {}, "Offline, on the machine or elsewhere with the key:"),
          copyable("masker audit verify --log masker-data/audit.jsonl --key masker-data/keys/MASKER_AUDIT_HMAC_KEY"),
        ),
      ),
      card(
        "Compliance report of the account",
        h(
          "div",
          { class: "stack" },
          h(
            "p",
            {},
            "Signed figures for an auditor: coverage of the eighteen identifiers, incidents, retention, agreements. Reports of one agent or one turn are on their pages.",
          ),
          h("div", { class: "filters" }, field("Time", since)),
          links,
        ),
      ),
    ],
  };
}
