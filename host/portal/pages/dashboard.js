import { h, card, copyable, empty } from "../dom.js";
import { get } from "../api.js";
import { bars, columns } from "../chart.js";
import { kinds, millis, number, status, time } from "../format.js";

/** The last seven days in columns of four hours: a label and the masked values by kind. */
function byFourHours(hours) {
  const four = 4 * 3600e3,
    now = Date.now(),
    begins = Math.floor(now / four) * four - 41 * four;
  const slots = new Map();
  for (const hour of hours) {
    const slot = Math.floor(Date.parse(hour.begins_at) / four) * four;
    slots.set(slot, sum([slots.get(slot) ?? {}, hour.redactions_by_kind]));
  }
  const label = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
  return Array.from({ length: 42 }, (_, at) => begins + at * four).map((slot) => [
    label.format(slot),
    slots.get(slot) ?? {},
  ]);
}

function sum(counts) {
  const all = {};
  for (const one of counts) for (const [kind, count] of Object.entries(one)) all[kind] = (all[kind] ?? 0) + count;
  return all;
}

function first(me) {
  return card(
    null,
    empty(
      "No agents yet",
      h(
        "p",
        {},
        "An agent represents one voice assistant whose LLM calls go through Masker. Create one, and paste its URL into the LLM settings of the assistant.",
      ),
      h("p", {}, h("a", { class: "button first", href: "/portal/agents?new" }, "Create agent")),
      h(
        "p",
        { class: "small" },
        "To see what is detected in a text, open the ",
        h("a", { href: "/portal/playground" }, "playground"),
        ", or run in a terminal:",
      ),
      copyable("echo 'My name is Jane Doe, call me at 415-555-0134' | masker mask"),
    ),
  );
}

export default async function dashboard({ me }) {
  const [{ stats }, health, plugins, recent] = await Promise.all([
    get("/api/v1/stats"),
    get("/health"),
    get("/api/v1/plugins?limit=100"),
    get("/api/v1/sessions?limit=6&since=7d"),
  ]);
  if (stats.agents === 0 && recent.data.length === 0)
    return { title: "Dashboard", body: [first(me), state(health, plugins)] };
  const byKind = sum(stats.hours.map((hour) => hour.redactions_by_kind));
  return {
    title: "Dashboard",
    actions: [h("a", { class: "button", href: "/portal/agents?new" }, "New agent")],
    body: [
      h(
        "div",
        { class: "tiles" },
        tile(number(stats.session_count_24h), "turns, 24 hours"),
        tile(number(stats.redaction_count_24h), "values masked, 24 hours"),
        tile(millis(stats.p50_latency_ms), "added latency, median"),
        tile(millis(stats.p95_latency_ms), "added latency, p95"),
        tile(number(stats.agents), "agents"),
      ),
      card(
        "Values masked, last seven days",
        columns("Values masked by kind, four hours per column", byFourHours(stats.hours)),
      ),
      h(
        "div",
        { class: "two" },
        card(
          "By kind, last seven days",
          Object.keys(byKind).length
            ? bars("Values masked by kind", byKind)
            : h("p", { class: "muted" }, "No values were masked in the last seven days."),
        ),
        state(health, plugins),
      ),
      card(
        h("span", {}, "Recent turns"),
        recent.data.length === 0
          ? h("p", { class: "muted" }, "No calls in the last seven days.")
          : h(
              "div",
              { class: "stack" },
              recent.data.map((session) =>
                h(
                  "div",
                  { class: "row" },
                  h("a", { href: `/portal/sessions/${session.id}` }, session.agent_name),
                  time(session.started_at),
                  status(session.status),
                  h("span", {}, kinds(session.redactions_by_kind)),
                ),
              ),
            ),
        h("p", {}, h("a", { href: "/portal/sessions" }, "All sessions")),
      ),
    ],
  };
}

function tile(figure, label) {
  return h("div", { class: "tile" }, h("b", {}, figure), h("span", {}, label));
}

function state(health, plugins) {
  const words = {
    db: "Database",
    vault: "Vault",
    audit_log: "Journal",
    upstream: "LLM provider",
    ner_model: "Names model",
    plugins: "Plugins",
    retention: "Retention",
  };
  const rows = Object.entries(health.components).map(([name, word]) =>
    h("div", { class: "row" }, h("span", {}, words[name] ?? name), status(word)),
  );
  const failing = plugins.data.filter((plugin) => plugin.failures > 0);
  return card(
    "Health",
    h(
      "div",
      { class: "stack" },
      h("div", { class: "row" }, rows),
      failing.length
        ? h(
            "p",
            {},
            "Failures: ",
            failing.map((plugin) => `${plugin.name} ${number(plugin.failures)} of ${number(plugin.calls)}`).join(", "),
          )
        : h("p", { class: "muted" }, "No plugin has failed since the last start."),
      h("p", { class: "small muted" }, `Masker ${health.version}, commit ${health.build.commit}`),
    ),
  );
}
