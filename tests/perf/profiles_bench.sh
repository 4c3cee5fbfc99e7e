#!/bin/sh
# profiles_bench.sh BUILD: clean's profiles and repairs on English prose: MB/s per core, filtering and
# with --annotate (early drops flatter the first), -j2 against -j1, memory, the dearest rules, and the
# ratio to datatrove on the same records when a python3 has it (PYTHON_DATATROVE). Text: the JSON
# Lines file TEXT, else articles of wikitext-2 (needs DATA), repeated to ~100 MB.
export BUILD="$1"
exec python3 - <<'PY'
import json, os, re, subprocess, sys, tempfile, time

BUILD, DATA = os.environ["BUILD"], os.environ.get("DATA") or "/nonexistent"
CLEAN = BUILD + "/bin/clean"
PYTHON = os.environ.get("PYTHON_DATATROVE") or sys.executable
DATATROVE = """
import json, sys, time
from datatrove.data import Document
from datatrove.pipeline.filters import *
chain = [GopherRepetitionFilter(), GopherQualityFilter(),
         C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter()]
docs = [Document(text=json.loads(x)["text"], id="") for x in sys.stdin]
chain[1].filter(docs[0])
start, kept = time.process_time(), 0
for d in docs:
    kept += all(f.filter(d) is True for f in chain)
print(time.process_time() - start, kept)
"""


def text():
    if os.environ.get("TEXT"):
        with open(os.environ["TEXT"], "rb") as f:
            return f.read(100_000_000).rpartition(b"\n")[0] + b"\n"
    path = os.path.join(DATA, "corpora", "wikitext2-test.txt.zst")
    if not os.path.exists(path):
        return None
    raw = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout.decode()
    articles = [a for a in re.split(r"\n(?= = [^=])", raw) if len(a) > 500]
    one = b"".join(json.dumps({"text": a}).encode() + b"\n" for a in articles)
    return one * (100_000_000 // len(one))


def run(path, args, jobs="-j1"):
    best = (1e9, 1e9, 0)
    for _ in range(3):
        start = time.time()
        with open(path) as f:
            p = subprocess.Popen([CLEAN, jobs, *args], stdin=f, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(p.pid, 0)
        p.returncode = status
        if status:
            raise SystemExit(f"{args}: status {status}")
        best = min(best, (usage.ru_utime + usage.ru_stime, time.time() - start, usage.ru_maxrss))
    return best


data = text()
if data is None:
    print("needs TEXT or the corpora of DATA")
    sys.exit(0)
with tempfile.NamedTemporaryFile() as f, tempfile.NamedTemporaryFile() as report:
    f.write(data)
    f.flush()
    mb = len(data) / 1e6
    print(f"{mb:.0f} MB, {data.count(10)} records\n{'MB/s core':>9} {'-j2/-j1':>8} {'RSS -j2':>8}")
    fineweb = None
    rows = [["--profile", p] for p in "gopher c4 fineweb dolma dclm redpajama curator".split()]
    rows += [r + ["--annotate"] for r in rows]
    rows += [["--profile", "gopher", "--off", "gopher_repetition", "--annotate"],
             ["--profile", "gopher", "--off", "gopher_repetition", "--annotate", "--words", "whitespace"],
             ["--fix-encoding"], ["--strip-html"], ["--strip-markdown"], ["--quotes", "ascii"],
             ["--strip-bullets"], ["--drop-url-lines"], ["--max-repeat", "3"], ["--c4-lines"]]
    for args in rows:
        cpu, wall, _ = run(f.name, args)
        _, wall2, rss = run(f.name, args, "-j2")
        print(f"{mb / cpu:9.0f} {wall / wall2:8.2f} {rss / 1024:6.0f} M  clean {' '.join(args)}", flush=True)
        fineweb = cpu / mb if args == ["--profile", "fineweb"] else fineweb
    run(f.name, ["--profile", "fineweb", "--annotate", "--report", report.name])
    rules = json.load(open(report.name))["rules"]
    for name, r in sorted(rules.items(), key=lambda x: -x[1]["ns_per_byte"])[:8]:
        print(f"{r['ns_per_byte']:9.2f} ns/byte  {name}")
    part = data[:2_000_000].rpartition(b"\n")[0] + b"\n"
    p = subprocess.run([PYTHON, "-c", DATATROVE], input=part, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, check=False)
    if p.returncode:
        print("datatrove: not here")
    else:
        cpu = float(p.stdout.split()[0]) / (len(part) / 1e6)
        print(f"{1 / cpu:9.2f} MB/s per core  datatrove, the chain of fineweb: {cpu / fineweb:.0f} times slower")
PY
