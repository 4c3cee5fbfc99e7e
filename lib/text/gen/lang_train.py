#!/usr/bin/env python3
"""lang_train.py: trains the language model of clean (lib/data/lang/model.bin). Needs numpy and scipy.

    lang_train.py --tldr tldr.jsonl --docs DIR --mo DIR -o lib/data/lang/model.bin

tldr.jsonl: pages of tldr-pages (CC BY 4.0) with members id, lang, text. DIR of --docs: docs-LANG.jsonl
with a member text (folders with ":" between): documentation of Debian packages, and the questions and
answers of GSM8K (MIT) for everyday English. DIR of --mo: a /usr/share/locale from the Debian
packages evolution-common, gimp-data, iso-codes, gnome-control-center-data, libgtk-3-common,
nautilus-data, gedit-common and epiphany-browser-data (GPL-2+, GPL-3+, LGPL-2.1+). Only counts of
hashed letter sequences go into the model; no text does.

The model is a linear classifier: score[l] = bias[l] + scale * mean over n-grams of weight[hash][l].
lang.h says what the n-grams are; features() here and lang.c must agree. Pages whose name falls into
the held-out tenth (held_out) are never trained on; the script prints the accuracy on them, and the
pairs of languages that are taken for each other."""
import argparse
import collections
import gettext
import glob
import hashlib
import json
import os
import random
import re
import struct
import sys
import unicodedata

import numpy as np
from scipy import sparse

BUCKETS = 23296
NGRAM_MAX = 4
MULTIPLIER = np.uint32(0x9E3779B1)
TLDR = ("ar bg bn bs ca cs da de el en es fa fi fr hi id it ja ko lo ml ne nl no pl pt_BR pt_PT ro ru sr"
        " sv ta th tr uk uz zh zh_TW").split()
MORE = "be et eu gl gu he hr hu hy is ka kk km kn lt lv mk mr my pa sk sl sq te ur vi".split()
LANGS = TLDR + MORE
DOCS = {"pt-br": "pt_BR", "pt": "pt_PT", "zh-cn": "zh", "zh-tw": "zh_TW"}
MO = {"zh_CN": "zh", "zh_Hans": "zh", "zh_TW": "zh_TW", "zh_HK": "zh_TW", "zh_Hant": "zh_TW", "pt": "pt_PT",
      "nb": "no", "nb_NO": "no", "bn_IN": "bn", "bn_BD": "bn", "pa_PK": "", "sr@latin": "sr", "en_GB": "en"}
SPACE = re.compile("[\t-\r\x1c-\x20]+")
CODE = set("/\\_{}<>=$@#|&*~^+0123456789")

FOLD = np.zeros(0x110000, np.uint32)
for cp in range(0x110000):
    c = chr(cp)
    if unicodedata.category(c)[0] in "LM":
        low = c.lower()
        FOLD[cp] = ord(low) if len(low) == 1 else cp


def folded(text):
    """Letters in lower case, one blank between words and at both ends; ASCII words that look like code
    are left out."""
    words = [w for w in SPACE.split(text) if not (w.isascii() and CODE.intersection(w))]
    cps = np.frombuffer(" ".join(words).encode("utf-32-le"), np.uint32)
    f = FOLD[cps]
    f = np.concatenate(([0], f, [0])).astype(np.uint32)
    keep = (f != 0) | (np.concatenate(([1], f[:-1])) != 0)
    return f[keep]


def features(text):
    f = folded(text)
    out = []
    n = len(f)
    with np.errstate(over="ignore"):
        for size in range(1, NGRAM_MAX + 1):
            if n < size:
                break
            h = np.zeros(n - size + 1, np.uint32)
            inner = np.ones(n - size + 1, bool)
            for k in range(size):
                c = f[k:n - size + 1 + k]
                h = (h ^ c) * MULTIPLIER
                if 0 < k < size - 1:
                    inner &= c != 0
            if size == 1:
                inner = f >= 0x250
            if size == 2:
                inner = (f[:-1] != 0) | (f[1:] != 0)
            h = h[inner]
            h = (h ^ (h >> np.uint32(15))) * MULTIPLIER
            out.append((h.astype(np.uint64) * BUCKETS >> np.uint64(32)).astype(np.int32))
    return np.concatenate(out) if out else np.zeros(0, np.int32)


def held_out(name):
    return hashlib.sha256(name.encode()).digest()[0] % 10 == 0


def read_tldr(path):
    train, test = collections.defaultdict(list), []
    with open(path, encoding="utf-8") as f:
        for line in f:
            r = json.loads(line)
            name = r["id"].rsplit("/", 1)[1]
            lang = "no" if r["lang"] == "nb" else r["lang"]
            if held_out(name):
                test.append((r["text"], lang))
            else:
                train[lang].append(r["text"])
    return train, test


def read_docs(folder):
    texts = collections.defaultdict(list)
    for path in sorted(glob.glob(os.path.join(folder, "docs-*.jsonl"))):
        lang = os.path.basename(path)[5:-6]
        lang = DOCS.get(lang, lang)
        size = 0
        with open(path, encoding="utf-8") as f:
            for i, line in enumerate(f):
                if i % (20 if size > 2_000_000 else 1) == 0:
                    text = json.loads(line)["text"][:20000]
                    size += len(text)
                    texts[lang].append(text)
                if size > 4_000_000:
                    break
    return texts


def read_mo(folder):
    texts = collections.defaultdict(list)
    for path in sorted(glob.glob(os.path.join(folder, "*/LC_MESSAGES/*.mo"))):
        lang = path.split("/")[-3]
        lang = MO.get(lang, lang)
        if lang not in LANGS:
            continue
        with open(path, "rb") as f:
            try:
                catalog = gettext.GNUTranslations(f)._catalog
            except (OSError, UnicodeDecodeError, ValueError):
                continue
        lines = [v.replace("_", "").replace("&", "") for k, v in sorted(catalog.items(), key=str)
                 if isinstance(v, str) and k and v != k and len(v) > 3]
        for i in range(0, len(lines), 40):
            texts[lang].append("\n".join(lines[i:i + 40]))
    return texts


def samples(tldr, docs, mo, per_lang, rng):
    for number, lang in enumerate(LANGS):
        pages = tldr.get(lang, [])
        pools = [p for p in (pages, docs.get(lang, []), mo.get(lang, [])) if p]
        count = collections.Counter()
        # English is the language that others are mixed with.
        for i in range(per_lang * (5 if lang == "en" else 1)):
            pool = pages if pages and i % 3 == 0 else pools[i // 3 % len(pools)]
            text = rng.choice(pool)
            count[len(pool)] += 1
            if not (pool is pages and i % 2 == 0):
                length = int(10 ** rng.uniform(1.3, 2.9))
                start = rng.randrange(max(1, len(text) - length))
                start = text.find(" ", start) + 1 if start and " " in text[start:start + 30] else start
                text = text[start:start + length]
            yield text, number


def matrix(pairs):
    indptr, indices, labels = [0], [], []
    for text, label in pairs:
        f = features(text)
        if len(f):
            indices.append(f)
            indptr.append(indptr[-1] + len(f))
            labels.append(label)
    data = np.concatenate([np.full(b - a, 1 / (b - a), np.float32) for a, b in zip(indptr, indptr[1:])])
    x = sparse.csr_matrix((data, np.concatenate(indices), indptr), (len(labels), BUCKETS), np.float32)
    x.sum_duplicates()
    return x, np.array(labels)


def train(x, y, epochs, rng):
    n, k = x.shape[0], len(LANGS)
    w, b = np.zeros((BUCKETS, k), np.float32), np.zeros(k, np.float32)
    m, v = np.zeros_like(w), np.zeros_like(w)
    batch, step = 1024, 0
    for epoch in range(epochs):
        rate = 0.5 * (1 - epoch / epochs) + 0.02
        order, loss = rng.permutation(n), 0.0
        for i in range(0, n, batch):
            rows = order[i:i + batch]
            xb, yb = x[rows], y[rows]
            z = xb @ w + b
            z -= z.max(1, keepdims=True)
            p = np.exp(z)
            p /= p.sum(1, keepdims=True)
            loss -= np.log(p[np.arange(len(yb)), yb] + 1e-9).sum()
            p[np.arange(len(yb)), yb] -= 1
            g = (xb.T @ p) / len(yb) + 2e-8 * w
            step += 1
            m = 0.9 * m + 0.1 * g
            v = 0.99 * v + 0.01 * g * g
            w -= rate * (m / (1 - 0.9 ** step)) / (np.sqrt(v / (1 - 0.99 ** step)) + 1e-6)
        print(f"epoch {epoch}: loss {loss / n:.4f}", file=sys.stderr, flush=True)
    return w, b


def quantize(w):
    limit = np.quantile(np.abs(w), 0.9995)
    scale = limit / 127
    return np.clip(np.rint(w / scale), -127, 127).astype(np.int8), np.float32(scale)


def temperature(x, y, q, scale, b):
    """The factor for all scores that makes the probabilities of held-out pieces the most likely."""
    z = (x @ q.astype(np.float32)) * scale + b
    best = (1e9, 1.0)
    for t in np.arange(0.5, 12, 0.1):
        s = z * t
        s -= s.max(1, keepdims=True)
        loss = (np.log(np.exp(s).sum(1)) - s[np.arange(len(y)), y]).mean()
        best = min(best, (loss, t))
    return np.float32(best[1])


def report(name, x, y, q, scale, b):
    z = (x @ q.astype(np.float32)) * scale + b
    got = z.argmax(1)
    wrong = collections.Counter((LANGS[t], LANGS[g]) for t, g in zip(y, got) if t != g)
    print(f"{name}: {(got == y).mean() * 100:.2f} % of {len(y)} right")
    per = [(got[y == k] == k).mean() * 100 if (y == k).any() else 100 for k in range(len(LANGS))]
    print("  below 95 %: " + ", ".join(f"{LANGS[k]} {p:.1f}" for k, p in enumerate(per) if p < 95))
    print("  taken for: " + ", ".join(f"{t}>{g} {c}" for (t, g), c in wrong.most_common(14)))


def main():
    parser = argparse.ArgumentParser()
    for name in ("--tldr", "--docs", "--mo", "-o"):
        parser.add_argument(name, required=True)
    parser.add_argument("--per-lang", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    rng = random.Random(7)
    tldr, test = read_tldr(args.tldr)
    docs, mo = collections.defaultdict(list), read_mo(args.mo)
    for folder in args.docs.split(":"):
        for lang, texts in read_docs(folder).items():
            docs[lang] += texts
    mix = list(samples(tldr, docs, mo, args.per_lang, rng))
    rng.shuffle(mix)
    cut = len(mix) // 50
    x, y = matrix(mix[cut:])
    w, b = train(x, y, args.epochs, np.random.default_rng(7))
    q, scale = quantize(w)
    pieces = matrix(mix[:cut])
    heat = temperature(*pieces, q, scale, b)
    print(f"temperature {heat:.2f}")
    scale, b = scale * heat, b * heat
    report("held-out tldr pages", *matrix((t, LANGS.index(lang)) for t, lang in test), q, scale, b)
    report("held-out pieces", *pieces, q, scale, b)
    labels = "\n".join(LANGS).encode() + b"\n"
    with open(args.o, "wb") as f:
        f.write(b"MRLANG1\n" + struct.pack("<IIIfI", len(LANGS), BUCKETS, NGRAM_MAX, scale, len(labels)) + labels)
        f.write(b.astype("<f4").tobytes() + q.tobytes())
    print(f"{args.o}: {os.path.getsize(args.o)} bytes")


if __name__ == "__main__":
    main()
