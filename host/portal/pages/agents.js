import { h, card, empty, table } from "../dom.js";
import { get } from "../api.js";
import { number, time } from "../format.js";
import { go } from "../app.js";
import { agentForm } from "./agent.js";

export default async function agents({ query }) {
  if (query.has("new")) {
    return { title: "New agent", crumb: ["/portal/agents", "Agents"], body: [card(null, await agentForm(null))] };
  }
  const cursor = query.get("cursor"),
    name = query.get("name") ?? "";
  const page = await get(
    `/api/v1/agents?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}${name ? `&name_contains=${encodeURIComponent(name)}` : ""}`,
  );
  const search = h(
    "form",
    {
      class: "row",
      role: "search",
      onsubmit: (event) => {
        event.preventDefault();
        go(`/portal/agents?name=${encodeURIComponent(search.elements.name.value)}`);
      },
    },
    h("input", {
      name: "name",
      type: "search",
      placeholder: "Part of a name",
      "aria-label": "Part of a name",
      value: name,
    }),
    h("button", {}, "Search"),
  );
  const rows = page.data.map((agent) => [
    h("a", { href: `/portal/agents/${agent.id}` }, agent.name),
    agent.platform,
    agent.upstream,
    `${agent.policy_name} v${agent.policy_version}`,
    number(agent.session_count_24h),
    time(agent.created_at),
  ]);
  return {
    title: "Agents",
    actions: [h("a", { class: "button first", href: "/portal/agents?new" }, "New agent")],
    body:
      page.data.length === 0 && !name
        ? [
            card(
              null,
              empty(
                "No agents yet",
                h(
                  "p",
                  {},
                  "An agent represents one voice assistant: its model, its policy, and the URL that the voice platform calls.",
                ),
              ),
            ),
          ]
        : [
            h("div", {}, search),
            card(
              null,
              rows.length
                ? table("Agents", ["Name", "Platform", "Model", "Policy", "#Turns, 24 h", "Created"], rows)
                : empty("No matching agents"),
            ),
            page.next_cursor &&
              h(
                "p",
                {},
                h(
                  "a",
                  {
                    class: "button",
                    href: `/portal/agents?cursor=${encodeURIComponent(page.next_cursor)}&name=${encodeURIComponent(name)}`,
                  },
                  "More",
                ),
              ),
          ],
  };
}
