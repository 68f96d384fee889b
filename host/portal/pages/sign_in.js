import { h, copyable, note } from "../dom.js";
import { get } from "../api.js";
import { logo } from "../shell.js";

export default async function signIn(error) {
  const methods = await get("/api/v1/auth/methods").catch(() => ({ github: false }));
  const target = encodeURIComponent(location.pathname.startsWith("/portal") ? location.pathname : "/portal");
  return h(
    "div",
    { class: "lone" },
    h(
      "main",
      { class: "card stack" },
      h("div", { class: "brand" }, logo(), "Masker"),
      h("h1", {}, "Sign in"),
      error.status !== 401 && note("bad", error.message),
      methods.github &&
        h(
          "p",
          {},
          h("a", { class: "button first", href: `/api/v1/auth/github?redirect_to=${target}` }, "Sign in with GitHub"),
        ),
      h(
        "p",
        {},
        methods.github
          ? "Or create a one-time link on the machine that runs Masker:"
          : "Create a one-time link on the machine that runs Masker:",
      ),
      copyable("masker admin login-link"),
      h(
        "p",
        { class: "muted small" },
        "The link works once and expires after an hour. Masker prints the first link when it starts.",
      ),
    ),
  );
}
