#!/usr/bin/env python3
"""mojibake_ftfy.py [CASES.json ...]: --fix-encoding against ftfy's fix_encoding on every line.

Lines in 39 languages are written as UTF-8 and read as each encoding that ftfy knows, once or twice,
whole or in part, with bytes lost or A0 made a blank; ours must be ftfy's. With operands (ftfy's
tests/test-cases/*.json) its published cases too, known failures included. Prints TAP; without ftfy (PYTHON_FTFY names a python3
that has it) the test is skipped, by name."""
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD") or os.path.join(HERE, "..", "..", "build")
CORPORA = os.path.join(os.environ.get("DATA") or "/nonexistent", "corpora")
TITLE = "--fix-encoding does what ftfy's fix_encoding does"
OWN = ["l’humanité à la carte — 50 € “oui”…", "Über größere Äpfel: 5 ½ °C", "čeština žluťoučký kůň", "Привет, мир!",
       "Ελληνικά γράμματα", "日本語のテキスト", "naïve café voilà", "שלום", "مرحبا بالعالم", "§ 5 ©®™ ¿Qué?", "Å and Ã and Â",
       "a\u0085b\u0092c", "emoji 😀 and ✔", "Łódź, ąęśćż", "ß²³µ×÷", "plain ascii", "(｡◕‿◕｡) ò_ô", "Ã", "â€", "É°", "œuf"]


def reference():
    import ftfy
    for line in sys.stdin:
        print(json.dumps(ftfy.fix_encoding(json.loads(line))), flush=True)


def damaged():
    from ftfy import chardata, bad_codecs  # noqa: F401, registers the sloppy encodings
    rng = random.Random(11)
    lines = OWN + [json.loads(x) for x in sys.stdin]
    for line in lines:
        print(json.dumps(line))
        for encoding in chardata.CHARMAP_ENCODINGS:
            for kind in range(3):
                data = line.encode("utf-8", "surrogatepass")
                if kind == 1:
                    data = data.replace(b"\xa0", b" ")
                bad = data.decode(encoding, "replace")
                if kind == 2:
                    again = bad.encode("utf-8").decode(rng.choice(chardata.CHARMAP_ENCODINGS), "replace")
                    bad = rng.choice([again, bad.replace(rng.choice(bad), "\ufffd") if bad else bad,
                                      line + " " + bad, bad[rng.randrange(len(bad) + 1):]])
                print(json.dumps(bad.replace("\n", " ")))


def ask(python, how, items):
    data = "".join(json.dumps(x) + "\n" for x in items).encode()
    p = subprocess.run([python, os.path.abspath(__file__), how], input=data, stdout=subprocess.PIPE, check=True)
    return [json.loads(x) for x in p.stdout.split(b"\n") if x]


def clean(texts, args=("--fix-encoding",)):
    data = "".join(json.dumps({"text": t}) + "\n" for t in texts).encode()
    out = [subprocess.run([os.path.join(BUILD, "bin/clean"), j, *args], input=data, stdout=subprocess.PIPE,
                          check=True).stdout for j in ("-j1", "-j4")]
    assert out[0] == out[1], "-j1 and -j4 differ"
    return [json.loads(x)["text"] for x in out[0].split(b"\n") if x]


def corpus_lines():
    path = os.path.join(CORPORA, "tldr.jsonl.zst")
    if not os.path.exists(path):
        return []
    data = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    texts = [json.loads(x)["text"] for x in data.split(b"\n")[::120] if x]
    return [line for t in texts for line in t.split("\n")[:4] if not line.isascii()]


def published(path):
    with open(path, encoding="utf-8") as f:
        cases = json.load(f)
    return [c["original"] for c in cases]


def check(name, n, pairs):
    texts = [t for t, _ in pairs]
    got = clean(texts)
    wrong = [(t, g, w) for (t, w), g in zip(pairs, got) if g != w]
    again = sum(a != b for a, b in zip(clean(got), got))
    print(f"{'not ok' if wrong or again else 'ok'} {n} - {name}: {TITLE}: {len(pairs)} texts, twice is once")
    for t, g, w in wrong[:10]:
        print(f"#   {ascii(t)[:200]}: {ascii(g)[:200]} not {ascii(w)[:200]}")
    if again:
        print(f"#   {again} texts change again")
    return bool(wrong or again)


def main():
    python = os.environ.get("PYTHON_FTFY") or sys.executable
    if subprocess.run([python, "-c", "import ftfy"], stderr=subprocess.DEVNULL, check=False).returncode:
        print(f"1..1\nok 1 - {TITLE} # SKIP needs ftfy")
        return 0
    texts = [t for t in ask(python, "--damage", corpus_lines()) if "\n" not in t]
    failed = check("damaged", 1, list(zip(texts, ask(python, "--reference", texts))))
    for n, path in enumerate(sys.argv[1:], 2):
        texts = published(path)
        failed |= check(os.path.basename(path), n, list(zip(texts, ask(python, "--reference", texts))))
    print(f"1..{1 + len(sys.argv[1:])}")
    return failed


if __name__ == "__main__":
    if sys.argv[1:] in (["--reference"], ["--damage"]):
        (reference if sys.argv[1] == "--reference" else damaged)()
    else:
        sys.exit(main())
