import { h, card, confirm, copyable, facts, field, note, table } from "../dom.js";
import { all, get, post, remove } from "../api.js";
import { time } from "../format.js";
import { go } from "../app.js";
import { showErrors } from "./agent.js";

const SCOPES = ["agents:read", "agents:write", "sessions:read", "reports:read", "policies:write", "plugins:write", "admin"];

export default async function settings({ me }) {
  const [tokens, keys] = await Promise.all([all("/api/v1/tokens"), get("/api/v1/keys").catch(() => null)]);
  const place = h("div", { role: "status" });
  const form = h("form", { class: "form", onsubmit: async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    try {
      const { token } = await post("/api/v1/tokens", { name: data.get("name"), scopes: data.getAll("scopes") });
      place.replaceChildren(note("good", h("p", {}, "The token. It is shown this once:"), copyable(token.secret)));
      form.reset();
    } catch (error) { showErrors(form, error, place); }
  } }, place, field("Name", h("input", { name: "name", required: true, maxlength: 64 }), "What it is for."),
    h("fieldset", { class: "card" }, h("legend", {}, "It may"), h("div", { class: "row" }, SCOPES.map((scope) => h("label", { class: "row" }, h("input", { type: "checkbox", name: "scopes", value: scope }), scope)))),
    h("div", {}, h("button", { class: "first" }, "Make a token")));
  const rows = tokens.map((token) => [token.name, h("span", {}, token.scopes.join(", ")), time(token.created_at), token.expires_at ? time(token.expires_at) : "never", h("button", { class: "plain", "aria-label": `Delete ${token.name}`, onclick: async () => {
    if (await confirm(`Delete ${token.name}?`, "Whoever uses it is refused from now on.", "Delete")) { await remove(`/api/v1/tokens/${token.id}`); go("/portal/settings"); }
  } }, "delete")]);
  return {
    title: "Settings",
    body: [
      card("API tokens", h("div", { class: "stack" }, rows.length ? table("API tokens", ["Name", "May", "Made", "Until", ""], rows) : h("p", { class: "muted" }, "None yet. Scripts and the command line use them."), form)),
      keys && card("Keys", h("div", { class: "stack" }, facts([["Token keys", h("span", {}, keys.keys.kids.map((kid) => h("span", { class: "kind" }, kid.rotating ? `${kid.kid}, rotating` : kid.kid)))], ["Report keys", h("span", {}, keys.keys.report_key_ids.map((id) => h("span", { class: "kind mono" }, id)))]]), h("p", { class: "hint" }, "Names only: a key never leaves the machine. Keys come from the environment; the documentation says how they are rotated."))),
      card("Sessions of yours", h("div", { class: "stack" }, facts([["Signed in as", me.user?.name ?? me.user?.github_login ?? me.account.name], ["Account", me.account.name], ["Since", time(me.account.created_at)]]), h("div", {}, h("button", { class: "danger", onclick: async () => {
        if (await confirm("Sign out everywhere?", "Every browser that is signed in as you has to sign in again, this one too.", "Sign out everywhere")) { await post("/api/v1/auth/logout-all"); location.assign("/portal"); }
      } }, "Sign out everywhere")))),
    ],
  };
}
