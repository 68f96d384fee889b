import { h, card, confirm, facts, field, note } from "../dom.js";
import { all, post, remove, send } from "../api.js";
import { bytes, millis, number } from "../format.js";
import { go } from "../app.js";
import { findings } from "./playground.js";

function tryOut(plugin) {
  const out = h("div", { role: "status" });
  const text = h("textarea", { rows: 2, name: "text", value: "I am Jane Doe, my number is 415-555-0134." });
  // All kinds of this plugin, without other plugins.
  const policy = {
    name: "trial",
    version: 1,
    kid: "K_HEALTHCARE",
    tokenization: "vault-deterministic",
    passes: [plugin.name],
    entities: Object.fromEntries(plugin.kinds.map((kind) => [kind, {}])),
  };
  return h(
    "details",
    {},
    h("summary", {}, "Try it on a text"),
    h(
      "div",
      { class: "stack" },
      field("A text", text),
      h(
        "div",
        {},
        h(
          "button",
          {
            onclick: async () => {
              try {
                out.replaceChildren(
                  findings(
                    text.value,
                    await post("/api/v1/mask", { text: text.value, policy_yaml: JSON.stringify(policy) }),
                  ),
                );
              } catch (error) {
                out.replaceChildren(
                  note(
                    "bad",
                    error.message,
                    error.details.map((detail) => ` ${detail.field}: ${detail.message}`),
                  ),
                );
              }
            },
          },
          "Detect",
        ),
      ),
      out,
    ),
  );
}

export default async function plugins({ me, query }) {
  const rows = await all("/api/v1/plugins");
  const place = h("div", { role: "status" });
  const file = h("input", { type: "file", accept: ".wasm,application/wasm", name: "component" });
  const signature = h("input", { type: "file", accept: ".sig", name: "signature" });
  const install = h(
    "button",
    {
      class: "first",
      onclick: async () => {
        if (!file.files[0]) {
          place.replaceChildren(note("bad", "Select a component (.wasm) first."));
          return;
        }
        install.disabled = true;
        place.replaceChildren(note("", "Checking and compiling the plugin. Calls are not interrupted."));
        try {
          const signed = signature.files[0]
            ? { "masker-plugin-signature": (await signature.files[0].text()).trim() }
            : {};
          const { plugin } = await send("POST", "/api/v1/plugins", file.files[0], "application/wasm", signed);
          go(`/portal/plugins?installed=${encodeURIComponent(plugin.name)}`);
        } catch (error) {
          place.replaceChildren(
            note(
              "bad",
              h("p", {}, error.message),
              error.details.map((detail) => h("p", {}, `${detail.field}: ${detail.message}`)),
            ),
          );
        } finally {
          install.disabled = false;
        }
      },
    },
    "Install",
  );
  return {
    title: "Plugins",
    body: [
      query.has("installed") &&
        note("good", `${query.get("installed")} is installed. To use it, add it to the passes of a policy.`),
      card(
        "Install a plugin",
        h(
          "div",
          { class: "stack" },
          field(
            "Component",
            file,
            "A WebAssembly component without imports. docs/plugins.md explains how to build one.",
          ),
          field(
            "Signature",
            signature,
            "The .sig file from `masker plugin sign`. Only needed if this install requires signed plugins.",
          ),
          h("div", {}, install),
          place,
        ),
      ),
      rows.map((plugin) =>
        card(
          h("span", {}, plugin.name, " ", h("span", { class: "muted small" }, plugin.version)),
          h(
            "div",
            { class: "stack" },
            h("p", {}, plugin.description),
            facts([
              ["Source", plugin.source],
              [
                "Kinds",
                h(
                  "span",
                  {},
                  plugin.kinds.map((kind) => h("span", { class: "kind" }, kind)),
                ),
              ],
              ["Calls", plugin.calls === null ? null : `${number(plugin.calls)}, ${number(plugin.failures)} failed`],
              [
                "Duration",
                plugin.p50_ms === null ? null : `${millis(plugin.p50_ms)} median, ${millis(plugin.p99_ms)} p99`,
              ],
              ["Size", bytes(plugin.size)],
              ["Contract", plugin.contract_version],
              ["Digest", h("span", { class: "mono" }, plugin.digest)],
            ]),
            tryOut(plugin),
            plugin.source === "uploaded" &&
              h(
                "div",
                {},
                h(
                  "button",
                  {
                    class: "danger",
                    onclick: async () => {
                      if (
                        !(await confirm(
                          `Remove ${plugin.name}?`,
                          "A plugin that the policy of an agent uses cannot be removed.",
                          "Remove",
                        ))
                      )
                        return;
                      try {
                        await remove(`/api/v1/plugins/${encodeURIComponent(plugin.name)}`);
                        go("/portal/plugins");
                      } catch (error) {
                        place.replaceChildren(note("bad", error.message));
                        place.scrollIntoView();
                      }
                    },
                  },
                  "Remove",
                ),
              ),
          ),
        ),
      ),
    ],
  };
}
