#!/usr/bin/env python3
"""check_gguf_package.py FILE.gguf F32.gguf: the gguf package of llama.cpp reads both; each tensor of the first is,
byte for byte, what its quantizer makes of the second. Exit 77 when the package is not there."""
import sys

try:
    import gguf
    import numpy as np
except ImportError:
    sys.exit(77)
wide = {t.name: t for t in gguf.GGUFReader(sys.argv[2]).tensors}
tensors = gguf.GGUFReader(sys.argv[1]).tensors
good = 0
for t in tensors:
    w = wide[t.name]
    want = gguf.quants.quantize(np.asarray(w.data), t.tensor_type)
    same = list(t.shape) == list(w.shape) and want.tobytes() == np.ascontiguousarray(t.data).tobytes()
    good += same
    if not same:
        print(t.name, "differs", file=sys.stderr)
print("# quantize-gguf-package: %d/%d" % (good, len(tensors)))
sys.exit(good != len(tensors) or good != len(wide))
