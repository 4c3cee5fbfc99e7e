#!/usr/bin/env python3
"""dedup_substring.py: dedup --substring against brute force. Prints TAP.

Random collections with planted repeats, in bytes, code points and words, keeping the first or none:
the ranges and the cut texts must be those of a dictionary of all windows, at -j1 and -j4, and in so
little memory that the collection is searched in many parts. Then the recorded cases of
deduplicate-text-datasets.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DATA = os.path.join(os.environ.get("DATA") or "/nonexistent", "data-prep")
DEDUP = os.path.abspath(os.path.join(BUILD, "bin/dedup"))
number = 0


def result(name, problems, skip=None):
    global number
    number += 1
    print(f"{'not ok' if problems else 'ok'} {number} - {name}" + (f" # SKIP {skip}" if skip else ""))
    for p in problems[:5]:
        print("#", str(p)[:400])


def run(texts, args, report=None):
    data = "".join(json.dumps({"id": i, "text": t}, ensure_ascii=False) + "\n"
                   for i, t in enumerate(texts)).encode()
    p = subprocess.run([DEDUP] + args + (["--report", report] if report else []), input=data,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if p.returncode:
        raise RuntimeError(f"{args}: exit {p.returncode}: {p.stderr.decode()[-300:]}")
    return [json.loads(l) for l in p.stdout.decode().split("\n")[:-1]]


# ---- brute force: every window in a dictionary

SPACES = set("\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u2028\u2029\u3000\0")


def words_of(text):
    """[(from, to)] in code points."""
    out, start = [], None
    for i, c in enumerate(text):
        if c in SPACES:
            if start is not None:
                out.append((start, i))
            start = None
        elif start is None:
            start = i
    if start is not None:
        out.append((start, len(text)))
    return out


def brute(texts, n, unit, keep):
    """Ranges per text, in bytes; in units of words, runs of words as byte ranges."""
    starts, base = [], 0 # (place, length, key, text, unit index)
    first, last, rows = {}, {}, []
    for t, text in enumerate(texts):
        raw = text.encode()
        if unit == "words":
            items = [text[a:b].encode() + b"\0" for a, b in words_of(text)]
        elif unit == "chars":
            items = [c.encode() for c in text]
        else:
            items = [raw[i:i + 1] for i in range(len(raw))]
        at = [0]
        for i in items:
            at.append(at[-1] + len(i))
        joined = b"".join(items)
        for i in range(len(items) - n + 1):
            key = joined[at[i]:at[i + n]]
            place = base + at[i]
            rows.append((place, key, t, i))
            first.setdefault(key, place)
            last[key] = place
        base += at[-1]
    marked = [set() for _ in texts]
    for place, key, t, i in rows:
        hit = first[key] + len(key) <= place if keep == "first" else first[key] != last[key]
        if hit:
            marked[t].update(range(i, i + n))
    ranges = []
    for t, text in enumerate(texts):
        units = sorted(marked[t])
        runs = []
        for u in units:
            if runs and runs[-1][1] == u:
                runs[-1][1] = u + 1
            else:
                runs.append([u, u + 1])
        if unit == "words":
            w = words_of(text)
            runs = [[len(text[:w[a][0]].encode()), len(text[:w[b - 1][1]].encode())] for a, b in runs]
        elif unit == "chars":
            runs = [[len(text[:a].encode()), len(text[:b].encode())] for a, b in runs]
        ranges.append(runs)
    return ranges


def snapped(text, ranges, words=False):
    raw, out = text.encode(), []
    space = lambda s: s.decode()[0] in SPACES - {"\0"}
    for a, b in ranges:
        while a < b and raw[a] & 0xC0 == 0x80:
            a += 1
        while b > a and b < len(raw) and raw[b] & 0xC0 == 0x80:
            b -= 1
        if words:
            s, e = len(raw[:a].decode()), len(raw[:b].decode())
            blank = [c in SPACES - {"\0"} for c in text]
            if s and not blank[s - 1]:
                while s < e and not blank[s]:
                    s += 1
            while 0 < s < e and blank[s]:
                s += 1
            if e < len(text) and not blank[e]:
                while e > s and not blank[e - 1]:
                    e -= 1
            a, b = len(text[:s].encode()), len(text[:e].encode())
        if b > a:
            out.append([a, b])
    return out


def cut(text, ranges):
    raw, at, out = text.encode(), 0, b""
    for a, b in ranges:
        out += raw[at:a]
        at = b
    text = (out + raw[at:]).decode()
    return text if text.strip("".join(SPACES - {"\0"})) or not ranges else None


def make(seed, count, size):
    rng = random.Random(seed)
    alphabet = ["a", "b", "c", "é", "日", "😀", " ", " ", "  ", "\n", "\u3000", "\0"]
    if seed % 3 == 0:
        alphabet = ["a", "b", " "]
    planted = ["".join(rng.choice(alphabet) for _ in range(rng.randint(3, 60))) for _ in range(12)]
    texts = []
    for _ in range(count):
        t = ""
        while len(t) < size and rng.random() > 0.05:
            t += rng.choice(planted) if rng.random() < 0.3 else "".join(
                rng.choice(alphabet) for _ in range(rng.randint(1, 40)))
        texts.append(t)
    return texts


def compare(texts, n, unit, keep, more, where):
    want = [snapped(t, r, "--snap" in more) for t, r in zip(texts, brute(texts, n, unit, keep))]
    args = ["--substring", f"{n}:{unit}", "--keep", keep] + more
    problems = []
    for jobs in ("-j1", "-j4"):
        got = run(texts, args + ["--ranges", jobs])
        for g, t, w in zip(got, texts, want):
            d = g.get("_dedup", {"bytes": [], "chars": []})
            chars = [[len(t.encode()[:a].decode()), len(t.encode()[:b].decode())] for a, b in w]
            if g["text"] != t or d["bytes"] != w or d["chars"] != chars:
                problems.append((where, args, t[:80], d["bytes"], w))
    texts_left = [c for c in (cut(t, w) for t, w in zip(texts, want)) if c is not None]
    if [g["text"] for g in run(texts, args)] != texts_left:
        problems.append((where, args, "other texts"))
    return problems


def check_random():
    for unit, lengths in (("bytes", (1, 9)), ("chars", (1, 6)), ("words", (1, 3))):
        problems = []
        for seed in range(4):
            texts = make(seed, 30, 200)
            for n in lengths:
                for keep in ("first", "none"):
                    problems += compare(texts, n, unit, keep, [], seed)
        problems += compare(make(1, 30, 200), 4 if unit != "words" else 2, unit, "first",
                            ["--snap", "words"], "snap")
        result(f"--substring in {unit} is what brute force finds", problems)


def check_parts(folder):
    """1 MB in parts of 280 KB, texts longer than a part among them."""
    rng = random.Random(11)
    vocabulary = ["".join(rng.choice("abcdefghijé日") for _ in range(rng.randint(2, 7))) for _ in range(3000)]
    paragraphs = [" ".join(rng.choice(vocabulary) for _ in range(40)) for _ in range(1200)]
    texts = ["\n".join(rng.choice(paragraphs) for _ in range(size))
             for size in (5, 1, 1500, 3, 8, 700)]
    texts += ["\n".join(rng.choice(paragraphs) for _ in range(rng.randint(1, 9))) for _ in range(60)]
    report = os.path.join(folder, "r.json")
    for unit, n in (("bytes", 50), ("chars", 40), ("words", 20)):
        problems = []
        for keep in ("first", "none") if unit == "bytes" else ("first",):
            want = [snapped(t, r) for t, r in zip(texts, brute(texts, n, unit, keep))]
            left = [c for c in (cut(t, w) for t, w in zip(texts, want)) if c is not None]
            for memory, jobs in (("4M", "-j1"), ("4M", "-j4"), ("9M", "-j1"), ("1G", "-j1")):
                got = run(texts, ["--substring", f"{n}:{unit}", "--keep", keep, "--memory", memory, jobs],
                          report)
                if [g["text"] for g in got] != left:
                    problems.append((unit, keep, memory, "other texts"))
                with open(report, encoding="utf-8") as f:
                    parts = json.load(f)["parts"]
                if (parts > 2) != (memory == "4M"):
                    problems.append((memory, f"{parts} parts"))
        result(f"in {unit}, the parts that are searched make no difference", problems)


def check_peer():
    if not os.path.exists(os.path.join(DATA, "dedup-sets.jsonl")):
        result("deduplicate-text-datasets", [], "needs data-prep of the conformance data")
        return
    with open(os.path.join(DATA, "dedup-sets.jsonl"), encoding="utf-8") as f:
        rows = [r for r in map(json.loads, f) if r["op"] == "exact-substring"]
    problems = []
    for r in rows:
        # Ranges there may cut a code point in two; ours are the same, shrunk to whole ones.
        want = [snapped(t, w) for t, w in zip(r["in"], r["ranges_bytes"])]
        for jobs in ("-j1", "-j4"):
            got = run(r["in"], ["--substring", str(r["params"]["length_bytes"]), "--keep", "none",
                                "--ranges", jobs])
            if [g.get("_dedup", {"bytes": []})["bytes"] for g in got] != want:
                problems.append((r["id"], got, want))
    result("deduplicate-text-datasets", problems)
    print(f"# dedup-substring: {len(rows)}/{len(rows)}")


if b"without libdivsufsort" in subprocess.run([DEDUP, "--substring", "9"], input=b"", check=False,
                                              stderr=subprocess.PIPE).stderr:
    result("--substring", [], "needs libdivsufsort")
else:
    check_random()
    with tempfile.TemporaryDirectory() as where:
        check_parts(where)
    check_peer()
print(f"1..{number}")
sys.exit(0)
