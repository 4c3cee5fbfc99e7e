#!/usr/bin/env python3
"""filtercheck.py CASE FILTER [ARG...]: one case of the filter contract, for one filter.

MEMBER is the member that the filter works on. Prints what is wrong and exits 1. Every run is made
with -j1 and -j4: output, rejects and exit code must be the same.
"""
import base64
import gzip
import json
import lzma
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

case, argv = sys.argv[1], sys.argv[2:]
name = argv[0]
member = os.environ["MEMBER"].encode()
TIMEOUT = 120
# infer runs a model: what needs megabytes of records is a few dozen for it.
MANY = 40 if name == "infer" else 30000


class Wrong(Exception):
    pass


def want(ok, text):
    if not ok:
        raise Wrong(text)


def rec(value, rest=b""):
    """A record whose member has the JSON text `value`."""
    return b'{"id":"r",' + rest + b'"' + member + b'":' + value + b"}"


def good(n):
    return rec(b'"the %dth text"' % n, b'"n":%d.0,' % n)


class Result:
    def __init__(self, status, out, err, files):
        self.status, self.out, self.err, self.files = status, out, err.decode("utf-8", "replace"), files

    def lines(self):
        return self.out.split(b"\n")[:-1]


def run_once(jobs, data, extra, files, cwd, env):
    where = dict(cwd=cwd, env=env)
    p = subprocess.run(argv + ["-j%d" % jobs] + list(extra), input=data, capture_output=True,
                       timeout=TIMEOUT, **where)
    found = {}
    for f in files:
        path = os.path.join(cwd, f)
        found[f] = open(path, "rb").read() if os.path.exists(path) else None
        if found[f] is not None:
            os.unlink(path)
    return Result(p.returncode, p.stdout, p.stderr, found)


def run(data, *extra, files=(), env=None, same=True):
    """Runs at -j1 and -j4; returns the -j1 result."""
    r = [run_once(j, data, extra, files, ".", env) for j in (1, 4)]
    want(r[0].status == r[1].status, f"-j1 exits {r[0].status}, -j4 {r[1].status}: {r[1].err[:300]}")
    if same:
        want(r[0].out == r[1].out, f"-j1 and -j4 write different output ({len(r[0].out)}, "
             f"{len(r[1].out)} bytes)")
        want(r[0].err == r[1].err, f"-j1 and -j4 say different things: {r[0].err!r} {r[1].err!r}")
        for f in files:
            if not f.endswith(".report"):
                want(r[0].files[f] == r[1].files[f], f"-j1 and -j4 differ in {f}")
    for one in r:
        report = one.files.get("x.report")
        if report is not None:
            one.report = json.loads(report)
            closes(one.report)
    check_lines(r[0].out)
    return r[0]


def closes(d):
    total = d["out"] + sum(d["dropped"].values()) + d["rejected"]
    want(d["in"] == total, f"accounting does not close: {d}")


def check_lines(out):
    """Whole lines of valid UTF-8, each one strict JSON object."""
    want(out == b"" or out.endswith(b"\n"), "the output does not end with a newline")
    for line in out.split(b"\n")[:-1]:
        try:
            value = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError) as e:
            if isinstance(e, RecursionError):
                continue
            raise Wrong(f"output line is not JSON in UTF-8: {e}: {line[:200]!r}")
        want(isinstance(value, dict), "an output line is not an object")


def expect(r, status, text=None):
    want(r.status == status, f"exit {r.status}, expected {status}: {r.err[:300]}")
    if text:
        want(text in r.err, f"no {text!r} in the message: {r.err[:300]!r}")
    if status == 0:
        want(r.err == "", f"not silent: {r.err[:300]!r}")


def is_good(data, count, *extra, **kw):
    """The input is accepted and gives `count` records."""
    r = run(data, "--report=x.report", *extra, files=["x.report"], **kw)
    expect(r, 0)
    want(len(r.lines()) == count, f"{len(r.lines())} records out, expected {count}")
    want(r.report["rejected"] == 0, "something was rejected")
    return r


def is_bad(line, in_message=""):
    """A bad record between two good ones: stops the run, or goes to the rejects."""
    data = good(1) + b"\n" + line + b"\n" + good(2) + b"\n"
    r = run(data)
    expect(r, 65)
    message = r.err.strip().split("\n")[-1]
    want(message.startswith(f"{name}: stdin:2: "), f"message does not name the place: {message!r}")
    want(all(c.isprintable() for c in message), f"raw bytes in the message: {message!r}")
    want(in_message in message, f"no {in_message!r} in {message!r}")
    want(len(r.lines()) == 1, f"{len(r.lines())} records before the bad one came out, expected 1")
    r = run(data, "--rejects=x.rejects", "--report=x.report", files=["x.rejects", "x.report"])
    expect(r, 0)
    want(len(r.lines()) == 2, f"{len(r.lines())} records out, expected 2")
    want((r.report["in"], r.report["rejected"]) == (3, 1), f"report: {r.report}")
    rejects = r.files["x.rejects"].split(b"\n")
    want(len(rejects) == 2, "not one line in the rejects")
    d = json.loads(rejects[0].decode("utf-8"))
    want((d["file"], d["line"]) == ("stdin", 2), f"reject names {d['file']}:{d['line']}")
    want(d["offset"] >= len(good(1)) + 1, f"offset {d['offset']}")
    want(d["reason"], "no reason")
    raw = base64.b64decode(d["raw_b64"]) if "raw_b64" in d else d["raw"].encode("utf-8", "surrogatepass")
    want(raw == line, f"raw is not the record: {raw[:200]!r}")


# ---- engines

def case_empty_input():
    for data in (b"", b"\n", b"\r\n\n \t\n", b"\xef\xbb\xbf"):
        r = run(data)
        want(r.status == 0 and r.out == b"", f"{data!r}: exit {r.status}, {len(r.out)} bytes: {r.err}")
    r = run(b"", "-o", "x.out", files=["x.out"])
    want(r.files["x.out"] == b"", "-o of nothing is not an empty file")


def case_empty_environment():
    r = is_good(good(1) + b"\n", 1, env={"PATH": os.environ["PATH"]})
    alone = subprocess.run(["env", "-i", os.path.join(os.environ["BUILD"], "bin", name)] + argv[1:],
                           input=good(1) + b"\n", capture_output=True, timeout=TIMEOUT)
    want(alone.returncode == 0 and alone.stdout == r.out, f"env -i: {alone.stderr!r}")


def case_trailing_blanks():
    plain = is_good(good(1) + b"\n" + good(2) + b"\n", 2)
    for blanks in (b"\t", b"  ", b" \t ", b"\r", b"\t\r", b" \r"):
        r = is_good(good(1) + blanks + b"\n" + b" " + good(2) + blanks + b"\n", 2)
        want(r.out == plain.out, f"{blanks!r} after a record changes the output")


def case_valid_output():
    texts = [b'"\xf0\x9f\x98\x80 \xe2\x80\xa8 \xc2\x85 \x7f"', b'"\\ud83d\\ude00 \\u2028 \\u007f"', b'""',
             b'"\\u0001\\n\\t\\\\ \\/ \\""', b'"\xef\xbf\xbe\xef\xbb\xbf"']
    data = b"".join(rec(t) + b"\n" for t in texts)
    r = run(data)
    expect(r, 0)
    want(len(r.lines()) <= len(texts) and r.out, "lines were split or lost")


def case_untouched_members():
    kept = [b'"id":1.50e+3', b'"a":{"b":[1,2 , 3], "c":-0.0}', b'"\\u0062":"\\/\\ud83d\\ude00"',
            b'"big":123456789012345678901234567890', b'"d":1,"d":2', b'"z" : null']
    line = b'{' + b",".join(kept[:3]) + b',"' + member + b'":"words",' + b",".join(kept[3:]) + b"}"
    r = is_good(line + b"\n", 1)
    for k in kept:
        want(k in r.out, f"{k!r} did not come out as it went in: {r.out!r}")
    want(r.out.startswith(line[:-1].rstrip()), f"the order of members changed: {r.out!r}")


def case_chunks():
    data = b"".join(good(i) + b"\n" for i in range(30))
    whole = is_good(data, 30)
    for size in (1, 7, 4096):
        p = subprocess.Popen(argv + ["-j4"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        got = []
        reader = threading.Thread(target=lambda: got.append(p.stdout.read()))
        reader.start()
        for at in range(0, len(data), size):
            os.write(p.stdin.fileno(), data[at:at + size])
        p.stdin.close()
        reader.join(TIMEOUT)
        want(p.wait(TIMEOUT) == 0 and p.stderr.read() == b"", f"writes of {size}: exit {p.returncode}")
        want(got[0] == whole.out, f"writes of {size} bytes give other output")


def case_order_and_jobs():
    data = b"".join(good(i) + b"\n" for i in range(MANY))
    want(name == "infer" or len(data) > 1 << 20, "too small to have several batches")
    r = is_good(data, MANY)
    numbers = [json.loads(line)["n"] for line in r.lines()]
    want(numbers == sorted(numbers) and len(set(numbers)) == MANY, "records changed their order")


def read_line(p):
    """A line of its output; nothing after 30 seconds, when it is killed."""
    timer = threading.Timer(30, p.kill)
    timer.start()
    line = p.stdout.readline()
    timer.cancel()
    return line


def case_live():
    """A record comes out although the input stays open."""
    p = subprocess.Popen(argv + ["-j4"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        for i in range(3):
            os.write(p.stdin.fileno(), good(i) + b"\n")
            line = read_line(p)
            want(line.endswith(b"\n") and json.loads(line)["n"] == i, f"record {i} did not come out")
    finally:
        p.stdin.close()
        p.wait(TIMEOUT)
    want(p.returncode == 0, f"exit {p.returncode}")


def case_accounting():
    lines = []
    for i in range(200 if name != "infer" else 12):
        lines.append(good(i % 150))
        if i % 4 == 0:
            lines += [b"{broken", b"", rec(b"5"), b'{"other":1}', rec(b'""')]
    data = b"\n".join(lines) + b"\n"
    r = run(data, "--rejects=x.rejects", "--report=x.report", "--metrics=x.prom",
            files=["x.rejects", "x.report", "x.prom"], same=False)
    expect(r, 0)
    d = r.report
    want(d["in"] == sum(1 for line in lines if line), f"in is {d['in']}")
    want(d["empty_lines"] == sum(1 for line in lines if not line), f"empty_lines is {d['empty_lines']}")
    want(d["rejected"] == len(r.files["x.rejects"].splitlines()) > 0, f"rejected is {d['rejected']}")
    want(d["records_out"] == len(r.lines()), f"records_out is {d['records_out']}")
    want(d["bytes_in"] == len(data) and d["bytes_out"] == len(r.out), f"bytes: {d}")
    prom = r.files["x.prom"].decode()
    values = {}
    for line in prom.splitlines():
        if not line.startswith("#"):
            key, value = line.rsplit(" ", 1)
            values[key] = float(value)
    want(any(k.startswith(f"millrace_{name}_") and v == d["in"] for k, v in values.items()),
         f"the metrics do not say {d['in']}: {values}")


# ---- good input of unusual form

def case_crlf():
    plain = is_good(good(1) + b"\n" + good(2) + b"\n", 2)
    r = is_good(good(1) + b"\r\n" + good(2) + b"\r\n", 2)
    want(r.out == plain.out, "CRLF input gives other output")


def case_bom():
    plain = is_good(good(1) + b"\n", 1)
    r = run(b"\xef\xbb\xbf" + good(1) + b"\n")
    want(r.status == 0 and r.out == plain.out, f"exit {r.status}: {r.err}")
    want("byte order mark" in r.err.lower() or "bom" in r.err.lower() or "feff" in r.err.lower(),
         f"no notice about the BOM: {r.err!r}")
    is_bad(b"\xef\xbb\xbf" + good(3))


def case_missing_last_newline():
    plain = is_good(good(1) + b"\n" + good(2) + b"\n", 2)
    r = is_good(good(1) + b"\n" + good(2), 2)
    want(r.out == plain.out, "a missing last newline gives other output")


def case_files_do_not_join():
    for i in (1, 2):
        with open(f"f{i}.jsonl", "wb") as f:
            f.write(good(i))
    with open("names", "w", encoding="utf-8") as f:
        f.write("f1.jsonl\n-\n")
    with open("names0", "wb") as f:
        f.write(b"f1.jsonl\0f2.jsonl\0")
    plain = is_good(good(1) + b"\n" + good(2) + b"\n", 2)
    for args in (["f1.jsonl", "f2.jsonl"], ["f1.jsonl", "-"], ["--files-from=names"],
                 ["--files-from=names0", "-0"]):
        r = is_good(good(2) + b"\n", 2, *args)
        want(r.out == plain.out, f"{args}: other output")


def compressed(data):
    forms = {"x.gz": gzip.compress(data), "x.xz": lzma.compress(data)}
    zstd = subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True)
    want(zstd.returncode == 0, "zstd(1) failed")
    forms["x.zst"] = zstd.stdout
    return forms


def case_compressed_input():
    data = b"".join(good(i) + b"\n" for i in range(20))
    plain = is_good(data, 20)
    for file, content in compressed(data).items():
        with open(file, "wb") as f:
            f.write(content)
        want(is_good(b"", 20, file).out == plain.out, f"{file}: other output")
        want(is_good(content, 20).out == plain.out, f"{file} on stdin: other output")


def case_truncated_input():
    rng = 12345
    lines = []
    for i in range(400 if name != "infer" else 30):
        rng = (rng * 1103515245 + 12345) % (1 << 31)
        lines.append(rec(b'"%d %d"' % (rng, rng * 7919), b'"n":%d,' % i) + b"\n")
    for file, content in compressed(b"".join(lines)).items():
        for cut in (len(content) // 2, len(content) - 1):
            with open(file, "wb") as f:
                f.write(content[:cut])
            r = run(b"", file, same=False)
            expect(r, 65)
            want(file in r.err and "byte" in r.err, f"no file and byte in {r.err!r}")
            r = run(b"", file, "-o", "x.out", same=False, files=["x.out"])
            want(r.status == 65 and r.files["x.out"] is None, "a truncated input made an output file")


def case_nul_escape():
    r = is_good(rec(b'"a\\u0000b"') + b"\n", 1)
    want(b"\0" not in r.out, "a raw NUL came out")


def case_many_members():
    rest = b"".join(b'"k%d":%d,' % (i, i) for i in range(1000000))
    r = is_good(rec(b'"words"', rest) + b"\n", 1)
    want(rest in r.out, "the members changed")


def case_deep_but_allowed():
    r = is_good(rec(b'"words"', b'"d":' + b"[" * 1000 + b"]" * 1000 + b",") + b"\n", 1)
    want(b"[" * 1000 in r.out, "the member changed")


def case_surrogate_untouched():
    r = is_good(rec(b'"words"', b'"x":"\\ud800",') + b"\n", 1)
    want(b'"x":"\\ud800"' in r.out, "the lone surrogate changed")


def case_surrogate_used():
    line = rec(b'"a \\udfff b"')
    if name != "clean":
        is_bad(line)
        return
    r = is_good(line + b"\n", 1)
    want(json.loads(r.out)[member.decode()] == "a \ufffd b", f"not replaced: {r.out!r}")
    want("surrogate" in json.dumps(r.report), f"not counted: {r.report}")


# ---- bad records

def case_bad_json():
    for line in (b"{broken", rec(b'"a') + b"}", rec(b"01"), rec(b'"words"') + b"{}", b"nonsense",
                 rec(b'"a\x01b"'), rec(b"NaN"), b"[1]", b'"text"', b"null"):
        is_bad(line)


def case_bad_utf8():
    for bytes_ in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"):
        is_bad(rec(b'"a ' + bytes_ + b' b"'))
    is_bad(rec(b'"words"', b'"other":"\xff",'))


def case_raw_nul():
    is_bad(rec(b'"a\0b"'))
    is_bad(b"\0")


def case_duplicate_used():
    is_bad(rec(b'"words"', b'"' + member + b'":"other",'))
    is_bad(rec(b'"words"', b'"\\u%04x' % member[0] + member[1:] + b'":"other",'))


def case_missing_field():
    is_bad(b'{"id":"r"}', in_message=member.decode())
    is_bad(b"{}")


def case_wrong_type():
    for value in (b"5", b"null", b"true", b'["a"]', b'{"a":1}'):
        is_bad(rec(value), in_message=member.decode())


def case_depth():
    is_bad(rec(b'"words"', b'"d":' + b"[" * 1000000 + b"]" * 1000000 + b","))
    is_bad(rec(b'"words"', b'"d":' + b'{"a":' * 1100 + b"1" + b"}" * 1100 + b","))


def case_long_line():
    """100 MB, over --max-record; as a file, and with few runs, since it is large."""
    for tail in (b'"}\n' + good(2) + b"\n", b""):
        with open("big.jsonl", "wb") as f:
            f.write(good(1) + b"\n" + rec(b'"')[:-2] + b'"' + b"a" * 100000000 + tail)
        r = run_once(1, b"", ["big.jsonl"], [], ".", None)
        expect(r, 65, f"{name}: big.jsonl:2: ")
        want(len(r.lines()) == 1, "the record before it did not come out")
        r = run_once(4, b"", ["big.jsonl", "--rejects=x.rejects", "--report=x.report"],
                     ["x.rejects", "x.report"], ".", None)
        expect(r, 0)
        d = json.loads(r.files["x.report"])
        closes(d)
        want(d["rejected"] == 1 and len(r.lines()) == (2 if tail else 1), f"report: {d}")
        d = json.loads(r.files["x.rejects"])
        want(d["line"] == 2 and d["raw"].startswith('{"id":"r"'), "the reject is not the record")
        want(d["raw"].endswith("aaa") and len(d["raw"]) == 65536, "raw is not its beginning")


def case_max_record():
    data = good(1) + b"\n" + rec(b'"' + b"a" * 3000 + b'"') + b"\n" + good(2) + b"\n"
    r = run(data, "--max-record=2K")
    expect(r, 65, "stdin:2:")
    r = run(data, "--max-record=2K", "--rejects=x.rejects", files=["x.rejects"])
    expect(r, 0)
    want(len(r.lines()) == 2, "the stream did not go on after a record that is too long")
    for line in (rec(b'"' + b"a" * 3000 + b'"'), rec(b'"a"') + b" " * 3000, b" " * 3000):
        data = good(1) + b"\n" + line + b"\n" + good(2)
        at_once = run(data, "--max-record=2K", "--rejects=x.rejects", files=["x.rejects"])
        p = subprocess.Popen(argv + ["-j4", "--max-record=2K", "--rejects=y"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        for byte in data:
            os.write(p.stdin.fileno(), bytes([byte]))
        out = p.communicate(timeout=TIMEOUT)[0]
        want((p.returncode, out) == (at_once.status, at_once.out), "one-byte writes: other output")
        with open("y", "rb") as f:
            want(f.read() == at_once.files["x.rejects"], "one-byte writes: other rejects")
        os.unlink("y")


def case_max_errors():
    data = b"".join((b"{" if i % 10 == 0 else good(i)) + b"\n" for i in range(100 if MANY > 99 else 20))
    for limit, status in (("10%", 0), ("9%", 1), ("10", 0), ("1", 1), ("100%", 0), ("0%", 1)):
        r = run(data, "--rejects=x.rejects", f"--max-errors={limit}", files=["x.rejects"], same=False)
        want(r.status == status, f"--max-errors={limit}: exit {r.status}, expected {status}")
        want(r.files["x.rejects"], "the rejects file did not appear")


# ---- failures of the world

def case_missing_file():
    r = run(b"", "no-such-file.jsonl")
    expect(r, 66, "no-such-file.jsonl")
    r = run(b"", ".")
    want(r.status == 66, f"a folder as input: exit {r.status}")
    r = run(b"", "no-such-file.jsonl", "-o", "x.out", files=["x.out"])
    want(r.files["x.out"] is None, "an output appeared without input")


def case_output_file():
    data = good(1) + b"\n" + good(2) + b"\n"
    plain = is_good(data, 2)
    r = run(data, "-o", "x.out", files=["x.out"])
    want(r.out == b"" and r.files["x.out"] == plain.out, "-o holds something else than stdout")
    with open("x.out", "wb") as f:
        f.write(b"precious")
    r = run_once(4, data, ["-o", "x.out"], [], ".", None)
    want(r.status == 73 and open("x.out", "rb").read() == b"precious", f"overwritten, exit {r.status}")
    r = run_once(4, data, ["-o", "x.out", "--force"], ["x.out"], ".", None)
    want(r.status == 0 and r.files["x.out"] == plain.out, f"--force: exit {r.status}: {r.err}")
    r = run(data, "-o", "no-such-folder/x")
    want(r.status == 73, f"an output in no folder: exit {r.status}")
    with open("x.out", "wb") as f:
        f.write(b"precious")
    r = run_once(4, good(1) + b"\n{broken\n", ["-o", "x.out", "--force"], ["x.out"], ".", None)
    want(r.status == 65 and r.files["x.out"] == b"precious", "a failed run replaced its output")
    want(sorted(f for f in os.listdir(".") if ".tmp" in f) == [], "temporaries were left")
    for how, decode in (("gzip", ["gzip", "-dc"]), ("zstd", ["zstd", "-dcq"]), ("xz", ["xz", "-dc"])):
        r = run_once(4, data, [f"--compress={how}"], [], ".", None)
        back = subprocess.run(decode, input=r.out, capture_output=True)
        want(r.status == 0 and back.stdout == plain.out, f"--compress={how} does not read back")


def case_signal():
    """SIGTERM in the middle: killed by it, no output file, whole lines on stdout."""
    for to_file in (False, True):
        extra = ["-o", "x.out"] if to_file else []
        for jobs in ("-j1", "-j4"):
            p = subprocess.Popen(argv + [jobs] + extra, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            os.write(p.stdin.fileno(), b"".join(good(i) + b"\n" for i in range(5)) + good(6)[:10])
            if to_file:
                end = time.time() + 30
                while not any(".tmp" in f for f in os.listdir(".")) and time.time() < end:
                    time.sleep(0.01)
            else:
                want(read_line(p).endswith(b"\n"), "no record came out")
            p.send_signal(signal.SIGTERM)
            out, err = p.communicate(timeout=TIMEOUT)
            want(p.returncode == -signal.SIGTERM, f"ended with {p.returncode}: {err[:300]!r}")
            check_lines(out)
            left = [f for f in os.listdir(".") if f.startswith("x.out") or ".tmp" in f]
            want(not left, f"left behind: {left}")


def case_head():
    """The reader goes away: quiet, by SIGPIPE."""
    data = b"".join(good(i) + b"\n" for i in range(MANY))
    with open("many.jsonl", "wb") as f:
        f.write(data)
    for ignored in (False, True):
        p = subprocess.Popen(argv + ["-j4", "many.jsonl"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, restore_signals=not ignored)
        line = p.stdout.readline()
        p.stdout.close()
        err = p.stderr.read()
        p.wait(TIMEOUT)
        want(line.endswith(b"\n"), "no line came out")
        want(p.returncode in (0, 141, -signal.SIGPIPE), f"exit {p.returncode}")
        want(err == b"", f"not quiet: {err[:300]!r}")


def main():
    function = globals().get("case_" + case)
    if not function:
        print(f"no case {case}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            function()
        except Wrong as e:
            print(f"{name}: {case}: {e}")
            return 1
        finally:
            os.chdir("/")
    return 0


sys.exit(main())
