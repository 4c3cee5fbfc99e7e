#!/usr/bin/env bats
# dedup(1) --contains and --against: records that match a reference.
load helper

@test "--contains drops what holds an n-gram, with evidence" {
    printf '{"id":"q1","text":"The quick, brown fox jumps over the lazy dog and runs away"}\n{"id":7,"text":"too short"}\n{"text":"caf\\u00e9 au lait is what they drink here every day"}\n' >ref
    printf '{"id":1,"text":"Some caf\\u00e9 said: THE QUICK BROWN FOX jumps over the lazy cat"}\n{"id":2,"text":"nothing"}\n{"id":3,"text":"a  CAFE\\u0301 au-lait is, what they drink and the quick brown fox jumps"}\n{"id":4,"text":"quick brown fox"}\n' >in
    both_jobs in dedup --contains ref --ngram 5 --dups d --force --report r.json
    is_file "$output_file" '{"id":2,"text":"nothing"}\n{"id":4,"text":"quick brown fox"}\n'
    is_file d '{"id":1,"dup_of":"q1","kind":"contains","share":0.6666666666666666,"runs":1,"matches":[{"ngram":"THE QUICK BROWN FOX jumps over the lazy","ref":"q1","offset":16,"length":39,"ref_offset":0,"words":8}]}\n{"id":3,"dup_of":"ref:3","kind":"contains","share":0.8571428571428571,"runs":2,"matches":[{"ngram":"CAFÉ au-lait is, what they drink","ref":"ref:3","offset":3,"length":32,"ref_offset":0,"words":7},{"ngram":"the quick brown fox jumps","ref":"q1","offset":40,"length":25,"ref_offset":0,"words":5}]}\n'
    [ "$(json r.json 'd["reference_records"], d["reference_short_total"], d["hit_records_total"], d["hit_runs_total"], d["dropped"]')" = '[3, 1, 2, 3, {"contains": 2}]' ]
    both_jobs in dedup --contains ref --ngram 5 --max-share 0.7
    [ "$(wc -l <"$output_file")" = 3 ]
    both_jobs in dedup --contains ref --ngram 5 --max-share 0.7 --drops drops --force
    grep -q '"_drop":{"by":"dedup","rule":"contains","value":0.857[0-9]*,"limit":0.7}}$' drops
    both_jobs in dedup --contains ref --ngram 5 --max-share 0.7 --annotate
    [ "$(grep -c _dedup "$output_file")" = 1 ]
    grep -q '"_dedup":{"dup_of":"ref:3","kind":"contains","share":0.857' "$output_file"
}

@test "planted n-grams are found where they are, clean texts give none" {
    python3 - <<'PY'
import json, random
random.seed(5)
words = ["w%d" % i for i in range(20000)]
ref = [random.choices(words, k=random.randrange(5, 60)) for _ in range(300)]
docs, want = [], {}
for i in range(2000):
    doc = random.choices(words, k=random.randrange(5, 300))
    if i % 4 == 0:
        r = random.randrange(300)
        n = random.choice([8, 12, 13, 14, 20])
        if len(ref[r]) >= n:
            at, start = random.randrange(len(doc) + 1), random.randrange(len(ref[r]) - n + 1)
            doc[at:at] = ref[r][start:start + n]
    docs.append(doc)
dump = lambda name, texts: open(name, "w").write("".join(
    json.dumps({"id": i, "text": " ".join(t)}) + "\n" for i, t in enumerate(texts)))
dump("ref", ref)
dump("in", docs)
PY
    both_jobs in dedup --contains ref --dups d --force
    python3 - "$output_file" <<'PY'
import json, sys
ref = [json.loads(l)["text"] for l in open("ref")]
docs = [json.loads(l)["text"] for l in open("in")]
grams = {}
for i, t in enumerate(ref):
    w = t.split()
    for k in range(len(w) - 12):
        grams.setdefault(tuple(w[k:k + 13]), i)
got = {json.loads(l)["id"]: json.loads(l) for l in open("d")}
hits = 0
for i, t in enumerate(docs):
    w = t.split()
    covered = set()
    for k in range(len(w) - 12):
        if tuple(w[k:k + 13]) in grams:
            covered.update(range(k, k + 13))
    assert bool(covered) == (i in got), i
    if covered:
        hits += 1
        g = got[i]
        assert abs(g["share"] - len(covered) / len(w)) < 1e-12
        for m in g["matches"]:
            gram = t[m["offset"]:m["offset"] + m["length"]]
            assert gram == m["ngram"] and len(gram.split()) == m["words"] >= 13
            assert ref[m["ref"]][m["ref_offset"]:].startswith(gram)
assert hits > 100
assert [json.loads(l)["id"] for l in open(sys.argv[1])] == [i for i in range(len(docs)) if i not in got]
PY
}

@test "--compat gpt3 and datatrove: their words, n and overlap" {
    W="one two three four five six seven eight nine ten eleven"
    printf '{"id":1,"text":"%s twelve thirteen"}\n{"id":2,"text":"Q1 of 12,000 caf\\u00e9s don'"'"'t %s"}\n' "$W" "$W" >ref
    printf '{"id":"a","text":"x %s TWELVE. thir-teen y"}\n{"id":"b","text":"%s twelve and more words"}\n{"id":"c","text":"q7 of 3.5 CAFES don t %s"}\n{"id":"d","text":"q1 of 12000 caf\\u00e9s dont %s"}\n{"id":"e","text":"%s"}\n' "$W" "$W" "$W" "$W" "$W" >in
    both_jobs in dedup --contains ref --compat gpt3 --dups d --force
    [ "$(cut -d, -f1,2 d | tr -d '\n')" = '{"id":"a","dup_of":1{"id":"d","dup_of":2' ]
    grep -q '"ngram":"one two .* eleven twelve thirteen","ref":1,"offset":2,' d
    grep -q '"ngram":"q1 of 12000 cafés dont one .* eleven","ref":2,"offset":0,"length":[0-9]*,"ref_offset":0,"words":16' d
    both_jobs in dedup --contains ref --compat datatrove --dups d --force
    [ "$(cut -d, -f1,2 d | tr -d '\n')" = '{"id":"a","dup_of":1{"id":"b","dup_of":1{"id":"c","dup_of":2' ]
    grep -q '"ngram":"q0 of 0 cafes don t one' d
    both_jobs in dedup --contains ref --compat datatrove --ngram 17
    [ "$(wc -l <"$output_file")" = 4 ] # c
    # label and query: the n-grams that span both
    printf '{"id":"q","query":"What is, the capital of the large country in the north?","text":"It is Oslo."}\n' >ref
    printf '{"id":1,"text":"so what is the capital of the large country in the north it was"}\n{"id":2,"text":"the capital of the large country in the north: it is oslo and"}\n{"id":3,"text":"of the large country in the north it is oslo and so on"}\n' >in
    both_jobs in dedup --contains ref --compat datatrove --dups d --force
    [ "$(cut -d, -f1,2 d | tr -d '\n')" = '{"id":1,"dup_of":"q"{"id":2,"dup_of":"q"' ]
    run dedup --contains ref --compat gpt3 in
    [ "$status" = 65 ]
    run dedup --contains ref in
    [ "$status" = 65 ]
}

@test "--near --against compares with the reference only" {
    A="one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    printf '{"id":"r","text":"%s"}\n{"id":"s","text":""}\n' "$A" >ref
    printf '{"id":1,"text":"unlike anything else that there is in it"}\n{"id":2,"text":"%s!"}\n{"id":3,"text":"unlike anything else that there is in it"}\n{"id":4,"text":"%s more"}\n{"id":5,"text":""}\n' "$A" "$A" >in
    both_jobs in dedup --near 0.8 --bands 56 --rows 2 --against ref --dups d --force
    [ "$(cut -c1-7 "$output_file" | tr -d '\n')" = '{"id":1{"id":3{"id":5' ]
    [ "$(cut -d, -f1-3 d | tr -d '\n')" = '{"id":2,"dup_of":"r","kind":"near"{"id":4,"dup_of":"r","kind":"near"' ]
}

@test "--against compares keys with the reference only" {
    printf '{"id":"r","text":"a"}\n{"text":"B  c"}\n{"id":"again","text":"a"}\n' >ref
    printf '{"id":1,"text":"x"}\n{"id":2,"text":"a"}\n{"id":3,"text":"x"}\n{"id":4,"text":"b C"}\n{"id":5,"text":"a"}\n' >in
    both_jobs in dedup --against ref --dups d --force
    is_file "$output_file" '{"id":1,"text":"x"}\n{"id":3,"text":"x"}\n{"id":4,"text":"b C"}\n'
    is_file d '{"id":2,"dup_of":"r","kind":"exact"}\n{"id":5,"dup_of":"r","kind":"exact"}\n'
    both_jobs in dedup --against ref -k normalized --drops d --force
    is_file "$output_file" '{"id":1,"text":"x"}\n{"id":3,"text":"x"}\n'
    grep -q '"id":4,.*"_drop":{"by":"dedup","rule":"exact","value":"ref:2"}}$' d
    for how in --trust-hash "--hash-bits 1"; do
        both_jobs in dedup --against ref $how
        [ "$(wc -l <"$output_file")" = 3 ]
    done
    : >none
    both_jobs in dedup --against none
    cmp "$output_file" in
}

@test "a reference that is missing, bad or empty" {
    printf '{"text":"a b c"}\n' >in
    printf '{"text":"a b c"}\n{"text":\n' >bad
    for mode in --against "--near 0.8 --against" "--contains"; do
        run dedup $mode missing in
        [ "$status" = 66 ]
        run dedup $mode bad in
        [ "$status" = 65 ]
        [[ "$output" == *"bad:2"* ]]
        run dedup $mode - in
        [ "$status" = 2 ]
    done
    run dedup --contains in in
    [ "$status" = 65 ]
    [[ "$output" == *"in: no record has 13 words"* ]]
    run dedup --contains in --ngram 3 in
    [ "$status" = 0 ] && [ -z "$output" ]
}

@test "usage errors" {
    local args
    : >ref
    for args in "--against ref --keep last" "--near 0.8 --against ref --cluster" "--contains ref --near 0.8" "--ngram 5" \
        "--near 0.8 --ngram 5" "--max-share 0.5" "--contains ref --ngram 65" "--contains ref --max-share 1.5" \
        "--contains ref --annotate --drops x" "--contains ref --shingle words:5" "--contains ref --compat curator"; do
        run dedup $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status $output"; return 1; }
    done
}
