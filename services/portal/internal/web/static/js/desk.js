// The desk: inbox, call or chat, assistant and note, tied together.
import { $, api, atWork, clock, el, events, failed, newest, open, t, tell, write } from "./lib.js";
import { Conversation } from "./conversation.js";
import { Assist } from "./assist.js";
import { Inquiries, nameOf, stayAtEnd } from "./desk_inquiry.js";
import { meet } from "./desk_meet.js";
import { Today } from "./desk_today.js";
import { Inbox, isFree } from "./inbox.js";
import { Phone, Ringer } from "./phone.js";
import { shortcuts } from "./keys.js";

const user = document.documentElement.dataset.user;
const me = await api("GET", "/api/v1/me");
const view = new Conversation();
const phone = new Phone($("remote-audio"));
const ringer = new Ringer();
const inquiries = new Inquiries({
  user, areas: view.areas, mine: (area) => Boolean(me.areas?.includes(area)), onOpen: (id) => (id ? openInquiry(id) : select(null)), onList: (fresh, written) => listed(fresh, written),
  onShow: () => shownInquiry(), dial: (call) => dial(call), party: () => view.party(), caseNumber: () => view.conv?.case_number,
});
const today = new Today({ user, onList: (fresh) => metToday(fresh) });
const inbox = new Inbox($("inbox"), { user, areas: view.areas, inquiries, today, onOpen: (id) => select(id), onAnswer: (id) => answer(id) });
const title = document.title;

// The phone lives in one tab, the one that holds this lock until it closes. Answering in
// another tab takes it over.
let owner = false;
function holdPhone(steal = false) {
  return new Promise((held) => {
    navigator.locks.request("samtale-phone", { steal }, () => {
      owner = true;
      held();
      rejoin();
      return new Promise(() => {});
    }).catch(() => { // another tab took it
      owner = false;
      phone.end();
      ringer.stop();
      setTimeout(holdPhone); // not at once: while a page goes, Safari refuses each request, without an end
    });
  });
}
if (navigator.locks) holdPhone();
else owner = true; // only over plain http, where there is no microphone either

const callOf = (id) => inbox.calls.find((c) => c.conversation_id === id);
const current = () => callOf(view.id);

/* What is open: a conversation, or an inquiry with the conversation that it became. */

const narrow = () => matchMedia("(max-width: 60em)").matches; // the panes stand below each other

async function select(id) {
  if (!(await shows(id))) return;
  inquiries.show(null);
  $("call-pane").hidden = false;
  drawOpen();
  if (narrow()) $("talk-title").scrollIntoView();
}

/** shows puts a conversation's words and note on screen; false when the note before could not be stored. */
async function shows(id) {
  await view.show(id);
  if (view.id !== id) return false;
  view.setCall(current() ?? null);
  return true;
}

async function openInquiry(id) {
  if (id === inquiries.open?.id) return;
  const known = inquiries.list.find((i) => i.id === id);
  if (!(await shows(conversationOf(known)))) return;
  $("call-pane").hidden = true;
  inquiries.show(id);
  drawOpen();
  if (narrow()) $("inq-title").scrollIntoView();
}

/** conversationOf is where the words and the note of an inquiry are; nothing before somebody has claimed it. */
function conversationOf(i) {
  if (!i || i.state === "waiting" || i.state === "withdrawn") return null;
  return i.channel === "callback" ? i.call_id || null : i.conversation_id;
}

async function shownInquiry() {
  const i = inquiries.open;
  const id = conversationOf(i);
  if (id !== view.id && !view.note.dirty) await shows(id);
  if (i !== inquiries.open) return;
  drawOpen();
  if (i.state === "waiting" || i.state === "claimed") assist.written(inquiries.said);
}

function drawOpen() {
  const i = inquiries.open;
  inbox.selected = view.id;
  assist.about(view.id ?? i?.conversation_id ?? null);
  inbox.draw();
  drawControls();
  drawRegarding();
  drawTitle();
}

/** drawRegarding shows, during a call-back, what the citizen has written. */
function drawRegarding() {
  const i = inquiries.list.find((x) => x.call_id && x.call_id === view.id);
  $("regarding").hidden = !i;
  if (!i) return;
  write($("regarding-text"), i.summary);
  $("regarding-open").onclick = () => openInquiry(i.id);
}

const noted = () => view.note.note?.conversation_id === assist.key; // the note of what the assistant is about is there
const assist = new Assist({ put: (text) => noted() && view.note.put(text), coming: () => !noted() });
stayAtEnd($("transcript"));
view.heard = (words) => !inquiries.open && assist.heard(words);
view.noted = () => noted() && assist.noted();
view.onRelated = (id, e) => {
  if (e.ctrlKey || e.metaKey || e.shiftKey) return; // another tab is wanted
  e.preventDefault();
  select(id);
};

/** listed is told of the inquiries that wait: quieter than a call, and not at all during one. */
function listed(fresh, written) {
  inbox.draw();
  drawRegarding();
  drawTitle();
  if (fresh.length) {
    const i = fresh.at(-1);
    tell(t("desk.inq.new", { what: t("desk.inq.channel." + i.channel), name: nameOf(i), area: inquiries.areaOf(i) }));
    if (document.hidden) notify(t("desk.inq.new.title"), inquiries.areaOf(i), i.id, () => openInquiry(i.id));
  }
  if ((fresh.length || written) && owner && !phone.active) ringer.once();
  if (written && document.hidden) notify(t("desk.inq.message.title"), "", "message", () => {});
}

/** metToday is told of the meetings of today, and of those in which somebody has come to the lobby. */
function metToday(fresh) {
  inbox.draw();
  for (const m of fresh) {
    const n = m.participants.filter((p) => p.state === "lobby").length;
    tell(`${m.title}: ${t("item.lobby", { n })}`);
    if (document.hidden) notify(t("item.lobby", { n }), m.title, m.id, () => {});
  }
  if (fresh.length && owner && !phone.active) ringer.once();
}

/* What happens. */

let reload;
const list = newest(() => api("GET", "/api/v1/conversations?limit=200"), ({ conversations }) => {
  inbox.list = conversations;
  inbox.draw();
});
function loadList() {
  clearTimeout(reload);
  reload = setTimeout(() => list().catch(failed), 250);
}

events("/api/v1/events", {
  calls: ({ calls }) => setCalls(calls),
  changed: loadList,
  inquiry: () => inquiries.load(),
  resync: loadAll,
}, (up) => {
  write($("line-state"), up ? "" : t("line.down"));
  $("line-state").classList.toggle("bad", !up);
  if (up) loadAll();
});

function loadAll() {
  loadList();
  inquiries.load();
}

function setCalls(calls) {
  const before = new Set(inbox.ringing.map((c) => c.conversation_id));
  inbox.calls = calls;
  inbox.draw();
  ring(inbox.ringing.filter((c) => !before.has(c.conversation_id)));
  const own = callOf(phone.id);
  if (phone.active && (!own || (own.caseworker && own.caseworker !== user))) {
    tell(t("call.over"));
    phone.end();
  }
  if (view.id) view.setCall(current() ?? null);
  if (!view.id && !inquiries.open && inbox.mine.length) select(inbox.mine[0].conversation_id);
  rejoin();
  drawControls();
}

function ring(fresh) {
  drawTitle();
  if (!isRinging()) ringer.stop();
  else if (owner) ringer.start();
  for (const c of fresh) {
    const name = c.party?.name || c.party?.number || t("unknown.caller");
    write($("announce"), t("announce.ringing", { name }));
    if (document.hidden) notify(t("title.ringing"), name, c.conversation_id, () => select(c.conversation_id));
  }
}

const isRinging = () => inbox.ringing.length > 0 && !phone.active;

function drawTitle() {
  const n = inquiries.waiting.length + inquiries.unread;
  document.title = isRinging() ? `☎ ${t("title.ringing")} – ${title}` : n ? `(${n}) ${title}` : title;
}

/** notify shows a notification outside the window, where that was allowed. */
function notify(heading, body, tag, then) {
  if (globalThis.Notification?.permission !== "granted") return;
  const n = new Notification(heading, { body, tag });
  n.onclick = () => { focus(); then(); };
}

/* The call. */

let answered; // the call whose first button gets the focus when it is there

async function answer(id) {
  answered = id;
  select(id);
  ringer.stop();
  try {
    if (!owner) await holdPhone(true);
    await view.reply(phone.answer(id));
  } catch (err) {
    failed(err);
  }
  drawControls();
}

const inCall = "samtale-call"; // the tab's call outlives a reload

/** rejoin takes the audio of an own call back after a reload, where the microphone is allowed. */
let trying = false;
let gaveUp; // the call whose audio could not be taken back: the button is left
async function rejoin() {
  const lost = inbox.calls.find((c) => c.channel !== "siprec" && (c.caseworker === user ? ["talking", "held"].includes(c.state) : isFree(c) && c.conversation_id === sessionStorage.getItem(inCall)));
  if (!owner || trying || phone.active || phone.connecting || !lost || lost.conversation_id === gaveUp) return;
  const allowed = await navigator.permissions?.query({ name: "microphone" }).catch(() => null);
  if (allowed?.state !== "granted" || phone.active || phone.connecting) return;
  trying = true;
  try {
    await phone.answer(lost.conversation_id);
    if (!view.id) select(lost.conversation_id);
    tell(t("call.rejoined"));
  } catch (err) {
    gaveUp = lost.conversation_id;
    failed(err);
  }
  trying = false;
}

phone.addEventListener("change", () => {
  if (phone.active) sessionStorage.setItem(inCall, phone.id);
  else sessionStorage.removeItem(inCall);
  drawControls();
});
phone.addEventListener("problem", (e) => failed(e.detail));
phone.addEventListener("silent", () => tell(t("audio.click"), "bad"));
addEventListener("online", () => phone.active && phone.answer(phone.id).catch(failed));

const control = (action, value) => view.control(action, value);
const actions = {
  answer: () => {
    const c = current();
    const target = c && isFree(c) ? c : inbox.ringing[0];
    if (target) answer(target.conversation_id);
  },
  hold: () => onCall((c) => control(c.state === "held" ? "resume" : "hold")),
  mute: () => onCall((c) => {
    phone.mute(!c.muted);
    return control(c.muted ? "unmute" : "mute");
  }),
  hangup: () => onCall(async () => {
    await control("hangup");
    phone.end();
  }),
};

function onCall(f) {
  const c = current();
  if (c && c.caseworker === user) f(c);
}

$("c-answer").addEventListener("click", actions.answer);
$("c-rejoin").addEventListener("click", () => answer(view.id));
$("c-hold").addEventListener("click", actions.hold);
$("c-mute").addEventListener("click", actions.mute);
$("c-hangup").addEventListener("click", actions.hangup);
$("c-transfer").addEventListener("click", () => transfer());
$("c-merge").addEventListener("click", () => control("merge"));
$("c-unmerge").addEventListener("click", () => control("cancel"));
$("c-meet").addEventListener("click", () => {
  const { call, conv } = view;
  const number = conv?.party?.number ?? call?.party?.number ?? "";
  meet({
    follows: view.id, area: view.areas.get(call?.service_area ?? conv?.service_area), caseNumber: conv?.case_number,
    citizen: { name: conv?.party?.name ?? call?.party?.name ?? "", phone: /^\+?[0-9 ]{8,16}$/.test(number) ? number : "" },
  });
});
$("c-keypad").addEventListener("click", () => open($("keypad-dialog")));

/** drawControls shows what can be done with the call. The focus follows: to the first button when it is answered, and to the words when it is over. */
function drawControls() {
  const inside = $("controls").contains(document.activeElement);
  showControls();
  if (answered && answered === view.id && $("c-mute").checkVisibility()) {
    answered = undefined;
    if (!document.activeElement.matches("input, textarea")) $("c-mute").focus();
  } else if (inside && (document.activeElement === document.body || !document.activeElement.checkVisibility())) { // the button that had it is gone
    const next = $("controls").querySelector("button:not([hidden])");
    (next?.checkVisibility() ? next : $("talk-title")).focus();
  }
}

function showControls() {
  const c = current();
  const mine = c?.caseworker === user && c.channel !== "siprec"; // a desk telephone has its own buttons
  const free = c && isFree(c);
  $("controls").hidden = !(mine || free);
  write($("ends-by"), mine && c.ends_by ? t("call.endsby", { clock: clock(c.ends_by) }) : "");
  $("ends-by").hidden = !(mine && c.ends_by);
  const here = phone.id === view.id;
  drawConsult(c);
  const show = { "c-merge": mine && c.consult === "talking", "c-unmerge": mine && c.consult === "merged", "c-answer": free, "c-rejoin": mine && !here, "c-hold": mine, "c-mute": mine && here, "c-transfer": mine, "c-keypad": mine, "c-meet": mine, "c-hangup": mine, levels: mine && here };
  for (const [id, on] of Object.entries(show)) $(id).hidden = !on;
  if (!mine) return;
  $("c-hold").setAttribute("aria-pressed", c.state === "held");
  write($("c-hold"), t(c.state === "held" ? "call.resume" : "call.hold"));
  $("c-mute").setAttribute("aria-pressed", Boolean(c.muted));
  write($("c-mute"), t(c.muted ? "call.unmute" : "call.mute"));
  const lost = here && ["disconnected", "failed"].includes(phone.state);
  write($("quality"), lost ? t("quality.reconnecting") : c.quality ? t("quality." + c.quality) : "");
}

setInterval(() => {
  if (inbox.calls.some((c) => c.caseworker === user && c.state === "talking")) atWork();
  for (const [id, level] of [["level-mic", phone.sendLevel], ["level-remote", phone.heardLevel]]) {
    $(id).style.setProperty("--level", phone.active && level ? level().toFixed(2) : 0);
  }
}, 100);

/* Dialogs. */

function problemIn(id, err) {
  write($(id), err.message);
  $(id).hidden = false;
}

function areaOptions(select, none) {
  const options = [...view.areas.values()].filter((a) => none || me.areas?.includes(a.id));
  select.replaceChildren(...(none ? [el("option", { value: "" }, t("transfer.none"))] : []),
    ...options.map((a) => el("option", { value: a.id }, document.documentElement.lang === "en" ? a.name_en || a.name : a.name)));
}

function transfer() {
  areaOptions($("transfer-area"), true);
  $("transfer-to").value = "";
  $("transfer-error").hidden = true;
  drawConsult(current());
  open($("transfer-dialog"));
}

/** drawConsult shows where a consultation stands: asking somebody first, or all three together. */
function drawConsult(c) {
  const on = Boolean(c?.consult);
  for (const e of $("transfer-dialog").querySelectorAll("[data-before]")) e.hidden = on;
  $("transfer-asked").hidden = $("transfer-state").hidden = !on;
  write($("transfer-state"), on ? t("desk.consult." + c.consult) : "");
  $("transfer-complete").disabled = !on || c.consult === "calling";
  $("transfer-merge").disabled = c?.consult !== "talking";
}

const target = () => ($("transfer-area").value ? `area:${$("transfer-area").value}` : $("transfer-to").value.trim());

async function transferStep(action, value, done) {
  try {
    if (value === "") throw new Error(t("transfer.whom"));
    await view.reply(api("POST", `/api/v1/calls/${view.id}/control`, { action, value }));
    done();
  } catch (err) {
    problemIn("transfer-error", err);
  }
}

const closeTransfer = () => $("transfer-dialog").close("done");
$("transfer-dialog").querySelector("form").addEventListener("submit", (e) => {
  e.preventDefault();
  transferStep("transfer", target(), closeTransfer);
});
$("transfer-consult").addEventListener("click", () => transferStep("consult", target(), () => {
  drawConsult(view.call?.consult ? view.call : { consult: "calling" }); // the list of calls may not know it yet
  $("transfer-cancel").focus();
}));
$("transfer-merge").addEventListener("click", () => transferStep("merge", undefined, closeTransfer));
$("transfer-complete").addEventListener("click", () => transferStep("complete", undefined, closeTransfer));
$("transfer-cancel").addEventListener("click", () => transferStep("cancel", undefined, closeTransfer));

for (const k of "123456789*0#") {
  $("keypad").append(el("button", { type: "button", class: "button button-secondary", onclick: () => press(k) }, k));
}
$("keypad-dialog").addEventListener("keydown", (e) => /^[0-9*#]$/.test(e.key) && press(e.key));
async function press(k) {
  $("keypad-sent").textContent += k;
  await control("dtmf", k);
}

$("dial-open").addEventListener("click", () => dial());
/** dial asks for the number; done gets the call when it was placed. */
async function dial({ to = "", area, regarding, done } = {}) {
  areaOptions($("dial-area"), false);
  if (area && me.areas?.includes(area)) $("dial-area").value = area;
  $("dial-to").value = to;
  $("dial-error").hidden = true;
  const form = $("dial-dialog").querySelector("form");
  form.onsubmit = async (e) => {
    e.preventDefault();
    try {
      if (!owner) await holdPhone(true);
      const call = await phone.dial($("dial-to").value.trim(), $("dial-area").value, regarding);
      $("dial-dialog").close("done");
      select(call.conversation_id);
      done?.(call);
    } catch (err) {
      problemIn("dial-error", err);
    }
  };
  open($("dial-dialog"));
}

$("setup-open").addEventListener("click", async () => {
  open($("setup-dialog"));
  await listDevices();
});
async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const fill = (id, kind, chosen) => $(id).replaceChildren(el("option", { value: "" }, t("setup.default")),
    ...all.filter((d) => d.kind === kind && d.deviceId && d.deviceId !== "default").map((d, i) => el("option", { value: d.deviceId, selected: d.deviceId === chosen }, d.label || `${t("setup.device")} ${i + 1}`)));
  fill("setup-mic", "audioinput", phone.mic);
  fill("setup-speaker", "audiooutput", phone.speaker);
}
for (const id of ["setup-mic", "setup-speaker"]) {
  $(id).addEventListener("change", () => phone.use({ mic: $("setup-mic").value, speaker: $("setup-speaker").value }).catch(failed));
}
$("setup-test").addEventListener("click", async () => {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of stream.getTracks()) track.stop();
    await listDevices();
    ringer.start();
    setTimeout(() => ringer.stop(), 1000);
    write($("setup-hint"), t("setup.works"));
  } catch {
    write($("setup-hint"), t("mic.denied"));
  }
});
$("setup-notify").addEventListener("click", async () => {
  const answer = await globalThis.Notification?.requestPermission();
  write($("setup-hint"), t(answer === "granted" ? "setup.notify.yes" : "setup.notify.no"));
});

/* Messages: call back, close the task. */

const task = el("div", { class: "task", hidden: true },
  el("span", {}, t("task.text")),
  el("button", { type: "button", class: "chip", onclick: () => dial({ to: view.conv?.party?.number, regarding: view.id }) }, t("task.call")),
  el("button", { type: "button", class: "chip", onclick: closeTask }, t("task.close")));
$("talk-bar").after(task);
const draw = view.draw.bind(view);
view.draw = () => {
  draw();
  if (view.call) drawConsult(view.call); // told here or in the list of calls, whichever is later
  task.hidden = !view.conv?.call_back;
};
async function closeTask() {
  try {
    view.conv = await api("POST", `/api/v1/conversations/${view.id}/task/close`);
    view.draw();
    tell(t("task.closed"));
  } catch (err) {
    failed(err);
  }
}

/* Demo. */

const demo = (id, to) => $(id)?.addEventListener("click", async () => {
  $(id).disabled = true;
  try {
    await api("POST", "/api/v1/demo", { to });
    tell(t(to === "besked" ? "demo.message.started" : "demo.started"));
  } catch (err) {
    failed(err);
  }
  $(id).disabled = false;
});
demo("demo-call", "borgerservice");
demo("demo-message", "besked");

shortcuts([
  { key: "s", does: t("key.answer"), run: actions.answer },
  { key: "m", does: t("key.mute"), run: actions.mute },
  { key: "h", does: t("key.hold"), run: actions.hold },
  { key: "v", does: t("key.transfer"), run: () => onCall(() => transfer()) },
  { key: "x", does: t("key.hangup"), run: actions.hangup },
  { key: "j", does: t("key.down"), run: () => inbox.step(1) },
  { key: "k", does: t("key.up"), run: () => inbox.step(-1) },
  { key: "Alt ↓", does: t("key.next.writing") },
  { key: "Alt ↑", does: t("key.previous.writing") },
  { key: "n", does: t("key.next"), run: () => view.note.step(1) },
  { key: "p", does: t("key.previous"), run: () => view.note.step(-1) },
  { key: "g", does: t("key.approve"), run: () => view.note.approve() },
  { key: "t", does: t("key.claim"), run: () => inquiries.open?.state === "waiting" && inquiries.claim() },
  { key: "c", does: t("key.write"), run: () => $("inq-text").offsetParent && $("inq-text").focus() },
  { key: "a", does: t("key.ask"), run: () => $("assist-question").offsetParent && $("assist-question").focus() },
]);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  inquiries.load();
  inquiries.read();
});

try {
  view.learn((await api("GET", "/api/v1/areas")).areas);
} catch (err) {
  failed(err);
}
inbox.draw();
const wanted = new URLSearchParams(location.search);
if (wanted.has("samtale")) select(wanted.get("samtale"));
else if (wanted.has("henvendelse")) openInquiry(wanted.get("henvendelse"));
document.documentElement.dataset.ready = "desk"; // everything answers from here on
