#!/usr/bin/env python3
"""split_shards.py FROM TO N: a folder with one model.safetensors becomes one with N shards and an index."""
import json
import os
import shutil
import struct
import sys

src, dst, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.makedirs(dst)
for f in os.listdir(src):
    if f != "model.safetensors":
        shutil.copy(os.path.join(src, f), dst)
raw = open(os.path.join(src, "model.safetensors"), "rb").read()
size = struct.unpack_from("<Q", raw)[0]
header = json.loads(raw[8:8 + size])
header.pop("__metadata__", None)
names = sorted(header, key=lambda k: header[k]["data_offsets"][0] * 7919 % 104729)
weight_map = {}
for shard in range(n):
    file, at, part, data = "model-%d.safetensors" % (shard + 1), 0, {}, b""
    for name in names[shard::n]:
        begin, end = header[name]["data_offsets"]
        part[name] = dict(header[name], data_offsets=[at, at + end - begin])
        data += raw[8 + size + begin:8 + size + end]
        at += end - begin
        weight_map[name] = file
    head = json.dumps(part).encode()
    open(os.path.join(dst, file), "wb").write(struct.pack("<Q", len(head)) + head + data)
with open(os.path.join(dst, "model.safetensors.index.json"), "w") as f:
    json.dump({"metadata": {"total_size": len(raw) - 8 - size}, "weight_map": weight_map}, f)
