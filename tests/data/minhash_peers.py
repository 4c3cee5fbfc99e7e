#!/usr/bin/env python3
"""minhash_peers.py > minhash_peers.jsonl: signatures of 16 permutations by the published formulas of
text-dedup, RedPajama-Data and NeMo Curator, computed with numpy, hashlib, regex and xxhash."""
import hashlib
import json
import string
import unicodedata

import numpy as np
import regex
import xxhash

N, PRIME = 16, (1 << 61) - 1
TEXTS = [
    "", "one", "one two three", "a b c d e", "Hello, World!  It's a test -- of WORDS_and 123 things.",
    "ΟΔΟΣ ΣΑΣ, İstanbul ẞ Ǆ ΑΣ. ὈΔΥΣΣΕΎΣ Σ Α'Σ", "naïve café résumé e\u0301 Å Ångström ﬁ ½ Ⓐⓑ \u200dx\u200c 한국어 テスト",
    " ".join(f"word{i % 17}" for i in range(60)), "日本語のテキスト。これは長い文章です、二十四文字より長い。そして終わり！",
    "tabs\tand\nnew lines\r\nand\u00a0no-break\u2003spaces  " * 4, "x" * 23, "y" * 24, "z" * 100,
]


def constants(seed, low_high, dtype, in_turn):
    rng = np.random.RandomState(seed)
    if not in_turn:
        return (rng.randint(1, low_high, size=N, dtype=dtype), rng.randint(0, low_high, size=N, dtype=dtype))
    pairs = [(rng.randint(1, low_high, dtype=dtype), rng.randint(0, low_high, dtype=dtype)) for _ in range(N)]
    return np.array(pairs, dtype=dtype).T


def sha1_32(b):
    return int.from_bytes(hashlib.sha1(b).digest()[:4], "little")


def minima(values, a, b):
    x = np.array(sorted(values), dtype=np.uint64).reshape(-1, 1)
    with np.errstate(over="ignore"):
        return [int(v) for v in ((x * a + b) % np.uint64(PRIME) & np.uint64(0xFFFFFFFF)).min(axis=0)]


def text_dedup(text, base):
    tokens = regex.split(r"\W", text.lower())
    if len(tokens) < 5:
        return []
    grams = {" ".join(tokens[i:i + 5]).lower().encode() for i in range(max(1, len(tokens) - 4))}
    return minima([base(g) for g in grams], *constants(42, PRIME, np.uint64, False))


def redpajama(text):
    text = text.translate(str.maketrans("", "", string.punctuation)).lower().strip()
    words = unicodedata.normalize("NFD", regex.sub(r"\s+", " ", text)).split()
    if len(words) < 13:
        return []
    grams = {" ".join(words[i:i + 13]).encode() for i in range(len(words) - 12)}
    return minima([sha1_32(g) for g in grams], *constants(42, PRIME, np.uint64, True))


def murmur(data, h):
    def mix(k):
        k = k * 0xCC9E2D51 & 0xFFFFFFFF
        return (k << 15 | k >> 17) * 0x1B873593 & 0xFFFFFFFF
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        h ^= mix(int.from_bytes(data[i:i + 4], "little"))
        h = ((h << 13 | h >> 19) & 0xFFFFFFFF) * 5 + 0xE6546B64 & 0xFFFFFFFF
    h ^= mix(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def curator(text):
    if not text:
        return []
    a, b = constants(42, (1 << 31) - 1, np.uint32, True)
    values = [murmur(text[i:i + 24].encode(), int(a[0])) for i in range(max(1, len(text) - 23))]
    return [min((v * int(a[k]) + int(b[k])) & 0xFFFFFFFF for v in values if v) for k in range(N)]


for t in TEXTS:
    for tool, sign in (("text-dedup", lambda t: text_dedup(t, sha1_32)),
                       ("text-dedup-xxh3", lambda t: text_dedup(t, lambda g: xxhash.xxh3_64_intdigest(g, 42) & 0xFFFFFFFF)),
                       ("redpajama", redpajama), ("curator", curator)):
        print(json.dumps({"tool": tool, "text": t, "signature": [str(v) for v in sign(t)]}))
