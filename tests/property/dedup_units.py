#!/usr/bin/env python3
"""dedup_units.py: dedup --unit against a model in python3, and against recorded results. Prints TAP.

Every kind of unit, scope, rule of who stays and key, at -j1 and -j4, with little memory and with a
weak hash, must give the texts of the model; --ranges must mark what is cut otherwise.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DATA = os.path.join(os.environ.get("DATA") or "/nonexistent", "data-prep")
DEDUP = os.path.join(BUILD, "bin/dedup")
number = 0


def result(name, problems, skip=None):
    global number
    number += 1
    print(f"{'not ok' if problems else 'ok'} {number} - {name}" + (f" # SKIP {skip}" if skip else ""))
    for p in problems[:5]:
        print("#", str(p)[:400])


def run(records, args, folder="."):
    data = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()
    p = subprocess.run([DEDUP] + args, input=data, cwd=folder, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, check=False)
    if p.returncode:
        raise RuntimeError(f"{args}: exit {p.returncode}: {p.stderr.decode()[-300:]}")
    return [json.loads(l) for l in p.stdout.decode().split("\n")[:-1]]


# ---- the model: units with the separator in front of each

def split(text, unit):
    """[(separator, unit)], and what stands behind the last one."""
    if unit == "line" or unit == "paragraph":
        parts = re.split("(\n)" if unit == "line" else "(\n{2,})", text)
        return list(zip([""] + parts[1::2], parts[::2])), ""
    out, at, n = [], 0, len(text)
    stop, wide, closer = ".!?\u2026", "\u3002\uff01\uff1f", "\"')]}\u201d\u2019"
    while at < n and text[at].isspace():
        at += 1
    sep, start, end = text[:at], at, at
    while at < n:
        c = text[at]
        if c.isspace():
            begin = at
            while at < n and text[at].isspace():
                at += 1
            if text.count("\n", begin, at) >= 2 and end > start:
                out.append((sep, text[start:end]))
                sep, start = text[end:at], at
            continue
        at += 1
        end = at
        if c not in stop + wide:
            continue
        full = c in wide
        while at < n and text[at] in stop + wide + closer:
            full |= text[at] in wide
            at += 1
        end, nxt = at, at
        while nxt < n and text[nxt].isspace():
            nxt += 1
        if not full and nxt == at and at < n:
            continue
        out.append((sep, text[start:end]))
        sep, at = text[end:nxt], nxt
        start = end = at
    if end > start:
        out.append((sep, text[start:end]))
        sep = text[end:]
    return out, sep


def model(records, unit, window, keep="first", scope="global", min_chars=1, key=lambda s: s):
    """[(text or None, [removed units])] per record."""
    seen, items, cut = {}, [], []
    for i, r in enumerate(records):
        units, tail = split(r["text"], unit)
        cut.append((units, tail))
        for u in range(len(units) - window + 1):
            k = " ".join(key(s) for _, s in units[u:u + window])
            if len(k) >= min_chars and (window == 1 or len(k) > window - 1):
                items.append((i, u))
                seen.setdefault((k, i if scope == "document" else 0), []).append((i, u))
    gone = [set() for _ in records]
    for members in seen.values():
        if len(members) == 1:
            continue
        stays = {"first": members[0], "last": members[-1], "none": None}[keep]
        for i, u in members:
            if (i, u) != stays:
                gone[i].update(range(u, u + window))
    out = []
    for (units, tail), g, r in zip(cut, gone, records):
        if not g:
            out.append((r["text"], []))
            continue
        left = [(j, sep + u if j == 0 or any(k not in g for k in range(j)) else u)
                for j, (sep, u) in enumerate(units) if j not in g]
        text = "".join(t for _, t in left)
        if left and left[-1][0] == len(units) - 1:
            text += tail
        out.append((text if text.strip() else None, sorted(g)))
    return out


def make(seed, count):
    rng = random.Random(seed)
    words = ["alpha", "Beta", "gäma", "δ", "日本", "x", "1.5", "(ok)"]
    sentences = [" ".join(rng.choice(words) for _ in range(rng.randint(1, 5))) + rng.choice(
        [".", "!", "?", "...", '."', "。", "", "?!"]) for _ in range(60)]
    records = []
    for i in range(count):
        text = ""
        for _ in range(rng.randint(0, 8)):
            text += rng.choice(sentences) + rng.choice([" ", " ", "\n", "\n\n", "\n\n\n", "  ", ""])
        records.append({"id": i, "text": rng.choice(["", "", "\n", " "]) + text})
    return records


def check_model(folder):
    records = make(1, 400)
    for unit in ("line", "paragraph", "sentences:1", "sentences:3"):
        kind, _, window = unit.partition(":")
        window = int(window or 1)
        problems = []
        for keep in ("first", "last", "none"):
            want = model(records, kind, window, keep)
            texts = [t for t, _ in want if t is not None]
            for more in ([], ["--memory=4M"], ["--hash-bits=6"], ["--trust-hash"]):
                for jobs in ("-j1", "-j4"):
                    args = ["--unit", unit, "--keep", keep, jobs] + more
                    got = run(records, args)
                    if [r["text"] for r in got] != texts:
                        bad = next((x for x in zip([r["text"] for r in got], texts) if x[0] != x[1]),
                                   "fewer records")
                        problems.append((args, bad))
            got = run(records, ["--unit", unit, "--keep", keep, "--ranges", "-j2"])
            for r, rec, (text, gone) in zip(got, records, want):
                spans, at = [], 0
                for j, (sep, u) in enumerate(split(rec["text"], kind)[0]):
                    at += len(sep)
                    if j in gone:
                        spans.append([at, at + len(u)])
                    at += len(u)
                d = r.get("_dedup", {"chars": [], "bytes": []})
                as_bytes = [[len(rec["text"][:a].encode()), len(rec["text"][:b].encode())] for a, b in spans]
                if r["text"] != rec["text"] or d["chars"] != spans or d["bytes"] != as_bytes:
                    problems.append(("--ranges", keep, r, spans))
        result(f"--unit {unit} is what the model says", problems)
    problems = []
    for unit in ("line", "sentences:2"):
        kind, _, window = unit.partition(":")
        want = [t for t, _ in model(records, kind, int(window or 1), scope="document") if t is not None]
        for jobs in ("-j1", "-j4"):
            if [r["text"] for r in run(records, ["--unit", unit, "--scope", "document", jobs])] != want:
                problems.append((unit, jobs))
    result("--scope document compares each text with itself", problems)
    problems = []
    for n in (0, 9):
        want = [t for t, _ in model(records, "line", 1, min_chars=n) if t is not None]
        if [r["text"] for r in run(records, ["--unit", "line", f"--min-unit-chars={n}"])] != want:
            problems.append(n)
    result("--min-unit-chars leaves shorter units alone", problems)


def check_full_table(folder):
    """The table fills up in the middle of a record."""
    rng = random.Random(5)
    records = [{"id": i, "text": "\n".join(str(rng.randrange(250000)) for _ in range(40))}
               for i in range(9000)]
    problems = []
    want = [t for t, _ in model(records, "line", 1) if t is not None]
    dups = []
    for memory in ("1G", "4M"):
        for jobs in ("-j1", "-j4"):
            got = run(records, ["--unit", "line", "--memory", memory, jobs, "--dups", "dups", "--force",
                                "--report", "r.json"], folder)
            if [r["text"] for r in got] != want:
                problems.append((memory, jobs))
            with open(os.path.join(folder, "dups"), "rb") as f:
                dups.append(f.read())
    with open(os.path.join(folder, "r.json"), encoding="utf-8") as f:
        r = json.load(f)
    if len(set(dups)) != 1 or not dups[0]:
        problems.append("--dups differ")
    if not 1000 < r["deferred_total"] < 9000:
        problems.append(f"{r['deferred_total']} records were deferred")
    result("a table that fills up in the middle changes nothing", problems)


# ---- recorded results of peers

def load(name):
    with open(os.path.join(DATA, name + ".jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def check_peers():
    if not os.path.exists(os.path.join(DATA, "dedup-sets.jsonl")):
        for name in ("cc_net: lines", "dolma: paragraphs"):
            result(name, [], "needs data-prep of the conformance data")
        return
    problems, supported = [], 0
    rows = [r for r in load("dedup-sets") if r["op"] == "line-dedup"]
    for r in rows:
        keep = {"stream keep-first": "first", "two-pass remove-all": "none"}.get(r["params"]["mode"])
        if not keep:
            continue
        supported += 1
        for jobs in ("-j1", "-j4"):
            got = run(r["in"], ["--unit", "line", "--compat", "ccnet", "--keep", keep, jobs])
            if [g["text"] for g in got] != [o["text"] for o in r["out"]]:
                problems.append((r["id"], got))
    result("cc_net: lines", problems)
    print(f"# ccnet-lines: {supported}/{len(rows)}")
    problems = []
    documents = [r["rec"] for r in load("dolma-documents")]
    expected = {r["doc_id"]: r["attributes"] for r in load("dolma-dedupe-expected")
                if r["case"] == "dedupe-paragraphs"}
    for jobs in ("-j1", "-j4"):
        got = run(documents, ["--unit", "paragraph", "--compat", "dolma", "--ranges", jobs])
        for r in got:
            text, spans = r["text"], []
            for a, b in r.get("_dedup", {"chars": []})["chars"]:
                # The span has the line feed where dolma's guard (bytes against code points) lets it.
                spans.append([a, b + (b < len(text.encode()) - 1), 1])
            if spans != expected[r["id"]]["bff_duplicate_paragraph_spans"]:
                problems.append((r["id"], spans))
    result("dolma: paragraphs", problems)
    print(f"# dolma-paragraphs: {len(expected)}/{len(expected)}")


with tempfile.TemporaryDirectory() as where:
    check_model(where)
    check_full_table(where)
check_peers()
print(f"1..{number}")
sys.exit(0)
