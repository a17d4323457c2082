// The inbox: what waits for this caseworker, oldest first in each group. New things
// are added at the end of their group, so nothing moves under the cursor.
import { $, clock, shortDay, el, isSet, keyed, span, t, write } from "./lib.js";

const recent = 5; // delivered ones that stay in view

export class Inbox {
  /** inquiries and today bring their own groups, and make their items. */
  constructor(root, { user, areas, onOpen, onAnswer, inquiries, today }) {
    Object.assign(this, { root, user, areas, onOpen, onAnswer, inquiries, today, calls: [], list: [], selected: null });
    setInterval(() => this.tick(), 1000);
    this.draw();
  }

  /** ringing: offered to this desk, or first in a queue that it answers. */
  get ringing() {
    return this.calls.filter((c) => isFree(c) && (!c.offered?.length || c.offered.includes(this.user)) && (c.state === "ringing" || c.position === 1));
  }

  get mine() {
    return this.calls.filter((c) => c.caseworker === this.user && c.state !== "ended");
  }

  groups() {
    const ringing = this.ringing;
    const waiting = this.calls.filter((c) => !c.caseworker && !ringing.includes(c) && ["waiting", "announcing", "ringing"].includes(c.state));
    const leaving = this.calls.filter((c) => c.state === "message");
    const open = this.list.filter((c) => !isSet(c.erased_at) && !["approved", "delivered", "discarded", "erased"].includes(c.state));
    const tasks = open.filter((c) => c.call_back);
    const notes = open.filter((c) => c.note_state === "draft" && !c.call_back);
    const today = (c) => isSet(c.deadline_at) && new Date(c.deadline_at) < endOfDay();
    const writing = open.filter((c) => !c.note_id && ["ended", "drafting"].includes(c.state) && !c.call_back);
    return [
      { id: "ringing", items: ringing, call: true },
      { id: "mine", items: this.mine, call: true },
      ...this.inquiries.groups(),
      { id: "waiting", items: waiting, call: true },
      ...this.today.groups(),
      { id: "leaving", items: leaving, call: true },
      { id: "tasks", items: oldestFirst(tasks) },
      { id: "today", items: oldestFirst(notes.filter(today)) },
      { id: "approve", items: oldestFirst(notes.filter((c) => !today(c))) },
      { id: "writing", items: oldestFirst(writing) },
      { id: "delivered", items: this.list.filter((c) => ["approved", "delivered"].includes(c.state)).slice(0, recent) },
    ];
  }

  draw() {
    const groups = this.groups().filter((g) => g.items.length || ["ringing", "inq-waiting", "waiting", "tasks", "approve"].includes(g.id));
    keyed(this.root, groups, (g) => g.id, (g) => this.group(g), (e, g) => this.updateGroup(e, g));
    this.tick();
  }

  group(g) {
    const head = `inbox-${g.id}`;
    return el("section", { class: `box-group ${g.id}`, "aria-labelledby": head }, el("h3", { id: head }, el("span", {}, t("inbox." + g.id)), el("span", { class: "count" })), el("ul", {}));
  }

  updateGroup(e, g) {
    const count = e.querySelector(".count");
    count.dataset.n = g.items.length;
    const since = g.items.map((i) => (g.id === "inq-waiting" ? i.created_at : i.started_at)).sort()[0];
    if (since && ["waiting", "inq-waiting"].includes(g.id)) count.dataset.oldest = since;
    else delete count.dataset.oldest;
    e.classList.toggle("none", !g.items.length);
    const from = g.from ?? this;
    keyed(e.querySelector("ul"), g.items, (i) => i.conversation_id ?? i.id, (i) => from.item(i), (li, i) => from.updateItem(li, i, g));
  }

  item(i) {
    const id = i.conversation_id ?? i.id;
    return el("li", {}, el("button", { type: "button", class: "item", onclick: () => this.onOpen(id) },
      el("span", { class: "item-name" }), el("span", { class: "item-info" }), el("span", { class: "item-time" })),
      el("button", { type: "button", class: "button button-primary small", hidden: true, onclick: () => this.onAnswer(id) }, t("call.answer")));
  }

  updateItem(li, i, g) {
    const b = li.firstChild;
    const id = i.conversation_id ?? i.id;
    b.setAttribute("aria-current", String(id === this.selected));
    b.classList.toggle("pulse", g.id === "ringing");
    li.lastChild.hidden = g.id !== "ringing";
    write(b.children[0], i.party?.name || i.party?.number || t("unknown.caller"));
    const area = this.areas.get(i.service_area);
    const name = document.documentElement.lang === "en" ? area?.name_en || area?.name : area?.name;
    const parts = [name ?? i.service_area];
    if (g.call && g.id !== "mine" && i.position) parts.push(t("item.position", { n: i.position }));
    if (g.id === "tasks") parts.push(t("item.callback"));
    if (g.id === "mine") parts.push(t("call." + i.state));
    if (g.id === "today") parts.push(t("item.deadline", { clock: clock(i.deadline_at) }));
    if (g.id === "delivered") parts.push(i.receipt ? t("item.receipt", { system: i.receipt.system }) : t("item.delivering"));
    write(b.children[1], parts.join(" · "));
    if (g.call) b.children[2].dataset.since = g.id === "mine" && isSet(i.answered_at) ? i.answered_at : i.started_at;
    else write(b.children[2], when(i.started_at));
  }

  tick() {
    for (const e of this.root.querySelectorAll(".count")) {
      const min = e.dataset.oldest ? Math.floor((Date.now() - new Date(e.dataset.oldest)) / 60000) : 0;
      write(e, min ? t("inbox.longest", { count: e.dataset.n, min }) : e.dataset.n);
    }
    for (const e of this.root.querySelectorAll("[data-since]")) write(e, span((Date.now() - new Date(e.dataset.since)) / 1000));
  }

  /** step opens the next (or previous) entry. */
  step(by) {
    const all = [...this.root.querySelectorAll(".item")];
    if (!all.length) return;
    const here = all.indexOf(document.activeElement);
    const at = here < 0 ? all.findIndex((b) => b.getAttribute("aria-current") === "true") : here;
    const b = all[Math.min(all.length - 1, Math.max(0, at + by))];
    b.focus();
    if (b.type === "button") b.click(); // a meeting opens a page of its own: Enter does that
  }
}

/** isFree reports whether a call can be answered. */
export const isFree = (c) => !c.caseworker && ["ringing", "waiting"].includes(c.state);

const oldestFirst = (list) => [...list].sort((a, b) => a.started_at.localeCompare(b.started_at));

function endOfDay() {
  const d = new Date();
  d.setHours(24, 0, 0, 0);
  return d;
}

function when(at) {
  const d = new Date(at);
  return d.toDateString() === new Date().toDateString() ? clock(d) : shortDay(d);
}
