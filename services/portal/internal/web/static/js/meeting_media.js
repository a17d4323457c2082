// Sound and picture of a meeting: two connections (one to send on, one to receive on), text channels, and devices.

export const gather = (pc) =>
  new Promise((done) => {
    if (pc.iceGatheringState === "complete") return done();
    const check = () => pc.iceGatheringState === "complete" && done();
    pc.addEventListener("icegatheringstatechange", check);
    setTimeout(done, 2000); // what is found by then is offered
  });

const lossLimit = 2500; // ms of lost connection before everything is set up anew
const quietLimit = 1500; // ms: the room answers what it gets ten times a second
const textLimit = 30_000; // ms: what was typed that long ago on a connection that works has arrived
const serversLimit = 20 * 60_000; // ms: logins to TURN servers work for an hour
const missing = "\uFFFD"; // T.140: here text may be missing

/**
 * pause waits between two attempts: hardly at first, for most is over at once, longer later, and no longer when the network is back;
 * nobody in step with the others.
 */
export const pause = (attempt) =>
  new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      done();
    };
    const timer = setTimeout(end, (attempt < 2 ? 250 << attempt : attempt < 30 ? 1000 : 4000) * (0.75 + Math.random() / 4));
    addEventListener("online", end);
  });

/** origin names a description's session and how many of it there were before (RFC 8866 section 5.2). */
function origin(sdp) {
  const [, session, version] = /^o=\S+ (\d+) (\d+)/m.exec(sdp);
  return { session, version: Number(version) };
}

/** received is how much has come on a connection. */
async function received(pc) {
  let bytes = 0;
  for (const s of (await pc.getStats()).values()) if (s.type === "candidate-pair") bytes += s.bytesReceived ?? 0;
  return bytes;
}

/** Media joins one seat to a room. send is how requests reach it, on what the page does with what comes. */
export class Media {
  constructor(send, on) {
    Object.assign(this, { send, on, iceServers: [] });
    this.asked = performance.timeOrigin; // when these were told of, at the earliest
    this.streams = new Map();
    this.stopped = false;
    this.told = 0; // the newest opening of the room that is known of
    this.waiting = ""; // what was typed and not sent yet
    this.typed = []; // what was sent a moment ago: where the connection ends nobody knows whether it arrived
    this.first = 1; // the number of the first of these
    this.writer = Math.random().toString(36).slice(2); // whose numbers they are
    this.heard = new Map(); // person → the number of the last text of theirs that came, and whose numbers these are
  }

  /** start sends what local has, the picture only with camera, and receives the others. It tries until it works or is refused. */
  async start(local, camera) {
    this.local = local;
    this.camera = camera ? local.getVideoTracks()[0] : null;
    const refused = await this.again();
    if (refused) throw refused;
  }

  /**
   * late tells that the logins to the servers may soon be over, renew asks for others: new connections need them. Those that are there keep
   * what they have.
   */
  late() {
    return Date.now() - this.asked >= serversLimit;
  }

  async renew() {
    const now = Date.now();
    const { ice_servers: iceServers } = await this.send("look");
    Object.assign(this, { asked: now, iceServers: iceServers ?? this.iceServers });
  }

  async publish() {
    this.out?.close();
    const pc = (this.out = new RTCPeerConnection({ iceServers: this.iceServers, bundlePolicy: "max-bundle" }));
    const audio = this.local?.getAudioTracks()[0];
    const video = this.camera;
    this.audioSender = pc.addTransceiver(audio ?? "audio", { direction: "sendonly" }).sender;
    this.videoSender = pc.addTransceiver(video ?? "video", {
      direction: "sendonly",
      sendEncodings: [
        { rid: "q", scaleResolutionDownBy: 3, maxBitrate: 150e3 }, // of 720 lines 240: EN 301 549 clause 6.5.2
        { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500e3 },
        { rid: "f", maxBitrate: 1500e3 },
      ],
    }).sender;
    const text = (this.text = pc.createDataChannel(`t140:${this.writer}:${this.first}`, { ordered: true, protocol: "t140" }));
    text.addEventListener("open", () => {
      if (text !== this.text) return;
      for (const characters of this.typed) this.put(characters);
      this.type("");
    });
    if (this.screen) this.addScreen(pc);
    pc.addEventListener("connectionstatechange", () => this.state("out", pc));
    return this.offer(pc);
  }

  addScreen(pc) {
    this.screenSenders = this.screen.getTracks().map((track) => pc.addTransceiver(track, { direction: "sendonly", streams: [this.screen] }).sender);
  }

  async offer(pc) {
    await pc.setLocalDescription(await pc.createOffer());
    await gather(pc);
    if (pc.signalingState === "closed") throw new Error("replaced"); // and its offer would replace the newer one in the room
    const { sdp, room } = await this.send("publish", { sdp: pc.localDescription.sdp });
    if (room !== this.read) this.typed = this.typed.map((_, i) => (i ? "" : missing)); // another opening of the room may have got it
    this.read = room;
    await pc.setRemoteDescription({ type: "answer", sdp });
    return room;
  }

  async subscribe() {
    this.in?.close();
    this.streams.clear();
    const pc = (this.in = new RTCPeerConnection({ iceServers: this.iceServers, bundlePolicy: "max-bundle" }));
    pc.addEventListener("track", (e) => this.track(e));
    pc.addEventListener("datachannel", (e) => this.channel(e.channel));
    pc.addEventListener("connectionstatechange", () => this.state("in", pc));
    this.session = null; // until the room has a new one, no offer counts
    const { sdp, room } = await this.send("subscribe", {});
    Object.assign(this, { session: origin(sdp).session, version: 0 });
    await this.answer(sdp);
    return room;
  }

  /** offered takes an offer of the room's. Where that fails everything is set up anew, unless it was already: then the room refuses the answer. */
  offered(sdp) {
    const pc = this.in;
    return this.answer(sdp).catch(() => pc === this.in && this.again());
  }

  /** answer answers an offer. They come one at a time, but one that was answered, or of an earlier connection, may come late. */
  async answer(sdp) {
    const pc = this.in;
    const { session, version } = origin(sdp);
    if (!pc || pc.signalingState === "closed" || session !== this.session || version <= this.version) return;
    this.version = version;
    await pc.setRemoteDescription({ type: "offer", sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    await gather(pc);
    await this.send("subscribe", { sdp: pc.localDescription.sdp, session: "answer" });
  }

  track({ track, streams, transceiver }) {
    // "PERSON~SOURCE" is the track's name in the room's offers; browsers may rename tracks, but keep the stream's name.
    const [person, screen] = (streams[0]?.id ?? transceiver.mid).split("~");
    const source = track.kind === "audio" ? (screen ? "sound" : "microphone") : screen ? "screen" : "camera";
    const set = () => this.on.track(person, source, track);
    track.addEventListener("unmute", set);
    for (const what of ["mute", "ended"]) track.addEventListener(what, () => this.on.gone(person, source, track));
    set();
  }

  /** channel reads what a person types. Each number counts once: what may not have arrived on the last connection comes again. */
  channel(c) {
    const [label, person, writer, first] = c.label.split(":");
    if (label !== "t140") return;
    let next = Number(first);
    c.addEventListener("message", (e) => {
      const number = next++;
      const last = this.heard.get(person);
      const same = last?.writer === writer;
      if (same && number <= last.number) return;
      this.heard.set(person, { writer, number });
      if (same && number > last.number + 1) this.on.text(person, missing);
      else if (last && !same) this.on.broken(person);
      this.on.text(person, String(e.data));
    });
  }

  /** type sends characters; those that were typed without a connection go with the first that is there. */
  type(characters) {
    this.waiting += characters;
    if (!this.waiting || this.text?.readyState !== "open") return;
    this.typed.push(this.waiting);
    this.put(this.waiting);
    this.waiting = "";
  }

  /** put writes what is kept until it has arrived. */
  put(characters) {
    const { text } = this;
    text.send(characters);
    setTimeout(() => {
      if (text !== this.text || text.readyState !== "open") return;
      this.typed.shift();
      this.first++;
    }, textLimit);
  }

  /** under says on which terms it is typed from now on. What was typed on others, and may not have arrived, is not sent on these. */
  under(terms) {
    if (terms === this.terms) return;
    this.terms = terms;
    this.typed = this.typed.map(() => missing);
    this.waiting &&= missing;
  }

  state(side, pc) {
    const current = () => !this.stopped && pc === (side === "in" ? this.in : this.out);
    if (!current()) return;
    this.on.state(side, pc.connectionState);
    if (pc.connectionState === "failed") this.again();
    if (pc.connectionState === "disconnected") setTimeout(() => current() && pc.connectionState === "disconnected" && this.again(), lossLimit);
  }

  /** behind learns which opening of the room is the newest, and tells whether the connections lead to an earlier one: nowhere. */
  behind(room) {
    this.told = Math.max(this.told, room ?? 0);
    return this.room < this.told;
  }

  /** check sets everything up anew when nothing comes from the room any more: the server that comes back after a crash knows no connection. */
  async check() {
    const { out } = this;
    const before = await received(out);
    await new Promise((done) => setTimeout(done, quietLimit));
    if (!this.stopped && out === this.out && (await received(out)) === before) this.again();
  }

  /** again sets everything up anew: after a lost network, or when the room has moved to another machine. It gives what refused it. */
  async again() {
    if (this.stopped || this.trying) return undefined;
    this.trying = true;
    let refused;
    for (let attempt = 0; !this.stopped && !refused; attempt++) {
      try {
        if (this.late()) await this.renew();
        if (this.stopped) break;
        const rooms = await Promise.all([this.publish(), this.subscribe()]);
        this.room = Math.min(...rooms);
        if (!(this.room < Math.max(this.told, ...rooms))) break; // else it has moved meanwhile
      } catch (err) {
        if (["denied", "not-found", "unauthenticated", "invalid"].includes(err.kind)) refused = err;
      }
      if (!refused) await pause(attempt);
    }
    this.trying = false;
    return refused;
  }

  async replace(kind, track) {
    const sender = kind === "audio" ? this.audioSender : this.videoSender;
    if (kind === "video") this.camera = track;
    await sender?.replaceTrack(track);
  }

  async share(stream) {
    this.screen = stream;
    this.addScreen(this.out);
    await this.offer(this.out);
  }

  async unshare() {
    for (const track of this.screen?.getTracks() ?? []) track.stop();
    this.screen = null;
    try {
      if (this.late()) await this.renew();
      if (!this.stopped) await this.publish();
    } catch {
      await this.again(); // whose sound and picture nobody would have else
    }
  }

  stop() {
    this.stopped = true;
    this.in?.close();
    this.out?.close();
    for (const s of [this.local, this.screen]) for (const track of s?.getTracks() ?? []) track.stop();
  }
}

/** level calls f with the loudness of a stream, 0 to 1, some ten times a second, until the returned function is called. */
export function level(stream, f) {
  const ctx = new AudioContext();
  ctx.resume().catch(() => {}); // Safari begins it when asked, and may have to be asked by a person
  const node = ctx.createAnalyser();
  node.fftSize = 1024;
  ctx.createMediaStreamSource(stream).connect(node);
  const samples = new Float32Array(node.fftSize);
  const timer = setInterval(() => {
    node.getFloatTimeDomainData(samples);
    f(Math.min(1, 4 * Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)));
  }, 100);
  return () => {
    clearInterval(timer);
    if (ctx.state !== "closed") ctx.close();
  };
}

/** tone plays a short sound on a loudspeaker. */
export async function tone(sinkId) {
  const ctx = new AudioContext();
  ctx.resume().catch(() => {}); // before anything is awaited: Safari asks who has acted
  if (sinkId && ctx.setSinkId) await ctx.setSinkId(sinkId);
  const osc = ctx.createOscillator();
  const gain = ctx.createGain();
  gain.gain.value = 0.15;
  osc.frequency.value = 523;
  osc.connect(gain).connect(ctx.destination);
  osc.start();
  osc.stop(ctx.currentTime + 0.8);
  osc.onended = () => ctx.close();
}
