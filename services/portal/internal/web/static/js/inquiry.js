// An inquiry's page, live: the page works without this script by reloading. Events only say that something is new; what is
// shown comes from the server's own page, so there is one rendering.
import { $, events, t, tell, write } from "./lib.js";

const receipt = $("inquiry").dataset.receipt;
const api = `/api/v1/inquiries/${receipt}`;
const title = document.title;
let due = 0; // how many looks are asked for

/** look fetches the page and takes over what is new. Messages are only ever added. */
async function look() {
  if (due++) return; // the one that runs looks again
  for (let seen = 0; seen !== due; ) {
    seen = due;
    const r = await fetch(location.pathname).catch(() => undefined);
    if (r?.ok) take(new DOMParser().parseFromString(await r.text(), "text/html"));
  }
  due = 0;
}

function take(fresh) {
  const state = $("i-status").dataset.state;
  const focused = document.activeElement;
  for (const id of ["i-status", "i-steps", "i-end"]) {
    const [old, now] = [$(id), fresh.getElementById(id)];
    if (now && old.innerHTML !== now.innerHTML) old.replaceWith(document.adoptNode(now));
  }
  const now = $("i-status").dataset.state;
  if (now !== state) tell($("i-head").textContent);
  if (!focused.isConnected) $("i-head").focus();
  messages(fresh);
  const form = fresh.getElementById("i-form");
  if (!form && $("i-write")) $("i-write").replaceChildren();
}

function messages(fresh) {
  const log = $("i-log");
  const all = fresh.getElementById("i-log");
  if (!all) return;
  if (!log) {
    location.reload(); // the first message where there was no chat
    return;
  }
  const low = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  for (const m of [...all.children]) {
    if ($(m.id)) continue;
    log.append(document.adoptNode(m));
    write($("i-typing"), "");
    if (document.hidden && !m.classList.contains("citizen")) document.title = `● ${t("i.new")} – ${title}`;
  }
  if (log.children.length) $("i-none")?.remove();
  if (low) log.scrollTop = log.scrollHeight;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.title = title;
});

let typing;
events(`${api}/events`, {
  message: look,
  changed: look,
  resync: look,
  typing: () => {
    if (!$("i-typing")) return;
    write($("i-typing"), t("i.typing"));
    clearTimeout(typing);
    typing = setTimeout(() => write($("i-typing"), ""), 5000);
  },
});

// Writing. A message keeps its id until it is stored, so that sending again is no second one; another one never has it.
let sending = false;
let unsent = {};
const newID = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join(""); // also over plain http
document.addEventListener("submit", async (e) => {
  const form = e.target;
  if (!form.matches("#i-form")) return; // form.id is its field of that name
  e.preventDefault();
  const text = $("i-text");
  if (sending || !text.value.trim()) return;
  sending = true;
  const sent = text.value;
  if (unsent.text !== sent) unsent = { id: newID(), text: sent };
  const body = JSON.stringify(unsent);
  const r = await fetch(`${api}/messages`, { method: "POST", headers: { "Content-Type": "application/json" }, body }).catch(() => undefined);
  sending = false;
  $("i-problem").hidden = Boolean(r?.ok);
  if (!r?.ok) {
    write($("i-problem-text"), r ? (await r.json()).detail : t("offline"));
    return;
  }
  unsent = {};
  if (text.value.trim() === sent.trim()) text.value = "";
  await look();
});

let told = 0;
$("i-text")?.addEventListener("input", () => {
  if (Date.now() - told < 3000) return;
  told = Date.now();
  fetch(`${api}/typing`, { method: "POST" }).catch(() => {});
});
$("i-text")?.addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
  e.preventDefault();
  $("i-form").requestSubmit();
});

if (navigator.clipboard) {
  $("i-copy").hidden = false;
  $("i-copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(receipt);
    tell(t("i.copied"));
  });
}
if ($("i-reload")) $("i-reload").hidden = true;
if ($("i-log")) $("i-log").scrollTop = $("i-log").scrollHeight;
document.documentElement.dataset.ready = "inquiry";
