#!/bin/sh
# shard_bench.sh BUILD: shard's formats, processor time of one thread in MB/s of input, the limit of
# the same data beside it: zstd's own speed for compressed lines, a copy (cat to a file) for ids.
export BUILD="$1"
exec python3 - <<'PY'
import json, os, random, shutil, struct, subprocess, tempfile

BUILD = os.environ["BUILD"]
SHARD, TOKENIZE = (os.path.join(BUILD, "bin", n) for n in ("shard", "tokenize"))


def cpu(args, stdin=None, clean=None):
    """The least processor time of three runs."""
    best = None
    for _ in range(3):
        if clean:
            shutil.rmtree(clean, ignore_errors=True)
        with open(stdin or os.devnull, "rb") as f:
            p = subprocess.Popen(args, stdin=f, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(p.pid, 0)
        assert status == 0, args
        best = min(best or 1e9, usage.ru_utime + usage.ru_stime)
    return best


def row(name, size, seconds, limit=None, limit_name=""):
    beside = f"   {limit_name} {size / limit / 1e6:.0f} MB/s: {limit / seconds:.2f}" if limit else ""
    print(f"{name:<34} {size / seconds / 1e6:7.0f} MB/s{beside}")


with tempfile.TemporaryDirectory() as top:
    os.chdir(top)
    r = random.Random(1)
    words = [f"w{i:x}" for i in range(3000)]
    with open("lines", "w", encoding="utf-8") as f:
        for i in range(40000):
            f.write(json.dumps({"id": i, "text": " ".join(r.choices(words, k=r.randrange(300)))}) + "\n")
    with open("ids", "w", encoding="utf-8") as f:
        for i in range(20000):
            f.write(json.dumps({"ids": [r.randrange(50000) for _ in range(r.randrange(1000))]},
                               separators=(",", ":")) + "\n")
    with open("packed", "wb") as f:
        subprocess.run([TOKENIZE, "-t", "demo", "--format", "packed", "lines"], stdout=f, check=True)
    size = os.path.getsize("lines")
    limit = cpu(["zstd", "-3", "-q", "--single-thread", "-c", "lines"])
    row("jsonl.zst", size, cpu([SHARD, "-j1", "-o", "z"], "lines", "z"), limit, "zstd -3")
    row("--cat of jsonl.zst", size, cpu([SHARD, "-j1", "--cat", "z"]))
    row("--verify of jsonl.zst", size, cpu([SHARD, "--verify", "z"]))
    size = os.path.getsize("ids")
    row("megatron from JSONL ids", size, cpu([SHARD, "-j1", "-o", "m", "--format", "megatron"], "ids", "m"))
    size = os.path.getsize("m/shard-000000.bin")
    row("--verify of megatron", size, cpu([SHARD, "--verify", "m"]))
    row("--cat of megatron (bytes of ids)", size, cpu([SHARD, "-j1", "--cat", "m"]))
    size = os.path.getsize("packed")
    copy = cpu(["sh", "-c", "cat packed > copy"])
    for name in ("megatron", "npy"):
        row(f"{name} from packed ids", size, cpu([SHARD, "--packed", "-o", "p", "--format", name], "packed", "p"),
            copy, "cat")
PY
