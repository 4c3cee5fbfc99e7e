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


def datatrove(row, folder, jobs):
    lines = "".join(json.dumps({"ids": d}, separators=(",", ":")) + "\n" for d in row["docs"])
    out = f"{folder}{jobs}"
    subprocess.run([SHARD, "-o", out, "--format", "datatrove", f"-j{jobs}"], input=lines.encode(), check=True)
    for suffix, key in (("ds", "ds_b64"), ("ds.index", "index_b64")):
        with open(os.path.join(out, "shard-000000." + suffix), "rb") as f:
            if f.read() != base64.b64decode(row[key]):
                return f"{row['id']}: another .{suffix}"
    back = subprocess.run([SHARD, "--cat", out], check=True, capture_output=True).stdout
    return None if back.decode() == lines else f"{row['id']}: --cat gives {back!r}"


def mds(row, folder, jobs):
    def value(v):
        if isinstance(v, dict):
            return v["data"] if "data" in v else v["b64"]
        return v
    if row["size_limit"] is None:
        return "out"  # our shards always have a limit, and it stands in their head
    records = [{k: value(v) for k, v in s.items()} for s in row["samples"]]
    lines = "".join(json.dumps(r, separators=(",", ":"), ensure_ascii=False) + "\n" for r in records)
    columns = ",".join(f"{k}:{v}" for k, v in row["columns"].items())
    out = f"{folder}{jobs}"
    subprocess.run([SHARD, "-o", out, "--format", "mds", "--size", str(row["size_limit"]), "--columns", columns,
                    f"-j{jobs}"], input=lines.encode(), check=True)
    with open(os.path.join(out, "shard-000000.mds"), "rb") as f:
        if f.read() != base64.b64decode(row["shard_b64"]):
            return f"{row['id']}: another shard"
    want = row["index_json_expected"]
    want["shards"][0]["raw_data"]["basename"] = "shard-000000.mds"
    with open(os.path.join(out, "index.json"), encoding="utf-8") as f:
        if json.load(f) != want:
            return f"{row['id']}: another index.json"
    back = subprocess.run([SHARD, "--cat", out], check=True, capture_output=True).stdout
    return None if back.decode() == lines else f"{row['id']}: --cat gives {back!r}"


SUPPORTED = {"megatron": megatron, "datatrove-ds": datatrove, "mds": mds}


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
            found = [check(row, os.path.join(folder, row["id"] + "-"), jobs) for jobs in (1, 4)]
            if "out" in found:
                print(f"# out: {row['id']}: parameters that shard does not have")
                continue
            supported += 1
            problems += [p for p in found if p]
    print("1..1")
    print(f"{'not ok' if problems else 'ok'} 1 - golden shards are equal byte for byte")
    for p in problems:
        print("#", p)
    print(f"# shards: {supported}/{len(rows)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
