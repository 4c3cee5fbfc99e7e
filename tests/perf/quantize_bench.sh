#!/bin/sh
# quantize_bench.sh BUILD: whole-tool speed of quantize on a made model of 450 MB, in GB/s of input, by
# the wall and by processor time; limits beside it in the same run: a copy in memory of the input
# (memcpy, one thread) and `cp` of the file. Files lie in /dev/shm where it is, so that no disk is
# measured. Interleaved rounds, the best of each. With PEER=python3-with-llama_cpp: llama.cpp's own
# quantizer on the same GGUF file.
export BUILD="$1"
exec python3 - <<'PY'
import json, os, random, shutil, struct, subprocess, sys, tempfile, time

quantize = os.environ["BUILD"] + "/bin/quantize"
work = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
rng = random.Random(1)
tile = struct.pack("<524288e", *(rng.gauss(0, 0.02) for _ in range(524288)))


def make_model(folder):
    hidden, ffn, layers, vocab = 1024, 4096, 12, 32768
    config = {"model_type": "llama", "hidden_size": hidden, "num_hidden_layers": layers, "vocab_size": vocab,
              "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": ffn, "rms_norm_eps": 1e-5,
              "max_position_embeddings": 128, "tie_word_embeddings": True}
    shapes = {"model.embed_tokens.weight": [vocab, hidden], "model.norm.weight": [hidden]}
    for i in range(layers):
        for name, s in {"input_layernorm": [hidden], "post_attention_layernorm": [hidden],
                        "self_attn.q_proj": [hidden, hidden], "self_attn.k_proj": [hidden, hidden],
                        "self_attn.v_proj": [hidden, hidden], "self_attn.o_proj": [hidden, hidden],
                        "mlp.gate_proj": [ffn, hidden], "mlp.up_proj": [ffn, hidden],
                        "mlp.down_proj": [hidden, ffn]}.items():
            shapes["model.layers.%d.%s.weight" % (i, name)] = s
    head, at = {}, 0
    for name, s in shapes.items():
        n = 2 * s[0] * (s[1] if len(s) > 1 else 1)
        head[name] = {"dtype": "F16", "shape": s, "data_offsets": [at, at + n]}
        at += n
    os.makedirs(folder)
    json.dump(config, open(folder + "/config.json", "w"))
    raw = json.dumps(head).encode()
    with open(folder + "/model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(raw)) + raw)
        for e in head.values():
            n = e["data_offsets"][1] - e["data_offsets"][0]
            for _ in range(n // len(tile)):
                f.write(tile)
            f.write(tile[:n % len(tile)])
    return at


def run(args):
    start = time.perf_counter()
    p = subprocess.Popen(args, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    wall = time.perf_counter() - start
    p.returncode = status
    if status:
        raise SystemExit("%s: status %d" % (args, status))
    return wall, usage.ru_utime + usage.ru_stime


try:
    m, out = work + "/m", work + "/out.gguf"
    size = make_model(m)
    f16 = work + "/f16.gguf"
    subprocess.check_call([quantize, "-q", "--type", "F16", "-o", f16, m])
    probe = ("import sys,time\na=bytearray(%d)\nb=bytearray(len(a))\nbest=9e9\nfor _ in range(4):\n"
             " t=time.perf_counter();b[:]=a;best=min(best,time.perf_counter()-t)\nprint(best)" % size)
    copy = float(subprocess.check_output([sys.executable, "-c", probe]))
    q = [quantize, "-q", "--force", "-o", out]
    rows = {"cp model.safetensors": ["cp", m + "/model.safetensors", out],
            "folder F16 -> F16 -j1": q + ["-j1", "--type", "F16", m],
            "folder F16 -> F16 -j2": q + ["-j2", "--type", "F16", m],
            "folder F16 -> Q8_0 -j1": q + ["-j1", m],
            "folder F16 -> Q8_0 -j2": q + ["-j2", m],
            "GGUF F16 -> Q8_0 -j1": q + ["-j1", f16],
            "GGUF F16 -> Q8_0 -j2": q + ["-j2", f16]}
    peer = os.environ.get("PEER")
    if peer:
        code = ("import llama_cpp as l,sys,ctypes\np=l.llama_model_quantize_default_params()\np.ftype=7\n"
                "p.nthread=int(sys.argv[3])\n"
                "sys.exit(l.llama_model_quantize(sys.argv[1].encode(),sys.argv[2].encode(),ctypes.byref(p)))")
        for j in "12":
            rows["llama.cpp GGUF F16 -> Q8_0, %s threads" % j] = [peer, "-c", code, f16, out, j]
    best = {}
    for _ in range(4):
        for name, args in rows.items():
            wall, cpu = run(args)
            b = best.setdefault(name, [wall, cpu])
            best[name] = [min(b[0], wall), min(b[1], cpu)]
            os.path.exists(out) and os.remove(out)
    print("%-42s %8s %8s   input %d MB" % ("GB/s of input", "by wall", "by cpu", size / 1e6))
    print("%-42s %8.2f" % ("memcpy, one thread", size / copy / 1e9))
    for name, (wall, cpu) in best.items():
        print("%-42s %8.2f %8.2f" % (name, size / wall / 1e9, size / cpu / 1e9))
finally:
    shutil.rmtree(work)
PY
