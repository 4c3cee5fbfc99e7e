#!/bin/sh
# dedup_near_bench.sh BUILD: near duplicates and decontamination, MB/s of input by the wall and by the
# processor time of the tool alone, `cat` through the same pipes as the limit; libraries that make
# MinHash signatures beside them, interleaved, where PYTHON (default python3) has them; then the same
# at 100,000 and at RECORDS (default 1,000,000; the goal is stated for 10,000,000) records.
# TEXT=FILE.jsonl: real text to use (id, text); else the tldr corpus of DATA, else made-up text.
export BUILD="$1"
exec python3 - <<'PY'
import json, os, random, subprocess, sys, tempfile, time

BUILD, DATA = os.environ["BUILD"], os.environ.get("DATA") or "/nonexistent"
PYTHON = os.environ.get("PYTHON", "python3")
SIZE, RECORDS = 100_000_000, int(os.environ.get("RECORDS", "1000000"))
DEDUP = BUILD + "/bin/dedup"


def made_up():
    rng = random.Random(1)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randrange(2, 11))) for _ in range(30000)]
    return [json.dumps({"id": i, "text": " ".join(rng.choices(words, k=400))}) + "\n" for i in range(4000)]


def lines_of_text():
    if os.environ.get("TEXT"):
        with open(os.environ["TEXT"], encoding="utf-8") as f:
            return f.readlines(SIZE)
    path = os.path.join(DATA, "corpora", "tldr.jsonl.zst")
    if os.path.exists(path):
        return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines(True)
    return made_up()


def run(path, args):
    source = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    start = time.time()
    tool = subprocess.Popen(args, stdin=source.stdout, stdout=subprocess.DEVNULL)
    source.stdout.close()
    _, status, usage = os.wait4(tool.pid, 0)
    tool.returncode = status
    wall = time.time() - start
    source.wait()
    if status:
        raise SystemExit(f"{args}: status {status}")
    return wall, usage.ru_utime + usage.ru_stime


PEER = """
import json, re, sys
W = re.compile(r"\\W+")
def grams(t):
    w = W.split(t.lower())
    return [" ".join(w[i:i + 5]) for i in range(max(1, len(w) - 4))]
texts = (json.loads(l)["text"] for l in sys.stdin)
%s
"""
PEERS = {
    "datasketch MinHash(112).update_batch": "from datasketch import MinHash\nfor t in texts:\n"
        "    MinHash(num_perm=112).update_batch([g.encode() for g in grams(t)])",
    "rensa RMinHash(112).update": "from rensa import RMinHash\nfor t in texts:\n"
        "    RMinHash(num_perm=112, seed=42).update(grams(t))",
    "text-dedup's formula (sha1, numpy), 112": "import hashlib\nimport numpy as np\nr = np.random.RandomState(42)\n"
        "P = np.uint64((1 << 61) - 1)\na = r.randint(1, P, size=112, dtype=np.uint64)\nb = r.randint(0, P, size=112, dtype=np.uint64)\n"
        "for t in texts:\n    h = np.array([int.from_bytes(hashlib.sha1(g.encode()).digest()[:4], 'little') for g in set(grams(t))], dtype=np.uint64)\n"
        "    ((h.reshape(-1, 1) * a + b) % P).min(axis=0)",
}


def has(code):
    module = code.split()[1]
    return subprocess.run([PYTHON, "-c", f"import {module}, numpy"], stderr=subprocess.DEVNULL).returncode == 0


def table(lines):
    with tempfile.TemporaryDirectory() as folder:
        path, small, ref = (os.path.join(folder, n) for n in ("in", "small", "ref"))
        with open(path, "w", encoding="utf-8") as f:
            while f.tell() < SIZE:
                f.writelines(lines)
        with open(small, "w", encoding="utf-8") as f:
            f.writelines(lines[:max(1, len(lines) * 3_000_000 // sum(map(len, lines)))])
        with open(ref, "w", encoding="utf-8") as f:
            f.writelines(lines[::50])
        near = [DEDUP, "--near", "0.75", "--bands", "14", "--rows", "8"]
        rows = [(path, "cat", ["cat"]), (path, "dedup --near, 14 x 8, -j1", near + ["-j1"]),
                (path, "the same, -j2", near + ["-j2"]), (path, "the same, AVX2", near + ["-j1", "--isa", "avx2"]),
                (path, "the same, scalar", near + ["-j1", "--isa", "scalar"]),
                (path, "--sign, -j1", near + ["-j1", "--sign"]), (path, "--cluster, -j1", near + ["-j1", "--cluster"]),
                (path, "--compat datatrove, -j1", [DEDUP, "--near", "0.75", "--compat", "datatrove", "-j1"]),
                (path, "--contains, -j1", [DEDUP, "--contains", ref, "--max-share", "1", "-j1"])]
        rows += [(small, "peer: " + name, [PYTHON, "-c", PEER % code]) for name, code in PEERS.items() if has(code)]
        best = {}
        for _ in range(2):
            for p, name, args in rows:
                try:
                    got = run(p, args)
                except SystemExit:
                    if "--isa" not in args:
                        raise
                    continue
                best[name] = min(best.get(name, got), got, key=lambda g: g[1])
        print(f"{SIZE / 1e6:.0f} MB; peers {os.path.getsize(small) / 1e6:.0f} MB\n{'MB/s wall':>10} {'per core':>9}")
        for p, name, _ in rows:
            if name in best:
                wall, cpu = best[name]
                print(f"{os.path.getsize(p) / 1e6 / wall:10.1f} {os.path.getsize(p) / 1e6 / max(cpu, 1e-3):9.1f}  {name}")


GENERATE = """
import json, random, sys
lines = [json.loads(l)["text"].split()[:120] for l in open(sys.argv[1], encoding="utf-8")]
lines = [w for w in lines if len(w) >= 20]
rng = random.Random(1)
for i in range(int(sys.argv[2])):
    w = list(lines[i % len(lines)])
    for _ in range(max(1, len(w) // (6 if i % 4 else 60))):
        w[int(rng.random() * len(w))] = "%x" % rng.getrandbits(40)
    sys.stdout.write('{"id":%d,"text":%s}\\n' % (i, json.dumps(" ".join(w))))
"""


def scale(lines):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as f:
        f.writelines(lines[:20000])
        f.flush()
        print("real text varied by seeded word replacement, --near 0.8 -j1; the generator's time is not counted")
        for records in (100_000, RECORDS):
            source = subprocess.Popen([sys.executable, "-c", GENERATE, f.name, str(records)], stdout=subprocess.PIPE)
            with tempfile.NamedTemporaryFile("r") as report:
                tool = subprocess.Popen([DEDUP, "--near", "0.8", "-j1", "--report", report.name], stdin=source.stdout,
                                        stdout=subprocess.DEVNULL)
                source.stdout.close()
                _, status, usage = os.wait4(tool.pid, 0)
                tool.returncode = status
                source.wait()
                r = json.loads(open(report.name).read())
            cpu = usage.ru_utime + usage.ru_stime
            print(f"{records:>12,} records {r['bytes_in'] / 1e6 / cpu:8.1f} MB/s per core, {r['out']:,} kept, "
                  f"{r['state_bytes_per_record']:.0f} B of state each, peak {r['peak_rss_bytes'] / 1e6:.0f} MB")


text = lines_of_text()
table(text)
scale(text)
PY
