// Creates elements. Text is always inserted as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "rect", "line", "text", "path", "g", "title"]);

/** Creates an element: `h("a", {href: "/portal"}, "Home")`. Handlers are `onclick` etc.; null children are omitted. */
export function h(tag, attributes = {}, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A table from titles and rows of cells. A `#` at the start of a title marks a column of numbers. */
export function table(caption, titles, rows) {
  const isNumber = titles.map((title) => title.startsWith("#"));
  const head = titles.map((title, at) =>
    h(
      "th",
      { scope: "col", class: isNumber[at] && "num" },
      title ? title.replace(/^#/, "") : h("span", { class: "hidden-visually" }, "Action"),
    ),
  );
  const body = rows.map((cells) =>
    h(
      "tr",
      {},
      cells.map((cell, at) => h("td", { class: isNumber[at] ? "num" : null }, cell ?? "")),
    ),
  );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "hidden-visually" }, caption),
      h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, body),
    ),
  );
}

/** A list of names and values. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

/** A line with a button that copies it. */
export function copyable(text) {
  const button = h(
    "button",
    {
      type: "button",
      "aria-label": "Copy",
      onclick: async () => {
        await navigator.clipboard.writeText(text).catch(() => {});
        button.textContent = "Copied";
        setTimeout(() => {
          button.textContent = "Copy";
        }, 1500);
      },
    },
    "Copy",
  );
  return h("div", { class: "copy" }, h("code", { tabindex: "0" }, text), button);
}

/** A labelled input. */
export function field(label, input, hint) {
  return h(
    "label",
    { class: "field" },
    h("span", {}, label),
    input,
    hint && h("small", {}, hint),
    h("span", { class: "wrong", role: "alert" }),
  );
}

export function card(title, ...children) {
  return h("section", { class: "card" }, title && h("h2", {}, title), children);
}

export function empty(title, ...children) {
  return h("div", { class: "empty" }, h("h2", {}, title), children);
}

export function note(kind, ...children) {
  return h("div", { class: `note ${kind}`, role: kind === "bad" ? "alert" : "status" }, children);
}

/** Asks for confirmation of an action that cannot be undone. */
export function confirm(title, text, action) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      {
        "aria-labelledby": "confirm-title",
        onclose: () => {
          dialog.remove();
          resolve(dialog.returnValue === "yes");
        },
      },
      h(
        "form",
        { method: "dialog", class: "stack" },
        h("h2", { id: "confirm-title" }, title),
        h("p", {}, text),
        h(
          "div",
          { class: "row" },
          h("button", { value: "yes", class: "danger" }, action),
          h("button", { value: "no" }, "Cancel"),
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A text with highlighted spans, given as `[start, end, label]` in characters. */
export function marked(text, spans) {
  const characters = Array.from(text);
  const parts = [];
  let at = 0;
  for (const [start, end, label] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (start < at) continue;
    parts.push(
      characters.slice(at, start).join(""),
      h("mark", { title: label }, characters.slice(start, end).join("")),
    );
    at = end;
  }
  parts.push(characters.slice(at).join(""));
  return parts;
}
