#!/usr/bin/env python3
"""check_weights.py FILE.gguf FOLDER: every tensor of the file is the one of the folder, named, permuted and
rounded as the formats say. Plain python3; long tensors are checked in a sample of rows."""
import array
import json
import math
import os
import struct
import sys

import gguf_reader

folder = sys.argv[2]
config = json.load(open(os.path.join(folder, "config.json")))
raw = open(os.path.join(folder, "model.safetensors"), "rb").read()
size = struct.unpack_from("<Q", raw)[0]
header = json.loads(raw[8:8 + size])
heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
LAYER = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
         "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def floats(data, kind):
    if kind == "F32":
        return array.array("f", data)
    if kind == "F16":
        return array.array("f", struct.unpack("<%de" % (len(data) // 2), data))
    wide = bytearray(len(data) * 2)
    wide[2::4] = data[0::2]
    wide[3::4] = data[1::2]
    return array.array("f", bytes(wide))


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def bf16(x):
    u = struct.unpack("<I", struct.pack("<f", x))[0]
    return struct.pack("<H", (u + 0x7FFF + (u >> 16 & 1)) >> 16 & 0xFFFF)


def q8_0(row):
    out = b""
    for i in range(0, len(row), 32):
        block = row[i:i + 32]
        d = f32(max(abs(x) for x in block) / 127)
        inverse = 1 / d if d else 0.0
        inverse = f32(inverse) if inverse < 3.4028235e38 else 0.0
        q = []
        for x in block:
            y = f32(x * inverse)
            q.append(int(math.copysign(math.floor(abs(y) + 0.5), y)))
        out += struct.pack("<e32b", d, *q)
    return out


WRITE = {"F32": lambda r: array.array("f", r).tobytes(), "BF16": lambda r: b"".join(map(bf16, r)),
         "F16": lambda r: struct.pack("<%de" % len(r), *r), "Q8_0": q8_0}


def source_row(row, rows, groups):
    """The row of the folder that lies at `row` of the file: halves of each head are interleaved."""
    if not groups:
        return row
    n = rows // groups
    head, r = divmod(row, n)
    return head * n + r % 2 * (n // 2) + r // 2


used, checked = set(), 0
for name, ne, kind, data in gguf_reader.tensors(sys.argv[1]):
    if name == "rope_freqs.weight":
        continue
    part = name.split(".")
    source = TOP[part[0]] + "." + part[1] if part[0] in TOP else \
        "model.layers.%s.%s.%s" % (part[1], LAYER[part[2]], part[3])
    e = header[source]
    used.add(source)
    assert list(reversed(e["shape"])) == ne, (name, ne, e["shape"])
    assert kind == "F32" or len(ne) == 2, name
    columns, rows = ne[0], ne[1] if len(ne) > 1 else 1
    begin = 8 + size + e["data_offsets"][0]
    width = columns * {"F32": 4, "F16": 2, "BF16": 2}[e["dtype"]]
    groups = {"attn_q": heads, "attn_k": kv_heads}.get(part[2] if len(part) > 2 else "", 0)
    groups = groups if config["model_type"] != "qwen2" and len(ne) == 2 else 0
    out_width = len(data) // rows
    for row in sorted({r * (rows - 1) // 40 for r in range(41)}):
        at = begin + source_row(row, rows, groups) * width
        got = data[row * out_width:(row + 1) * out_width]
        assert got == WRITE[kind](floats(raw[at:at + width], e["dtype"])), (name, row)
    checked += 1
left = set(header) - used - {"__metadata__"}
assert not left, left
print("# %s: %d tensors equal" % (sys.argv[1], checked))
