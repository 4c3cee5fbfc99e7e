#!/usr/bin/env python3
"""check_sha256.py FILE.gguf TYPE quantized.json: each tensor has the type and bytes of llama-quantize."""
import hashlib
import json
import sys

import gguf_reader

want = json.load(open(sys.argv[3]))["types"][sys.argv[2]]["tensors"]
good = 0
for name, ne, kind, raw in gguf_reader.tensors(sys.argv[1]):
    w = want[name]
    same = (w["type"], w["ne"], w["sha256"]) == (kind, ne, hashlib.sha256(raw).hexdigest())
    good += same
    if not same:
        print(name, kind, ne, "differs from", w, file=sys.stderr)
print("# quantize-%s: %d/%d" % (sys.argv[2], good, len(want)))
sys.exit(good != len(want))
