// On a conversation's page: the way to its recording, when there is or was one.
import { el, t } from "./lib.js";

const id = document.querySelector("[data-conversation]")?.dataset.conversation;
const r = id && (await fetch(`/api/v1/meetings/${id}/recording`).catch(() => undefined));
const rec = r?.ok ? await r.json() : null;
if (rec?.state) {
  document.querySelector("#call-pane .pane-head").append(
    el("a", { class: "chip", id: "rec-link", href: `/optagelse/${id}` }, t(rec.state === "deleted" ? "rec.link.deleted" : "rec.link")));
}
