#!/usr/bin/env python3
"""dedup_keep.py: dedup --keep and --memory against a model in python3. Prints TAP.

For every rule of who stays the output, --dups and --drops must be those of the model, and the same
bytes at -j1 and -j4, in little memory (records are spooled and sorted on disk), with a hash of 8
bits (nearly all keys collide) and with --trust-hash. One case runs an input of ten times the budget
under a limit of the address space.
"""
import decimal
import json
import os
import random
import resource
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DEDUP = os.path.join(BUILD, "bin/dedup")
SANITIZED = os.environ.get("MILLRACE_SANITIZED")
number = 0


def result(name, problems, skip=None):
    global number
    number += 1
    print(f"{'not ok' if problems else 'ok'} {number} - {name}" + (f" # SKIP {skip}" if skip else ""))
    for p in problems[:5]:
        print("#", str(p)[:300])


def value_key(v):
    """(class, value): what has no value is below numbers, numbers are below strings."""
    if isinstance(v, str):
        return (2, v.encode())
    if isinstance(v, (int, decimal.Decimal)) and not isinstance(v, bool):
        return (1, decimal.Decimal(v))
    return (0, 0)


def model(records, keep):
    """For each record None (it stays) or the index of the record that stays instead."""
    groups = {}
    for i, r in enumerate(records):
        groups.setdefault(r["text"], []).append(i)
    fate = [None] * len(records)
    for members in groups.values():
        best = members[0]
        if keep == "last":
            best = members[-1]
        elif keep[:4] in ("max:", "min:"):
            for i in members[1:]:
                a, b = value_key(records[i].get("n")), value_key(records[best].get("n"))
                if keep[:4] == "max:" and a > b or \
                        keep[:4] == "min:" and a[0] and (a < b or not b[0]):
                    best = i
        for i in members:
            if len(members) > 1 and (i != best or keep == "none"):
                fate[i] = best
    return fate


def make(count, texts, seed):
    rng = random.Random(seed)
    values = ["1", "1.0", "1e0", "10", "-3", "0.5", "5E-1", "12345678901234567890123", '"b"', '"a b"',
              '"a"', "null", "12345678901234567890124", "true", None, "1e400", "-1e400", "0", "-0.0"]
    lines = []
    for i in range(count):
        t = rng.randrange(texts)
        text = json.dumps("t%d%s%s" % (t, "\n" if t % 3 == 0 else "", "é" * (t % 40)),
                          ensure_ascii=t % 2 == 0)
        v = rng.choice(values)
        lines.append('{"id":%s,"text":%s%s}' % (i if i % 2 else '"r%d"' % i, text,
                                               "" if v is None else ',"n":' + v))
    return lines


def run(folder, data, args, limit=None):
    for f in ("dups", "drops"):
        if os.path.exists(os.path.join(folder, f)):
            os.unlink(os.path.join(folder, f))
    before = (lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))) if limit else None
    p = subprocess.run([DEDUP] + args, input=data, cwd=folder, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, preexec_fn=before, check=False)
    if p.returncode:
        raise RuntimeError(f"{args}: exit {p.returncode}: {p.stderr.decode()[-200:]}")
    out = [p.stdout]
    for f in ("dups", "drops"):
        path = os.path.join(folder, f)
        out.append(open(path, "rb").read() if os.path.exists(path) else b"")
    return out


def expected(lines, records, fate):
    ident = [json.dumps(r["id"]) for r in records]
    out = "".join(l + "\n" for l, f in zip(lines, fate) if f is None)
    dups = "".join('{"id":%s,"dup_of":%s,"kind":"exact"}\n' % (ident[i], ident[f])
                   for i, f in enumerate(fate) if f is not None)
    drops = "".join('%s,"_drop":{"by":"dedup","rule":"exact","value":%s}}\n' % (lines[i][:-1], ident[f])
                    for i, f in enumerate(fate) if f is not None)
    return [s.encode() for s in (out, dups, drops)]


def check_rules(folder):
    lines = make(3000, 900, 1)
    records = [json.loads(l, parse_float=decimal.Decimal) for l in lines]
    data = "".join(l + "\n" for l in lines).encode()
    both = ["--dups", "dups", "--drops", "drops"]
    for keep in ("first", "last", "none", "max:n", "min:n"):
        problems = []
        want = expected(lines, records, model(records, keep))
        for more in ([], ["--memory", "4M"], ["--hash-bits", "8"], ["--trust-hash"]):
            for jobs in ("-j1", "-j4"):
                args = ["--keep", keep, jobs] + more
                if run(folder, data, args + both) != want:
                    problems.append(f"{args}: differs from the model")
                if jobs == "-j4" and run(folder, data, args)[0] != want[0]:
                    problems.append(f"{args}: differs without --dups and --drops")
        result(f"--keep {keep} is what the model says", problems)


def check_memory(folder):
    """More keys than the table may hold: records wait on disk, and every byte is the same."""
    lines = make(300000, 260000, 2)
    records = [json.loads(l, parse_float=decimal.Decimal) for l in lines]
    data = "".join(l + "\n" for l in lines).encode()
    both = ["--dups", "dups", "--drops", "drops", "--report", "r.json"]
    problems = []
    want = expected(lines, records, model(records, "first"))
    for more in ([], ["--trust-hash"]):
        for jobs in ("-j1", "-j4"):
            if run(folder, data, ["--memory", "4M", jobs] + more + both) != want:
                problems.append(f"{more} {jobs}: differs from the model")
        with open(os.path.join(folder, "r.json"), encoding="utf-8") as f:
            r = json.load(f)
        if r["deferred_total"] < 30000 or r["run_disk_bytes"] < 1 << 20:
            problems.append(f"nothing was deferred: {r}")
        if r["in"] != r["out"] + r["dropped"]["exact"] or r["distinct"] != r["out"]:
            problems.append(f"the accounting does not close: {r}")
        if run(folder, data, ["--memory", "4M", "-j1"] + more)[0] != want[0]:
            problems.append(f"{more}: differs without --dups and --drops")
    result("with a table that is full the bytes are the same", problems)


def check_limit(folder, budget_mib):
    """A budget under a limit of the address space of it + 128 MiB, with input of 10 times the budget
    and more keys than the table may hold. FULL=1 does it with 64 MiB (a minute)."""
    name = f"--memory {budget_mib}M holds under RLIMIT_AS of {budget_mib} + 128 MiB"
    if SANITIZED:
        result(name, [], "a sanitizer needs more address space")
        return
    k = budget_mib * 1000
    form = '{"text":"%.0f ' + "the quick brown fox jumps over the lazy dog " * 3 + "again and again" + '"}'

    def seq(a, b):
        return f"seq -f '{form}' {a} {b}"

    script = (f"set -o pipefail; ({seq(1, 36 * k)}; {seq(20 * k, 52 * k)}) |"
              f" (ulimit -v {(budget_mib + 128) << 10}; '{DEDUP}' -j1 --memory {budget_mib}M"
              f" --report '{folder}/limit.json') | cmp - <({seq(1, 52 * k)})")
    p = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       check=False)
    problems = [] if p.returncode == 0 else [f"exit {p.returncode}: {p.stdout.decode()[-200:]}"]
    with open(os.path.join(folder, "limit.json"), encoding="utf-8") as f:
        r = json.load(f)
    if r["bytes_in"] < 10 * budget_mib << 20 or not r["deferred_total"]:
        problems.append(f"the input is too small: {r['bytes_in']} bytes, {r['deferred_total']} deferred")
    print(f"# {r['bytes_in'] >> 20} MiB in, {r['deferred_total']} of {r['in']} records deferred, "
          f"{r['seconds']:.1f} s")
    result(name, problems)


def check_full_disk(folder):
    """A spool or a run that finds the disk full: exit 74, nothing left behind."""
    name = "a full $TMPDIR is exit 74 and leaves nothing behind"
    script = ("mkdir -p tmp && mount -t tmpfs -o size=2m none tmp && TMPDIR=$PWD/tmp '%s' --memory 4M %s"
              " -o out < in; code=$?; ls -A tmp; [ -e out ] && echo out; exit $code")
    if subprocess.run(["unshare", "-rm", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        result(name, [], "needs user namespaces")
        return
    with open(os.path.join(folder, "in"), "w", encoding="utf-8") as f:
        f.writelines('{"text":"%d%s"}\n' % (i, "x" * 3000) for i in range(4000))
    problems = []
    for args in ("", "--keep last", "--keep none --trust-hash"):
        p = subprocess.run(["unshare", "-rm", "sh", "-c", script % (DEDUP, args)], cwd=folder,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if p.returncode != 74 or p.stdout:
            problems.append(f"{args}: exit {p.returncode} {p.stdout} {p.stderr[-200:]}")
    result(name, problems)


with tempfile.TemporaryDirectory() as where:
    check_rules(where)
    check_memory(where)
    check_limit(where, 64 if os.environ.get("FULL") else 6)
    check_full_disk(where)
print(f"1..{number}")
sys.exit(0)
