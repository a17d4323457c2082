// The assistant at the desk: answers to what the caseworker asks, and suggestions that follow what is said. Each sentence
// comes with its quote, and one click puts it with its source into the note. The list never moves under the cursor: while
// the pointer or the focus is in it, what is new waits behind a button.
import { $, api, el, failed, shortDay, t, tell, write } from "./lib.js";
import { sourceLink } from "./desk_inquiry.js";

const minute = 60; // seconds of talk that suggestions look at
const pauseFirst = 1500; // ms of quiet before a suggestion is asked for
const pauseNext = 6000; // ms between two that are asked for
const most = 6; // cards; the oldest goes
const cookie = "samtale_suggest";

export class Assist {
  /** put writes a text into the open note and reports whether there was one; coming, whether there may be one later. */
  constructor({ put, coming }) {
    Object.assign(this, { put, coming, key: null, cards: [], waiting: [], dropped: new Set(), lines: [], asked: "", last: 0 });
    this.on = !document.cookie.includes(`${cookie}=off`);
    this.list = $("assist-list");
    $("assist-suggest").setAttribute("aria-pressed", this.on);
    $("assist-suggest").addEventListener("click", () => this.switch());
    $("assist-fold").addEventListener("click", () => this.fold());
    $("assist-new").addEventListener("click", () => this.release(true));
    $("assist-ask").addEventListener("submit", (e) => {
      e.preventDefault();
      this.ask();
    });
    $("assist-question").addEventListener("keydown", (e) => e.key === "Escape" && e.target.blur());
    for (const name of ["pointerleave", "focusout"]) this.list.addEventListener(name, () => setTimeout(() => this.release()));
  }

  /** about begins a conversation (its id), so that what belongs to another one is gone. */
  about(key) {
    if (key === this.key) return;
    clearTimeout(this.timer);
    Object.assign(this, { key, cards: [], waiting: [], dropped: new Set(), lines: [], asked: "" });
    this.draw();
    this.drawKept();
  }

  switch() {
    this.on = !this.on;
    document.cookie = `${cookie}=${this.on ? "on" : "off"}; path=/; max-age=31536000; samesite=lax`;
    $("assist-suggest").setAttribute("aria-pressed", this.on);
    if (this.on) this.soon();
    else clearTimeout(this.timer);
  }

  fold() {
    const open = $("assist-body").hidden;
    $("assist-body").hidden = !open;
    $("assist-fold").setAttribute("aria-expanded", open);
    write($("assist-fold"), t(open ? "desk.assist.fold" : "desk.assist.unfold"));
    if (open) this.soon();
  }

  /* What was said. */

  /** heard takes final words of one leg: { leg, words }. */
  heard({ leg, words }) {
    if (!words.length) return;
    const line = this.lines.at(-1);
    if (line?.leg === leg) line.words.push(...words);
    else this.lines.push({ leg, words: [...words] });
    const now = Math.max(...words.map((w) => w.end));
    for (const l of this.lines) l.words = l.words.filter((w) => w.end > now - minute);
    this.lines = this.lines.filter((l) => l.words.length);
    this.soon();
  }

  /** written takes the last messages of a chat. */
  written(texts) {
    this.lines = texts.map((text) => ({ words: [{ text }] }));
    this.soon();
  }

  soon() {
    clearTimeout(this.timer);
    if (!this.on || !this.key || $("assist-body").hidden || !this.lines.length) return;
    this.timer = setTimeout(() => this.suggest(), Math.max(pauseFirst, this.last + pauseNext - Date.now()));
  }

  async suggest() {
    const { key } = this;
    const text = this.lines.map((l) => l.words.map((w) => w.text).join(" ")).join("\n");
    if (text === this.asked) return;
    this.asked = text;
    this.last = Date.now();
    try {
      const { suggestions } = await api("POST", "/api/v1/desk/suggest", { conversation_id: key, text });
      if (key !== this.key || !this.on) return;
      this.add(suggestions.filter((s) => !this.dropped.has(s.id)).map((s) => ({ ...s, key: s.id })));
    } catch {
      this.asked = ""; // nobody asked for it, so nobody is bothered; the next words try again
    }
  }

  /* What the caseworker asks. */

  /** ask asks what is in the box, or again what was answered with the choice between some places or times. */
  async ask(question = $("assist-question").value.trim(), chosen = {}, label = "") {
    const box = $("assist-question");
    if (!question || this.asking) return;
    const { key } = this;
    this.asking = true;
    write($("assist-count"), t("desk.assist.asking"));
    try {
      const a = await api("POST", "/api/v1/desk/ask", { question, ...chosen });
      if (key !== this.key) return;
      if (box.value.trim() === question) box.value = "";
      this.add([{ ...a, key: a.id, title: label ? `${question} (${label})` : question, question, as_of: a.as_of }], true);
    } catch (err) {
      failed(err);
    } finally {
      this.asking = false;
      this.count();
    }
  }

  /* The list. */

  /** held: somebody points at the list or works in it. */
  get held() {
    return this.list.matches(":hover") || this.list.contains(document.activeElement);
  }

  add(cards, now = false) {
    const have = new Set([...this.cards, ...this.waiting].map((c) => c.key));
    this.waiting.push(...cards.filter((c) => !have.has(c.key)));
    this.release(now);
  }

  release(now = false) {
    if (!this.waiting.length) return;
    if (this.held && !now) {
      $("assist-new").hidden = false;
      write($("assist-new"), t("desk.assist.new", { n: this.waiting.length }));
      return;
    }
    this.cards.push(...this.waiting);
    this.waiting = [];
    this.cards = this.cards.slice(-most);
    this.draw();
    this.list.scrollTop = this.list.scrollHeight;
  }

  draw() {
    $("assist-new").hidden = true;
    $("assist-none").hidden = this.cards.length > 0;
    const keep = new Map([...this.list.querySelectorAll(".tip")].map((e) => [e.dataset.key, e]));
    for (const [key, e] of keep) if (!this.cards.some((c) => c.key === key)) e.remove();
    for (const c of this.cards) if (!keep.has(c.key)) this.list.append(this.card(c));
    this.count();
  }

  count() {
    const n = this.cards.length;
    write($("assist-count"), n ? t("desk.assist.count", { n }) : "");
  }

  card(c) {
    const sentences = c.sentences ?? [];
    const links = sentences.length ? (c.links ?? []) : [];
    const head = [c.authority, c.as_of && t("desk.assist.asof", { day: shortDay(c.as_of) }), c.demo && t("desk.assist.demo"), c.peer && t("desk.assist.peer", { name: c.peer })].filter(Boolean).join(" · ");
    const e = el("article", { class: "tip", data: { key: c.key }, "aria-label": c.title },
      el("header", {}, el("h3", {}, c.question ? el("span", { class: "quiet" }, t("desk.assist.you") + " ") : null, c.title),
        el("button", { type: "button", class: "link", "aria-label": t("desk.assist.dismiss.this", { title: c.title }), onclick: () => this.dismiss(c, e) }, t("desk.assist.dismiss"))),
      !sentences.length && el("p", { lang: c.language ?? "da" }, c.message || t("desk.assist.unknown")),
      this.options(c),
      el("ul", { class: "lines" }, ...sentences.map((s) => this.sentence(c, s))),
      links.length > 0 && el("p", { class: "small" }, t("desk.assist.links"), ...links.flatMap((l) => [" ", sourceLink({ url: l.url, title: l.label })])),
      el("p", { class: "quiet small" }, head));
    return e;
  }

  /** options are the places or times among which the answer depends on. */
  options(c) {
    const chosen = ({ value }) => (c.reason === "date" ? { municipality: c.municipality, at: value } : { municipality: value });
    return c.options?.length > 0 && el("p", {},
      ...c.options.map((o) => el("button", { type: "button", class: "chip", onclick: () => this.ask(c.question, chosen(o), o.label) }, o.label)));
  }

  sentence(c, s) {
    const text = sourced(s, c.as_of);
    return el("li", {}, s.question && el("p", { class: "quiet" }, s.question), el("p", { lang: c.language ?? "da" }, s.number ? `${s.number}) ${s.text}` : s.text),
      ...s.evidence.map((ev) => el("details", {}, el("summary", {}, t("desk.assist.quote")), el("blockquote", { lang: "da" }, el("p", {}, ev.quote)), el("p", {}, sourceLink(ev)))),
      el("button", { type: "button", class: "chip", onclick: () => this.take(text) }, t("desk.assist.take")), " ",
      el("button", { type: "button", class: "link", onclick: () => this.copy(text) }, t("desk.assist.copy")));
  }

  dismiss(c, e) {
    this.dropped.add(c.key);
    this.cards = this.cards.filter((x) => x !== c);
    const next = e.nextElementSibling ?? e.previousElementSibling;
    e.remove();
    $("assist-none").hidden = this.cards.length > 0;
    this.count();
    (next?.matches(".tip") ? next.querySelector("button") : this.list).focus();
  }

  copy(text) {
    const no = () => tell(t("desk.assist.nocopy"), "bad"); // also over plain http
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => tell(t("desk.assist.copied")), no);
    else no();
  }

  /* Into the note. */

  take(text) {
    if (this.put(text)) return tell(t("desk.assist.taken"));
    if (!this.key || !this.coming()) return this.copy(text);
    this.keep([...this.kept, text]);
    tell(t("desk.assist.later"));
  }

  /** kept are sentences whose note does not exist yet; they hold only what the sources say. A reload does not lose them. */
  get kept() {
    return JSON.parse(sessionStorage.getItem(`samtale-kept-${this.key}`) ?? "[]");
  }

  keep(texts) {
    if (texts.length) sessionStorage.setItem(`samtale-kept-${this.key}`, JSON.stringify(texts));
    else sessionStorage.removeItem(`samtale-kept-${this.key}`);
    this.drawKept();
  }

  drawKept() {
    const kept = this.key ? this.kept : [];
    $("assist-kept").hidden = !kept.length;
    $("assist-kept-list").replaceChildren(...kept.map((text, i) => el("li", {}, el("span", { lang: "da" }, text), " ",
      el("button", { type: "button", class: "link", onclick: () => this.keep(kept.filter((_, j) => j !== i)) }, t("desk.assist.unkeep")))));
  }

  /** noted puts what was kept into the note that now is there. */
  noted() {
    const kept = this.key ? this.kept : [];
    if (!kept.length) return;
    this.keep([]); // before, for putting draws the note again
    const left = kept.filter((text) => !this.put(text));
    if (left.length) this.keep(left);
  }
}

/** sourced is a sentence with its source in brackets, as it stands in a note: in Danish, as notes are. */
function sourced(s, asOf) {
  const sources = [...new Map((s.evidence ?? []).map((ev) => [ev.url, `${ev.title}, ${ev.url}`])).values()];
  if (asOf) sources.push(t("desk.assist.asof.note", { day: new Date(asOf).toLocaleDateString("da-DK", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }) }));
  return sources.length ? `${s.text} (${t("desk.assist.source")}: ${sources.join("; ")})` : s.text;
}
