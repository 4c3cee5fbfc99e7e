#!/usr/bin/env python3
"""clean_dedup.py: what clean and dedup keep whatever the input. Prints TAP.

Inputs: generated records with planted dirt and duplicates, and the corpora of $DATA when they are
there."""
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import unicodedata

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
CORPORA = os.path.join(os.environ.get("DATA") or "/nonexistent", "corpora")
CLEAN, DEDUP = os.path.join(BUILD, "bin/clean"), os.path.join(BUILD, "bin/dedup")
EDITS = [
    "--normalize nfc --strip-control --strip-zero-width --strip-bidi --strip-bom "
    "--strip-soft-hyphen --newlines all --collapse-space --trim-lines --max-newlines 2 --trim",
    "--normalize nfkc --collapse-space --max-newlines 1", "--newlines lf --trim-lines",
    "--strip-bom --trim", "--normalize nfc --strip-zero-width",
]


def run(*args, data=b"", pieces=None):
    p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if pieces:
        with tempfile.TemporaryFile() as out:
            p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=out)
            for i in range(0, len(data), pieces):
                os.write(p.stdin.fileno(), data[i:i + pieces])
            p.stdin.close()
            code = p.wait()
            out.seek(0)
            result = out.read()
    else:
        result = p.communicate(data)[0]
        code = p.returncode
    if code:
        raise RuntimeError(f"{args}: exit {code}")
    return result


def generated():
    rng = random.Random(11)
    atoms = ["a", "b ", "  ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u200b", "\ufeff", "e\u0301",
             "\u00e9", "\ufb01", "\u1100\u1161", "\u3042", "\u2028", "\x01", "\x85", "\u00ad",
             "\u202e", "word", "\u0301", "\U0001f600", "\u0e01\u0e38", "q\u0307\u0323", '"', "\\"]
    texts = ["".join(rng.choice(atoms) for _ in range(rng.randrange(40))) for _ in range(3000)]
    lines = []
    for i in range(6000):
        record = {"id": i, "text": rng.choice(texts), "n": rng.randrange(5)}
        lines.append(json.dumps(record, ensure_ascii=rng.random() < .5))
    return ("\n".join(lines) + "\n").encode()


def corpus(name):
    path = os.path.join(CORPORA, name + ".jsonl.zst")
    return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout


def normalized(text):
    """The key of dedup --key normalized: simple lower case is str.lower() where that is one to one."""
    folded = "".join(c.lower() if len(c.lower()) == 1 else "i" if c == "\u0130" else c
                     for c in unicodedata.normalize("NFC", text))
    keep = " ".join(folded.replace("\x1c", "\ue000").replace("\x1d", "\ue001")
                    .replace("\x1e", "\ue002").replace("\x1f", "\ue003").split())
    return unicodedata.normalize("NFC", keep)


def reference_dedup(data, key, field):
    seen, out = set(), []
    for line in data.split(b"\n"):
        if line:
            k = key(json.loads(line)[field])
            if k not in seen:
                seen.add(k)
                out.append(line + b"\n")
    return b"".join(out)


CHECKS = []


def check(f):
    CHECKS.append(f)
    return f


@check
def identity(data, field):
    """clean without options gives the bytes that came in"""
    for j in "14":
        assert run(CLEAN, "-j" + j, data=data) == data


@check
def idempotent(data, field):
    """clean | clean = clean for every edit, whatever -j and however the input is cut"""
    for edits in EDITS:
        args = [CLEAN, "--field", field] + edits.split()
        once = run(*args, "-j1", data=data)
        assert run(*args, "-j3", data=once) == once, edits
        assert run(*args, "-j7", data=data) == once, edits
    small = data[:data.rindex(b"\n", 0, 20000) + 1]
    want = run(*args, data=small)
    for pieces in (1, 7, 4096):
        assert run(*args, "-j2", data=small, pieces=pieces) == want, pieces


@check
def normal_forms(data, field):
    """clean --normalize gives what python3's unicodedata gives"""
    for form in ("nfc", "nfkc"):
        got = run(CLEAN, "--field", field, "--normalize", form, data=data).split(b"\n")
        for before, after in zip(data.split(b"\n"), got):
            if before and before != after:
                b, a = json.loads(before), json.loads(after)
                assert a.pop(field) == unicodedata.normalize(form.upper(), b[field])
                b.pop(field)
                assert a == b
            elif before:
                text = json.loads(before)[field]
                assert unicodedata.is_normalized(form.upper(), text), ascii(text)


@check
def exact(data, field):
    """dedup keeps what a python3 set keeps, whatever -j and however the input is cut"""
    twice = data + data[:len(data) // 2].rpartition(b"\n")[0] + b"\n"
    want = reference_dedup(twice, lambda t: t, field)
    for args in (["-j1"], ["-j2"], ["-j7"], ["--trust-hash"], ["--memory", "4M"]):
        assert run(DEDUP, "--field", field, *args, data=twice) == want, args
    assert run(DEDUP, "--field", field, data=want) == want
    assert run(DEDUP, "--key", "json:" + field, data=twice) == want
    small = data[:data.rindex(b"\n", 0, 20000) + 1]
    want = reference_dedup(small, lambda t: t, field)
    for pieces in (1, 7, 4096):
        assert run(DEDUP, "--field", field, "-j2", data=small, pieces=pieces) == want, pieces


@check
def folded(data, field):
    """dedup --key normalized keeps what python3 keeps"""
    got = run(DEDUP, "--field", field, "--key", "normalized", data=data)
    assert got == reference_dedup(data, normalized, field)
    assert run(DEDUP, "--field", field, "--key", "normalized", data=got) == got


def peak(args, data, times, folder):
    """Through a shell: the peak of a process counts the one that it was forked from, here python3."""
    report = os.path.join(folder, "report")
    args = ["sh", "-c", '"$@"; exit $?', "sh"] + args + ["--report", report]
    with open(os.devnull, "wb") as null:
        p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=null)
        for _ in range(times):
            p.stdin.write(data)
        p.stdin.close()
        assert p.wait() == 0
    with open(report, encoding="utf-8") as f:
        return json.load(f)["peak_rss_bytes"]


def flat_memory():
    """clean takes the same memory for 30 MB and for 300 MB"""
    line = json.dumps({"text": "some  words and \u00e9\n" * 40}).encode() + b"\n"
    data = line * (5_000_000 // len(line))
    with tempfile.TemporaryDirectory() as folder:
        for args in ([CLEAN, "-j2"], [CLEAN, "-j2", "--collapse-space", "--normalize", "nfc"]):
            small, large = peak(args, data, 6, folder), peak(args, data, 60, folder)
            assert large < small + (8 << 20), (args, small, large)
            assert large < 64 << 20, (args, large)


def main():
    inputs = [("generated", generated(), "text")]
    names = [("tldr", "text"), ("gsm8k-train", None)]
    for name, field in names:
        if os.path.exists(os.path.join(CORPORA, name + ".jsonl.zst")):
            data = corpus(name)
            first = json.loads(data[:data.index(b"\n")])
            field = field or next(k for k, v in first.items() if isinstance(v, str))
            data = data[:data.rindex(b"\n", 0, 6_000_000) + 1]
            inputs.append((name, data, field))
        else:
            inputs.append((name, None, None))
    n = failed = 0
    for name, data, field in inputs:
        for f in CHECKS:
            n += 1
            title = f"{name}: {f.__doc__}"
            if data is None:
                print(f"ok {n} - {title} # SKIP needs corpora of the conformance data")
                continue
            try:
                start = time.time()
                f(data, field)
                print(f"ok {n} - {title}\n# {time.time() - start:.1f} s")
            except (AssertionError, RuntimeError) as e:
                failed += 1
                print(f"not ok {n} - {title}\n#   {ascii(e)[:500]}")
    n += 1
    try:
        if os.environ.get("MILLRACE_SANITIZED"):
            print(f"ok {n} - {flat_memory.__doc__} # SKIP sanitizers keep freed memory")
        else:
            flat_memory()
            print(f"ok {n} - {flat_memory.__doc__}")
    except AssertionError as e:
        failed += 1
        print(f"not ok {n} - {flat_memory.__doc__}\n#   {e}")
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
