"""A small GGUF reader for the tests: names, types, shapes and bytes of the tensors. Independent of lib/."""
import struct

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
         7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
         12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 20: ("IQ4_NL", 32, 18),
         23: ("IQ4_XS", 256, 136), 30: ("BF16", 1, 2)}


def tensors(path):
    d = open(path, "rb").read()
    at = 24

    def take(fmt):
        nonlocal at
        v = struct.unpack_from("<" + fmt, d, at)
        at += struct.calcsize("<" + fmt)
        return v[0] if len(v) == 1 else v

    def string():
        nonlocal at
        n = take("Q")
        at += n
        return d[at - n:at]

    def skip(kind):
        nonlocal at
        if kind == 8:
            string()
        elif kind == 9:
            item, n = take("I"), take("Q")
            if item == 8:
                for _ in range(n):
                    string()
            else:
                at += n * SIZES[item]
        else:
            at += SIZES[kind]

    assert d[:4] == b"GGUF" and struct.unpack_from("<I", d, 4)[0] == 3
    n_tensors, n_keys = struct.unpack_from("<QQ", d, 8)
    for _ in range(n_keys):
        string()
        skip(take("I"))
    infos = []
    for _ in range(n_tensors):
        name = string().decode()
        ne = [take("Q") for _ in range(take("I"))]
        infos.append((name, ne, take("I"), take("Q")))
    start = (at + 31) // 32 * 32
    for name, ne, kind, offset in infos:
        type_name, block, size = TYPES[kind]
        n = 1
        for x in ne:
            n *= x
        raw = d[start + offset:start + offset + n // block * size]
        assert len(raw) == n // block * size
        yield name, ne, type_name, raw
