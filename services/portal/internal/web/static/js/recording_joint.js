// Plays the tracks of a recording as one: each is a file of its own with its own beginning, and together they are the meeting.
// One clock leads; each element follows it, by a little more or less speed where it is a little off, by a jump where it is far off. Where
// one of them has nothing to play yet, all wait for it.

const every = 100; // ms between looks
const near = 0.03; // seconds that nobody hears or sees
const settled = 0.01; // a correction ends here
const far = 0.4; // too far to catch up
const nudge = 0.05; // of the speed
const ahead = 15; // seconds before its beginning a piece is fetched
const again = 2000; // ms before the first try again; then twice as long, up to
const rarely = 32000; // ms

/** Piece is one track on the common time, in seconds since the recording began. */
export class Piece {
  constructor(track, began, el) {
    this.track = track;
    this.el = el;
    this.from = (Date.parse(track.began_at) - began) / 1000;
    this.gaps = (track.gaps ?? []).map((g) => ({ from: this.from + g.from / 1000, to: this.from + g.to / 1000, reason: g.reason }));
    this.to = Math.max(this.from + track.millis / 1000, ...this.gaps.map((g) => g.to));
    this.failed = false;
    this.tried = 0;
    this.nudged = false;
  }

  covers(at) {
    return at >= this.from && at < this.to;
  }

  gap(at) {
    return this.gaps.find((g) => at >= g.from && at < g.to);
  }

  /** due: it has something to play now. */
  due(at) {
    return !this.failed && this.covers(at) && !this.gap(at);
  }

  /** follows: it is a later piece of the same source of the same person. */
  follows(p) {
    return this.from > p.from && this.track.participant_id === p.track.participant_id && this.track.source === p.track.source;
  }

  /** late: it is due and has not come yet. */
  late(at) {
    const e = this.el;
    return this.due(at) && !e.ended && (e.seeking || e.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) && !this.over(at);
  }

  /** over: the file ends before its time does, by a part of a frame. */
  over(at) {
    return this.el.duration > 0 && at - this.from > this.el.duration - 0.3;
  }
}

/** Joint plays pieces together. onTick is called whenever time or state may have moved, onFail with a piece that cannot be played. */
export class Joint {
  constructor(pieces, { onTick, onFail }) {
    Object.assign(this, { pieces, onTick, onFail, at: 0, rate: 1, playing: false, waits: [], blocked: false, unlocked: false });
    this.length = Math.max(0, ...pieces.map((p) => p.to));
    this.seen = performance.now();
    for (const p of pieces) {
      p.el.addEventListener("error", () => this.fail(p));
      p.el.addEventListener("canplay", () => {
        p.failed = false;
        p.tried = 0;
      });
      for (const e of ["canplay", "seeked", "ended", "waiting"]) p.el.addEventListener(e, () => this.tick());
    }
    setInterval(() => this.tick(), every);
  }

  /** fail goes on without a piece, and tries it again: a service that was away comes back. */
  fail(p) {
    p.failed = true;
    this.onFail(p);
    setTimeout(() => p.failed && p.el.load(), Math.min(again * 2 ** p.tried++, rarely));
  }

  play() {
    if (this.at >= this.length) this.at = 0;
    this.playing = true;
    this.blocked = false;
    this.seen = performance.now();
    this.unlock();
    this.tick();
  }

  /** unlock: in Safari each element plays only after a person has asked for it, and most of them are asked for later. */
  unlock() {
    if (this.unlocked) return;
    this.unlocked = true;
    for (const { el } of this.pieces) {
      if (el.readyState === HTMLMediaElement.HAVE_NOTHING && el.networkState !== HTMLMediaElement.NETWORK_LOADING) el.load();
      else {
        el.play().catch(() => {}); // it is paused again
        el.pause();
      }
    }
  }

  pause() {
    this.playing = false;
    this.tick();
  }

  seek(at) {
    this.at = Math.min(Math.max(0, at), this.length);
    this.tick();
  }

  tick() {
    const now = performance.now();
    if (this.playing && !this.waits.length) this.at = Math.min(this.at + ((now - this.seen) / 1000) * this.rate, this.length);
    this.seen = now;
    if (this.at >= this.length) this.playing = false;
    this.waits = this.playing ? this.pieces.filter((p) => p.late(this.at) && this.live(p)) : [];
    for (const p of this.pieces) this.lead(p);
    this.onTick();
  }

  /** live: it is what is played of its source now; of pieces that have the same time, the one that began last. */
  live(p) {
    return p.covers(this.at) && !this.pieces.some((o) => o.follows(p) && o.due(this.at));
  }

  /** lead brings one piece to where the clock is. */
  lead(p) {
    const e = p.el;
    if (p.failed) return;
    if (!this.live(p)) {
      if (!e.paused) e.pause();
      if (p.from > this.at && p.from - this.at < ahead) e.preload = "auto";
      return;
    }
    e.preload = "auto";
    const want = this.at - p.from;
    const off = e.currentTime - want;
    if (e.ended && (Math.abs(off) < 0.5 || p.over(this.at))) return;
    if (!this.playing) {
      if (!e.paused) e.pause();
      if (Math.abs(off) > near && !e.seeking) e.currentTime = want;
      return;
    }
    if (Math.abs(off) > far && !e.seeking) e.currentTime = want;
    if (this.waits.length) {
      if (!e.paused) e.pause();
      return;
    }
    if (e.paused) {
      e.play().catch((err) => {
        if (err.name !== "NotAllowedError") return; // it was paused again meanwhile
        this.blocked = true;
        this.pause();
      });
    }
    this.pace(p, off);
  }

  /** pace lets a piece that is a little behind or ahead run a little faster or slower until it is in step. */
  pace(p, off) {
    p.nudged = Math.abs(off) > (p.nudged ? settled : near) && Math.abs(off) <= far;
    const rate = this.rate * (p.nudged ? 1 - Math.sign(off) * nudge : 1);
    if (p.el.playbackRate !== rate) p.el.playbackRate = rate;
  }
}
