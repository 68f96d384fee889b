import { h, card, copyable, empty, field, table } from "../dom.js";
import { all, get } from "../api.js";
import { kinds, millis, number, status, time } from "../format.js";
import { go } from "../app.js";

const SINCE = [
  ["1h", "hour"],
  ["24h", "24 hours"],
  ["7d", "7 days"],
  ["30d", "30 days"],
  ["90d", "90 days"],
];

function row(session) {
  return [
    time(session.started_at),
    h("a", { href: `/portal/sessions/${session.id}` }, session.agent_name),
    session.call_id
      ? h(
          "a",
          {
            class: "mono",
            href: `/portal/sessions?since=90d&call_id=${encodeURIComponent(session.call_id)}`,
            title: "All turns of this call",
          },
          session.call_id.slice(0, 8),
        )
      : h("span", { class: "muted" }, "–"),
    status(session.status),
    h("span", {}, kinds(session.redactions_by_kind)),
    number(session.redaction_count),
    millis(session.duration_ms),
    session.upstream_model,
  ];
}

export default async function sessions({ query }) {
  const asked = Object.fromEntries(
    ["since", "agent_id", "status", "min_redactions", "call_id", "cursor"].map((name) => [name, query.get(name) ?? ""]),
  );
  const parameters = new URLSearchParams(
    Object.entries({ since: "24h", ...asked, limit: "50" }).filter(([, value]) => value !== ""),
  );
  if (!parameters.has("since")) parameters.set("since", "24h");
  const [page, agents] = await Promise.all([get(`/api/v1/sessions?${parameters}`), all("/api/v1/agents")]);
  const option = (value, label, current) => h("option", { value, selected: value === current }, label);
  const form = h(
    "form",
    {
      class: "filters",
      onsubmit: (event) => {
        event.preventDefault();
        go(`/portal/sessions?${new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""))}`);
      },
    },
    field(
      "Since",
      h(
        "select",
        { name: "since" },
        SINCE.map(([value, label]) => option(value, `last ${label}`, asked.since || "24h")),
      ),
    ),
    field(
      "Agent",
      h(
        "select",
        { name: "agent_id" },
        option("", "all", asked.agent_id),
        agents.map((agent) => option(agent.id, agent.name, asked.agent_id)),
      ),
    ),
    field(
      "Outcome",
      h(
        "select",
        { name: "status" },
        option("", "all", asked.status),
        ["ok", "error", "partial"].map((word) => option(word, word, asked.status)),
      ),
    ),
    field(
      "Minimum values masked",
      h("input", { name: "min_redactions", type: "number", min: 0, value: asked.min_redactions }),
    ),
    field("Call", h("input", { name: "call_id", value: asked.call_id, placeholder: "platform call id" })),
    h("div", {}, h("button", {}, "Filter")),
  );
  const titles = ["Started", "Agent", "Call", "Outcome", "Masked", "#Values", "#Duration", "Model"];
  const list = h(
    "div",
    {},
    page.data.length
      ? table("Sessions", titles, page.data.map(row))
      : empty(
          "No matching sessions",
          h("p", {}, "Choose a longer period, or make a call through one of your agents:"),
          agents[0] &&
            copyable(
              `curl ${agents[0].proxy_url} -H 'content-type: application/json' -d '{"messages": [{"role": "user", "content": "I am Jane Doe"}]}'`,
            ),
        ),
  );
  // Live view: adds sessions at the top as they end.
  let source = null;
  const live = h(
    "button",
    {
      type: "button",
      "aria-pressed": "false",
      onclick: () => {
        if (source) {
          source.close();
          source = null;
        } else {
          source = new EventSource("/api/v1/sessions/stream");
          source.addEventListener("session", (event) => {
            const session = JSON.parse(event.data);
            if (asked.agent_id && session.agent_id !== asked.agent_id) return;
            let body = list.querySelector("tbody");
            if (!body) {
              list.replaceChildren(table("Sessions", titles, []));
              body = list.querySelector("tbody");
            }
            body.prepend(...table("", titles, [row(session)]).querySelectorAll("tbody tr"));
            while (body.children.length > 200) body.lastChild.remove();
          });
        }
        live.setAttribute("aria-pressed", String(source !== null));
        live.textContent = source ? "Stop live view" : "Live";
      },
    },
    "Live",
  );
  const more =
    page.next_cursor &&
    new URLSearchParams(
      [...parameters].filter(([name]) => name !== "limit" && name !== "cursor").concat([["cursor", page.next_cursor]]),
    );
  return {
    title: asked.call_id ? "Turns of a call" : "Sessions",
    actions: [live],
    body: [
      card(null, form),
      card(null, list),
      more && h("p", {}, h("a", { class: "button", href: `/portal/sessions?${more}` }, "Older")),
    ],
    onleave: () => source?.close(),
  };
}
