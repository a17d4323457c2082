// Reads answers aloud: by the device's own voice where it has one for the language (nothing is sent to anybody), else by the
// authority's, sentence by sentence. A second click stops it.
import { $, t, write } from "./lib.js";

const device = "speechSynthesis" in window;
const voiceOf = (lang) => device && speechSynthesis.getVoices().find((v) => v.localService && v.lang.toLowerCase().startsWith(lang));
let here = []; // languages that the authority has voices for; nothing on the page waits to know them
let reading; // what is being read: { button, stop() }

async function languages() {
  try {
    const r = await fetch("/api/v1/ask/voices");
    return r.ok ? (await r.json()).languages : [];
  } catch {
    return [];
  }
}

const textOf = (button) => button.closest(".reply").querySelector(".said-q");
const langOf = (button) => textOf(button).lang || "da";

/** prepare shows the buttons of answers whose language can be read. */
export function prepare(root) {
  for (const b of root.querySelectorAll(".read-aloud")) b.hidden = !voiceOf(langOf(b)) && !here.includes(langOf(b));
}

function stop() {
  reading?.stop();
  if (reading) write(reading.button, t("q.read.aloud"));
  reading = undefined;
}

/** numbered is an item of a list as it is read aloud, with its number if it has one. */
export const numbered = (text, number) => (number ? `${number}: ${text}` : text);

/** asRead is a sentence of an answer as it is read aloud. */
export const asRead = (sentence) => numbered(sentence.firstChild.textContent, sentence.closest("ol > li")?.value);

/** passages are what is read: the sentences that stand together, and the question above the second answer in its own language, if the
 * device has a voice for that. */
function passages(said) {
  const out = [];
  for (const e of said.querySelectorAll(".said-also, .st")) {
    const heading = e.matches(".said-also");
    const lang = heading && voiceOf(e.lang) ? e.lang : said.lang || "da";
    const text = heading ? e.textContent : asRead(e);
    if (heading || !out.length || out.at(-1).heading) out.push({ text, lang, heading });
    else out.at(-1).text += " " + text;
  }
  return out;
}

/** byDevice reads with the device's voices. */
function byDevice(said, done) {
  const all = passages(said).map(({ text, lang }) => {
    const u = new SpeechSynthesisUtterance(text);
    u.lang = lang === "en" ? "en-GB" : "da-DK";
    u.voice = voiceOf(lang);
    u.onerror = done;
    return u;
  });
  all.at(-1).onend = done;
  for (const u of all) speechSynthesis.speak(u);
  return () => speechSynthesis.cancel();
}

/** byServer fetches the next sentence, with the question above it, while one is heard. */
function byServer(id, count, done, failed) {
  const sound = new AudioContext();
  sound.resume().catch(() => {});
  const session = $("q-form").elements.session?.value;
  const fetched = async (n) => {
    const r = await fetch(`/api/v1/ask/${id}/speech?sentence=${n}`, { headers: session ? { "Samtale-Session": session } : {} });
    if (!r.ok) throw new Error(r.status);
    return sound.decodeAudioData(await r.arrayBuffer());
  };
  const play = (buffer) =>
    new Promise((ended) => {
      const s = new AudioBufferSourceNode(sound, { buffer });
      s.onended = ended;
      s.connect(sound.destination);
      s.start();
    });
  let over = false;
  (async () => {
    let next = fetched(0);
    for (let n = 0; n < count && !over; n++) {
      const buffer = await next;
      next = n + 1 < count ? fetched(n + 1) : undefined;
      next?.catch(() => {}); // it is awaited in its turn
      if (!over) await play(buffer);
    }
  })().then(
    () => over || done(),
    () => over || failed(),
  );
  return () => {
    over = true;
    sound.close();
  };
}

document.addEventListener("click", (e) => {
  const b = e.target.closest(".read-aloud");
  if (!b) return;
  const same = reading?.button === b;
  stop();
  if (same) return;
  const said = textOf(b);
  const lang = langOf(b);
  const mine = { button: b };
  const end = (text) => () => {
    if (reading !== mine) return;
    stop();
    write(b, text);
  };
  reading = mine;
  write(b, t("q.read.stop"));
  mine.stop = voiceOf(lang)
    ? byDevice(said, end(t("q.read.aloud")))
    : byServer(b.dataset.read, said.querySelectorAll(".st").length, end(t("q.read.aloud")), end(t("q.read.failed")));
});

languages().then((known) => {
  here = known;
  prepare(document);
});
if (device) speechSynthesis.addEventListener?.("voiceschanged", () => prepare(document));
addEventListener("pagehide", stop);
