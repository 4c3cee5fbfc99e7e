#!/usr/bin/env python3
"""tiny_llama.py FOLDER FFN [edges|inf|nan|big|huge|large]: a llama folder of one layer with seeded weights, no tokenizer."""
import array
import json
import os
import random
import struct
import sys

folder, ffn, kind = sys.argv[1], int(sys.argv[2]), (sys.argv[3:] or [""])[0]
vocab = 400000 if kind == "large" else 50
config = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4,
          "num_key_value_heads": 2, "intermediate_size": ffn, "vocab_size": vocab, "rms_norm_eps": 1e-5,
          "max_position_embeddings": 128, "tie_word_embeddings": True}
shapes = {"model.embed_tokens.weight": [vocab, 64], "model.norm.weight": [64]}
for name, shape in {"input_layernorm": [64], "self_attn.q_proj": [64, 64], "self_attn.k_proj": [32, 64],
                    "self_attn.v_proj": [32, 64], "self_attn.o_proj": [64, 64], "post_attention_layernorm": [64],
                    "mlp.gate_proj": [ffn, 64], "mlp.up_proj": [ffn, 64], "mlp.down_proj": [64, ffn]}.items():
    shapes["model.layers.0.%s.weight" % name] = shape
rng = random.Random(7)
edges = [0.0, -0.0, 1e-45, -1e-41, 1.17e-38, 6e-8, 1e-3, 0.5, 65504.0, -8e6, 127.5, 2.5, -0.49999997]
head, data, at = {}, [], 0
for name, shape in shapes.items():
    n = shape[0] * (shape[1] if len(shape) > 1 else 1)
    if kind == "edges":
        scale = [1.0, 1e-30, 1e-38, 1e4]
        v = array.array("f", [rng.choice(edges) if i // 32 % 3 == 0 else rng.gauss(0, 1) * scale[i // 32 % 4]
                              if i // 32 % 5 else 0.0 for i in range(n)])
    elif n > 100000:
        v = array.array("f", [rng.gauss(0, 1) for _ in range(4096)]) * (n // 4096)
    else:
        v = array.array("f", [rng.gauss(0, 1) for _ in range(n)])
    if "up_proj" in name and kind in ("inf", "nan", "big", "huge"):
        v[7] = {"inf": -float("inf"), "nan": float("nan"), "big": 70000.0, "huge": -9e6}[kind]
    head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * n]}
    at += 4 * n
    data.append(v)
os.makedirs(folder)
json.dump(config, open(os.path.join(folder, "config.json"), "w"))
raw = json.dumps(head).encode()
with open(os.path.join(folder, "model.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(raw)) + raw)
    for v in data:
        f.write(v.tobytes())
