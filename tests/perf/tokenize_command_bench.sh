#!/bin/sh
# tokenize_command_bench.sh BUILD: MB/s of tokenize(1), JSON Lines to JSON Lines, beside its peer.
#
# The text is an English novel of the conformance data (DATA), or the project's own manuals.
# MB are bytes of text, not of JSON; "cpu" divides them by processor time, which other load on the
# machine disturbs less; of --words and --train they are bytes of JSON. The peers are Hugging Face
# tokenizers and gigatoken in the same run, where the
# python3 that PEER_PYTHON names has it: encode_batch_fast on all its threads (RAYON_NUM_THREADS=1 for
# one), which reads no JSON and writes none.
set -eu
build=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tokenizer="$build/share/millrace/tldr-7m/tokenizer.json"
gpt2="${DATA:-/nonexistent}/tokenizers/gpt2/tokenizer.json"
[ -e "$gpt2" ] && tokenizer=$gpt2

python3 - "$tmp/text.jsonl" "${DATA:-/nonexistent}/tokenizers/corpora/pride_and_prejudice.txt" man/*.1 <<'EOF'
import json, pathlib, sys
out, book, *rest = sys.argv[1:]
files = [book] if pathlib.Path(book).exists() else rest
text = "".join(pathlib.Path(f).read_text() for f in files).replace("\r\n", "\n")
lines = "".join(json.dumps({"id": i, "text": text[i:i + 4000]}, ensure_ascii=False) + "\n"
                for i in range(0, len(text), 4000))
with open(out, "w") as f:
    for _ in range(max(1, (64 << 20) // len(lines.encode()))):
        f.write(lines)
EOF

run() { # LABEL ARGS...
    label=$1
    shift
    best='0 0'
    for _ in 1 2 3; do
        "$build/bin/tokenize" "$@" --report "$tmp/r.json" >"$tmp/out"
        best=$(python3 -c 'import json,sys
d=json.load(open(sys.argv[1])); mb=d.get("text_bytes_total", d["bytes_in"])/1e6
print(*(max(float(b), mb/d[k]) for b, k in zip(sys.argv[2:], ("seconds", "cpu_seconds"))))' "$tmp/r.json" $best)
    done
    printf '    %-30s %7.0f MB/s  cpu %5.0f MB/s\n' "$label" $best
}

run 'tokenize -j1' -t "$tokenizer" -j1 "$tmp/text.jsonl"
run 'tokenize -j2' -t "$tokenizer" -j2 "$tmp/text.jsonl"
run 'tokenize -j1 --format packed' -t "$tokenizer" -j1 --format packed "$tmp/text.jsonl"
run 'tokenize -j2 --format packed' -t "$tokenizer" -j2 --format packed "$tmp/text.jsonl"
run 'tokenize -j1 --count' -t "$tokenizer" -j1 --count "$tmp/text.jsonl"
run 'tokenize -j1 --drop-field' -t "$tokenizer" -j1 --drop-field "$tmp/text.jsonl"
"$build/bin/tokenize" -t "$tokenizer" --drop-field "$tmp/text.jsonl" >"$tmp/ids.jsonl"
run 'tokenize -j1 --decode' -t "$tokenizer" -j1 --decode "$tmp/ids.jsonl"
run 'tokenize -j1 --words' --words -j1 "$tmp/text.jsonl"
run 'tokenize --train, 8000 tokens' --train bpe --vocab-size 8000 "$tmp/text.jsonl"

# From the start of the process to the end of empty input: of the file, and compiled.
"$build/bin/tokenize" -t "$tokenizer" --compile >"$tmp/compiled.mrt"
for file in "$tokenizer" "$tmp/compiled.mrt"; do
    python3 -c 'import resource, subprocess, sys
best = 1e9
for _ in range(10):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
print(f"    start with {sys.argv[3].rsplit(chr(47), 1)[1]:<19} {best * 1e3:7.1f} ms of processor time")' \
        "$build/bin/tokenize" -t "$file"
done

peer=${PEER_PYTHON:-python3}
if ! "$peer" -c 'import tokenizers' 2>/dev/null; then
    echo '    Hugging Face tokenizers: not installed for PEER_PYTHON'
    exit 0
fi
for threads in 1 2; do
    RAYON_NUM_THREADS=$threads TOKENIZERS_PARALLELISM=true "$peer" - "$tokenizer" "$tmp/text.jsonl" $threads <<'EOF'
import json, sys, time
import tokenizers
t = tokenizers.Tokenizer.from_file(sys.argv[1])
texts = [json.loads(line)["text"] for line in open(sys.argv[2])]
texts = texts[:len(texts) // 8]
size = sum(len(s.encode()) for s in texts)
best = [1e9, 1e9]
for _ in range(2):
    start = time.perf_counter(), time.process_time()
    t.encode_batch_fast(texts)
    best = [min(best[0], time.perf_counter() - start[0]), min(best[1], time.process_time() - start[1])]
print(f"    Hugging Face {tokenizers.__version__}, {sys.argv[3]} threads {size / best[0] / 1e6:11.1f} MB/s"
      f"  cpu {size / best[1] / 1e6:5.1f} MB/s")
EOF
done
if "$peer" -c 'import gigatoken' 2>/dev/null; then
    "$peer" - "$tokenizer" "$tmp/text.jsonl" <<'EOF'
import json, sys, time
import gigatoken
t = gigatoken.Tokenizer(sys.argv[1])
texts = [json.loads(line)["text"] for line in open(sys.argv[2])]
size = sum(len(s.encode()) for s in texts)
cpu = []
for _ in range(3):
    start = time.process_time()
    t.encode_batch(texts, parallel=False)
    cpu.append(time.process_time() - start)
print(f"    gigatoken, 1 thread, from memory: cpu {size / cpu[0] / 1e6:5.0f} MB/s first, {size / min(cpu) / 1e6:5.0f} best")
EOF
fi
