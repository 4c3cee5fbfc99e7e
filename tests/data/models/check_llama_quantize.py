#!/usr/bin/env python3
"""check_llama_quantize.py QUANTIZE FOLDER: random models of several shapes become, by every mixture, the same
tensors (types and bytes) and file type as by llama.cpp's own quantizer. Exit 77 when that is not there."""
import ctypes
import hashlib
import os
import subprocess
import sys

try:
    import gguf
    import llama_cpp
    import numpy as np
except ImportError:
    sys.exit(77)

FILE_TYPES = {"Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12,
              "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ4_NL": 25,
              "IQ4_XS": 30, "F16": 1, "BF16": 32}
FEW = ["Q2_K", "Q3_K_M", "Q4_K_M", "Q4_0", "IQ4_XS"]


def make(path, arch, layers, dim, ffn, heads, kv, experts=0, tied=False, qkv=False):
    w = gguf.GGUFWriter(path, arch)
    w.add_context_length(64)
    w.add_block_count(layers)
    w.add_embedding_length(dim)
    w.add_feed_forward_length(ffn)
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(32)
    w.add_tokenizer_model("none")
    if experts:
        w.add_expert_count(experts)
        w.add_expert_used_count(2)
    r = np.random.default_rng(1)

    def put(name, *shape):
        w.add_tensor(name, r.standard_normal(shape).astype(np.float32))

    put("token_embd.weight", 32, dim)
    if not tied:
        put("output.weight", 32, dim)
    put("output_norm.weight", dim)
    width = kv * (dim // heads)
    for i in range(layers):
        b = "blk.%d." % i
        put(b + "attn_norm.weight", dim)
        put(b + "ffn_norm.weight", dim)
        if qkv:
            put(b + "attn_qkv.weight", dim + 2 * width, dim)
        else:
            put(b + "attn_q.weight", dim, dim)
            put(b + "attn_k.weight", width, dim)
            put(b + "attn_v.weight", width, dim)
        put(b + "attn_output.weight", dim, dim)
        some = (experts,) if experts else ()
        end = "_exps.weight" if experts else ".weight"
        if experts:
            put(b + "ffn_gate_inp.weight", experts, dim)
        if qkv:
            put(b + "ffn_up.weight", 2 * ffn, dim)
        else:
            put(b + "ffn_gate" + end, *some, ffn, dim)
            put(b + "ffn_up" + end, *some, ffn, dim)
        put(b + "ffn_down" + end, *some, dim, ffn)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def importance(path):
    """Random importance for the matrices of a model: as a file for ours, as structs for theirs."""
    r = np.random.default_rng(2)
    w = gguf.GGUFWriter(path, "imatrix")
    w.add_type("imatrix")
    items = []
    for t in gguf.GGUFReader(source).tensors:
        if not t.name.endswith(".weight") or "norm" in t.name or not t.name.startswith("blk."):
            continue
        columns, sets = int(t.shape[0]), int(t.shape[2]) if len(t.shape) > 2 else 1
        sums = (r.random((sets, columns)) * 100).astype(np.float32)
        counts = np.full((sets, 1), 7, np.float32)
        w.add_tensor(t.name + ".in_sum2", sums)
        w.add_tensor(t.name + ".counts", counts)
        items.append((t.name.encode(), np.ascontiguousarray(sums / np.float32(7)).ravel()))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    data = (L_DATA * (len(items) + 1))()
    for d, (name, values) in zip(data, items):
        d.name, d.size = name, len(values)
        d.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    return data, items


def read(path):
    r = gguf.GGUFReader(path)
    tensors = {t.name: (t.tensor_type.name, hashlib.sha256(t.data.tobytes()).hexdigest()) for t in r.tensors}
    return tensors, int(r.fields["general.file_type"].parts[-1][0])


L_DATA = llama_cpp.llama_model_imatrix_data


@llama_cpp.llama_log_callback
def quiet(level, text, user):
    pass


llama_cpp.llama_log_set(quiet, None)
tool, folder = sys.argv[1:]
source, theirs, ours = (os.path.join(folder, n) for n in ("mix.gguf", "theirs.gguf", "ours.gguf"))
good = total = 0
for types, mode, shape in (
        (FILE_TYPES, "", dict(arch="llama", layers=17, dim=256, ffn=256, heads=8, kv=4)),
        (FEW + ["IQ4_NL"], "", dict(arch="llama", layers=9, dim=256, ffn=256, heads=8, kv=2)),
        (FEW, "", dict(arch="llama", layers=8, dim=256, ffn=256, heads=8, kv=2, experts=8)),
        (FEW, "", dict(arch="llama", layers=3, dim=256, ffn=256, heads=8, kv=2, tied=True)),
        (FILE_TYPES, "", dict(arch="llama", layers=2, dim=96, ffn=164, heads=3, kv=3)),
        (FEW, "", dict(arch="phi3", layers=9, dim=256, ffn=256, heads=8, kv=8, qkv=True)),
        ([t for t in FILE_TYPES if t not in ("F16", "BF16", "Q8_0")], "--imatrix",
         dict(arch="llama", layers=8, dim=256, ffn=256, heads=8, kv=4)),
        (FEW, "--imatrix", dict(arch="llama", layers=2, dim=256, ffn=256, heads=8, kv=2, experts=4)),
        (FEW, "--pure", dict(arch="llama", layers=2, dim=256, ffn=160, heads=8, kv=2)),
        (["Q4_K_S"], "", dict(arch="llama", layers=80, dim=256, ffn=256, heads=8, kv=2))):
    make(source, **shape)
    options, keep = [], None
    if mode == "--imatrix":
        keep, values = importance(os.path.join(folder, "importance.gguf"))
        options = [mode, os.path.join(folder, "importance.gguf")]
    elif mode:
        options = [mode]
    for name in types:
        p = llama_cpp.llama_model_quantize_default_params()
        p.ftype, p.pure, p.nthread = FILE_TYPES[name], mode == "--pure", 1
        if keep is not None:
            p.imatrix = ctypes.cast(keep, ctypes.POINTER(L_DATA))
        if llama_cpp.llama_model_quantize(source.encode(), theirs.encode(), ctypes.byref(p)):
            sys.exit("llama_model_quantize failed")
        subprocess.run([tool, "-q", "--force", "--type", name, "-o", ours] + options + [source], check=True)
        a, b = read(theirs), read(ours)
        total += 1
        good += a == b
        if a != b:
            print(name, shape, [(n, t[0], b[0].get(n)) for n, t in a[0].items() if t != b[0].get(n)][:3],
                  file=sys.stderr)
print("# quantize-llama-quantize: %d/%d" % (good, total))
sys.exit(good != total)
