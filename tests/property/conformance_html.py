#!/usr/bin/env python3
"""conformance_html.py: pages to text, against what others expect of them.

1. $DATA/data-prep/html-extract.jsonl, resiliparse's tests of its text extraction. Rows whose
   parameters mean what `collect` does (bullets, no links, no form fields) are compared byte for
   byte, main_content rows with --html main, the others with --html full; other parameters are not
   supported, and counted so.
2. $DATA/corpora/html-eval.jsonl.zst, real pages with segments that must and must not be in their
   main content: the F1 as trafilatura's evaluation counts it must not fall under 0.90 (0.85 is
   required; what was measured last stands in the manual).
Prints TAP and `# html: SUPPORTED/TOTAL`.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DATA = os.environ.get("DATA") or "/nonexistent"
COLLECT = os.path.abspath(os.path.join(BUILD, "bin", "collect"))
OURS = {"alt_texts": False, "list_bullets": True, "preserve_formatting": True, "links": False,
        "form_fields": False, "noscript": False}
FLOOR = 0.90


def collect(folder, *options):
    """{name: text} of the pages of a folder; the same for -j1 and -j4, or a failure."""
    outs = []
    for jobs in ("-j1", "-j4"):
        p = subprocess.run([COLLECT, jobs, "--input-type", "html", *options, folder],
                           capture_output=True, check=True)
        outs.append(p.stdout)
    if outs[0] != outs[1]:
        sys.exit("-j1 and -j4 differ")
    rows = [json.loads(line) for line in outs[0].splitlines()]
    return {os.path.basename(r["id"]): r["text"] for r in rows}


def is_ours(row):
    if "li>" not in row["html"] and "list_bullets" in row["params"]:
        return row["params"] == {"list_bullets": False}
    return all(k == "main_content" or OURS.get(k) == v for k, v in row["params"].items())


def fixtures():
    with open(os.path.join(DATA, "data-prep/html-extract.jsonl"), encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    ours = [r for r in rows if is_ours(r)]
    failures = []
    for main in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            some = [r for r in ours if bool(r["params"].get("main_content")) == main]
            for r in some:
                with open(os.path.join(folder, r["id"]), "w", encoding="utf-8") as f:
                    f.write(r["html"])
            got = collect(folder, "--html", "main" if main else "full")
            failures += [f"{r['id']}: {got.get(r['id'])!r}, not {r['out']!r}" for r in some if got.get(r["id"]) != r["out"]]
    print(f"# html: {len(ours)}/{len(rows)}")
    return failures


def f1():
    text = subprocess.run(["zstd", "-dcq", os.path.join(DATA, "corpora/html-eval.jsonl.zst")], capture_output=True,
                          check=True).stdout
    rows = [json.loads(line) for line in text.splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        for i, r in enumerate(rows):
            with open(os.path.join(folder, str(i)), "wb") as f:
                f.write(base64.b64decode(r["html_b64"]))
        got = collect(folder)
    hits = wrong = missed = 0
    for i, r in enumerate(rows):
        page = got.get(str(i), "")
        found = sum(s in page for s in r["with"])
        hits += found
        missed += len(r["with"]) - found
        wrong += sum(s in page for s in r["without"])
    precision, recall = hits / (hits + wrong), hits / (hits + missed)
    value = 2 * precision * recall / (precision + recall)
    print(f"# {len(rows)} pages: precision {precision:.3f}, recall {recall:.3f}, F1 {value:.3f}")
    return value


def main():
    version = subprocess.run([COLLECT, "-V"], capture_output=True, text=True, check=True).stdout
    missing = [p for p in ("data-prep/html-extract.jsonl", "corpora/html-eval.jsonl.zst")
               if not os.path.exists(os.path.join(DATA, p))]
    if missing or "without libxml2" in version:
        print(f"1..0 # SKIP {'needs ' + missing[0] + ' of the conformance data' if missing else 'built without libxml2'}")
        return 0
    print("1..2")
    failures = fixtures()
    for line in failures:
        print(f"# {line}")
    print(f"{'not ' if failures else ''}ok 1 - pages become the text that resiliparse gives")
    value = f1()
    print(f"{'not ' if value < FLOOR else ''}ok 2 - the main content of real pages: F1 of {FLOOR} at least")
    return bool(failures) or value < FLOOR


if __name__ == "__main__":
    sys.exit(main())
