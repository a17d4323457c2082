// The page where citizens ask. The forms work without this script; with it an answer comes sentence by sentence, and the
// page stays. The server renders every answer, the script only puts it in its place.
import { asRead, numbered, prepare } from "./aloud.js";
import { $, el, t, write } from "./lib.js";

const page = $("q-page");
const log = $("q-log");
const form = $("q-form");
const field = $("q-field");
const embedded = "embedded" in page.dataset;
const maxQuestion = 500; // characters
let busy = false;

const problem = (text) => {
  $("q-problem").hidden = !text;
  write($("q-problem-text"), text ?? "");
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
};

/** stream reads server-sent events of an answer to POST, which EventSource cannot make. */
async function* stream(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const line = (name) => block.split("\n").find((l) => l.startsWith(name + ": "))?.slice(name.length + 2);
      if (line("event")) yield { name: line("event"), data: JSON.parse(line("data")) };
    }
  }
}

/** begin puts a question into the page, with a place for its answer. */
function begin(question) {
  const title = el("h2", { class: "asked", tabindex: "-1" }, question);
  const status = el("p", { class: "making" }, t("q.status.reading"));
  const said = el("div", { class: "said-q", "aria-hidden": "true" });
  const turn = el("article", { class: "turn-q" }, title, el("div", { class: "reply" }, said, status));
  page.classList.add("begun");
  log.append(turn);
  title.focus();
  title.scrollIntoView({ block: "start" });
  return { turn, status, said };
}

/** put writes a sentence of an answer: an item into its list, others into a paragraph. */
function put(said, { text, question, list = "", number = "" }) {
  if (question) said.append(el("p", { class: "said-also" }, question));
  const kind = list ? (number ? "ol" : "ul") : "p";
  let block = said.lastElementChild;
  if (block?.dataset.list !== list || block.localName !== kind) {
    block = el(kind, { data: { list } });
    said.append(block);
  }
  block.append(list ? el("li", { value: number || undefined }, text) : (block.textContent ? " " : "") + text);
}

/** say reads a text to screen readers, in its language. */
const say = (text, lang) => text && $("q-live").append(el("p", { lang }, text));

/** send asks what a form holds; submitter may be one of several buttons. */
async function send(from, submitter) {
  const data = new FormData(from, submitter);
  const question = data.get("question").trim();
  if (!question) {
    field.focus();
    return;
  }
  if (busy) {
    write($("q-heard"), t("q.busy"));
    return;
  }
  busy = true;
  problem();
  const own = from === form;
  const made = begin(question);
  if (own) field.value = "";
  count();
  try {
    await answer(made, data);
  } catch (err) {
    made.turn.remove();
    if (!log.children.length) page.classList.remove("begun");
    if (own) field.value = question;
    count();
    problem(err.shown ?? t("offline"));
    field.focus();
    if (!err.shown) console.error(err);
  } finally {
    busy = false;
    write($("q-status"), "");
    write($("q-heard"), "");
  }
}

const shown = (detail) => Object.assign(new Error(detail), { shown: detail });

async function answer({ turn, status, said }, data) {
  const r = await fetch(form.getAttribute("action"), { method: "POST", headers: { Accept: "text/event-stream" }, body: new URLSearchParams(data) });
  if (!r.headers.get("Content-Type")?.startsWith("text/event-stream")) throw shown((await r.json()).detail);
  const spoken = new Set();
  for await (const e of stream(r.body)) {
    switch (e.name) {
      case "status":
        write(status, e.data.text);
        if (!spoken.size) write($("q-status"), e.data.text);
        break;
      case "sentence": {
        const text = numbered(e.data.text, e.data.number);
        spoken.add(text);
        put(said, e.data);
        say(e.data.question);
        if (e.data.language) said.lang = e.data.language;
        say(text, e.data.language || undefined);
        break;
      }
      case "answer":
        finish(turn, e.data, spoken);
        return;
      case "problem":
        throw shown(e.data.detail);
    }
  }
  throw shown(t("q.broken"));
}

/** finish puts the whole answer in the place of what has been shown, and says what of it has not been spoken. Focus stays at the question. */
function finish(turn, data, spoken) {
  const box = document.createElement("template");
  box.innerHTML = data.html; // rendered by our own server
  const whole = box.content.firstElementChild;
  const focused = turn.contains(document.activeElement);
  turn.replaceWith(whole);
  if (focused) whole.querySelector(".asked").focus({ preventScroll: true });
  const sentences = data.say && !spoken.size ? [data.say] : [...whole.querySelectorAll(".st")].map(asRead);
  for (const s of sentences) if (!spoken.has(s)) say(s, data.language);
  const sources = whole.querySelectorAll(".source").length;
  if (sources) say(t("q.done", { n: sources }));
  if (data.municipality) $("q-municipality").value = data.municipality;
  if (data.session) keepSession(data.session);
  $("q-delete").hidden = false;
  prepare(whole);
}

/** keepSession writes the session into every form, where browsers give the page no cookies. */
function keepSession(session) {
  for (const f of document.querySelectorAll("form[action^='/indlejret'], #q-delete, #q-handover")) {
    if (f.elements.session) f.elements.session.value = session;
    else f.append(el("input", { type: "hidden", name: "session", value: session }));
  }
}

// Quotes: the number opens its source at the quote.
log.addEventListener("click", (e) => {
  const cite = e.target.closest(".cite");
  if (!cite) return;
  e.preventDefault();
  const place = $(cite.hash.slice(1));
  place.closest("details").open = true;
  place.focus({ preventScroll: true });
  place.scrollIntoView({ block: "center" });
});

document.addEventListener("submit", (e) => {
  const f = e.target;
  if (f.dataset.rate) {
    e.preventDefault();
    rate(f, e.submitter.value === "yes", "");
  } else if (f.elements.question || f.querySelector("[name=question]")) {
    e.preventDefault();
    send(f, e.submitter);
  }
});

/** rate sends whether an answer helped; after a no it asks why, which need not be answered. */
async function rate(f, helpful, why) {
  const r = await fetch(`/api/v1/ask/${f.dataset.rate}/feedback`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ helpful, why }),
  }).catch(() => ({ ok: false }));
  const text = el("p", { role: "status", tabindex: "-1" }, r.ok ? t("q.rate.thanks") : t("q.rate.failed"));
  if (helpful || why || !r.ok) {
    f.replaceChildren(text);
    text.focus();
    return;
  }
  const reasons = ["wrong", "unclear", "missing", "other"].map((w) =>
    el("button", { type: "button", class: "chip", onclick: () => rate(f, false, w) }, t("q.rate.why." + w)));
  f.replaceChildren(el("fieldset", {}, el("legend", {}, t("q.rate.why")), ...reasons));
  reasons[0].focus();
}

// Field: Enter asks, Shift+Enter is a new line; the length is said when it matters.
field.addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
  e.preventDefault();
  form.requestSubmit();
});

function count() {
  const left = maxQuestion - [...field.value].length;
  write($("q-count"), left > 100 ? "" : left >= 0 ? t("q.left", { n: left }) : t("q.over", { n: -left }));
  $("q-count").classList.toggle("over", left < 0);
}
field.addEventListener("input", count);
count();

prepare(document);

// In a frame, Escape gives the keyboard back to the page around it.
if (embedded) document.addEventListener("keydown", (e) => e.key === "Escape" && parent.postMessage("samtale:close", "*"));
else await import("./voice.js"); // another site's frame has no microphone
document.documentElement.dataset.ready = "ask";
