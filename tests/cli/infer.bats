#!/usr/bin/env bats
# infer: completions, scores, batches, bad records. Models: the demo model, and tiny ones that are
# made here.
load helper

infer_() { infer -m demo --max-tokens 12 "$@"; }

# prompts N: N records with prompts of different lengths.
prompts() {
    python3 - "$1" <<'PY'
import json, sys
texts = ["# tar\n\n>", "# git commit\n\n> ", "Once upon a time", "", "é 😀 \u0000 x", "List files:\n\n`ls", "a " * 60]
for i in range(int(sys.argv[1])):
    print(json.dumps({"id": f"r{i}", "prompt": texts[i % len(texts)] + ("" if i < 7 else str(i))}))
PY
}

@test "greedy completions of the demo model" {
    printf '{"id":1,"prompt":"# tar\\n\\n>"}\n' >in
    both_jobs in infer_
    [ "$status" = 0 ]
    cat >want <<'R'
{"id":1,"prompt":"# tar\n\n>","completion":" Archiving utility.\n> Often combined with a compression","finish_reason":"length","usage":{"prompt_tokens":5,"completion_tokens":12}}
R
    cmp want "$output_file"
}

@test "the same bytes for every batch, number of threads and instruction set" {
    prompts 20 >in
    infer_ --batch 1 -j1 --ids <in >one
    [ "$(wc -l <one)" = 20 ]
    for b in 4 16; do
        for j in 1 2; do
            infer_ --batch $b -j$j --ids <in >many
            cmp one many
        done
    done
    for isa in scalar avx2 avx512 neon; do
        infer --isa $isa -m demo </dev/null >/dev/null 2>&1 || continue
        head -5 in | infer --isa $isa -m demo --max-tokens 2 --logits last --batch 3 >"out.$isa"
        cmp "out.scalar" "out.$isa"
    done
}

@test "drawn tokens depend on seed and id, not on order and batch" {
    prompts 14 >in
    infer_ --temperature 1 --batch 4 <in >a
    infer_ --temperature 1 --batch 1 -j1 <in >b
    cmp a b
    sort -r in >reversed
    infer_ --temperature 1 <reversed >c
    sort a >a.sorted
    sort c >c.sorted
    cmp a.sorted c.sorted
    infer_ --temperature 1 --seed 1 <in >d
    ! cmp -s a d
}

@test "equal prompts without an id get different draws, the same in every run" {
    for i in 1 2 3 4; do echo '{"prompt":"# ls"}'; done >in
    infer_ --temperature 2 <in >a
    [ "$(sort -u a | wc -l)" = 4 ]
    infer_ --temperature 2 --batch 1 <in >b
    cmp a b
}

@test "--top-k 1 is greedy whatever the temperature" {
    prompts 5 >in
    infer_ <in >a
    infer_ --temperature 5 --top-k 1 <in >b
    cmp a b
}

@test "ids are taken as they are" {
    echo '{"ids":[0,3,3299,264,30]}' >in
    both_jobs in infer_ --ids
    json "$output_file" 'd["completion"]' | grep -q '^ Archiving utility'
    [ "$(json "$output_file" 'd["usage"]["prompt_tokens"]')" = 5 ]
    [ "$(json "$output_file" 'd["completion_ids"][:3]')" = "[6824, 4658, 4563]" ]
}

@test "a stop text ends the completion before it" {
    echo '{"prompt":"# tar\n\n>"}' >in
    infer_ --stop ' Often' --stop zzz <in >out
    [ "$(json out 'd["completion"]')" = "$(printf ' Archiving utility.\n>')" ]
    [ "$(json out 'd["finish_reason"]')" = stop ]
    run infer_ --stop '' <in
    [ "$status" = 2 ]
}

@test "the model's end token ends the completion" {
    infer -m demo --max-tokens 100 --ids <<<'{"ids":[0,3]}' >out
    [ "$(json out 'd["finish_reason"]')" = stop ]
    [ "$(json out 'd["completion_ids"][-1]')" = 0 ]
    [ "$(json out 'd["usage"]["completion_tokens"] == len(d["completion_ids"])')" = true ]
    infer -m demo --max-tokens 100 --ids --ignore-eos <<<'{"ids":[0,3]}' >on
    [ "$(json on 'd["usage"]["completion_tokens"]')" = 100 ]
}

@test "messages go through the chat template" {
    cat >template <<'T'
{%- for m in messages %}{{ '# ' + m.content + '\n\n>' }}{% endfor %}
T
    echo '{"messages":[{"role":"user","content":"tar"}]}' >in
    both_jobs in infer_ --chat-template template
    [ "$status" = 0 ]
    # the template writes no BOS, so the same text without BOS
    ids=$(tokenize -t demo <<<'{"text":"# tar\n\n>"}' | python3 -c 'import json,sys; print(json.load(sys.stdin)["ids"])')
    echo "{\"ids\":$ids}" | infer_ >want
    [ "$(json "$output_file" 'd["completion"]')" = "$(json want 'd["completion"]')" ]
    [ "$(json "$output_file" 'd["usage"]["prompt_tokens"]')" = 4 ]
}

@test "messages: no template, a template that refuses, a role that is missing" {
    echo '{"id":1,"messages":[{"role":"user","content":"x"}]}' >in
    run infer_ <in
    [ "$status" = 65 ]
    [[ "$output" == *"no chat template"* ]]
    echo '{{ raise_exception("only " ~ messages|length) }}' >t
    run infer_ --chat-template t <in
    [ "$status" = 65 ]
    [[ "$output" == *"only 1"* ]]
    echo '{"messages":[{"content":"x"}]}' >in
    run infer_ --chat-template t <in
    [ "$status" = 65 ]
    echo '{% for %}' >t
    run infer_ --chat-template t <in
    [ "$status" = 78 ]
    [[ "$output" == *"t: line 1:"* ]]
    run infer_ --chat-template missing <in
    [ "$status" = 66 ]
}

@test "bad records go to the rejects with a reason, the others are served" {
    cat >in <<'R'
{"id":1,"prompt":"# ls"}
{"id":2}
{"id":3,"prompt":"a","messages":[]}
{"id":4,"prompt":7}
{"id":5,"ids":[]}
{"id":6,"ids":[8192]}
{"id":7,"ids":[-1]}
{"id":8,"ids":[1.5]}
{"id":9,"ids":["x"]}
{"id":10,"prompt":"\ud800"}
{"id":11,"prompt":"a","prompt":"b"}
{"id":12,"messages":[{"role":"user","content":"\udfff"}]}
not json
{"id":13,"prompt":"# cp"}
R
    echo '{{ messages[0].content }}' >t
    infer_ --chat-template t --rejects bad <in >out
    [ "$(wc -l <out)" = 2 ]
    [ "$(wc -l <bad)" = 12 ]
    for why in 'exactly one of' 'no tokens' 'is 8192' 'is -1' 'no integer' 'surrogate'; do
        grep -q "$why" bad || { echo "no reason: $why"; cat bad; return 1; }
    done
    run infer_ <in
    [ "$status" = 65 ]
    [[ "$output" == *":2: "* ]]
    run infer_ < <(printf '{"id":1,"prompt":"a\\ud800"}\n')
    [ "$status" = 65 ]
    [[ "$output" == *"stdin:1: byte 20: lone surrogate"* ]]
}

@test "a prompt must fit into the context; a full one gives one token" {
    python3 -c 'import json; [print(json.dumps({"ids": [5] * n})) for n in (1024, 1025, 1026)]' >in
    infer_ --rejects bad <in >out
    [ "$(wc -l <out)" = 1 ]
    [ "$(json out 'd["usage"]["completion_tokens"]')" = 1 ]
    [ "$(json out 'd["finish_reason"]')" = length ]
    [ "$(grep -c 'context of 1024' bad)" = 2 ]
    infer -m demo --score --rejects bad2 <in >scored
    [ "$(wc -l <scored)" = 2 ]
}

@test "--score adds nll and n" {
    printf '{"text":"# tar\\n\\n> Archiving utility."}\n{"ids":[0]}\n{"text":""}\n' >in
    both_jobs in infer -m demo --score
    [ "$status" = 0 ]
    [ "$(sed -n 1p "$output_file" | python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["n"], 0 < d["nll"] < 60)')" = "8 True" ]
    [ "$(sed -n 2p "$output_file")" = '{"ids":[0],"nll":0,"n":0}' ]
    [ "$(sed -n 3p "$output_file")" = '{"text":"","nll":0,"n":0}' ]
    infer -m demo --score --report report.json <in >/dev/null
    [ "$(json report.json 'd["scored_tokens"]')" = 8 ]
    [ "$(json report.json '1 < d["perplexity"] < 2000')" = true ]
}

@test "members that are there already are replaced, others stay as they are" {
    echo '{"usage":{"a":1.50},"prompt":"# ls","completion":0, "x":1e0 ,"finish_reason":[]}' >in
    infer_ <in >out
    [ "$(json out 'list(d)')" = '["usage", "prompt", "completion", "x", "finish_reason"]' ]
    grep -q ', "x":1e0 ,' out
    [ "$(json out 'd["usage"]["completion_tokens"]')" = 12 ]
}

@test "--timings adds the phases" {
    prompts 3 >in
    infer_ --timings <in >out
    sed -n 2p out >one
    [ "$(json one 'sorted(d["timings"])')" = '["decode_ms", "post_ms", "prefill_ms", "queue_ms", "tokenize_ms"]' ]
    [ "$(json one 'all(v >= 0 for v in d["timings"].values()) and d["timings"]["prefill_ms"] > 0')" = true ]
}

@test "special tokens in a prompt: ids, or text" {
    echo '{"prompt":"<|endoftext|># ls"}' >in
    infer_ <in >parsed
    infer_ --special text <in >text
    [ "$(json parsed 'd["usage"]["prompt_tokens"]')" -lt "$(json text 'd["usage"]["prompt_tokens"]')" ]
}

json_column() { python3 -c 'import json,sys
for l in sys.stdin: print(*(json.loads(l)[m] for m in sys.argv[1:]))' "$@"; }

@test "every weight type: the numbers of the same weights widened; any -j and batch" {
    printf '{"text":"Remove a folder and everything in it"}\n{"text":"rm -r path"}\n' >in
    for t in Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS; do
        quantize -q --type $t --force -o q.gguf demo
        quantize -q --type F32 --force -o wide.gguf q.gguf
        both_jobs in infer -m q.gguf --score
        infer -m q.gguf --score --batch 1 <in | cmp - "$output_file"
        infer -m wide.gguf --score <in >wide
        case $t in
        Q4_0 | Q5_0 | IQ4_NL) # int8 activations, and Q8_0 or Q6_K where the mixture says so
            python3 - wide "$output_file" <<'PY'
import json, sys
a, b = ([json.loads(x)["nll"] for x in open(p)] for p in sys.argv[1:])
assert all(abs(x - y) < 0.02 * x and x != y for x, y in zip(a, b)), (a, b)
PY
            ;;
        *) quantize --inspect q.gguf | grep -q '"Q[84]_0"' || cmp wide "$output_file" ;;
        esac
        infer -m q.gguf --score --report r.json <in >/dev/null
        json r.json 'd["weights"]' | grep -q $t
    done
}

@test "a folder, F16 and Q8_0 files of one model agree" {
    model=$(dirname "$(command -v infer)")/../share/millrace/tldr-7m
    echo '{"prompt":"# tar\n\n>"}' >in
    quantize "$model" -o f16.gguf --type F16
    quantize "$model" -o q8.gguf --type Q8_0
    infer_ <in >want
    for m in "$model" f16.gguf q8.gguf; do
        both_jobs in infer -m "$m" --max-tokens 12
        cmp want "$output_file"
    done
    infer -m q8.gguf --max-tokens 2 --report r.json <in >/dev/null
    [ "$(json r.json 'd["weights"]')" = Q8_0 ]
}

@test "models that cannot be opened" {
    run infer -m nowhere </dev/null
    [ "$status" = 66 ]
    printf 'GGUFxxxx' >bad.gguf
    run infer -m bad.gguf </dev/null
    [ "$status" = 78 ]
    run infer </dev/null
    [ "$status" = 2 ]
}

@test "ids win over the text that they were made from: tokenize | infer --score" {
    printf '{"id":1,"text":"one two three"}\n{"id":2,"text":"rm -r"}\n' >texts
    infer -m demo --score <texts | json_column nll n >plain
    tokenize -t demo --add-special <texts | infer -m demo --score | json_column nll n >piped
    cmp plain piped
    printf '{"prompt":"# ls","ids":[0,5,6]}\n' >in
    infer_ --ids <in >a
    printf '{"ids":[0,5,6]}\n' | infer_ --ids >b
    [ "$(json a 'd["completion_ids"]')" = "$(json b 'd["completion_ids"]')" ]
}

@test "--embed: pooling, length and dimensions; the same bytes for any batch" {
    printf '{"text":"Remove a folder"}\n{"text":"list files by size"}\n{"ids":[0]}\n' >in
    both_jobs in infer -m demo --embed --pooling none
    mv "$output_file" none
    infer -m demo --embed --pooling none --batch 1 <in | cmp - none
    for p in mean cls last model; do infer -m demo --embed --pooling $p <in >$p; done
    cmp last model # a decoder without a word about it
    infer -m demo --embed --pooling mean --l2 --dims 32 <in >short
    infer -m demo --embed --pooling mean --l2 <in >unit
    python3 - <<'PY'
import json, math
load = lambda f: [json.loads(x)["embedding"] for x in open(f)]
near = lambda a, b: len(a) == len(b) and all(abs(x - y) < 1e-5 for x, y in zip(a, b))
for rows, mean, cls, last, short, unit in zip(*map(load, ("none", "mean", "cls", "last", "short", "unit"))):
    assert len(rows[0]) == 256
    assert cls == rows[0] and last == rows[-1]
    assert near(mean, [sum(c) / len(rows) for c in zip(*rows)])
    assert near(unit, [x / math.sqrt(sum(v * v for v in mean)) for x in mean])
    assert near(short, [x / math.sqrt(sum(v * v for v in mean[:32])) for x in mean[:32]])
PY
    run infer -m demo --embed --dims 1000 <in
    [ "$status" = 2 ] && [[ "$output" == *"has 256 dimensions"* ]]
    run infer -m demo --classify <in
    [ "$status" = 2 ] && [[ "$output" == *"has no classifier"* ]]
    run infer -m demo --l2 <in
    [ "$status" = 2 ]
    run infer -m demo --embed --logits last <in
    [ "$status" = 2 ]
}

@test "encoders embed and classify, and do nothing else" {
    need_data models/agnews-bert/config.json models/tiny/bert/config.json
    run infer -m "$DATA/models/tiny/bert" </dev/null
    [ "$status" = 2 ] && [[ "$output" == *"is an encoder: give --embed"* ]]
    head -3 "$DATA/models/agnews-bert/golden-classify.jsonl" >in
    both_jobs in infer -q -m "$DATA/models/agnews-bert" --classify
    infer -q -m "$DATA/models/agnews-bert" --classify --batch 1 <in | cmp - "$output_file"
    [ "$(head -1 "$output_file" | json /dev/stdin 'd["label"]')" = Sci/Tech ]
    [ "$(head -1 "$output_file" | json /dev/stdin 'abs(sum(d["scores"].values()) - 1) < 1e-6')" = true ]
    # Of a classifier the model's pooling is that of its first token.
    infer -q -m "$DATA/models/agnews-bert" --embed <in >a
    infer -q -m "$DATA/models/agnews-bert" --embed --pooling cls <in | cmp - a
}

@test "--logits all: one row per token of the prompt" {
    printf '{"ids":[0,5,6,7]}\n' >in
    infer_ --logits all <in >all
    infer_ --logits last <in >last
    [ "$(json all '[len(d["logits"]), len(d["logits"][0])]')" = "[4, 8192]" ]
    [ "$(json all 'd["logits"][3]')" = "$(json last 'd["logits"]')" ]
    printf '{"ids":[0,5]}\n' | infer_ --logits last >second
    [ "$(json all 'd["logits"][1]')" = "$(json second 'd["logits"]')" ]
}

@test "options without an effect are errors" {
    run infer -m demo --seed 5 </dev/null
    [ "$status" = 2 ] && [[ "$output" == *"'--seed'"*"--temperature"* ]]
    infer -m demo --temperature 1 --seed 5 </dev/null
    run infer -m demo --top-k 5 </dev/null
    [ "$status" = 2 ]
    run infer -m demo --score --max-tokens 5 </dev/null
    [ "$status" = 2 ]
    run infer -m demo --score --seed 5 </dev/null
    [ "$status" = 2 ]
    run infer -m demo --batch 0 </dev/null
    [ "$status" = 2 ]
}

@test "the reader goes away: a quiet stop" {
    prompts 400 >in
    timeout 30 bash -c 'set -o pipefail; infer -m demo --max-tokens 12 --batch 1 <in 2>err | head -1 >out' && status=0 || status=$?
    [ "$status" -lt 124 ] || [ "$status" = 141 ]
    [ "$(wc -l <out)" = 1 ]
    [ ! -s err ]
}

@test "SIGTERM ends a long completion, finished records are there" {
    mkfifo pipe
    infer -m demo --max-tokens 1000 --ignore-eos <pipe >out 2>err &
    pid=$!
    exec 9>pipe
    echo '{"prompt":"# ls"}' >&9
    sleep 0.2
    kill -TERM $pid
    wait $pid && status=0 || status=$?
    exec 9>&-
    [ "$status" = 143 ]
    [ "$(wc -l <out)" -le 1 ]
}

@test "the examples of the manual page run" {
    prompts 3 >prompts.jsonl
    echo '{"text":"one two three"}' >texts.jsonl
    infer --dump-options | sed -n 's/^@example\t[^\t]*\t//p' >examples
    [ "$(wc -l <examples)" -ge 4 ]
    while read -r line; do
        bash -c "$line" >/dev/null </dev/null || { echo "failed: $line"; return 1; }
    done <examples
}
