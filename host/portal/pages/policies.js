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
        "What is masked, with which tokens, found by which plugins. A change is a new version; sessions name the version they ran on.",
      ),
      card(null, table("Policies", ["Name", "From", "#Version", "Changed"], rows)),
    ],
  };
}
