// Telephones in a meeting: how they are shown, and calling somebody up.

import { $, el, t } from "./lib.js";

const here = (p) => ["room", "side", "lobby"].includes(p.state);
const called = ["ringing", "busy", "no-answer", "wrong", "refused", "failed"];

/** phoneMarks say that somebody is on a telephone, and how the line stands. */
export function phoneMarks(p) {
  const marks = [];
  if ((p.by_phone && here(p)) || p.line) marks.push(el("span", { class: "m-flag m-phone" }, el("span", { "aria-hidden": "true" }, "☎ "), t("m.phone"), p.tail ? ` •• ${p.tail}` : ""));
  if (p.line) marks.push(el("span", { class: "m-flag" }, t(`m.line.${p.line}`)));
  return marks;
}

/** awaited tells whether who leads the meeting should see somebody who is not in it: one who is called, was in vain, or can be. */
export const awaited = (p) => Boolean(p.line || p.tail) && !here(p);

/** dialButton calls somebody whose number is known. */
export function dialButton(p, act) {
  if (["room", "side"].includes(p.state) || p.line === "ringing" || !p.tail) return null;
  return el("button", { type: "button", class: "chip", onclick: () => act("dial", { target: p.id }) }, t(called.includes(p.line) ? "m.dial.again" : "m.dial"));
}

/** dialForm calls somebody new. */
export function dialForm(act) {
  $("m-dial-form")?.addEventListener("submit", async (e) => {
    e.preventDefault();
    const [name, value, role] = ["m-dial-name", "m-dial-number", "m-dial-role"].map((id) => $(id).value.trim());
    if (!name || !value) return $(name ? "m-dial-number" : "m-dial-name").focus();
    if (await act("dial", { name, value, role })) {
      e.target.reset();
      $("m-dial").open = false;
    }
  });
}
