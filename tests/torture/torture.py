#!/usr/bin/env python3
"""torture.py: every tool with the nth allocation or system call failing, for n = 1, 2, 3, …

What must hold each time: no crash (no signal), an exit code of the table, one clear line on stderr when
it failed, no temporary left behind, and an output file that is either whole or absent. Short reads and
writes must change nothing. Prints TAP. STEPS bounds n per call kind (0: until the fault is not reached).
"""
import json, os, shutil, subprocess, sys, tempfile

build = os.path.abspath(os.environ.get("BUILD", "build"))
here = os.path.dirname(os.path.abspath(__file__))
steps = int(os.environ.get("STEPS", "60"))
work = tempfile.mkdtemp(prefix="torture.")
lib = os.path.join(build, "inject.so")
subprocess.check_call([os.environ.get("CC", "cc"), "-O1", "-fPIC", "-shared", "-o", lib, os.path.join(here, "inject.c"), "-ldl"])

ALLOWED = {0, 1, 65, 66, 69, 70, 71, 73, 74, 75, 78}
records = "".join(json.dumps({"id": f"r{i}", "text": f"some words {i % 7} \u00e4\u6f22 " * 5, "n": i}) + "\n" for i in range(200))
with open(os.path.join(work, "in.jsonl"), "w") as f:
    f.write(records)
os.mkdir(os.path.join(work, "docs"))
for i in range(5):
    with open(os.path.join(work, "docs", f"{i}.txt"), "w") as f:
        f.write(f"document {i}\n" * 20)
with open(os.path.join(work, "prompts.jsonl"), "w") as f:
    f.write('{"id":"a","prompt":"hello"}\n{"id":"b","prompt":"# tar"}\n')
with open(os.path.join(work, "ids.jsonl"), "w") as f:
    f.writelines(json.dumps({"id": i, "ids": list(range(i, i + 20))}) + "\n" for i in range(50))

# name: (argv, outputs). Outputs are removed before each run and must be whole or absent after it.
CASES = {
    "collect": (["collect", "docs", "-o", "out"], ["out"]),
    "clean": (["clean", "--normalize", "nfkc", "in.jsonl", "-o", "out", "-j2"], ["out"]),
    "clean-zst": (["clean", "in.jsonl", "-o", "out.zst"], ["out.zst"]),
    "dedup": (["dedup", "in.jsonl", "-o", "out", "--dups", "dups"], ["out", "dups"]),
    "dedup-keep": (["dedup", "--keep", "last", "in.jsonl", "-o", "out", "--dups", "dups"], ["out", "dups"]),
    "tokenize": (["tokenize", "-t", "demo", "in.jsonl", "-o", "out"], ["out"]),
    "shard": (["shard", "in.jsonl", "-o", "shards", "--size", "4K"], ["shards"]),
    "quantize": (["quantize", os.path.join(build, "share/millrace/tldr-7m"), "-o", "out.gguf", "--type", "q8_0"], ["out.gguf"]),
    "infer": (["infer", "-m", "demo", "--max-tokens", "2", "prompts.jsonl", "-o", "out"], ["out"]),
    "bench": (["bench", "--runs", "2", "--export", "json=out", "--", "true"], ["out"]),
}
KINDS = ["alloc", "read", "write", "open", "fsync", "rename"]


def clear(outputs):
    for o in outputs:
        p = os.path.join(work, o)
        shutil.rmtree(p) if os.path.isdir(p) else os.path.exists(p) and os.remove(p)


def is_whole(name, data, want):
    """The same bytes; of bench, whose timings differ, the same JSON members."""
    if name != "bench":
        return data == want
    try:
        return json.loads(data).keys() == json.loads(want).keys()
    except ValueError:
        return False


def content(outputs):
    got = {}
    for o in outputs:
        p = os.path.join(work, o)
        if os.path.isdir(p):
            for n in sorted(os.listdir(p)):
                if n != "lock":
                    got[o + "/" + n] = open(os.path.join(p, n), "rb").read()
        elif os.path.exists(p):
            got[o] = open(p, "rb").read()
    return got


def run(argv, inject=None):
    env = dict(os.environ, PATH=os.path.join(build, "bin") + ":" + os.environ["PATH"])
    hit = os.path.join(work, "hit")
    if os.path.exists(hit):
        os.remove(hit)
    if inject:
        env.update(INJECT=inject, INJECT_HIT=hit, LD_PRELOAD=lib)
    r = subprocess.run([os.path.join(build, "bin", argv[0])] + argv[1:], cwd=work, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return r, os.path.exists(hit)


def check(name, argv, outputs, whole, inject):
    """None or what is wrong; and whether the fault was reached."""
    clear(outputs)
    r, hit = run(argv, inject)
    left = [n for n in os.listdir(work) if n.endswith(".tmp")]
    for n in left:
        os.remove(os.path.join(work, n))
    if r.returncode < 0:
        return f"{inject}: killed by signal {-r.returncode}: {r.stderr[-300:]!r}", hit
    if r.returncode not in ALLOWED:
        return f"{inject}: exit {r.returncode}: {r.stderr[-300:]!r}", hit
    if left:
        return f"{inject}: left {left}", hit
    if r.returncode and not r.stderr.strip():
        return f"{inject}: exit {r.returncode} without a message", hit
    for o, data in content(outputs).items():
        # a shard folder is resumed, a finished shard in it is whole; everything else is all or nothing
        if o in whole and not is_whole(name, data, whole[o]) and not o.endswith("manifest.json") and "journal" not in o:
            return f"{inject}: {o} is half-written ({len(data)} of {len(whole[o])} bytes), exit {r.returncode}", hit
    if r.returncode == 0 and content(outputs) != whole and name != "bench":
        return f"{inject}: exit 0 with other output", hit
    return None, hit


n = 0
failed = 0
for name, (argv, outputs) in CASES.items():
    if not os.path.exists(os.path.join(build, "bin", argv[0])):
        n += 1
        print(f"ok {n} - {name} # skip not built")
        continue
    clear(outputs)
    r, _ = run(argv)
    whole = content(outputs)
    if r.returncode != 0 or not whole:
        n, failed = n + 1, failed + 1
        print(f"not ok {n} - {name} works without faults: exit {r.returncode} {r.stderr[-300:]!r}")
        continue
    for kind in KINDS:
        problem, i = None, 0
        while not problem and (steps == 0 or i < steps):
            i += 1
            problem, hit = check(name, argv, outputs, whole, f"{kind}:{i}:{28 if kind == 'write' else 5}")
            if not hit:
                break
        n += 1
        failed += problem is not None
        print(f"{'not ok' if problem else 'ok'} {n} - {name}: {kind} fails at 1..{i}" + (f"\n# {problem}" if problem else ""))
    n += 1
    problem, _ = check(name, argv, outputs, whole, "short:3")
    failed += problem is not None
    print(f"{'not ok' if problem else 'ok'} {n} - {name}: short reads and writes" + (f"\n# {problem}" if problem else ""))
    sys.stdout.flush()
print(f"1..{n}")
shutil.rmtree(work)
sys.exit(failed != 0)
