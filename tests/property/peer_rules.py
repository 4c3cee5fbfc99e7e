#!/usr/bin/env python3
"""peer_rules.py: every value of the profiles dolma, dclm, redpajama and curator against a plain
python3 reference of what these tools do, on generated and real texts (dclm's words from the package
uniseg, when it is there); and filtering = annotating, then filtering. Prints TAP."""
import collections
import random
import re
import statistics
import string
import struct
import sys
import unicodedata

from quality_rules import run, tldr

REQUIRED = {"the", "be", "to", "of", "and", "that", "have", "with"}


def ratio(a, b):
    return a / b if b else 0


def grams(words, n):
    return collections.Counter(zip(*[words[i:] for i in range(n)]))


def size(words):
    return sum(map(len, words))


# ---- dolma

def dolma(text):
    words = text.split()
    chars, lines = size(words), text.split("\n") if text else []
    lengths, again = [len(w) for w in words], [x for x in lines if lines.count(x) > 1]
    v = {"short_doc": len(words), "long_doc": len(words),
         "symbol_to_word_ratio": ratio(sum("#" in w or "…" in w for w in words), len(words)),
         "words_with_alpha": ratio(sum(any(c.isalpha() for c in w) for w in words), len(words)),
         "required_words": sum(w in REQUIRED for w in words),
         "bullet_lines": ratio(sum(x.startswith(("*", "-")) for x in lines), len(lines)),
         "ellipsis_lines": ratio(sum(x.endswith("…") for x in lines), len(lines)),
         "duplicate_lines": ratio(len(again), len(lines)),
         "duplicate_line_chars": ratio(size(again), max(chars, 1))}
    v["below_median_word_length"] = v["above_median_word_length"] = (
        float(statistics.median(lengths)) if words else 0)
    for n in range(2, 11):
        g = grams(words, n)
        if n < 5:
            top = g.most_common(1)
            v[f"top_{n}gram"] = ratio(size(top[0][0]) * top[0][1], chars) if top else 0
        else:
            v[f"duplicate_{n}grams"] = ratio(sum(size(x) * k for x, k in g.items() if k > 1),
                                             sum(size(x) * k for x, k in g.items()))
    return v


# ---- redpajama

def covered(words, n, length):
    g, marks = grams(words, n), set()
    for i in range(len(words) - n + 1):
        if g[tuple(words[i:i + n])] > 1:
            marks.update(range(i, i + n))
    return sum(length(words[i]) for i in marks)


def redpajama(text):
    words = unicodedata.normalize("NFD", text.translate(
        str.maketrans("", "", string.punctuation)).lower()).split()
    raw = re.findall(r"\w+|[^\w\s]+", text)
    lines = re.findall(r"[^\n]*\n|[^\n]+$", text)
    chars = size(words)
    marks = ("\u2022", "\u2023", "\u25B6", "\u25C0", "\u25E6", "\u25A0", "\u25A1", "\u25AA", "\u25AB",
             "\u2013")
    v = {"short_doc": len(words), "long_doc": len(words),
         "short_words": ratio(chars, len(words)), "long_words": ratio(chars, len(words)),
         "symbol_to_word_ratio": ratio(sum(text.count(x) for x in ("#", "...", "…")), len(raw)),
         "bullet_lines": ratio(sum(x.lstrip().startswith(marks) for x in lines), len(lines)),
         "ellipsis_lines": ratio(sum(x.rstrip().endswith(("...", "…")) for x in lines), len(lines)),
         "no_alpha_words": 1 - sum(bool(re.search("[a-zA-Z]", w)) for w in raw) / len(raw)
                           if raw else 0}
    for n in range(2, 11):
        top = grams(words, n).most_common(1)
        if n > 4:
            v[f"dupe_{n}grams"] = ratio(covered(words, n, len), chars)
        else:
            v[f"top_{n}gram"] = (ratio(size(top[0][0]) * top[0][1], chars)
                                 if top and top[0][1] > 1 else 0)
    return v


# ---- curator

POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "privacy overview",
            "use of cookies", "use cookies", "privacy & cookies policy", "privacy and cookies policy")
ELLIPSES = ("...", "[...]", "…", "(...)", "[…]", "-»", "read more..", "read more")


def curator(text):
    n, words = len(text), text.split()
    lines = [x for x in text.split("\n") if x.strip()]
    paragraphs = text.split("\n\n")

    def share(k):
        return k / n if n else 1

    def symbol(w):
        return w in ELLIPSES or len(re.findall("#+", w)) / len(w) > .5

    low = [p.strip().lower() for p in paragraphs]
    boiler = ratio(sum(any(x in p for x in POLICIES) for p in low), len(low))
    v = {"alpha_numeric": share(n - len(re.findall("[a-zA-Z0-9\n?!,.]", text))),
         "symbol_to_word": ratio(sum(map(symbol, words)), len(words)),
         "numbers_ratio": share(sum(unicodedata.category(c) == "Nd" for c in text)),
         "urls_ratio": share(size(re.findall(
             r"https?://(?:[A-Za-z0-9$\-_@.&+/:=?#~]|[!*\(\),]|(?:%[0-9A-Fa-f]{2}))+", text))),
         "white_space": share(sum(c in "\t\n\r\b " for c in text)),
         "parentheses_ratio": share(sum(c in "{}⟨⟩[]()" for c in text)),
         "boilerplate_string_ratio": 1 if any("lorem ipsum" in p for p in low) else boiler,
         "repeated_lines": ratio(len(set(lines)), len(lines)),
         "repeated_paragraphs": ratio(len(set(paragraphs)), len(paragraphs)),
         "repeated_lines_char": ratio(size(set(lines)), size(lines)),
         "repeated_paragraphs_char": ratio(size(set(paragraphs)), size(paragraphs)),
         "short_doc": len(words), "long_doc": len(words),
         "punctuation": ratio(sum(not x.strip().endswith((".", "?", "!", '"', "'")) for x in lines),
                              len(lines)),
         "words_without_alphabets": ratio(sum(any(c.isalpha() for c in w) for w in words), len(words)),
         "common_english_words": sum(w in REQUIRED for w in words),
         "short_words": ratio(size(words), len(words)), "long_words": ratio(size(words), len(words)),
         "max_word_length": max(map(len, words), default=0),
         "ellipsis": ratio(sum(x.strip().lower().endswith(ELLIPSES) for x in lines), len(lines)),
         "bullet_ratio": ratio(sum(x.strip().startswith(tuple("•‣⁃⁌⁍∙○●◘◦⦾⦿")) for x in lines),
                               len(lines))}
    for k in range(2, 5):
        top = grams(words, k).most_common(1)
        v[f"repeating_top_{k}grams"] = (
            share(n - len(text.replace(" ".join(top[0][0]), ""))) if top else 1)
    for k in range(5, 11):
        seen, chars, overlap = set(), 0, 0
        for i in range(len(words) - k + 1):
            gram = tuple(words[i:i + k])
            if gram in seen:
                chars += size(gram[overlap:]) + min(k - overlap, k - 1)
                overlap = k
            seen.add(gram)
            overlap = max(overlap - 1, 0)
        v[f"repeating_dup_{k}gram"] = share(chars) if len(words) >= k else 1
    return v


# ---- dclm

def single(a, b):
    """The quotient of two float32 numbers."""
    def f(x):
        return struct.unpack("f", struct.pack("f", x))[0]
    return f(f(a) / f(b)) if b else 0


SPACE = "[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"


def parts(text, separator):
    items = [x for x in text.split(separator) if x]
    again = [x for x in items if items.count(x) > 1]
    if len(items) < 2:
        return (0 if items else 1,) * 2
    return (single(len(again), len(items)),
            single(sum(len(x.encode()) for x in again), sum(len(x.encode()) for x in items)))


def dclm(text, uax29):
    """Without the edits of lines."""
    def length(w):
        return len(w.encode())
    text = re.sub("\n{3,}", "\n\n", text)
    words = [w for w in re.split(SPACE, text) if w]
    tokens, lines = uax29(text), text.split("\n")
    full = [x for x in (y[:-1] if y.endswith("\r") and i < len(lines) - 1 else y
                        for i, y in enumerate(lines)) if x]
    page = len(re.findall("[A-Za-z0-9]+", text)) if text.isascii() else len(tokens)
    symbols = sum(text.count(x) for x in ("#", "...", ". . .", "…"))
    squeezed = [w for w in re.split(SPACE, text.replace(". . .", "...")) if w]
    mean = single(sum(map(length, words)), len(words))
    v = {"short_doc": page, "long_doc": page, "short_words": mean, "long_words": mean,
         "symbol_to_word_ratio": single(symbols, max(len(squeezed), 1)),
         "bullet_lines": single(sum(x.startswith(("●", "•", "*", "-")) for x in lines), len(lines)),
         "ellipsis_lines": single(sum(x.endswith(("...", ". . .", "…")) for x in full),
                                  max(len(full), 1)),
         "non_alpha_words": 1 if len(words) < 2 else single(
             sum(not any(unicodedata.category(c)[0] == "L" for c in w) for w in words), len(words)),
         "stop_words": sum(w.lower() in REQUIRED for w in words)}
    v["duplicate_lines"], v["duplicate_line_bytes"] = parts(text, "\n")
    v["duplicate_paragraphs"], v["duplicate_paragraph_bytes"] = parts(text, "\n\n")
    total = sum(map(length, tokens))
    for n in range(2, 11):
        if n > 4:
            v[f"duplicate_{n}grams"] = single(covered(tokens, n, length), total)
            continue
        g = grams(tokens, n)
        top = max(g.items(), key=lambda x: (x[1], sum(map(length, x[0]))), default=((), 0))
        marks = set()
        for i in range(len(tokens) - n + 1):
            if top[1] > 1 and tuple(tokens[i:i + n]) == top[0]:
                marks.update(range(i, i + n))
        v[f"top_{n}gram"] = single(sum(length(tokens[i]) for i in marks), total)
    return v


def word_boundaries():
    try:
        from uniseg.wordbreak import words
    except ImportError:
        return None
    # Alphabetic is letters, letter numbers and some marks; marks alone make no word here.
    return lambda text: [s for s in words(text) if any(
        unicodedata.category(c)[0] in "LN" or c.isalpha() for c in s)]


# ---- the runner

def generated():
    rng = random.Random(7)
    words = ["the", "of", "and", "The", "HAVE", "word", "naïve", "ΑΣ", "İx", "x" * 30, "#", "##a", "...",
             "…", "•", "-", "* a", "1234", "٣٤", "terms of use", "Privacy Policy", "lorem ipsum",
             "http://a.b/c?d=%20", "(see)", "{x}", "can't", "3.14", "a.b", "_x_", ". . .", "read more",
             "end.", "ok\u0301", "e\u0301e", "½", "x²", "ab", "a", "b", "●", "‘q’", "日本語", "カタ", "\u200d"]
    ends = [" "] * 6 + ["\n", "\n\n", "\n\n\n", "\t", ".\n", "\r\n", "\u2003", "\u00a0"]
    texts = ["", " ", "\n", "a", "a b", "one two three four five six", "the the the the the the"]
    for _ in range(700):
        few = rng.sample(words, rng.randrange(1, len(words)))
        texts.append("".join(rng.choice(few) + rng.choice(ends) for _ in range(rng.randrange(70))))
    line = "the quick brown fox jumps over the lazy dog and runs"
    return texts + [(line + "\n") * 5, (line + ". ") * 30, "\n\n".join([line, line, "other text"] * 4)]


def difference(profile, texts, reference):
    args = ["--profile", profile, "--annotate"]
    if profile == "dclm":
        args += ["--off", "dclm_empty", "--off", "dclm_removed_words"]
    noted = run(args, texts)
    want = [{k: v for k, v in r.items() if k != "_clean"} for r in noted if not r["_clean"]["drop"]]
    if run([a for a in args if a != "--annotate"], texts) != want:
        return "filtering is not annotating, then filtering"
    for record, text in zip(noted, texts):
        got = {k.split("_", 1)[1]: r["v"] for k, r in record["_clean"]["rules"].items()}
        want = reference(text)
        wrong = {k: (got.get(k), want.get(k)) for k in set(got) | set(want) if got.get(k) != want.get(k)}
        if wrong:
            return f"{ascii(text)[:300]}: (value, reference) {wrong}"
    return None


def main():
    uax29, n, failed = word_boundaries(), 0, 0
    for name, texts in (("generated", generated()), ("tldr", tldr())):
        for profile, reference in (("dolma", dolma), ("redpajama", redpajama), ("curator", curator),
                                   ("dclm", uax29 and (lambda t: dclm(t, uax29)))):
            n += 1
            title = f"{name}: {profile}: every value equals the reference"
            if texts is None or reference is None:
                print(f"ok {n} - {title} # SKIP needs " +
                      ("corpora of the conformance data" if reference else "the package uniseg"))
                continue
            problem = difference(profile, texts, reference)
            failed += problem is not None
            print(f"{'not ok' if problem else 'ok'} {n} - {title}")
            if problem:
                print(f"#   {problem}")
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
