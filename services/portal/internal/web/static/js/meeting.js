// One participant's way through a meeting: device check, what is written down, lobby, room.

import { $, ask, atWork, el, failed, keyed, keystrokes, Problem, t, tell, write } from "./lib.js";
import { background } from "./meeting_blur.js";
import { keepDevices, keptDevices } from "./meeting_devices.js";
import { awaited, dialButton, dialForm, phoneMarks } from "./meeting_dial.js";
import { loginMarks, proven } from "./meeting_login.js";
import { level, Media, pause, tone } from "./meeting_media.js";
import { drawNetwork, lost, networkMark } from "./meeting_network.js";
import { drawRecording, recordChoice, unanswered } from "./meeting_record.js";
import { measure, netText } from "./meeting_trial.js";
import { drawWriting } from "./meeting_write.js";

const page = $("meeting");
let entry = JSON.parse(page.dataset.entry);
const seat = entry.seat;
const base = `/api/v1/meetings/${seat.meeting_id}/room/`;
const headers = { "Samtale-Seat": `${seat.participant_id} ${seat.key}` };

const able = "RTCPeerConnection" in globalThis; // else one may write and read
let local; // what camera and microphone give
let media;
let stopLevel = () => {};
const report = {};

/** send asks the room about this seat. */
async function send(op, body) {
  let r;
  try {
    r = await fetch(base + op, { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) });
  } catch {
    throw new Problem({ kind: "offline", detail: t("offline") });
  }
  if (r.ok) return r.json();
  throw new Problem(await r.json().catch(() => ({ kind: "internal", detail: t("offline"), status: r.status })));
}

let told = 0; // how often the room's events have said what is so
let replies = 0; // how often a reply has

/** change asks for something after which the seat stands otherwise. */
async function change(op, body) {
  const before = told;
  const reply = await send(op, body);
  replies++;
  if (told === before) entry = reply; // else an event that may be newer has overtaken it, or is what the reply says
}

const act = async (action, extra = {}) => {
  try {
    await change("act", { action, ...extra });
    drawRoom();
    return true;
  } catch (err) {
    failed(err);
    return false;
  }
};

dialForm(act);

const pageTitle = document.title; // the meeting's, and whose page it is
const steps = ["second", "cannot", "check", "info", "lobby", "room", "over"];
let step = "";

function show(name) {
  if (step === name) return;
  step = name;
  for (const s of steps) $(`m-${s}`).hidden = s !== name;
  page.dataset.step = name;
  document.title = `${$(`m-${name}-h`).textContent} – ${pageTitle}`;
  document.body.classList.toggle("m-in-room", name === "room");
  $(`m-${name}-h`).focus();
}

function problem(text) {
  write($("m-problem"), text ?? "");
  $("m-problem").hidden = !text;
}

// 1. Devices.

async function devices() {
  stopLevel();
  for (const track of local?.getTracks() ?? []) track.stop();
  const kept = keptDevices();
  const want = (id) => ($(id).value ? { deviceId: { exact: $(id).value } } : kept[id] ? { deviceId: { ideal: kept[id] } } : true);
  local = new MediaStream();
  for (const [kind, id, key] of [["audio", "m-mic", "microphone"], ["video", "m-camera", "camera"]]) {
    try {
      const constraint = kind === "video" ? { ...(want(id) === true ? {} : want(id)), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } : want(id);
      const s = await navigator.mediaDevices.getUserMedia({ [kind]: constraint });
      for (const track of s.getTracks()) local.addTrack(track);
      report[key] = "ok";
    } catch (err) {
      report[key] = err.name === "NotAllowedError" ? "denied" : err.name === "NotFoundError" ? "none" : "busy";
    }
  }
  report.speaker = "ok";
  report.browser = navigator.userAgentData?.brands?.at(-1)?.brand ?? "";
  write($("m-camera-state"), report.camera === "ok" ? "" : t(`m.dev.camera.${report.camera}`));
  write($("m-mic-state"), report.microphone === "ok" ? t("m.mic.say") : t(`m.dev.mic.${report.microphone}`));
  $("m-preview").srcObject = local;
  $("m-preview").play().catch(() => {});
  if (local.getAudioTracks().length) stopLevel = level(local, (v) => ($("m-level").value = v));
  blur.use(local.getVideoTracks()[0]);
  await list();
}

const blur = background(() => local?.getVideoTracks()[0]);

/** network measures the way that sound and picture will take, and tells the caseworker, too, when one waits by then. */
async function network() {
  $("m-net-again").hidden = true;
  write($("m-net"), t("m.net.tries"));
  const found = await measure(send, () => step === "room" || step === "over");
  if (!found) return;
  Object.assign(report, found);
  write($("m-net"), netText(report));
  $("m-net-again").hidden = false;
  if (step === "lobby") await knock();
}

async function knock() {
  await change("knock", knocked());
  if (step !== "over") go(); // else it was decided meanwhile
}
$("m-net-again").addEventListener("click", () => network().catch(() => {}));

async function list() {
  const all = await navigator.mediaDevices.enumerateDevices();
  for (const [kind, id] of [["videoinput", "m-camera"], ["audioinput", "m-mic"], ["audiooutput", "m-speaker"]]) {
    const found = all.filter((d) => d.kind === kind);
    const now = (kind === "videoinput" ? local.getVideoTracks() : kind === "audioinput" ? local.getAudioTracks() : [])[0]?.getSettings().deviceId || $(id).value || keptDevices()[id];
    $(id).replaceChildren(...found.map((d, i) => el("option", { value: d.deviceId }, d.label || `${t(`m.${kind}`)} ${i + 1}`)));
    if (found.some((d) => d.deviceId === now)) $(id).value = now;
    $(id).closest(".form-group").hidden = found.length === 0;
  }
}

for (const id of ["m-camera", "m-mic", "m-speaker"]) {
  $(id).addEventListener("change", () => {
    keepDevices({ [id]: $(id).value });
    if (id !== "m-speaker") devices();
  });
}
$("m-tone").addEventListener("click", () => tone($("m-speaker").value).catch(failed));
$("m-checked").addEventListener("click", () => show("info"));
$("m-without").addEventListener("click", () => {
  for (const track of local?.getTracks() ?? []) track.stop();
  local = new MediaStream();
  show("info");
});
$("m-chat-only").addEventListener("click", () => show("info"));
$("m-back").addEventListener("click", () => show(able ? "check" : "cannot"));

// 2. What is written down, and who one is.

function knocked() {
  const choice = document.querySelector('input[name="m-transcribe"]:checked')?.value;
  return { name: $("m-name").value.trim(), say: $("m-say").value.trim() || undefined, transcribe: choice ? choice === "yes" : undefined, record: recordChoice(), report };
}

$("m-info").addEventListener("change", (e) => e.target.closest("fieldset")?.querySelector(".form-error-message")?.remove());
$("m-knock").addEventListener("click", async () => {
  const choice = document.querySelector('input[name="m-transcribe"]:checked')?.value;
  const missing = entry.meeting.choices.transcript && !choice ? ["m-transcribe", t("m.write.choose")] : unanswered(entry) ? ["m-record", unanswered(entry)] : null;
  if (missing) {
    problem(missing[1]);
    const first = document.querySelector(`input[name="${missing[0]}"]`);
    const field = first.closest("fieldset");
    if (!field.querySelector(".form-error-message")) field.querySelector("legend").after(el("p", { class: "form-error-message" }, missing[1]));
    return first.focus();
  }
  if (!entry.me.verified && !$("m-name").value.trim()) {
    problem(t("m.name.missing"));
    return $("m-name").focus();
  }
  try {
    problem("");
    await knock();
  } catch (err) {
    problem(err.message);
  }
});

// 3. The lobby.

$("m-unknock").addEventListener("click", leave);

function lobby() {
  const { place, wait_mins: wait } = entry.me;
  write($("m-place"), place > 1 ? t("m.place", { n: place, wait: wait ? t("m.wait", { n: wait }) : "" }) : wait ? t("m.wait", { n: wait }) : t("m.soon"));
}

// 4. The room.

const people = new Map(); // person → tracks by source
const speaking = new Set();
let active; // of those who speak the one to look at
let spoken = 0; // how often it was told who speaks

/** silent is the room of a browser that has neither sound nor picture: there is the chat, and what is written down. */
function silent() {
  for (const id of ["m-b-mic", "m-b-camera", "m-b-screen", "m-b-rtt"]) $(id).hidden = true;
  $("m-silent").hidden = false;
  $("m-tiles").hidden = true; // nothing would be seen in them
  if ($("m-panel").hidden) $("m-b-chat").click();
  return missed();
}

async function enter() {
  stopLevel();
  tabs.postMessage("here");
  if (!able) return silent();
  if (!local) local = new MediaStream();
  if (media) return;
  const mine = (media = new Media(send, {
    track(person, source, track) {
      if (!people.has(person)) people.set(person, {});
      people.get(person)[source] = track;
      drawTiles();
    },
    gone(person, source, track) {
      if (people.get(person)?.[source] === track) delete people.get(person)[source]; // a newer one may be there by now
      drawTiles();
    },
    text: typed,
    broken: (person) => typing.get(person)?.text && typed(person, "\uFFFD"), // T.140: of this line some may be missing
    state(side, state) {
      page.dataset[side] = state;
      if (state === "disconnected" || state === "failed") notice(t("m.reconnect"));
      else if (page.dataset.in === "connected" && page.dataset.out === "connected") notice("");
    },
  }));
  mine.under(terms());
  if (!entry.ice_servers) await look(); // whoever comes from the lobby was not told of them yet
  mine.iceServers = entry.ice_servers ?? [];
  if (entry.me.muted) for (const track of local.getAudioTracks()) track.enabled = false; // before anything is sent
  try {
    const camera = entry.me.camera || !sessionStorage.getItem(seat.meeting_id); // off stays off when the page is loaded again
    sessionStorage.setItem(seat.meeting_id, "in");
    await mine.start(local, camera);
    if (camera && !entry.me.camera && local.getVideoTracks().length) act("camera", { value: "on" });
  } catch (err) {
    problem(err.message);
  }
  await missed();
}

/** missed shows what was written and said while the events were away, and takes an offer that nobody was there to take. */
async function missed() {
  for (let attempt = 0; step !== "over"; attempt++) {
    const before = spoken;
    try {
      const r = await fetch(base + "history", { headers });
      if (r.ok) {
        const { messages, captions: lines, offer, levels } = await r.json();
        if (spoken === before) handlers.speak({ levels }); // no event that may be newer has told it
        messages.forEach(message);
        lines.forEach(caption);
        if (offer) media?.offered(offer);
        return;
      }
      if (r.status < 500 && r.status !== 429) return; // not in the room any more
    } catch {
      // the network is away again
    }
    await pause(attempt);
  }
}

/** look takes over how the seat stands now, unless an event that may be newer says it meanwhile. */
async function look() {
  for (let attempt = 0; step !== "over"; attempt++) {
    const before = { told, replies };
    try {
      const now = await send("look");
      entry.ice_servers ??= now.ice_servers;
      if (told !== before.told) return;
      if (replies === before.replies) return stands(now.meeting);
      continue; // which of the two is newer nobody knows
    } catch (err) {
      if (err.kind === "not-found") return handlers.ended();
      if (err.kind === "denied") return handlers.notice({ notice: "dropped" }); // there is no such seat any more
      if (["unauthenticated", "invalid"].includes(err.kind)) return;
    }
    await pause(attempt);
  }
}

/** terms are who reads what is typed, and whether it is written down. */
const terms = () => [entry.me.state, Boolean(entry.meeting.paused), entry.me.transcribe].join();

/** stands shows a meeting that is at least as new as what is known. Who is out comes back by loading the page: what was on its way still is older. */
function stands(meeting) {
  if (step === "over") return;
  entry.meeting = meeting;
  const me = meeting.participants.find((p) => p.id === seat.participant_id);
  if (!me) return;
  const before = entry.me.state;
  entry.me = { ...me };
  if (me.state !== before && !(before === "left" && me.state === "left")) go();
  else if (step === "lobby") lobby();
  else if (step === "room") drawRoom();
}

const nameOf = (id) => entry.meeting.participants.find((p) => p.id === id)?.name || t("m.somebody");

function drawRoom() {
  media?.under(terms());
  const me = entry.me;
  const m = entry.meeting;
  const muted = Boolean(me.muted);
  for (const track of local?.getAudioTracks() ?? []) track.enabled = !muted;
  const press = (id, on) => $(id)?.setAttribute("aria-pressed", String(on));
  press("m-b-mic", !muted);
  press("m-b-camera", Boolean(me.camera));
  press("m-b-screen", Boolean(me.screen));
  press("m-b-hand", Boolean(me.hand));
  press("m-b-pause", Boolean(m.paused));
  press("m-b-lock", Boolean(m.locked));
  press("m-b-side", me.state === "side");
  $("m-b-pause").hidden = !m.choices.transcript && !m.choices.recording;
  drawRecording(entry, act);
  drawWriting(entry, act);
  drawNetwork(me);
  page.dataset.paused = String(Boolean(m.paused));
  const others = m.participants.filter((p) => p.state === "room" || p.state === "side" || p.state === "lobby" || (entry.can_act && awaited(p)));
  keyed($("m-people"), others, (p) => p.id, () => el("li"), (e, p) => {
    const now = JSON.stringify(p);
    if (e.dataset.now === now) return;
    e.dataset.now = now;
    e.replaceChildren(...person(p));
  });
  drawTiles();
}

function person(p) {
  const out = [
    el("strong", {}, p.name || t(`m.role.${p.role}`)), " ", p.name ? el("span", { class: "quiet" }, t(`m.role.${p.role}`)) : null,
    p.say && entry.can_act ? el("span", { class: "m-flag" }, t("m.said", { say: p.say })) : null,
    ...loginMarks(p),
    ...phoneMarks(p),
    networkMark(p, entry.can_act),
    p.hand ? el("span", { class: "m-flag" }, t("m.hand.up")) : null,
    p.muted ? el("span", { class: "m-flag" }, t("m.muted")) : null,
    p.state === "lobby" ? el("span", { class: "m-flag" }, t("m.state.lobby")) : null,
    p.state === "side" ? el("span", { class: "m-flag" }, t("m.state.side")) : null,
    p.away ? el("span", { class: "m-flag" }, t("m.away")) : null,
  ].filter(Boolean);
  if (!entry.can_act || p.id === entry.me.id) return out;
  const button = (text, f) => el("button", { type: "button", class: "chip", onclick: f }, text);
  if (p.again) out.push(el("span", { class: "m-flag" }, t("m.elsewhere.waits")));
  if (p.state === "lobby" && p.report?.network) out.push(el("span", { class: "quiet m-about" }, netText(p.report)));
  if (p.state === "lobby" || p.again) {
    out.push(
      button(t("meetings.admit"), () => decide(p, "admit")),
      button(t("meetings.tell"), () => written(p, "tell", true)),
      button(t("meetings.postpone"), () => written(p, "postpone", false)),
      button(t("meetings.refuse"), () => decide(p, "refuse")),
    );
  }
  const dial = dialButton(p, act);
  if (dial) out.push(dial);
  if (p.state === "room" || p.state === "side" || p.line === "ringing") {
    if (!p.muted && p.line !== "ringing") out.push(button(t("m.mute"), () => act("mute", { target: p.id })));
    out.push(button(t("m.remove"), () => act("remove", { target: p.id })));
  }
  return out;
}

/** written decides with words that who waits gets to read. */
async function written(p, decision, required) {
  const title = t(`meetings.${decision}`);
  const text = await ask({ title, text: p.name || t(`m.role.${p.role}`), label: t("m.message"), required, yes: required ? t("m.send") : title });
  if (text || (text === "" && !required)) decide(p, decision, text);
}

const decide = async (p, decision, text) => {
  const r = await fetch(`/api/v1/meetings/${seat.meeting_id}/admit`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ participant_id: p.id, decision, text }),
  });
  if (!r.ok) failed(new Problem(await r.json()));
};

function drawTiles() {
  const here = entry.meeting.participants.filter((p) => p.state === entry.me.state);
  const tiles = here.map((p) => ({ id: p.id, p, source: "camera" }));
  for (const p of here) if (p.id !== entry.me.id && people.get(p.id)?.screen) tiles.unshift({ id: `${p.id}~screen`, p, source: "screen" });
  tiles.sort((a, b) => (a.p.role === "interpreter") - (b.p.role === "interpreter") || (a.source === "camera") - (b.source === "camera"));
  $("m-tiles").dataset.count = String(tiles.length);
  keyed($("m-tiles"), tiles, (x) => x.id, (x) => el("figure", { class: "m-tile" }, el("video", { autoplay: true, playsInline: true }), el("audio", { autoplay: true }), el("figcaption")), (e, { p, source }) => {
    const [video, audio, text] = e.children;
    const mine = p.id === entry.me.id;
    const tracks = mine ? { camera: local?.getVideoTracks()[0] } : people.get(p.id) ?? {};
    const picture = (mine ? entry.me.camera : source === "screen" || p.camera !== false) ? tracks[source] : undefined;
    put(video, picture);
    video.muted = true;
    video.hidden = !picture;
    put(audio, mine ? undefined : tracks[source === "screen" ? "sound" : "microphone"]);
    e.dataset.person = p.id;
    e.classList.toggle("screen", source === "screen");
    e.classList.toggle("pinned", p.role === "interpreter");
    e.classList.toggle("speaking", speaking.has(p.id) && source === "camera");
    e.classList.toggle("active", p.id === active && source === "camera");
    const name = mine ? t("m.you", { name: p.name ?? "" }) : p.name || t(`m.role.${p.role}`);
    const words = [source === "screen" ? t("m.screen.of", { name }) : name, lost(p) && t("m.network.lost"), proven(p) && t("m.verified"), p.by_phone && `☎ ${t("m.phone")}`, p.line && t(`m.line.${p.line}`), p.muted && t("m.muted"), p.hand && t("m.hand.up"), speaking.has(p.id) && t("m.speaks")];
    write(text, words.filter(Boolean).join(" · "));
  });
}

function put(element, track) {
  if ((element.srcObject?.getTracks()[0] ?? undefined) === track) return;
  element.srcObject = track ? new MediaStream([track]) : null;
  if (!track) return;
  if (track.kind === "audio" && $("m-speaker").value) element.setSinkId?.($("m-speaker").value).catch(() => {}); // it is gone: the usual one
  play(element);
}

/** play asks for a click where the browser wants one before it gives any sound. */
function play(element) {
  element.play().then(
    () => {},
    (err) => {
      if (err.name === "NotAllowedError" && element.localName === "audio") $("m-hear").hidden = false;
    },
  );
}
$("m-hear-go").addEventListener("click", () => {
  $("m-hear").hidden = true;
  for (const e of document.querySelectorAll("#m-tiles audio, #m-tiles video")) if (e.srcObject) play(e);
});

function notice(text) {
  write($("m-notice"), text);
}

const toggle = (id, f) => $(id)?.addEventListener("click", f);
toggle("m-b-mic", () => act(entry.me.muted ? "unmute" : "mute"));
toggle("m-b-camera", async () => {
  const on = !entry.me.camera;
  if (on && !local.getVideoTracks().length) {
    try {
      const s = await navigator.mediaDevices.getUserMedia({ video: true });
      local.addTrack(s.getVideoTracks()[0]);
      blur.use(s.getVideoTracks()[0]);
    } catch {
      return tell(t("m.dev.camera.denied"), "bad");
    }
  }
  await media.replace("video", on ? local.getVideoTracks()[0] : null);
  act("camera", { value: on ? "on" : "off" });
});
if (!navigator.mediaDevices?.getDisplayMedia) $("m-b-screen").hidden = true; // telephones and tablets
toggle("m-b-screen", async () => {
  try {
    if (entry.me.screen) {
      await media.unshare();
      return act("screen", { value: "off" });
    }
    const s = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
    s.getVideoTracks()[0].addEventListener("ended", () => media?.unshare().then(() => act("screen", { value: "off" })).catch(failed));
    await media.share(s);
    act("screen", { value: "on" });
  } catch (err) {
    if (err.name !== "NotAllowedError") failed(err);
  }
});
toggle("m-b-hand", () => act("hand", { value: entry.me.hand ? "down" : "up" }));
toggle("m-b-pause", () => act(entry.meeting.paused ? "continue" : "pause"));
toggle("m-b-lock", () => act("lock", { value: entry.meeting.locked ? "off" : "on" }));
toggle("m-b-side", () => {
  if (entry.me.state === "side") return act("side", { value: "close" });
  const team = entry.meeting.participants.filter((p) => p.state === "room" && ["interpreter", "colleague", "expert"].includes(p.role)).map((p) => p.id);
  if (!team.length) return tell(t("m.side.nobody"));
  act("side", { value: "open", targets: team });
});
toggle("m-b-end", () => confirm(t("m.end.sure")) && act("end"));
toggle("m-b-leave", leave);
toggle("m-b-chat", () => {
  const open = $("m-panel").hidden;
  $("m-panel").hidden = !open;
  $("m-b-chat").setAttribute("aria-pressed", String(open));
  $("m-b-chat").setAttribute("aria-expanded", String(open));
  if (open) $("m-text").focus();
});
toggle("m-b-rtt", () => {
  const open = $("m-rtt-form").hidden;
  $("m-rtt-form").hidden = !open;
  $("m-b-rtt").setAttribute("aria-pressed", String(open));
  if (open) $("m-rtt").focus();
});

async function leave() {
  media?.stop();
  media = null;
  try {
    entry = await send("leave");
  } catch (err) {
    if (!(err instanceof Problem)) throw err;
  }
  over(t("m.left"), t("m.left.text"), true);
}

function over(heading, text, again) {
  sessionStorage.removeItem(seat.meeting_id);
  media?.stop();
  media = null;
  people.clear();
  write($("m-over-h"), heading);
  write($("m-over-text"), text);
  $("m-again").hidden = !again;
  show("over");
}
$("m-again").addEventListener("click", () => (moved ? $("m-take").click() : location.reload()));

// One device at a time, and one tab of it, so that nobody is heard twice.
let moved = false; // to another device of the same person, who may come back with it

/** elsewhere leaves the room to another device. Whose seat it is by login may fetch it back. */
function elsewhere() {
  moved = ["caseworker", "colleague"].includes(entry.me.role);
  if (moved) write($("m-again"), t("m.take"));
  over(t("m.elsewhere"), t(moved ? "m.moved.text" : "m.elsewhere.text"), moved);
}

const tabs = new BroadcastChannel(`meeting-${seat.participant_id}`);
tabs.onmessage = () => {
  if (step !== "room") return;
  write($("m-again"), t("m.take"));
  over(t("m.tab"), t("m.tab.text"), true);
};

// Chat.

function message(m) {
  if (document.querySelector(`[data-message="${CSS.escape(m.id)}"]`)) return;
  const body = m.file?.gone ? `${m.file.name} (${t("m.file.gone")})` : m.file ? el("button", { type: "button", class: "link", onclick: () => download(m.file) }, `${m.file.name} (${Math.ceil(m.file.size / 1024)} KB)`) : m.text;
  $("m-chat").append(el("li", { data: { message: m.id } }, el("strong", {}, `${nameOf(m.from)}: `), body));
  if ($("m-panel").hidden && m.from !== entry.me.id) tell(`${nameOf(m.from)}: ${m.text ?? m.file.name}`);
}

$("m-say-form").addEventListener("submit", async (e) => {
  e.preventDefault();
  const text = $("m-text").value.trim();
  if (!text) return;
  try {
    message(await send("say", { id: crypto.randomUUID(), text }));
    $("m-text").value = "";
  } catch (err) {
    failed(err);
  }
});

const part = 256 << 10;

$("m-file").addEventListener("change", async () => {
  const file = $("m-file").files[0];
  if (!file) return;
  const id = crypto.randomUUID();
  const parts = Math.max(1, Math.ceil(file.size / part));
  try {
    for (let i = 0; i < parts; i++) {
      const bytes = new Uint8Array(await file.slice(i * part, (i + 1) * part).arrayBuffer());
      await send("file", { file: { id, name: file.name, type: "", size: 0 }, part: i, parts, data: btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join("")) });
    }
    message(await send("say", { id: crypto.randomUUID(), file: id }));
  } catch (err) {
    failed(err);
  }
  $("m-file").value = "";
});

async function download(file) {
  const bytes = [];
  try {
    for (let i = 0; ; i++) {
      const p = await send("file", { file, part: i });
      bytes.push(Uint8Array.from(atob(p.data), (c) => c.charCodeAt(0)));
      if (p.last) break;
    }
  } catch (err) {
    return failed(err);
  }
  const url = URL.createObjectURL(new Blob(bytes, { type: file.type }));
  el("a", { href: url, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// Captions and real-time text share one strip.

const linesShown = 6;

function line(id, from, text, { live = false, automatic = false } = {}) {
  let e = document.querySelector(`[data-line="${CSS.escape(id)}"]`);
  if (!e) {
    e = el("li", { data: { line: id } }, el("strong", {}, `${nameOf(from)}: `), el("span"));
    $("m-captions").append(e);
    while ($("m-captions").children.length > linesShown) $("m-captions").firstElementChild.remove();
  }
  e.classList.toggle("live", live);
  e.dataset.from = from;
  e.dataset.kind = automatic ? "caption" : "typed";
  write(e.querySelector("span"), text);
  return e;
}

// Who puts captions right: the authority's people and the interpreter.
const captions = !["citizen", "companion"].includes(entry.me.role);

function caption(c) {
  const open = `${c.from}-tail`;
  if (c.final) {
    document.querySelector(`[data-line="${CSS.escape(open)}"]`)?.remove();
    const known = document.querySelector(`[data-line="${CSS.escape(c.id)}"]`);
    if (c.corrected && !known && heard.has(c.id)) return; // scrolled away by now
    const e = line(c.id, c.from, c.text, { automatic: true });
    e.classList.toggle("corrected", Boolean(c.corrected));
    if (captions && !e.querySelector("button")) e.append(" ", el("button", { type: "button", class: "m-fix", onclick: () => correct(c.id, e) }, t("m.fix")));
    if (!heard.has(c.id)) say(c.from, c.text);
    heard.add(c.id);
    return;
  }
  line(open, c.from, c.text, { live: true, automatic: true });
}

async function correct(id, e) {
  const value = e.querySelector("span").textContent;
  const text = await ask({ title: t("m.fix.title"), text: t("m.fix.text"), label: t("m.captions"), required: true, value, yes: t("m.fix.yes") });
  if (text && text !== value) act("correct", { target: id, value: text });
}

// Screen readers hear whole lines with the speaker's name, and can have a rest from it.
const heard = new Set();

function say(from, text) {
  if ($("m-quiet").getAttribute("aria-pressed") === "true") return;
  $("m-heard").append(el("p", {}, `${nameOf(from)}: ${text}`));
  while ($("m-heard").children.length > linesShown) $("m-heard").firstElementChild.remove();
}

$("m-quiet").addEventListener("click", () => $("m-quiet").setAttribute("aria-pressed", String($("m-quiet").getAttribute("aria-pressed") !== "true")));

// Captions have a size of their own, which the browser remembers.
const sizes = [1, 1.4, 1.9, 2.6];
let size = Number(localStorage.getItem("m-size") ?? 0) || 0;

function resize(by) {
  size = Math.min(sizes.length - 1, Math.max(0, size + by));
  localStorage.setItem("m-size", String(size));
  $("m-captions").style.fontSize = `${sizes[size]}em`;
  $("m-smaller").disabled = size === 0;
  $("m-larger").disabled = size === sizes.length - 1;
}
$("m-smaller").addEventListener("click", () => resize(-1));
$("m-larger").addEventListener("click", () => resize(1));
resize(0);

const typing = new Map(); // person → the line being typed

function typed(person, characters) {
  let { text, n } = typing.get(person) ?? { text: "", n: 0 };
  for (const c of characters) {
    if (c === "\b") text = [...text].slice(0, -1).join("");
    else if (c === "\u2028" || c === "\n") {
      if (text.trim() && person !== entry.me.id) say(person, text);
      [text, n] = ["", n + 1];
    }
    else if (c >= " ") text += c;
    line(`${person}-typed-${n}`, person, text, { live: true });
  }
  typing.set(person, { text, n });
}

let sent = "";
$("m-rtt").addEventListener("input", () => {
  const now = $("m-rtt").value, out = keystrokes(sent, now);
  if (!out) return;
  sent = now;
  media?.type(out);
  typed(entry.me.id, out);
});
$("m-rtt-form").addEventListener("submit", (e) => {
  e.preventDefault();
  media?.type("\u2028");
  typed(entry.me.id, "\u2028");
  sent = $("m-rtt").value = "";
});

// What happens.

const handlers = {
  room({ meeting }) {
    told++;
    stands(meeting);
  },
  message: (e) => message(e.message),
  caption: (e) => caption(e.caption),
  offer: (e) => media?.offered(e.sdp),
  speak(e) {
    spoken++;
    speaking.clear();
    for (const l of e.levels ?? []) speaking.add(l.participant_id);
    active = e.levels?.find((l) => l.active)?.participant_id;
    drawTiles();
  },
  notice(e) {
    if (e.notice === "elsewhere") return elsewhere();
    if (e.notice === "refused") over(t("m.refused"), t("m.removed.text"), false);
    else if (e.notice === "dropped") over(t("m.dropped"), t("m.dropped.text"), false);
    else if (e.notice === "postponed") {
      entry.me.state = "invited"; // the same link works when the meeting is
      over(t("m.postponed"), e.text || t("meeting.postponed"), true);
    } else if (e.notice === "told") {
      write($("m-told"), e.text);
      $("m-told").hidden = false;
    } else if (!e.notice.startsWith("network.")) notice(t("meeting." + e.notice)); // the network stands in what is known of oneself
  },
  moved: () => media?.again().then(missed).catch(() => {}),
  /** ready: from here on all that happens is heard. What came before, since the page was made or while nobody listened, is asked for. */
  ready({ room }) {
    const again = page.dataset.events === "on";
    page.dataset.events = "on";
    handlers.resync();
    if (media?.behind(room)) media.again();
    else if (again) media?.check().catch(() => {});
  },
  resync() {
    look();
    if (media || !able) missed();
  },
  ended(e) {
    if (e?.notice === "cancelled") over(t("m.cancelled"), e.text || t("m.cancelled.text"), false);
    else over(t("m.ended"), t("m.ended.text"), false);
  },
};

/** listen reads the room's events with the seat in a header, which EventSource cannot send. */
async function listen() {
  for (let attempt = 0; step !== "over"; attempt++) {
    try {
      const r = await fetch(base + "events", { headers });
      if (r.status === 404) return handlers.ended();
      if (!r.ok) throw new Error(r.status);
      attempt = 0;
      const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const event = Object.fromEntries(text.slice(0, end).split("\n").filter((l) => l.includes(": ")).map((l) => [l.slice(0, l.indexOf(": ")), l.slice(l.indexOf(": ") + 2)]));
          handlers[event.event]?.(JSON.parse(event.data));
        }
      }
    } catch {
      // the network is away, or the portal restarts: it is asked again
    }
    await pause(attempt);
  }
}

/** go shows the step that the seat's state asks for. */
async function go() {
  switch (entry.me.state) {
    case "lobby":
      lobby();
      return show("lobby");
    case "room":
    case "side":
      show("room");
      if (entry.can_act) $("m-panel").hidden = false;
      drawRoom();
      return enter();
    case "removed":
      return over(t("m.removed"), t("m.removed.text"), false);
    case "left":
      return step ? undefined : show("check");
    default:
      if (step === "room") return elsewhere(); // the word of it was missed
      return show(entry.elsewhere ? "second" : step === "info" ? "info" : able ? "check" : "cannot");
  }
}

setInterval(() => media && atWork(), 5000);
addEventListener("pagehide", () => media?.stop());
addEventListener("online", () => media?.check().catch(() => {}));
if (!able) report.camera = report.microphone = "none";
else if (!entry.elsewhere) {
  await devices().catch(() => {});
  network().catch(() => {});
}
listen();
await go();
document.documentElement.dataset.ready = "meeting";
