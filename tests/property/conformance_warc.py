#!/usr/bin/env python3
"""conformance_warc.py: collect on the web archives of warcio, against the records that warcio read.

Reads $DATA/data-prep/warc.jsonl. The documents of a file (2xx responses and resources with a text
body) must come out in order with the payload's SHA-1, everything else must be counted. Where the
file is broken and warcio passes over it or stops, the row is in BROKEN with what we do instead:
say so and read on. Prints TAP; `# warc: SUPPORTED/TOTAL`.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DATA = os.path.join(os.environ.get("DATA") or "/nonexistent", "data-prep", "warc.jsonl")
COLLECT = os.path.abspath(os.path.join(BUILD, "bin", "collect"))
TEXT = ("text/html", "text/plain", "application/xhtml+xml")

# name: documents, rejected, why it is not what warcio has
BROKEN = {
    "bad.arc": (0, 4, "lengths that are no numbers: warcio gives empty records"),
    "example-bad-non-chunked.warc.gz": (1, 0, "one gzip member around all: warcio stops, we need no members"),
    "example-bad.warc.gz.bad": (1, 0, "the same"),
    "example-space-in-url.arc": (0, 1, "the file ends inside a record: warcio gives what is there"),
    "example-trunc.warc": (0, 1, "a length two bytes short: warcio skips the rest"),
    "example-wrong-chunks.warc.gz": (1, 0, "a chunked body without chunks: taken as it is"),
}


def is_document(r):
    kind = (r["http_content_type"] or "").split(";")[0].strip().lower()
    if r["rec_type"] == "response":
        return r["http_status"] == "200" and kind in TEXT
    return r["rec_type"] in ("resource", "conversion")


def check(row, jobs):
    with open(row["name"], "wb") as f:
        f.write(base64.b64decode(row["b64"]))
    p = subprocess.run([COLLECT, f"-j{jobs}", "--html", "raw", "--rejects", "rejects", "--report", "report", "--force",
                        "-o", "out", row["name"]], capture_output=True, check=False)
    if p.returncode:
        return f"{row['id']}: exit {p.returncode}: {p.stderr.decode()}"
    with open("out", encoding="utf-8") as f:
        got = [json.loads(line) for line in f]
    with open("report", encoding="utf-8") as f:
        report = json.load(f)
    if report["in"] != report["out"] + report["rejected"]:
        return f"{row['id']}: {report}"
    if row["name"] in BROKEN:
        want = BROKEN[row["name"]][:2]
        return None if (len(got), report["rejected"]) == want else f"{row['id']}: {len(got)} {report}"
    if report["web_records_total"] != len(row["records"]) or report["rejected"]:
        return f"{row['id']}: {report}"
    # a resource that is no text is counted, not given
    documents = [r for r in row["records"] if is_document(r)]
    hashes = [hashlib.sha1(g["text"].encode()).hexdigest() for g in got]
    want = [r["payload_sha1"] for r in documents]
    missing = [h for h in want if h not in hashes]
    if hashes != [h for h in want if h in hashes] or len(missing) != report["web_media_total"] - sum(
            r["http_status"] == "200" and not is_document(r) and r["rec_type"] == "response"
            for r in row["records"]):
        return f"{row['id']}: {hashes} is not {want}; {report}"
    for g, r in zip(got, [r for r in documents if r["payload_sha1"] in hashes]):
        if r["target_uri"] and g["meta"]["url"] != r["target_uri"]:
            return f"{row['id']}: {g['meta']} is not {r}"
    return None


def main():
    if not os.path.exists(DATA):
        print("1..1\nok 1 - web archives # SKIP needs data-prep/warc.jsonl of the conformance data")
        return 0
    with open(DATA, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for row in rows:
            for jobs in (1, 4):
                problem = check(row, jobs)
                if problem:
                    problems.append(problem)
    for name, (_, _, why) in BROKEN.items():
        print(f"# differs: {name}: {why}")
    print("1..1")
    print(f"{'not ok' if problems else 'ok'} 1 - web archives give warcio's records")
    for p in problems:
        print("#", p)
    print(f"# warc: {len(rows)}/{len(rows)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
