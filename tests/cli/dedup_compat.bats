#!/usr/bin/env bats
# dedup(1) --near --compat: the decisions of other tools. Their signatures: tests/unit/test_compat.c.
load helper

corpus() {
    python3 - "$1" <<'PY'
import json, random, sys
random.seed(3)
words = ["word%d" % i for i in range(3000)]
bases = []
for i in range(int(sys.argv[1])):
    if bases and random.random() < 0.5:
        text = list(random.choice(bases))
        for _ in range(random.choice([0, 1, 2, 5, 12])):
            text[random.randrange(len(text))] = random.choice(words)
    else:
        text = random.choices(words, k=random.choice([3, 30, 150]))
        bases.append(text)
    print(json.dumps({"id": i, "text": "" if i % 97 == 5 else ", ".join(text)}))
PY
}

@test "records with a common band are one cluster, of which the first stays" {
    corpus 400 >in
    for tool in datatrove datatrove-sha1 datatrove-32 datatrove-sha1-32 text-dedup text-dedup-xxh3 redpajama curator; do
        both_jobs in dedup --near 0.7 --compat $tool --dups d --force --report r.json
        dedup --near 0.7 --compat $tool --cluster in >clusters
        dedup --near 0.7 --compat $tool --sign in >rows
        python3 - in "$output_file" d clusters rows <<'PY'
import json, sys
read = lambda n: [json.loads(l) for l in open(n)]
records, kept, dups, clusters = map(read, sys.argv[1:5])
parent, first = list(range(len(records))), {}
def root(i):
    while parent[i] != i:
        i = parent[i]
    return i
for line in open(sys.argv[5]):
    key, i = line.split("\t")
    i = int(i)
    a, b = sorted((root(i), root(first.setdefault(key, i))))
    parent[b] = a
roots = [root(i) for i in range(len(records))]
assert [r["id"] for r in kept] == [i for i, x in enumerate(roots) if i == x]
assert {d["id"]: d["dup_of"] for d in dups} == {i: x for i, x in enumerate(roots) if i != x}
assert [(c["_dedup"]["cluster"], c["_dedup"]["size"]) for c in clusters] == [(x, roots.count(x)) for x in roots]
assert len(dups) > 40
PY
    done
    [ "$(json r.json 'd["bands"], d["rows"], d["shingle"]')" = '[20, 13, "curator"]' ]
}

@test "bands, rows, permutations and shingles of each tool" {
    corpus 30 >in
    say() { dedup --near "$@" --report r.json in >/dev/null && json r.json 'd["bands"], d["rows"]'; }
    [ "$(say 0.9 --compat datatrove)" = '[14, 8]' ]
    [ "$(say 0.7 --compat text-dedup)" = '[24, 10]' ]
    [ "$(say 0.8 --compat redpajama)" = '[9, 13]' ]
    [ "$(say 0.7 --compat text-dedup --permutations 256)" = '[25, 10]' ]
    [ "$(say 0.7 --compat text-dedup --permutations 256 --bands 5 --rows 3)" = '[5, 3]' ]
    # constants depend on the number of permutations where all a are drawn before all b
    dedup --near 0.7 --compat text-dedup --permutations 256 --bands 5 --rows 3 --sign in >a
    dedup --near 0.7 --compat text-dedup --bands 5 --rows 3 --sign in >b
    ! cmp -s a b
    dedup --near 0.7 --compat redpajama --permutations 256 --bands 5 --rows 3 --sign in >a
    dedup --near 0.7 --compat redpajama --bands 5 --rows 3 --sign in >b
    cmp a b
    dedup --near 0.7 --compat redpajama --bands 5 --rows 3 --shingle words:7 --sign in >b
    ! cmp -s a b
}

@test "datatrove's own clusters" {
    need_data data-prep/dedup-sets.jsonl
    python3 - "$DATA/data-prep/dedup-sets.jsonl" <<'PY'
import json, sys
row = [r for r in map(json.loads, open(sys.argv[1])) if r["op"] == "minhash"][0]
open("in", "w").write("".join(json.dumps(r) + "\n" for r in row["in"]))
json.dump(row["clusters"], open("want", "w"))
PY
    both_jobs in dedup --near 0.72 --compat datatrove --cluster
    python3 - "$output_file" <<'PY'
import json, sys
sets = {}
for i, l in enumerate(open(sys.argv[1])):
    sets.setdefault(json.loads(l)["_dedup"]["cluster"], []).append(i)
assert list(sets.values()) == json.load(open("want")), sets
PY
}

@test "usage errors" {
    local args
    for args in "--compat datatrove" "--near 0.8 --compat ccnet" "--near 0.8 --compat other" "--near 0.8 --compat datatrove --shingle chars:5" \
        "--near 0.8 --compat curator --shingle words:5" "--near 0.8 --compat datatrove --trust-estimate" \
        "--near 0.8 --compat datatrove --against x" "--near 0.8 --compat datatrove --bands 9 --rows 9 --permutations 80" \
        "--near 0.8 --compat datatrove --annotate" "--unit line --compat datatrove"; do
        run dedup $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status $output"; return 1; }
    done
}
