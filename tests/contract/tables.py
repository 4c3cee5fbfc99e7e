#!/usr/bin/env python3
"""tables.py CHECK BIN_DIR: what holds over the option tables of all commands (from --dump-options).

Prints one line per finding and exits 1 when there is one.
  meaning   a long name, and a letter, is one thing in the whole suite
  mentioned every option stands in the help, the manual page and the three completions
  examples  every example of a table stands in the manual page
  columns   no help text is wider than 80 columns
"""
import os
import re
import subprocess
import sys

top = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
findings = 0


def find(text):
    global findings
    findings += 1
    print(text)


def output(*args):
    p = subprocess.run(args, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    if p.returncode != 0:
        find(f"{' '.join(args)}: exit {p.returncode}: {p.stderr.decode()[:200]}")
    return p.stdout.decode()


def table(bin_dir, command):
    rows, facts, columns = [], [], None
    for line in output(os.path.join(bin_dir, command), "--dump-options").splitlines():
        cells = line.split("\t")
        if columns is None:
            columns = cells
        elif line.startswith("@"):
            facts.append(cells)
        elif len(cells) != len(columns):
            find(f"{command}: {len(cells)} cells in a dump of {len(columns)} columns: {line}")
        else:
            rows.append(dict(zip(columns, cells)))
    if not rows:
        find(f"{command}: --dump-options prints no options")
    return rows, facts


def commands(bin_dir):
    return sorted(n for n in os.listdir(bin_dir) if os.access(os.path.join(bin_dir, n), os.X_OK))


# Words that the field uses for two things: the splitter into words (clean) and counting words (tokenize);
# checking a folder (shard) and what was just written (quantize).
TWO_MEANINGS = {"words", "verify"}


def check_meaning(bin_dir):
    names, letters = {}, {}
    for command in commands(bin_dir):
        for row in table(bin_dir, command)[0]:
            name = row["name"]
            meaning = (row["type"], row["letter"], row["choices"] if row["scope"] == "common" else "")
            first = names.setdefault(name, (command, meaning))
            if first[1] != meaning and name not in TWO_MEANINGS:
                find(f"--{name} is {meaning} in {command} and {first[1]} in {first[0]}")
            if row["letter"]:
                first = letters.setdefault(row["letter"], (command, name))
                if first[1] != name:
                    find(f"-{row['letter']} is --{name} in {command} and --{first[1]} in {first[0]}")


def file_text(path):
    try:
        with open(os.path.join(top, path), encoding="utf-8") as f:
            return f.read()
    except OSError as e:
        find(f"{path}: {e.strerror}")
        return None


def check_mentioned(bin_dir):
    for command in commands(bin_dir):
        rows = table(bin_dir, command)[0]
        full = output(os.path.join(bin_dir, command), "--help")
        texts = {
            "--help": (full, lambda n: r"--(\[no-\])?%s\b" % re.escape(n)),
            f"man/{command}.1": (None, lambda n: r"Fl Fl %s( |$)" % re.escape(n)),
            f"completions/bash/{command}": (None, lambda n: r"--%s[' ]" % re.escape(n)),
            f"completions/zsh/_{command}": (None, lambda n: r"'\*?--%s[\[=]" % re.escape(n)),
            f"completions/fish/{command}.fish": (None, lambda n: r" -l %s " % re.escape(n)),
        }
        for where, (text, pattern) in texts.items():
            text = file_text(where) if text is None else text
            for row in rows if text is not None else []:
                if "hidden" in row["flags"] and not where.startswith("man/"):
                    continue
                if not re.search(pattern(row["name"]), text, re.M):
                    find(f"{command}: --{row['name']} is not in {where}")


def check_examples(bin_dir):
    for command in commands(bin_dir):
        facts = table(bin_dir, command)[1]
        page = os.path.join(top, "man", command + ".1")
        if not os.path.exists(page):
            find(f"man/{command}.1 does not exist")
            continue
        text = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=200", page],
                              capture_output=True).stdout.decode()
        text = re.sub(r".\x08", "", text)
        text = re.sub(r"\s+", " ", text)
        examples = [f for f in facts if f[0] == "@example"]
        if not examples:
            find(f"{command}: the table has no example")
        for example in examples:
            if re.sub(r"\s+", " ", example[2]) not in text:
                find(f"{command}: not in the manual's EXAMPLES: {example[2]}")


def check_columns(bin_dir):
    for command in commands(bin_dir):
        for option in ("--help", "-h"):
            text = output(os.path.join(bin_dir, command), option)
            if not text.startswith("usage: " + command):
                find(f"{command} {option}: does not begin with its usage")
            for number, line in enumerate(text.splitlines(), 1):
                if len(line) > 80:
                    find(f"{command} {option}: line {number} has {len(line)} columns: {line}")
                if line != line.rstrip() or "\t" in line:
                    find(f"{command} {option}: line {number}: tab or blanks at the end")


def main():
    check = globals().get("check_" + sys.argv[1]) if len(sys.argv) == 3 else None
    if not check:
        print(__doc__, file=sys.stderr)
        return 2
    if not commands(sys.argv[2]):
        find("there is no command to check")
    check(sys.argv[2])
    return 1 if findings else 0


sys.exit(main())
