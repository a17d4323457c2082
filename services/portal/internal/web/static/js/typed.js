// Real-time text of a call: what citizen and caseworker type, character by character. Lines come from the server, our own too, so
// both sides see the same; what is typed here goes there in order, one request at a time.
import { $, api, clock, el, failed, keyed, keystrokes, t, write } from "./lib.js";

export class Typed {
  /** speaker names a role, as the transcript does. */
  constructor(speaker) {
    this.speaker = speaker;
    this.reset(null);
    $("typed-text").addEventListener("input", () => this.typed());
    $("typed-form").addEventListener("submit", (e) => {
      e.preventDefault();
      this.waiting += "\u2028";
      this.sent = $("typed-text").value = "";
      this.send();
    });
  }

  reset(id) {
    Object.assign(this, { id, lines: new Map(), waiting: "", sent: "", sending: false });
    $("typed-text").value = "";
    $("typed-lines").replaceChildren();
    write($("typed-spoken"), "");
    this.draw(null);
  }

  /** draw shows the text of a call whose citizen has text, to whom the call is. */
  draw(call) {
    const mine = Boolean(call) && call.caseworker === document.documentElement.dataset.user;
    $("typed").hidden = !(mine && (call.text || this.lines.size));
    $("typed-form").hidden = !(mine && call.text);
    this.written = call?.transcribe === true && !call.paused; // then the transcript is read aloud
  }

  /** line shows how a line stands. Screen readers hear whole lines of the others, once. */
  line(l) {
    const known = this.lines.get(l.id);
    if (known && known.seq > l.seq) return;
    this.lines.set(l.id, l);
    const list = $("typed-lines");
    const low = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    keyed(list, [...this.lines.values()].filter((x) => x.text).sort((a, b) => (a.at < b.at ? -1 : 1)), (x) => x.id,
      () => el("li", {}, el("span", { class: "who" }), " ", el("span", { class: "said", lang: "da" })),
      (e, x) => {
        e.className = `${x.role}${x.done ? "" : " tail"}`;
        write(e.querySelector(".who"), `${this.speaker(x.role)} ${clock(x.at)}`);
        write(e.querySelector(".said"), x.text);
      });
    if (low) list.scrollTop = list.scrollHeight;
    if (l.done && !known?.done && l.role !== "caseworker" && l.text && !(this.written && l.role !== "system")) write($("typed-spoken"), `${this.speaker(l.role)}: ${l.text}`);
  }

  /** typed sends what was changed since the last key. */
  typed() {
    const now = $("typed-text").value;
    this.waiting += keystrokes(this.sent, now);
    this.sent = now;
    this.send();
  }

  async send() {
    if (this.sending || !this.waiting) return;
    const id = this.id;
    this.sending = true;
    try {
      while (id === this.id && this.waiting) {
        const value = [...this.waiting].slice(0, 400).join("");
        this.waiting = this.waiting.slice(value.length);
        await api("POST", `/api/v1/calls/${id}/control`, { action: "type", value });
      }
    } catch (err) {
      failed(err); // what was typed stays in the field, and is not sent
      if (id === this.id) [this.waiting, this.sent] = ["", ""];
    }
    if (id === this.id) this.sending = false;
  }
}
