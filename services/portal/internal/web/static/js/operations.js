// The operator's page shows the state when it was made; it is made again by itself while nobody is working in it. What is folded
// out stays so, and the page stays where it was scrolled to.
import { $ } from "./lib.js";

const every = 30000; // ms

const busy = () => document.hidden || document.activeElement !== document.body || !getSelection().isCollapsed;

async function renew() {
  let text;
  try {
    const r = await fetch(location.href, { redirect: "manual" });
    if (r.type === "opaqueredirect") { // to the login
      document.dispatchEvent(new Event("samtale:logged-out"));
      return;
    }
    if (!r.ok) throw new Error(String(r.status));
    text = await r.text();
  } catch {
    $("operations-stale").hidden = false;
    return;
  }
  if (busy()) return;
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
  const open = [...document.querySelectorAll("main details")].map((d) => d.open);
  fresh.querySelectorAll("details").forEach((d, i) => (d.open = open[i]));
  $("main").replaceChildren(...fresh.childNodes);
}

setInterval(() => busy() || renew(), every);
document.documentElement.dataset.ready = "operations";
