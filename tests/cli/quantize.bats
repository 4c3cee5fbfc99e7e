#!/usr/bin/env bats
# quantize: conversion, types, refusals, inspection.
load helper

model() { cp -R "$TOP/lib/data/tldr-7m" "$1"; chmod -R u+w "$1"; }

# refused CODE TEXT COMMAND...: exits CODE with one line that says TEXT, leaves no output.
refused() {
    local code=$1 text=$2
    shift 2
    "$@" >o 2>e && status=0 || status=$?
    [ "$status" = "$code" ] || { echo "exit $status, expected $code: $*"; cat e; return 1; }
    grep -qF -- "$text" e || { echo "no '$text' in:"; cat e; return 1; }
    [ "$(grep -cF -e "$text" e)" = 1 ] && [ ! -s o ] && [ -z "$(ls -A | grep -E '\.tmp$|^out' || true)" ]
}

@test "the demo model as Q8_0: the same bytes for every -j" {
    quantize -o a.gguf -j1 demo 2>e
    [ ! -s e ]
    quantize -o b.gguf -j4 demo
    quantize -o c.gguf -j3 --type q8_0 "$TOP/lib/data/tldr-7m"
    cmp a.gguf b.gguf
    quantize --inspect a.gguf >a.json
    [ "$(json a.json '[d["format"], d["version"], d["parameters"], len(d["tensors"])]')" = '["gguf", 3, 6819072, 56]' ]
    [ "$(json a.json 'sorted({t["type"] for t in d["tensors"]})')" = '["F32", "Q8_0"]' ]
    [ "$(json a.json 'all(t["type"] == "F32" for t in d["tensors"] if "norm" in t["name"])')" = true ]
    [ "$(wc -c <a.gguf)" -lt 8388608 ]
}

@test "every type and instruction set: the weights are what the formats say" {
    for t in F32 F16 BF16 Q8_0; do
        quantize --type $t -o $t.gguf demo
        for isa in scalar $("$BUILD/bin/quantize" -V | sed -n 's/.*available: \([^)]*\)).*/\1/p'); do
            quantize --isa "$isa" --type $t --force -o again.gguf demo
            cmp $t.gguf again.gguf
        done
        python3 "$TOP/tests/data/models/check_weights.py" $t.gguf "$TOP/lib/data/tldr-7m"
    done
}

@test "tokenizer and metadata in the file are those of the folder" {
    quantize -o a.gguf demo
    quantize --inspect a.gguf >a.json
    json a.json 'd["metadata"]' >m.json
    python3 - m.json "$TOP/lib/data/tldr-7m" <<'PY'
import json, sys
m = json.load(open(sys.argv[1]))
t = json.load(open(sys.argv[2] + "/tokenizer.json"))
vocab, merges = t["model"]["vocab"], t["model"]["merges"]
assert m["general.architecture"] == "llama" and m["general.file_type"] == 7
assert m["llama.block_count"] == 6 and m["llama.attention.head_count_kv"] == 4
assert m["llama.rope.freq_base"] == 10000 and m["llama.attention.layer_norm_rms_epsilon"] == 1e-5
assert m["tokenizer.ggml.model"] == "gpt2"
tokens = m["tokenizer.ggml.tokens"]
assert len(tokens) == 8192 and all(tokens[i] == s for s, i in vocab.items())
want = [x if isinstance(x, str) else " ".join(x) for x in merges]
assert m["tokenizer.ggml.merges"] == want
assert m["tokenizer.ggml.token_type"][0] == 3 and set(m["tokenizer.ggml.token_type"][1:]) == {1}
assert m["tokenizer.ggml.bos_token_id"] == 0 and m["tokenizer.ggml.eos_token_id"] == 0
assert m["tokenizer.ggml.add_bos_token"] is True
PY
}

@test "GGUF in, GGUF out: F16, BF16 and F32 files become the same Q8_0 as the folder" {
    quantize --type F32 -o f32.gguf demo
    quantize -o from-f32.gguf f32.gguf
    quantize -o direct.gguf demo
    cmp from-f32.gguf direct.gguf
    quantize --type BF16 -o bf16.gguf demo
    quantize -o from-bf16.gguf bf16.gguf
    cmp from-bf16.gguf direct.gguf
    quantize --type F16 -o f16.gguf demo
    quantize --type F32 -o wide.gguf f16.gguf
    quantize --type F16 -o narrow.gguf wide.gguf
    cmp narrow.gguf f16.gguf
}

@test "shards and an index give the bytes of the single file" {
    model whole
    python3 "$TOP/tests/data/models/split_shards.py" whole sharded 3
    quantize -o a.gguf whole
    quantize -o b.gguf sharded 
    quantize --inspect a.gguf | sed 's/"file":"[^"]*",//;s/"general.name":"[^"]*"//' >a.json
    quantize --inspect b.gguf | sed 's/"file":"[^"]*",//;s/"general.name":"[^"]*"//' >b.json
    sed -i 's/"offset":[0-9]*//g' a.json b.json
    cmp a.json b.json
    mkdir swap && mv whole swap/m && quantize -o swap/a.gguf swap/m
    rm -r swap/m && mv sharded swap/m && quantize -o swap/b.gguf swap/m
    cmp swap/a.gguf swap/b.gguf
}

@test "old and new config.json give the same file" {
    model m
    quantize -o new.gguf m
    python3 - <<'PY'
import json
c = json.load(open("m/config.json"))
c["rope_theta"] = c.pop("rope_parameters")["rope_theta"]
c["rope_scaling"] = None
c["torch_dtype"] = c.pop("dtype")
json.dump(c, open("m/config.json", "w"))
PY
    quantize -o old.gguf m
    cmp new.gguf old.gguf
}

@test "a chat template is kept, from either file" {
    model m
    printf '{{ messages }}\n' >m/chat_template.jinja
    quantize -o a.gguf m
    quantize --inspect a.gguf | grep -qF '"tokenizer.chat_template":"{{ messages }}'
    rm m/chat_template.jinja
    python3 - <<'PY'
import json
c = json.load(open("m/tokenizer_config.json"))
c["chat_template"] = [{"name": "tool", "template": "T"}, {"name": "default", "template": "D{{x}}"}]
json.dump(c, open("m/tokenizer_config.json", "w"))
PY
    quantize -o b.gguf m
    quantize --inspect b.gguf | grep -qF '"tokenizer.chat_template":"D{{x}}"'
}

@test "no tokenizer files: converted, with a notice" {
    model m
    rm m/tokenizer.json
    quantize -o a.gguf m 2>e
    grep -q 'no tokenizer.json' e
    quantize --inspect a.gguf | grep -qF '"tokenizer.ggml.model":"none"'
}

@test "rows that do not divide by 32 become F16, named in the report" {
    python3 "$TOP/tests/data/models/tiny_llama.py" m 48
    quantize -o a.gguf --report r.json m 2>e
    grep -q "tensor 'blk.0.ffn_down.weight': F16, row of 48 does not divide by 32" e
    [ "$(json r.json 'd["fallback_tensors"]')" = 1 ]
    [ "$(json r.json 'd["fallbacks"][0]["tensor"]')" = blk.0.ffn_down.weight ]
    [ "$(json r.json 'd["in"] == d["out"] == 11')" = true ]
    python3 "$TOP/tests/data/models/check_weights.py" a.gguf m
}

@test "edge values: zeros, subnormals, outliers; infinity, NaN and overflow are refused by name" {
    python3 "$TOP/tests/data/models/tiny_llama.py" m 64 edges
    quantize -q -o a.gguf m
    python3 "$TOP/tests/data/models/check_weights.py" a.gguf m
    for v in inf nan; do
        python3 "$TOP/tests/data/models/tiny_llama.py" $v 64 $v
        for t in Q8_0 F16 BF16 F32; do
            refused 78 "tensor 'blk.0.ffn_up.weight': element 7 is " quantize -q --type $t -o out.gguf $v
        done
    done
    python3 "$TOP/tests/data/models/tiny_llama.py" big 64 big
    refused 78 "tensor 'blk.0.ffn_up.weight': element 7 is 70000, too large for F16" \
        quantize -q --type F16 -o out.gguf big
    quantize -q -o ok.gguf big
    python3 "$TOP/tests/data/models/tiny_llama.py" huge 64 huge
    refused 78 "element 7 is -9e+06, too large for Q8_0: use BF16 or F32" quantize -q -o out.gguf huge
}

@test "--dry-run prints the table, the true size, and writes nothing" {
    quantize --dry-run -o a.gguf demo >table
    [ ! -e a.gguf ]
    grep -qE '^token_embd.weight +256x8192 +BF16 +Q8_0 +2228224$' table
    grep -qE '^output_norm.weight +256 +BF16 +F32 +1024  one-dimensional$' table
    bytes=$(sed -n 's/.* the file has \([0-9]*\) bytes.*/\1/p' table)
    quantize -o a.gguf demo
    [ "$(wc -c <a.gguf)" = "$bytes" ]
    quantize --dry-run demo | head -1 | grep -q '^tensor'
}

@test "an existing file is not touched without --force" {
    echo mine >keep.gguf
    refused 73 "keep.gguf' exists: use --force to replace it" quantize -o keep.gguf demo
    refused 73 "keep.gguf' exists" quantize --dry-run -o keep.gguf demo
    is_file keep.gguf 'mine\n'
    quantize --force -o keep.gguf demo
    quantize --inspect keep.gguf >/dev/null
    refused 73 "there is no folder" quantize -o none/x.gguf demo
}

@test "usage: -o is needed and is a file, types are known, --inspect stands alone" {
    refused 2 "'-o FILE' is required" quantize demo
    refused 2 "not to stdout" quantize -o - demo
    refused 2 "'Q9_9' is none of F32" quantize --type Q9_9 -o out.gguf demo
    refused 2 "'Q8_K' is none of F32" quantize --type Q8_K -o out.gguf demo
    refused 2 "'--pure': Q8_0 is no mixture" quantize --pure --type Q8_0 -o out.gguf demo
    refused 2 "--type" quantize --pure -o out.gguf demo
    refused 2 "--type" quantize --inspect demo --type F16
    refused 2 "MODEL" quantize -o out.gguf
}

@test "disk full, read-only and vanished folders: 74, 73, 66; nothing half-written" {
    refused 74 "/dev/full" quantize -o /dev/full demo
    refused 66 "nowhere" quantize -o out.gguf nowhere
    mkdir empty
    refused 66 "no config.json" quantize -o out.gguf empty
    (ulimit -f 1000; trap '' XFSZ; quantize -o big.gguf demo 2>e && exit 1; [ $? = 74 ] || exit 1)
    [ ! -e big.gguf ] && [ -z "$(ls -A | grep tmp || true)" ]
    if [ "$(id -u)" != 0 ]; then
        mkdir ro && chmod a-w ro
        refused 73 "ro/x.gguf" quantize -o ro/x.gguf demo
    fi
}

@test "special tokens are those that tokenizer_config.json names" {
    model m
    python3 - <<'PY'
import json
c = json.load(open("m/tokenizer_config.json"))
c["eos_token"] = {"content": "!", "lstrip": False}
c["pad_token"] = '"'
json.dump(c, open("m/tokenizer_config.json", "w"))
PY
    quantize -o a.gguf m
    quantize --inspect a.gguf >a.json
    [ "$(json a.json '[d["metadata"]["tokenizer.ggml." + k + "_token_id"] for k in ("bos", "eos", "eot", "padding")]')" = "[0, 1, 0, 2]" ]
}

@test "a GGUF file of Q4_K is widened, one of IQ1_S is listed but not converted; integers are copied" {
    python3 "$TOP/tests/data/models/make_cases.py" cases
    quantize --type F32 -o k.gguf cases/good-k.gguf
    quantize --inspect cases/good-iq1.gguf | grep -q IQ1_S
    refused 78 "tensor 'a' is IQ1_S, which cannot be converted; start from the F16" \
        quantize -o out.gguf cases/good-iq1.gguf
    quantize -o a.gguf cases/good-int.gguf
    quantize --inspect a.gguf >a.json
    [ "$(json a.json '[t["type"] for t in d["tensors"]]')" = '["I32", "F32"]' ]
    tail -c 64 a.gguf >a.data
    tail -c 64 cases/good-int.gguf >int.data
    cmp a.data int.data
    refused 73 "a model is written to a file" quantize --force -o /dev/stdout demo
}

@test "a signal in the middle leaves nothing behind" {
    python3 "$TOP/tests/data/models/tiny_llama.py" m 64 large
    quantize -q -j1 -o a.gguf m &
    pid=$!
    for i in $(seq 200); do ls -A | grep -q 'a.gguf.*tmp' && break; sleep 0.01; done
    kill -TERM $pid || true
    wait $pid && status=0 || status=$?
    [ "$status" = 143 ] || [ "$status" = 0 ]
    [ -z "$(ls -A | grep tmp || true)" ]
    [ "$status" = 0 ] || [ ! -e a.gguf ]
}

@test "memory stays bounded while the model is not" {
    python3 "$TOP/tests/data/models/tiny_llama.py" m 64 large
    quantize -q -j2 --report r.json -o a.gguf m
    [ -n "${MILLRACE_SANITIZED:-}" ] || [ "$(json r.json 'd["peak_rss_bytes"] < 24 << 20')" = true ]
    [ "$(json r.json 'd["bytes_in"] > 96 << 20')" = true ]
}

@test "damaged folders: the tensor, shard or key is named" {
    model m
    python3 "$TOP/tests/data/models/split_shards.py" m s 3
    cp -R s t; rm t/model-2.safetensors
    refused 78 "model-2.safetensors" quantize -o out.gguf t
    cp -R s u; truncate -s -1 u/model-1.safetensors
    refused 78 "model-1.safetensors" quantize -o out.gguf u
    cp -R s v; sed -i 's/"model.norm.weight": "model-[0-9].safetensors"/"model.norm.weight2": "model-1.safetensors"/' v/model.safetensors.index.json
    refused 78 "model.norm.weight" quantize -o out.gguf v
    cp -R s w; sed -i 's/"model-1.safetensors"/"..\/m\/model.safetensors"/' w/model.safetensors.index.json
    refused 78 "plain file name" quantize -o out.gguf w
    cp -R m x; sed -i 's/"hidden_size": 256/"hidden_size": 128/' x/config.json
    refused 78 "config.json asks for" quantize -o out.gguf x
    cp -R m y; sed -i 's/"llama"/"mamba"/' y/config.json
    refused 78 "model_type 'mamba' is not supported (llama, mistral, mixtral" quantize -o out.gguf y
    cp -R m x1; sed -i 's/"model.norm.weight":{"dtype":"BF16"/"model.norm.weight":{"dtype":"I16" /' x1/model.safetensors
    refused 78 "tensor 'output_norm.weight' is I16, which cannot be converted" quantize -o out.gguf x1
    cp -R m z; rm z/model.safetensors; touch z/pytorch_model.bin
    refused 78 "Python pickle" quantize -o out.gguf z
    cp -R m z1; echo '{' >z1/config.json
    refused 78 "z1/config.json: byte " quantize -o out.gguf z1
    cp -R m z2; echo '{"model":{"type":"Lattice"}}' >z2/tokenizer.json
    refused 78 "z2/tokenizer.json" quantize -o out.gguf z2
}

@test "150 good and broken model files: every verdict right, one line, no delay" {
    python3 "$TOP/tests/data/models/make_cases.py" cases
    cd cases
    n=0
    while IFS=$'\t' read -r file code why; do
        timeout 5 quantize --inspect "$file" >../o 2>../e && status=0 || status=$?
        [ "$status" = "$code" ] || { echo "$file ($why): exit $status, expected $code"; cat ../e; return 1; }
        if [ "$code" = 0 ]; then [ ! -s ../e ] && json ../o 'd["format"]' >/dev/null
        else [ ! -s ../o ] && [ "$(wc -l <../e)" = 1 ]; fi || { echo "$file: wrong output"; return 1; }
        n=$((n + 1))
    done <cases.tsv
    [ "$n" = 150 ]
}

@test "conformance: gguf-bad verdicts" {
    need_data models/gguf-bad/expect.jsonl
    python3 - "$DATA/models/gguf-bad" "$BUILD/bin/quantize" <<'PY'
import json, subprocess, sys
good = total = 0
for line in open(sys.argv[1] + "/expect.jsonl"):
    e = json.loads(line)
    p = subprocess.run([sys.argv[2], "--inspect", sys.argv[1] + "/" + e["file"]], capture_output=True, timeout=5)
    allowed = {"accept": (0,), "reject": (78,), "either": (0, 78)}[e["verdict"]]
    ok = p.returncode in allowed and (p.returncode == 0 or p.stderr.count(b"\n") == 1)
    total += 1
    good += ok
    if not ok:
        print(e["file"], p.returncode, p.stderr.decode(), file=sys.stderr)
print("# quantize-gguf-bad: %d/%d" % (good, total))
sys.exit(good != total or total < 46)
PY
}

@test "conformance: parser files of another project" {
    need_data models/parser/iree-single.gguf
    for f in "$DATA"/models/parser/*.safetensors; do quantize --inspect "$f" | json /dev/stdin 'd["format"]'; done
    # These GGUF files give general.architecture twice, which llama.cpp refuses too.
    for f in "$DATA"/models/parser/*.gguf; do
        refused 78 "key 'general.architecture' stands twice" quantize --inspect "$f"
    done
}

@test "conformance: stories260K as Q8_0 and F32 is llama-quantize's, tensor by tensor" {
    need_data models/stories260K/quantized.json
    S="$DATA/models/stories260K"
    quantize -q -o q8.gguf "$S/stories260K-f32.gguf"
    quantize -q --type F32 -o f32.gguf "$S/stories260K-f32.gguf"
    python3 "$TOP/tests/data/models/check_sha256.py" q8.gguf Q8_0 "$S/quantized.json"
    python3 "$TOP/tests/data/models/check_sha256.py" f32.gguf f32 "$S/quantized.json"
}

@test "conformance: every shared type of stories260K and of a model with rows of 256" {
    need_data models/stories260K/quantized.json tools/mkgguf.py
    S="$DATA/models/stories260K" T="$DATA/models/tiny-gguf/tiny-llama-k-s7.quantized.json"
    for t in Q4_0 Q4_1 Q5_0 Q5_1 IQ4_NL; do
        quantize -q --type $t --force -o q.gguf "$S/stories260K-f32.gguf"
        python3 "$TOP/tests/data/models/check_sha256.py" q.gguf $t "$S/quantized.json" ||
            python3 "$TOP/tests/data/models/check_sha256.py" q.gguf ${t,,} "$S/quantized.json"
    done
    python3 "$DATA/tools/mkgguf.py" make --shape tiny-llama-k --type f32 --seed 7 -o k.gguf
    for t in $(json "$T" '" ".join(d["types"])'); do
        for j in 1 4; do
            quantize -q -j$j --type $t --force -o q$j.gguf k.gguf
        done
        cmp q1.gguf q4.gguf
        python3 "$TOP/tests/data/models/check_sha256.py" q1.gguf $t "$T"
    done
}

@test "mixtures: some tensors get better types; --pure gives them all one" {
    types='sorted({t["type"] for t in d["tensors"]})'
    quantize --type Q4_K_M -o m.gguf demo
    [ "$(quantize --inspect m.gguf | json /dev/stdin "$types")" = '["F32", "Q4_K", "Q6_K"]' ]
    quantize --type q4_k -o same.gguf demo
    cmp m.gguf same.gguf
    quantize --type Q4_K_S -o s.gguf demo
    [ "$(quantize --inspect s.gguf | json /dev/stdin "$types")" = '["F32", "Q4_K", "Q5_K", "Q6_K"]' ]
    quantize --pure --type Q4_K -o p.gguf demo
    [ "$(quantize --inspect p.gguf | json /dev/stdin "$types")" = '["F32", "Q4_K"]' ]
    [ "$(quantize --inspect p.gguf | json /dev/stdin 'd["metadata"]["general.file_type"]')" = 15 ]
    quantize --dry-run --type Q5_K_M demo | grep -qE '^blk.5.attn_v.weight .* Q6_K '
}

@test "importance: infer collects it, the same for any batch; quantize loses less with it" {
    for t in 'Remove a folder and everything in it' 'list files by size' 'copy a file to another place'; do
        printf '{"text":"# tldr\\n> %s"}\n' "$t"
    done >in
    infer -m demo --score --imatrix-out a.imatrix --report r.json <in >/dev/null
    infer -m demo --score --imatrix-out b.imatrix --batch 1 -j1 <in >/dev/null
    cmp a.imatrix b.imatrix
    [ "$(json r.json 'd["imatrix_tokens"] > 20')" = true ]
    refused 73 "a.imatrix' exists" infer -m demo --score --imatrix-out a.imatrix </dev/null
    run infer -m demo --imatrix-out x </dev/null
    [ "$status" = 2 ]
    quantize --inspect a.imatrix | json /dev/stdin '[t["shape"] for t in d["tensors"] if t["name"] == "blk.0.ffn_down.weight.in_sum2"][0]' | grep -q '768, 1'
    for j in 1 4; do
        quantize -j$j --type Q3_K_M --imatrix a.imatrix --report r.json -o w$j.gguf demo
    done
    cmp w1.gguf w4.gguf
    [ "$(json r.json 'd["weighted_tensors"]')" = 42 ]
    quantize --type Q3_K_M -o plain.gguf demo
    infer -m plain.gguf --score --report plain.json <in >/dev/null
    infer -m w1.gguf --score --report w.json <in >/dev/null
    json plain.json 'd["nll"]' >a && json w.json 'd["nll"]' >b
    python3 -c 'assert float(open("b").read()) < float(open("a").read())'
    refused 2 "Q8_0 has no use for it" quantize --type Q8_0 --imatrix a.imatrix -o out.gguf demo
    refused 78 "'general.type' is not 'imatrix'" quantize --type Q4_0 --imatrix plain.gguf -o out.gguf demo
    python3 "$TOP/tests/data/models/tiny_llama.py" m 64
    refused 78 "does not fit the model's" quantize -q --type Q4_0 --imatrix a.imatrix -o out.gguf m
}

@test "--search best: the same layout and size, less error, the same bytes for every -j" {
    python3 "$TOP/tests/data/models/tiny_llama.py" m 64
    quantize -q --type Q4_0 -o plain.gguf m
    for j in 1 4; do quantize -q -j$j --search best --type Q4_0 -o best$j.gguf m; done
    cmp best1.gguf best4.gguf
    run cmp -s plain.gguf best1.gguf
    [ "$status" = 1 ]
    [ "$(wc -c <plain.gguf)" = "$(wc -c <best1.gguf)" ]
    quantize -q --type F32 -o wide.gguf m
    for f in plain best1; do quantize -q --type F32 -o $f.wide plain.gguf; done
    quantize -q --type F32 --force -o best1.wide best1.gguf
    python3 - "$TOP" <<'PY'
import struct, sys
sys.path.insert(0, sys.argv[1] + "/tests/data/models")
import gguf_reader
def load(path):
    return {n: struct.unpack("<%df" % (len(raw) // 4), raw) for n, _, _, raw in gguf_reader.tensors(path)}
want, plain, best = load("wide.gguf"), load("plain.wide"), load("best1.wide")
off = lambda a, n: sum((x - y) ** 2 for x, y in zip(a[n], want[n]))
for n in want:
    assert off(best, n) <= off(plain, n), n
assert off(best, "blk.0.ffn_gate.weight") < 0.95 * off(plain, "blk.0.ffn_gate.weight")
PY
    refused 2 "Q8_0 has no scales to seek" quantize --type Q8_0 --search best -o out.gguf m
}

@test "--tensor-type: types by name, the last rule counts" {
    quantize --type Q4_K_M --tensor-type 'ffn_down=Q5_1' --tensor-type 'blk\.0\.=f16' -o a.gguf demo
    types() { quantize --inspect a.gguf | json /dev/stdin "[t['type'] for t in d['tensors'] if t['name'] == '$1'][0]"; }
    [ "$(types blk.1.ffn_down.weight)" = Q5_1 ]
    [ "$(types blk.0.ffn_down.weight)" = F16 ]
    [ "$(types blk.0.attn_norm.weight)" = F32 ]
    [ "$(types blk.1.attn_q.weight)" = Q4_K ]
    refused 2 "no weight has such a name" quantize --tensor-type 'nosuch=F16' -o out.gguf demo
    refused 2 "no weight has such a name" quantize --tensor-type 'attn_norm=F16' -o out.gguf demo
    refused 2 "unknown type" quantize --tensor-type 'ffn=Q9' -o out.gguf demo
    refused 2 "REGEX=TYPE is expected" quantize --tensor-type ffn -o out.gguf demo
    refused 2 "byte" quantize --tensor-type '(=F16' -o out.gguf demo
    python3 "$TOP/tests/data/models/tiny_llama.py" m 48
    refused 2 "has rows of 48, Q8_0 has blocks of 32" quantize -q --tensor-type 'ffn_down=Q8_0' -o out.gguf m
}

@test "--bpw and --size: types by measured error, within the budget; --plan says which" {
    for j in 1 4; do quantize -j$j --bpw 4.5 -o a$j.gguf demo; done
    cmp a1.gguf a4.gguf
    quantize --plan --bpw 4.5 demo >plan
    python3 - <<'PY'
import json, math
rows = [json.loads(x) for x in open("plan")]
bits = 8 * sum(r["bytes"] for r in rows) / sum(math.prod(r["shape"]) for r in rows)
assert 4.4 < bits <= 4.5, bits
assert len({r["type"] for r in rows}) > 2
assert all(0 < r["error"] < 0.2 for r in rows if r["type"] not in ("F32", "F16", "BF16"))
PY
    [ "$(wc -l <plan)" = 56 ]
    quantize --inspect a1.gguf >a.json
    [ "$(json a.json '[t["type"] for t in d["tensors"]]')" = "$(python3 -c '
import json; print(json.dumps([json.loads(x)["type"] for x in open("plan")]))')" ]
    quantize --size 4200K --tensor-type 'token_embd=Q6_K' -o s.gguf demo
    [ "$(wc -c <s.gguf)" -le 4300800 ] && [ "$(wc -c <s.gguf)" -gt 4200000 ]
    quantize --inspect s.gguf | grep -q '"token_embd.weight","type":"Q6_K"'
    # More bits, less error; and better than one type of the same size.
    echo '{"text":"# tar\n\n> Archiving utility.\n> Often combined with a compression method."}' >in
    nll() { infer -m $1 --score <in | json /dev/stdin 'd["nll"]'; }
    quantize --bpw 6.5 -o b.gguf demo
    quantize --bpw 3 -o c.gguf demo
    python3 -c "assert $(nll b.gguf) < $(nll a1.gguf) < $(nll c.gguf)"
    refused 2 "the weights take at least" quantize --bpw 1 -o out.gguf demo
    refused 2 "'--type' has no effect" quantize --bpw 4 --type Q4_0 -o out.gguf demo
    refused 2 "exclude each other" quantize --bpw 4 --size 5M -o out.gguf demo
    refused 2 "exclude each other" quantize --plan --dry-run demo
}

@test "--verify reads the file again; --diff compares two models" {
    quantize --type Q4_K_M --verify -o a.gguf demo >lines
    [ "$(wc -l <lines)" = 56 ]
    python3 - <<'PY'
import json
for r in map(json.loads, open("lines")):
    assert r["cosine"] > 0.98 and r["relative"] < 0.2, r
    assert (r["rmse"] == 0) == (r["b"] == "F32"), r
PY
    run quantize --diff demo a.gguf
    [ "$status" = 1 ] && [[ "$output" == *"43 tensors differ"* ]]
    quantize --type BF16 -o same.gguf demo
    quantize --diff same.gguf demo >none
    [ "$(python3 -c 'import json; print(sum(json.loads(x)["rmse"] for x in open("none")))')" = 0 ]
    python3 "$TOP/tests/data/models/tiny_llama.py" m 64
    quantize -q -o m.gguf m
    quantize --diff m.gguf demo >d && status=0 || status=$?
    [ "$status" = 1 ] && grep -q '"shapes":"differ"' d && grep -q '"only":"b"' d
    refused 2 "no effect with '--dry-run'" quantize --verify --dry-run demo
    refused 78 "neither GGUF" quantize --diff "$TOP/README.md" demo
}

@test "rows that do not divide by 256 fall back to blocks of 32" {
    python3 "$TOP/tests/data/models/tiny_llama.py" m 64
    for pair in Q2_K=Q4_0 Q3_K=Q4_0 Q4_K=Q5_0 Q5_K=Q5_1 Q6_K=Q8_0 IQ4_XS=IQ4_NL; do
        quantize -q --type ${pair%=*} --force --report r.json -o a.gguf m
        [ "$(quantize --inspect a.gguf | json /dev/stdin \
            '[t["type"] for t in d["tensors"] if t["name"] == "blk.0.ffn_gate.weight"][0]')" = ${pair#*=} ]
        [ "$(json r.json 'd["fallbacks"][-1]["reason"]')" = "row of 32 does not divide by 256" ] ||
            [ "$(json r.json 'd["fallbacks"][-1]["reason"]')" = "row of 64 does not divide by 256" ]
    done
}

@test "conformance: small folders of every architecture" {
    need_data models/tiny/llama-gqa/config.json
    for m in llama-gqa llama3-ropescaled mistral-swa qwen2; do
        quantize -q --type F32 -o $m.gguf "$DATA/models/tiny/$m"
        quantize --inspect $m.gguf >/dev/null
        python3 "$TOP/tests/data/models/check_weights.py" $m.gguf "$DATA/models/tiny/$m"
    done
    [ "$(quantize --inspect llama3-ropescaled.gguf | json /dev/stdin '[t["shape"] for t in d["tensors"] if t["name"] == "rope_freqs.weight"]')" = "[[8]]" ]
    peer "$TOP/tests/data/models/check_llama_logits.py" "$BUILD/bin/quantize" "$PWD" "$DATA/models/tiny"
    [ "$status" != 77 ] || skip "needs llama-cpp-python"
    [ "$status" = 0 ] || { tail -5 peer.err; return 1; }
}

# PEER is a python3 that has llama-cpp-python and gguf; these two are references, never needed to run.
peer() { "${PEER:-python3}" "$@" 2>peer.err && status=0 || status=$?; }

@test "conformance: llama.cpp loads the demo model and completes it with the golden text" {
    for t in F32 F16; do
        quantize --type $t -o $t.gguf demo
        peer "$TOP/tests/data/models/check_llamacpp.py" $t.gguf "$TOP/tests/data/tldr-7m/golden-greedy.jsonl"
        [ "$status" != 77 ] || skip "needs llama-cpp-python"
        [ "$status" = 0 ] || { tail -5 peer.err; return 1; }
    done
}

@test "conformance: mixtures and fallbacks are llama-quantize's, tensor by tensor" {
    peer "$TOP/tests/data/models/check_llama_quantize.py" "$BUILD/bin/quantize" "$PWD"
    [ "$status" != 77 ] || skip "needs llama-cpp-python and gguf"
    [ "$status" = 0 ] || { tail -5 peer.err; return 1; }
}

@test "conformance: the gguf package reads every type and quantizes to the same bytes" {
    quantize --type F32 -o wide.gguf demo
    for t in F32 F16 BF16 Q8_0; do
        quantize --type $t --force -o $t.gguf demo
        peer "$TOP/tests/data/models/check_gguf_package.py" $t.gguf wide.gguf
        [ "$status" != 77 ] || skip "needs the gguf package"
        [ "$status" = 0 ] || { tail -5 peer.err; return 1; }
    done
}
