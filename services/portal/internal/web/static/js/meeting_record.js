// The recording of a meeting on its page: the choice before, and the mark in the room that nobody misses, with what each may do.
import { $, el, t, write } from "./lib.js";

/** recordChoice is what was chosen before the meeting: true, false, or undefined when it is not asked for or not answered. */
export function recordChoice() {
  const choice = document.querySelector('input[name="m-record"]:checked')?.value;
  return choice ? choice === "yes" : undefined;
}

/** unanswered says what to tell somebody who goes on without choosing. */
export function unanswered(entry) {
  return entry.meeting.choices.recording && recordChoice() === undefined ? t("m.rec.choose") : "";
}

const own = (p) => p.record ?? (p.role === "caseworker" || p.role === "colleague");

/** drawRecording shows whether the meeting is recorded, and the person oneself. */
export function drawRecording(entry, act) {
  const m = entry.meeting;
  const box = $("m-rec");
  box.hidden = !m.choices.recording;
  if (box.hidden) return;
  const mine = own(entry.me);
  const runs = m.recording && !m.paused;
  const state = m.recording_problem ? `problem.${m.recording_problem}` : !m.recording ? "off" : m.paused ? "paused" : mine ? "on" : "notyou";
  box.dataset.on = String(Boolean(runs));
  write($("m-rec-state"), t(`m.rec.${state}`));
  const button = (text, value) => el("button", { type: "button", class: "chip", onclick: () => act("record", { value }) }, text);
  const acts = [];
  if (!m.recording_problem) {
    acts.push(mine ? button(t("m.rec.me.stop"), "no") : button(t("m.rec.me.start"), "yes"));
    if (entry.can_act) acts.push(m.recording ? button(t("m.rec.stop"), "off") : button(t("m.rec.start"), "on"));
  }
  const now = JSON.stringify([state, mine, m.recording]);
  if (box.dataset.now === now) return; // a button keeps the focus
  box.dataset.now = now;
  $("m-rec-acts").replaceChildren(...acts);
}
