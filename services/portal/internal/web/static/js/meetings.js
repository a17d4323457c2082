// The desk's meetings: book, see links and lobby, admit, cancel, see what was sent.

import { $, api, ask, at, el, failed, keyed, newest, t, tell, write } from "./lib.js";
import { loginMarks } from "./meeting_login.js";
import { netText } from "./meeting_trial.js";

let setups = [];

const roles = ["citizen", "companion", "interpreter", "colleague", "expert"];

function person(role = "citizen", label = "") {
  const id = crypto.randomUUID();
  const row = el("div", { class: "m-person", data: { role } },
    el("div", { class: "form-group" }, el("label", { class: "form-label", htmlFor: `r-${id}` }, t("meetings.role")),
      el("select", { class: "form-select", id: `r-${id}`, name: "role" }, ...roles.map((r) => el("option", { value: r, selected: r === role }, t(`m.role.${r}`))))),
    el("div", { class: "form-group" }, el("label", { class: "form-label", htmlFor: `n-${id}` }, t("m.name")), el("input", { class: "form-input", id: `n-${id}`, name: "name", maxLength: 120, placeholder: label })),
    el("div", { class: "form-group" }, el("label", { class: "form-label", htmlFor: `e-${id}` }, t("meetings.email")), el("input", { class: "form-input", id: `e-${id}`, name: "email", type: "email" })),
    el("div", { class: "form-group", hidden: !$("b-dialin").checked }, el("label", { class: "form-label", htmlFor: `l-${id}` }, t("meetings.language")),
      el("select", { class: "form-select", id: `l-${id}`, name: "language" }, el("option", { value: "" }, t("meetings.language.da")), el("option", { value: "en" }, t("meetings.language.en")))),
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
  $("b-transcript").checked = setup.choices.transcript;
  $("b-note").checked = setup.choices.ai_note;
  $("b-record").checked = setup.choices.recording;
  $("b-basis").value = setup.choices.basis ?? "";
  $("b-basis-part").hidden = !setup.choices.recording;
  $("b-dialin").checked = Boolean(setup.choices.dial_in);
  spoken();
  if (!$("b-title").value) $("b-title").value = setup.name;
}

function request() {
  const date = $("b-date").value;
  const people = [...$("b-people").children].map((row) => {
    const v = (name) => row.querySelector(`[name="${name}"]`).value.trim();
    return { role: v("role"), name: v("name"), email: v("email") || undefined, language: v("language") || undefined, state: "" };
  });
  return {
    title: $("b-title").value.trim(),
    starts_at: date ? new Date(`${date}T${$("b-time").value || "12:00"}`).toISOString() : undefined,
    minutes: Number($("b-minutes").value) || undefined,
    service_area: $("b-area").value,
    case_number: $("b-case").value.trim() || undefined,
    setup: $("b-setup").value || undefined,
    identity: $("b-identity").value || undefined,
    choices: { transcript: $("b-transcript").checked, ai_note: $("b-note").checked, dial_in: $("b-dialin").checked, recording: $("b-record").checked, basis: $("b-record").checked ? $("b-basis").value.trim() : undefined },
    participants: people,
  };
}

async function copy(text) {
  await navigator.clipboard.writeText(text);
  tell(t("meetings.copied"));
}

const decide = (m, p, decision, text) => api("POST", `/api/v1/meetings/${m.id}/admit`, { participant_id: p.id, decision, text }).then(load).catch(failed);

function waiting(m, p) {
  return el("span", { class: "m-decide" },
    el("button", { type: "button", class: "button button-primary small", onclick: () => decide(m, p, "admit") }, t("meetings.admit")),
    el("button", {
      type: "button", class: "button button-secondary small",
      onclick: async () => {
        const text = await ask({ title: t("meetings.tell"), text: p.name, label: t("m.message"), required: true, yes: t("m.send") });
        if (text) decide(m, p, "tell", text);
      },
    }, t("meetings.tell")),
    el("button", { type: "button", class: "button button-tertiary small", onclick: () => decide(m, p, "refuse") }, t("meetings.refuse")));
}

const me = document.documentElement.dataset.user;
const mine = (m, p) => p.user === me || (!p.user && p.role === "caseworker" && m.created_by === me);

/** join goes into a meeting that is a colleague's, by a seat of one's own. */
const join = (m) => api("POST", `/api/v1/meetings/${m.id}/join`).then(({ link }) => location.assign(new URL(link).pathname)).catch(failed);

function participant(m, p) {
  const li = el("li", { class: p.state === "lobby" || p.again ? "m-waits" : "" },
    el("strong", {}, p.name || t(`m.role.${p.role}`)), `${p.name ? ` ${t(`m.role.${p.role}`)}` : ""} · ${t(`m.state.${p.state}`)} `,
    ...loginMarks(p));
  if (p.again) li.append(el("span", { class: "m-flag" }, t("m.elsewhere.waits")));
  if ((p.state === "lobby" || p.again) && !mine(m, p)) li.append(waiting(m, p));
  if (p.link) {
    if (mine(m, p)) li.append(el("a", { class: "button button-primary small", href: new URL(p.link).pathname }, t("meetings.join")));
    else if (!p.user && p.role !== "caseworker") li.append(el("button", { type: "button", class: "button button-tertiary small", onclick: () => copy(p.link) }, t("meetings.copy")));
  }
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
      m.state === "booked" ? el("button", {
        type: "button", class: "button button-tertiary small",
        onclick: async () => {
          const reason = await ask({ title: t("meetings.cancel"), text: m.title, label: t("meetings.reason"), yes: t("meetings.cancel"), danger: true });
          if (reason !== null) api("POST", `/api/v1/meetings/${m.id}/cancel`, { reason }).then(load).catch(failed);
        },
      }, t("meetings.cancel")) : null,
      m.choices.recording && m.state === "ended" ? el("a", { class: "button button-tertiary small", href: `/optagelse/${m.id}` }, t("rec.link")) : null,
      el("button", {
        type: "button", class: "button button-tertiary small",
        onclick: async () => {
          const { sent } = await api("GET", `/api/v1/meetings/${m.id}/outbox`);
          box.replaceChildren(...(sent.length ? sent.map((s) => el("details", {}, el("summary", {}, `${s.subject} → ${s.to || "–"} (${s.by})${s.problem ? ` · ${s.problem}` : ""}`), el("pre", {}, s.body))) : [el("p", {}, t("meetings.nothing.sent"))]));
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

$("b-new").addEventListener("click", () => {
  $("b-form").hidden = false;
  $("b-basis-part").hidden = !$("b-record").checked;
  fill(null);
  $("b-heading").focus();
});
$("b-close").addEventListener("click", () => { $("b-form").hidden = true; $("b-new").focus(); });
$("b-record").addEventListener("change", () => { $("b-basis-part").hidden = !$("b-record").checked; });
$("b-add").addEventListener("click", () => $("b-people").append(person()));
$("b-setup").addEventListener("change", () => fill(setups.find((s) => s.id === $("b-setup").value)));
$("b-form").addEventListener("submit", async (e) => {
  e.preventDefault();
  $("b-error").hidden = true;
  try {
    await api("POST", "/api/v1/meetings", request());
    $("b-form").hidden = true;
    $("b-form").reset();
    tell(t("meetings.booked"));
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
