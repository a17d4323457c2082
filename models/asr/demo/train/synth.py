"""Synthesises clips with libespeak-ng in process and writes shards for training.

`python3 synth.py OUT SEED FIRST COUNT`: shards of CLIPS sentences, 8 kHz int16, each with its text, voice and source kind.
"""
import ctypes
import json
import os
import random
import sys
import time

import numpy as np
from scipy.signal import resample_poly

import textgen

CLIPS = 500
# Voices never used in training: two ordinary built-in ones and two with a name.
HELD_OUT = ["f4", "m5", "Andrea", "Lee"]
ORDINARY = ["", "", "f1", "f2", "f3", "f5", "m1", "m2", "m3", "m4", "m6", "m7", "m8"]
OTHERS = ["adam", "Alex", "Alicia", "Andy", "Annie", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david",
          "Denis", "Diogo", "ed", "edward", "edward2", "Gene", "Gene2", "Henrique", "Hugo", "iven", "iven2", "iven3", "Jacky",
          "john", "linda", "marcelo", "Marco", "Mario", "max", "Michael", "michel", "miguel", "mike", "Mr serious", "Nguyen",
          "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph", "steph2", "steph3", "travis",
          "victor", "zac", "anika", "grandma", "grandpa", "norbert", "klatt", "klatt2", "klatt3", "klatt4", "RicishayMax"]
# 22,050 Hz → 8 kHz is 0.3628; near fractions change speed and formants by up to 10%.
RATIOS = [(1, 3), (7, 20), (6, 17), (9, 25), (4, 11), (4, 11), (4, 11), (7, 19), (3, 8), (5, 13), (2, 5)]


class Espeak:
    """One libespeak-ng in this process. Not safe for threads."""

    def __init__(self):
        self.lib = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self.lib.espeak_Initialize(2, 0, None, 0)  # AUDIO_OUTPUT_SYNCHRONOUS
        cb = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.parts = []
        self.cb = cb(self._got)
        self.lib.espeak_SetSynthCallback(self.cb)

    def _got(self, wav, n, _events):
        if wav and n > 0:
            self.parts.append(np.ctypeslib.as_array(wav, (n,)).copy())
        return 0

    def say(self, text, voice="da", rate=170, pitch=50, spread=50):
        """int16 at self.rate, silence at both ends cut."""
        if self.lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError("no voice " + voice)
        for k, v in ((1, rate), (3, pitch), (4, spread)):
            self.lib.espeak_SetParameter(k, v, 0)
        self.parts = []
        b = text.encode()
        self.lib.espeak_Synth(b, len(b) + 1, 0, 1, 0, 1, None, None)
        if not self.parts:
            return np.zeros(0, np.int16)
        x = np.concatenate(self.parts)
        on = np.flatnonzero(np.abs(x.astype(np.int32)) > 60)
        return x[on[0]:on[-1] + 1] if len(on) else x[:0]


def punctuate(text, kind, rng):
    """Commas now and then, so that espeak pauses inside a sentence; digits get more."""
    words = text.split()
    p = {"number": 0.12, "words": 0.1}.get(kind, 0.05)
    out = " ".join(w + ("," if i < len(words) - 1 and rng.random() < p else "") for i, w in enumerate(words))
    return out + rng.choice([".", ".", "?", ""])


def draw(rng):
    v = rng.choice(ORDINARY) if rng.random() < 0.55 else rng.choice(OTHERS)
    return dict(voice="da+" + v if v else "da", rate=int(rng.triangular(115, 260, 170)), pitch=rng.randint(20, 80), spread=rng.randint(20, 80))


def to8k(x, ratio=(160, 441)):
    y = resample_poly(x.astype(np.float32), *ratio)
    return np.clip(np.rint(y), -32768, 32767).astype(np.int16)


def shard(es, path, seed):
    rng = random.Random(seed)
    w = textgen.Writer(rng)
    clips, index, at = [], [], 0
    while len(index) < CLIPS:
        kind, text = w.sentence()
        v = draw(rng)
        x = to8k(es.say(punctuate(text, kind, rng), **v), rng.choice(RATIOS))
        if not 1200 < len(x) < 8000 * 11:
            continue
        clips.append(x)
        index.append([at, len(x), text])
        at += len(x)
    np.save(path + ".npy", np.concatenate(clips))
    with open(path + ".tmp", "w") as f:
        json.dump(index, f, ensure_ascii=False)
    os.rename(path + ".tmp", path + ".json")
    return at / 8000


def main():
    out, seed, first, count = sys.argv[1], *map(int, sys.argv[2:5])
    os.makedirs(out, exist_ok=True)
    es, t0, total = Espeak(), time.time(), 0
    for i in range(first, first + count):
        total += shard(es, f"{out}/s{i:05d}", seed + i)
        print(f"shard {i} total {total / 3600:.2f} h, {total / (time.time() - t0):.0f}x real time", flush=True)


if __name__ == "__main__":
    main()
