// The page of a recording: all tracks as one meeting, with the transcript beside it. Without this script the tracks are there one by one.
import { $, api, el, t, write } from "./lib.js";
import { Joint, Piece } from "./recording_joint.js";
import { utterances } from "./transcript.js";

const rec = JSON.parse($("rec-data").textContent);
const pictures = new Set(["camera", "screen"]);
const step = 10; // seconds that one goes back or on
const longest = 84; // characters of a caption
const lingers = 1.5; // seconds that a caption stays behind its last word
const title = document.title;

/** time writes seconds as people read them: 1:02:03. */
function time(s) {
  s = Math.floor(s + 0.001);
  const two = (n) => String(n).padStart(2, "0");
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

const nameOf = (track) => track.name || (track.role ? t("m.role." + track.role) : t("m.somebody"));
const isSet = (s) => Boolean(s) && !s.startsWith("0001-");
const what = (p) => `${nameOf(p.track)}: ${t("rec.source." + p.track.source)}`;

const playable = rec.tracks.filter((track) => track.size > 0);
const began = Math.min(Date.parse(rec.began_at), ...playable.map((track) => Date.parse(track.began_at)));

/** piece makes the element that plays a track. */
function piece(track) {
  const e = el(pictures.has(track.source) ? "video" : "audio", { preload: "none", playsInline: true, data: { track: track.id } });
  e.disablePictureInPicture = true;
  const p = new Piece(track, began, e);
  e.dataset.from = p.from;
  e.src = `/api/v1/meetings/${rec.meeting_id}/recording/${track.id}`;
  return p;
}

const pieces = playable.map(piece);

/** Person is somebody with what there is of them: sound, pictures, or that it is deleted. */
class Person {
  constructor(id) {
    const tracks = rec.tracks.filter((track) => track.participant_id === id);
    this.name = nameOf(tracks[0]);
    this.gone = tracks.find((track) => isSet(track.withdrawn_at));
    this.reason = tracks.find((track) => !track.size)?.gaps?.[0]?.reason;
    this.pieces = pieces.filter((p) => p.track.participant_id === id);
    this.word = el("p", { class: "rp-word" });
    this.cameras = this.pieces.filter((p) => p.track.source === "camera");
    this.tile = el("figure", { class: "rp-tile" }, ...this.cameras.map((p) => p.el), this.word, el("figcaption", {}, this.name));
    this.mute = this.pieces.some((p) => !pictures.has(p.track.source)) &&
      el("button", { type: "button", class: "chip", "aria-pressed": "false", "aria-label": t("rec.mute", { name: this.name }), onclick: () => this.toggle() }, t("rec.muted"));
    for (const p of this.pieces) if (!pictures.has(p.track.source)) this.tile.append(p.el);
  }

  toggle() {
    const on = this.mute.getAttribute("aria-pressed") !== "true";
    this.mute.setAttribute("aria-pressed", String(on));
    for (const p of this.pieces) p.el.muted = on;
  }

  /** show puts what there is to see now into the tile. */
  show(at) {
    const seen = this.cameras.find((p) => p.due(at));
    for (const p of this.cameras) p.el.hidden = p !== seen;
    this.word.hidden = Boolean(seen);
    if (!seen) write(this.word, this.instead(at));
  }

  /** instead says why there is no picture. */
  instead(at) {
    if (!this.pieces.length) return this.gone ? t("rec.gone") : t("rec.gap." + (this.reason ?? "none"));
    const sound = this.pieces.find((p) => p.track.source === "microphone" && p.covers(at));
    if (sound?.due(at)) return t("rec.sound.only");
    const gap = (sound ?? this.pieces.find((p) => p.covers(at)))?.gap(at);
    return gap ? t("rec.gap." + gap.reason) : t("rec.away");
  }

  /** lanes draws when each source was recorded, and says it. */
  lanes(length) {
    const sources = [...new Set(this.pieces.map((p) => p.track.source))];
    return sources.map((source) => {
      const mine = this.pieces.filter((p) => p.track.source === source).sort((a, b) => a.from - b.from);
      const bar = (from, to, kind) => {
        const e = el("span", { class: kind });
        e.style.insetInlineStart = `${(100 * from) / length}%`;
        e.style.inlineSize = `${(100 * (to - from)) / length}%`;
        return e;
      };
      const said = mine.map((p) => t("rec.lane.from", { from: time(p.from), to: time(p.to) }))
        .concat(mine.flatMap((p) => p.gaps.map((g) => t("rec.lane.gap", { from: time(g.from), to: time(g.to), why: t("rec.gap." + g.reason) }))));
      return el("div", { class: "rp-lane" }, el("span", { class: "rp-source" }, t("rec.source." + source)),
        el("div", { class: "rp-line", role: "img", "aria-label": `${this.name}, ${t("rec.source." + source)}: ${said.join(". ")}` },
          ...mine.flatMap((p) => [bar(p.from, p.to, "rp-kept"), ...p.gaps.map((g) => bar(g.from, g.to, "rp-none"))])));
    });
  }

  row(length) {
    const none = !this.pieces.length && el("p", { class: "quiet" }, this.gone ? t("rec.gone") : t("rec.gap." + (this.reason ?? "none")));
    return el("li", { class: "rp-person" }, el("div", { class: "rp-who" }, el("span", { class: "rp-name" }, this.name), this.mute), none, ...this.lanes(length));
  }
}

/** Words is the transcript beside the picture: what is said now is marked, and each turn leads to its place. */
class Words {
  constructor(list, words, shift) {
    this.turns = utterances(words).map((u) => this.turn(u, shift));
    this.cues = this.turns.flatMap((u) => cues(u));
    list.replaceChildren(...this.turns.map((u) => u.e));
    this.list = list;
  }

  turn(u, shift) {
    const from = u.start + shift;
    const role = u.words[0].role;
    const who = t("speaker." + (role === "caseworker" ? "colleague" : role));
    const e = el("li", {}, el("button", { type: "button", class: "link", onclick: () => joint.seek(from) }, el("span", { class: "sr-only" }, t("rec.jump") + " "), time(from)),
      el("strong", {}, ` ${who} `), el("span", { lang: "da" }, u.words.map((w) => w.text).join(" ")));
    return { from, to: u.end + shift, who, e, words: u.words.map((w) => ({ text: w.text, from: w.start + shift, to: w.end + shift })) };
  }

  show(at) {
    let now = null;
    for (const u of this.turns) if (u.from <= at + 0.1) now = u;
    if (now === this.now) return;
    this.now?.e.removeAttribute("aria-current");
    this.now = now;
    if (!now) return;
    now.e.setAttribute("aria-current", "true");
    if (this.list.matches(":hover, :focus-within")) return; // nothing moves under the pointer
    this.list.scrollTop = now.e.offsetTop - this.list.offsetTop - this.list.clientHeight / 3;
  }

  caption(at) {
    return this.cues.filter((c) => at >= c.from && at < c.to).slice(-2).map((c) => `${c.who}: ${c.text}`).join("\n");
  }
}

/** cues cuts a turn into captions. */
function cues(u) {
  const out = [];
  for (const w of u.words) {
    const last = out.at(-1);
    if (last && last.text.length + w.text.length < longest) {
      last.text += " " + w.text;
      last.to = w.to + lingers;
    } else {
      if (last) last.to = w.from;
      out.push({ who: u.who, text: w.text, from: w.from, to: w.to + lingers });
    }
  }
  return out;
}

const people = [...new Set(rec.tracks.map((track) => track.participant_id))].map((id) => new Person(id));
const screens = pieces.filter((p) => p.track.source === "screen");
let words = null;

const screen = el("figure", { class: "rp-tile rp-screen", hidden: true }, ...screens.map((p) => p.el), el("figcaption", {}));
$("rp-stage").replaceChildren(screen, ...people.map((p) => p.tile));

const joint = new Joint(pieces, { onTick: show, onFail: (p) => say(t("rec.failed", { what: what(p) })) });
$("rp-people").replaceChildren(...people.map((p) => p.row(joint.length)));

const marks = [...document.querySelectorAll(".rp-line")].map((line) => line.appendChild(el("span", { class: "rp-head" })));
const bar = $("rp-seek");
bar.max = Math.ceil(joint.length);

/** say tells what is the matter, once. */
function say(text) {
  write($("rp-state"), text);
}

function show() {
  const { at, playing, waits, length, blocked } = joint;
  const s = String(Math.floor(at));
  if (bar.value !== s) bar.value = s;
  const place = t("rec.place", { at: time(at), length: time(length) });
  if (bar.getAttribute("aria-valuetext") !== place) bar.setAttribute("aria-valuetext", place);
  write($("rp-now"), place);
  write($("rp-play"), t(playing ? "rec.pause" : "rec.play"));
  for (const m of marks) m.style.insetInlineStart = `${length ? (100 * at) / length : 0}%`;
  for (const p of people) p.show(at);
  const seen = screens.find((p) => p.due(at));
  for (const p of screens) p.el.hidden = p !== seen;
  screen.hidden = !seen;
  if (seen) write(screen.lastChild, what(seen));
  words?.show(at);
  $("rp-caption").hidden = !$("rp-captions").checked;
  write($("rp-caption"), words?.caption(at) ?? "");
  if (blocked) say(t("rec.blocked"));
  else if (waits.length) say(t("rec.loading", { what: waits.map(what).join(", ") }));
  else if (!pieces.some((p) => p.failed)) say(length && at >= length ? t("rec.over") : "");
  document.title = playing ? `▶ ${title}` : title;
}

const toggle = () => (joint.playing ? joint.pause() : joint.play());
$("rp-play").addEventListener("click", toggle);
$("rp-back").addEventListener("click", () => joint.seek(joint.at - step));
$("rp-on").addEventListener("click", () => joint.seek(joint.at + step));
$("rp-speed").addEventListener("change", (e) => { joint.rate = Number(e.target.value); });
$("rp-captions").addEventListener("change", show);
bar.addEventListener("input", () => joint.seek(Number(bar.value)));

// Letters do something while the focus is in the player, and nowhere else (WCAG 2.1.4).
$("rp").addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("select")) return;
  const act = { k: toggle, j: () => joint.seek(joint.at - step), l: () => joint.seek(joint.at + step) }[e.key.toLowerCase()];
  if (!act) return;
  e.preventDefault();
  act();
});

// Whoever plays one track wants to hear that one.
for (const one of document.querySelectorAll(".rec-track video, .rec-track audio")) one.addEventListener("play", () => joint.pause());

$("rec-each").open = false;
$("rp").hidden = false;
show();

try {
  const [conv, said] = await Promise.all([
    api("GET", `/api/v1/conversations/${rec.meeting_id}`), api("GET", `/api/v1/conversations/${rec.meeting_id}/transcript`),
  ]);
  if (said.words.length) words = new Words($("rp-words"), said.words, (Date.parse(conv.started_at) - began) / 1000);
} catch (err) {
  if (!err.status) console.error(err);
}
if (!words) {
  $("rp-captions").disabled = true;
  $("rp-words").replaceWith(el("p", { id: "rp-words", class: "quiet" }, t("rec.wordless")));
}
show();
document.documentElement.dataset.ready = "recording";
