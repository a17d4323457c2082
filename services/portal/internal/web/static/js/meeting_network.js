// How good a participant's network is while the meeting is held, as the server finds it.

import { $, el, t, write } from "./lib.js";

const bad = (p) => (["poor", "audio-only", "lost"].includes(p.quality) && ["room", "side"].includes(p.state) && !p.away ? p.quality : "");

/** lost tells whether nothing comes from somebody, who does not count as away yet. */
export const lost = (p) => bad(p) === "lost";

/** networkMark says to who leads the meeting that somebody's connection is bad, and to everybody that it is being lost. */
export const networkMark = (p, leads) => (bad(p) && (leads || lost(p)) ? el("span", { class: "m-flag m-weak" }, t(`m.network.${bad(p)}`)) : null);

/** drawNetwork says it to oneself, with what to do. Where nothing comes through the page says so itself. */
export function drawNetwork(me) {
  write($("m-network"), bad(me) && !lost(me) ? t(`meeting.network.${bad(me)}`) : "");
}
