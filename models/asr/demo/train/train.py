"""Trains the network: `python3 train.py SHARDS OUT --until HH:MM` (UTC; the rate falls to zero at that time).

The length of the run is a wall-clock time because the time for it was given, not a number of steps: the rate
rises over two minutes, holds, and falls as a cosine over the last part. Checkpoints every five minutes hold the weights and their moving average.
"""
import argparse
import math
import os
import time

import numpy as np
import torch

import data
import model


def wer(ref, hyp):
    """(errors, words) by edit distance over words."""
    r, h = ref.split(), hyp.split()
    d = list(range(len(h) + 1))
    for i, a in enumerate(r, 1):
        prev, d[0] = d[0], i
        for j, b in enumerate(h, 1):
            prev, d[j] = d[j], min(d[j] + 1, d[j - 1] + 1, prev + (a != b))
    return d[-1], len(r)


def seconds_until(hhmm):
    h, m = map(int, hhmm.split(":"))
    now = time.gmtime()
    return ((h * 60 + m) * 60 - (now.tm_hour * 3600 + now.tm_min * 60 + now.tm_sec)) % 86400


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("shards")
    ap.add_argument("out")
    ap.add_argument("--until", default="04:00")
    ap.add_argument("--rate", type=float, default=2e-3)
    ap.add_argument("--batch", type=int, default=20)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--resume")
    ap.add_argument("--steps", type=int, default=1 << 30)
    a = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    net = model.Net()
    print("parameters", sum(p.numel() for p in net.parameters()), flush=True)
    decay = [p for p in net.parameters() if p.dim() > 1]
    rest = [p for p in net.parameters() if p.dim() <= 1]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0}], lr=a.rate,
                            betas=(0.9, 0.98), eps=1e-8, foreach=False)
    step0 = 0
    if a.resume:
        ck = torch.load(a.resume)
        net.load_state_dict(ck["net"])
        opt.load_state_dict(ck["opt"])
        step0 = ck["step"]
    ema = {k: v.clone() for k, v in net.state_dict().items()}
    batches = data.Batches(a.shards, a.seed, a.batch)
    batches.look()
    os.makedirs(a.out, exist_ok=True)
    begin, total = time.time(), seconds_until(a.until)
    step, last, saved, acc, e, w = step0, time.time(), time.time(), [], 0, 0
    while True:
        el = time.time() - begin
        if el >= total or step - step0 >= a.steps:
            break
        up = min(1.0, (el + 5) / 120) if not a.resume else min(1.0, (el + 5) / 20)
        frac = el / total
        lr = a.rate * up * (1.0 if frac < 0.35 else 0.5 * (1 + math.cos(math.pi * (frac - 0.35) / 0.65)))
        for g in opt.param_groups:
            g["lr"] = lr
        f, tg, ln = batches.next()
        logits = net(torch.from_numpy(f))
        loss = model.CTC.apply(logits, tg, ln)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        if not math.isfinite(float(norm)):
            print("skipped a step with a gradient of", float(norm), flush=True)
            continue
        opt.step()
        step += 1
        if step % 10 == 0:
            k = min(0.995, step / (step + 50))
            with torch.no_grad():
                for n, v in net.state_dict().items():
                    ema[n].mul_(k).add_(v, alpha=1 - k)
        acc.append(float(loss))
        if step % 100 == 0:
            hyp = model.greedy(logits.detach(), data.ALPHABET)
            refs = ["".join(data.ALPHABET[i] for i in tg[j, :ln[j]]) for j in range(len(hyp))]
            pairs = [wer(r, h) for r, h in zip(refs, hyp)]
            now = time.time()
            hours = step * a.batch * data.FRAMES * 0.03 / 3600
            print(f"{time.strftime('%H:%M:%S', time.gmtime())} step {step} hours {hours:.1f} loss {np.mean(acc):.3f} "
                  f"batch wer {sum(p[0] for p in pairs) / max(1, sum(p[1] for p in pairs)):.3f} norm {float(norm):.2f} lr {lr:.1e} "
                  f"{100 * a.batch * data.FRAMES * 0.03 / (now - last):.0f}x pool {len(batches.pool)}", flush=True)
            if step % 500 == 0:
                print("  ref", refs[0][:110], "\n  hyp", hyp[0][:110], flush=True)
            last, acc = now, []
        if time.time() - saved > 300:
            save(a.out, net, opt, ema, step)
            saved = time.time()
    save(a.out, net, opt, ema, step)


def save(out, net, opt, ema, step):
    torch.save({"net": net.state_dict(), "opt": opt.state_dict(), "ema": ema, "step": step}, out + "/tmp.pt")
    os.rename(out + "/tmp.pt", f"{out}/last.pt")


if __name__ == "__main__":
    main()
