#!/usr/bin/env python3
"""check_llama_logits.py QUANTIZE FOLDER MODELS: llama.cpp loads the F32 GGUF of every model folder in MODELS and gives
the logits (or hidden states) of its golden.json, within what its GELU table costs. Exit 77 without llama.cpp."""
import ctypes
import json
import os
import subprocess
import sys

try:
    import llama_cpp as L
    import numpy as np
except ImportError:
    sys.exit(77)


@L.llama_log_callback
def quiet(level, text, user):
    pass


def compute(model, ids, encoder):
    c = L.llama_context_default_params()
    c.n_ctx, c.n_batch, c.n_ubatch, c.n_threads = 128, 128, 128, 1
    c.type_k = c.type_v = 0
    c.flash_attn_type = 0
    if encoder:
        c.embeddings, c.pooling_type = True, 0
    context = L.llama_init_from_model(model, c)
    b = L.llama_batch_init(len(ids), 0, 1)
    b.n_tokens = len(ids)
    for i, t in enumerate(ids):
        b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = t, i, 1, 1
        b.seq_id[i][0] = 0
    assert not (L.llama_encode if encoder else L.llama_decode)(context, b)
    if encoder:
        n = L.llama_model_n_embd(model)
        rows = [np.ctypeslib.as_array(L.llama_get_embeddings_ith(context, i), (n,)).copy() for i in range(len(ids))]
    else:
        n = L.llama_vocab_n_tokens(L.llama_model_get_vocab(model))
        rows = np.ctypeslib.as_array(L.llama_get_logits_ith(context, len(ids) - 1), (n,)).copy()
    L.llama_free(context)
    return np.array(rows)


tool, folder, models = sys.argv[1:]
L.llama_log_set(quiet, None)
L.llama_backend_init()
good = total = 0
for name in sorted(os.listdir(models)):
    gguf = os.path.join(folder, "logits.gguf")
    subprocess.run([tool, "-q", "--force", "--type", "F32", "-o", gguf, os.path.join(models, name)], check=True)
    model = L.llama_model_load_from_file(gguf.encode(), L.llama_model_default_params())
    for case in json.load(open(os.path.join(models, name, "golden.json")))["cases"]:
        ids = case["input_ids"]
        if name.startswith("mistral") and len(ids) > 16:
            continue  # llama.cpp's llama has no window
        want = np.array(case.get("last_hidden", case.get("logits_last")))
        off = np.abs(compute(model, ids, "last_hidden" in case) - want).max() / (want.max() - want.min()) if model else 1
        total += 1
        good += off < 2e-4
        if not off < 2e-4:
            print(name, len(ids), off, file=sys.stderr)
print("# quantize-llama-logits: %d/%d" % (good, total))
sys.exit(good != total or total < 40)
