#!/usr/bin/env python3
"""kernel_spills.py: the hot loops of the matmul kernels keep their accumulators in registers: no
innermost loop with 12 or more multiply-adds stores a vector register to the stack. (gcc 12 and
clang 14 have done so, at half the speed, when a loop over accumulators was not unrolled.)"""
import os
import re
import shutil
import subprocess
import sys

BUILD = os.environ.get("BUILD", "build")
OBJECTS = ["matmul_avx512", "matmul_avx512vnni", "matmul_avx2"]
LINE = re.compile(r"^\s*([0-9a-f]+):\t(?:[0-9a-f]{2} )+\s*\t(\S+)\s*(.*)$")


def loops(path):
    """Bodies of innermost loops: from the target of a backward jump to the jump."""
    text = subprocess.run(["objdump", "-d", "--insn-width=16", path], capture_output=True,
                          check=True, text=True).stdout
    code = [(int(m[1], 16), m[2], m[3]) for m in map(LINE.match, text.splitlines()) if m]
    at = {address: i for i, (address, _, _) in enumerate(code)}
    spans = []
    for i, (address, op, args) in enumerate(code):
        target = re.match(r"([0-9a-f]+)\b", args)
        if op.startswith("j") and target and int(target[1], 16) <= address:
            start = at.get(int(target[1], 16))
            if start is not None:
                spans.append((start, i))
    for start, end in spans:
        if not any(s > start and e < end for s, e in spans):
            yield code[start:end + 1]


def main():
    print(f"1..{len(OBJECTS)}")
    failed = False
    for number, name in enumerate(OBJECTS, 1):
        path = os.path.join(BUILD, "obj/lib/simd", name + ".o")
        if not os.path.exists(path) or not shutil.which("objdump") or \
                os.environ.get("MILLRACE_SANITIZED"):
            print(f"ok {number} - {name} # SKIP needs objdump and an x86-64 build without sanitizers")
            continue
        hot = spills = 0
        for body in loops(path):
            if sum(op.startswith(("vfmadd", "vpdpbusd", "vpmaddubsw")) for _, op, _ in body) < 12:
                continue
            hot += 1
            for address, op, args in body:
                if op.startswith("vmov") and re.match(r"%[zy]mm\d+,.*\(%r[sb]p", args):
                    print(f"# {name}: {address:x}: {op} {args}")
                    spills += 1
        ok = hot > 0 and spills == 0
        print(f"# {name}: {hot} hot loops, {spills} spills")
        print(f"{'ok' if ok else 'not ok'} {number} - {name}")
        failed |= not ok
    sys.exit(failed)


main()
