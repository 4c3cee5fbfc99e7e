#!/usr/bin/env bats
# clean(1): languages and models of texts.
load helper

texts='{"id":1,"text":"The quick brown fox jumps over the lazy dog while nobody is watching."}
{"id":2,"text":"Der schnelle braune Fuchs springt \\u00fcber den faulen Hund, w\\u00e4hrend niemand zusieht."}
{"id":3,"text":"12:30 ?!"}
{"id":4,"text":"O r\\u00e1pido c\\u00e3o pulou sobre a cerca enquanto ningu\\u00e9m olhava para ele."}\n'

run_clean() { # ARGS...
    printf "$texts" >input.jsonl
    both_jobs input.jsonl clean "$@"
}

ids() { python3 -c 'import json,sys; print(*[json.loads(l)["id"] for l in open(sys.argv[1])])' "$output_file"; }

@test "--lang keeps the languages of the list" {
    run_clean --lang en,pt --drops dropped.jsonl --force
    [ "$status" = 0 ] && [ "$(ids)" = "1 4" ]
    grep -q '"id":2.*"_drop":{"by":"clean","rule":"lang","value":"de","limit":"en,pt"}' dropped.jsonl
    grep -q '"id":3.*"value":"und"' dropped.jsonl
    run_clean --lang any
    [ "$(ids)" = "1 2 3 4" ]
    cmp input.jsonl "$output_file"
}

@test "--lang-min drops what is less probable" {
    run_clean --lang any --lang-min 0.5
    [ "$(ids)" = "1 2 4" ]
    run_clean --lang any --lang-min 1
    [ "$status" = 0 ]
}

@test "--annotate says language and score; filtering on them gives the same" {
    run_clean --lang en --lang-min 0.5 --annotate
    [ "$(ids)" = "1 2 3 4" ]
    grep -qE '"id":1.*"_clean":\{"lang":"en","lang_score":(1|0\.[0-9]{1,4}),"drop":null\}' "$output_file"
    grep -qE '"id":3.*"lang":"und","lang_score":0,"drop":"lang"' "$output_file"
    clean --keep-if '_clean.drop == null' <"$output_file" >kept
    [ "$(wc -l <kept)" = 1 ]
}

@test "the same language in every window of a long text, in linear time" {
    python3 -c 'import json
t = "Ein langer Satz, der immer wieder kommt und nichts Neues sagt. "
for n in (1, 20, 260, 261, 5000, 100000): print(json.dumps({"text": t * n}))' >input.jsonl
    both_jobs input.jsonl clean --lang de --lang-min 0.5
    cmp input.jsonl "$output_file"
}

@test "unknown languages and lost models are named" {
    run clean --lang en,dee </dev/null
    [ "$status" = 2 ] && [[ "$output" == *"unknown language 'dee', did you mean"* ]]
    run clean --lang-min 0.5 </dev/null
    [ "$status" = 2 ]
    run clean --lang en --lang-min 1.5 </dev/null
    [ "$status" = 2 ]
    mkdir -p lonely/bin && cp "$BUILD/bin/clean" lonely/bin/
    run lonely/bin/clean --lang en </dev/null
    [ "$status" = 66 ]
    mkdir -p lonely/share/millrace/lang && head -c 1000 "$BUILD/share/millrace/lang/model.bin" >lonely/share/millrace/lang/model.bin
    run lonely/bin/clean --lang en </dev/null
    [ "$status" = 78 ]
}

@test "--model scores texts by a fastText model" {
    cp "$TOP"/tests/data/fasttext/softmax.bin "$TOP"/tests/data/fasttext/hs-norm-cut.ftz .
    printf '{"id":1,"text":"the dog runs"}\n{"id":2,"text":"der hund und die katze"}\n' >input.jsonl
    both_jobs input.jsonl clean --model softmax.bin --model-label en --model-min 0.6 --drops dropped.jsonl --force
    [ "$status" = 0 ] && [ "$(ids)" = 1 ]
    grep -qE '"_drop":\{"by":"clean","rule":"model-min","value":0\.[0-9]+,"limit":0.6\}' dropped.jsonl
    both_jobs input.jsonl clean --model hs-norm-cut.ftz --model-label __label__de --annotate
    grep -qE '"_clean":\{"model_score":0\.[0-9]+,"drop":null\}' "$output_file"
    both_jobs input.jsonl clean --lang de --lang-model softmax.bin
    [ "$(ids)" = 2 ]
}

@test "wrong models and labels are named" {
    cp "$TOP"/tests/data/fasttext/softmax.bin m.bin
    run clean --model m.bin --model-label em </dev/null
    [ "$status" = 2 ] && [[ "$output" == *"no label 'em' in the model, did you mean 'en'?"* ]]
    run clean --model m.bin </dev/null
    [ "$status" = 2 ]
    run clean --model-label en </dev/null
    [ "$status" = 2 ]
    run clean --lang-model m.bin </dev/null
    [ "$status" = 2 ]
    run clean --lang es --lang-model m.bin </dev/null
    [ "$status" = 2 ]
    run clean --model nowhere --model-label en </dev/null
    [ "$status" = 66 ]
    head -c 500 m.bin >cut.bin
    run clean --model cut.bin --model-label en </dev/null
    [ "$status" = 78 ] && [[ "$output" == *"cut.bin: byte "* ]]
    printf x >>m.bin
    run clean --lang en --lang-model m.bin </dev/null
    [ "$status" = 78 ]
}
