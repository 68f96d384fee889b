// The frame around every page: navigation, theme and sign-out.

import { h } from "./dom.js";
import { post } from "./api.js";

const PAGES = [
  ["/portal", "Dashboard"],
  ["/portal/agents", "Agents"],
  ["/portal/sessions", "Sessions"],
  ["/portal/policies", "Policies"],
  ["/portal/playground", "Playground"],
  ["/portal/plugins", "Plugins"],
  ["/portal/journal", "Journal and reports"],
  ["/portal/settings", "Settings"],
];

export function logo() {
  return h(
    "svg",
    { width: 20, height: 20, viewBox: "0 0 20 20", "aria-hidden": "true" },
    h("rect", { x: 1, y: 4, width: 18, height: 12, rx: 3, fill: "none", stroke: "currentColor", "stroke-width": 2 }),
    h("rect", { x: 5, y: 8.5, width: 10, height: 3, rx: 1, fill: "currentColor" }),
  );
}

export function applyTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function themeButton() {
  const words = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
  const next = { auto: "light", light: "dark", dark: "auto" };
  let theme = localStorage.getItem("theme") ?? "auto";
  const button = h(
    "button",
    {
      type: "button",
      class: "plain small",
      onclick: () => {
        theme = next[theme];
        localStorage.setItem("theme", theme);
        applyTheme(theme);
        button.textContent = words[theme];
      },
    },
    words[theme],
  );
  return button;
}

/** Returns the frame and its empty `main`. */
export function frame(me, current) {
  const name = me.user?.name ?? me.user?.github_login ?? me.account.name;
  const initials = name
    .split(/\s+/)
    .map((word) => word[0])
    .join("")
    .slice(0, 2)
    .toUpperCase();
  const isCurrent = (path) =>
    path === "/portal" ? current === path : current === path || current.startsWith(`${path}/`);
  const side = h(
    "header",
    { class: "side" },
    h(
      "div",
      { class: "top" },
      h("a", { class: "brand", href: "/portal" }, logo(), "Masker"),
      h(
        "button",
        {
          type: "button",
          class: "menu",
          "aria-expanded": "false",
          onclick: (event) => {
            event.currentTarget.setAttribute("aria-expanded", String(side.classList.toggle("open")));
          },
        },
        "Menu",
      ),
    ),
    h(
      "nav",
      { "aria-label": "Portal" },
      h(
        "ul",
        {},
        PAGES.map(([path, title]) =>
          h("li", {}, h("a", { href: path, "aria-current": isCurrent(path) ? "page" : null }, title)),
        ),
      ),
    ),
    h(
      "div",
      { class: "foot" },
      h(
        "div",
        { class: "who", title: name },
        h("span", { class: "initials", "aria-hidden": "true" }, initials),
        h("span", {}, name),
      ),
      themeButton(),
      h(
        "button",
        {
          type: "button",
          class: "plain small",
          onclick: async () => {
            await post("/api/v1/auth/logout").catch(() => {});
            location.assign("/portal");
          },
        },
        "Sign out",
      ),
    ),
  );
  const main = h("main", { id: "main", tabindex: "-1" });
  return {
    node: h(
      "div",
      {},
      h("a", { class: "skip", href: "#main" }, "Skip to content"),
      h("div", { class: "frame" }, side, main),
    ),
    main,
  };
}
