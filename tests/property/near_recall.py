#!/usr/bin/env python3
"""near_recall.py [DOCUMENTS [FILE.jsonl...]]: near duplicates against brute force.

Real documents (the conformance data, else made-up ones), half of them with planted edits of known
Jaccard similarity, 0.5 to 0.95. Every pair that dedup reports must have exactly the similarity that
it says, at least the threshold, and a keeper that was kept (precision 1); the share of planted pairs
that it finds must be what the bands promise, 1 - (1 - s^rows)^bands, within 1 % or, with few
documents, four standard deviations. 20,000 documents: near_recall.py 20000 FILE.jsonl
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DATA = os.environ.get("DATA") or "/nonexistent"
WORD = re.compile(r"[^\W_]+")
failed = number = 0


def check(name, problem):
    global failed, number
    number += 1
    failed += bool(problem)
    print(f"{'not ' if problem else ''}ok {number} - {name}")
    if problem:
        print(f"# {problem}")


def shingles(words):
    return {" ".join(words[i:i + 5]) for i in range(max(1, len(words) - 4))}


def documents(files):
    for path in files:
        if path.endswith(".zst"):
            lines = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout.splitlines()
        else:
            lines = open(path, "rb")
        for line in lines:
            r = json.loads(line)
            words = WORD.findall((r.get("text") or r.get("question") or "").lower())
            if words and all(w.isascii() for w in words):
                for i in range(0, max(1, len(words) - 60), 250):  # long ones give several
                    yield words[i:i + 250]


def made_up(rng):
    vocabulary = ["word%d" % i for i in range(20000)]
    while True:
        yield rng.choices(vocabulary, k=rng.randrange(60, 250))


def edited(words, rng):
    """A copy with words replaced, one after the other, until the similarity is below a random target."""
    target, mine, words = rng.uniform(0.5, 0.95), shingles(words), list(words)
    while True:
        before = list(words)
        words[rng.randrange(len(words))] = "edit%d" % rng.randrange(10**9)
        other = shingles(words)
        if len(mine & other) / len(mine | other) < target:
            return before if before != words and shingles(before) != mine else words


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    files = sys.argv[2:] or [p for p in (os.path.join(DATA, "corpora", n) for n in ("tldr.jsonl.zst",)) if os.path.exists(p)]
    rng = random.Random(20)
    source, seen, texts = documents(files), set(), []
    fallback = made_up(rng)
    while len(texts) < count // 2:
        words = next(source, None) or next(fallback)
        key = " ".join(words)
        if len(words) >= 60 and key not in seen:
            seen.add(key)
            texts.append(words)
    texts += [edited(t, rng) for t in texts]
    sets = [shingles(t) for t in texts]
    half = len(texts) // 2
    index = {}
    for i, s in enumerate(sets):
        for x in s:
            index.setdefault(x, []).append(i)
    with tempfile.TemporaryDirectory() as folder:
        path, dups, out = (os.path.join(folder, n) for n in ("in", "dups", "out"))
        with open(path, "w") as f:
            for i, t in enumerate(texts):
                f.write(json.dumps({"id": i, "text": " ".join(t)}) + "\n")
        subprocess.run([BUILD + "/bin/dedup", "--near", "0.5", "--bands", "14", "--rows", "8", "--dups", dups,
                        "-o", out, path], check=True)
        dropped = {d["id"]: d for d in map(json.loads, open(dups))}
        kept = [json.loads(line)["id"] for line in open(out)]
    check("every record is kept or dropped", kept != [i for i in range(len(texts)) if i not in dropped])
    wrong = []
    for i, d in dropped.items():
        a, b = sets[i], sets[d["dup_of"]]
        s = len(a & b) / len(a | b)
        if s < 0.5 or abs(s - d["similarity"]) > 1e-12 or d["dup_of"] in dropped or d["dup_of"] >= i:
            wrong.append((i, d, s))
    check(f"precision: {len(dropped) - len(wrong)}/{len(dropped)} reported pairs are exactly as similar as they say", wrong[:3])
    found = expected = variance = pairs = 0
    for i in range(half, len(texts)):
        if i - half in dropped:
            continue
        near = {k for x in sets[i] for k in index[x]} - {i, i - half}
        if any(len(sets[i] & sets[k]) / len(sets[i] | sets[k]) > 0.3 for k in near):
            continue  # another record may find it too
        s = len(sets[i] & sets[i - half]) / len(sets[i] | sets[i - half])
        if s < 0.5:
            continue
        p = 1 - (1 - s ** 8) ** 14
        pairs += 1
        found += i in dropped
        expected += p
        variance += p * (1 - p)
    off = (found - expected) / max(1, pairs)
    limit = max(0.01, 4 * variance ** 0.5 / max(1, pairs))
    check(f"recall: {found} of {pairs} planted pairs, the bands promise {expected:.1f} ({100 * off:+.2f} %, "
          f"limit {100 * limit:.2f} %)", pairs < count // 5 or abs(off) > limit)
    print(f"1..{number}")
    return 1 if failed else 0


sys.exit(main())
