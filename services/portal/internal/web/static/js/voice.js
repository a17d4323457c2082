// Speaking a question: the sound goes to the speech service and is stored nowhere, the words land in the field.
import { $, t, write } from "./lib.js";

const longest = 15; // seconds, as audiov1.HearSeconds
const button = $("q-voice");
const field = $("q-field");
let stop; // ends the recording that runs
let speaking = false; // until its words are there

/** record resolves with the samples and their rate when it is stopped, or after the longest time. */
async function record() {
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const audio = new AudioContext();
  audio.resume().catch(() => {});
  const parts = [];
  let seconds = 0;
  try {
    await audio.audioWorklet.addModule("/static/js/capture.js");
    const node = new AudioWorkletNode(audio, "capture", { numberOfOutputs: 0 });
    await new Promise((resolve) => {
      stop = resolve;
      node.port.onmessage = (e) => {
        parts.push(e.data);
        seconds += e.data.length / audio.sampleRate;
        write(button, t("q.voice.stop", { s: Math.ceil(longest - seconds) }));
        if (seconds >= longest - 0.2) resolve();
      };
      audio.createMediaStreamSource(microphone).connect(node);
    });
  } finally {
    stop = undefined;
    for (const track of microphone.getTracks()) track.stop();
    await audio.close();
  }
  return { parts, rate: audio.sampleRate };
}

/** wav writes mono sound as a WAV file of 16 bit. */
function wav({ parts, rate }) {
  const n = parts.reduce((sum, p) => sum + p.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * n));
  const text = (at, s) => [...s].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * n, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * n, true);
  let at = 44;
  for (const p of parts) {
    for (const v of p) {
      view.setInt16(at, Math.max(-1, Math.min(1, v)) * 32767, true);
      at += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}

async function hear(sound) {
  const r = await fetch("/api/v1/ask/voice", { method: "POST", headers: { "Content-Type": "audio/wav" }, body: sound });
  const got = await r.json();
  if (!r.ok) return got.detail;
  if (!got.text) return t("q.voice.none");
  field.value = [field.value.trim(), got.text].filter(Boolean).join(" ");
  field.dispatchEvent(new Event("input"));
  field.focus();
  return got.demo ? t("q.voice.demo") : t("q.voice.check");
}

const denied = { NotAllowedError: "q.voice.denied", NotFoundError: "q.voice.missing" };

async function speak() {
  stop?.();
  if (speaking) return; // also while the microphone is being opened or closed
  speaking = true;
  button.setAttribute("aria-pressed", "true");
  write($("q-heard"), "");
  let said;
  try {
    const sound = await record();
    write(button, t("q.voice"));
    button.disabled = true;
    write($("q-heard"), t("q.voice.hearing"));
    said = await hear(wav(sound));
  } catch (err) {
    said = t(denied[err.name] ?? "offline");
  }
  speaking = false;
  button.disabled = false;
  button.setAttribute("aria-pressed", "false");
  write(button, t("q.voice"));
  write($("q-heard"), said);
}

if (navigator.mediaDevices && "AudioWorkletNode" in window) {
  button.hidden = false;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", speak);
}
