#!/usr/bin/env python3
"""conformance_shards.py: shard's formats against the golden bytes of other tools.

Reads $DATA/data-prep/shards.jsonl: the documents of each row go through shard, the files must be
those of the row byte for byte, and --cat must give the documents back. Formats that shard does not
write are counted and named. Prints TAP; `# shards: SUPPORTED/TOTAL`.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DATA = os.path.join(os.environ.get("DATA") or "/nonexistent", "data-prep", "shards.jsonl")
SHARD = os.path.join(BUILD, "bin", "shard")


def megatron(row, folder, jobs):
    lines = "".join(json.dumps({"ids": d}, separators=(",", ":")) + "\n" for d in row["docs"])
    dtype = {"uint16": "u16", "int32": "i32"}[row["dtype"]]
    for args in ([], ["--dtype", dtype]):
        out = f"{folder}{jobs}{len(args)}"
        subprocess.run([SHARD, "-o", out, "--format", "megatron", f"-j{jobs}"] + args,
                       input=lines.encode(), check=True)
        for suffix in ("bin", "idx"):
            with open(os.path.join(out, "shard-000000." + suffix), "rb") as f:
                if f.read() != base64.b64decode(row[suffix + "_b64"]):
                    return f"{row['id']}: another .{suffix} with {args}"
        back = subprocess.run([SHARD, "--cat", out], check=True, capture_output=True).stdout
        if back.decode() != lines:
            return f"{row['id']}: --cat gives {back!r}"
    return None


SUPPORTED = {"megatron": megatron}


def main():
    if not os.path.exists(DATA):
        print("1..1\nok 1 - golden shards # SKIP needs data-prep/shards.jsonl of the conformance data")
        return 0
    with open(DATA, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    problems, supported = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            check = SUPPORTED.get(row["format"])
            if not check:
                print(f"# out: {row['id']}: shard does not write {row['format']}")
                continue
            supported += 1
            for jobs in (1, 4):
                problem = check(row, os.path.join(folder, row["id"] + "-"), jobs)
                if problem:
                    problems.append(problem)
    print("1..1")
    print(f"{'not ok' if problems else 'ok'} 1 - golden shards are equal byte for byte")
    for p in problems:
        print("#", p)
    print(f"# shards: {supported}/{len(rows)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
