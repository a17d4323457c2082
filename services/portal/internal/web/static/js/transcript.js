// The transcript: committed words are appended and never move; the tail of each
// speaker may change until it is committed.
import { el, t, span } from "./lib.js";

const unsure = 0.5; // below: underlined strongly
const doubtful = 0.8; // below: underlined lightly
const shortGap = 0.2; // seconds that may be missing without a line of their own
const pause = 1.2; // seconds of silence that end a turn

export class Transcript {
  /** onWord is called with a word's id when it is clicked, onReveal with a masked word. */
  constructor(root, { spoken, coverage, onWord, onReveal, onRef }) {
    Object.assign(this, { root, spoken, coverage, onWord, onReveal, onRef, reading: true, mine: true });
    this.reset();
    root.addEventListener("click", (e) => {
      const w = e.target.closest(".w");
      if (w && !e.target.closest("button")) this.onWord(w.dataset.id);
    });
  }

  reset() {
    this.heard = new Set(); // finals taken in, by leg and start
    this.typed = new Set(); // legs whose words were typed
    this.stored = false; // the journal's whole transcript is shown
    this.sums = { captured: 0, lost: 0 };
    this.wipe();
    this.root.replaceChildren(el("p", { class: "empty" }, t("talk.empty")));
    this.coverage.textContent = "";
  }

  wipe() {
    this.words = new Map(); // id → element
    this.tails = new Map(); // leg → { words, box, turn }
    this.last = null; // the turn that the next word may continue
    this.root.replaceChildren();
  }

  /** empty shows a text instead of words. */
  empty(text) {
    this.reset();
    this.say(text);
  }

  /** say changes the text that stands there while there are no words. */
  say(text) {
    const e = this.root.querySelector(".empty");
    if (e) e.textContent = text;
  }

  /** load shows a stored transcript; what the stream has brought already stays where it is. */
  load({ words, gaps = [], coverage, typed = [] }) {
    this.stored = true;
    for (const leg of typed) this.typed.add(leg);
    this.sums = { captured: coverage.captured_s, lost: coverage.lost_s };
    this.showCoverage();
    if (words.every((w) => this.words.has(w.id))) return;
    this.wipe();
    for (const p of [...utterances(words), ...gaps].sort((a, b) => a.start - b.start)) {
      if (p.state) this.gap(p);
      else for (const w of p.words) this.word(w, w.role, w.leg);
    }
  }

  /** final commits words of one leg. A stream that starts again brings earlier ones too. */
  final(ev) {
    const id = `${ev.leg} ${ev.from}`;
    if (this.heard.has(id)) return;
    this.heard.add(id);
    if (ev.engine === "typed") this.typed.add(ev.leg);
    if (this.stored && ev.words.every((w) => this.words.has(w.id))) return;
    const stay = this.atEnd();
    const lost = (ev.ledger ?? []).filter((r) => r.state === "lost");
    this.sums.captured += ev.to - ev.from;
    this.sums.lost += lost.reduce((sum, r) => sum + r.end - r.start, 0);
    this.showCoverage();
    this.commit(ev, lost.filter((r) => r.end - r.start >= shortGap));
    if (ev.words.length && this.reading) {
      this.spoken.textContent = `${this.speaker(ev.role)}: ${ev.words.map((w) => w.text).join(" ")}`;
    }
    if (stay) this.toEnd();
  }

  /** commit puts words where their tail stood, in its turn or at the end. */
  commit(ev, gaps) {
    const below = this.last;
    const home = this.tails.get(ev.leg)?.turn;
    this.endTail(ev.leg);
    if (home) this.last = home;
    for (const p of [...ev.words, ...gaps].sort((a, b) => a.start - b.start)) {
      if (p.state) this.gap(p);
      else this.word(p, ev.role, ev.leg);
    }
    if (home && this.last === home) this.last = below;
    for (const { box, turn } of this.tails.values()) if (!turn) this.root.append(box); // tails stay below
  }

  /** partial replaces the tail of one leg. */
  partial(ev) {
    const stay = this.atEnd();
    if (!ev.words.length) return this.endTail(ev.leg);
    this.clearEmpty();
    const tail = this.tails.get(ev.leg) ?? this.tail(ev);
    tail.words.replaceChildren(" ", el("span", { class: "sr-only" }, t("transcript.tail")), ev.words.map((w) => w.text).join(" "));
    if (stay) this.toEnd();
  }

  /** tail opens a leg's tail: in its turn when that is the last one, so that words stay where they become final. */
  tail(ev) {
    const words = el("span", { class: "tail" });
    const turn = this.last?.leg === ev.leg && ev.words[0].start - this.last.end < pause ? this.last : null;
    let box = words;
    if (turn) {
      turn.e.querySelector(".said").append(words);
    } else {
      box = el("div", { class: `turn ${ev.role}` }, el("span", { class: "who" }, this.speaker(ev.role)), el("p", { class: "said", lang: "da" }, words));
      this.root.append(box);
    }
    const tail = { words, box, turn };
    this.tails.set(ev.leg, tail);
    return tail;
  }

  endTail(leg) {
    this.tails.get(leg)?.box.remove();
    this.tails.delete(leg);
  }

  word(w, role, leg) {
    if (this.words.has(w.id)) return;
    this.clearEmpty();
    const turn = this.turn(w, role, leg);
    const e = w.masked ? this.masked(w) : el("span", { class: "w" + sureness(w), data: { id: w.id } }, w.text);
    this.words.set(w.id, e);
    turn.querySelector(".said").append(" ", e);
    this.last.end = w.end;
  }

  turn(w, role, leg) {
    const l = this.last;
    if (l && l.leg === leg && w.start - l.end < pause) return l.e;
    const e = el("div", { class: `turn ${role}` },
      el("span", { class: "who" }, this.speaker(role), this.typed.has(leg) ? ` ${t("transcript.typed")}` : "", el("span", { class: "at" }, ` ${span(w.start)}`)),
      el("p", { class: "said", lang: "da" }), el("span", { class: "refs" }));
    this.root.append(e);
    this.last = { e, leg, end: w.end };
    return e;
  }

  masked(w) {
    const label = t("masked." + w.masked);
    const b = el("button", { type: "button", class: "reveal", "aria-label": t("reveal.label", { what: label }), onclick: () => this.onReveal(w) }, t("reveal.show"));
    return el("span", { class: "w masked", data: { id: w.id } }, el("span", { class: "dots" }, w.text), " ", b);
  }

  /** shown puts a revealed value in place of the dots for a while. */
  shown(w, value) {
    const dots = this.words.get(w.id).querySelector(".dots");
    dots.textContent = value;
    setTimeout(() => (dots.textContent = w.text), 30000);
  }

  gap({ start, end, state, reason }) {
    this.clearEmpty();
    const s = end - start;
    const short = s < 10 ? s.toFixed(1).replace(".", ",") : Math.round(s);
    const text = state === "masked" ? t("gap.masked", { s: span(s) }) : t(reason === "engine" ? "gap.engine" : "gap.lost", { s: short });
    this.root.append(el("p", { class: "gap" }, text));
    this.last = null;
  }

  /** speaker names a leg: the caseworker's is "you" on their own desk. */
  speaker(role) {
    return t(role === "caseworker" && !this.mine ? "speaker.colleague" : "speaker." + role);
  }

  clearEmpty() {
    this.root.querySelector(".empty")?.remove();
  }

  showCoverage() {
    const { captured, lost } = this.sums;
    this.coverage.textContent = captured > 0 ? t("coverage", { percent: Math.floor(100 * (1 - lost / captured)) }) : "";
  }

  atEnd() {
    const r = this.root;
    return r.scrollHeight - r.scrollTop - r.clientHeight < 60;
  }

  toEnd() {
    this.root.scrollTop = this.root.scrollHeight;
  }

  /** light marks words and brings the first of them into view. */
  light(ids) {
    for (const e of this.root.querySelectorAll(".lit")) e.classList.remove("lit");
    const found = ids.map((id) => this.words.get(id)).filter(Boolean);
    for (const e of found) e.classList.add("lit");
    found[0]?.closest(".turn").scrollIntoView({ block: "nearest" });
  }

  /** refs shows beside each turn which sentences of the note build on it. */
  refs(sentences) {
    for (const e of this.root.querySelectorAll(".refs")) e.replaceChildren();
    sentences.forEach((s, i) => {
      const turns = new Set(s.evidence.flatMap((ev) => ev.word_ids ?? []).map((id) => this.words.get(id)?.closest(".turn")));
      turns.delete(undefined);
      turns.delete(null);
      for (const turn of turns) {
        turn.querySelector(".refs").append(el("button", { type: "button", class: "ref", "aria-label": t("ref.to.note", { n: i + 1 }), onclick: () => this.onRef(s) }, String(i + 1)));
      }
    });
  }
}

function sureness(w) {
  if (w.confidence < unsure) return " unsure";
  return w.confidence < doubtful ? " doubtful" : "";
}

/** utterances groups words by leg and pause, so that crosstalk does not cut sentences up. */
export function utterances(words) {
  const open = new Map();
  const out = [];
  for (const w of words) {
    let u = open.get(w.leg);
    if (!u || w.start - u.end > pause) {
      u = { words: [], start: w.start, end: w.end };
      open.set(w.leg, u);
      out.push(u);
    }
    u.words.push(w);
    u.end = w.end;
  }
  return out;
}
