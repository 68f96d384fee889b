import { h, card, table } from "../dom.js";
import { all } from "../api.js";
import { time } from "../format.js";

export default async function policies() {
  const rows = (await all("/api/v1/policies")).map((policy) => [
    h("a", { href: `/portal/policies/${encodeURIComponent(policy.name)}` }, policy.name),
    policy.source,
    policy.version,
    time(policy.updated_at),
  ]);
  return {
    title: "Policies",
    actions: [h("a", { class: "button first", href: "/portal/policies/healthcare-default?copy" }, "New policy")],
    body: [
      h(
        "p",
        { class: "muted" },
        "A policy defines what is masked, which tokens replace it, and which plugins detect it. Each change creates a new version; sessions record the version they used.",
      ),
      card(null, table("Policies", ["Name", "Source", "#Version", "Updated"], rows)),
    ],
  };
}
