#!/usr/bin/env python3
"""shard_kills.py: shard is killed (SIGKILL) 200 times at random points, in every kind of format, and
run again until it ends: the folder must be the one that a run without kills writes, byte for byte,
with nothing left over. KILLS says how often. Prints TAP."""
import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
SHARD = os.path.abspath(os.path.join(BUILD, "bin", "shard"))
KILLS = int(os.environ.get("KILLS", "200"))
FORMATS = [["--format", "jsonl.zst", "--frame", "50"], ["--format", "megatron"], ["--format", "npy"],
           ["--format", "safetensors"], ["--format", "datatrove"], ["--format", "webdataset"],
           ["--format", "mds", "--columns", "text:str,ids:ndarray", "--level", "1"],
           ["--format", "llmc", "--splits", "a=0.7,b=0.3"]]


def files(folder):
    return sorted(os.path.relpath(os.path.join(d, n), folder) for d, _, names in os.walk(folder) for n in names)


def main():
    seed = int(os.environ.get("SEED", os.getpid()))
    r = random.Random(seed)
    kills = 0
    with tempfile.TemporaryDirectory() as top:
        os.chdir(top)
        with open("in", "w", encoding="utf-8") as f:
            for i in range(6000):
                f.write(json.dumps({"id": i, "text": "some words " * r.randrange(20),
                                    "ids": [r.randrange(70000) for _ in range(r.randrange(60))]}) + "\n")
        for k, options in enumerate(FORMATS):
            with open("in", "rb") as f:
                subprocess.run([SHARD, "-o", f"whole{k}", "--size", "60K", *options], stdin=f, check=True)
        turn = 0
        while kills < KILLS:
            k = turn % len(FORMATS)
            turn += 1
            patience = 0.02
            while True:
                with open("in", "rb") as f:
                    p = subprocess.Popen([SHARD, "-o", "cut", "--size", "60K", "-j", r.choice("124"), *FORMATS[k]],
                                         stdin=f, stderr=subprocess.PIPE)
                try:
                    p.wait(r.uniform(0.0, patience))
                except subprocess.TimeoutExpired:
                    p.kill()
                message = p.communicate()[1]
                if p.returncode == 0:
                    break
                if p.returncode != -signal.SIGKILL:
                    print(f"1..1\nnot ok 1 - shard after a kill (SEED={seed})\n# {FORMATS[k]}: {message}")
                    return 1
                kills += 1
                patience *= 1.15  # a slow machine has to get somewhere too
            names = files(f"whole{k}")
            _, different, errors = filecmp.cmpfiles(f"whole{k}", "cut", names, shallow=False)
            if files("cut") != names or different or errors:
                print(f"1..1\nnot ok 1 - the folder of a run without kills (SEED={seed})")
                print(f"# {FORMATS[k]}: {different} {errors} {set(files('cut')) ^ set(names)}")
                return 1
            shutil.rmtree("cut")
        os.chdir("/")
    print(f"1..1\nok 1 - killed {kills} times in {turn} runs, the same files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
