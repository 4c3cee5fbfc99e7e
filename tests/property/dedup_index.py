#!/usr/bin/env python3
"""dedup_index.py: what an index of dedup promises. Prints TAP.

k batches give the bytes of one; a run that is killed leaves the index as it was and can be run again;
damaged files are refused and never crash; a full disk is exit 74 and the index opens again; one
writer, any readers; forget, merge and export. FULL=1 kills 200 times instead of 12.
"""
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
DEDUP = os.path.abspath(os.path.join(BUILD, "bin/dedup"))
KILLS = 200 if os.environ.get("FULL") else 12
number = 0


def result(name, problems, skip=None):
    global number
    number += 1
    print(f"{'not ok' if problems else 'ok'} {number} - {name}" + (f" # SKIP {skip}" if skip else ""))
    for p in problems[:5]:
        print("#", str(p)[:400])


def dedup(*args, data=b"", want=0):
    p = subprocess.run([DEDUP] + list(args), input=data, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, check=False)
    if want is not None and p.returncode != want:
        raise RuntimeError(f"{args}: exit {p.returncode}: {p.stderr.decode()[-300:]}")
    return p.stdout if want is not None else p


def records(seed, count, texts, start=0):
    rng = random.Random(seed)
    return ['{"id":%d,"text":"text %d"}\n' % (start + i, rng.randrange(texts)) for i in range(count)]


def join(lines):
    return "".join(lines).encode()


def export(index):
    return [json.loads(l) for l in dedup("--index-export", index).splitlines()]


def check_batches():
    lines = records(1, 6000, 2500)
    want_dups = dedup("--dups", "/dev/stdout", "-o", "whole", "--force", data=join(lines))
    with open("whole", "rb") as f:
        want = f.read()
    problems = []
    for k in (1, 2, 7):
        for more in ([], ["--trust-hash"], ["-j4", "--memory", "4M"]):
            shutil.rmtree("ix", ignore_errors=True)
            out = dups = b""
            for i in range(k):
                part = lines[len(lines) * i // k:len(lines) * (i + 1) // k]
                dups += dedup("--index", "ix", "--dups", "/dev/stdout", "-o", "part", "--force", *more,
                              data=join(part))
                with open("part", "rb") as f:
                    out += f.read()
            if out != want or dups != want_dups:
                problems.append(f"{k} batches, {more}")
            stat = json.loads(dedup("--index-verify", "ix"))
            if stat["entries"] != want.count(b"\n") or stat["runs"] != k:
                problems.append(f"{k} batches, {more}: {stat}")
            if {e["id"] for e in export("ix")} != {json.loads(l)["id"] for l in want.splitlines()}:
                problems.append("other ids in the index")
    result("k batches give the bytes of one", problems)


def check_full_table():
    """The table of the run is full and records wait on disk: known and new ones alike."""
    shutil.rmtree("ix", ignore_errors=True)
    first, second = records(2, 2000, 400000), records(3, 300000, 260000, 2000)
    dedup("--index", "ix", data=join(first))
    want = dedup(data=join(first + second))[len(dedup(data=join(first))):]
    problems = []
    shutil.copytree("ix", "iy")
    for args in (["--memory", "4M", "--index", "ix"], ["--index", "iy"]):
        got = dedup(*args, "--dups", "d", "--force", "--report", "r.json", data=join(second))
        if got != want:
            problems.append(f"{args}: other records")
        with open("d", "rb") as f:
            problems += [] if args[0] == "--index" else [None] * (not f.read())
    if export("ix") != export("iy"):
        problems.append("the indexes differ")
    shutil.rmtree("iy")
    result("a full table changes neither the output nor the index", problems)


def check_near():
    """Near duplicates over runs: the same bytes as in one, and what is forgotten is not compared."""
    rng = random.Random(20)
    words = ["w%d" % i for i in range(3000)]
    texts, lines = [], []
    for i in range(1500):
        if texts and rng.random() < 0.5:
            t = list(rng.choice(texts))
            for _ in range(rng.randrange(8)):
                t[rng.randrange(len(t))] = rng.choice(words)
        else:
            t = [rng.choice(words) for _ in range(rng.randint(40, 90))]
        texts.append(t)
        lines.append('{"id":%d,"text":"%s"}\n' % (i, " ".join(t)))
    problems = []
    for more in ([], ["--trust-estimate"], ["--max-candidates", "2"]):
        near = ["--near", "0.7", "--dups", "/dev/stdout", "-o", "part", "--force"] + more
        want_dups = dedup(*near, data=join(lines))
        with open("part", "rb") as f:
            want = f.read()
        for k in (1, 5):
            shutil.rmtree("ix", ignore_errors=True)
            out = dups = b""
            for i in range(k):
                part = lines[len(lines) * i // k:len(lines) * (i + 1) // k]
                dups += dedup(*near, "--index", "ix", f"-j{1 + i % 2 * 3}", data=join(part))
                with open("part", "rb") as f:
                    out += f.read()
            if out != want or dups != want_dups or not dups:
                problems.append(f"{k} batches, {more}: {len(out)} and {len(want)} bytes")
            stat = json.loads(dedup("--index-verify", "ix"))
            if stat["entries"] != want.count(b"\n") or len(export("ix")) != stat["entries"]:
                problems.append(f"{k} batches: {stat}")
    shutil.rmtree("ix")
    dedup("--near", "0.7", "--index", "ix", data=join(lines))
    if dedup("--near", "0.7", "--index", "ix", data=lines[0].encode()):
        problems.append("a known text is let through")
    with open("ids", "wb") as f:
        f.write(b"0\n")
    dedup("--index", "ix", "--forget", "ids")
    if dedup("--near", "1", "--index", "ix", data=b"", want=None).returncode != 78:
        problems.append("another threshold is accepted")
    first = [e["id"] for e in export("ix")]
    if 0 in first or not first:
        problems.append("forget")
    result("near duplicates: k batches give the bytes of one", problems)


def check_kill():
    shutil.rmtree("ix", ignore_errors=True)
    first, second = join(records(4, 500, 400)), join(records(5, 60000, 50000, 500))
    dedup("--index", "ix", data=first)
    acknowledged = export("ix")
    shutil.copytree("ix", "before")
    began = time.time()
    want = dedup("--index", "ix", data=second)
    took = time.time() - began
    after = export("ix")
    rng = random.Random(6)
    problems, killed = [], 0
    for i in range(KILLS):
        if i % 4 == 0:
            shutil.rmtree("ix")
            shutil.copytree("before", "ix")
        with open("in", "wb") as f:
            f.write(second)
        p = subprocess.Popen([DEDUP, "--index", "ix", "in", "-o", "out", "--force"],
                             stderr=subprocess.DEVNULL)
        time.sleep(took * rng.uniform(0.1, 1.1))
        p.send_signal(signal.SIGKILL)
        p.wait()
        killed += p.returncode == -signal.SIGKILL
        now = export("ix")
        if now not in (acknowledged, after):
            problems.append(f"kill {i}: {len(now)} records, neither as before nor complete")
        if json.loads(dedup("--index-verify", "ix"))["entries"] != len(now):
            problems.append(f"kill {i}: damaged")
        if now == after or i % 4 == 3:
            if now == acknowledged and dedup("--index", "ix", data=second) != want:
                problems.append(f"kill {i}: running it again gives other records")
            if export("ix") != after:
                problems.append(f"kill {i}: the index does not converge")
            shutil.rmtree("ix")
            shutil.copytree("before", "ix")
    print(f"# {killed} of {KILLS} runs were killed")
    if killed < KILLS // 4:
        problems.append("too few were killed")
    shutil.rmtree("before")
    result("a run that is killed has not happened, and can be run again", problems)


def check_damage():
    shutil.rmtree("ix", ignore_errors=True)
    dedup("--index", "ix", data=join(records(7, 3000, 3000)))
    dedup("--index", "ix", data=join(records(8, 200, 9000)))
    with open("ix/data.mdb", "rb") as f:
        good = f.read()
    rng = random.Random(9)
    problems, refused = [], 0
    for i in range(150):
        bad = bytearray(good)
        if i % 5 == 0:
            bad = bad[:rng.randrange(len(bad))]
        else:
            for _ in range(rng.choice((1, 1, 4, 64))):
                at = rng.randrange(16384 if i % 2 else len(bad))
                bad[at] = rng.choice((0, 1, 0x7F, 0xFF, bad[at] ^ (1 << rng.randrange(8))))
        with open("ix/data.mdb", "wb") as f:
            f.write(bad)
        for args in (["--index-verify", "ix"], ["--index", "ix"]):
            p = dedup(*args, data=join(records(i, 50, 9000)), want=None)
            refused += p.returncode == 78
            if p.returncode not in (0, 66, 78):
                problems.append(f"damage {i}: {args}: exit {p.returncode} {p.stderr[-200:]}")
    if refused < 50:
        problems.append(f"only {refused} refused")
    result("a damaged index is refused and crashes nothing", problems)


def check_full_disk():
    name = "a full disk is exit 74 and the index opens again"
    if subprocess.run(["unshare", "-rm", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        result(name, [], "needs user namespaces")
        return
    with open("small", "wb") as f:
        f.write(join(records(10, 500, 500)))
    with open("large", "wb") as f:
        f.write(join(records(11, 60000, 60000)))
    script = f"""mkdir -p m && mount -t tmpfs -o size=2m none m || exit 99
        '{DEDUP}' --index m/ix small >one || exit 98
        '{DEDUP}' --index-export m/ix >before
        '{DEDUP}' --index m/ix large >two; code=$?
        '{DEDUP}' --index-verify m/ix >verified || exit 97
        '{DEDUP}' --index-export m/ix | cmp - before || exit 96
        '{DEDUP}' --index m/ix small >three || exit 95
        [ -s three ] && exit 94
        exit $code"""
    p = subprocess.run(["unshare", "-rm", "sh", "-c", script], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, check=False)
    result(name, [] if p.returncode == 74 else [f"exit {p.returncode} {p.stderr[-300:]}"])


def check_locks():
    shutil.rmtree("ix", ignore_errors=True)
    dedup("--index", "ix", data=join(records(12, 100, 100)))
    problems = []
    with open("ix/lock", "rb") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        for args in (["--index", "ix"], ["--index", "ix", "--forget", "/dev/null"]):
            code = dedup(*args, want=None).returncode
            if code != 75:
                problems.append(f"{args}: exit {code} while locked")
        if not export("ix"):
            problems.append("a reader must not need the lock")
    dedup("--index", "ix", data=b"")
    if dedup("--index", "ix", "--key", "normalized", want=None).returncode != 78:
        problems.append("other settings are accepted")
    result("one writer, any readers, one kind of key", problems)


def check_forget_and_merge():
    for d in ("ix", "iy", "iz"):
        shutil.rmtree(d, ignore_errors=True)
    data = b'{"id":"a\\u0041","text":"x"}\n{"id":2,"text":"y"}\n{"id":"c","text":"z"}\n'
    dedup("--index", "ix", data=data)
    with open("ids", "wb") as f:
        f.write(b'{"id":"aA","n":1}\n2\n\nnobody\n')
    dedup("--index", "ix", "--forget", "ids")
    problems = []
    if [e["id"] for e in export("ix")] != ["c"]:
        problems.append(f"forget left {export('ix')}")
    if dedup("--index", "ix", data=data).count(b"\n") != 2:
        problems.append("what was forgotten is not new again")
    one, two = records(13, 900, 700), records(14, 900, 700, 900)
    shutil.rmtree("ix")
    dedup("--index", "ix", data=join(one))
    dedup("--index", "iy", data=join(two))
    dedup("--index-merge", "iz", "ix", "iy")
    both = {}
    for line in one + two:
        r = json.loads(line)
        both.setdefault(r["text"], r["id"])
    if {e["id"] for e in export("iz")} != set(both.values()):
        problems.append("merged is not what one run would have")
    if dedup("--index", "iz", data=join(one + two)):
        problems.append("the merged index does not know all")
    for args in (["--index-merge", "iz", "iz"], ["--index-merge", "iz"], ["--forget", "ids"]):
        if dedup(*args, want=None).returncode != 2:
            problems.append(f"{args} is accepted")
    if dedup("--index-stat", "nothing", want=None).returncode != 66:
        problems.append("an index that is not there")
    result("forget, and merge", problems)


if b"without LMDB" in dedup("--index-stat", ".", want=None).stderr:
    result("indexes", [], "needs LMDB")
else:
    with tempfile.TemporaryDirectory() as where:
        os.chdir(where)
        for check in (check_batches, check_full_table, check_near, check_kill, check_damage, check_full_disk,
                      check_locks, check_forget_and_merge):
            check()
        os.chdir("/")
print(f"1..{number}")
sys.exit(0)
