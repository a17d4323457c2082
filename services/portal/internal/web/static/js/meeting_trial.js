// The network test before a meeting: noise is sent to the meeting's own media server, over the connection that sound and picture
// will take, into a room where nobody is. Nothing of camera and microphone is sent.

import { t } from "./lib.js";
import { gather } from "./meeting_media.js";

const connectWithin = 20000; // ms: with a relay over TCP it may take a while
const listenFor = 5; // seconds of figures
const lossTold = 3; // reports of the other end that the loss is taken from, at least
const patience = 15; // seconds at most

/** noise is a moving picture that no encoder makes small, so that as much is sent as the network takes. */
function noise() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 180];
  const draw = canvas.getContext("2d");
  const picture = draw.createImageData(320, 180);
  const words = new Uint32Array(picture.data.buffer);
  const timer = setInterval(() => {
    for (let i = 0; i < words.length; i++) words[i] = (Math.random() * 2 ** 32) | 0xff000000;
    draw.putImageData(picture, 0, 0);
  }, 66);
  const track = canvas.captureStream().getVideoTracks()[0];
  return { track, stop: () => (clearInterval(timer), track.stop()) };
}

/** figures of a connection: the pair of addresses in use, what was sent, and what the other end says of it. */
async function figures(pc) {
  const all = await pc.getStats();
  const out = { sent: 0, reports: 0 };
  for (const s of all.values()) {
    if (s.type === "transport" && s.selectedCandidatePairId) out.pair = all.get(s.selectedCandidatePairId);
    if (s.type === "candidate-pair" && s.nominated && s.state === "succeeded") out.pair ??= s; // Firefox has no transport
    if (s.type === "outbound-rtp") out.sent += s.bytesSent;
    if (s.type === "remote-inbound-rtp") {
      out.loss = s.fractionLost;
      out.reported = s.timestamp;
    }
  }
  out.local = all.get(out.pair?.localCandidateId);
  return out;
}

const second = () => new Promise((done) => setTimeout(done, 1000));

const connected = (pc) =>
  new Promise((done) => {
    const look = () => ["connected", "failed", "closed"].includes(pc.connectionState) && done(pc.connectionState === "connected");
    pc.addEventListener("connectionstatechange", look);
    setTimeout(() => done(pc.connectionState === "connected"), connectWithin);
  });

/** measure tells what the way to the meeting carries, as a Report has it; nothing when over() says that it is no longer asked. */
export async function measure(send, over) {
  const source = noise();
  let pc;
  try {
    const { ice_servers: iceServers = [] } = await send("publish", { trial: true });
    pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    pc.addTransceiver(source.track, { direction: "sendonly", sendEncodings: [{ maxBitrate: 2e6 }] });
    const up = connected(pc);
    await pc.setLocalDescription(await pc.createOffer());
    await gather(pc);
    const { sdp } = await send("publish", { trial: true, sdp: pc.localDescription.sdp });
    await pc.setRemoteDescription({ type: "answer", sdp });
    if (!(await up)) return { network: "blocked" };
    return await watch(pc, over);
  } catch {
    return over() ? undefined : { network: "blocked" };
  } finally {
    source.stop();
    pc?.close();
  }
}

async function watch(pc, over) {
  const times = [];
  const losses = [];
  let [kbit, last, heard] = [0, await figures(pc), 0];
  for (let s = 0; s < patience && (s < listenFor || losses.length < lossTold); s++) {
    const from = performance.now();
    await second();
    if (over()) return undefined;
    const now = await figures(pc);
    kbit = Math.max(kbit, (8 * (now.sent - last.sent)) / (performance.now() - from));
    if (now.pair?.currentRoundTripTime !== undefined) times.push(1000 * now.pair.currentRoundTripTime);
    if (now.reported !== undefined && now.reported !== heard) {
      heard = now.reported;
      losses.push(now.loss ?? 0);
    }
    last = now;
  }
  const found = {
    rtt_ms: Math.round(times.sort((a, b) => a - b)[times.length >> 1] ?? 0),
    loss_share: losses.length ? losses.reduce((sum, l) => sum + l, 0) / losses.length : 0,
    kbit_up: Math.round(kbit),
    transport: last.local?.candidateType === "relay" ? "relay" : (last.local?.protocol ?? "udp"),
  };
  found.network = found.rtt_ms > 400 || found.loss_share > 0.05 || found.kbit_up < 150 ? "slow" : "ok";
  return found;
}

/** netText says a report in words, with its figures. */
export function netText(r) {
  if (r.network === "blocked" || !r.transport) return t(`m.net.${r.network}`);
  return `${t(`m.net.${r.network}`)} ${t("m.net.figures", {
    kbit: r.kbit_up ?? 0, loss: (100 * (r.loss_share ?? 0)).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 }), ms: r.rtt_ms ?? 0, way: t(`m.net.way.${r.transport}`),
  })}`;
}
