// Charts as SVG, each with its values as a table for screen readers.

import { h, table } from "./dom.js";
import { number } from "./format.js";

const HEIGHT = 160,
  BOTTOM = 20;
// Drawn at about the displayed width, so that text keeps its size.
const WIDE = [720, 7],
  NARROW = [330, 3];

/** Number of colours. Kinds beyond that share the last one. */
const COLOURS = 6;

/** Stacked columns over time, by kind. Points are `[label, {kind: count}]`, oldest first. */
export function columns(title, points) {
  const [width, marks] = matchMedia("(max-width: 760px)").matches ? NARROW : WIDE;
  const total = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);
  const most = Math.max(1, ...points.map(([, counts]) => total(counts)));
  const left = 14 + 7 * number(most).length;
  const step = (width - left) / Math.max(1, points.length);
  const ranked = rank(points.map(([, counts]) => counts));
  const bars = points.flatMap(([label, counts], at) => {
    let y = HEIGHT - BOTTOM;
    return ranked
      .filter((kind) => counts[kind])
      .map((kind) => {
        const height = (HEIGHT - BOTTOM - 8) * (counts[kind] / most);
        y -= height;
        return h(
          "rect",
          {
            class: colour(ranked, kind),
            x: left + at * step + step * 0.12,
            y,
            width: Math.max(1, step * 0.76),
            height,
          },
          h("title", {}, `${label}: ${kind} ${number(counts[kind])}`),
        );
      });
  });
  const every = Math.max(1, Math.ceil(points.length / marks));
  const labels = points.map(
    ([label], at) => at % every === 0 && h("text", { x: left + at * step, y: HEIGHT - 4 }, label),
  );
  const svg = h(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" },
    h("line", { x1: left, x2: width, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
    h("line", { x1: left, x2: width, y1: 8, y2: 8 }),
    h("text", { x: left - 6, y: 12, "text-anchor": "end" }, number(most)),
    h("text", { x: left - 6, y: HEIGHT - BOTTOM, "text-anchor": "end" }, "0"),
    bars,
    labels,
  );
  const legend = h(
    "div",
    { class: "legend", "aria-hidden": "true" },
    ranked
      .slice(0, COLOURS)
      .map((kind, at) =>
        h("span", {}, h("i", { class: `c${at}` }), at === COLOURS - 1 && ranked.length > COLOURS ? "others" : kind),
      ),
  );
  const rows = table(
    title,
    ["Time", "Kind", "#Count"],
    points.flatMap(([label, counts]) => Object.entries(counts).map(([kind, count]) => [label, kind, number(count)])),
  );
  return h(
    "figure",
    { class: "stack", role: "group", "aria-label": title },
    svg,
    legend,
    h("div", { class: "hidden-visually" }, rows),
  );
}

/** Kinds by frequency, most frequent first. */
function rank(all) {
  const sums = {};
  for (const counts of all) for (const [kind, count] of Object.entries(counts)) sums[kind] = (sums[kind] ?? 0) + count;
  return Object.keys(sums).sort((a, b) => sums[b] - sums[a] || a.localeCompare(b));
}

const colour = (ranked, kind) => `c${Math.min(ranked.indexOf(kind), COLOURS - 1)}`;

/** A bar chart with one bar per name. */
export function bars(title, counts) {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const most = Math.max(1, ...entries.map(([, count]) => count));
  return h(
    "div",
    { class: "bars", role: "group", "aria-label": title },
    entries.map(([name, count]) =>
      h(
        "div",
        {},
        h("span", { class: "mono" }, name),
        h(
          "svg",
          { viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
          h("rect", { x: 0, y: 1, height: 10, width: Math.max(0.5, (count / most) * 100), rx: 1 }),
        ),
        h("span", { class: "num" }, number(count)),
      ),
    ),
  );
}
