#!/usr/bin/env python3
"""make.py CORPUS [FOLDER]: makes pages.tar.zst and prompts.jsonl of the demo.

CORPUS is tldr.jsonl.zst or .jsonl: one page of tldr-pages per line with the members id, lang, text.
The archive holds a few hundred pages in ten languages as Markdown files, and what real collections
hold too: exact duplicates, control and zero-width characters, a byte order mark, CRLF, a page in
Latin-1, tables, JSON Lines with a broken line, an empty file, a compressed member, a picture, a
symbolic link. Which pages are taken depends on the hash of their ids alone, so the same corpus gives
the same bytes (with the same zstd). Needs python3 and zstd.
"""
import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

LANGUAGES = {"en": 190, "de": 30, "fr": 30, "es": 30, "ru": 20, "zh": 25, "ja": 20, "ko": 25,
             "ar": 15, "hi": 15}

PROMPTS = ["tar", "git commit", "grep", "ssh", "docker run", "find", "curl", "systemctl", "zip", "awk",
           "ls", "chmod"]

# The smallest PNG there is: one transparent pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fcff9f"
    "a11e00078202 7f3dc848ef0000000049454e44ae426082".replace(" ", ""))

LICENSE_NOTE = (b"The pages are from tldr-pages (https://github.com/tldr-pages/tldr), "
                b"Creative Commons Attribution 4.0 International.\n")


def read_corpus(path):
    raw = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout \
        if path.endswith(".zst") else open(path, "rb").read()
    return [json.loads(line) for line in raw.splitlines()]


def choose(pages):
    """The pages of each language with the smallest hashes of their ids, in order of id."""
    chosen = []
    for lang, count in LANGUAGES.items():
        ranked = sorted((p for p in pages if p["lang"] == lang and len(p["text"]) < 2500),
                        key=lambda p: hashlib.sha256(p["id"].encode()).digest())
        chosen += ranked[:count]
    return sorted(chosen, key=lambda p: p["id"])


def as_table(pages):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["id", "lang", "text"])
    for p in pages:
        writer.writerow([p["id"], p["lang"], p["text"]])
    return out.getvalue().encode()


def members(chosen):
    """Name and bytes of every file, with the dirt."""
    def page(lang, n):
        return [p for p in chosen if p["lang"] == lang][n]

    table, lines, array = chosen[5:300:37], chosen[9:300:41], chosen[13:300:53]
    elsewhere = {p["id"] for p in table + lines + array}
    files = [(f"pages/{p['id']}.md", p["text"].encode()) for p in chosen if p["id"] not in elsewhere]
    files.append(("LICENSE.txt", LICENSE_NOTE))
    files.append(("more/pages.csv", as_table(table)))
    jsonl = [json.dumps(p, ensure_ascii=False) for p in lines]
    jsonl.insert(3, jsonl[0][:-20])  # a line that was cut off
    files.append(("more/pages.jsonl", ("\n".join(jsonl) + "\n").encode()))
    files.append(("more/pages.json", json.dumps(array, indent=1).encode()))
    # exact copies under other names, and copies that only differ by dirt
    for n in range(12):
        p = page("en", 3 + 7 * n)
        files.append((f"mirror/{p['id']}.md", p["text"].encode()))
    for n in range(4):
        p = page("en", 5 + 7 * n)
        files.append((f"windows/{p['id']}.md", p["text"].replace("\n", "\r\n").encode()))
    p = page("en", 9)
    files.append((f"dirt/{p['id']}.md", p["text"].replace(" ", " \u200b", 6).encode()))
    p = page("en", 16)
    files.append((f"dirt/{p['id']}.md", p["text"].replace("\n", "\n\x0c\x01", 5).encode()))
    p = page("fr", 4)
    files.append((f"dirt/{p['id']}.md", b"\xef\xbb\xbf" + p["text"].encode()))
    p = next(p for p in chosen if p["lang"] == "fr" and fits(p["text"]) and not p["text"].isascii())
    files.append((f"dirt/latin1/{p['id']}.md", p["text"].encode("latin-1")))
    p = page("zh", 2)
    files.append((f"dirt/utf16/{p['id']}.md", p["text"].encode("utf-16")))
    files.append(("dirt/empty.md", b""))
    files.append(("dirt/short.txt", b"see the other page\n"))
    files.append(("dirt/pixel.png", PIXEL))
    p = page("en", 20)
    files.append(("dirt/packed.md.zst", zstd(p["text"].encode())))
    return files


def fits(text):
    try:
        text.encode("latin-1")
        return True
    except UnicodeEncodeError:
        return False


def zstd(data):
    return subprocess.run(["zstd", "-19", "-q", "-c"], input=data, check=True,
                          capture_output=True).stdout


def pack(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), 0, 0o644
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("dirt/link.md")
        link.type, link.linkname, link.mtime = tarfile.SYMTYPE, "../../outside.md", 0
        tar.addfile(link)
    return zstd(out.getvalue())


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(os.path.abspath(__file__))
    chosen = choose(read_corpus(sys.argv[1]))
    data = pack(members(chosen))
    with open(os.path.join(folder, "pages.tar.zst"), "wb") as f:
        f.write(data)
    with open(os.path.join(folder, "prompts.jsonl"), "w", encoding="utf-8", newline="\n") as f:
        for n, command in enumerate(PROMPTS, 1):
            f.write(json.dumps({"id": f"prompt-{n}", "prompt": f"# {command}\n\n>"}) + "\n")
    print(f"{len(chosen)} pages, {len(data)} bytes")


if __name__ == "__main__":
    main()
