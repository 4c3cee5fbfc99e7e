#!/usr/bin/env python3
"""Every case of tests/data/json_cases.py on every instruction set of this machine. TAP."""
import os
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "data"))
sys.dont_write_bytecode = True
from json_cases import cases  # noqa: E402

program = os.path.join(os.environ.get("BUILD", os.path.join(here, "..", "..", "build")),
                       "unit", "test_json")


def answers(isa, records):
    frames = b"".join(len(r).to_bytes(4, "little") + r for r in records)
    p = subprocess.run([program, "--answers", isa], input=frames, stdout=subprocess.PIPE)
    return p.returncode, p.stdout.decode().split("\n")[:-1]


def main():
    table = list(cases())
    isas = ["scalar", "avx2", "avx512", "neon"]
    print(f"1..{len(isas)}")
    failed = False
    for number, isa in enumerate(isas, 1):
        code, lines = answers(isa, [text for _, text, _ in table])
        if code == 2:
            print(f"ok {number} - {isa} # skip this machine cannot run it")
            continue
        wrong = [(name, line) for (name, _, accept), line in zip(table, lines)
                 if line.startswith("ok") != accept]
        good = code == 0 and len(lines) == len(table) and not wrong
        for name, line in wrong[:20]:
            print(f"# {name}: {line}")
        print(f"# json-suite-{isa}: {len(table) - len(wrong)}/{len(table)}")
        print(f"{'ok' if good else 'not ok'} {number} - y_, n_ and i_ cases on {isa}")
        failed |= not good
    return 1 if failed else 0


sys.exit(main())
