// Numbers and times as people read them.

import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en");
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const number = (value) => NUMBER.format(value);

/** A moment in the reader's zone, UTC on hover. */
export function time(iso) {
  if (!iso) return h("span", { class: "muted" }, "never");
  return h("time", { datetime: iso, title: `${iso.replace("T", " ").replace("Z", "")} UTC` }, TIME.format(new Date(iso)));
}

export function millis(value) {
  if (value === null || value === undefined) return "–";
  return value < 10 ? `${value.toFixed(2)} ms` : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function bytes(value) {
  return value < 1 << 20 ? `${Math.round(value / 1024)} KiB` : `${(value / (1 << 20)).toFixed(1)} MiB`;
}

export function status(word) {
  const kind = { ok: "good", error: "bad", partial: "fair", degraded: "bad" }[word] ?? "";
  return h("span", { class: `badge ${kind}` }, word);
}

export function kinds(counts) {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  if (entries.length === 0) return h("span", { class: "muted" }, "none");
  return entries.map(([kind, count]) => h("span", { class: "kind" }, `${kind} ${number(count)}`));
}
