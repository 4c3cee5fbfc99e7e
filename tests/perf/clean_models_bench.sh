#!/bin/sh
# clean_models_bench.sh BUILD: clean's redaction, language, fastText and list stages on one core, in MB/s
# of processor time, beside `clean` that only copies (the limit). Texts: tldr (39 languages; needs DATA)
# and generated English prose with addresses and numbers in it, each repeated to ~100 MB. TEXT=FILE
# measures a JSONL file of your own. The last rows are single lines of 7 MB that nearly match.
export BUILD="$1" TOP="$(cd "$(dirname "$0")/../.." && pwd)"
exec python3 - <<'PY'
import json, os, random, subprocess, tempfile

BUILD, TOP, DATA = os.environ["BUILD"], os.environ["TOP"], os.environ.get("DATA") or "/nonexistent"
CLEAN, SIZE = BUILD + "/bin/clean", 100_000_000


def prose():
    rng = random.Random(3)
    words = ("the of and to in is that for it as was with be by on not he his but at are this have from "
             "which when there can said would about into time only some could them other than then").split()
    extra = ["on 12 May 2021", "joe.smith@example.com", "at 10:30", "call +49 30 1234567", "10.0.0.17", "in 1998",
             "(see p. 24)", "https://example.org/a/b", "US$ 1,200.50", "version 2.10.3"]
    out = []
    for i in range(3000):
        t = [rng.choice(extra) if rng.random() < .01 else rng.choice(words) for _ in range(rng.randrange(100, 900))]
        out.append(json.dumps({"id": i, "url": f"http://site{i}.example.org/page", "text": " ".join(t)}) + "\n")
    return "".join(out).encode()


def tldr():
    path = os.path.join(DATA, "corpora", "tldr.jsonl.zst")
    if os.path.exists(path):
        return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    return None


def seconds(path, args):
    best = None
    for _ in range(2):
        tool = subprocess.Popen([CLEAN, "-j1", *args, path], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(tool.pid, 0)
        tool.returncode = status
        if status:
            raise SystemExit(f"{args}: status {status}")
        cpu = usage.ru_utime + usage.ru_stime
        best = cpu if best is None else min(best, cpu)
    return best


def table(name, path):
    size = os.path.getsize(path)
    with open(folder + "/words", "w") as f:
        f.write("".join(f"badword{i}\n" for i in range(5000)))
    models = TOP + "/tests/data/fasttext/"
    rows = [[], ["--redact", "email"], ["--redact", "all"], ["--redact", "all", "--redact-with", "keep", "--spans"],
            ["--lang", "any", "--lang-min", "0"], ["--lang", "any", "--annotate"],
            ["--model", models + "softmax.bin", "--model-label", "en", "--model-min", "0"],
            ["--model", models + "hs-norm-cut.ftz", "--model-label", "en", "--model-min", "0"],
            ["--bad-words", folder + "/words"]]
    print(f"{name}: {size / 1e6:.0f} MB")
    for args in rows:
        shown = " ".join(os.path.basename(a) for a in args) or "(copy)"
        print(f"  {size / seconds(path, args) / 1e6:7.0f} MB/s  clean {shown}", flush=True)


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "in.jsonl")
    if os.environ.get("TEXT"):
        table(os.path.basename(os.environ["TEXT"]), os.environ["TEXT"])
    for name, data in () if os.environ.get("TEXT") else (("prose", prose()), ("tldr", tldr())):
        if data is None:
            print(f"{name}: needs DATA")
            continue
        with open(path, "wb") as f:
            for _ in range(max(1, SIZE // len(data))):
                f.write(data)
        table(name, path)
    worst = (0, "")
    for miss in ("a@", "1", "12 ", "1.", "::", "a:", "eyJ-", "DE89 ", "4111 1111 1111 ", "A B 1 ", "0.0.0.0.", "+49 ",
                 "-----BEGIN RSA PRIVATE KEY-----", "http://a:b", "x" * 16 + "-", "1234567890 "):
        with open(path, "w") as f:
            f.write(json.dumps({"text": miss * (7_000_000 // len(miss))}) + "\n")
        worst = max(worst, (seconds(path, ["--redact", "all"]), miss))
    print(f"  {worst[0]:.2f} s for the slowest line of 7 MB of near misses ({worst[1]!r}); limit 1")
PY
