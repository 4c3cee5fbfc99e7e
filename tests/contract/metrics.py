#!/usr/bin/env python3
"""metrics.py FILE...: checks Prometheus text format (exposition 0.0.4): grammar, HELP and TYPE before
the samples, one block a family, no sample twice, counters end in _total, names start with millrace_."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*,?)?\}})? (\S+)(?: (-?\d+))?$")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count", "")}


def check(text):
    kinds, helps, seen, closed, current = {}, set(), set(), set(), None
    if text and not text.endswith("\n"):
        yield 0, "the last line has no end"
    for number, line in enumerate(text.split("\n")[:-1], 1):
        meta = re.match(rf"# (HELP|TYPE) ({NAME}) (.+)$", line)
        if line == "" or (line.startswith("#") and not re.match(r"# (HELP|TYPE)\b", line)):
            continue
        sample = SAMPLE.match(line)
        if not meta and not sample:
            yield number, f"not a sample, HELP or TYPE: {line}"
            continue
        name = (meta or sample).group(2 if meta else 1)
        family = name
        if sample and name not in kinds:
            family = next((name[:-len(s)] for k, v in SUFFIXES.items() for s in v
                           if s and name.endswith(s) and kinds.get(name[:-len(s)]) == k), name)
        if family != current:
            if family in closed:
                yield number, f"family {family} is not in one block"
            closed.add(current)
            current = family
        if not family.startswith("millrace_"):
            yield number, f"{family} does not start with millrace_"
        if meta and meta.group(1) == "HELP":
            helps.add(name)
        elif meta:
            kind = meta.group(3)
            if kind not in ("counter", "gauge", "histogram", "summary", "untyped"):
                yield number, f"unknown type {kind}"
            if name in kinds:
                yield number, f"second TYPE of {name}"
            if (kind == "counter") != name.endswith("_total"):
                yield number, f"{name} is a {kind}"
            kinds[name] = kind
        else:
            if family not in kinds or family not in helps:
                yield number, f"{name} has no HELP or TYPE before it"
            labels = re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="', sample.group(2) or "")
            if len(set(labels)) != len(labels):
                yield number, "a label stands twice"
            key = (name, sample.group(2))
            if key in seen:
                yield number, f"sample {key} stands twice"
            seen.add(key)
            try:
                value = float(sample.group(3))
                if kinds.get(family) == "counter" and not value >= 0:
                    yield number, f"counter {name} is {value}"
            except ValueError:
                yield number, f"not a number: {sample.group(3)}"


def main():
    failed = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8", newline="") as f:
            for number, fault in check(f.read()):
                failed = 1
                print(f"{path}:{number}: {fault}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
