// The desk's meetings: book, see links and lobby, admit, cancel, see what was sent.

import { $, api, ask, at, el, failed, keyed, newest, t, tell, write } from "./lib.js";
import { loginMarks } from "./meeting_login.js";
import { netText } from "./meeting_trial.js";

let setups = [];

const roles = ["citizen", "companion", "interpreter", "colleague", "expert"];

function person(role = "citizen", label = "", was = {}) {
  const id = crypto.randomUUID();
  const row = el("div", { class: "m-person", data: { role, id: was.id ?? "" } },
    el("div", { class: "form-group" }, el("label", { class: "form-label", htmlFor: `r-${id}` }, t("meetings.role")),
      el("select", { class: "form-select", id: `r-${id}`, name: "role" }, ...roles.map((r) => el("option", { value: r, selected: r === role }, t(`m.role.${r}`))))),
    el("div", { class: "form-group" }, el("label", { class: "form-label", htmlFor: `n-${id}` }, t("m.name")), el("input", { class: "form-input", id: `n-${id}`, name: "name", maxLength: 120, placeholder: label, value: was.name ?? "" })),
    el("div", { class: "form-group" }, el("label", { class: "form-label", htmlFor: `e-${id}` }, t("meetings.email")), el("input", { class: "form-input", id: `e-${id}`, name: "email", type: "email", value: was.email ?? "" })),
    el("div", { class: "form-group" }, el("label", { class: "form-label", htmlFor: `t-${id}` }, t("meetings.phone")), el("input", { class: "form-input", id: `t-${id}`, name: "phone", type: "tel", maxLength: 16, value: was.phone ?? "" })),
    el("div", { class: "form-group", hidden: !$("b-dialin").checked }, el("label", { class: "form-label", htmlFor: `l-${id}` }, t("meetings.language")),
      el("select", { class: "form-select", id: `l-${id}`, name: "language" }, el("option", { value: "" }, t("meetings.language.da")), el("option", { value: "en", selected: was.language === "en" }, t("meetings.language.en")))),
    el("button", { type: "button", class: "button button-tertiary small", onclick: () => row.remove() }, t("meetings.remove")));
  return row;
}

/** spoken asks for a language where somebody may come by telephone, which speaks first. */
function spoken() {
  for (const e of $("b-people").querySelectorAll('[name="language"]')) e.parentElement.hidden = !$("b-dialin").checked;
}
$("b-dialin").addEventListener("change", spoken);

function fill(setup) {
  write($("b-about"), setup?.about ?? "");
  $("b-people").replaceChildren(...(setup ? setup.participants.filter((p) => p.required).map((p) => person(p.role, p.label)) : [person()]));
  if (!setup) return;
  $("b-minutes").value = setup.minutes;
  $("b-identity").value = setup.identity ?? "";
  chosen(setup.choices);
  spoken();
  if (!$("b-title").value) $("b-title").value = setup.name;
}

function request() {
  const date = $("b-date").value;
  const people = [...$("b-people").children].map((row) => {
    const v = (name) => row.querySelector(`[name="${name}"]`).value.trim();
    return { id: row.dataset.id || undefined, role: v("role"), name: v("name"), email: v("email") || undefined, phone: v("phone") || undefined, language: v("language") || undefined, state: "" };
  });
  const staff = (editing?.participants ?? []).filter(unlisted).map(({ id, role, name, email, phone, user, language }) => ({ id, role, name, email, phone, user, language, state: "" }));
  return {
    title: $("b-title").value.trim(),
    starts_at: date ? new Date(`${date}T${$("b-time").value || "12:00"}`).toISOString() : undefined,
    minutes: Number($("b-minutes").value) || undefined,
    service_area: $("b-area").value,
    case_number: $("b-case").value.trim() || undefined,
    setup: $("b-setup").value || undefined,
    identity: $("b-identity").value || undefined,
    choices: { transcript: $("b-transcript").checked, ai_note: $("b-note").checked, dial_in: $("b-dialin").checked, recording: $("b-record").checked, basis: $("b-record").checked ? $("b-basis").value.trim() : undefined },
    participants: [...staff, ...people],
    follows: editing?.follows,
  };
}

let editing; // the meeting that the form changes; none: it books one

/** unlisted are those who stand in no row of the form: the authority's people with seats of their own. */
const unlisted = (p) => p.role === "caseworker" || Boolean(p.user);

const two = (n) => String(n).padStart(2, "0");

/** open shows the form, for a new meeting or to change one. */
function open(m) {
  editing = m;
  $("b-form").reset();
  $("b-form").hidden = false;
  $("b-error").hidden = true;
  write($("b-heading"), t(m ? "meetings.change" : "meetings.new"));
  write($("b-book"), t(m ? "meetings.change.save" : "meetings.book"));
  fill(null);
  if (m) {
    const start = new Date(m.starts_at);
    $("b-setup").value = m.setup ?? "";
    $("b-title").value = m.title;
    $("b-date").value = `${start.getFullYear()}-${two(start.getMonth() + 1)}-${two(start.getDate())}`;
    $("b-time").value = `${two(start.getHours())}:${two(start.getMinutes())}`;
    $("b-minutes").value = m.minutes;
    $("b-area").value = m.service_area;
    $("b-case").value = m.case_number ?? "";
    $("b-identity").value = m.identity ?? "";
    chosen(m.choices);
    $("b-people").replaceChildren(...m.participants.filter((p) => !unlisted(p)).map((p) => person(p.role, "", p)));
  }
  $("b-basis-part").hidden = !$("b-record").checked;
  spoken();
  $("b-heading").focus();
}

function chosen(choices) {
  $("b-transcript").checked = choices.transcript;
  $("b-note").checked = choices.ai_note;
  $("b-record").checked = choices.recording;
  $("b-basis").value = choices.basis ?? "";
  $("b-basis-part").hidden = !choices.recording;
  $("b-dialin").checked = Boolean(choices.dial_in);
}

async function copy(text) {
  await navigator.clipboard.writeText(text);
  tell(t("meetings.copied"));
}

const decide = (m, p, decision, text) => api("POST", `/api/v1/meetings/${m.id}/admit`, { participant_id: p.id, decision, text }).then(load).catch(failed);

/** written decides with words that who waits gets to read. */
async function written(m, p, decision, required) {
  const title = t(`meetings.${decision}`);
  const text = await ask({ title, text: p.name || t(`m.role.${p.role}`), label: t("m.message"), required, yes: required ? t("m.send") : title });
  if (text || (text === "" && !required)) decide(m, p, decision, text);
}

function waiting(m, p) {
  return el("span", { class: "m-decide" },
    el("button", { type: "button", class: "button button-primary small", onclick: () => decide(m, p, "admit") }, t("meetings.admit")),
    el("button", { type: "button", class: "button button-secondary small", onclick: () => written(m, p, "tell", true) }, t("meetings.tell")),
    el("button", { type: "button", class: "button button-tertiary small", onclick: () => written(m, p, "postpone", false) }, t("meetings.postpone")),
    el("button", { type: "button", class: "button button-tertiary small", onclick: () => decide(m, p, "refuse") }, t("meetings.refuse")));
}

const me = document.documentElement.dataset.user;
const mine = (m, p) => p.user === me || (!p.user && p.role === "caseworker" && m.created_by === me);

/** leaderless tells whether a meeting that is about to begin, or goes on, has nobody who leads it. */
const leaderless = (m) => ["booked", "live"].includes(m.state) && Date.parse(m.starts_at) - Date.now() < 30 * 60e3 &&
  !m.participants.some((p) => p.role === "caseworker" && (["room", "side"].includes(p.state) || mine(m, p)));

/** join goes into a meeting that is a colleague's, by a seat of one's own. */
const join = (m, lead) => api("POST", `/api/v1/meetings/${m.id}/join`, { lead }).then(({ link }) => location.assign(new URL(link).pathname)).catch(failed);

function participant(m, p) {
  const li = el("li", { class: p.state === "lobby" || p.again ? "m-waits" : "" },
    el("strong", {}, p.name || t(`m.role.${p.role}`)), `${p.name ? ` ${t(`m.role.${p.role}`)}` : ""} · ${t(`m.state.${p.state}`)} `,
    p.say ? el("span", { class: "m-flag" }, t("m.said", { say: p.say })) : "", ...loginMarks(p));
  if (p.again) li.append(el("span", { class: "m-flag" }, t("m.elsewhere.waits")));
  if ((p.state === "lobby" || p.again) && !mine(m, p)) li.append(waiting(m, p));
  if (p.link) {
    if (mine(m, p)) li.append(el("a", { class: "button button-primary small", href: new URL(p.link).pathname }, t("meetings.join")));
    else if (!p.user && p.role !== "caseworker") li.append(el("button", { type: "button", class: "button button-tertiary small", onclick: () => copy(p.link) }, t("meetings.copy")));
  }
  if (m.state === "booked" && !p.user && p.role !== "caseworker" && !p.email) li.append(el("span", { class: "m-flag" }, t("meetings.unreached")));
  if (p.dial_code) li.append(el("span", { class: "quiet m-about" }, `${t("meetings.code", { number: m.dial_number, code: p.dial_code })}`));
  if (p.report) li.append(el("span", { class: "quiet m-about" }, `${t("m.camera")}: ${t(`m.dev.${p.report.camera}`)} · ${t("m.mic")}: ${t(`m.dev.${p.report.microphone}`)}${p.report.network ? ` · ${netText(p.report)}` : ""}`));
  return li;
}

function draw(e, m) {
  e.replaceChildren(
    el("header", {}, el("h2", {}, m.title), el("p", { class: "quiet" }, `${at(m.starts_at)} · ${m.minutes} min · ${t(`m.meeting.${m.state}`)}${m.case_number ? ` · ${m.case_number}` : ""}`)),
    el("ul", { class: "m-people" }, ...m.participants.map((p) => participant(m, p))),
    el("p", { class: "acts" },
      ["booked", "live"].includes(m.state) && !m.participants.some((p) => mine(m, p))
        ? el("button", { type: "button", class: "button button-secondary small", onclick: () => join(m) }, t("meetings.join.colleague")) : null,
      leaderless(m) ? el("button", { type: "button", class: "button button-tertiary small", onclick: () => join(m, true) }, t("meetings.lead")) : null,
      m.state === "booked" ? el("button", { type: "button", class: "button button-tertiary small", onclick: () => open(m) }, t("meetings.change")) : null,
      m.state === "booked" ? el("button", {
        type: "button", class: "button button-tertiary small",
        onclick: async () => {
          const reason = await ask({ title: t("meetings.cancel"), text: m.title, label: t("meetings.reason"), yes: t("meetings.cancel"), danger: true });
          if (reason !== null) api("POST", `/api/v1/meetings/${m.id}/cancel`, { reason }).then(load).catch(failed);
        },
      }, t("meetings.cancel")) : null,
      m.choices.recording && ["ended", "noshow"].includes(m.state) ? el("a", { class: "button button-tertiary small", href: `/optagelse/${m.id}` }, t("rec.link")) : null,
      el("button", {
        type: "button", class: "button button-tertiary small",
        onclick: async () => {
          const { sent } = await api("GET", `/api/v1/meetings/${m.id}/outbox`);
          box.replaceChildren(...(sent.length ? sent.map((s) => el("details", {}, el("summary", {}, `${s.subject} → ${s.to || "–"} (${s.by})${s.problem ? ` · ${s.problem}` : ""}`), ...[s.body, s.sms && `${t("meetings.sms")}: ${s.sms}`, s.ics, s.memo].filter(Boolean).map((part) => el("pre", {}, part)))) : [el("p", {}, t("meetings.nothing.sent"))]));
        },
      }, t("meetings.sent"))));
  const box = el("div", { class: "m-sent" });
  e.append(box);
}

const load = newest(() => api("GET", "/api/v1/meetings"), ({ meetings }) => {
  const shown = meetings.filter((m) => m.state !== "cancelled");
  if (!shown.length) return $("b-list").replaceChildren(el("p", {}, t("meetings.none")));
  $("b-list").querySelector("p:not(.quiet):only-child")?.remove();
  keyed($("b-list"), shown, (m) => m.id, () => el("article", { class: "m-card" }), (e, m) => {
    const now = JSON.stringify(m);
    if (e.dataset.now === now) return;
    e.dataset.now = now;
    draw(e, m);
  });
});

$("b-new").addEventListener("click", () => open());
$("b-close").addEventListener("click", () => { $("b-form").hidden = true; $("b-new").focus(); });
$("b-record").addEventListener("change", () => { $("b-basis-part").hidden = !$("b-record").checked; });
$("b-add").addEventListener("click", () => $("b-people").append(person()));
$("b-setup").addEventListener("change", () => fill(setups.find((s) => s.id === $("b-setup").value)));
$("b-form").addEventListener("submit", async (e) => {
  e.preventDefault();
  $("b-error").hidden = true;
  try {
    if (editing) await api("PUT", `/api/v1/meetings/${editing.id}`, request());
    else await api("POST", "/api/v1/meetings", request());
    $("b-form").hidden = true;
    $("b-form").reset();
    tell(t(editing ? "meetings.changed" : "meetings.booked"));
    $("b-new").focus();
    load();
  } catch (err) {
    write($("b-error"), err.message);
    $("b-error").hidden = false;
  }
});

({ setups } = await api("GET", "/api/v1/meetings/setups"));
$("b-setup").append(...setups.map((s) => el("option", { value: s.id }, document.documentElement.lang === "en" ? s.name_en : s.name)));
await load();
// Lobbies change while this page is open. What has changed is asked for; nothing moves that is the same.
setInterval(() => document.hidden || load().catch(() => {}), 4000);
document.documentElement.dataset.ready = "meetings";
