#!/bin/sh
# collect_bench.sh BUILD: collect on web archives and pages, processor time of one thread, with the
# limit beside it: zlib's inflate alone for a WARC of gzip members, libxml2's parser for pages.
export BUILD="$1"
exec python3 - <<'PY'
import base64, gzip, json, os, subprocess, tempfile

BUILD, DATA = os.environ["BUILD"], os.environ.get("DATA") or "/nonexistent"
COLLECT = os.path.join(BUILD, "bin", "collect")


def cpu(*args):
    """The least processor time of three runs."""
    best = None
    for _ in range(3):
        p = subprocess.Popen(args, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(p.pid, 0)
        assert status == 0, args
        seconds = usage.ru_utime + usage.ru_stime
        best = min(best or seconds, seconds)
    return best


def row(name, size, args, limit_name=None, limit=None):
    seconds = cpu(*args)
    beside = f"   {limit_name} {size / limit / 1e6:.0f} MB/s: {limit / seconds:.2f}" if limit else ""
    print(f"{name:<34} {size / seconds / 1e6:7.0f} MB/s{beside}")


def pages():
    path = os.path.join(DATA, "corpora", "html-eval.jsonl.zst")
    if os.path.exists(path):
        text = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
        return [base64.b64decode(json.loads(line)["html_b64"]) for line in text.splitlines()]
    p = "<p>" + "A sentence of a page that is made for this measurement. " * 8 + "</p>\n"
    return [("<html><body><ul>" + "<li><a href=x>menu</a>" * 40 + "</ul>" + p * 40 + f"{i}</body></html>").encode()
            for i in range(400)]


def warc(bodies, path):
    size = 0
    with open(path, "wb") as f:
        for body in bodies:
            http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
            head = f"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: {len(http)}\r\n\r\n"
            record = head.encode() + http + b"\r\n\r\n"
            size += len(record)
            f.write(gzip.compress(record, 6))
    return size


def inflate(path, bodies):
    """zlib alone, on one member with the same content."""
    with open(path, "wb") as f:
        f.write(gzip.compress(b"".join(bodies), 6))
    program = "import sys, zlib; data = open(sys.argv[1], 'rb').read()\n"
    read = cpu("python3", "-c", program, path)
    return cpu("python3", "-c", program + "zlib.decompress(data, 31)", path) - read


with tempfile.TemporaryDirectory() as folder:
    bodies = [b.decode("utf-8", "replace").encode() for b in pages()]
    while sum(map(len, bodies)) < 40e6:
        bodies += bodies
    archive = os.path.join(folder, "x.warc.gz")
    size = warc(bodies, archive)
    limit = inflate(os.path.join(folder, "x.gz"), bodies)
    row("WARC (gzip members), bodies", size, [COLLECT, "-j1", "--html", "raw", archive], "inflate", limit)
    row("WARC (gzip members), main content", size, [COLLECT, "-j1", archive], "inflate", limit)
    htmls = os.path.join(folder, "h")
    os.mkdir(htmls)
    for i, b in enumerate(bodies):
        with open(os.path.join(htmls, f"{i}.html"), "wb") as f:
            f.write(b)
    size = sum(map(len, bodies))
    for mode in ("raw", "full", "main"):
        row(f"HTML --html {mode}", size, [COLLECT, "-j1", "--html", mode, htmls])
PY
