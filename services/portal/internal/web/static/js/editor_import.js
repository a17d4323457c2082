// Import of a file: read here line by line and sent in batches, so that the size of a file matters to nobody. What cannot be
// taken is listed with its line, and stops nothing else.
import { $, api, el, t, write } from "./lib.js";

const maxFile = 200 << 20; // bytes; more is a job for the command line
const shown = 500; // failures that are listed
const attempts = 4;
const form = $("im-form");
const maxBatch = Number(form.dataset.batch);
const maxBytes = Number(form.dataset.bytes) - 4096; // for what stands around the records
let stopped = false;

$("im-file").addEventListener("change", () => {
  const f = $("im-file").files[0];
  if (f && !$("im-source").value) $("im-source").value = f.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60);
});
$("im-stop").addEventListener("click", () => (stopped = true));

form.addEventListener("submit", async (e) => {
  e.preventDefault();
  const file = $("im-file").files[0];
  write($("im-problem"), file.size > maxFile ? t("editor.import.big") : "");
  if (file.size > maxFile) return;
  stopped = false;
  begin();
  try {
    await new Import(file).run();
  } catch (err) {
    write($("im-problem"), err.message);
    write($("im-state"), t("editor.import.broken"));
  }
  for (const id of ["im-send", "im-file"]) $(id).disabled = false;
  $("im-stop").hidden = true;
});

function begin() {
  $("im-result").hidden = false;
  $("im-stop").hidden = false;
  for (const id of ["im-send", "im-file"]) $(id).disabled = true;
  $("im-failed").replaceChildren();
  $("im-failed-head").hidden = true;
  $("im-counts").replaceChildren();
  $("im-progress").value = 0;
  write($("im-state"), t("editor.import.running"));
  $("im-head").focus();
}

/** Import is one file on its way. A record keeps its line: a batch holds lines that follow each other. */
class Import {
  constructor(file) {
    Object.assign(this, { file, id: crypto.randomUUID(), line: 0, first: 1, records: [], bytes: 0, read: 0, unread: 0, failed: 0, sent: 0, latest: null });
  }

  async run() {
    let rest = "";
    const reader = this.file.stream().pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const l of lines) await this.take(l);
      if (stopped) break;
    }
    if (!stopped && rest.trim()) await this.take(rest);
    if (!this.sent && !this.records.length) throw new Error(t("editor.import.empty"));
    await this.send(true);
    $("im-progress").value = stopped ? $("im-progress").value : 1;
    write($("im-state"), t(stopped ? "editor.import.stopped" : this.failed ? "editor.import.some" : "editor.import.all"));
  }

  async take(text) {
    this.line++;
    this.read += text.length + 1;
    if (stopped) return;
    const line = text.trim();
    if (!line) return this.gap();
    const size = new TextEncoder().encode(line).length;
    let record;
    try {
      record = JSON.parse(line);
    } catch {
      record = null;
    }
    if (record === null || typeof record !== "object" || Array.isArray(record)) return this.bad(t("editor.import.nojson"));
    if (size > maxBytes) return this.bad(t("editor.import.long"));
    if (this.records.length === maxBatch || this.bytes + size + 1 > maxBytes) await this.send(false);
    if (!this.records.length) this.first = this.line;
    this.records.push(record);
    this.bytes += size + 1;
  }

  gap() {
    return this.records.length ? this.send(false) : undefined;
  }

  async bad(reason) {
    await this.gap();
    this.unread++;
    this.fail(t("editor.import.line", { n: this.line }), reason);
  }

  fail(item, reason) {
    this.failed++;
    $("im-failed-head").hidden = false;
    if (this.failed <= shown) $("im-failed").append(el("li", {}, el("span", { class: "mono" }, item), " ", el("span", { lang: "da" }, reason)));
  }

  /** send brings a batch; what the file did not name is removed only when all of it could be read. */
  async send(last) {
    if (!this.records.length && !last) return;
    const body = {
      import: this.id, source: $("im-source").value.trim(), title: $("im-title").value.trim() || undefined, demo: $("im-demo").checked || undefined,
      records: this.records, first: this.first, last, replace: last && $("im-replace").checked && !this.unread && !stopped,
    };
    const run = await patiently(() => api("POST", "/api/v1/knowledge/import", body));
    Object.assign(this, { records: [], bytes: 0, sent: this.sent + 1 });
    const known = this.latest?.failures?.length ?? 0;
    for (const f of (run.failures ?? []).slice(known)) this.fail(f.item, f.reason);
    this.latest = run;
    $("im-progress").value = Math.min(0.99, this.read / this.file.size);
    const counts = ["added", "changed", "removed", "unchanged"].filter((c) => run[c]).map((c) => el("li", {}, t("editor.run." + c, { n: run[c] })));
    if (this.failed) counts.push(el("li", { class: "bad" }, t("editor.run.notaken", { n: (run.failed ?? 0) + this.unread })));
    $("im-counts").replaceChildren(...counts);
  }
}

/** patiently asks again when the service was busy or away: the same batch twice is one. */
async function patiently(f) {
  for (let i = 1; ; i++) {
    try {
      return await f();
    } catch (err) {
      if (i === attempts || !["offline", "unavailable", "limited"].includes(err.kind)) throw err;
      await new Promise((r) => setTimeout(r, Math.max(1000 * i, err.retryAfter * 1000)));
    }
  }
}
document.documentElement.dataset.ready = "import";
