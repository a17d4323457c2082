// Sources, live: while something is fetched, the page's own newest version is looked at and what changed in it is put in
// place. There is one rendering, the server's; what has the focus or is folded out is left alone.
import { $, events, newest, t, write } from "./lib.js";

const atMost = 1000; // ms between two looks
let due;
let last = 0;

function soon() {
  clearTimeout(due);
  due = setTimeout(() => look().catch(() => {}), Math.max(0, last + atMost - Date.now()));
}

/** look shows this page's newest version; where it cannot be had, the next change looks again. */
const look = newest(async () => {
  last = Date.now();
  const r = await fetch(location.pathname);
  if (!r.ok) throw new Error(String(r.status));
  return new DOMParser().parseFromString(await r.text(), "text/html");
}, (fresh) => {
  for (const now of fresh.querySelectorAll("[data-live]")) {
    const old = document.querySelector(`[data-live="${CSS.escape(now.dataset.live)}"]`);
    if (!old || old.innerHTML === now.innerHTML || old.contains(document.activeElement) || old.querySelector("details[open]")) continue;
    old.replaceChildren(...document.adoptNode(now).childNodes);
  }
});

events("/api/v1/knowledge/events", {
  changed: (c) => {
    soon();
    if (c.what === "run" && c.run && c.run.state !== "running") write($("ed-said"), t("editor.said." + c.run.state, { source: c.source_id }));
  },
  resync: soon,
}, (up) => up && soon(), { rests: true });

// A new source: only the fields of its kind.
const kind = $("s-kind");
if (kind) {
  const fit = () => {
    for (const e of document.querySelectorAll("[data-kind]")) e.hidden = !e.dataset.kind.split(" ").includes(kind.value);
  };
  kind.addEventListener("change", fit);
  fit();
}
document.documentElement.dataset.ready = "editor";
