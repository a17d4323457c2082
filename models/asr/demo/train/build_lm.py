"""Builds the word bigram model that models/asr/demo embeds: `python3 build_lm.py OUT.bin SENTENCES SEED`.

Absolute discounting with interpolation; the text is the generator's, in the mix that the recogniser was trained on but with
fewer word lists. Layout: see lm.go.
"""
import collections
import math
import random
import struct
import sys

import numpy as np

import data
import textgen

WORDS = 30000
DISCOUNT = 0.7


def spelling(vocab, uni, q):
    """P(letter | three before it) inside a word, 1 (space) standing for its edges: a dense table of 31**4 bytes, Witten-Bell."""
    n = len(data.ALPHABET)
    full = np.zeros((n, n, n, n))
    for x in vocab:
        ids = [1, 1, 1] + [data.INDEX[c] for c in x] + [1]
        for i in range(3, len(ids)):
            full[tuple(ids[i - 3:i + 1])] += 1 + math.log(uni[x])
    p = full.sum((0, 1, 2)) + 1
    p = np.broadcast_to(p / p.sum(), (n, n, n, n))
    for c in (full.sum((0, 1), keepdims=True), full.sum(0, keepdims=True), full):
        kinds = (c > 0).sum(-1, keepdims=True)
        p = (c + kinds * p) / np.maximum(c.sum(-1, keepdims=True) + kinds, 1e-9) + (kinds == 0) * p
    return bytes(q(v) for v in p.reshape(-1))


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
        if a in index and b in index and c > 2:
            follow[index[a]][index[b]] = c
    total = sum(uni[x] for x in vocab)
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
        o.write(spelling(vocab, uni, q))
    print(len(vocab), "words", len(nexts), "bigrams", n, "sentences")


if __name__ == "__main__":
    main()
