"""Makes training batches: clips with pauses on a 12.3 s line, noise, telephone band, A-law, gain, features, masks."""
import glob
import json
import os
import random

import numpy as np
from scipy.signal import butter, sosfilt

import feats

FRAMES = 410
SAMPLES = FRAMES * feats.STACK * feats.HOP + feats.WIN - feats.HOP
ALPHABET = "_ abcdefghijklmnopqrstuvwxyzæøå"  # index 0 is CTC's blank
INDEX = {c: i for i, c in enumerate(ALPHABET) if c != "_"}
MAXLEN = 330


def alaw_table():
    """int16 → A-law → int16 for every value (G.711)."""
    s = np.arange(-32768, 32768)
    a = np.minimum(np.abs(s) >> 3, 4095)  # 12-bit magnitude; the first 64 values share a step of 2
    sh = np.where(a < 64, 1, np.floor(np.log2(np.maximum(a, 1))).astype(int) - 4)
    q = (a >> sh << sh) + (1 << (sh - 1))
    return (np.where(s < 0, -q, q) << 3).clip(-32768, 32767).astype(np.int16)


ALAW = alaw_table()


def alaw(x):
    return ALAW[x.astype(np.int32) + 32768]


def noises(rng, clips):
    """About a minute of each kind, RMS 1."""
    n = 8000 * 50
    w = rng.standard_normal(n)
    f = np.fft.rfftfreq(n, 1 / 8000)
    out = [w]
    for p in (0.5, 0.5, 1.0, 1.5):
        out.append(np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) / np.maximum(f, 20) ** p, n))
    t = np.arange(n) / 8000
    for base in (50, 50.2, 100):
        out.append(sum(rng.uniform(0.1, 1) / k * np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) for k in range(1, 20)) + 0.01 * w)
    for _ in range(3):  # slow traffic-like swells
        env = np.interp(np.arange(n), np.arange(0, n + 4000, 4000), rng.uniform(0.05, 1, n // 4000 + 2)[:len(np.arange(0, n + 4000, 4000))])
        out.append(env * np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) / np.maximum(f, 60) ** rng.uniform(.3, 1.2), n))
    for _ in range(2):  # clicks, keys, crackle
        x = 0.005 * rng.standard_normal(n)
        for at in rng.integers(0, n - 400, 500):
            k = rng.integers(10, 300)
            x[at:at + k] += rng.uniform(0.1, 1) * rng.standard_normal(k) * np.exp(-np.arange(k) / (k / 4))
        out.append(x)
    tones = 0.003 * rng.standard_normal(n)  # call progress and keypad tones
    at = 0
    while at < n - 16000:
        k = int(rng.integers(600, 8000))
        fs = [[425], [425], [rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477])], [rng.uniform(200, 3000)]][rng.integers(0, 4)]
        for fr in fs:
            tones[at:at + k] += rng.uniform(0.2, 1) * np.sin(2 * np.pi * fr * t[:k])
        at += k + int(rng.integers(400, 8000))
    out.append(tones)
    for _ in range(2):  # babble of five
        x = np.zeros(n)
        for _ in range(6):
            at = 0
            while at < n:
                c = clips[rng.integers(0, len(clips))].astype(np.float64)
                c = c[:n - at]
                x[at:at + len(c)] += c * rng.uniform(0.3, 1) / (np.sqrt(np.mean(c ** 2)) + 1)
                at += len(c) + 800
        out.append(x)
    return [(x / np.sqrt(np.mean(x ** 2))).astype(np.float32) for x in out]


class Batches:
    """Endless batches from the shards that exist; new shards are found as they appear."""

    def __init__(self, folder, seed, size):
        self.folder, self.size = folder, size
        self.rng, self.np = random.Random(seed), np.random.default_rng(seed)
        self.shards, self.pool, self.order = {}, [], []
        self.noise = None
        self.bands = [butter(4, [lo, hi], "band", fs=8000, output="sos").astype(np.float64)
                      for lo, hi in [(300, 3400), (300, 3400), (250, 3400), (200, 3500), (350, 3300), (150, 3600), (400, 3000)]]

    def look(self):
        for j in sorted(glob.glob(self.folder + "/*.json")):
            if j in self.shards:
                continue
            a = np.load(j[:-5] + ".npy", mmap_mode="r")
            self.shards[j] = a
            self.pool += [(j, at, n, text) for at, n, text in json.load(open(j))]
        if self.noise is None:
            self.noise = noises(self.np, [self.clip(self.rng.choice(self.pool))[0] for _ in range(200)])

    def clip(self, e):
        j, at, n, text = e
        return np.asarray(self.shards[j][at:at + n]), text

    def next_entry(self):
        if not self.order:
            self.look()
            self.order = list(range(len(self.pool)))
            self.rng.shuffle(self.order)
            self.order = self.order[:20000]
        return self.pool[self.order.pop()]

    def line(self):
        """One example before noise: float32 samples and text."""
        r = self.rng
        x, texts = np.zeros(SAMPLES, np.float32), []
        if r.random() < 0.04:
            return x, ""
        at = int(r.choice([0, r.uniform(0, 4000), r.uniform(0, 8000), r.uniform(0, 40000) if r.random() < 0.15 else 1600]))
        gain = None
        for _ in range(12):
            e = self.next_entry()
            if at + e[2] > SAMPLES - 1600:
                if SAMPLES - at < 16000 or r.random() < 0.5:
                    break
                continue
            c, text = self.clip(e)
            c = c.astype(np.float32)
            if gain is None or r.random() < 0.3:
                gain = 10 ** (r.triangular(-30, 0, -8) / 20) * 0.9 / (np.abs(c).max() / 32768 + 1e-3)
            x[at:at + len(c)] += c * (gain / 32768)
            texts.append(text)
            at += len(c) + int(r.choice([r.uniform(400, 2400), r.uniform(1600, 6400), r.uniform(3200, 16000)]))
        return x, " ".join(texts)

    def example(self):
        r = self.rng
        x, text = self.line()
        k = r.random()
        if k > 0.22:
            nz = r.choice(self.noise)
            s = r.randint(0, len(nz) - SAMPLES)
            if text:
                level = np.sqrt(np.mean(x[np.abs(x) > 1e-4] ** 2) + 1e-12) if np.any(np.abs(x) > 1e-4) else 0.05
                snr = r.triangular(4, 45, 20)
                x = x + nz[s:s + SAMPLES] * np.float32(level * 10 ** (-snr / 20))
            else:
                x = x + nz[s:s + SAMPLES] * np.float32(10 ** (r.uniform(-65, -8) / 20))
        if r.random() < 0.15:  # a stretch cut to digital silence where nothing was said is silent already; here: noise gating
            x[np.abs(x) < 0.002] = 0
        if r.random() < 0.65:
            x = sosfilt(r.choice(self.bands), x).astype(np.float32)
        q = np.clip(np.rint(x * 32768), -32768, 32767).astype(np.int16)
        if r.random() < 0.55:
            q = alaw(q)
        return q, text

    def next(self):
        """features [size, FRAMES, 120] float32, targets [size, MAXLEN] int32, lengths [size]."""
        xs = np.zeros((self.size, SAMPLES), np.float32)
        tg, ln = np.zeros((self.size, MAXLEN), np.int32), np.zeros(self.size, np.int32)
        for i in range(self.size):
            q, text = self.example()
            xs[i] = q
            ids = [INDEX[c] for c in text if c in INDEX][:MAXLEN]
            tg[i, :len(ids)], ln[i] = ids, len(ids)
        f = feats.logmel(xs / 32768)
        self.mask(f)
        return f.reshape(self.size, FRAMES, feats.STACK * feats.MELS), tg, ln

    def mask(self, f):
        """Light SpecAugment: up to 2 bands of up to 5 mels, up to 2 stretches of up to 120 ms, for half of the examples."""
        r = self.rng
        for i in range(len(f)):
            if r.random() < 0.5:
                continue
            for _ in range(r.randint(0, 2)):
                w = r.randint(1, 5)
                m = r.randint(0, feats.MELS - w)
                f[i, :, m:m + w] = f[i, :, m:m + w].mean()
            for _ in range(r.randint(0, 2)):
                w = r.randint(2, 12)
                t = r.randint(0, f.shape[1] - w)
                f[i, t:t + w] = f[i].mean()
