#!/usr/bin/env python3
"""Random records, right and broken, against python3's json. TAP.

For each: the same verdict; for right ones the type of the value, how often the member `text` occurs,
what its last occurrence is, and the decoded text. SEED= and COUNT= change the run.
"""
import json
import os
import random
import re
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
program = os.path.join(os.environ.get("BUILD", os.path.join(here, "..", "..", "build")),
                       "unit", "test_json")
TYPES = ["none", "null", "false", "true", "number", "string", "array", "object"]
SPACES = ["", "", "", " ", "\n", "\t", "\r\n  "]
KEYS = ['"text"', '"te\\u0078t"', '"id"', '"meta"', '"Text"', '""', '"\\ud800"', '"t"']
SCALARS = ["0", "-0", "12", "-1.25", "1e5", "2E-7", "0.0e+00", "123456789012345678901234567890",
           "true", "false", "null", "1" * 40]
PIECES = ["a", "word ", "é", "日本", "😀", "\u007f", "\u07ff", "\uffff", '\\"', "\\\\", "\\/", "\\n", "\\t",
          "\\b\\f\\r", "\\u00e9", "\\u0000", "\\uD83D\\uDE00", "\\ud800", "\\udfff", "\\ud800\\u0041",
          "the quick brown fox jumps over the lazy dog, again and again and again "]
BREAKS = [b'"', b"\\", b"{", b"}", b"[", b"]", b":", b",", b" ", b"\n", b"\0", b"\x1f", b"\x80", b"\xc0",
          b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"0", b"-", b".", b"e", b"u", b"\\u12",
          b"tru", b"NaN", b"\xef\xbb\xbf", b"\x0c", b"\xc2\xa0"]


def string(r):
    return '"' + "".join(r.choice(PIECES) for _ in range(r.choice([0, 1, 1, 2, 3, 8, 20]))) + '"'


def value(r, depth=0):
    kind = r.random()
    if depth > 5 or kind < 0.35:
        text = string(r)
    elif kind < 0.55:
        text = r.choice(SCALARS)
    elif kind < 0.7:
        text = "[" + space(r) + ",".join(value(r, depth + 1) for _ in range(r.randrange(4))) + "]"
    else:
        text = "{" + space(r) + ",".join(
            space(r) + (r.choice(KEYS) if r.random() < 0.8 else string(r)) + space(r) + ":" +
            value(r, depth + 1) for _ in range(r.randrange(6))) + "}"
    return space(r) + text + space(r)


def space(r):
    return r.choice(SPACES)


def broken(r, record):
    for _ in range(r.randrange(1, 4)):
        at = r.randrange(len(record) + 1)
        what = r.random()
        if what < 0.3:
            record = record[:at]
        elif what < 0.5:
            record = record[:at] + record[at + r.randrange(1, 4):]
        else:
            record = record[:at] + r.choice(BREAKS) + record[at + r.randrange(2):]
    return record


def no_constant(text):
    raise ValueError(text)


class Number(str):
    pass


def members(pairs):
    found = [v for k, v in pairs if k == "text"]
    return {"members": found}


def peer(record):
    """What python says: None, or (value with every object as its `text` members)."""
    try:
        return (json.loads(record.decode("utf-8"), object_pairs_hook=members, parse_int=Number,
                           parse_float=Number, parse_constant=no_constant),)
    except (ValueError, RecursionError):
        return None


def type_of(v):
    if v is None or v is True or v is False:
        return {None: "null", True: "true", False: "false"}[v]
    return ("number" if isinstance(v, Number) else "string" if isinstance(v, str) else
            "array" if isinstance(v, list) else "object")


def decoded(text):
    return re.sub("[\ud800-\udfff]", "\ufffd", text).encode()


def expected(record, line):
    """None when the line is right, else what was wanted."""
    want = peer(record)
    if want is None:
        return None if line.startswith("fault ") else "a fault"
    words = line.split(" ")
    if words[0] != "ok":
        return "no fault"
    want = want[0]
    top_start, top_len, count, start, size = (int(words[i]) for i in (2, 3, 4, 6, 7))
    if TYPES[int(words[1])] != type_of(want):
        return f"type {type_of(want)}"
    if record[top_start:top_start + top_len] != record.strip(b" \t\r\n"):
        return "the span of the value"
    found = want["members"] if isinstance(want, dict) else []
    if count != len(found):
        return f"{len(found)} members"
    if not found:
        return None
    if TYPES[int(words[5])] != type_of(found[-1]):
        return f"member of type {type_of(found[-1])}"
    if peer(record[start:start + size]) != (found[-1],):
        return f"the span of {found[-1]!r}"
    if isinstance(found[-1], str) and not isinstance(found[-1], Number) and \
            bytes.fromhex(words[8]) != decoded(found[-1]):
        return f"text {decoded(found[-1]).hex()}"
    return None


def main():
    r = random.Random(int(os.environ.get("SEED", "20240607")))
    records = []
    for i in range(int(os.environ.get("COUNT", "20000"))):
        record = value(r).encode("utf-8")
        records.append(broken(r, record) if i % 2 else record)
    frames = b"".join(len(x).to_bytes(4, "little") + x for x in records)
    isas = ["scalar", "avx2", "avx512", "neon"]
    print(f"1..{len(isas)}")
    failed = False
    for number, isa in enumerate(isas, 1):
        p = subprocess.run([program, "--answers", isa], input=frames, stdout=subprocess.PIPE)
        if p.returncode == 2:
            print(f"ok {number} - {isa} # skip this machine cannot run it")
            continue
        lines = p.stdout.decode().split("\n")[:-1]
        wrong = 0 if p.returncode == 0 and len(lines) == len(records) else 1
        if number == 1:
            first = lines
            for record, line in zip(records, lines):
                want = expected(record, line)
                if want:
                    wrong += 1
                    print(f"# {record!r}: wanted {want}, got {line}")
        else:  # the scalar lines have been judged
            for record, line, good in zip(records, lines, first):
                if line != good:
                    wrong += 1
                    print(f"# {record!r}: scalar says {good}, {isa} {line}")
        print(f"# json-python-{isa}: {len(records) - wrong}/{len(records)}")
        print(f"{'not ok' if wrong else 'ok'} {number} - {isa} and python3 agree")
        failed |= wrong > 0
    return 1 if failed else 0


sys.exit(main())
