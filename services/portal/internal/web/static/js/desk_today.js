// Today's meetings in the inbox: those that the caseworker has a seat in, and how many wait to be let in.
import { api, clock, el, t, write } from "./lib.js";

const every = 15000; // ms between two looks

const at = (days) => new Date(Date.now() + days * 86400e3).toISOString();
const dayOf = (d) => new Date(d).toLocaleDateString("sv-SE", { timeZone: "Europe/Copenhagen" });

export class Today {
  /** onList is called when the list is new, with the meetings in which more people wait than before. */
  constructor({ user, onList }) {
    Object.assign(this, { user, onList, list: [] });
    setInterval(() => document.hidden || this.load(), every);
    this.load();
  }

  async load() {
    let all;
    try {
      ({ meetings: all } = await api("GET", `/api/v1/meetings?from=${at(-1)}&to=${at(1)}`));
    } catch {
      return; // the list stays, and is asked for again
    }
    const before = new Map(this.list.map((m) => [m.id, waiting(m)]));
    this.list = all.filter((m) => (m.state === "live" || (m.state === "booked" && dayOf(m.starts_at) === dayOf(Date.now()))) && this.seat(m))
      .sort((a, b) => a.starts_at.localeCompare(b.starts_at));
    this.onList(this.list.filter((m) => waiting(m) > (before.get(m.id) ?? 0)));
  }

  /** seat is the caseworker's own place in a meeting. */
  seat(m) {
    return m.participants.find((p) => p.link && (p.user === this.user || (!p.user && p.role === "caseworker" && m.created_by === this.user)));
  }

  groups() {
    return [{ id: "meetings", items: this.list, from: this }];
  }

  item(m) {
    return el("li", {}, el("a", { class: "item", href: new URL(this.seat(m).link, location.href).pathname, target: "_blank", rel: "noopener" },
      el("span", { class: "item-name" }), el("span", { class: "item-info" }), el("span", { class: "item-time" })));
  }

  updateItem(li, m) {
    const [name, info, time] = li.firstChild.children;
    const n = waiting(m);
    write(name, m.title);
    info.replaceChildren(...(n ? [el("strong", { class: "unread" }, t("item.lobby", { n })), " · "] : []), t(`m.meeting.${m.state}`), " · ", t("item.newtab"));
    write(time, clock(m.starts_at));
  }
}

const waiting = (m) => m.participants.filter((p) => p.state === "lobby").length;
