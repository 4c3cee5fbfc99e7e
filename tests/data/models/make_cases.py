#!/usr/bin/env python3
"""make_cases.py DIR: small model files, good and broken, and DIR/cases.tsv: file, exit code, why.

Written byte by byte from the descriptions of the formats, without our own writer."""
import json
import os
import struct
import sys

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
cases = []


def put(name, code, why, data):
    path = os.path.join(out, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    cases.append((name, code, why))


# ---- GGUF
def u32(n):
    return struct.pack("<I", n & 0xFFFFFFFF)


def u64(n):
    return struct.pack("<Q", n & 0xFFFFFFFFFFFFFFFF)


def string(s):
    s = s if isinstance(s, bytes) else s.encode()
    return u64(len(s)) + s


def kv(key, kind, value):
    return string(key) + u32(kind) + value


ARCH = kv("general.architecture", 8, string("llama"))


def info(name, ne, kind, offset, dims=None):
    return string(name) + u32(len(ne) if dims is None else dims) + b"".join(map(u64, ne)) + u32(kind) + u64(offset)


def gguf(keys=(ARCH,), infos=(), data=b"", version=3, n_keys=None, n_infos=None, align=32, magic=b"GGUF"):
    head = magic + u32(version) + u64(len(infos) if n_infos is None else n_infos)
    head += u64(len(keys) if n_keys is None else n_keys) + b"".join(keys) + b"".join(infos)
    return head + b"\0" * (-len(head) % align) + data


A = info("a", (8,), 0, 0)
B = info("b", (8,), 0, 32)
D = b"\0" * 32
good = gguf(infos=(A, B), data=D + D)
put("good.gguf", 0, "two tensors", good)
put("good-v2.gguf", 0, "version 2", gguf(infos=(A,), data=D, version=2))
put("good-types.gguf", 0, "every value type", gguf(keys=(
    ARCH, kv("u8", 0, b"\x01"), kv("i8", 1, b"\xff"), kv("u16", 2, b"\1\2"), kv("i16", 3, b"\1\2"),
    kv("u32", 4, u32(7)), kv("i32", 5, u32(-7)), kv("f32", 6, struct.pack("<f", 1e-5)),
    kv("nan", 6, struct.pack("<f", float("nan"))), kv("bool", 7, b"\1"), kv("u64", 10, u64(-1)),
    kv("i64", 11, u64(-1)), kv("f64", 12, struct.pack("<d", 0.1)), kv("utf8", 8, string("h\u00e9\n\"")),
    kv("bytes", 8, string(b"\xff\0x")), kv("words", 9, u32(8) + u64(2) + string("") + string("x")),
    kv("ints", 9, u32(5) + u64(3) + u32(1) + u32(-2) + u32(3)), kv("empty", 9, u32(4) + u64(0)))))
put("good-align.gguf", 0, "alignment 64", gguf(
    keys=(ARCH, kv("general.alignment", 4, u32(64))), align=64,
    infos=(A, info("b", (8,), 0, 64)), data=D + D + D + D))
put("good-k.gguf", 0, "a K format", gguf(infos=(info("a", (256,), 12, 0),), data=b"\0" * 144))
put("good-iq1.gguf", 0, "a type that is listed, not computed",
    gguf(infos=(info("a", (256,), 19, 0),), data=b"\0" * 50))
put("good-int.gguf", 0, "integers", gguf(infos=(info("ids", (4, 2), 26, 0), info("b", (8,), 0, 32)),
                                       data=bytes(range(32)) + struct.pack("<8f", *range(8))))
put("empty.gguf", 78, "no bytes", b"")
put("text.gguf", 78, "not a model", b"hello, world\n")
put("magic.gguf", 78, "GGML magic", gguf(magic=b"ggml"))
for v in (0, 1, 4, 0x03000000):
    put("version-%d.gguf" % v, 78, "version", gguf(version=v))
for n in range(0, len(good) - 32, 7):
    put("cut-%03d.gguf" % n, 78, "cut at byte %d" % n, good[:n])
put("cut-data.gguf", 78, "last byte is missing", good[:-1])
for n in (1 << 20, 1 << 31, 1 << 60, (1 << 64) - 1):
    put("keys-%x.gguf" % n, 78, "key count", gguf(n_keys=n))
    put("infos-%x.gguf" % n, 78, "tensor count", gguf(n_infos=n))
    put("keylen-%x.gguf" % n, 78, "key length", gguf(keys=(u64(n) + b"k" + u32(4) + u32(1),)))
    put("strlen-%x.gguf" % n, 78, "string length", gguf(keys=(string("k") + u32(8) + u64(n),)))
    for kind in (0, 4, 8, 12):
        put("arrlen-%d-%x.gguf" % (kind, n), 78, "array length", gguf(keys=(kv("k", 9, u32(kind) + u64(n)),)))
put("arr-type.gguf", 78, "array type", gguf(keys=(kv("k", 9, u32(13) + u64(1) + b"\0" * 64),)))
put("value-type.gguf", 78, "value type", gguf(keys=(kv("k", 99, b"\0" * 64),)))
put("key-empty.gguf", 78, "empty key", gguf(keys=(kv("", 4, u32(1)), ARCH)))
put("key-twice.gguf", 78, "key twice", gguf(keys=(ARCH, kv("x", 4, u32(1)), kv("x", 4, u32(2)))))
put("name-twice.gguf", 78, "tensor twice", gguf(infos=(A, info("a", (8,), 0, 32)), data=D + D))
put("name-empty.gguf", 78, "tensor without a name", gguf(infos=(info("", (8,), 0, 0),), data=D))
put("name-64.gguf", 78, "tensor name of 64 bytes", gguf(infos=(info("n" * 64, (8,), 0, 0),), data=D))
put("dims-5.gguf", 78, "five dimensions", gguf(infos=(info("a", (1,) * 5, 0, 0),), data=D))
put("dims-huge.gguf", 78, "2^32-1 dimensions", gguf(infos=(info("a", (8,), 0, 0, dims=0xFFFFFFFF),), data=D))
big = 1 << 32
for i, ne in enumerate([(big, big, 4), (4, big, big), (big, big, 4, 0), (big, big, 0), (1 << 62, 4), (1 << 63,),
                        (1 << 62,), ((1 << 64) - 8,), (8, (1 << 64) - 1), (1 << 31, 1 << 31, 2, 2), (1 << 61, 8)]):
    put("ne-wrap-%d.gguf" % i, 78, "shape %r overflows" % (ne,), gguf(infos=(info("a", ne, 0, 0),), data=D))
put("ne-large.gguf", 78, "10^9 columns in 32 bytes", gguf(infos=(info("a", (10 ** 9,), 0, 0),), data=D))
for t in (4, 5, 31, 36, 38, 999, 1000, 1001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
    put("type-%x.gguf" % t, 78, "tensor type", gguf(infos=(info("a", (8,), t, 0),), data=D))
put("row-33.gguf", 78, "33 columns of Q8_0", gguf(infos=(info("a", (33, 32), 8, 0),), data=b"\0" * 1122))
put("offset-4.gguf", 78, "unaligned", gguf(infos=(info("a", (8,), 0, 4),), data=D + D))
put("offset-hole.gguf", 78, "hole", gguf(infos=(A, info("b", (8,), 0, 64)), data=D * 3))
put("offset-overlap.gguf", 78, "overlap", gguf(infos=(A, info("b", (8,), 0, 0)), data=D * 3))
put("offset-wrap.gguf", 78, "offset wraps", gguf(infos=(info("a", (8,), 0, (1 << 64) - 32),), data=D))
for a in (0, 3, 48, 1 << 31):
    put("align-%d.gguf" % a, 78, "alignment", gguf(keys=(ARCH, kv("general.alignment", 4, u32(a))), infos=(A,), data=D))
put("align-type.gguf", 78, "alignment as u64", gguf(keys=(ARCH, kv("general.alignment", 10, u64(32))), infos=(A,), data=D))


# ---- safetensors
def st(header, data=b"", size=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return u64(len(raw) if size is None else size) + raw + data


def entry(begin, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


put("good.safetensors", 0, "two tensors", st({"a": entry(0, 4), "b": entry(4, 16, (3, 2), "BF16"),
                                              "__metadata__": {"format": "pt"}}, b"\0" * 16))
put("good-empty.safetensors", 0, "no tensors", st({}))
put("good-padded.safetensors", 0, "spaces after the header", st(b'{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}   ', D[:8]))
put("good-f8.safetensors", 0, "8-bit floats", st({"a": entry(0, 4, (4,), "F8_E4M3")}, b"\0" * 4))
put("none.safetensors", 78, "no bytes", b"")
put("short.safetensors", 78, "7 bytes", b"\0" * 7)
for n in (3, 1 << 20, 100000001, 1 << 31, 1 << 63, (1 << 64) - 1):
    put("size-%x.safetensors" % n, 78, "header size", st({}, size=n))
put("json.safetensors", 78, "not JSON", st(b"{nope"))
put("array.safetensors", 78, "an array", st(b"[1]"))
put("utf8.safetensors", 78, "not UTF-8", st(b'{"\xff":1}'))
put("deep.safetensors", 78, "deep nesting", st(b'{"a":' + b"[" * 100000 + b"]" * 100000 + b"}"))
put("range-long.safetensors", 78, "past the end", st({"a": entry(0, 8, (2,))}, b"\0" * 4))
put("range-short.safetensors", 78, "bytes behind", st({"a": entry(0, 4)}, b"\0" * 5))
put("range-hole.safetensors", 78, "hole", st({"a": entry(0, 4), "b": entry(8, 12)}, b"\0" * 12))
put("range-overlap.safetensors", 78, "overlap", st({"a": entry(0, 8, (2,)), "b": entry(4, 8)}, b"\0" * 8))
put("range-back.safetensors", 78, "end before begin", st({"a": entry(4, 0)}, b"\0" * 4))
put("range-negative.safetensors", 78, "negative", st({"a": entry(-4, 0)}, b"\0" * 4))
put("range-huge.safetensors", 78, "wraps", st({"a": entry(0, (1 << 63) - 1)}, b"\0" * 4))
put("range-float.safetensors", 78, "no integers", st({"a": entry(0, 4.5)}, b"\0" * 4))
put("range-missing.safetensors", 78, "no range", st({"a": {"dtype": "F32", "shape": [1]}}, b"\0" * 4))
put("shape-wrap.safetensors", 78, "shape wraps to 0", st({"a": entry(0, 0, (big, big, 4))}))
put("shape-wrap-zero.safetensors", 78, "wraps before a zero", st({"a": entry(0, 0, (big, big, 4, 0))}))
put("shape-5.safetensors", 78, "five dimensions", st({"a": entry(0, 4, (1,) * 5)}, b"\0" * 4))
put("shape-lies.safetensors", 78, "size and shape differ", st({"a": entry(0, 4, (2,))}, b"\0" * 4))
put("dtype.safetensors", 78, "unknown dtype", st({"a": entry(0, 4, (1,), "F31")}, b"\0" * 4))
put("twice.safetensors", 78, "name twice", st(b'{"a":%s,"a":%s}' % (json.dumps(entry(0, 4)).encode(), json.dumps(entry(4, 8)).encode()), b"\0" * 8))
put("pytorch_model.bin", 78, "pickle in a zip file", b"PK\3\4" + b"\0" * 60)
put("old.bin", 78, "bare pickle", b"\x80\2}q\0.")

with open(os.path.join(out, "cases.tsv"), "w") as f:
    for c in cases:
        f.write("%s\t%d\t%s\n" % c)
