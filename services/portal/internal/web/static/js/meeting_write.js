// What of a meeting is written down, on its page: whether it is now, and the choice that each may change at any time.
import { $, el, t, write } from "./lib.js";

const own = (p) => p.transcribe ?? (p.role === "caseworker" || p.role === "colleague");

/** drawWriting shows whether what one says is written down. */
export function drawWriting(entry, act) {
  const m = entry.meeting;
  const box = $("m-write");
  box.hidden = !m.choices.transcript;
  if (box.hidden) return;
  const mine = own(entry.me);
  write($("m-write-state"), t(`m.writing.${m.paused ? "paused" : mine ? "on" : "notyou"}`));
  const now = String(mine);
  if (box.dataset.now === now) return; // the button keeps the focus
  box.dataset.now = now;
  $("m-write-acts").replaceChildren(
    el("button", { type: "button", class: "chip", onclick: () => act("transcribe", { value: mine ? "no" : "yes" }) }, t(mine ? "m.writing.stop" : "m.writing.start")));
}
