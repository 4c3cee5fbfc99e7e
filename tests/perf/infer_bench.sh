#!/bin/sh
# infer_bench.sh BUILD: tokens per second of the demo model: prefill and decode, one record and 16 at
# once, BF16 and Q8_0 weights, 1 and 2 threads; beside decode the limit that reading the weights sets
# (matmul_bench prints what reading alone does). With a python3 that has llama_cpp (PYTHON=...), the
# same model and prompts there, in turns.
set -eu
build=$1
case "$build" in /*) ;; *) build="$PWD/$build" ;; esac
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
model="$build/share/millrace/tldr-7m"
"$build/bin/quantize" "$model" -o "$tmp/q8.gguf" --type Q8_0
"$build/bin/quantize" "$model" -o "$tmp/f16.gguf" --type F16
python3 - "$tmp" <<'PY'
import json, sys
with open(sys.argv[1] + "/long.jsonl", "w") as f:
    for i in range(4):
        print(json.dumps({"ids": [0] + [(j * 37 + i * 101) % 8000 + 100 for j in range(511)]}), file=f)
with open(sys.argv[1] + "/one.jsonl", "w") as f:
    print(json.dumps({"ids": [0, 3, 3299, 264, 30]}), file=f)
with open(sys.argv[1] + "/many.jsonl", "w") as f:
    for i in range(16):
        print(json.dumps({"ids": [0, 3, 3299 + i, 264, 30]}), file=f)
PY

# figure KEY LABEL MODEL RECORDS OPTIONS...: the best of three runs
figure() {
    key=$1 label=$2 m=$3 in=$4
    shift 4
    for i in 1 2 3; do
        "$build/bin/infer" -m "$m" --ignore-eos --report "$tmp/r.json" --force "$@" -o "$tmp/out" <"$tmp/$in"
        python3 - "$tmp/r.json" "$key" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
print(d[sys.argv[2]], d["weight_bytes"])
PY
    done | sort -g | tail -1 | awk -v l="$label" '{ printf "%-44s %9.0f tok/s  (%.1f GB/s of weights if read once a token)\n", l, $1, $1 * $2 / 1e9 }'
}

for m in "$model" "$tmp/q8.gguf"; do
    case "$m" in *q8*) t=Q8_0 ;; *) t=BF16 ;; esac
    for j in 1 2; do
        figure prompt_tokens_per_second "$t -j$j prefill 512" "$m" long.jsonl -j$j --max-tokens 1 --batch 1
        figure completion_tokens_per_second "$t -j$j decode, 1 record" "$m" one.jsonl -j$j --max-tokens 256 --batch 1
        figure completion_tokens_per_second "$t -j$j decode, 16 records" "$m" many.jsonl -j$j --max-tokens 128 --batch 16
    done
done

"${PYTHON:-python3}" -c 'import llama_cpp' 2>/dev/null || { echo "no llama_cpp beside: set PYTHON to compare"; exit 0; }
cat >"$tmp/peer.py" <<'PY'
import sys, time
import llama_cpp
path, threads = sys.argv[1], int(sys.argv[2])
llm = llama_cpp.Llama(path, n_ctx=1024, n_threads=threads, n_threads_batch=threads, n_batch=512, verbose=False)
best = [0, 0]
for r in range(3):
    llm.reset()
    ids = [0] + [(j * 37 + r * 101) % 8000 + 100 for j in range(511)]
    t = time.perf_counter(); llm.eval(ids); best[0] = max(best[0], 512 / (time.perf_counter() - t))
    llm.reset(); llm.eval([0, 3, 3299, 264, 30])
    t = time.perf_counter()
    for i in range(128):
        llm.eval([6824 + i])
    best[1] = max(best[1], 128 / (time.perf_counter() - t))
print(f"llama_cpp {llama_cpp.__version__} -t{threads}: prefill {best[0]:.0f} tok/s, decode {best[1]:.0f} tok/s")
PY
for t in f16 q8; do
    for j in 1 2; do
        printf '%s ' "$t"
        "$PYTHON" "$tmp/peer.py" "$tmp/$t.gguf" "$j"
    done
done
