#!/usr/bin/env python3
"""check_llamacpp.py FILE.gguf golden-greedy.jsonl: llama.cpp (llama-cpp-python) loads the file, splits the prompts
into the golden ids and completes them with the golden text. Exit 77 when llama-cpp-python is not there."""
import json
import sys

try:
    from llama_cpp import Llama
except ImportError:
    sys.exit(77)
# F32 cache, no flash attention: as precise as the reference.
model = Llama(model_path=sys.argv[1], n_ctx=1024, verbose=False, n_threads=1, type_k=0, type_v=0, flash_attn=False)
good = total = 0
for line in open(sys.argv[2]):
    g = json.loads(line)
    ids = model.tokenize(g["prompt"].encode(), add_bos=True, special=False)
    r = model.create_completion(g["prompt"], max_tokens=len(g["completion_ids"]), temperature=0.0, repeat_penalty=1.0)
    same = ids == g["prompt_ids"] and r["choices"][0]["text"] == g["completion"]
    good += same
    total += 1
    if not same:
        print(repr(g["prompt"]), "differs", file=sys.stderr)
print("# quantize-llamacpp-greedy: %d/%d" % (good, total))
sys.exit(good != total or total == 0)
