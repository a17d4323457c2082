// What every script here needs: texts, requests, elements, dialogs.

// The page loads the catalogue as a script before the modules. None of these may wait for it: in Safari a module that is imported
// by several and waits at its top level keeps some of them from ever running (WebKit bug 242740).
const texts = globalThis.samtaleTexts;

/** t returns a text of the catalogue with {name} replaced; that of key.one, where there is one and n is 1. */
export function t(key, values = {}) {
  let s = (String(values.n) === "1" && texts[key + ".one"]) || (texts[key] ?? key);
  for (const [name, value] of Object.entries(values)) s = s.replaceAll(`{${name}}`, value);
  return s;
}

export const $ = (id) => document.getElementById(id);

/** Problem is an error of the API (RFC 9457), or of the way to it (kind "offline"). */
export class Problem extends Error {
  constructor({ kind, detail, status = 0, retry_after_s = 0 }) {
    super(detail);
    Object.assign(this, { kind, status, retryAfter: retry_after_s });
  }
}

/** atWork says that somebody talks by this page: it keeps the login alive as keys do. */
export const atWork = () => document.dispatchEvent(new Event("samtale:at-work"));

/** api asks the JSON API; body is sent as JSON. */
export async function api(method, path, body) {
  let r;
  try {
    r = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem({ kind: "offline", detail: t("offline") });
  }
  if (r.ok) return r.json();
  if (r.status === 401) document.dispatchEvent(new Event("samtale:logged-out"));
  let problem;
  try {
    problem = await r.json();
  } catch {
    problem = { kind: "internal", detail: t("offline"), status: r.status };
  }
  throw new Problem(problem);
}

/** newest makes a function that asks and takes the answer, unless one that was asked for later has been taken meanwhile. */
export function newest(ask, take) {
  let asked = 0;
  let taken = 0;
  return async () => {
    const turn = ++asked;
    const answer = await ask();
    if (turn < taken) return;
    taken = turn;
    take(answer);
  };
}

/** el makes an element; props are properties, "on…" listeners, "data" and attributes. */
export function el(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (v === undefined || v === null || v === false) continue;
    if (k === "data") Object.assign(e.dataset, v);
    else if (k === "class") e.className = v;
    else if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else if (k in e && !k.includes("-")) e[k] = v;
    else e.setAttribute(k, v);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

/**
 * keyed makes parent's children show items, touching only what changed: elements keep
 * their place in the document, and so focus, as long as their order stays.
 */
export function keyed(parent, items, key, make, update) {
  const old = new Map([...parent.children].map((c) => [c.dataset.key, c]));
  const keep = new Set(items.map(key));
  for (const [k, e] of old) if (!keep.has(k)) e.remove();
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = key(item);
    let e = old.get(k);
    if (!e) {
      e = make(item);
      e.dataset.key = k;
    }
    update(e, item);
    if (e === at) at = at.nextElementSibling;
    else parent.insertBefore(e, at);
  }
}

/** write sets text only when it differs, so that live regions speak changes alone. */
export function write(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

export const clock = (d) => new Date(d).toLocaleTimeString(document.documentElement.lang === "en" ? "en-GB" : "da-DK", { hour: "2-digit", minute: "2-digit", timeZone: "Europe/Copenhagen" });

/** day writes a date in words: "fredag 5. december". */
export function day(d) {
  const lang = document.documentElement.lang === "en" ? "en-GB" : "da-DK";
  return new Date(d).toLocaleDateString(lang, { weekday: "long", day: "numeric", month: "long", timeZone: "Europe/Copenhagen" });
}

/** at writes a time of the API with its day: "fredag 5. december kl. 14.30". */
export const at = (time) => t("time.when", { day: day(time), clock: clock(time) });

/** shortDay writes a date where there is little room: "20. nov.". */
export function shortDay(d) {
  const lang = document.documentElement.lang === "en" ? "en-GB" : "da-DK";
  return new Date(d).toLocaleDateString(lang, { day: "numeric", month: "short", timeZone: "Europe/Copenhagen" });
}

/** span writes a number of seconds as m:ss or h:mm:ss. */
export function span(s) {
  s = Math.max(0, Math.floor(s));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${two(Math.floor(s / 60))}:${two(s % 60)}`;
}

/** keystrokes turn one line into another: backspaces to where they differ, then what is new (T.140). */
export function keystrokes(before, now) {
  [before, now] = [[...before], [...now]];
  let same = 0;
  while (same < now.length && now[same] === before[same]) same++;
  return "\b".repeat(before.length - same) + now.slice(same).join("");
}

/** since reports whether a time of the API is set. */
export const isSet = (time) => Boolean(time) && !time.startsWith("0001-");

const polite = document.createElement("p");
polite.className = "sr-only";
polite.setAttribute("role", "status");
document.body.append(polite);

const toast = el("div", { class: "toasts", "aria-hidden": "true" });
document.body.append(toast);

/** tell says something that needs no answer, on screen and to screen readers. */
export function tell(text, kind = "info") {
  polite.textContent = text;
  const e = el("div", { class: `note-toast ${kind}` }, text);
  toast.replaceChildren(e);
  setTimeout(() => e.remove(), 6000);
}

/** failed says what went wrong with an action. */
export const failed = (err) => {
  if (!(err instanceof Problem)) console.error(err);
  tell(err instanceof Problem ? err.message : t("failed"), "bad");
};

/** open shows a dialog; resolves with the pressed button's value, "" when it was closed. */
export function open(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.showModal();
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

for (const b of document.querySelectorAll("dialog [data-close]")) {
  b.addEventListener("click", () => b.closest("dialog").close(""));
}

/**
 * ask puts a question with an optional text to write. Resolves with the text ("" when
 * none was asked for), or null when the person went back.
 */
export async function ask({ title, text, label, required, yes, danger, value = "" }) {
  const d = $("ask-dialog");
  write($("ask-title"), title);
  write($("ask-text"), text);
  $("ask-group").hidden = !label;
  write($("ask-label"), label ?? "");
  write($("ask-yes"), yes);
  $("ask-yes").className = danger ? "button button-hangup" : "button button-primary";
  $("ask-input").value = value;
  $("ask-error").hidden = true;
  const form = d.querySelector("form");
  const check = (e) => {
    if (e.submitter === $("ask-yes") && required && !$("ask-input").value.trim()) {
      e.preventDefault();
      $("ask-error").hidden = false;
      $("ask-input").focus();
    }
  };
  form.addEventListener("submit", check);
  const answer = await open(d);
  form.removeEventListener("submit", check);
  return answer === "yes" ? $("ask-input").value.trim() : null;
}

const hiddenLimit = 60000; // ms out of sight after which a stream is not worth its connection

/**
 * events opens a stream that survives what EventSource alone does not: an answer that
 * is an error, such as a service that is still starting. Browsers give a site six
 * connections, so with rests the stream ends in a tab that is long out of sight and
 * starts again when it is seen.
 */
export function events(path, handlers, onState = () => {}, { rests = false } = {}) {
  let source;
  let closed = false;
  let wait = 1000;
  let resting;
  const seen = () => {
    clearTimeout(resting);
    if (document.hidden) resting = setTimeout(() => source.close(), hiddenLimit);
    else if (source.readyState === EventSource.CLOSED) start();
  };
  const start = () => {
    source = new EventSource(path);
    source.onopen = () => {
      wait = 1000;
      onState(true);
    };
    source.onerror = () => {
      onState(false);
      if (source.readyState !== EventSource.CLOSED || closed) return;
      api("GET", "/api/v1/me").catch(() => {}); // says so when the login has ended
      setTimeout(() => !closed && start(), wait);
      wait = Math.min(wait * 2, 15000);
    };
    for (const [name, f] of Object.entries(handlers)) {
      source.addEventListener(name, (e) => f(JSON.parse(e.data), e));
    }
  };
  start();
  if (rests) document.addEventListener("visibilitychange", seen);
  return () => {
    closed = true;
    document.removeEventListener("visibilitychange", seen);
    clearTimeout(resting);
    source.close();
  };
}
