#!/usr/bin/env python3
"""TAP: ids, counts and decodes of tokenize(1) against what the reference implementation gave.

tests/data/tok/identity.json (made by make.py beside it) always; the goldens of the conformance data
in $DATA when it is there. Needs nothing but python3 and $BUILD/bin/tokenize.
"""
import copy
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = (TOP / os.environ.get("BUILD", "build")).resolve()
DATA = pathlib.Path(os.environ.get("DATA") or "/nonexistent")
SHARED = DATA / "tokenizers"
DEMO = TOP / "lib/data/tldr-7m/tokenizer.json"
tests = 0
failed = 0


def result(ok, name, detail=""):
    global tests, failed
    tests += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {tests} - {name}")
    if not ok and detail:
        print("# " + detail[:2000].replace("\n", "\n# "))


def skip(name, why):
    global tests
    tests += 1
    print(f"ok {tests} - {name} # skip {why}")


def tokenize(path, records, *options):
    """The records that come out, or the message of the failure."""
    text = "".join(json.dumps(r, ensure_ascii=i % 2 == 0) + "\n" for i, r in enumerate(records))
    run = subprocess.run([BUILD / "bin/tokenize", "-t", path, *options], input=text.encode(), capture_output=True)
    if run.returncode:
        return f"exit {run.returncode}: {run.stderr.decode(errors='replace').strip()}"
    return [json.loads(line) for line in run.stdout.decode().split("\n") if line]


def equal(got, member, want):
    """The number of equal rows, and the first difference."""
    if isinstance(got, str):
        return 0, got
    if len(got) != len(want):
        return 0, f"{len(got)} records for {len(want)}"
    wrong = [(g, w) for g, w in zip(got, want) if g[member] != w]
    return len(want) - len(wrong), f"got {wrong[0][0]} want {wrong[0][1]}"[:500] if wrong else ""


def build(start, change):
    """As in tests/data/tok/make.py."""
    d = copy.deepcopy(start)
    model = d["model"]
    if "without" in change:
        gone = set(change["without"])
        tokens = [t for t in model["vocab"] if not gone & set(t) or t == "<|endoftext|>"]
        model["vocab"] = {t: i for i, t in enumerate(tokens)}
        model["merges"] = [m for m in model["merges"] if not gone - {" "} & set(m)]
    for key, value in change.items():
        if key == "added_tokens":
            for token in value:
                known = model["vocab"].get(token["content"])
                token = dict(token, id=len(model["vocab"]) if known is None else known)
                if known is None:
                    token["id"] = max([len(model["vocab"]) - 1] + [t["id"] for t in d[key]]) + 1
                d[key].append(token)
        elif key == "model":
            model.update(value)
        elif key != "without":
            d[key] = value
    return d


def check_variant(path, row, texts):
    """Special tokens parsed, special tokens as text with what the tokenizer adds, and both decodes."""
    records = [{"text": t} for t in texts]
    spread = lambda name, base: [row[name].get(str(i), b) for i, b in enumerate(base)]
    decoded = spread("decoded", texts)
    ids = [{"ids": ids} for ids in row["parse"]]
    checks = [
        equal(tokenize(path, records, "--special", "parse"), "ids", row["parse"]),
        equal(tokenize(path, records, "--add-special"), "ids", spread("text", row["parse"])),
        equal(tokenize(path, records, "--special", "parse", "--count"), "n_tokens", list(map(len, row["parse"]))),
        equal(tokenize(path, ids, "--decode"), "text", decoded),
        equal(tokenize(path, ids, "--decode", "--skip-special"), "text", spread("skipped", decoded)),
    ]
    good, total = sum(c[0] for c in checks), 5 * len(texts)
    result(good == total, f"{row['name']}: {good}/{total} equal", next((c[1] for c in checks if c[1]), ""))
    return good, total


def own_tokenizers(folder):
    data = json.loads((TOP / "tests/data/tok/identity.json").read_text())
    good = total = 0
    for row in data["variants"]:
        path = DEMO
        if row["change"] is not None:
            path = pathlib.Path(folder) / "variant.json"
            path.write_text(json.dumps(build(data["base"], row["change"]), ensure_ascii=len(row["name"]) % 2 == 0))
        g, t = check_variant(path, row, data["texts"])
        good, total = good + g, total + t
    print(f"# tokenize-own-identity: {good}/{total}")


def lines(path):
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def compare(name, path, rows):
    """rows: what is compared, the records, options, member, what is wanted."""
    for what, records, options, member, want in rows:
        good, detail = equal(tokenize(path, records, *options), member, want)
        result(good == len(want), f"{name}: {what}: {good}/{len(want)}", detail)
        print(f"# tokenize-{name}-{what.replace(' ', '-')}: {good}/{len(want)}")


def goldens(name, file, cases):
    rows = lines(SHARED / name / "golden-hf.jsonl")
    special = [r.get("sp", r["ids"]) for r in rows]
    decoded = [r.get("dec", c["text"]) for r, c in zip(rows, cases)]
    skipped = [r.get("dec_skip", d) for r, d in zip(rows, decoded)]
    parse = ("--special", "parse")
    compare(name, SHARED / name / file, [
        ("ids", cases, parse, "ids", [r["ids"] for r in rows]),
        ("offsets", cases, parse + ("--offsets",), "offsets", [r["off"] for r in rows]),
        ("ids with offsets", cases, parse + ("--offsets",), "ids", [r["ids"] for r in rows]),
        ("ids with special tokens", cases, parse + ("--add-special",), "ids", special),
        ("decode", [{"ids": r["ids"]} for r in rows], ("--decode",), "text", decoded),
        ("decode without special tokens", [{"ids": s} for s in special], ("--decode", "--skip-special"), "text",
         skipped),
    ])


def tiktoken(name, file, cases):
    rows = lines(SHARED / name / "golden-tiktoken.jsonl")
    path = SHARED / name / file
    pattern = ("--pattern", str(SHARED / name / "pattern.json"))
    compare(name, path, [
        ("ids", cases, (), "ids", [r["ids"] for r in rows]),
        ("ids by a pattern file", cases, pattern, "ids", [r["ids"] for r in rows]),
        ("ids with special tokens", cases, pattern + ("--special", "parse"), "ids",
         [r.get("sp", r["ids"]) for r in rows]),
        ("decode", [{"ids": r["ids"]} for r in rows], ("--decode",), "text",
         [r.get("dec", c["text"]) for r, c in zip(rows, cases)]),
    ])


def sentencepiece(name, file, cases):
    rows = lines(SHARED / name / "golden-spm.jsonl")
    compare(name, SHARED / name / file, [
        ("spm ids", cases, (), "ids", [r["ids"] for r in rows]),
        ("spm ids with offsets", cases, ("--offsets", "--tokens"), "ids", [r["ids"] for r in rows]),
        ("spm offsets", cases, ("--offsets",), "offsets", [r["off"] for r in rows]),
        ("spm pieces", cases, ("--tokens",), "tokens", [r["pieces"] for r in rows]),
        ("spm decode", [{"ids": r["ids"]} for r in rows], ("--decode",), "text",
         [r.get("dec", c["text"]) for r, c in zip(rows, cases)]),
    ])


def gguf():
    for path in sorted((SHARED / "gguf").glob("*.gguf")):
        texts = pathlib.Path(f"{path}.inp").read_text().split("\n__ggml_vocab_test__\n")
        out = pathlib.Path(f"{path}.out").read_text().split("\n")[:len(texts)]
        compare(path.stem, path, [("llama.cpp ids", [{"text": t} for t in texts], (), "ids",
                                   [[int(x) for x in line.split()] for line in out])])


def books(name, file, golden, *options):
    for row in lines(SHARED / name / f"golden-corpora-{golden}.jsonl"):
        data = (SHARED / "corpora" / row["file"]).read_bytes()
        texts = [data.decode()]
        if golden == "spm":
            texts = data.replace(b"\r", b"").decode().removesuffix("\n").split("\n")
        got = tokenize(SHARED / name / file, [{"text": t} for t in texts], "--drop-field", "-j1", *options)
        ids = [] if isinstance(got, str) else [i for r in got for i in r["ids"]]
        digest = hashlib.sha256(struct.pack(f"<{len(ids)}I", *ids)).hexdigest()
        result(len(ids) == row["n_ids"] and digest == row["sha256_u32le"], f"{name}: {row['file']}, {golden}",
               got if isinstance(got, str) else f"{len(ids)} ids for {row['n_ids']}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        own_tokenizers(folder)
    if not (SHARED / "cases.jsonl").exists():
        skip("goldens of Hugging Face tokenizers", "needs tokenizers/ of the conformance data")
    else:
        cases = [json.loads(line) for line in (SHARED / "cases.jsonl").read_text().split("\n") if line]
        for name, file in [("gpt2", "tokenizer.json"), ("qwen2", "tokenizer.json"), ("llama2", "tokenizer.json"),
                           ("t5-small", "tokenizer.json"), ("tiny-sqlpilot", "tokenizer.json"),
                           ("tiny-hw-doc-summarizer", "tokenizer.json"), ("gpt2", "vocab.json"),
                           ("bert-base-uncased", "vocab.txt"), ("bert-base-multilingual-cased", "vocab.txt")]:
            goldens(name, file, cases)
            books(name, file, "hf", "--special", "parse")
        for name, file in [("cl100k_base", "cl100k_base.tiktoken"), ("o200k_base", "o200k_base.tiktoken"),
                           ("llama3", "tokenizer.model")]:
            tiktoken(name, file, cases)
            books(name, file, "tiktoken")
        for name, file in [("llama2", "tokenizer.model"), ("nai-t5", "nai-t5.model"),
                           ("spm-test-model", "test_model.model"), ("spm-test-ja-model", "test_ja_model.model")]:
            sentencepiece(name, file, cases)
            books(name, file, "spm")
        gguf()
    print(f"1..{tests}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
