#!/usr/bin/env python3
"""quality_rules.py: the values of every quality rule against a plain python3 reference, on random and
real texts; and filtering = annotating, then filtering by the annotations. Prints TAP."""
import collections
import json
import os
import random
import re
import subprocess
import sys
import unicodedata

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
CLEAN = os.path.join(BUILD, "bin/clean")
CORPORA = os.path.join(os.environ.get("DATA") or "/nonexistent", "corpora")
LISTED = set("!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»")
CONTROLS = {chr(c) for a, b in ((0, 9), (11, 13), (13, 32), (127, 160)) for c in range(a, b)}
STOP = {"the", "be", "to", "of", "and", "that", "have", "with"}
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
          "use cookies")


def terminal():
    table = os.path.join(os.path.dirname(__file__), "..", "..", "lib/text/terminal_table.inc")
    with open(table, encoding="utf-8") as f:
        pairs = re.findall(r"0x([0-9A-F]+), 0x([0-9A-F]+)", f.read())
    return {chr(c) for a, b in pairs for c in range(int(a, 16), int(b, 16) + 1)}


TERMINAL = terminal()
SYMBOLS = LISTED | CONTROLS | TERMINAL


def ratio(a, b):
    return a / b if b else 0


def repeated(items):
    seen, n, chars = set(), 0, 0
    for x in items:
        if x in seen:
            n, chars = n + 1, chars + len(x)
        seen.add(x)
    return n, chars


def repetition(text):
    words = text.split()
    paragraphs, lines = re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)
    v = {}
    for name, items in (("para", paragraphs), ("line", lines)):
        n, chars = repeated(items)
        v[f"gopher_dup_{name}_frac"] = ratio(n, len(items))
        v[f"gopher_dup_{name}_char_frac"] = ratio(chars, len(text))
    for n in (2, 3, 4):
        grams = collections.Counter(" ".join(words[i:i + n]) for i in range(len(words) - n + 1))
        top = grams.most_common(1)
        v[f"gopher_top_{n}_gram"] = ratio(len(top[0][0]) * top[0][1], len(text)) if top else 0
    for n in range(5, 11):
        seen, chars, i = set(), 0, 0
        while i < len(words) - n + 1:
            gram = "".join(words[i:i + n])
            if gram in seen:
                chars, i = chars + len(gram), i + n
            else:
                seen.add(gram)
                i += 1
        v[f"gopher_duplicated_{n}_n_grams"] = ratio(chars, len(text))
    return v


def gopher(text):
    words, lines = text.split(), text.splitlines()
    plain = [w for w in words if any(c not in SYMBOLS for c in w)]
    mean = ratio(sum(map(len, plain)), len(plain))
    return {
        "gopher_short_doc": len(plain), "gopher_long_doc": len(plain),
        "gopher_below_avg_threshold": mean, "gopher_above_avg_threshold": mean,
        "gopher_too_many_hashes": ratio(text.count("#"), len(words)),
        "gopher_too_many_ellipsis": ratio(text.count("...") + text.count("…"), len(words)),
        "gopher_too_many_bullets": ratio(
            sum(s.lstrip().startswith(("•", "-")) for s in lines), len(lines)),
        "gopher_too_many_end_ellipsis": ratio(
            sum(s.rstrip().endswith(("...", "…")) for s in lines), len(lines)),
        "gopher_below_alpha_threshold": ratio(
            sum(any(c.isalpha() for c in w) for w in words), len(words)),
        "gopher_enough_stop_words": len(STOP & set(words)),
    }


def c4(text, terminal_lines):
    kept, page = [], {"c4_lorem_ipsum": 0, "c4_curly_bracket": 0}
    for line in text.splitlines():
        line = line.strip()
        words = line.split()
        if any(len(w) > 1000 for w in words):
            continue
        line = re.sub(r"\[\d*]|\[edit]|\[citation needed]", "", line)
        if terminal_lines and (not line.endswith((".", "?", "!", '"', "'")) or
                               line.endswith("...")):
            continue
        if len(words) < 3:
            continue
        lower = line.lower()
        if "lorem ipsum" in lower and not any(page.values()):
            page["c4_lorem_ipsum"] = 1
        if "javascript" in lower:
            continue
        if "{" in line and not any(page.values()):
            page["c4_curly_bracket"] = 1
        if any(p in lower for p in POLICY):
            continue
        kept.append(line)
    return page, "\n".join(kept).strip()


def fineweb(text):
    lines = [x for x in text.split("\n") if x.strip()]
    return {
        "fineweb_empty": len(lines),
        "fineweb_line_punct_ratio": ratio(sum(x[-1] in TERMINAL for x in lines), len(lines)),
        "fineweb_short_line_ratio": ratio(sum(len(x) <= 30 for x in lines), len(lines)),
        "fineweb_char_dup_ratio": ratio(repeated(lines)[1], len(text.replace("\n", ""))),
        "fineweb_list_ratio": ratio(text.count("\n"), len(text.split())),
    }


def reference(profile, text):
    if profile == "gopher":
        return {**repetition(text), **gopher(text)}, text
    if profile == "c4":
        return c4(text, True)
    page, after = c4(text, False)
    return {**repetition(text), **gopher(text), **page, **fineweb(after)}, after


def generated():
    rng = random.Random(29)
    words = ["the", "of", "and", "a", "word", "naïve", "日本語", "x" * 12, "#", "...", "…", "•", "-",
             "—", "“quoted”", "1234", "{", "lorem ipsum", "JavaScript", "[1]", "[edit]", "[٣٤]",
             "Terms of Use", "use cooKies", "use coo\u212aies", "y" * 1001, "end.", "done?", "ab",
             "c", "a", "bc", "\u1c7e", "।", "ok\u0301", "İ", "Σ", "[citation needed]"]
    ends = [" ", " ", " ", " ", "\n", "\n\n", "\t", "\u2028", "\r\n", "\x1c", "\u00a0", ".\n", "  "]
    texts = ["", " ", "\n", "\n\n\n", "a", "a b", "...", "\x1f", "the the the the the the"]
    for _ in range(1500):
        few = rng.sample(words, rng.randrange(1, len(words)))
        texts.append("".join(rng.choice(few) + rng.choice(ends) for _ in range(rng.randrange(90))))
    line = "the quick brown fox jumps over the lazy dog and runs"
    texts += [(line + "\n") * 5, (line + ". ") * 40, "\n\n".join([line, line, "other text"] * 4)]
    return texts


def tldr():
    path = os.path.join(CORPORA, "tldr.jsonl.zst")
    if not os.path.exists(path):
        return None
    data = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(x)["text"] for x in data.split(b"\n")[::40] if x]


def options(profile):
    """White space as in the reference, no sentences (they need spaCy's words)."""
    off = [] if profile == "gopher" else ["--off", "c4_sentences"]
    return ["--profile", profile, "--words", "whitespace"] + off


def run(args, texts):
    data = "".join(json.dumps({"n": i, "text": t}) + "\n" for i, t in enumerate(texts))
    out = []
    for j in ("-j1", "-j4"):
        p = subprocess.run([CLEAN, j] + args, input=data.encode(), stdout=subprocess.PIPE,
                           check=True)
        out.append(p.stdout)
    assert out[0] == out[1], "-j1 and -j4 differ"
    return [json.loads(x) for x in out[0].split(b"\n") if x]


def check(profile, texts):
    noted = run(options(profile) + ["--annotate"], texts)
    assert len(noted) == len(texts)
    fired = collections.Counter()
    for record, text in zip(noted, texts):
        values, after = reference(profile, text)
        rules = record["_clean"]["rules"]
        got = {k: r["v"] for k, r in rules.items()}
        assert got == values, (ascii(text)[:200],
                               {k: (got.get(k), values.get(k)) for k in set(got) | set(values)
                                if got.get(k) != values.get(k)})
        assert record["text"] == after, (ascii(text)[:300], ascii(record["text"])[:300])
        failed = [k for k, r in rules.items() if r["v"] > r.get("max", 1e300) or
                  r["v"] < r.get("min", 0)]
        assert record["_clean"]["drop"] == (failed[0] if failed else None)
        fired.update(failed)
    kept = run(options(profile), texts)
    want = [{k: v for k, v in r.items() if k != "_clean"} for r in noted if not r["_clean"]["drop"]]
    assert kept == want, "filtering is not annotating, then filtering"
    return fired, len(kept)


def main():
    assert unicodedata.unidata_version >= "14"
    n = failed = 0
    for name, texts in (("generated", generated()), ("tldr", tldr())):
        for profile in ("gopher", "c4", "fineweb"):
            n += 1
            title = f"{name}: {profile}: every value equals the reference"
            if texts is None:
                print(f"ok {n} - {title} # SKIP needs corpora of the conformance data")
                continue
            try:
                fired, kept = check(profile, texts)
                print(f"ok {n} - {title}\n# {len(texts)} texts, {kept} kept, "
                      f"{len(fired)} rules fired")
            except AssertionError as e:
                failed += 1
                print(f"not ok {n} - {title}\n#   {ascii(e.args)[:900]}")
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
