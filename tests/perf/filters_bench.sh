#!/bin/sh
# filters_bench.sh BUILD: whole-tool speed of clean and dedup through pipes, `cat` through the same
# pipes beside each as the limit. MB/s by the wall and by the processor time of the tool alone.
# Inputs: tldr (39 languages, ~550-byte records, many escapes; needs DATA) and long English records,
# both repeated to ~150 MB.
export BUILD="$1"
exec python3 - <<'PY'
import json, os, shutil, subprocess, tempfile, time

BUILD, DATA = os.environ["BUILD"], os.environ.get("DATA") or "/nonexistent"
SIZE = 150_000_000


def english():
    words = "the of and to in a is that for it as was with be by on not he his but at are this have from".split()
    text = " ".join(words[(i * i + i // 7) % len(words)] for i in range(2200))
    text = "\n\n".join(text[i:i + 600] for i in range(0, len(text), 600))
    return b"".join(json.dumps({"id": i, "text": f"{i}: {text}"}).encode() + b"\n" for i in range(2000))


def tldr():
    path = os.path.join(DATA, "corpora", "tldr.jsonl.zst")
    if not os.path.exists(path):
        return None
    return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout


def measure(path, args):
    best = None
    index = args[args.index("--index") + 1] if "--index" in args else None
    for _ in range(3):
        if index:
            shutil.rmtree(index, ignore_errors=True)
        source = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
        start = time.time()
        tool = subprocess.Popen(args, stdin=source.stdout, stdout=subprocess.PIPE)
        sink = subprocess.Popen(["cat"], stdin=tool.stdout, stdout=subprocess.DEVNULL)
        source.stdout.close()
        tool.stdout.close()
        sink.wait()
        _, status, usage = os.wait4(tool.pid, 0)
        tool.returncode = status
        wall = time.time() - start
        source.wait()
        if status:
            raise SystemExit(f"{args}: status {status}")
        cpu = usage.ru_utime + usage.ru_stime
        if best is None or cpu < best[1]:
            best = wall, cpu
    if index:
        shutil.rmtree(index, ignore_errors=True)
    return best


def table(name, data):
    clean, dedup = BUILD + "/bin/clean", BUILD + "/bin/dedup"
    space = "--normalize nfc --newlines lf --collapse-space --trim-lines".split()
    rows = [["cat"], [clean, "-j1"], [clean, "-j2"], [clean, "-j1"] + space, [clean, "-j2"] + space,
            [clean, "-j1", "--min-chars", "1"], [clean, "-j1", "--drop-match", "(?i)lorem ipsum"],
            [clean, "-j1", "--profile", "gopher", "--off", "gopher_repetition"],
            [clean, "-j1", "--profile", "fineweb"],
            [clean, "-j1", "--profile", "fineweb", "--annotate"],
            [dedup, "-j1"], [dedup, "-j2"], [dedup, "-j1", "--key", "normalized"],
            [dedup, "-j1", "--memory", "16M"], [dedup, "-j1", "--keep", "last"],
            [dedup, "-j1", "--index", os.path.join(tempfile.gettempdir(), f"index.{os.getpid()}")],
            [dedup, "-j1", "--unit", "paragraph"], [dedup, "-j1", "--unit", "line"],
            [dedup, "-j1", "--substring", "50:words"]]
    with tempfile.NamedTemporaryFile() as f:
        for _ in range(max(1, SIZE // len(data))):
            f.write(data)
        f.flush()
        size = os.path.getsize(f.name)
        print(f"{name}: {size / 1e6:.0f} MB\n{'MB/s wall':>10} {'per core':>9} {'of cat':>7}")
        limit = None
        for args in rows:
            wall, cpu = measure(f.name, args)
            limit = limit or wall
            title = " ".join([os.path.basename(args[0])] + args[1:])
            print(f"{size / 1e6 / wall:10.0f} {size / 1e6 / cpu:9.0f} {limit / wall:6.0%}  {title}")


table("english, 10 KB records", english())
mixed = tldr()
if mixed:
    table("tldr, 39 languages", mixed)
PY
