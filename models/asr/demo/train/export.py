"""Writes the weights file that models/asr/demo embeds, and golden vectors for its test.

`python3 export.py CHECKPOINT WEIGHTS.bin [GOLDEN.bin]`. Layout of the weights, little endian: "SDAS", uint32 version 1,
uint32 C H IN OUT TAPS BLOCKS, BLOCKS × uint32 right taps, then the tensors in the order of `tensors`. A matrix is rows × (float32
scale), rows × columns int8; its columns are padded to a multiple of 32 with zeros. Everything else is float32.
"""
import struct
import sys

import numpy as np
import torch

import data
import feats
import model


WHICH = "net"  # or "ema", their moving average: better in the middle of a run, worse at its end


def tensors(sd):
    """(name, array, is_matrix) in file order."""
    yield "inp.weight", True
    yield "inp.bias", False
    for i in range(len(model.AHEAD)):
        p = f"blocks.{i}."
        for n in ("w", "bias", "g", "b"):
            yield p + n, False
        yield p + "up.weight", True
        yield p + "up.bias", False
        yield p + "down.weight", True
        yield p + "down.bias", False
    yield "g", False
    yield "b", False
    yield "out.weight", True
    yield "out.bias", False


def quantise(w):
    """Rows to int8 with a scale each; the scale (of a few) with the least squared error."""
    best_s, best_e, best_q = None, None, None
    for f in (1.0, 0.95, 0.9, 0.85, 0.8):
        s = np.abs(w).max(1) * f / 127 + 1e-12
        q = np.clip(np.rint(w / s[:, None]), -127, 127)
        e = ((q * s[:, None] - w) ** 2).sum(1)
        if best_e is None:
            best_s, best_e, best_q = s, e, q
            continue
        m = e < best_e
        best_s, best_e, best_q = np.where(m, s, best_s), np.where(m, e, best_e), np.where(m[:, None], q, best_q)
    return best_s.astype(np.float32), best_q.astype(np.int8)


def main():
    ck = torch.load(sys.argv[1], map_location="cpu")
    sd = {k: v.float().numpy() for k, v in ck[WHICH].items()}
    back = {}
    with open(sys.argv[2], "wb") as f:
        f.write(b"SDAS" + struct.pack("<7I", 1, model.C, model.H, model.IN, model.OUT, model.TAPS, len(model.AHEAD)))
        f.write(struct.pack(f"<{len(model.AHEAD)}I", *model.AHEAD))
        for name, matrix in tensors(sd):
            w = sd[name]
            if not matrix:
                f.write(w.astype("<f4").tobytes())
                back[name] = torch.from_numpy(w)
                continue
            s, q = quantise(w)
            f.write(s.astype("<f4").tobytes())
            f.write(np.pad(q, ((0, 0), (0, -q.shape[1] % 32))).tobytes())
            back[name] = torch.from_numpy(q.astype(np.float32) * s[:, None])
    if len(sys.argv) > 3:
        golden(sys.argv[3], back)
    print("step", ck["step"])


def golden(path, weights):
    """Samples, features, and logits in float32 throughout (the network as Go computes it)."""
    rng = np.random.default_rng(5)
    n = 8000
    t = np.arange(n) / 8000
    x = 3000 * np.sin(2 * np.pi * (200 + 1500 * t) * t) * (np.sin(2 * np.pi * 3 * t) > -0.3) + 200 * rng.standard_normal(n)
    x = np.rint(x).astype(np.int16)
    f = feats.logmel(x.astype(np.float32) / 32768)
    k = len(f) // 3
    lin = torch.nn.functional.linear
    h = lin(torch.from_numpy(f[:3 * k].reshape(1, k, 120)), weights["inp.weight"], weights["inp.bias"])
    for i, a in enumerate(model.AHEAD):
        w = {n: weights[f"blocks.{i}.{n}"] for n in ("w", "bias", "g", "b", "up.weight", "up.bias", "down.weight", "down.bias")}
        p = torch.nn.functional.pad(h.transpose(1, 2), (model.TAPS - 1 - a, a))
        y = torch.nn.functional.conv1d(p, w["w"].t().unsqueeze(1), w["bias"], groups=model.C).transpose(1, 2)
        y = torch.nn.functional.layer_norm(y, (model.C,), w["g"], w["b"], 1e-5)
        h = h + lin(lin(y, w["up.weight"], w["up.bias"]).relu(), w["down.weight"], w["down.bias"])
    h = torch.nn.functional.layer_norm(h, (model.C,), weights["g"], weights["b"], 1e-5)
    lg = lin(h, weights["out.weight"], weights["out.bias"])[0].numpy()
    with open(path, "wb") as o:
        o.write(struct.pack("<3I", n, len(f), len(lg)))
        o.write(x.astype("<i2").tobytes() + f.astype("<f4").tobytes() + lg.astype("<f4").tobytes())


if __name__ == "__main__":
    main()
