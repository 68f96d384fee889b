import { h, card, confirm, copyable, facts, field, note, table } from "../dom.js";
import { all, get, post, remove } from "../api.js";
import { age, browserOf, time } from "../format.js";
import { go } from "../app.js";
import { showErrors } from "./agent.js";

const SCOPES = [
  "agents:read",
  "agents:write",
  "sessions:read",
  "reports:read",
  "policies:write",
  "plugins:write",
  "admin",
];

const PURPOSES = {
  token: "tokens",
  report: "signing reports",
  journal: "chaining the journal",
  sign_in: "sign-in and payloads",
};

export default async function settings({ me }) {
  const [tokens, keys, signIns, methods] = await Promise.all([
    all("/api/v1/tokens"),
    get("/api/v1/keys").catch(() => null),
    get("/api/v1/auth/sign-ins").catch(() => null),
    get("/api/v1/auth/methods"),
  ]);
  const place = h("div", { role: "status" });
  const form = h(
    "form",
    {
      class: "form",
      onsubmit: async (event) => {
        event.preventDefault();
        const data = new FormData(form);
        try {
          const { token } = await post("/api/v1/tokens", { name: data.get("name"), scopes: data.getAll("scopes") });
          place.replaceChildren(note("good", h("p", {}, "The token is shown only once:"), copyable(token.secret)));
          form.reset();
        } catch (error) {
          showErrors(form, error, place);
        }
      },
    },
    place,
    field(
      "Name",
      h("input", { name: "name", required: true, maxlength: 64 }),
      "For example, what the token is used for.",
    ),
    h(
      "fieldset",
      { class: "card" },
      h("legend", {}, "Scopes"),
      h(
        "div",
        { class: "row" },
        SCOPES.map((scope) =>
          h("label", { class: "row" }, h("input", { type: "checkbox", name: "scopes", value: scope }), scope),
        ),
      ),
    ),
    h("div", {}, h("button", { class: "first" }, "Create token")),
  );
  const rows = tokens.map((token) => [
    token.name,
    h("span", {}, token.scopes.join(", ")),
    time(token.created_at),
    token.expires_at ? time(token.expires_at) : "never",
    h(
      "button",
      {
        class: "plain",
        "aria-label": `Delete ${token.name}`,
        onclick: async () => {
          if (await confirm(`Delete ${token.name}?`, "Requests with this token will be refused.", "Delete")) {
            await remove(`/api/v1/tokens/${token.id}`);
            go("/portal/settings");
          }
        },
      },
      "delete",
    ),
  ]);
  return {
    title: "Settings",
    body: [
      card(
        "API tokens",
        h(
          "div",
          { class: "stack" },
          rows.length
            ? table("API tokens", ["Name", "Scopes", "Created", "Expires", ""], rows)
            : h("p", { class: "muted" }, "No tokens yet. Scripts and the command line use them."),
          form,
        ),
      ),
      keys &&
        card(
          "Keys",
          h(
            "div",
            { class: "stack" },
            table(
              "Keys",
              ["Used for", "Name", "State", "Id", "First seen"],
              keys.keys.map((key) => [
                PURPOSES[key.purpose],
                h("span", { class: "mono" }, key.name),
                key.state,
                h("span", { class: "mono" }, key.id),
                [time(key.first_seen_at), " ", h("span", { class: "muted" }, age(key.first_seen_at))],
              ]),
            ),
            h(
              "p",
              { class: "hint" },
              "Keys never leave the machine; the id only distinguishes them. Keys come from the environment, which has no dates, so a key's age counts from the first start with it.",
            ),
          ),
        ),
      signIns &&
        card(
          "Where you are signed in",
          h(
            "div",
            { class: "stack" },
            facts([
              ["You", me.user?.name ?? me.user?.github_login ?? me.account.name],
              ["Account", me.account.name],
            ]),
            methods.github &&
              me.user &&
              !me.user.github_login &&
              h(
                "p",
                {},
                h(
                  "a",
                  { class: "button", href: "/api/v1/auth/github?redirect_to=/portal/settings" },
                  "Link your GitHub user",
                ),
              ),
            table(
              "Where you are signed in",
              ["Browser", "Method", "Signed in", "Last used", ""],
              signIns.data.map((one) => [
                one.current ? h("strong", {}, browserOf(one.user_agent), " (this one)") : browserOf(one.user_agent),
                one.by === "link" ? "one-time link" : "GitHub",
                time(one.created_at),
                time(one.last_used_at),
                one.current
                  ? null
                  : h(
                      "button",
                      {
                        class: "plain",
                        "aria-label": `Sign out ${browserOf(one.user_agent)}`,
                        onclick: async () => {
                          if (await confirm("Sign out that browser?", "Its user has to sign in again.", "Sign out")) {
                            await remove(`/api/v1/auth/sign-ins/${one.id}`).catch(() => null);
                            go("/portal/settings");
                          }
                        },
                      },
                      "sign out",
                    ),
              ]),
            ),
            h(
              "div",
              {},
              h(
                "button",
                {
                  class: "danger",
                  onclick: async () => {
                    if (
                      await confirm(
                        "Sign out everywhere?",
                        "You have to sign in again in every browser, including this one.",
                        "Sign out everywhere",
                      )
                    ) {
                      await post("/api/v1/auth/logout-all");
                      location.assign("/portal");
                    }
                  },
                },
                "Sign out everywhere",
              ),
            ),
          ),
        ),
    ],
  };
}
