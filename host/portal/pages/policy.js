import { h, card, field, note, table } from "../dom.js";
import { get, post, put, send } from "../api.js";
import { time } from "../format.js";
import { go } from "../app.js";
import { findings } from "./playground.js";

/** A line diff of two texts: unchanged, removed and added lines (longest common subsequence). */
function diff(before, after) {
  const a = before.split("\n"),
    b = after.split("\n");
  const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  const out = [];
  let i = 0,
    j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push(["", `  ${a[i]}`]);
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && longest[i + 1][j] >= longest[i][j + 1]))
      out.push(["minus", `- ${a[i++]}`]);
    else out.push(["plus", `+ ${b[j++]}`]);
  }
  return out;
}

export default async function page({ id, query }) {
  const { policy } = await get(`/api/v1/policies/${encodeURIComponent(id)}`);
  const isCopy = query.has("copy") || policy.source === "built-in" || policy.source === "file";
  const start = isCopy ? policy.policy_yaml.replace(/^name: .*/m, `name: my-${policy.name}`) : policy.policy_yaml;
  const verdict = h("div", { role: "status", "aria-live": "polite" });
  const editor = h("textarea", { rows: 26, spellcheck: "false", name: "yaml", value: start });
  const text = h("textarea", {
    rows: 3,
    name: "text",
    value: "Hi, this is Maria Gonzalez, born March 3rd 1971, my number is 415-555-0134.",
  });
  const tried = h("div", { role: "status" });
  let waiting = 0;
  const check = async () => {
    const turn = ++waiting;
    const result = await send("POST", "/api/v1/policies/validate", editor.value, "application/yaml");
    if (turn !== waiting) return;
    verdict.replaceChildren(
      result.valid
        ? note("good", "This policy is valid.")
        : note(
            "bad",
            h(
              "ul",
              {},
              result.errors.map((error) =>
                h(
                  "li",
                  {},
                  h("code", {}, error.path || "the document"),
                  error.line ? ` (line ${error.line})` : "",
                  `: ${error.message}`,
                ),
              ),
            ),
          ),
    );
  };
  editor.addEventListener("input", () => {
    clearTimeout(editor.timer);
    editor.timer = setTimeout(() => check().catch(() => {}), 250);
  });
  const name = () => /^name:\s*([^\s#]+)/m.exec(editor.value)?.[1] ?? policy.name;
  const save = h(
    "button",
    {
      class: "first",
      onclick: async () => {
        try {
          await put(`/api/v1/policies/${encodeURIComponent(name())}`, editor.value, "application/yaml");
          if (name() === policy.name) go(`/portal/policies/${encodeURIComponent(name())}?saved`);
          else go(`/portal/policies/${encodeURIComponent(name())}`);
        } catch (error) {
          verdict.replaceChildren(
            note(
              "bad",
              h("p", {}, error.message),
              h(
                "ul",
                {},
                error.details.map((detail) => h("li", {}, `${detail.field || "the document"}: ${detail.message}`)),
              ),
            ),
          );
        }
      },
    },
    isCopy ? "Save as new policy" : "Save new version",
  );
  const compare = h("div");
  const versions = policy.versions.map((version) => [
    version.version,
    time(version.created_at),
    h(
      "button",
      {
        class: "plain",
        onclick: async () => {
          const old = (await get(`/api/v1/policies/${encodeURIComponent(policy.name)}?version=${version.version}`))
            .policy.policy_yaml;
          compare.replaceChildren(
            h("h3", {}, `Changes from version ${version.version} to the editor`),
            h(
              "pre",
              { class: "diff", tabindex: "0" },
              diff(old, editor.value).map(([kind, line]) => h("span", { class: kind }, `${line}\n`)),
            ),
          );
        },
      },
      "compare",
    ),
  ]);
  await check().catch(() => {});
  return {
    title: isCopy ? `Copy of ${policy.name}` : policy.name,
    crumb: ["/portal/policies", "Policies"],
    actions: [save],
    body: [
      query.has("saved") &&
        note("good", `Version ${policy.version} is in effect for every agent that uses ${policy.name}.`),
      isCopy &&
        !query.has("copy") &&
        note(
          "",
          `${policy.name} is built in or comes from a file and cannot be changed here. Saving creates a policy of your own, under the name in the document.`,
        ),
      h(
        "div",
        { class: "two" },
        card("Document", field("YAML", editor)),
        h(
          "div",
          { class: "stack" },
          card("Check", verdict),
          card(
            "Try it",
            h(
              "div",
              { class: "stack" },
              field("Text", text),
              h(
                "div",
                {},
                h(
                  "button",
                  {
                    onclick: async () => {
                      try {
                        tried.replaceChildren(
                          findings(
                            text.value,
                            await post("/api/v1/mask", { text: text.value, policy_yaml: editor.value }),
                          ),
                        );
                      } catch (error) {
                        tried.replaceChildren(note("bad", error.message));
                      }
                    },
                  },
                  "Mask",
                ),
              ),
              tried,
            ),
          ),
          card("Versions", table("Versions", ["#Version", "Created", ""], versions), compare),
        ),
      ),
    ],
  };
}
