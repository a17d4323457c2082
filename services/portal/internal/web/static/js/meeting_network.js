// How good a participant's network is while the meeting is held, as the server finds it.

import { $, el, t, write } from "./lib.js";

const bad = (p) => (["poor", "audio-only"].includes(p.quality) && ["room", "side"].includes(p.state) && !p.away ? p.quality : "");

/** networkMark says to who leads the meeting that somebody's connection is bad. */
export const networkMark = (p) => (bad(p) ? el("span", { class: "m-flag m-weak" }, t(`m.network.${bad(p)}`)) : null);

/** drawNetwork says it to oneself, with what to do. */
export function drawNetwork(me) {
  write($("m-network"), bad(me) ? t(`meeting.network.${bad(me)}`) : "");
}
