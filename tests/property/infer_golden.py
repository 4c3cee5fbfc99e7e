#!/usr/bin/env python3
"""infer_golden.py: infer against the reference outputs of the conformance data: greedy tokens, logits,
likelihoods. Prints TAP; every group is skipped by name when the data is not there.

Tokens must be equal as long as the reference's margin between the best two is above 1e-3; logits
within 2e-4 of their range; perplexity within 0.1 %, Q8_0 weights within 0.5 %."""
import json
import math
import os
import subprocess
import sys
import tempfile

BIN = os.path.join(os.environ.get("BUILD", "build"), "bin")
DATA = os.environ.get("DATA", "/nonexistent")
tests = []


def run(tool, *args, records=()):
    text = "".join(json.dumps(r) + "\n" for r in records)
    p = subprocess.run([os.path.join(BIN, tool), *args], input=text.encode(), capture_output=True)
    if p.returncode:
        raise RuntimeError(p.stderr.decode()[-300:])
    return [json.loads(line) for line in p.stdout.decode().splitlines()]


def infer(model, records, *args):
    return run("infer", "-m", model, "--ids", "--ignore-eos", *args, records=records)


def close(got, want):
    spread = max(want) - min(want)
    return len(got) == len(want) and max(abs(a - b) for a, b in zip(got, want)) <= 2e-4 * spread


def same_tokens(got, want, margins=None):
    for i, (a, b) in enumerate(zip(got, want)):
        if a != b:
            return margins is not None and margins[i] < 1e-3
    return len(got) >= len(want)


def tldr_greedy(model, tmp):
    rows = [json.loads(x) for x in open(os.path.join(model, "golden-greedy.jsonl"))]
    out = run("infer", "-m", model, "--ids", "--logits", "last", "--max-tokens", "64",
              records=[{"prompt": r["prompt"]} for r in rows])
    good = 0
    for r, o in zip(rows, out):
        top = all(abs(o["logits"][i] - v) < 0.02 for i, v in r["last_top10"])
        good += o["completion_ids"] == r["completion_ids"] and top and \
            o["completion"] == r["completion"] and o["usage"]["prompt_tokens"] == len(r["prompt_ids"])
    return good, len(rows)


def tldr_perplexity(model, tmp):
    golden = json.load(open(os.path.join(model, "golden-ppl.json")))
    corpus = os.path.join(DATA, "corpora/wikitext2-test.txt.zst")
    text = subprocess.run(["zstd", "-dc", corpus], capture_output=True, check=True).stdout
    text = text.decode()[:65536]
    ids = run("tokenize", "-t", os.path.join(model, "tokenizer.json"), records=[{"text": text}])
    ids = [i for i in ids[0]["ids"] if i != 0]
    windows = [{"ids": [0] + ids[i:i + 511]} for i in range(0, len(ids), 511)]
    run("quantize", model, "-o", os.path.join(tmp, "q8.gguf"), "--type", "Q8_0")
    good = 0
    for path, limit in ((model, 1e-3), (os.path.join(tmp, "q8.gguf"), 5e-3)):
        out = run("infer", "-m", path, "--score", records=windows)
        n = sum(o["n"] for o in out)
        ppl = math.exp(sum(o["nll"] for o in out) / n)
        off = abs(ppl / golden["ppl"] - 1)
        print(f"# {os.path.basename(path)}: perplexity {ppl:.4f}, {100 * off:.4f} % off", flush=True)
        good += n == golden["tokens"] and off < limit
    return good, 2


def tiny(model, tmp):
    """The folder and its GGUF: logits after the prompt, best token at every position, 16 tokens; or
    the last hidden states."""
    cases = json.load(open(os.path.join(model, "golden.json")))["cases"]
    records = [{"ids": c["input_ids"]} for c in cases]
    gguf = os.path.join(tmp, "tiny.gguf")
    run("quantize", model, "-q", "--force", "--type", "F32", "-o", gguf)
    good = 0
    for path in (model, gguf):
        if "last_hidden" in cases[0]:
            out = run("infer", "-m", path, "--embed", "--pooling", "none", records=records)
            good += sum(len(o["embedding"]) == len(c["last_hidden"]) and
                        all(max(abs(x - y) for x, y in zip(a, b)) < 2e-4
                            for a, b in zip(o["embedding"], c["last_hidden"]))
                        for o, c in zip(out, cases))
            continue
        out = infer(path, records, "--logits", "last", "--max-tokens", str(len(cases[0]["greedy"])))
        every = infer(path, records, "--logits", "all", "--max-tokens", "1")
        for o, e, c in zip(out, every, cases):
            best = [max(range(len(row)), key=row.__getitem__) for row in e["logits"]]
            good += same_tokens(o["completion_ids"], c["greedy"]) and best == c["argmax"] and \
                close(o["logits"], c["logits_last"]) and e["logits"][-1] == o["logits"]
    return good, 2 * len(cases)


def classify(model, tmp):
    """Logits of a real classifier, from ids and (when its tokenizer can be read) from text."""
    rows = [json.loads(x) for x in open(os.path.join(model, "golden-classify.jsonl"))]
    with_ids = [r for r in rows if "ids" in r]
    out = run("infer", "-m", model, "--classify", records=[{"ids": r["ids"]} for r in with_ids])
    good = sum(max(abs(a - b) for a, b in zip(o["logits"], r["logits"])) < 1e-3 and
               o["scores"][o["label"]] == max(o["scores"].values())
               for o, r in zip(out, with_ids))
    out = run("infer", "-m", model, "--classify", "--batch", "32",
              records=[{"text": r["text"]} for r in rows])
    accurate = sum(o["label"] == r["label"] for o, r in zip(out, rows))
    print(f"# accuracy {accurate / len(rows):.4f}")
    good += sum(max(abs(a - b) for a, b in zip(o["logits"], r["logits"])) < 1e-3
                for o, r in zip(out, rows))
    for pooling, member in (("mean", "mean_pooled"), ("cls", "cls_hidden")):
        out = run("infer", "-m", model, "--embed", "--pooling", pooling,
                  records=[{"ids": r["ids"]} for r in with_ids])
        good += sum(max(abs(a - b) for a, b in zip(o["embedding"], r[member])) < 1e-3
                    for o, r in zip(out, with_ids))
    return good, 3 * len(with_ids) + len(rows)


def golden1(model, tmp):
    folder, name = os.path.split(model)
    path = os.path.join(folder, "golden.json") if not name.startswith("tiny") \
        else model.replace(".gguf", ".golden.json")
    g = json.load(open(path))
    good = total = 0
    for c in g.get("embed", []):
        out = run("infer", "-m", model, "--embed", "--pooling", c["pool"],
                  records=[{"ids": c["tokens"]}])
        spread = max(map(abs, c["embedding"]))
        good += all(abs(a - b) < 1e-5 * spread for a, b in zip(out[0]["embedding"], c["embedding"]))
        total += 1
    for c in g.get("greedy", []):
        out = infer(model, [{"ids": c["tokens"]}], "--max-tokens", str(c["n"]))
        good += same_tokens(out[0]["completion_ids"], c["out"], c["margins"])
        total += 1
    for c in g.get("logits", []):
        out = infer(model, [{"ids": c["tokens"]}], "--max-tokens", "1", "--logits", "last")
        good += close(out[0]["logits"], c["logits"])
        total += 1
    for c in g.get("ppl", []):
        out = run("infer", "-m", model, "--score", records=[{"ids": c["tokens"]}])
        good += out[0]["n"] == c["n"] and abs(out[0]["nll"] / c["nll_sum"] - 1) < 1e-5
        total += 1
    return good, total


def quantized(path, tmp):
    """Every type of quantized.json against a double-precision evaluation of the same weights: not
    further off than llama.cpp and 0.3 %. (IQ4_XS and the K formats need rows of 256: see quantize.)"""
    folder = os.path.dirname(path)
    want = json.load(open(os.path.join(folder, "quantized.json")))["types"]
    text = json.load(open(os.path.join(folder, "golden.json")))["ppl"][0]
    good = 0
    for name, w in want.items():
        model = os.path.join(tmp, "q.gguf")
        run("quantize", path, "-q", "--force", "-o", model, "--type", name)
        out = run("infer", "-m", model, "--score", records=[{"ids": text["tokens"]}])
        off = abs(math.exp(out[0]["nll"] / out[0]["n"]) / w["ppl_double"] - 1)
        theirs = max(abs(w[k] / w["ppl_double"] - 1) for k in w if k.startswith("ppl_llamacpp"))
        print(f"# {name}: off by {off:.2e}, llama.cpp by {theirs:.2e}")
        good += off <= max(theirs, 1e-6) and off <= 3e-3
    return good, len(want)


GROUPS = [("models/tldr-7m", tldr_greedy), ("models/tldr-7m", tldr_perplexity)]
GROUPS += [(f"models/tiny/{m}", tiny)
           for m in ("llama-gqa", "llama3-ropescaled", "mistral-swa", "mixtral", "qwen2", "qwen3",
                     "qwen3-moe", "phi3", "gemma2", "gemma3", "gpt2", "bert", "distilbert",
                     "roberta", "modernbert")]
GROUPS += [("models/agnews-bert", classify)]
GROUPS += [(f"models/{m}", golden1) for m in
           ("stories260K/stories260K-f32.gguf", "tiny-gguf/tiny-llama-s7.gguf",
            "tiny-gguf/tiny-qwen2-s7.gguf", "tiny-gguf/tiny-gpt2-s7.gguf",
            "tiny-gguf/tiny-bert-s7.gguf", "gpt-nano-sort/gpt-nano-sort-f32.gguf")]
GROUPS += [("models/stories260K/stories260K-f32.gguf", quantized)]


def main():
    print(f"1..{len(GROUPS)}")
    failed = False
    with tempfile.TemporaryDirectory() as tmp:
        for number, (path, check) in enumerate(GROUPS, 1):
            name = f"{check.__name__} {os.path.basename(path)}"
            model = os.path.join(DATA, path)
            if not os.path.exists(model):
                print(f"ok {number} - {name} # SKIP needs {path} of the conformance data")
                continue
            try:
                good, total = check(model, tmp)
            except Exception as e:  # whatever it is: not ok, with its text
                print("# " + str(e).replace("\n", "\n# "))
                good, total = 0, 1
            print(f"# infer-{os.path.basename(path)}: {good}/{total}")
            print(f"{'ok' if good == total else 'not ok'} {number} - {name}", flush=True)
            failed |= good != total
    sys.exit(failed)


main()
