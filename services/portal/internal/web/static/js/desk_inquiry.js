// Inquiries at the desk: what waits, what is one's own, and the one that is open, with its chat. Events hold no words: what
// is shown comes from the list and from the open inquiry's own stream.
import { $, api, ask, at, clock, el, events, failed, isSet, keyed, newest, open, t, tell, write } from "./lib.js";
import { book, meet } from "./desk_meet.js";

const english = document.documentElement.lang === "en";
const typingShown = 5000; // ms that "is writing" stays
const typingEvery = 3000; // ms between two tellings that one writes
const readAfter = 100; // ms on screen before a message counts as read

export class Inquiries {
  /**
   * onOpen is called when somebody picks an inquiry, onList when the list changed, with those that are new and whether an own
   * one was written to; onShow when the open one changed; mine says whether an area is the caseworker's own; dial opens the
   * softphone's dialog, party the one about who the citizen is; caseNumber is the open conversation's.
   */
  constructor({ user, areas, mine, onOpen, onList, onShow, dial, party, caseNumber }) {
    Object.assign(this, { user, areas, mine, onOpen, onList, onShow, dial, party, caseNumber, list: [], open: null, drafts: new Map(), known: null });
    $("inq-claim").addEventListener("click", () => this.claim());
    $("inq-release").addEventListener("click", () => this.release());
    $("inq-forward").addEventListener("click", () => this.forward());
    $("inq-end").addEventListener("click", () => this.end());
    $("inq-call").addEventListener("click", () => this.call());
    $("inq-called").addEventListener("click", () => this.called());
    $("inq-video").addEventListener("click", () => this.video());
    $("inq-meet").addEventListener("click", () => this.meet());
    $("inq-party").addEventListener("click", () => this.party());
    $("inq-form").addEventListener("submit", (e) => {
      e.preventDefault();
      this.say();
    });
    $("inq-text").addEventListener("input", () => this.typed());
    $("inq-text").addEventListener("keydown", (e) => {
      if (e.key === "Escape") e.target.blur();
      if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
      e.preventDefault();
      this.say();
    });
    this.fresh = newest(() => api("GET", "/api/v1/desk/inquiries"), ({ inquiries }) => this.take(inquiries));
    stayAtEnd($("inq-body"), () => this.messages?.size > 0); // a summary alone is read from its top
    for (const r of $("forward-dialog").querySelectorAll("[name=way], #forward-colleague")) r.addEventListener("change", () => this.drawWays());
  }

  /* The list. */

  get waiting() {
    return this.list.filter((i) => i.state === "waiting");
  }

  own(channel) {
    return this.list.filter((i) => i.state === "claimed" && i.caseworker === this.user && i.channel === channel);
  }

  /** unread counts messages in own inquiries that nobody looks at now. */
  get unread() {
    return this.list.filter((i) => i.caseworker === this.user).reduce((n, i) => n + this.unreadOf(i), 0);
  }

  unreadOf(i) {
    return i.id === this.open?.id && !document.hidden ? 0 : (i.unread ?? 0);
  }

  /** groups of the inbox: own ones first, then what waits (the service puts what has waited too long first). */
  groups() {
    return [
      { id: "inq-chat", items: this.own("chat") },
      { id: "inq-callback", items: this.own("callback") },
      { id: "inq-video", items: this.own("video") },
      { id: "inq-waiting", items: this.waiting },
    ].map((g) => ({ ...g, from: this }));
  }

  /** load fetches the list; several changes at once are one look. */
  load() {
    clearTimeout(this.due);
    this.due = setTimeout(() => this.fresh().catch((err) => err.kind !== "unavailable" && failed(err)), 250);
  }

  take(list) {
    const before = this.known;
    const unread = this.unread;
    this.list = list;
    this.known = new Set(this.waiting.map((i) => i.id));
    const fresh = before ? this.waiting.filter((i) => !before.has(i.id)) : [];
    this.onList(fresh, this.unread > unread);
  }

  item(i) {
    return el("li", {}, el("button", { type: "button", class: "item", onclick: () => this.onOpen(i.id) },
      el("span", { class: "item-name" }), el("span", { class: "item-info" }), el("span", { class: "item-time" })));
  }

  updateItem(li, i) {
    const b = li.firstChild;
    b.setAttribute("aria-current", String(i.id === this.open?.id));
    write(b.children[0], nameOf(i));
    const parts = [this.areaOf(i)];
    if (i.state === "waiting") parts.unshift(t("desk.inq.channel." + i.channel));
    const late = i.state === "waiting" && isSet(i.escalated_at);
    const unread = this.unreadOf(i);
    b.children[1].replaceChildren(
      ...(late ? [el("strong", { class: "late" }, t("desk.inq.late")), " · "] : []),
      ...(unread ? [el("strong", { class: "unread" }, t("desk.inq.unread", { n: unread })), " · "] : []),
      parts.join(" · "));
    b.children[2].dataset.since = i.state === "waiting" ? i.created_at : i.claimed_at;
  }

  areaOf(i) {
    const a = this.areas.get(i.service_area);
    return (english ? a?.name_en || a?.name : a?.name) ?? i.area_name ?? i.service_area;
  }

  /* The open one. */

  /** show opens an inquiry; null closes it. */
  show(id) {
    if (this.open) this.drafts.set(this.open.id, $("inq-text").value);
    this.close?.();
    this.close = this.open = null;
    $("inq-pane").hidden = !id;
    if (!id) return;
    this.open = this.list.find((i) => i.id === id) ?? { id };
    this.messages = new Map();
    $("inq-log").replaceChildren();
    $("inq-text").value = this.drafts.get(id) ?? "";
    write($("inq-spoken"), "");
    write($("inq-typing"), "");
    this.problem("");
    $("inq-sent").open = true;
    this.first = true;
    if (this.open.state) this.draw();
    this.follow(id);
  }

  follow(id) {
    this.close = events(`/api/v1/desk/inquiries/${id}/events`, {
      message: (m) => this.message(m),
      changed: (i) => this.update(i),
      resync: () => this.refresh(id),
      typing: () => this.typing(),
    }, () => {}, { rests: true });
  }

  async refresh(id) {
    try {
      const h = await api("GET", `/api/v1/desk/inquiries/${id}/history`);
      if (id !== this.open?.id) return;
      for (const m of h.messages) this.message(m);
      this.update(h.inquiry);
    } catch (err) {
      if (id !== this.open?.id) return;
      if (err.kind === "denied" || err.kind === "not-found") {
        tell(t("desk.inq.gone"));
        this.onOpen(null);
      } else {
        failed(err);
      }
    }
  }

  update(i) {
    if (i.id !== this.open?.id) return;
    this.open = i;
    this.first = false; // its messages come before it
    this.draw();
    this.onShow(i);
  }

  /** replied takes what a request brings, unless an event has told something newer meanwhile: steps are only ever added. */
  replied(i) {
    if ((i.steps?.length ?? 0) >= (this.open?.steps?.length ?? 0)) this.update(i);
  }

  draw() {
    const i = this.open;
    const mine = i.state === "claimed" && i.caseworker === this.user;
    write($("inq-title"), nameOf(i));
    write($("inq-channel"), t("desk.inq.channel." + i.channel));
    write($("inq-state"), mine ? t("desk.inq.yours") : i.state === "claimed" ? t("desk.inq.theirs", { name: i.caseworker_name || i.caseworker }) : t("desk.inq.state." + i.state));
    $("inq-party").hidden = !mine || i.channel === "callback";
    $("inq-late").hidden = !(i.state === "waiting" && isSet(i.escalated_at));
    if (isSet(i.escalated_at)) write($("inq-late"), t("desk.inq.late.text", { when: at(i.escalated_at) }));
    $("inq-log").lang = $("inq-summary").lang = i.language || "da";
    const called = (i.steps ?? []).some((s) => s.what === "called");
    const show = {
      "inq-claim": i.state === "waiting", "inq-release": mine, "inq-end": mine && (i.channel !== "callback" || called),
      "inq-forward": mine || i.state === "waiting", "inq-call": mine && Boolean(i.phone), "inq-called": mine && i.channel === "callback" && !called, "inq-video": mine && i.channel === "video", "inq-meet": mine && i.channel !== "video",
    };
    for (const [id, on] of Object.entries(show)) $(id).hidden = !on;
    $("inq-call").className = `button ${i.channel === "callback" && !called ? "button-primary" : "button-secondary"} small`;
    $("inq-video").className = `button ${i.video_url ? "button-secondary" : "button-primary"} small`;
    $("inq-write").hidden = !mine;
    this.drawFacts(i);
    this.drawSent(i);
    keyed($("inq-steps"), (i.steps ?? []).map((s, n) => ({ ...s, n })), (s) => String(s.n), (s) => el("li", {}, stepText(s)), () => {});
  }

  drawFacts(i) {
    const facts = [
      [t("desk.inq.area"), this.areaOf(i)],
      i.phone && [t("desk.inq.phone"), i.phone],
      [t("desk.inq.came"), at(i.created_at)],
      i.state === "waiting" && isSet(i.claim_by) && [t("desk.inq.claimby"), at(i.claim_by)],
      i.language && i.language !== "da" && [t("desk.inq.language"), t("desk.inq.language." + i.language)],
      i.video_url && [t("desk.inq.link"), el("a", { href: i.video_url, target: "_blank", rel: "noopener noreferrer" }, i.video_url)],
    ].filter(Boolean);
    keyed($("inq-facts"), facts, ([name]) => name, ([name]) => el("div", {}, el("dt", {}, name), el("dd", {})), (e, [, value]) => {
      const dd = e.lastChild;
      if (dd.textContent !== (value.textContent ?? value)) dd.replaceChildren(value);
    });
  }

  drawSent(i) {
    write($("inq-summary"), i.erased ? t("desk.inq.erased") : i.summary || t("desk.inq.nothing"));
    keyed($("inq-sources"), i.sources ?? [], (s) => `${s.chunk_id} ${s.start}`, (s) => el("li", {},
      el("q", { lang: "da" }, s.quote), " ", sourceLink(s)), () => {});
  }

  /* Messages. */

  message(m) {
    if (!this.open || this.messages.has(m.seq)) return;
    this.messages.set(m.seq, m);
    const body = $("inq-body");
    const low = body.scrollHeight - body.scrollTop - body.clientHeight < 80;
    const who = m.from === "caseworker" ? (m.name === this.open.caseworker_name && this.open.caseworker === this.user ? t("speaker.caseworker") : m.name || t("speaker.colleague")) : m.from === "system" ? t("desk.inq.system") : nameOf(this.open);
    const later = [...$("inq-log").children].find((e) => Number(e.dataset.seq) > m.seq) ?? null; // an own one may come back first
    $("inq-log").insertBefore(el("li", { class: `msg ${m.from}`, data: { seq: m.seq } }, el("p", { class: "msg-who" }, who, " ", el("time", { dateTime: m.at }, clock(m.at))), el("p", { class: "msg-text" }, m.text)), later);
    if (m.from === "citizen") {
      write($("inq-typing"), "");
      if (!this.first) write($("inq-spoken"), `${nameOf(this.open)}: ${m.text}`);
    }
    if (m.from !== "caseworker") this.read();
    $("inq-sent").open &&= m.from === "system";
    if (low || this.first) body.scrollTop = body.scrollHeight;
  }

  /** read tells the service, when messages of the open inquiry are on screen, that they have been read: by asking for the last. */
  read() {
    clearTimeout(this.reading);
    const { id } = this.open ?? {};
    this.reading = setTimeout(async () => {
      if (!id || id !== this.open?.id || !this.messages.size || document.hidden) return;
      try {
        await api("GET", `/api/v1/desk/inquiries/${id}/history?after=${Math.max(...this.messages.keys()) - 1}`);
        this.load();
      } catch {
        // it stays unread; the next message tells again
      }
    }, readAfter);
  }

  /** said is what was written lately, for the assistant. */
  get said() {
    const written = [...(this.messages?.values() ?? [])].filter((m) => m.from !== "system").slice(-6).map((m) => m.text);
    return written.length ? written : this.open?.summary ? [this.open.summary] : [];
  }

  typing() {
    write($("inq-typing"), t("desk.inq.typing"));
    clearTimeout(this.typingTimer);
    this.typingTimer = setTimeout(() => write($("inq-typing"), ""), typingShown);
  }

  typed() {
    if (Date.now() - (this.told ?? 0) < typingEvery || !$("inq-text").value) return;
    this.told = Date.now();
    api("POST", `/api/v1/desk/inquiries/${this.open.id}/typing`).catch(() => {}); // kept nowhere: not worth a word
  }

  problem(text) {
    write($("inq-problem"), text);
  }

  /** say sends what is written. It keeps its id until it is stored, so that sending again is no second message. */
  async say() {
    const box = $("inq-text");
    const { id } = this.open;
    const text = box.value.trim();
    if (!text || this.sending) return;
    if (this.unsent?.text !== text || this.unsent.inquiry !== id) this.unsent = { id: crypto.randomUUID(), inquiry: id, text };
    this.sending = true;
    this.problem("");
    try {
      const m = await api("POST", `/api/v1/desk/inquiries/${id}/say`, { id: this.unsent.id, text });
      this.unsent = null;
      this.told = 0;
      if (id !== this.open?.id) {
        this.drafts.delete(id);
        return;
      }
      if (box.value.trim() === text) box.value = "";
      this.message(m);
    } catch (err) {
      if (id === this.open?.id) this.problem(t("desk.inq.notsent", { why: err.message }));
    } finally {
      this.sending = false;
    }
  }

  /* What can be done with it. */

  async act(path, body, done) {
    const { id } = this.open;
    try {
      const i = await api("POST", `/api/v1/desk/inquiries/${id}/${path}`, body);
      this.load();
      this.replied(i);
      if (done) tell(done);
      return i;
    } catch (err) {
      this.load();
      if (err.kind === "conflict") this.refresh(id);
      throw err;
    }
  }

  async claim() {
    try {
      const i = await this.act("claim", undefined, t("desk.inq.claimed"));
      if (i.id === this.open?.id) this.focusWork();
    } catch (err) {
      failed(err);
    }
  }

  focusWork() {
    const first = [$("inq-text"), $("inq-call"), $("inq-video")];
    const next = this.open.channel === "chat" ? first[0] : this.open.channel === "callback" ? first[1] : first[2];
    (next.offsetParent ? next : $("inq-title")).focus();
  }

  async release() {
    const yes = await ask({ title: t("desk.inq.release.title"), text: t("desk.inq.release.text"), yes: t("desk.inq.release") });
    if (yes === null) return;
    await this.act("release", undefined, t("desk.inq.released")).catch(failed);
    $("inq-title").focus();
  }

  async end() {
    const yes = await ask({ title: t("desk.inq.end.title"), text: t(this.open.channel === "callback" ? "desk.inq.end.text.call" : "desk.inq.end.text"), yes: t("desk.inq.end") });
    if (yes === null) return;
    await this.act("end", undefined, t("desk.inq.ended")).catch(failed);
    $("inq-title").focus();
  }

  /** call rings the citizen through the softphone and says so to the citizen. */
  call() {
    const i = this.open;
    this.dial({ to: i.phone, area: i.service_area, regarding: i.conversation_id, done: (call) => this.called(call.conversation_id, i) });
  }

  async called(conversation, i = this.open) {
    try {
      const now = await api("POST", `/api/v1/desk/inquiries/${i.id}/called`, { conversation_id: conversation });
      this.load();
      this.replied(now);
      tell(t("desk.inq.called.done"));
    } catch (err) {
      failed(err);
    }
  }

  /** link is where the video meeting is held: the area's own place. It can be changed before it is sent. */
  link(i) {
    return i.video_url || this.areas.get(i.service_area)?.video || "";
  }

  async video() {
    const i = this.open;
    const d = $("video-dialog");
    $("video-url").value = this.link(i);
    write($("video-error"), "");
    d.querySelector("form").onsubmit = async (e) => {
      e.preventDefault();
      try {
        await this.act("video", { url: $("video-url").value.trim() }, t("desk.inq.video.sent"));
        d.close("done");
      } catch (err) {
        write($("video-error"), err.message);
      }
    };
    $("video-now").onclick = async () => {
      $("video-now").disabled = true;
      try {
        await this.meetNow(i);
      } catch (err) {
        write($("video-error"), err.message);
      }
      $("video-now").disabled = false;
    };
    await open(d);
  }

  /** meetNow opens a meeting that goes on from this inquiry: the caseworker's link beside the desk, the citizen's ready to be sent. */
  async meetNow(i) {
    const { mine, citizens } = await book({ ...this.goesOn(i), citizen: { name: i.name ?? "" } });
    $("video-url").value = citizens;
    window.open(mine, "_blank", "noopener");
  }

  /** goesOn is what a meeting takes over from an inquiry. */
  goesOn(i) {
    return { follows: i.conversation_id, area: this.areas.get(i.service_area), caseNumber: this.caseNumber(), citizen: { name: i.name ?? "", phone: i.phone } };
  }

  /** meet goes on by video from a chat or a call-back: the link is a message in the chat and a button on the citizen's page. */
  meet() {
    return meet(this.goesOn(this.open), (url) => this.act("video", { url }));
  }

  drawWays() {
    const d = $("forward-dialog");
    const way = d.querySelector("[name=way]:checked").value;
    for (const e of d.querySelectorAll("[data-way]")) e.hidden = e.dataset.way !== way;
    d.querySelector("[data-colleagues]").hidden ||= $("forward-colleague").options.length < 2;
    d.querySelector("[data-typed]").hidden ||= Boolean($("forward-colleague").value);
  }

  /** colleagues fills in who of the area is logged in; whoever is not is reached by their user name. */
  async colleagues(i) {
    const other = el("option", { value: "" }, t("desk.inq.forward.colleague.other"));
    $("forward-colleague").replaceChildren(other);
    try {
      const { colleagues } = await api("GET", `/api/v1/desk/colleagues?area=${encodeURIComponent(i.service_area)}`);
      if (!other.isConnected) return; // asked again since
      $("forward-colleague").prepend(...colleagues.map((c) => el("option", { value: c.id }, c.name)));
      $("forward-colleague").selectedIndex = 0;
    } catch {
      // the user name can be written
    }
    this.drawWays();
  }

  async forward() {
    const d = $("forward-dialog");
    const i = this.open;
    $("forward-area").replaceChildren(...[...this.areas.values()].filter((a) => a.id !== i.service_area)
      .map((a) => el("option", { value: a.id }, english ? a.name_en || a.name : a.name)));
    for (const id of ["caseworker", "authority", "contact", "reason"]) $("forward-" + id).value = "";
    write($("forward-error"), "");
    this.drawWays();
    this.colleagues(i);
    d.querySelector("form").onsubmit = async (e) => {
      e.preventDefault();
      const way = d.querySelector("[name=way]:checked").value;
      const body = { reason: $("forward-reason").value.trim(), [way]: (way === "caseworker" && $("forward-colleague").value) || $("forward-" + way).value.trim() };
      if (way === "authority") body.contact = $("forward-contact").value.trim();
      if (!body.reason || !body[way] || (way === "authority" && !body.contact)) return write($("forward-error"), t("desk.inq.forward.missing"));
      try {
        await this.act("forward", body, t("desk.inq.forwarded"));
        d.close("done");
        if (way === "area" && !this.mine(body.area)) this.onOpen(null);
      } catch (err) {
        write($("forward-error"), err.message);
      }
    };
    await open(d);
  }
}

/** stayAtEnd keeps the newest in view when something beside it takes room from a list that is read at its end. */
export function stayAtEnd(e, when = () => true) {
  let low = true;
  e.addEventListener("scroll", () => (low = e.scrollHeight - e.scrollTop - e.clientHeight < 80));
  new ResizeObserver(() => low && when() && (e.scrollTop = e.scrollHeight)).observe(e);
}

/** nameOf is what an inquiry is called: people give a name or not. */
export const nameOf = (i) => i.name || i.phone || t("speaker.citizen");

export function sourceLink(s) {
  const text = s.section ? `${s.title}: ${s.section}` : s.title;
  if (!/^https?:\/\//.test(s.url)) return el("span", { class: "quiet", lang: "da" }, text);
  return el("a", { href: s.url, target: "_blank", rel: "noopener noreferrer", lang: "da" }, text);
}

function stepText(s) {
  const text = t("desk.inq.step." + s.what);
  return `${at(s.at)} · ${text}${s.note ? `: ${s.note}` : ""}`;
}
