import { h, card, confirm, copyable, facts, field, note } from "../dom.js";
import { all, get, patch, post, remove } from "../api.js";
import { millis, number, time } from "../format.js";
import { go } from "../app.js";

const PLATFORMS = ["vapi", "retell", "bolna", "elevenlabs", "twilio", "custom"];
const SCHEMES = ["vault-deterministic", "reversible-aead", "synthetic"];

/** Where to enter the URL on each platform, according to the platform's documentation. */
const WHERE = {
  vapi: (agent) => [
    h("p", {}, "In the assistant's model settings, choose Custom LLM and paste this URL:"),
    copyable(agent.proxy_base_url),
    h("p", {}, "Or let Masker answer assistant-request. Set the server URL of the phone number to:"),
    copyable(agent.webhook_url),
  ],
  retell: (agent) => [
    h(
      "p",
      {},
      "Retell uses its own WebSocket protocol for a custom LLM. In your WebSocket server, set the base URL of the OpenAI client to:",
    ),
    copyable(agent.proxy_base_url),
  ],
  bolna: (agent) => [
    h("p", {}, "Add a custom LLM with this URL (Bolna appends the rest of the path):"),
    copyable(agent.proxy_base_url),
  ],
  elevenlabs: (agent) => [
    h("p", {}, "In the agent's LLM settings, choose Custom LLM with API type chat completions, and paste this URL:"),
    copyable(agent.proxy_base_url),
  ],
  twilio: (agent) => [
    h("p", {}, "In your own service, set the base URL of the OpenAI client to:"),
    copyable(agent.proxy_base_url),
  ],
  custom: (agent) => [
    h("p", {}, "Base URL for any OpenAI client:"),
    copyable(agent.proxy_base_url),
    h("p", {}, "Or call it with curl:"),
    copyable(
      `curl ${agent.proxy_url} -H 'content-type: application/json' -d '{"messages": [{"role": "user", "content": "I am Jane Doe"}]}'`,
    ),
  ],
};

function select(name, options, value) {
  return h(
    "select",
    { name },
    options.map((option) => h("option", { value: option, selected: option === value }, option)),
  );
}

/** Shows the server's validation errors next to their fields. */
export function showErrors(form, error, place) {
  for (const wrong of form.querySelectorAll(".wrong")) wrong.textContent = "";
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  const rest = [];
  for (const detail of error.details ?? []) {
    const input = form.elements.namedItem(detail.field);
    if (!input?.closest) {
      rest.push(`${detail.field}: ${detail.message}`);
      continue;
    }
    input.setAttribute("aria-invalid", "true");
    input.closest("label").querySelector(".wrong").textContent = detail.message;
  }
  const text =
    error.details?.length && rest.length === 0 ? "Some fields are invalid." : [error.message, ...rest].join(" ");
  place.replaceChildren(
    note("bad", text, error.requestId && h("span", { class: "small muted" }, ` request ${error.requestId}`)),
  );
}

export async function agentForm(agent) {
  const policies = await all("/api/v1/policies");
  const names = [...new Set(policies.map((policy) => policy.name))];
  const place = h("div", { role: "status" });
  const agreements = agent?.agreements ?? {};
  const agreement = (party) =>
    field(
      `Agreement with the ${party === "voice_platform" ? "voice platform" : "LLM provider"}`,
      select(
        party,
        ["not recorded", "signed", "unsigned", "not_required"],
        agreements[party]?.status ?? "not recorded",
      ),
      "Shown in the BAA chain of reports.",
    );
  const form = h(
    "form",
    {
      class: "form",
      onsubmit: async (event) => {
        event.preventDefault();
        const value = (name) => form.elements.namedItem(name).value;
        const given = Object.fromEntries(
          ["voice_platform", "llm_provider"]
            .filter((party) => value(party) !== "not recorded")
            .map((party) => [party, { status: value(party), reference: agreements[party]?.reference ?? null }]),
        );
        const draft = {
          name: value("name"),
          upstream: value("upstream"),
          platform: value("platform"),
          policy_name: value("policy_name"),
          tokenization: value("tokenization"),
          proxy_auth: value("proxy_auth"),
          agreements: given,
          assistant_callback_url: value("assistant_callback_url") || null,
        };
        try {
          draft.assistant = value("assistant").trim() ? JSON.parse(value("assistant")) : null;
        } catch {
          showErrors(form, { message: "", details: [{ field: "assistant", message: "is not valid JSON" }] }, place);
          return;
        }
        if (agent?.policy_yaml_own) delete draft.policy_name;
        try {
          const saved = agent ? await patch(`/api/v1/agents/${agent.id}`, draft) : await post("/api/v1/agents", draft);
          if (saved.agent.proxy_key) {
            place.replaceChildren(
              note(
                "good",
                h("p", {}, "The proxy key is shown only once:"),
                copyable(saved.agent.proxy_key),
                h("p", {}, h("a", { href: `/portal/agents/${saved.agent.id}` }, "Go to the agent")),
              ),
            );
          } else go(`/portal/agents/${saved.agent.id}`);
        } catch (error) {
          showErrors(form, error, place);
        }
      },
    },
    place,
    field(
      "Name",
      h("input", { name: "name", required: true, maxlength: 64, value: agent?.name ?? "", autocomplete: "off" }),
    ),
    field(
      "Model",
      h("input", {
        name: "upstream",
        required: true,
        value: agent?.upstream ?? "openai:gpt-4o-mini",
        list: "upstreams",
      }),
      "openai:MODEL for any OpenAI-compatible provider, or stub to try Masker without a provider.",
    ),
    h(
      "datalist",
      { id: "upstreams" },
      ["openai:gpt-4o-mini", "openai:gpt-4o", "stub"].map((value) => h("option", { value })),
    ),
    field("Platform", select("platform", PLATFORMS, agent?.platform ?? "custom")),
    field(
      "Policy",
      select("policy_name", names, agent?.policy_name ?? "healthcare-default"),
      "Defines what is masked, and how.",
    ),
    field(
      "Tokens",
      select("tokenization", SCHEMES, agent?.tokenization ?? SCHEMES[0]),
      "vault-deterministic: values in the vault. reversible-aead: values encrypted in the token. synthetic: realistic surrogates.",
    ),
    field(
      "The proxy asks for",
      select("proxy_auth", ["key", "id"], agent?.proxy_auth ?? "id"),
      "key: a key in addition to the URL, shown once. id: the URL alone, for platforms that cannot send a key.",
    ),
    agreement("voice_platform"),
    agreement("llm_provider"),
    field(
      "Assistant (JSON)",
      h("textarea", {
        name: "assistant",
        rows: 4,
        spellcheck: "false",
        value: agent?.assistant ? JSON.stringify(agent.assistant, null, 2) : "",
      }),
      "Returned by the Vapi webhook, with its model pointing at this agent's proxy.",
    ),
    field(
      "Assistant callback",
      h("input", {
        name: "assistant_callback_url",
        type: "url",
        value: agent?.assistant_callback_url ?? "",
        placeholder: "URL of your server",
      }),
      "If set, the webhook requests the assistant from this URL first.",
    ),
    h(
      "div",
      { class: "row" },
      h("button", { class: "first" }, agent ? "Save" : "Create agent"),
      h("a", { class: "button", href: agent ? `/portal/agents/${agent.id}` : "/portal/agents" }, "Cancel"),
    ),
  );
  return form;
}

export default async function page({ id, query }) {
  const { agent } = await get(`/api/v1/agents/${encodeURIComponent(id)}`);
  if (query.has("edit"))
    return {
      title: `Edit ${agent.name}`,
      crumb: [`/portal/agents/${id}`, agent.name],
      body: [card(null, await agentForm(agent))],
    };
  const stats = agent.stats;
  const keyPlace = h("div");
  const report = (format) =>
    h(
      "a",
      {
        class: "button",
        href: `/api/v1/agents/${id}/report?format=${format}`,
        download: `masker-agent-${id}.${format}`,
      },
      `Report, ${format.toUpperCase()}`,
    );
  return {
    title: agent.name,
    crumb: ["/portal/agents", "Agents"],
    actions: [
      report("pdf"),
      report("json"),
      h("a", { class: "button", href: `/portal/agents/${id}?edit` }, "Edit"),
      h(
        "button",
        {
          class: "danger",
          onclick: async () => {
            if (
              await confirm(
                `Delete ${agent.name}?`,
                "Its URL returns 404 immediately. Its sessions, its vault rows and the journal are kept.",
                "Delete agent",
              )
            ) {
              await remove(`/api/v1/agents/${id}`);
              go("/portal/agents");
            }
          },
        },
        "Delete",
      ),
    ],
    body: [
      card(
        "Connect",
        h(
          "div",
          { class: "stack" },
          (WHERE[agent.platform] ?? WHERE.custom)(agent),
          h("p", { class: "hint" }, "The URL is a credential: anyone who has it can use this agent."),
          h(
            "div",
            { class: "row" },
            h(
              "button",
              {
                onclick: async () => {
                  if (
                    !(await confirm(
                      "Create a new key?",
                      "The proxy requires the new key immediately. The previous key stops working.",
                      "Create key",
                    ))
                  )
                    return;
                  const changed = await post(`/api/v1/agents/${id}/proxy-key`);
                  keyPlace.replaceChildren(
                    note("good", h("p", {}, "The key is shown only once:"), copyable(changed.agent.proxy_key)),
                  );
                },
              },
              agent.proxy_auth === "key" ? "New proxy key" : "Require a key",
            ),
          ),
          keyPlace,
        ),
      ),
      h(
        "div",
        { class: "tiles" },
        [
          [number(stats.session_count_24h), "turns, 24 hours"],
          [number(stats.session_count_7d), "turns, 7 days"],
          [number(stats.redaction_count_24h), "values masked, 24 hours"],
          [millis(stats.p50_latency_ms), "added latency, median"],
          [millis(stats.p95_latency_ms), "added latency, p95"],
        ].map(([figure, label]) => h("div", { class: "tile" }, h("b", {}, figure), h("span", {}, label))),
      ),
      card(
        "Settings",
        facts([
          ["Id", h("span", { class: "mono" }, agent.id)],
          ["Platform", agent.platform],
          ["Model", agent.upstream],
          [
            "Policy",
            h(
              "a",
              { href: `/portal/policies/${agent.policy_name}` },
              `${agent.policy_name} version ${agent.policy_version}`,
            ),
          ],
          ["Tokens", agent.tokenization],
          ["The proxy asks for", agent.proxy_auth],
          ["Created", time(agent.created_at)],
        ]),
      ),
      h("p", {}, h("a", { href: `/portal/sessions?agent_id=${id}` }, "Sessions of this agent")),
    ],
  };
}
