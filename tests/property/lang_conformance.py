#!/usr/bin/env python3
"""lang_conformance.py: clean --lang on pages and samples whose language is known. Prints TAP.

The pages of $DATA/corpora/tldr.jsonl.zst whose name was held out in training (lang_train.py), and the
rows of $DATA/data-prep/langid.jsonl. nb and no are one language here: their pages are the same."""
import collections
import hashlib
import json
import os
import subprocess
import sys

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DATA = os.environ.get("DATA") or "/nonexistent"
CLEAN = os.path.join(BUILD, "bin/clean")
TLDR = os.path.join(DATA, "corpora/tldr.jsonl.zst")
LANGID = os.path.join(DATA, "data-prep/langid.jsonl")


def detect(texts, jobs):
    data = "".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts).encode()
    out = subprocess.run([CLEAN, "--lang", "any", "--annotate", jobs], input=data,
                         stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line)["_clean"] for line in out.splitlines()]


def pages():
    out = subprocess.run(["zstd", "-dcq", TLDR], stdout=subprocess.PIPE, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    held = [r for r in rows
            if hashlib.sha256(r["id"].rsplit("/", 1)[1].encode()).digest()[0] % 10 == 0]
    got = detect([r["text"] for r in held], "-j2")
    assert got == detect([r["text"] for r in held], "-j1")
    right, wrong, languages = 0, collections.Counter(), set()
    for r, g in zip(held, got):
        want = "no" if r["lang"] == "nb" else r["lang"]
        languages.add(r["lang"])
        right += g["lang"] == want
        wrong[want, g["lang"]] += g["lang"] != want
    share = right / len(held)
    print(f"# held-out pages: {right}/{len(held)} = {share:.4f} in {len(languages)} languages; taken for another: "
          + ", ".join(f"{a}>{b} {n}" for (a, b), n in wrong.most_common(12) if n))
    assert share >= 0.97 and len(languages) == 39


def samples():
    with open(LANGID, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    got = detect([r["text"] for r in rows], "-j1")
    bad = [(r["id"], r["lang"], g["lang"]) for r, g in zip(rows, got)
           if g["lang"].split("_")[0] != r["lang"]]
    print(f"# langid: {len(rows) - len(bad)}/{len(rows)} rows")
    assert not bad, bad


def main():
    failed = 0
    for n, (f, need, title) in enumerate([(pages, TLDR, "pages held out by name"),
                                          (samples, LANGID, "samples of langid")], 1):
        if not os.path.exists(need):
            print(f"ok {n} - {title} # SKIP needs the conformance data")
            continue
        try:
            f()
            print(f"ok {n} - {title}")
        except AssertionError as e:
            failed = 1
            print(f"not ok {n} - {title}\n#   {ascii(e)[:300]}")
    print("1..2")
    return failed


if __name__ == "__main__":
    sys.exit(main())
