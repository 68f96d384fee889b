// Maps addresses to pages.

import { h, note } from "./dom.js";
import { get } from "./api.js";
import { applyTheme, frame } from "./shell.js";
import signIn from "./pages/sign_in.js";

applyTheme(localStorage.getItem("theme"));

const ROUTES = [
  [/^\/portal\/?$/, "dashboard"],
  [/^\/portal\/agents$/, "agents"],
  [/^\/portal\/agents\/([^/]+)$/, "agent"],
  [/^\/portal\/sessions$/, "sessions"],
  [/^\/portal\/sessions\/([^/]+)$/, "session"],
  [/^\/portal\/policies$/, "policies"],
  [/^\/portal\/policies\/([^/]+)$/, "policy"],
  [/^\/portal\/playground$/, "playground"],
  [/^\/portal\/plugins$/, "plugins"],
  [/^\/portal\/journal$/, "journal"],
  [/^\/portal\/settings$/, "settings"],
];

const app = document.getElementById("app");
let me = null;
let leave = () => {};
let shown = 0;

/** Navigates to a page without reloading the document. */
export function go(path) {
  history.pushState(null, "", path);
  show();
}

function failed(error) {
  return note(
    "bad",
    h("p", {}, error.message),
    error.details?.length
      ? h(
          "ul",
          {},
          error.details.map((detail) => h("li", {}, `${detail.field}: ${detail.message}`)),
        )
      : null,
    error.requestId && h("p", { class: "small muted" }, `request ${error.requestId}`),
  );
}

async function show() {
  const turn = ++shown;
  leave();
  leave = () => {};
  if (!me) {
    try {
      me = await get("/api/v1/me");
    } catch (error) {
      app.replaceChildren(await signIn(error));
      document.title = "Sign in · Masker";
      return;
    }
  }
  const path = location.pathname.replace(/\/$/, "") || "/portal";
  const { node, main } = frame(me, path);
  main.append(h("p", { class: "muted loading", role: "status" }, "Loading…"));
  app.replaceChildren(node);
  const route = ROUTES.map(([pattern, name]) => [pattern.exec(path), name]).find(([match]) => match);
  if (!route) {
    main.replaceChildren(
      h("div", { class: "head" }, h("h1", {}, "Page not found")),
      h("p", {}, h("a", { href: "/portal" }, "Go to the dashboard")),
    );
    return;
  }
  const [match, name] = route;
  try {
    const page = await import(`./pages/${name}.js`);
    const {
      title,
      actions = [],
      body,
      onleave = () => {},
      crumb,
    } = await page.default({
      me,
      id: match[1] && decodeURIComponent(match[1]),
      query: new URLSearchParams(location.search),
    });
    if (turn !== shown) {
      onleave();
      return;
    }
    leave = onleave;
    document.title = `${title} · Masker`;
    main.replaceChildren(
      h(
        "div",
        { class: "head" },
        h("div", {}, crumb && h("a", { class: "crumb", href: crumb[0] }, crumb[1]), h("h1", {}, title)),
        h("div", { class: "row" }, actions),
      ),
      h("div", { class: "stack" }, body),
    );
  } catch (error) {
    if (error.status === 401) {
      me = null;
      show();
      return;
    }
    document.title = "Masker";
    main.replaceChildren(h("div", { class: "head" }, h("h1", {}, "Something went wrong")), failed(error));
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/portal']");
  if (
    !link ||
    event.defaultPrevented ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    link.hasAttribute("download")
  )
    return;
  event.preventDefault();
  go(link.getAttribute("href"));
  document.getElementById("main")?.focus();
});
addEventListener("popstate", show);
// The back-forward cache would show the page unchanged, even after signing out.
addEventListener("pagehide", () => {
  leave();
  document.body.replaceChildren();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
show();
