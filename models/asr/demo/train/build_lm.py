"""Builds the word bigram model that models/asr/demo embeds: `python3 build_lm.py OUT.bin SENTENCES SEED`.

Absolute discounting with interpolation; the text is the generator's, in the mix that the recogniser was trained on but with
fewer word lists. Layout: see lm.go.
"""
import collections
import random
import struct
import sys

import data
import textgen

WORDS = 30000
DISCOUNT = 0.7


def main():
    out, n, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    w = textgen.Writer(random.Random(seed))
    uni, bi = collections.Counter(), collections.Counter()
    for _ in range(n):
        kind, text = w.sentence()
        words = text.split()
        uni.update(words)
        if kind == "words":
            continue
        bi.update(zip(["<s>"] + words, words))
    code = lambda s: bytes(data.INDEX[c] for c in s)
    vocab = sorted((x for x, c in uni.most_common(WORDS) if c > 1), key=code)
    index = {x: i for i, x in enumerate(vocab)}
    index["<s>"] = len(vocab)
    follow = collections.defaultdict(dict)
    for (a, b), c in bi.items():
        if a in index and b in index and c > 1:
            follow[index[a]][index[b]] = c
    total = sum(uni[x] for x in vocab)
    import math
    q = lambda p: max(0, min(255, round(-12 * math.log(max(p, 1e-30)))))
    # interpolation with a flat part, so that words of the lists keep some chance
    unigram = [0.9 * uni[x] / total + 0.1 / len(vocab) for x in vocab]
    backoff, counts, nexts, probs = [], [], [], []
    hist = collections.Counter()
    for (a, b), c in bi.items():
        hist[a] += c
    for i, x in enumerate(vocab + ["<s>"]):
        f, h = follow[i], hist[x]
        rest = 1.0 if h == 0 else 1 - sum(c - DISCOUNT for c in f.values()) / (h + 5)
        backoff.append(q(rest))
        counts.append(len(f))
        for j in sorted(f):
            nexts.append(j)
            probs.append(q((f[j] - DISCOUNT) / (h + 5) + rest * unigram[j]))
    with open(out, "wb") as o:
        o.write(b"SDLM" + struct.pack("<2I", len(vocab), len(nexts)))
        for x in vocab:
            o.write(bytes([len(x)]) + code(x))
        o.write(bytes(q(p) for p in unigram) + bytes(backoff))
        o.write(struct.pack(f"<{len(counts)}I", *counts))
        o.write(struct.pack(f"<{len(nexts)}I", *nexts))
        o.write(bytes(probs))
    print(len(vocab), "words", len(nexts), "bigrams", n, "sentences")


if __name__ == "__main__":
    main()
