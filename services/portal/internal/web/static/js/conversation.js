// One conversation on screen: transcript, choices, the citizen and the note, kept up to
// date by its event stream. The desk and the note page share it.
import { $, api, ask, at, el, events, failed, isSet, keyed, open, span, t, tell, write } from "./lib.js";
import { Transcript } from "./transcript.js";
import { Note } from "./note.js";
import { Typed } from "./typed.js";

/** Conversation tells heard (final words came), noted (the note was drawn) and onRelated (another one is wanted), where somebody has set them. */
export class Conversation {
  constructor() {
    this.id = null;
    this.told = 0; // how often the call was told of
    this.said = {}; // what the citizen chose, by kind
    this.areas = new Map();
    this.transcript = new Transcript($("transcript"), {
      spoken: $("spoken"), coverage: $("coverage"),
      onWord: (id) => this.note.lightWord(id).length && this.transcript.light([id]),
      onReveal: (w) => this.reveal(w),
      onRef: (s) => this.note.show(s),
    });
    this.typed = new Typed((role) => this.transcript.speaker(role));
    this.note = new Note({
      onLight: (ids) => this.transcript.light(ids),
      onChange: (n) => {
        this.transcript.refs(n.list);
        this.noted?.();
      },
    });
    $("spoken-toggle").addEventListener("click", () => {
      this.transcript.reading = !this.transcript.reading;
      $("spoken-toggle").setAttribute("aria-pressed", this.transcript.reading);
      write($("spoken"), "");
    });
    $("bigger").addEventListener("click", () => {
      $("bigger").setAttribute("aria-pressed", $("transcript").classList.toggle("big"));
    });
    $("party-open").addEventListener("click", () => this.party());
    $("consent-yes").addEventListener("click", () => this.control("transcribe", "yes"));
    $("consent-no").addEventListener("click", () => this.control("transcribe", "no"));
    $("consent-pause").addEventListener("click", () => this.control(this.call?.paused ? "continue" : "pause"));
    $("consent-note").addEventListener("click", () => this.choose("ai_note", this.said.ai_note === false));
    setInterval(() => this.tick(), 1000);
  }

  /** learn takes the service areas, for names and how long things are kept. */
  learn(areas) {
    for (const a of areas) this.areas.set(a.id, a);
  }

  /** show opens a conversation; what is typed in the note before is stored first. */
  async show(id) {
    if (id === this.id) return;
    if (this.note.dirty && !(await this.note.save())) return tell(t("saved.first"), "bad");
    this.close?.();
    Object.assign(this, { id, call: null, conv: null, said: {} });
    this.transcript.reset();
    this.typed.reset(id);
    this.note.clear();
    this.draw();
    if (!id) return;
    this.close = events(`/api/v1/conversations/${id}/events`, {
      partial: (ev) => this.transcript.partial(ev),
      final: (ev) => {
        if (ev.demo) $("demo-engine").hidden = false;
        this.transcript.final(ev);
        this.heard?.(ev);
      },
      text: (line) => {
        this.typed.line(line);
        this.typed.draw(this.call);
      },
      call: (call) => this.setCall(call),
      changed: (ev) => (ev.what === "withdrawn" ? this.wordsGone() : this.refresh(ev.what === "erased")),
      resync: () => this.refresh(true),
      erased: () => this.refresh(true),
    }, (up) => up && this.refresh(true), { rests: true });
  }

  setCall(call) {
    if (call && call.conversation_id !== this.id) return;
    this.told++;
    const ended = this.call && !call;
    this.call = call;
    this.draw();
    if (ended) this.refresh(true);
  }

  /** reply takes the answer to a request about the call, unless an event has told of the call meanwhile: that may be newer, and one more follows. */
  async reply(request) {
    const { told } = this;
    const call = await request;
    if (told === this.told) this.setCall(call);
  }

  /** refresh asks the journal what there is; a call that just began is not there yet. */
  async refresh(words = false) {
    const id = this.id;
    let conv;
    try {
      conv = await api("GET", `/api/v1/conversations/${id}`);
    } catch (err) {
      if (id === this.id && err.kind !== "not-found") failed(err);
      return;
    }
    if (id !== this.id) return;
    this.conv = conv;
    this.draw();
    await Promise.all([words && this.loadWords(id), words && this.loadChoices(id), this.loadNote(id)]);
  }

  async loadWords(id) {
    if (isSet(this.conv.erased_at)) return this.transcript.empty(t("transcript.erased"));
    if (this.conv.state === "live") return; // the stream brings all of it
    try {
      const words = await api("GET", `/api/v1/conversations/${id}/transcript`);
      if (id !== this.id) return;
      $("demo-engine").hidden = !words.demo;
      if (isSet(words.erased_at)) return this.transcript.empty(t("transcript.erased"));
      if (words.words.length) this.transcript.load(words);
      else if (words.complete) this.transcript.empty(t(words.coverage.transcribed_s > 0 ? "transcript.erased" : "transcript.none"));
      this.transcript.refs(this.note.list);
    } catch (err) {
      if (err.kind !== "not-found") failed(err);
    }
  }

  /** wordsGone takes the words off the screen: the citizen withdrew the consent to them. */
  wordsGone() {
    this.transcript.empty(t("transcript.erased"));
    this.refresh(true);
  }

  /** loadChoices finds what the citizen last said about transcript and AI draft. */
  async loadChoices(id) {
    try {
      const { choices } = await api("GET", `/api/v1/conversations/${id}/choices`);
      if (id !== this.id) return;
      this.said = Object.fromEntries(choices.map((c) => [c.kind, c.value])); // oldest first: the last counts
      this.drawConsent();
    } catch (err) {
      if (err.kind !== "not-found") failed(err);
    }
  }

  async loadNote(id) {
    const c = this.conv;
    if (!c.note_id) {
      this.note.clear(t(c.state === "drafting" || c.state === "ended" ? "note.drafting" : c.state === "live" ? "note.live" : "note.empty"));
      return;
    }
    try {
      const note = await api("GET", `/api/v1/notes/${c.note_id}`);
      if (id !== this.id) return;
      const keep = this.areas.get(c.service_area)?.keep_after;
      this.note.load(note, { caseNumber: c.case_number, keepDays: keep === undefined ? undefined : Math.round(keep / 86400e9) });
    } catch (err) {
      if (id === this.id && err.kind === "not-found") this.note.clear(t("transcript.erased"));
      else failed(err);
    }
  }

  get who() {
    const p = { ...this.call?.party, ...this.conv?.party };
    return p.name || p.number || t("unknown.caller");
  }

  draw() {
    const { call, conv } = this;
    write($("talk-title"), this.id ? t("talk.with", { name: this.who }) : t("talk.none"));
    const state = call ? call.state : conv?.state === "live" ? "ended" : null;
    const s = $("talk-state");
    s.hidden = !call;
    if (call) {
      const writing = call.transcribe === true && !call.paused && call.state === "talking";
      s.className = `pill ${writing ? "live" : ""}`;
      write(s, writing ? t("talk.writing") : call.paused ? t("talk.paused") : t("call." + state));
    }
    $("party-open").hidden = !this.id || isSet(conv?.erased_at);
    $("demo-engine").hidden = !(conv?.demo) && $("demo-engine").hidden;
    if (!this.id) $("demo-engine").hidden = true;
    const worker = call?.caseworker ?? conv?.caseworker;
    this.transcript.mine = !worker || worker === document.documentElement.dataset.user;
    if (call) this.transcript.say(t(call.transcribe === true ? "talk.soon" : call.transcribe === false ? "talk.not" : "talk.ask"));
    this.typed.draw(call);
    this.drawRelated();
    this.drawConsent();
    this.tick();
  }

  /** drawRelated names what this conversation goes on from, and what has grown out of it: beside the words and over the note. */
  drawRelated() {
    const c = this.conv;
    const items = [...(c?.follows ? [{ ...c.follows, how: "follows" }] : []), ...(c?.followed_by ?? []).map((r) => ({ ...r, how: "followed" }))];
    for (const list of [$("related"), $("note-related")]) {
      list.hidden = !items.length;
      keyed(list, items, (r) => r.id, (r) => el("li", {}, t(`related.${r.how}`), " ",
        el("a", { href: `/desk?samtale=${r.id}`, onclick: (e) => this.onRelated?.(r.id, e) }, `${t(`channel.${r.channel}`)} ${at(r.started_at)}`)), () => {});
    }
  }

  drawConsent() {
    const call = this.call;
    const live = Boolean(call && call.state !== "ended");
    const value = call?.transcribe;
    const said = live ? value : this.said.transcription;
    write($("consent-state"), !this.id || (!live && said === undefined) ? "" : t(said === true ? "consent.is.yes" : said === false ? "consent.is.no" : "consent.is.open"));
    $("talk-bar").hidden = !$("consent-state").textContent;
    $("consent-group").hidden = !live;
    $("consent-yes").setAttribute("aria-pressed", value === true);
    $("consent-no").setAttribute("aria-pressed", value === false);
    $("consent-pause").hidden = $("consent-note").hidden = value !== true;
    $("consent-note").setAttribute("aria-pressed", this.said.ai_note === false);
    $("consent-pause").setAttribute("aria-pressed", Boolean(call?.paused));
    write($("consent-pause"), t(call?.paused ? "consent.continue" : "consent.pause"));
  }

  tick() {
    const c = $("talk-clock");
    const from = this.call && isSet(this.call.answered_at) ? this.call.answered_at : this.call?.started_at;
    c.hidden = !from;
    if (from) write(c, span((Date.now() - new Date(from)) / 1000));
  }

  async control(action, value) {
    try {
      await this.reply(api("POST", `/api/v1/calls/${this.id}/control`, { action, value }));
    } catch (err) {
      failed(err);
    }
  }

  /** choose notes what the citizen said about something else than the transcript. */
  async choose(kind, value) {
    try {
      const c = await api("POST", `/api/v1/conversations/${this.id}/choices`, { kind, value });
      this.said[c.kind] = c.value;
      this.drawConsent();
    } catch (err) {
      failed(err);
    }
  }

  async reveal(w) {
    const reason = await ask({ title: t("reveal.title", { what: t("masked." + w.masked) }), text: t("reveal.text"), label: t("reveal.reason"), required: true, yes: t("reveal.show") });
    if (reason === null) return;
    try {
      const { value } = await api("POST", `/api/v1/conversations/${this.id}/reveal`, { word_id: w.id, reason });
      this.transcript.shown(w, value);
      tell(t("reveal.done"));
    } catch (err) {
      failed(err);
    }
  }

  async party() {
    const c = this.conv ?? {};
    $("party-name").value = c.party?.name ?? this.call?.party?.name ?? "";
    $("party-id").value = "";
    $("party-behalf").value = c.on_behalf_of ?? "";
    $("party-case").value = c.case_number ?? "";
    $("party-unlink").checked = false;
    $("party-unlink-group").hidden = !c.party_ref;
    $("party-error").hidden = true;
    const d = $("party-dialog");
    const form = d.querySelector("form");
    form.onsubmit = async (e) => {
      if (e.submitter?.dataset.close !== undefined) return;
      e.preventDefault();
      try {
        this.conv = await api("PUT", `/api/v1/conversations/${this.id}/party`, {
          name: $("party-name").value.trim(), id: $("party-id").value.trim(), on_behalf_of: $("party-behalf").value.trim() || undefined, case_number: $("party-case").value.trim() || undefined,
          unlink: $("party-unlink").checked || undefined,
        });
        d.close("saved");
        this.note.caseNumber = this.conv.case_number ?? "";
        if (this.note.note) this.note.draw();
        this.draw();
        tell(t(this.conv.party_ref ? "party.saved" : "party.saved.name"));
      } catch (err) {
        write($("party-error"), err.message);
        $("party-error").hidden = false;
      }
    };
    await open(d);
  }
}
