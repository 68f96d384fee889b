// Charts as SVG, each with its figures as a table for those who do not see it.

import { h, table } from "./dom.js";
import { number } from "./format.js";

const HEIGHT = 160, LEFT = 40, BOTTOM = 20;
// Drawn about as wide as it is shown, so that its letters keep their size.
const WIDE = [720, 7], NARROW = [330, 3];

/** Columns over time. Points are `[label, value]`, oldest first. */
export function columns(title, points) {
  const [width, marks] = matchMedia("(max-width: 760px)").matches ? NARROW : WIDE;
  const most = Math.max(1, ...points.map(([, value]) => value));
  const step = (width - LEFT) / Math.max(1, points.length);
  const height = (value) => (HEIGHT - BOTTOM - 8) * (value / most);
  const bars = points.map(([label, value], at) => h("rect", {
    x: LEFT + at * step + step * 0.12, y: HEIGHT - BOTTOM - height(value), width: Math.max(1, step * 0.76), height: height(value),
  }, h("title", {}, `${label}: ${number(value)}`)));
  const every = Math.max(1, Math.ceil(points.length / marks));
  const labels = points.map(([label], at) => at % every === 0
    && h("text", { x: LEFT + at * step, y: HEIGHT - 4 }, label));
  const svg = h("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" },
    h("line", { x1: LEFT, x2: width, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
    h("line", { x1: LEFT, x2: width, y1: 8, y2: 8 }),
    h("text", { x: LEFT - 6, y: 12, "text-anchor": "end" }, number(most)),
    h("text", { x: LEFT - 6, y: HEIGHT - BOTTOM, "text-anchor": "end" }, "0"), bars, labels);
  const rows = table(title, ["Time", "#Count"], points.filter(([, value]) => value > 0).map(([label, value]) => [label, number(value)]));
  return h("figure", { class: "stack", role: "group", "aria-label": title }, svg, h("div", { class: "hidden-visually" }, rows));
}

/** One bar for each name. */
export function bars(title, counts) {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const most = Math.max(1, ...entries.map(([, count]) => count));
  return h("div", { class: "bars", role: "group", "aria-label": title }, entries.map(([name, count]) =>
    h("div", {}, h("span", { class: "mono" }, name),
      h("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" }, h("rect", { x: 0, y: 1, height: 10, width: Math.max(0.5, count / most * 100), rx: 1 })),
      h("span", { class: "num" }, number(count)))));
}
