#!/usr/bin/env python3
"""shard_readers.py: what the libraries of trainers read out of our shards.

One test per library; a library that is not installed is skipped by name. The expected documents are
made here, not by shard.
"""
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
SHARD = os.path.abspath(os.path.join(BUILD, "bin", "shard"))


def records(most):
    r = random.Random(5)
    return [{"id": f"r{i}", "text": "text é\n" * r.randrange(5), "n": i - 3,
             "ids": [r.randrange(most) for _ in range(r.randrange(80))]} for i in range(300)]


def write(folder, rows, *options):
    text = "".join(json.dumps(r) + "\n" for r in rows)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    subprocess.run([SHARD, "-o", folder, "--size", "16K", *options], input=text.encode(), check=True)
    return sorted(n for n in os.listdir(folder) if n.startswith("shard-"))


def flat(rows):
    return [i for r in rows for i in r["ids"]]


def test_numpy(np, folder):
    for most in (60000, 100000):
        rows = records(most)
        out = os.path.join(folder, str(most))
        names = write(out, rows, "--format", "npy")
        docs = []
        for name in names:
            if name.endswith(".docs.npy"):
                continue
            tokens = np.load(os.path.join(out, name), mmap_mode="r")
            ends = np.load(os.path.join(out, name.replace(".npy", ".docs.npy")))
            assert most < 65536 or tokens.dtype == np.uint32 or int(tokens.max()) < 65536
            docs += [[int(x) for x in tokens[a:b]] for a, b in zip([0] + list(ends), ends)]
        assert docs == [r["ids"] for r in rows]


def test_llmc(np, folder):
    for most, magic, version, dtype in ((60000, 20240520, 1, np.uint16), (100000, 20240801, 7, np.uint32)):
        rows = records(most)
        out = os.path.join(folder, str(most))
        tokens = []
        wide = ("--dtype", "u32") if most > 65536 else ()
        for name in write(out, rows, "--format", "llmc", *wide):
            if not name.endswith(".bin"):
                continue
            with open(os.path.join(out, name), "rb") as f:  # as llm.c's data_common.py reads it
                header = np.frombuffer(f.read(256 * 4), dtype=np.int32)
                assert header[0] == magic and header[1] == version
                a = np.frombuffer(f.read(), dtype=dtype)
            assert len(a) == header[2]
            tokens += [int(x) for x in a]
        assert tokens == flat(rows)


def test_safetensors(_, folder):
    from safetensors.numpy import load_file
    for most in (60000, 100000):
        rows = records(most)
        out = os.path.join(folder, str(most))
        docs = []
        for name in write(out, rows, "--format", "safetensors"):
            t = load_file(os.path.join(out, name))
            ends = [0] + [int(x) for x in t["doc_ends"]]
            tokens = [int(x) for x in t["tokens"]]
            docs += [tokens[a:b] for a, b in zip(ends, ends[1:])]
        assert docs == [r["ids"] for r in rows]


def test_streaming(streaming, folder):
    rows = records(60000)
    for i, options in enumerate(((), ("--level", "3"))):
        out = os.path.join(folder, str(i))
        write(out, rows, "--format", "mds", "--columns", "id:str,text:str,n:int,ids:ndarray:uint16", *options)
        data = streaming.StreamingDataset(local=out, remote=None, shuffle=False, batch_size=1)
        got = [data[k] for k in range(len(data))]
        assert [(g["id"], g["text"], int(g["n"]), [int(x) for x in g["ids"]]) for g in got] == \
            [(r["id"], r["text"], r["n"], r["ids"]) for r in rows]


def test_webdataset(wds, folder):
    rows = records(60000)
    names = write(folder, rows, "--format", "webdataset")
    urls = [os.path.join(folder, n) for n in names]
    got = list(wds.WebDataset(urls, shardshuffle=False).decode())
    assert [g["json"] for g in got] == rows
    assert len({g["__key__"] for g in got}) == len(rows)


def test_datatrove(_, folder):
    from datatrove.utils.dataset import DatatroveFileDataset
    rows = records(60000)
    tokens = []
    for name in write(folder, rows, "--format", "datatrove"):
        if name.endswith(".ds"):
            data = DatatroveFileDataset(os.path.join(folder, name), seq_len=15, token_size=2)
            tokens += [int(x) for k in range(len(data)) for x in data[k]["input_ids"]]
    assert tokens and set(tokens) <= set(flat(rows)) and tokens[:16] == flat(rows)[:16]


def test_megatron(_, folder):
    from megatron.core.datasets.indexed_dataset import IndexedDataset
    rows = records(60000)
    docs = []
    for name in write(folder, rows, "--format", "megatron"):
        if name.endswith(".bin"):
            data = IndexedDataset(os.path.join(folder, name[:-4]))
            docs += [[int(x) for x in data[k]] for k in range(len(data))]
    assert docs == [r["ids"] for r in rows]


TESTS = [("numpy", test_numpy), ("numpy", test_llmc), ("safetensors", test_safetensors),
         ("streaming", test_streaming), ("webdataset", test_webdataset), ("datatrove", test_datatrove),
         ("megatron", test_megatron)]


def main():
    failed = False
    print(f"1..{len(TESTS)}")
    for number, (library, test) in enumerate(TESTS, 1):
        what = f"{number} - {test.__name__[5:]}"
        try:
            module = importlib.import_module("megatron.core" if library == "megatron" else library)
            if library == "safetensors":
                importlib.import_module("numpy")
        except ImportError:
            print(f"ok {what} # SKIP {library} is not installed")
            continue
        try:
            with tempfile.TemporaryDirectory() as folder:
                test(module, os.path.join(folder, "d"))
            print(f"ok {what}")
        except Exception as problem:  # a library may raise anything
            failed = True
            print(f"not ok {what}\n# {type(problem).__name__}: {problem}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
