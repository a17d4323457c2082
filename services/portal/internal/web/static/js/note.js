// The note: sections of sentences with evidence, saved by itself, approved by a person.
import { $, api, ask, at, clock, day, el, failed, isSet, keyed, open, Problem, t, tell, write } from "./lib.js";

const saveAfter = 700; // ms after the last key
const retryMost = 15000;

export class Note {
  /** onLight is called with word ids to light up in the transcript, onChange with the note. */
  constructor({ onLight, onChange }) {
    Object.assign(this, { onLight, onChange, root: $("note"), foot: $("note-foot") });
    $("note-approve").addEventListener("click", () => this.approve());
    $("note-discard").addEventListener("click", () => this.discard());
    $("note-redraft").addEventListener("click", () => this.redraft());
    $("note-undo").addEventListener("click", () => this.undo());
    addEventListener("beforeunload", (e) => this.dirty && e.preventDefault());
    addEventListener("online", () => this.dirty && this.save());
    this.clear();
    new ResizeObserver(() => this.fit()).observe(this.root); // another width, zoom or text size: other lines
  }

  /** fit makes each sentence's field as high as its text. */
  fit() {
    for (const text of this.root.querySelectorAll("textarea.sentence")) grow(text);
  }

  /** clear shows that there is no note (yet). */
  clear(text = t("note.empty")) {
    clearTimeout(this.timer);
    Object.assign(this, { note: null, list: [], caseNumber: "", dirty: false, saving: null, wait: 1000, removed: null });
    write($("note-title"), t("note.none"));
    write($("note-saved"), "");
    this.root.replaceChildren(el("p", { class: "empty" }, text));
    this.foot.hidden = true;
  }

  get editable() {
    return this.note?.state === "draft";
  }

  /** load shows a version from the journal; what is typed but not saved is kept. */
  load(note, { caseNumber = "", keepDays } = {}) {
    if (this.note?.id === note.id && (this.dirty || this.saving) && note.state === "draft") return;
    if (this.note?.id === note.id && note.version < this.note.version) return;
    const fresh = this.note?.id !== note.id;
    Object.assign(this, { caseNumber, keepDays });
    this.adopt(note);
    if (fresh) this.build();
    this.draw();
  }

  adopt(note) {
    this.note = { ...note, sections: note.sections ?? [] }; // none are left after the erasure
    this.title = note.title;
    const order = this.note.sections.map((s) => s.id);
    const place = (s) => (order.includes(s.section) ? order.indexOf(s.section) : order.length);
    this.list = note.sentences.map((s) => ({ ...s, evidence: s.evidence ?? [], key: s.id })).sort((a, b) => place(a) - place(b));
    this.dirty = false;
  }

  build() {
    const n = this.note;
    this.notice = el("div", { class: "note-notice" });
    this.titleInput = el("input", { class: "form-input", id: "n-title", lang: "da", maxLength: 200, autocomplete: "off", oninput: () => this.edited(() => (this.title = this.titleInput.value)) });
    this.caseInput = el("input", { class: "form-input", id: "n-case", maxLength: 60, autocomplete: "off", oninput: () => this.edited(() => (this.caseNumber = this.caseInput.value)) });
    this.sections = n.sections.map((s) => {
      const list = el("ol", { class: "sentences" });
      const none = el("p", { class: "quiet none" }, s.empty || t("section.empty"));
      const add = el("button", { type: "button", class: "link add", "aria-label": t("sentence.add.to", { section: s.title }), onclick: () => this.add(s.id) }, t("sentence.add"));
      const box = el("section", { class: `part ${s.kind}`, "aria-label": s.title },
        el("h3", {}, el("span", { lang: "da" }, s.title), s.kind === "assessment" ? el("span", { class: "kind" }, t("section.assessment")) : null), list, none, add);
      return { id: s.id, title: s.title, list, none, add, box };
    });
    this.other = el("ol", { class: "sentences" });
    this.otherHint = el("p", { class: "quiet none" }, t("section.other.hint"));
    this.otherBox = el("section", { class: "part", id: "note-other", "aria-label": t("section.other"), hidden: true },
      el("h3", {}, t("section.other")), this.otherHint, this.other);
    this.root.replaceChildren(this.notice,
      el("div", { class: "fields" },
        el("label", { for: "n-title" }, t("note.subject")), this.titleInput,
        el("label", { for: "n-case" }, t("note.case")), this.caseInput),
      ...this.sections.map((s) => s.box), this.otherBox);
  }

  draw() {
    const n = this.note;
    const ids = (sections) => sections.map((s) => s.id).join();
    if (n.sections.length && ids(n.sections) !== ids(this.sections)) this.build(); // another template
    write($("note-title"), t("note.state." + n.state));
    this.drawNotice();
    for (const [input, value] of [[this.titleInput, this.title], [this.caseInput, this.caseNumber]]) {
      if (document.activeElement !== input && input.value !== value) input.value = value;
      input.readOnly = !this.editable;
    }
    for (const part of this.sections) {
      const items = this.list.filter((s) => s.section === part.id);
      keyed(part.list, items, (s) => s.key, (s) => this.make(s), (e, s) => this.update(e, s));
      part.none.hidden = items.length > 0;
      part.add.hidden = !this.editable;
    }
    const other = this.list.filter((s) => this.homeless(s));
    keyed(this.other, other, (s) => s.key, (s) => this.make(s), (e, s) => this.update(e, s));
    this.otherBox.hidden = !other.length;
    this.otherHint.hidden = !this.editable;
    if (!this.editable) write($("note-saved"), "");
    for (const id of ["note-approve", "note-redraft", "note-discard"]) $(id).hidden = !this.editable;
    $("note-undo").hidden = !this.editable || !this.removed;
    $("note-redraft").hidden ||= this.list.some((s) => s.by && s.verdict === "edited");
    write($("note-erase"), this.eraseText());
    this.foot.hidden = !this.editable && !$("note-erase").textContent;
    this.onChange(this);
  }

  drawNotice() {
    const n = this.note;
    const lines = [];
    if (n.state === "draft") {
      lines.push(el("p", { class: "ai-mark" }, t(n.drafted_by === "extract" ? "note.by.extract" : "note.by.model", { model: n.drafted_by })));
      if (n.notice) lines.push(el("p", { lang: "da" }, n.notice));
      if (isSet(n.deadline_at)) lines.push(el("p", {}, t("note.deadline", { when: at(n.deadline_at) })));
    }
    if (isSet(n.approved_at)) lines.push(el("p", {}, t("note.approved.by", { name: n.approved_by, when: at(n.approved_at) })));
    if (n.state === "approved" && !n.receipt) lines.push(el("p", { role: "status" }, t("note.delivering")));
    if (n.state === "approved" && n.delivery?.problem) {
      lines.push(el("p", { class: "trouble" }, t("note.trouble", { n: n.delivery.attempts, why: n.delivery.problem }), " ",
        el("button", { type: "button", class: "link", onclick: () => this.deliver() }, t("note.deliver"))));
    }
    if (n.receipt) {
      lines.push(el("p", { class: "receipt", role: "status" }, t("note.receipt", { system: n.receipt.system, when: at(n.receipt.received_at), id: n.receipt.id })));
    }
    const text = lines.map((l) => l.textContent).join("\n");
    if (this.noticeText === text && this.notice.childElementCount) return;
    this.noticeText = text;
    this.notice.replaceChildren(...lines);
  }

  eraseText() {
    const n = this.note;
    if (isSet(n.erase_at)) return t("note.erase.at", { day: day(n.erase_at) });
    if (this.keepDays === undefined || n.state !== "draft") return "";
    return this.keepDays < 1 ? t("note.erase.now") : t("note.erase.after", { n: this.keepDays, day: day(Date.now() + this.keepDays * 86400e3) });
  }

  /** homeless: the note has no such section. Shown all the same; the journal wants it moved. */
  homeless(s) {
    return !this.sections.some((part) => part.id === s.section);
  }

  move(s, section) {
    s.section = section;
    this.list.splice(this.list.indexOf(s), 1);
    this.edited(() => {}); // out of the list it is not taken for rewritten
    const order = this.sections.map((part) => part.id);
    const after = this.list.findIndex((x) => this.homeless(x) || order.indexOf(x.section) > order.indexOf(section));
    this.list.splice(after < 0 ? this.list.length : after, 0, s);
    this.draw();
    this.rowOf(s).querySelector("textarea").focus();
  }

  number(s) {
    return this.list.indexOf(s) + 1;
  }

  make(s) {
    const key = s.key;
    const now = () => this.list.find((x) => x.key === key);
    const num = el("button", { type: "button", class: "num", onclick: () => this.light(now()) });
    const text = el("textarea", {
      class: "sentence", lang: "da", rows: 1, maxLength: 2000,
      oninput: () => { grow(text); this.edited(() => (now().text = text.value)); },
      onfocus: () => {
        this.last = now().section;
        this.light(now());
      },
      onkeydown: (e) => {
        if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); this.add(now().section, now()); }
        if (e.altKey && (e.key === "ArrowDown" || e.key === "ArrowUp")) { e.preventDefault(); this.step(e.key === "ArrowDown" ? 1 : -1); }
        if (e.key === "Escape") text.blur();
        if (e.key === "Backspace" && !text.value) { e.preventDefault(); this.remove(now()); }
      },
    });
    const mark = el("span", { class: "verdict" });
    const reasons = el("p", { class: "reasons", lang: "da" });
    const remove = el("button", { type: "button", class: "link", onclick: () => this.remove(now()) }, t("sentence.delete"));
    const edit = el("button", { type: "button", class: "link", onclick: () => text.focus() }, t("sentence.edit"));
    const confirm = el("button", { type: "button", class: "link", onclick: () => this.confirm(now()) }, t("sentence.confirm"));
    const move = this.homeless(s) && el("select", { class: "form-select move", lang: "da", onchange: () => this.move(now(), move.value) },
      el("option", { value: "", lang: document.documentElement.lang }, t("section.move")), ...this.sections.map((part) => el("option", { value: part.id }, part.title)));
    const e = el("li", { class: "s" }, el("p", { class: "warn-head" }, t("sentence.unsupported")), num, text, mark, reasons, move || null, el("span", { class: "s-tools" }, edit, confirm, remove));
    Object.assign(e, { parts: { num, text, mark, reasons, remove, edit, confirm, move } });
    return e;
  }

  update(e, s) {
    const { num, text, mark, reasons, remove, edit, confirm, move } = e.parts;
    const n = this.number(s);
    const changed = s.changed;
    const verdict = changed ? "edited" : s.verdict;
    e.className = `s ${verdict}`;
    write(num, String(n));
    num.disabled = s.evidence.length === 0;
    num.setAttribute("aria-label", t(s.evidence.length ? "ref.to.words" : "ref.none", { n }));
    if (document.activeElement !== text || !this.dirty) {
      if (text.value !== s.text) text.value = s.text;
    }
    text.setAttribute("aria-label", t("sentence.label", { n }));
    text.readOnly = !this.editable;
    write(mark, t("verdict." + (verdict || "edited")));
    const why = (s.reasons ?? []).join(" ");
    write(reasons, s.verdict === "confirmed" ? t("sentence.confirmed", { reason: s.confirm }) : why);
    reasons.hidden = changed || !(s.verdict === "confirmed" || (why && (s.verdict === "unsupported" || s.verdict === "weak")));
    e.firstChild.hidden = verdict !== "unsupported";
    const open = this.editable && !changed && (s.verdict === "unsupported" || s.verdict === "weak");
    edit.hidden = confirm.hidden = !open;
    remove.hidden = !this.editable;
    if (move) {
      move.hidden = !this.editable;
      move.setAttribute("aria-label", t("section.move.label", { n }));
    }
    requestAnimationFrame(() => grow(text));
  }

  light(s) {
    for (const e of this.root.querySelectorAll(".s.lit")) e.classList.remove("lit");
    this.rowOf(s)?.classList.add("lit");
    this.onLight(s.evidence.flatMap((ev) => ev.word_ids ?? []));
  }

  rowOf(s) {
    return this.root.querySelector(`.s[data-key="${CSS.escape(s.key)}"]`);
  }

  /** lightWord marks the sentences that build on a word. */
  lightWord(id) {
    const found = this.list.filter((s) => s.evidence.some((ev) => ev.word_ids?.includes(id)));
    for (const e of this.root.querySelectorAll(".s.lit")) e.classList.remove("lit");
    for (const s of found) this.rowOf(s)?.classList.add("lit");
    if (found.length) this.rowOf(found[0]).scrollIntoView({ block: "nearest" });
    return found;
  }

  /** show lights a sentence and goes to it. */
  show(s) {
    this.light(s);
    this.rowOf(s)?.querySelector("textarea").focus();
  }

  /** step goes to the next (or previous) sentence. */
  step(by) {
    if (!this.list.length) return;
    const row = document.activeElement?.closest?.(".s");
    const from = row ? this.list.findIndex((s) => s.key === row.dataset.key) : by > 0 ? -1 : this.list.length;
    this.show(this.list[Math.min(this.list.length - 1, Math.max(0, from + by))]);
  }

  add(section, after) {
    if (!this.editable) return;
    const s = { key: `new-${crypto.randomUUID()}`, id: "", section, text: "", verdict: "edited", evidence: [], changed: true };
    let place = after ? this.list.indexOf(after) + 1 : this.list.findLastIndex((x) => x.section === section) + 1;
    if (!place) place = this.list.length;
    this.list.splice(place, 0, s);
    this.draw();
    this.rowOf(s).querySelector("textarea").focus();
  }

  /** put writes a sentence of the caseworker's own where they worked last, else under what was told; false without a draft. */
  put(text) {
    if (!this.editable || !this.sections.length) return false;
    const has = (id) => this.sections.some((part) => part.id === id);
    const section = [this.last, "oplyst"].find(has) ?? this.sections[0].id;
    const place = this.list.findLastIndex((x) => x.section === section) + 1 || this.list.length;
    this.list.splice(place, 0, { key: `new-${crypto.randomUUID()}`, id: "", section, text, verdict: "edited", evidence: [], changed: true });
    this.edited(() => {});
    this.draw();
    return true;
  }

  remove(s) {
    const i = this.list.indexOf(s);
    this.list.splice(i, 1);
    if (s.text.trim()) this.removed = { s, i };
    this.edited(() => {});
    this.draw();
    const next = this.list[Math.max(0, i - 1)];
    const none = this.sections.find((part) => part.id === s.section)?.add;
    (next ? this.rowOf(next).querySelector("textarea") : none ?? $("note-title")).focus();
    tell(t("sentence.deleted"));
  }

  /** undo brings back the sentence that was deleted last: itself while the deletion is not stored, else as a new one. */
  undo() {
    const { s, i } = this.removed;
    const back = this.note.sentences.some((x) => x.id === s.id) ? s : { ...s, id: "", key: `new-${crypto.randomUUID()}`, verdict: "edited", changed: true };
    this.removed = null;
    this.list.splice(Math.min(i, this.list.length), 0, back);
    this.edited(() => {});
    this.draw();
    this.rowOf(back).querySelector("textarea").focus();
  }

  edited(change) {
    const row = document.activeElement?.closest?.(".s");
    change();
    const s = row && this.list.find((x) => x.key === row.dataset.key);
    if (s && !s.changed) {
      s.changed = true;
      this.update(row, s);
    }
    this.dirty = true;
    write($("note-saved"), t("saved.soon"));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), saveAfter);
  }

  /** save sends what is typed; one request at a time, again and again until it is stored. */
  async save() {
    clearTimeout(this.timer);
    if (this.saving) return this.saving;
    if (!this.dirty || !this.editable) return true;
    this.saving = this.send().finally(() => (this.saving = null));
    const ok = await this.saving;
    if (ok && this.dirty) return this.save();
    return ok;
  }

  async send() {
    const sent = this.list.filter((s) => s.text.trim());
    const note = this.note.id;
    const body = {
      version: this.note.version, title: this.title, case_number: this.caseNumber || undefined,
      sentences: sent.map((s) => ({ id: s.id, section: s.section, text: s.text.trim(), verdict: s.verdict, evidence: s.evidence, by: s.by ?? "", confirm: s.confirm })),
    };
    this.dirty = false;
    write($("note-saved"), t("saved.now"));
    try {
      this.stored(await api("PUT", `/api/v1/notes/${note}`, body), sent, note);
      this.wait = 1000;
      return true;
    } catch (err) {
      if (this.note?.id !== note) return false;
      this.dirty = true;
      await this.notStored(err);
      return false;
    }
  }

  stored(saved, sent, note) {
    if (this.note?.id !== note) return;
    write($("note-saved"), t("saved.at", { clock: clock(new Date()) }));
    // The answer has the sentences in the order sent; typed meanwhile stays.
    const typed = this.dirty;
    saved.sentences.forEach((s, i) => {
      const mine = sent[i];
      if (!mine || !this.list.includes(mine)) return;
      const text = mine.text;
      Object.assign(mine, s, { evidence: s.evidence ?? [], key: mine.key, text, changed: text.trim() !== s.text });
    });
    // What came back into the list while its deletion was on the way is a new one.
    for (const s of this.list) if (s.id && !saved.sentences.some((x) => x.id === s.id)) Object.assign(s, { id: "", verdict: "edited", changed: true });
    this.note = { ...saved };
    this.dirty = typed;
    this.draw();
  }

  async notStored(err) {
    if (!(err instanceof Problem)) throw err;
    if (err.kind === "conflict") return this.conflict();
    const again = ["offline", "unavailable", "limited", "internal", "unauthenticated"].includes(err.kind);
    write($("note-saved"), t(again ? "saved.not" : "saved.refused", { why: err.message }));
    if (!again) return failed(err);
    this.timer = setTimeout(() => this.save(), Math.max(this.wait, err.retryAfter * 1000));
    this.wait = Math.min(this.wait * 2, retryMost);
  }

  /** conflict lets the person choose: own changes onto the newest version, or drop them. */
  async conflict() {
    const base = new Map(this.note.sentences.map((s) => [s.id, s.text]));
    const mine = this.list.filter((s) => s.text.trim() && s.text.trim() !== base.get(s.id));
    const gone = new Set([...base.keys()].filter((id) => !this.list.some((s) => s.id === id)));
    const title = this.title;
    const newest = await api("GET", `/api/v1/notes/${this.note.id}`);
    const d = $("conflict-dialog");
    $("conflict-mine").replaceChildren(...mine.map((s) => el("li", {}, s.text)), ...(gone.size ? [el("li", {}, t("conflict.deleted", { n: gone.size }))] : []));
    $("conflict-apply").onclick = () => d.close("apply");
    $("conflict-drop").onclick = () => d.close("drop");
    write($("note-saved"), t("saved.conflict"));
    let choice;
    while (!choice) choice = await open(d); // Escape is no answer
    const titleChanged = title !== this.note.title;
    this.adopt(newest);
    if (choice === "apply" && this.editable) {
      if (titleChanged) this.title = title;
      this.list = this.list.filter((s) => !gone.has(s.id));
      for (const m of mine) {
        const theirs = this.list.find((s) => s.id && s.id === m.id);
        if (theirs) Object.assign(theirs, { text: m.text, changed: true });
        else this.list.push({ ...m, id: "", key: `new-${crypto.randomUUID()}`, changed: true });
      }
      this.dirty = true;
      this.timer = setTimeout(() => this.save(), 0);
    } else {
      write($("note-saved"), "");
    }
    this.draw();
  }

  async confirm(s) {
    if (!(await this.save())) return tell(t("saved.first"), "bad");
    const reason = await ask({ title: t("confirm.title"), text: s.text, label: t("confirm.label"), required: true, yes: t("sentence.confirm") });
    if (reason === null) return;
    try {
      this.adopt(await api("POST", `/api/v1/notes/${this.note.id}/confirm`, { version: this.note.version, sentence_id: s.id, reason }));
      this.draw();
    } catch (err) {
      if (err.kind === "conflict") this.conflict();
      else failed(err);
    }
  }

  async approve() {
    if (!this.editable) return;
    if (!(await this.save())) return tell(t("saved.first"), "bad");
    const bad = this.list.find((s) => s.verdict === "unsupported" && !s.changed);
    if (bad) {
      tell(t("approve.unsupported"), "bad");
      return this.show(bad);
    }
    const yes = await ask({ title: t("approve.title"), text: t("approve.text") + " " + this.eraseText(), yes: t("note.approve") });
    if (yes === null) return;
    try {
      this.adopt(await api("POST", `/api/v1/notes/${this.note.id}/approve`, { version: this.note.version }));
      this.draw();
      $("note-title").focus();
    } catch (err) {
      if (err.kind === "conflict") this.conflict();
      else failed(err);
    }
  }

  async deliver() {
    try {
      this.adopt(await api("POST", `/api/v1/notes/${this.note.id}/deliver`));
      tell(t("note.delivering"));
    } catch (err) {
      failed(err);
    }
  }

  async discard() {
    const reason = await ask({ title: t("discard.title"), text: t("discard.text"), label: t("discard.label"), required: true, yes: t("note.discard"), danger: true });
    if (reason === null) return;
    try {
      this.adopt(await api("POST", `/api/v1/notes/${this.note.id}/discard`, { reason }));
      this.draw();
      $("note-title").focus();
    } catch (err) {
      failed(err);
    }
  }

  async redraft() {
    const yes = await ask({ title: t("redraft.title"), text: t("redraft.text"), yes: t("note.redraft") });
    if (yes === null) return;
    try {
      this.adopt(await api("POST", `/api/v1/notes/${this.note.id}/redraft`));
      this.draw();
    } catch (err) {
      failed(err);
    }
  }
}

const growsItself = CSS.supports("field-sizing", "content");

function grow(text) {
  if (growsItself) return;
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}
