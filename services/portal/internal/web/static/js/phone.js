// The softphone: audio between this browser and the phone service over WebRTC. The
// offer is complete when it is sent (no trickling), so one request sets the audio up.
import { api, Problem, t } from "./lib.js";

const gatherLimit = 1500; // ms to wait for candidates; on one network they come at once
const lossLimit = 2500; // ms of lost connection before the audio is set up again

export class Phone extends EventTarget {
  constructor(audio) {
    super();
    this.audio = audio;
    this.id = null; // conversation with audio in this tab
    this.connecting = false; // audio is being set up
    this.mic = "";
    this.speaker = "";
  }

  get active() {
    return this.id !== null;
  }

  /** answer connects this browser to a call; the same again replaces the audio. */
  answer(id) {
    return this.#connect((sdp) => api("POST", `/api/v1/calls/${id}/answer`, { sdp }));
  }

  dial(to, area, regarding) {
    return this.#connect((sdp) => api("POST", "/api/v1/calls", { to, service_area: area, regarding, sdp }));
  }

  async #connect(request) {
    this.connecting = true;
    try {
      return await this.#setUp(request);
    } finally {
      this.connecting = false;
    }
  }

  async #setUp(request) {
    if (!("RTCPeerConnection" in globalThis)) throw new Problem({ kind: "microphone", detail: t("mic.none") });
    const stream = await this.#microphone();
    const pc = new RTCPeerConnection();
    try {
      for (const track of stream.getAudioTracks()) pc.addTrack(track, stream);
      pc.ontrack = (e) => this.#play(e.streams[0] ?? new MediaStream([e.track]));
      await pc.setLocalDescription(await pc.createOffer());
      await gathered(pc);
      const { call, sdp } = await request(pc.localDescription.sdp);
      await pc.setRemoteDescription({ type: "answer", sdp });
      this.#take(pc, stream, call.conversation_id);
      return call;
    } catch (err) {
      pc.close();
      for (const track of stream.getTracks()) track.stop();
      throw err;
    }
  }

  async #microphone() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Problem({ kind: "microphone", detail: t("mic.insecure") });
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: { deviceId: this.mic || undefined, echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
    } catch (err) {
      throw new Problem({ kind: "microphone", detail: t(err.name === "NotAllowedError" ? "mic.denied" : "mic.missing") });
    }
  }

  #take(pc, stream, id) {
    this.#drop();
    Object.assign(this, { pc, stream, id });
    this.sendLevel = meter(stream);
    pc.onconnectionstatechange = () => this.#watch(pc);
    this.dispatchEvent(new Event("change"));
  }

  #watch(pc) {
    if (pc !== this.pc) return;
    clearTimeout(this.timer);
    this.dispatchEvent(new Event("change"));
    if (pc.connectionState === "failed") this.#again(pc);
    if (pc.connectionState === "disconnected") this.timer = setTimeout(() => this.#again(pc), lossLimit);
  }

  async #again(pc) {
    if (pc !== this.pc) return;
    try {
      await this.answer(this.id);
    } catch (err) {
      this.dispatchEvent(new CustomEvent("problem", { detail: err }));
      if (err.kind === "offline" || err.kind === "unavailable") this.timer = setTimeout(() => this.#again(pc), lossLimit);
    }
  }

  #play(stream) {
    this.audio.srcObject = stream;
    this.heardLevel = meter(stream);
    this.audio.play().catch(() => this.dispatchEvent(new Event("silent"))); // the browser wants a click first
  }

  /** muted silences the microphone here and now; the phone service is told separately. */
  mute(on) {
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !on;
  }

  async use({ mic, speaker }) {
    this.speaker = speaker;
    if (this.audio.setSinkId) await this.audio.setSinkId(speaker);
    if (mic === this.mic) return;
    this.mic = mic;
    if (!this.active) return;
    const stream = await this.#microphone();
    await this.pc.getSenders()[0].replaceTrack(stream.getAudioTracks()[0]);
    for (const track of this.stream.getTracks()) track.stop();
    this.stream = stream;
    this.sendLevel = meter(stream);
  }

  /** end closes the audio of a call that is over. */
  end() {
    this.#drop();
    this.id = null;
    this.dispatchEvent(new Event("change"));
  }

  #drop() {
    clearTimeout(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.pc?.close();
    this.pc = this.stream = this.sendLevel = null;
  }

  get state() {
    return this.pc?.connectionState ?? "none";
  }
}

function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    setTimeout(resolve, gatherLimit);
    pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && resolve());
  });
}

let context;

/** sound is the page's audio context; browsers start it after the first click. */
export function sound() {
  context ??= new AudioContext();
  if (context.state !== "running") context.resume().catch(() => {}); // a telephone call leaves Safari's "interrupted"
  return context;
}

/** meter returns a function that gives the level now, from 0 to 1. */
function meter(stream) {
  const ctx = sound();
  const analyser = ctx.createAnalyser();
  analyser.fftSize = 512;
  ctx.createMediaStreamSource(stream).connect(analyser);
  const buf = new Float32Array(analyser.fftSize);
  return () => {
    analyser.getFloatTimeDomainData(buf);
    let sum = 0;
    for (const v of buf) sum += v * v;
    const db = 10 * Math.log10(sum / buf.length + 1e-9);
    return Math.min(1, Math.max(0, (db + 60) / 55));
  };
}

/** Ringer rings: two soft tones every three seconds, until stopped. */
export class Ringer {
  start() {
    if (this.timer) return;
    const ring = () => {
      try {
        this.tone(440, 0);
        this.tone(554, 0.22);
      } catch {
        // No audio device: title, notification and pulse still tell.
      }
    };
    ring();
    this.timer = setInterval(ring, 3000);
  }

  tone(hz, after) {
    const ctx = sound();
    const at = ctx.currentTime + after;
    const o = ctx.createOscillator();
    const g = ctx.createGain();
    o.frequency.value = hz;
    g.gain.setValueAtTime(0, at);
    g.gain.linearRampToValueAtTime(0.12, at + 0.03);
    g.gain.linearRampToValueAtTime(0, at + 0.2);
    o.connect(g).connect(ctx.destination);
    o.start(at);
    o.stop(at + 0.22);
  }

  /** once is one soft tone, for what is less urgent than a call. */
  once() {
    if (this.timer) return;
    try {
      this.tone(660, 0);
    } catch {
      // No audio device: title and list tell.
    }
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
  }
}
