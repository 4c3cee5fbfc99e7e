#!/usr/bin/env python3
"""fasttext_conformance.py: clean --model and --lang-model predict what the fasttext package predicts,
to 1e-5. Prints TAP. The expected numbers come from tests/data/fasttext/make.py."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD") or os.path.join(HERE, "..", "..", "build")
FOLDER = os.path.join(HERE, "..", "data", "fasttext")
CLEAN = os.path.join(BUILD, "bin/clean")


def run(*args):
    out = subprocess.run([CLEAN, *args, os.path.join(FOLDER, "texts.jsonl")], stdout=subprocess.PIPE,
                         check=True).stdout
    return [json.loads(line)["_clean"] for line in out.splitlines()]


def compare(row):
    path = os.path.join(FOLDER, row["model"])
    worst = 0
    for k, label in enumerate(row["labels"]):
        got = run("--model", path, "--model-label", label, "--annotate")
        assert len(got) == len(row["p"])
        worst = max(worst, max(abs(g["model_score"] - p[k]) for g, p in zip(got, row["p"])))
    assert worst <= 1e-5, f"differs by {worst}"
    for jobs in ("-j1", "-j4"):
        for g, p in zip(run("--lang", "any", "--lang-model", path, "--annotate", jobs), row["p"]):
            best = max(p)
            assert abs(g["lang_score"] - best) <= 1e-5, (g, p)
            assert g["lang"] == "und" if best == 0 else p[row["labels"].index("__label__" + g["lang"])] >= best - 2e-5
    return worst


def main():
    with open(os.path.join(FOLDER, "expected.jsonl"), encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    failed = 0
    for n, row in enumerate(rows, 1):
        try:
            print(f"ok {n} - {row['model']}\n# largest difference {compare(row):.1e} over {len(row['p'])} texts")
        except AssertionError as e:
            failed = 1
            print(f"not ok {n} - {row['model']}\n#   {ascii(e)[:300]}")
    print(f"1..{len(rows)}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
