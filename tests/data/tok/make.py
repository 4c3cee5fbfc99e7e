#!/usr/bin/env python3
"""Write identity.json: what Hugging Face tokenizers gives for our own tokenizers and texts.

usage: python3 tests/data/tok/make.py > tests/data/tok/identity.json    (needs: pip install tokenizers)

Everything in it is our own: the texts below, and tokenizers made of the first merges of the demo
tokenizer (lib/data/tldr-7m) with one part of the pipeline changed at a time.
"""
import copy
import json
import pathlib
import sys

import tokenizers

TOP = pathlib.Path(__file__).resolve().parents[3]
DEMO = TOP / "lib/data/tldr-7m/tokenizer.json"
MERGES = 600

TEXTS = [
    "", " ", "  ", "\n", "\n\n \n", "a", "Hello world", " Hello  world ", "hello\n\nworld\n", "x\t\ty",
    "don't DON'T we'll WE'LL they're I'm I'd 'tis it's''s 's", "it'\u017ft '\u017f", "1 12 123 1234 12345",
    "v1.2.3-rc4 0x1F 3,141.59 2024-01-31", "price: $5.00 (10% off!) [note] {x} <y>", "a.b,c;d:e!f?g",
    "line one\r\nline two\rline three\n", "tabs\tand\vvertical\fform", "    indented code:\n        return x;\n",
    "trailing space ", "trailing newline\n ", "!!!???...", "(word) \"word\" 'word' -word", "a\u00a0b\u3000c\u2028d",
    "\u00e9t\u00e9 \u00c9T\u00c9 e\u0301te\u0301", "\u0391\u03b2\u03b3 \u0430\u0431\u0432 \u05d0\u05d1 \u0627\u0644",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u4f60\u597d\u4e16\u754c\u3002\u4eca\u65e5\u306f",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab", "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea 1\ufe0f\u20e3",
    "\u00b2\u00b3\u00bd \u0663\u0664 \uff11\uff12\uff13\uff14 \u2167", "\ufeffbom \u200bzero\u200dwidth \u00adsoft",
    "\ufb01ne \u2126 \u212b \u00df \u1e9e", "\u0000nul\u0001\u007f\u0085", "\U000105c0\U0010ffff\ufffd\uffff",
    "<|endoftext|>", "a<|endoftext|>b <|endoftext|> c", "<|endoftext", "tldr", "tldr: tar -xf {{path/to/archive}}",
    "fooXfoo foo xfoo foox  foo  ", "[A][A] [A]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "internationalization antidisestablishmentarianism", "x" * 70 + " " * 70 + "\n" * 5, "the " * 30,
    "> Extract an archive:\n\n`tar xf {{path/to/file.tar}}`\n",
]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT2_FAST = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
LLAMA = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = LLAMA.replace("{1,3}", "")
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
          r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{ENDING}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{ENDING}"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
HAN = r"[\p{Han}]+|[\p{L}&&[^\p{Han}]]+|\p{N}|[^\p{L}\p{N}]"
DEEPSEEK = [r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def sequence(*stages):
    return {"type": "Sequence", "pretokenizers": list(stages)}


def added(**flags):
    base = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    return [dict(base, content=c, **flags) for c in ("foo", "[A]", "e\u0301", "  ", "tldr")]


def variants():
    yield "gpt2", dict(pre_tokenizer=byte_level(False, True))
    for name, pattern in [("gpt2-fast", GPT2_FAST), ("llama", LLAMA), ("qwen", QWEN), ("cl100k", CL100K),
                          ("o200k", O200K), ("han", HAN), ("words", r"\w+|[^\w\s]+|\s"), ("line", "^.*$"),
                          ("reluctant", r"\d+?|\w{2,3}?|x*"), ("look", r"(?<=a)b|(?<!o)r|[^\p{L}]+")]:
        yield "split-" + name, dict(pre_tokenizer=sequence(split(pattern), byte_level()))
    yield "deepseek", dict(pre_tokenizer=sequence(*map(split, DEEPSEEK), byte_level()))
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            yield f"{behavior}-{invert}", dict(
                pre_tokenizer=sequence(split(r"\p{N}|\s", behavior, invert), byte_level()))
        yield "punctuation-" + behavior, dict(
            pre_tokenizer=sequence({"type": "Punctuation", "behavior": behavior}, byte_level(False, True)))
    yield "literal", dict(pre_tokenizer=sequence(split(" ", "MergedWithNext", False, "String"), byte_level()))
    yield "prefix", dict(pre_tokenizer=byte_level(True, True))
    yield "prefix-pieces", dict(pre_tokenizer=sequence(split(LLAMA), byte_level(True)))
    yield "whole", dict(pre_tokenizer=byte_level())
    for individual in (True, False):
        yield f"digits-{individual}", dict(pre_tokenizer=sequence(
            {"type": "Digits", "individual_digits": individual}, byte_level(False, True)))
    yield "falcon", dict(pre_tokenizer=sequence({"type": "Punctuation", "behavior": "Contiguous"},
                                                byte_level(False, True),
                                                {"type": "Digits", "individual_digits": False},
                                                split("[0-9][0-9][0-9]")))
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield form, dict(normalizer={"type": form})
    yield "normal-sequence", dict(normalizer={"type": "Sequence",
                                              "normalizers": [{"type": "NFKD"}, {"type": "NFC"}]})
    for flags in ({}, {"single_word": True}, {"lstrip": True}, {"rstrip": True}, {"normalized": True},
                  {"special": True}, {"lstrip": True, "rstrip": True}):
        yield "added-" + "-".join(flags), dict(added_tokens=added(**flags), normalizer={"type": "NFC"})
    yield "ignore-merges", dict(model={"ignore_merges": True})
    yield "no-decoder", dict(decoder=None)
    yield "roberta", dict(post_processor={"type": "RobertaProcessing", "sep": ["<|endoftext|>", 0],
                                          "cls": ["!", 1], "trim_offsets": True, "add_prefix_space": False})
    for unk in (None, "<|endoftext|>"):
        for fuse in (False, True):
            yield f"unknown-{unk}-{fuse}", dict(without="e\u0120\u00c3 9", model={"unk_token": unk, "fuse_unk": fuse})


def base():
    d = json.loads(DEMO.read_text())
    merges = d["model"]["merges"][:MERGES]
    keep = {t for t in d["model"]["vocab"] if len(t) == 1} | {a + b for a, b in merges} | {"<|endoftext|>"}
    tokens = sorted(keep, key=d["model"]["vocab"].get)
    d["model"]["vocab"] = {t: i for i, t in enumerate(tokens)}
    d["model"]["merges"] = [f"{a} {b}" for a, b in merges]
    return d


def build(start, change):
    """The tokenizer.json of a variant; the test has the same lines."""
    d = copy.deepcopy(start)
    model = d["model"]
    if "without" in change:
        gone = set(change["without"])
        tokens = [t for t in model["vocab"] if not gone & set(t) or t == "<|endoftext|>"]
        model["vocab"] = {t: i for i, t in enumerate(tokens)}
        model["merges"] = [m for m in model["merges"] if not gone - {" "} & set(m)]
    for key, value in change.items():
        if key == "added_tokens":
            for token in value:
                known = model["vocab"].get(token["content"])
                token = dict(token, id=len(model["vocab"]) if known is None else known)
                if known is None:
                    token["id"] = max([len(model["vocab"]) - 1] + [t["id"] for t in d[key]]) + 1
                d[key].append(token)
        elif key == "model":
            model.update(value)
        elif key != "without":
            d[key] = value
    return d


def main():
    start = base()
    out = {"reference": f"Hugging Face tokenizers {tokenizers.__version__}", "texts": TEXTS, "base": start,
           "variants": []}
    for name, change in [("demo", None)] + list(variants()):
        d = json.loads(DEMO.read_text()) if change is None else build(start, change)
        t = tokenizers.Tokenizer.from_str(json.dumps(d))
        row = {"name": name, "change": change}
        row["parse"] = [t.encode(s, add_special_tokens=False).ids for s in TEXTS]
        decoded = [t.decode(ids, skip_special_tokens=False) for ids in row["parse"]]
        row["decoded"] = {i: s for i, s in enumerate(decoded) if s != TEXTS[i]}
        skipped = [t.decode(ids, skip_special_tokens=True) for ids in row["parse"]]
        row["skipped"] = {i: s for i, s in enumerate(skipped) if s != decoded[i]}
        t.encode_special_tokens = True
        text = [t.encode(s, add_special_tokens=True).ids for s in TEXTS]
        row["text"] = {i: ids for i, ids in enumerate(text) if ids != row["parse"][i]}
        out["variants"].append(row)
    rows = out.pop("variants")
    sys.stdout.write(json.dumps(out, separators=(",", ":"))[:-1] + ',\n"variants":[\n')
    sys.stdout.write(",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]}\n")


if __name__ == "__main__":
    main()
