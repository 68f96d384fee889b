// Formats numbers, times and names for display.

import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en");
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const number = (value) => NUMBER.format(value);

/** A time in the local time zone, with UTC as a tooltip. */
export function time(iso) {
  if (!iso) return h("span", { class: "muted" }, "never");
  return h(
    "time",
    { datetime: iso, title: `${iso.replace("T", " ").replace("Z", "")} UTC` },
    TIME.format(new Date(iso)),
  );
}

export function millis(value) {
  if (value === null || value === undefined) return "–";
  return value < 10
    ? `${value.toFixed(2)} ms`
    : value < 1000
      ? `${Math.round(value)} ms`
      : `${(value / 1000).toFixed(1)} s`;
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

/** The age of a time, in its largest unit. */
export function age(iso) {
  const seconds = Math.max(0, (Date.now() - new Date(iso).getTime()) / 1000);
  const [unit, size] = [
    ["year", 31557600],
    ["month", 2629800],
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ].find(([, size]) => seconds >= size) ?? ["minute", 60];
  const count = Math.floor(seconds / size);
  return count === 0 ? "just now" : `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}

/** Browser and system names from a `User-Agent` header. */
export function browserOf(agent) {
  const find = (pairs) => pairs.find(([word]) => agent.includes(word))?.[1];
  const name = find([
    ["Edg/", "Edge"],
    ["OPR/", "Opera"],
    ["Firefox/", "Firefox"],
    ["Chrome/", "Chrome"],
    ["Safari/", "Safari"],
    ["curl/", "curl"],
  ]);
  const system = find([
    ["Android", "Android"],
    ["iPhone", "iPhone"],
    ["iPad", "iPad"],
    ["Windows", "Windows"],
    ["Mac OS X", "macOS"],
    ["CrOS", "ChromeOS"],
    ["Linux", "Linux"],
  ]);
  if (!name && !system) return agent ? agent.slice(0, 40) : "unknown browser";
  return name && system ? `${name} on ${system}` : (name ?? system);
}
