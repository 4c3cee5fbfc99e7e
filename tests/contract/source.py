#!/usr/bin/env python3
"""source.py [--root DIR] RULE...: the rules of DESIGN that a look at the source can check.

Prints one line per finding, `FILE:LINE: what`, and exits 1 when there is one. RULE `list` prints the
names of the rules. Advice (lengths that are only unusual) is printed as `note:` and is no finding.
"""
import os
import re
import subprocess
import sys

# ---- the layers: a file may include its own layer and those below.
LAYERS = [
    ["base", "arena", "buf", "err", "log"],
    ["os", "opt", "simd", "hash", "regex", "unicode", "codec", "sha256"],
    ["json", "in", "out", "flow", "progress", "report"],
    ["text", "sig", "tok", "pack", "source", "model", "stat", "tune"],
    ["app"],
]
TOPICS = set(LAYERS[3])
TOPIC_PAIRS = {("model", "tok")}  # model may use tok
# Topics are pure; these files at their edge may do I/O, through os, in, out and flow only.
DRIVERS = {
    "model/convert",
    "model/file",
    "model/modelfile",
    "model/threads",
    "pack/dir",
    "pack/packedin",
    "pack/reader",
    "pack/splits",
    "pack/unpack",
    "pack/writer",
    "pack/writer_samples",
    "pack/writer_tokens",
    "sig/bandrows",
    "sig/cluster",
    "sig/contains",
    "sig/exactmode",
    "sig/index",
    "sig/indexmode",
    "sig/mode",
    "sig/near",
    "sig/sorter",
    "sig/spill",
    "sig/substringmode",
    "sig/unitmode",
    "source/archive",
    "source/gather",
    "source/leaves",
    "source/operands",
    "stat/canary",
    "stat/evaluate",
    "stat/loading",
    "stat/measuring",
    "stat/phases",
    "stat/rows",
    "stat/strata",
    "tok/training",
    "tok/wordcount",
    "model/tokopen",
}
# What a tool hangs into flow: pure functions over flow's records and units.
CALLBACKS = {"sig/signing", "text/cleaning", "source/render"}
IMPURE = {"os", "in", "out", "flow", "log", "progress", "report"}
SYSTEM_HEADERS = set("""assert ctype errno fcntl float inttypes iso646 limits locale math poll pthread
    sched semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio
    stdio_ext stdlib string strings tgmath threads time uchar unistd dirent endian malloc wchar wctype
    cpuid immintrin x86intrin arm_neon""".split())
INTRINSICS = {"immintrin.h", "x86intrin.h", "emmintrin.h", "smmintrin.h", "nmmintrin.h", "arm_neon.h"}
ISA_ENDINGS = ["avx2", "avx512", "avx512vbmi", "avx512vnni", "neon"]

FILE_ADVICE, FILE_LIMIT = 500, 1000
FUNCTION_ADVICE, FUNCTION_LIMIT = 60, 200
COLUMN_ADVICE, COLUMN_LIMIT = 100, 110

SYSCALLS = """open openat creat read write pread pwrite readv writev close fsync fdatasync rename
    unlink mkdir rmdir stat fstat lstat mmap munmap madvise poll select ftruncate truncate lseek fork
    execv execvp execve posix_spawn posix_spawnp waitpid wait4 kill raise pipe pipe2 dup dup2 isatty
    getrusage sigaction signal opendir readdir closedir getenv setenv clock_gettime nanosleep usleep
    sleep flock sched_getaffinity sysconf statvfs fopen freopen fdopen tmpfile mkstemp symlink link
    socket connect""".split()
BANNED = "strcpy strcat sprintf vsprintf gets strtok atoi atol atoll atof alloca system popen tmpnam mktemp".split()
WORDS = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK", "st" + "ub"]
PLACES = ["/wo" + "rk/", "/fa" + "rm/"]

root = "."
findings = 0


def find(path, line, what):
    global findings
    findings += 1
    print(f"{path}:{line}: {what}")


def tree():
    """Files of the tree: what git knows, or everything when the root is not its top."""
    try:
        top = subprocess.run(["git", "-C", root, "rev-parse", "--show-toplevel"], check=True,
                             capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        top = None
    if top and os.path.realpath(top) == os.path.realpath(root):
        out = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], check=True, capture_output=True).stdout
        names = [n.decode() for n in out.split(b"\0") if n]
        return sorted(n for n in set(names) if os.path.isfile(os.path.join(root, n)))
    found = []
    for folder, subs, names in os.walk(root):
        subs[:] = [s for s in subs if s not in (".git", "build")]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(found)


def read(path):
    with open(os.path.join(root, path), "rb") as f:
        return f.read().decode("utf-8", "replace")


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_of(text):
    """The text with comments and literals blanked, lines kept. Include lines stay whole."""
    def blank(m):
        s = m.group(0)
        start = text.rfind("\n", 0, m.start()) + 1
        if s[0] == '"' and re.match(r"\s*#\s*include", text[start:m.start()]):
            return s
        return re.sub(r"[^\n]", " ", s)
    return TOKEN.sub(blank, text)


def sources(*ends, under=("lib/", "cmd/")):
    return [f for f in tree() if f.startswith(under) and f.endswith(ends or (".c", ".h", ".inc"))
            and "/data/" not in f]


def lines_matching(path, pattern):
    for number, line in enumerate(code_of(read(path)).split("\n"), 1):
        for m in re.finditer(pattern, line):
            yield number, m


def includes(path):
    for number, m in lines_matching(path, r'^\s*#\s*include\s*([<"])([^>"]+)[>"]'):
        yield number, m.group(1) == "<", m.group(2)


def resolve(path, name):
    for base in (os.path.dirname(path), "lib"):
        full = os.path.normpath(os.path.join(base, name))
        if os.path.exists(os.path.join(root, full)):
            return full
    return None


def module(path):
    """lib/os_dir.c -> os, lib/tok/bpe.c -> tok, cmd/x.c -> cmd."""
    parts = path.split("/")
    if parts[0] != "lib":
        return parts[0]
    if len(parts) > 2:
        return parts[1]
    stem = parts[1].rsplit(".", 1)[0]
    known = {m for layer in LAYERS for m in layer}
    return stem if stem in known else stem.split("_")[0]


def layer(mod):
    for number, names in enumerate(LAYERS):
        if mod in names:
            return number
    return len(LAYERS) if mod == "cmd" else None


def may_include(path, other):
    stem = os.path.splitext(path[len("lib/"):])[0]
    return stem in DRIVERS or (stem in CALLBACKS and other == "flow")


# ---- rules

def rule_layers():
    """includes point downward; topics do not know each other; topics are pure"""
    for path in sources():
        mine = module(path)
        if layer(mine) is None:
            find(path, 1, f"'{mine}' is in no layer: add it to LAYERS in tests/contract/source.py")
            continue
        for number, system, name in includes(path):
            if system:
                continue
            target = resolve(path, name)
            if not target:
                find(path, number, f"included file '{name}' does not exist")
                continue
            other = module(target)
            if other == "cmd" or layer(other) is None or layer(other) > layer(mine):
                find(path, number, f"'{mine}' includes '{other}', which is above it")
            elif mine in TOPICS and other in TOPICS and mine != other and \
                    (mine, other) not in TOPIC_PAIRS:
                find(path, number, f"topic '{mine}' includes topic '{other}'")
            elif mine in TOPICS and other in IMPURE and not may_include(path, other):
                find(path, number, f"'{mine}' is pure and includes '{other}'")


def third_party(name):
    return not (name.startswith(("sys/", "linux/")) or name.rsplit(".", 1)[0] in SYSTEM_HEADERS)


def rule_includes():
    """a third-party header stands in one .c; commands include lib only; intrinsics in simd only"""
    users = {}
    for path in sources():
        for number, system, name in includes(path):
            if system and third_party(name):
                users.setdefault(name, []).append((path, number))
            if name in INTRINSICS and not re.match(
                    r"lib/simd/\w+_(%s)\.(c|inc)$" % "|".join(ISA_ENDINGS), path):
                find(path, number, f"<{name}> outside lib/simd/*_<isa>.c")
            if path.startswith("cmd/") and system and (third_party(name) or name == "pthread.h"):
                find(path, number, f"a command includes <{name}>")
    for name, where in users.items():
        for path, number in where:
            if not path.endswith(".c"):
                find(path, number, f"<{name}> in a file that is not a .c")
        for path, number in where[1:]:
            find(path, number, f"<{name}> is also included by {where[0][0]}")


CALL = r"(?<![\w.>])(?:%s)\s*\("


def is_definition(m):
    """`bool open_it(` is a definition or declaration of ours: a type stands before the name."""
    return re.search(r"[\w*]\s*$", m.string[:m.start()]) and not re.search(
        r"\b(?:return|else|case|do)\s*$", m.string[:m.start()])


def only_in(names, allowed, what):
    for path in sources(".c", ".h", ".inc"):
        if path in allowed:
            continue
        for number, m in lines_matching(path, CALL % "|".join(names)):
            if not is_definition(m):
                find(path, number, f"{m.group(0).rstrip('(').strip()}() {what}")


def rule_calls():
    """only app.c exits, only os*.c makes system calls, only two files make threads"""
    files = sources(".c")
    os_files = [f for f in files if re.match(r"lib/os(_\w+)?\.c$", f)]
    only_in(["exit", "quick_exit"], ["lib/app.c"], "outside app.c")
    only_in(["_exit", "_Exit"], os_files, "outside os.c")
    only_in(["abort"], ["lib/err.c"], "outside err.c")
    only_in(["pthread_create", "thrd_create"], ["lib/flow.c", "lib/model/threads.c"],
            "outside flow.c and model/threads.c")
    # log.c lies below os.c and has the one write(2) and the clock of its messages.
    only_in(SYSCALLS, os_files + ["lib/log.c"], "outside os.c")
    only_in(["printf", "puts", "putchar", "fputs", "fwrite", "fprintf", "putc", "fputc"],
            ["lib/app.c", "lib/err.c"], "outside app.c: output goes through out.h or log.h")


def rule_intrinsics():
    """intrinsics and vector types only in lib/simd/*_<isa>.c and the .inc files they include"""
    for path in sources():
        if re.match(r"lib/simd/", path) and (path.endswith(".inc") or re.search(
                r"_(%s)\.c$" % "|".join(ISA_ENDINGS), path)):
            continue
        for number, m in lines_matching(path, r"\b(_mm\d*_\w+|__m(128|256|512)[id]?\b|v(ld|st)1q?_\w+)"):
            find(path, number, f"{m.group(1)} outside lib/simd/*_<isa>.c")


def rule_banned():
    """functions and words that the tree does not have"""
    only_in(BANNED, [], "is banned")
    for path in tree():
        if path.startswith(("tests/data/", "lib/data/", "tests/fuzz/corpus/")):
            continue
        if path.endswith((".md", ".c", ".h", ".inc", ".sh", ".py", ".awk", ".bats", ".bash")) or \
                os.path.basename(path) in ("Makefile", "run") or path.startswith("man/"):
            for number, line in enumerate(read(path).split("\n"), 1):
                for word in WORDS:
                    if re.search(r"\b%s\b" % word, line):
                        find(path, number, f"the word {word}")
                for place in PLACES:
                    if place in line:
                        find(path, number, f"a path of one machine: {place}")
    for path in tree():
        if os.path.basename(path) == "Makefile" or path.endswith((".mk", ".sh")):
            for number, line in enumerate(read(path).split("\n"), 1):
                if "-march=" + "native" in line:
                    find(path, number, "-march=" + "native")


FUNCTION = re.compile(r"^(?!typedef|struct \w+ \{|enum|union)[A-Za-z_][^;{}=]*\)\s*\n?\{$", re.M)


def functions(path):
    text = code_of(read(path))
    for m in re.finditer(r"^\{$", text, re.M):
        head = text[:m.start()].rstrip()
        if not head.endswith(")"):
            continue
        start = text.count("\n", 0, m.start()) + 1
        end = text.find("\n}", m.start())
        if end < 0:
            continue
        names = re.findall(r"(\w+)\s*\(", head[max(head.rfind("\n\n"), head.rfind(";")) + 1:])
        yield start, text.count("\n", m.start(), end + 1) + 1, names[0] if names else "?"


def rule_lengths():
    """files and functions"""
    for path in sources():
        if path.endswith("_table.inc"):
            continue
        n = read(path).count("\n")
        if n > FILE_LIMIT:
            find(path, n, f"has {n} lines, more than {FILE_LIMIT}")
        elif n > FILE_ADVICE:
            print(f"note: {path} has {n} lines")
        for start, length, name in functions(path):
            if length > FUNCTION_LIMIT:
                find(path, start, f"{name}() has {length} lines, more than {FUNCTION_LIMIT}")
            elif length > FUNCTION_ADVICE:
                print(f"note: {path}:{start}: {name}() has {length} lines")
            if path.startswith("cmd/") and name == "main" and length > 30:
                find(path, start, f"main() has {length} lines, more than 30")


def rule_names():
    """file names are unique and say what is in them; ISA endings stand in lib/simd"""
    seen = {}
    for path in tree():
        name = os.path.basename(path)
        code = path.endswith((".c", ".h", ".inc", ".py", ".awk", ".bats"))
        if code and "/data/" not in path:
            if name in seen:
                find(path, 1, f"has the same name as {seen[name]}")
            seen.setdefault(name, path)
        if re.match(r"(util|utils|common|misc|helpers?)\.[ch]$", name):
            find(path, 1, "has a name that says nothing")
        if code and not re.match(r"[a-z0-9_]+\.[a-z]+$", name):
            find(path, 1, "has a name with other letters than a-z 0-9 _")
        m = re.match(r"(\w+)_(%s)\.c$" % "|".join(ISA_ENDINGS), name)
        if m and not path.startswith("lib/simd/"):
            find(path, 1, "ends like a kernel and is not in lib/simd")


def rule_style():
    """columns, blanks, tabs, line ends; every header opens with its manual and has a guard"""
    for path in sources(under=("lib/", "cmd/", "tests/")):
        if path.endswith("_table.inc"):
            continue
        text = read(path)
        if text and not text.endswith("\n"):
            find(path, text.count("\n") + 1, "the last line has no newline")
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > COLUMN_LIMIT and not path.startswith("tests/"):
                find(path, number, f"{len(line)} columns")
            elif len(line) > COLUMN_ADVICE:
                print(f"note: {path}:{number}: {len(line)} columns")
            if line != line.rstrip():
                find(path, number, "blanks or CR at the end of the line")
            if "\t" in line:
                find(path, number, "a tab")
    for path in sources(".h", under=("lib/",)):
        text = read(path)
        name = os.path.basename(path)
        if not text.startswith(f"/* {name}: "):
            find(path, 1, f"does not open with '/* {name}: what it is for'")
        if not re.search(r"^#ifndef (\w+_H)\n#define \1\n", text, re.M):
            find(path, 1, "has no include guard")


RULES = {name[5:]: f for name, f in list(globals().items()) if name.startswith("rule_")}


def main():
    global root
    args = sys.argv[1:]
    if args[:1] == ["--root"]:
        root, args = args[1], args[2:]
    if args == ["list"]:
        print("\n".join(RULES))
        return 0
    if not args or any(a not in RULES for a in args):
        print(f"usage: source.py [--root DIR] {'|'.join(RULES)}...", file=sys.stderr)
        return 2
    for name in args:
        RULES[name]()
    return 1 if findings else 0


sys.exit(main())
