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


def read(path):
    r = gguf.GGUFReader(path)
    tensors = {t.name: (t.tensor_type.name, hashlib.sha256(t.data.tobytes()).hexdigest()) for t in r.tensors}
    return tensors, int(r.fields["general.file_type"].parts[-1][0])


@llama_cpp.llama_log_callback
def quiet(level, text, user):
    pass


llama_cpp.llama_log_set(quiet, None)
tool, folder = sys.argv[1:]
source, theirs, ours = (os.path.join(folder, n) for n in ("mix.gguf", "theirs.gguf", "ours.gguf"))
good = total = 0
for types, pure, shape in (
        (FILE_TYPES, False, dict(arch="llama", layers=17, dim=256, ffn=256, heads=8, kv=4)),
        (FEW + ["IQ4_NL"], False, dict(arch="llama", layers=9, dim=256, ffn=256, heads=8, kv=2)),
        (FEW, False, dict(arch="llama", layers=8, dim=256, ffn=256, heads=8, kv=2, experts=8)),
        (FEW, False, dict(arch="llama", layers=3, dim=256, ffn=256, heads=8, kv=2, tied=True)),
        (FILE_TYPES, False, dict(arch="llama", layers=2, dim=96, ffn=164, heads=3, kv=3)),
        (FEW, False, dict(arch="phi3", layers=9, dim=256, ffn=256, heads=8, kv=8, qkv=True)),
        (FEW, True, dict(arch="llama", layers=2, dim=256, ffn=160, heads=8, kv=2)),
        (["Q4_K_S"], False, dict(arch="llama", layers=80, dim=256, ffn=256, heads=8, kv=2))):
    make(source, **shape)
    for name in types:
        p = llama_cpp.llama_model_quantize_default_params()
        p.ftype, p.pure, p.nthread = FILE_TYPES[name], pure, 1
        if llama_cpp.llama_model_quantize(source.encode(), theirs.encode(), ctypes.byref(p)):
            sys.exit("llama_model_quantize failed")
        subprocess.run([tool, "-q", "--force", "--type", name, "-o", ours] + ["--pure"] * pure + [source], check=True)
        a, b = read(theirs), read(ours)
        total += 1
        good += a == b
        if a != b:
            print(name, shape, [(n, t[0], b[0].get(n)) for n, t in a[0].items() if t != b[0].get(n)][:3],
                  file=sys.stderr)
print("# quantize-llama-quantize: %d/%d" % (good, total))
sys.exit(good != total)
