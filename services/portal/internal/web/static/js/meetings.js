// The desk's meetings: book, see links and lobby, admit, cancel, see what was sent.

import { $, api, ask, at, day, el, failed, keyed, newest, t, tell, write } from "./lib.js";
import { loginMarks } from "./meeting_login.js";
import { networkMark } from "./meeting_network.js";
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
    el("div", { class: "form-group" }, el("label", { class: "form-label", htmlFor: `l-${id}` }, t("meetings.language")),
      el("select", { class: "form-select", id: `l-${id}`, name: "language" }, el("option", { value: "" }, t("meetings.language.da")), el("option", { value: "en", selected: was.language === "en" }, t("meetings.language.en")))),
    el("button", { type: "button", class: "button button-tertiary small", onclick: () => row.remove() }, t("meetings.remove")));
  return row;
}

/** ranked lists the set-ups, first those of the area that is chosen. What is chosen stays. */
function ranked() {
  const group = (label, of) => (of.length ? [el("optgroup", { label }, ...of.map((s) => el("option", { value: s.id }, document.documentElement.lang === "en" ? s.name_en || s.name : s.name)))] : []);
  const area = $("b-area").value;
  const name = $("b-area").selectedOptions[0]?.textContent ?? "";
  const kept = $("b-setup").value;
  $("b-setup").replaceChildren(
    $("b-setup").options[0],
    ...group(name, setups.filter((s) => s.service_area === area)),
    ...group(t("meetings.setup.others"), setups.filter((s) => s.service_area !== area)));
  $("b-setup").value = kept;
}

function fill(setup) {
  write($("b-about"), setup?.about ?? "");
  $("b-people").replaceChildren(...(setup ? setup.participants.filter((p) => p.required).map((p) => person(p.role, p.label)) : [person()]));
  if (!setup) return;
  if ([...$("b-area").options].some((o) => o.value === setup.service_area)) $("b-area").value = setup.service_area; // else it is none of one's own
  ranked();
  $("b-minutes").value = setup.minutes;
  $("b-identity").value = setup.identity ?? "";
  chosen(setup.choices);
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
    $("b-title").value = m.title;
    $("b-date").value = `${start.getFullYear()}-${two(start.getMonth() + 1)}-${two(start.getDate())}`;
    $("b-time").value = `${two(start.getHours())}:${two(start.getMinutes())}`;
    $("b-minutes").value = m.minutes;
    $("b-area").value = m.service_area;
    $("b-setup").value = m.setup ?? "";
    $("b-case").value = m.case_number ?? "";
    $("b-identity").value = m.identity ?? "";
    chosen(m.choices);
    $("b-people").replaceChildren(...m.participants.filter((p) => !unlisted(p)).map((p) => person(p.role, "", p)));
  }
  ranked();
  $("b-basis-part").hidden = !$("b-record").checked;
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

/** leaderless tells whether a meeting has nobody who leads it, and is a colleague's. */
const leaderless = (m) => m.leaderless && !m.participants.some((p) => p.role === "caseworker" && mine(m, p));

/** early tells whether a meeting's room is open before its time: it can be cancelled still. */
const early = (m) => m.state === "live" && Date.parse(m.starts_at) > Date.now();

/** join goes into a meeting that is a colleague's, by a seat of one's own. */
const join = (m, lead) => api("POST", `/api/v1/meetings/${m.id}/join`, { lead }).then(({ link }) => location.assign(new URL(link).pathname)).catch(failed);

function participant(m, p) {
  const li = el("li", { class: p.state === "lobby" || p.again ? "m-waits" : "" },
    el("strong", {}, p.name || t(`m.role.${p.role}`)), `${p.name ? ` ${t(`m.role.${p.role}`)}` : ""} · ${t(p.away ? "m.away" : `m.state.${p.state}`)} `,
    p.say ? el("span", { class: "m-flag" }, t("m.said", { say: p.say })) : "", ...loginMarks(p), networkMark(p, true) ?? "");
  if (p.again) li.append(el("span", { class: "m-flag" }, t("m.elsewhere.waits")));
  if ((p.state === "lobby" || p.again) && !mine(m, p)) li.append(waiting(m, p));
  if (p.link && ["booked", "live"].includes(m.state)) {
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
    el("header", {}, el("h3", {}, m.title), el("p", { class: "quiet" }, `${at(m.starts_at)} · ${m.minutes} min · ${t(`m.meeting.${m.state}`)}${m.case_number ? ` · ${m.case_number}` : ""}`)),
    el("ul", { class: "m-people" }, ...m.participants.map((p) => participant(m, p))),
    el("p", { class: "acts" },
      ["booked", "live"].includes(m.state) && !m.participants.some((p) => mine(m, p))
        ? el("button", { type: "button", class: "button button-secondary small", onclick: () => join(m) }, t("meetings.join.colleague")) : null,
      leaderless(m) ? el("button", { type: "button", class: "button button-tertiary small", onclick: () => join(m, true) }, t("meetings.lead")) : null,
      m.state === "booked" ? el("button", { type: "button", class: "button button-tertiary small", onclick: () => open(m) }, t("meetings.change")) : null,
      m.state === "booked" || early(m) ? el("button", {
        type: "button", class: "button button-tertiary small",
        onclick: async () => {
          const reason = await ask({ title: t("meetings.cancel"), text: m.title, label: t("meetings.reason"), yes: t("meetings.cancel"), danger: true });
          if (reason !== null) api("POST", `/api/v1/meetings/${m.id}/cancel`, { reason }).then(load).catch(failed);
        },
      }, t("meetings.cancel")) : null,
      m.choices.recording && ["ended", "noshow"].includes(m.state) ? el("a", { class: "button button-tertiary small", href: `/optagelse/${m.id}` }, t("rec.link")) : null,
      el("button", {
        type: "button", class: "button button-tertiary small",
        onclick: () => api("GET", `/api/v1/meetings/${m.id}/outbox`).then(({ sent }) => {
          box.replaceChildren(...(sent.length ? sent.map((s) => el("details", {}, el("summary", {}, `${s.subject} → ${s.to || "–"} (${s.by})${s.problem ? ` · ${s.problem}` : ""}`), ...[s.body, s.sms && `${t("meetings.sms")}: ${s.sms}`, s.ics, s.memo].filter(Boolean).map((part) => el("pre", {}, part)))) : [el("p", {}, t("meetings.nothing.sent"))]));
        }).catch(failed),
      }, t("meetings.sent"))));
  const box = el("div", { class: "m-sent" });
  e.append(box);
}

const page = 50; // meetings that one look at the list brings
let wanted = page;

/** listed asks for the list as far as it is shown: what is looked for, and as many as were asked for. */
async function listed() {
  const find = $("b-find").value.trim();
  const meetings = [];
  let next = "";
  do {
    const part = await api("GET", `/api/v1/meetings?${new URLSearchParams({ find, after: next, limit: Math.min(wanted - meetings.length, 500) })}`);
    meetings.push(...part.meetings);
    next = part.next ?? "";
  } while (next && meetings.length < wanted);
  return { meetings, next, find };
}

/** date is the day of a meeting, with its year when that is another: meetings are booked far ahead. */
function date(m) {
  const year = new Date(m.starts_at).getFullYear();
  return year === new Date().getFullYear() ? day(m.starts_at) : `${day(m.starts_at)} ${year}`;
}

const load = newest(listed, ({ meetings, next, find }) => {
  const shown = meetings.filter((m) => m.state !== "cancelled");
  $("b-more").hidden = !next;
  write($("b-none"), shown.length ? "" : t(find ? "meetings.none.found" : "meetings.none"));
  const items = shown.flatMap((m, i) => (i && date(m) === date(shown[i - 1]) ? [m] : [{ id: `day-${date(m)}`, day: date(m) }, m]));
  keyed($("b-list"), items, (m) => m.id, (m) => (m.day ? el("h2", { class: "m-day" }, m.day) : el("article", { class: "m-card" })), (e, m) => {
    const now = JSON.stringify(m) + early(m);
    if (m.day || e.dataset.now === now) return;
    e.dataset.now = now;
    draw(e, m);
  });
});

let typing;
$("b-find").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { wanted = page; load().catch(failed); }, 300);
});
$("b-search").addEventListener("submit", (e) => { e.preventDefault(); wanted = page; load().catch(failed); });
$("b-more").addEventListener("click", async () => {
  const last = $("b-list").lastElementChild;
  wanted += page;
  await load().catch(failed);
  const first = last?.nextElementSibling;
  if (!first) return;
  first.tabIndex = -1; // whoever reads on by keyboard goes on where the new ones begin
  first.focus();
});
$("b-new").addEventListener("click", () => open());
$("b-close").addEventListener("click", () => { $("b-form").hidden = true; $("b-new").focus(); });
$("b-record").addEventListener("change", () => { $("b-basis-part").hidden = !$("b-record").checked; });
$("b-add").addEventListener("click", () => $("b-people").append(person()));
$("b-area").addEventListener("change", ranked);
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
    load().catch(failed);
  } catch (err) {
    write($("b-error"), err.message);
    $("b-error").hidden = false;
    $("b-error").focus(); // it stands above the form, which is longer than the window
  }
});

({ setups } = await api("GET", "/api/v1/meetings/setups"));
ranked();
await load();
// Lobbies change while this page is open. What has changed is asked for; nothing moves that is the same.
setInterval(() => document.hidden || load().catch(() => {}), 4000);
document.documentElement.dataset.ready = "meetings";
