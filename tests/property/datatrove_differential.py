#!/usr/bin/env python3
"""datatrove_differential.py [FILE.jsonl ...]: clean's fineweb and gopher against datatrove itself.

datatrove's own filters (with spaCy) run twice on every document: with their limits, which gives the
decision and the first reason; and with limits that let everything pass and remember what they were
compared with, which gives every measured value. Both must be what `clean --annotate` says. Prints
TAP; without datatrove the test is skipped, by name. PYTHON_DATATROVE names a python3 that has it
(pip install 'datatrove[processing]' spacy).

Without operands a sample of the conformance data's corpora is used (seconds). With FILEs (JSON Lines,
member text) documents are chosen by clean's own annotations, so that every rule is met often and a
third is kept: DOCUMENTS (6000) in all. The results of a full run are in tests/datatrove.md.
"""
import collections
import json
import os
import subprocess
import sys

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(__file__), "..", "..", "build")
CLEAN = os.path.join(BUILD, "bin/clean")
CORPORA = os.path.join(os.environ.get("DATA") or "/nonexistent", "corpora")
DOCUMENTS = int(os.environ.get("DOCUMENTS") or 6000)
TITLE = "fineweb and gopher are datatrove's: decisions, reasons, values"


class Limit:
    """A limit that nothing fails, and that knows what was compared with it."""
    __array_ufunc__ = None  # numpy's numbers shall ask us

    def __init__(self, name, values):
        self.name, self.values = name, values

    def note(self, other):
        self.values[self.name] = float(other)
        return False

    __lt__ = __gt__ = note

    def __bool__(self):
        return True

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__


class Twice:
    """One limit of datatrove for two rules of ours, in the order in which it is asked."""
    def __init__(self, names, values):
        self.names, self.values, self.n = names, values, 0

    __array_ufunc__ = None

    def note(self, other):
        self.values[self.names[self.n % 2]] = float(other)
        self.n += 1
        return False

    __lt__ = __gt__ = note

    def __bool__(self):
        return True


def filters(values):
    """The chains; with values None those with datatrove's limits."""
    from datatrove.pipeline.filters import (C4QualityFilter, FineWebQualityFilter,
                                            GopherQualityFilter, GopherRepetitionFilter)
    if values is None:
        gopher = [("gopher_", GopherRepetitionFilter()), ("", GopherQualityFilter())]
        return {"gopher": gopher,
                "fineweb": gopher + [("c4_", C4QualityFilter(filter_no_terminal_punct=False)),
                                     ("fineweb_", FineWebQualityFilter())]}

    def at(name):
        return Limit(name, values)

    repetition = GopherRepetitionFilter(
        at("gopher_dup_line_frac"), at("gopher_dup_para_frac"), at("gopher_dup_line_char_frac"),
        at("gopher_dup_para_char_frac"),
        tuple((n, at(f"gopher_top_{n}_gram")) for n in (2, 3, 4)),
        tuple((n, at(f"gopher_duplicated_{n}_n_grams")) for n in range(5, 11)))
    quality = GopherQualityFilter(
        at("gopher_short_doc"), at("gopher_long_doc"), at("gopher_below_avg_threshold"),
        at("gopher_above_avg_threshold"),
        Twice(("gopher_too_many_hashes", "gopher_too_many_ellipsis"), values),
        at("gopher_too_many_bullets"), at("gopher_too_many_end_ellipsis"),
        at("gopher_below_alpha_threshold"), at("gopher_enough_stop_words"))
    gopher = [("gopher_", repetition), ("", quality)]
    return {"gopher": gopher, "fineweb": gopher + [
        ("c4_", C4QualityFilter(filter_no_terminal_punct=False, min_num_sentences=at("c4_sentences"))),
        ("fineweb_", FineWebQualityFilter(
            line_punct_thr=at("fineweb_line_punct_ratio"),
            short_line_thr=at("fineweb_short_line_ratio"),
            char_duplicates_ratio=at("fineweb_char_dup_ratio"),
            new_line_ratio=at("fineweb_list_ratio")))]}


RENAMED = {"c4_too_few_sentences": "c4_sentences", "gopher_empty": "gopher_short_doc"}


def chain(steps, text):
    """(reason or None, text afterwards)."""
    from datatrove.data import Document
    doc = Document(text=text, id="0")
    for prefix, step in steps:
        try:
            result = step.filter(doc)
        except ZeroDivisionError:
            return "error", doc.text
        if result is not True:
            reason = prefix + result[1] if isinstance(result, tuple) else prefix + "dropped"
            return RENAMED.get(reason, reason), doc.text
    return None, doc.text


def remember_words():
    """The filters split the same text again and again."""
    import functools
    from datatrove.pipeline.filters import (c4_filters, fineweb_quality_filter,
                                            gopher_quality_filter, gopher_repetition_filter)
    for module, name in ((fineweb_quality_filter, "split_into_words"),
                         (gopher_quality_filter, "split_into_words"),
                         (gopher_repetition_filter, "split_into_words"),
                         (c4_filters, "split_into_sentences")):
        plain = getattr(module, name)
        setattr(module, name, functools.lru_cache(4096 if "sent" in name else 4)(plain))


def reference():
    """JSON Lines of texts in, JSON Lines of answers out; runs in the python3 that has datatrove."""
    remember_words()
    values = {}
    with_limits, measuring = filters(None), filters(values)
    for line in sys.stdin:
        text, answer = json.loads(line), {}
        for profile in ("gopher", "fineweb"):
            values.clear()
            reason, after = chain(with_limits[profile], text)
            condemned, _ = chain(measuring[profile], text)
            answer[profile] = {"reason": reason, "values": dict(values), "condemned": condemned,
                               "text": after if reason is None else None}
        print(json.dumps(answer), flush=True)


# ---- documents

def annotate(profile, texts):
    data = "".join(json.dumps({"text": t}) + "\n" for t in texts).encode("utf-8", "surrogatepass")
    p = subprocess.run([CLEAN, "-j2", "--profile", profile, "--annotate"], input=data,
                       stdout=subprocess.PIPE, check=True)
    return [json.loads(x) for x in p.stdout.split(b"\n") if x]


def read(path):
    if path.endswith(".zst"):
        data = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
        return [json.loads(x)["text"] for x in data.split(b"\n") if x]
    with open(path, "rb") as f:
        return [json.loads(x)["text"] for x in f]


def derived(texts):
    """Rules that few real documents meet: the same words, laid out otherwise."""
    out = []
    for i, t in enumerate(texts[:30]):
        out += ["\n".join(t.split()), "\n".join("- " + x for x in t.split("\n")),
                t.replace(". ", "... "), t.replace("\n", "...\n"), t.replace(" the ", " # # the "),
                t[:200] + " Lorem ipsum dolor sit amet. " + t[200:], " ".join(t.split())[:400],
                "\n".join(" ".join(t.split()[k:k + 3]) for k in range(0, 600, 3)),
                "\n\n".join(texts[(i + k) % len(texts)] for k in range(150))[:700000] if i < 22 else t[:99],
                " ".join(x[:2] for x in t.split()), " ".join(t.split()).replace(" ", "-", 2000)]
    return out


def choose(paths):
    """Up to 60 documents per failing rule, then what is kept, then anything."""
    pools, rest, kept = collections.defaultdict(list), [], []
    for path in paths:
        texts = [t for t in read(path) if t.strip() and len(t) < 200000]
        for text, record in zip(texts, annotate("fineweb", texts)):
            rules = record["_clean"]["rules"]
            if record["_clean"]["drop"] is None:
                kept.append(text)
                continue
            for rule, r in rules.items():
                if (r["v"] > r.get("max", 1e300) or r["v"] < r.get("min", 0)) and len(pools[rule]) < 60:
                    pools[rule].append(text)
                    break
            else:
                rest.append(text)
    step = max(1, len(kept) // (DOCUMENTS * 2 // 5))
    chosen = kept[::step][:DOCUMENTS * 2 // 5]
    chosen += [t for pool in pools.values() for t in pool] + derived([t for t in kept if 2000 < len(t) < 9000])
    fill = max(0, DOCUMENTS - len(chosen))
    return chosen + rest[::max(1, len(rest) // fill)][:fill] if fill else chosen


def sample():
    path = os.path.join(CORPORA, "tldr.jsonl.zst")
    if not os.path.exists(path):
        return None
    texts = [t for t in read(path)[::1500] if t.strip()]
    wiki = os.path.join(CORPORA, "wikitext2-test.txt.zst")
    if os.path.exists(wiki):
        text = subprocess.run(["zstd", "-dcq", wiki], stdout=subprocess.PIPE, check=True).stdout.decode()
        texts += [text[i:i + 4000] for i in range(0, 200000, 5000)]
    return texts


# ---- comparison

def compare(profile, texts, answers):
    count, problems = collections.Counter(), []
    for text, record, answer in zip(texts, annotate(profile, texts), answers):
        want, got = answer[profile], record["_clean"]
        count["documents"] += 1
        count["kept"] += want["reason"] is None
        count["decisions"] += (got["drop"] is None) == (want["reason"] is None)
        count["reasons"] += got["drop"] == want["reason"]
        count[f"reason {want['reason']}"] += 1
        if got["drop"] != want["reason"]:
            problems.append(f"reason {got['drop']}, not {want['reason']}: {ascii(text[:80])}")
        if want["reason"] is None and record["text"] != want["text"]:
            problems.append(f"another text: {ascii(text[:80])}")
        for rule, value in want["values"].items():
            r = got["rules"][rule]
            count["values"] += 1
            count["equal"] += r["v"] == value
            count[f"fires {rule}"] += r["v"] > r.get("max", 1e300) or r["v"] < r.get("min", 0)
            if r["v"] != value:
                problems.append(f"{rule} {r['v']}, not {value}: {ascii(text[:80])}")
        for rule in ("c4_lorem_ipsum", "c4_curly_bracket"):
            count[f"fires {rule}"] += want["condemned"] == rule
    return count, problems


def main():
    python = os.environ.get("PYTHON_DATATROVE") or sys.executable
    found = subprocess.run([python, "-c", "import datatrove, spacy"], stderr=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, check=False).returncode == 0
    texts = (choose(sys.argv[1:]) if sys.argv[1:] else sample()) if found else None
    if not texts:
        print(f"1..1\nok 1 - {TITLE} # SKIP needs " + ("corpora" if found else "datatrove"))
        return 0
    data = "".join(json.dumps(t) + "\n" for t in texts).encode()
    p = subprocess.run([python, __file__, "--reference"], input=data, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, check=True)
    answers, failed = [json.loads(x) for x in p.stdout.split(b"\n") if x], 0
    for n, profile in enumerate(("gopher", "fineweb"), 1):
        count, problems = compare(profile, texts, answers)
        good = (count["decisions"] >= .999 * count["documents"] and
                count["reasons"] >= .999 * count["documents"] and
                count["equal"] >= .999 * count["values"])
        failed += not good
        print(f"{'ok' if good else 'not ok'} {n} - {profile}: {TITLE}")
        print(f"# {count['documents']} documents, {count['kept']} kept; equal: {count['decisions']} "
              f"decisions, {count['reasons']} reasons, {count['equal']} of {count['values']} values")
        if sys.argv[1:]:
            for key in sorted(count):
                if key.startswith(("reason ", "fires ")):
                    print(f"# {key}: {count[key]}")
        for problem in problems[:40]:
            print(f"#   {problem}")
    print("1..2")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--reference"]:
        reference()
    else:
        sys.exit(main())
