#!/usr/bin/env bats
# dedup(1) --near: similar records.
load helper

# corpus N: families of texts with replaced words, some exact copies, some unrelated; some empty.
corpus() {
    python3 - "$1" <<'PY'
import json, random, sys
random.seed(7)
words = ["w%d" % i for i in range(3000)]
bases = []
for i in range(int(sys.argv[1])):
    if bases and random.random() < 0.5:
        text = list(random.choice(bases))
        for _ in range(random.choice([0, 1, 1, 2, 5, 12])):
            text[random.randrange(len(text))] = random.choice(words)
    else:
        text = random.choices(words, k=random.randrange(20, 150))
        bases.append(text)
    sep = random.choice([" ", ", ", "\n"])
    text = "" if i % 97 == 5 else sep.join(text)
    print(json.dumps({"id": "r%d" % i, "text": text.upper() if i % 5 == 0 else text}))
PY
}

@test "the first of similar texts stays; nothing below T is dropped" {
    A="one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    printf '{"id":1,"text":"%s"}\n{"id":2,"text":"%s again"}\n{"id":3,"text":"other words in this one, five of them"}\n{"id":4,"text":"%s"}\n{"id":5,"text":""}\n{"id":6,"text":""}\n' \
        "$A" "$A" "${A^^}" >in
    both_jobs in dedup --near 0.93 --dups d --force
    [ "$(cut -c1-7 "$output_file" | tr -d '\n')" = '{"id":1{"id":2{"id":3{"id":5{"id":6' ]
    is_file d '{"id":4,"dup_of":1,"kind":"near","similarity":1,"estimate":1,"unit":"words:5"}\n'
    both_jobs in dedup --near 0.9 --bands 56 --rows 2 --dups d --force
    [ "$(wc -l <d)" = 2 ] # 12 of 13 shingles: 0.923
    grep -q '^{"id":2,"dup_of":1,"kind":"near","similarity":0.923076923076923[0-9]*,"estimate":0.9' d
    both_jobs in dedup --near 0.93 --bands 56 --rows 2 --dups d --force
    [ "$(wc -l <d)" = 1 ]
}

@test "every pair is compared with brute force" {
    corpus 1500 >in
    both_jobs in dedup --near 0.7 --bands 112 --rows 1 --dups d --force
    python3 - in "$output_file" d 0.7 <<'PY'
import json, re, sys
def shingles(text):
    w = re.findall(r"[^\W_]+", text.lower())
    return {tuple(w[i:i + 5]) for i in range(max(1, len(w) - 4))} if w else set()
threshold = float(sys.argv[4])
kept, index, want = [], {}, {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    s = shingles(r["text"])
    hit = None
    for k in sorted({k for x in s for k in index.get(x, ())}):
        t = kept[k][1]
        j = len(s & t) / len(s | t)
        if j >= threshold:
            hit = kept[k][0], j
            break
    if hit:
        want[r["id"]] = hit
        continue
    for x in s:
        index.setdefault(x, []).append(len(kept))
    kept.append((r["id"], s))
got = {}
for line in open(sys.argv[3]):
    d = json.loads(line)
    got[d["id"]] = d["dup_of"], d["similarity"]
assert len(got) > 300 and got.keys() == want.keys(), (len(got), len(want), got.keys() ^ want.keys())
for k in got:
    assert got[k][0] == want[k][0] and abs(got[k][1] - want[k][1]) < 1e-12, (k, got[k], want[k])
assert [json.loads(l)["id"] for l in open(sys.argv[2])] == [k[0] for k in kept]
PY
}

@test "dedup of dedup changes nothing; every instruction set gives the same bytes" {
    corpus 1500 >in
    both_jobs in dedup --near 0.8
    cp "$output_file" once
    both_jobs once dedup --near 0.8
    cmp once "$output_file"
    for isa in $(dedup -V | sed -n 's/.*available: \(.*\)).*/\1/p'); do
        dedup --isa "$isa" --near 0.8 in >other
        cmp once other
        n=$((n + 1))
    done
    [ "$n" -ge 1 ]
}

@test "--annotate marks what would be dropped" {
    corpus 400 >in
    dedup --near 0.8 in >kept
    both_jobs in dedup --near 0.8 --annotate --dups d --force
    grep -v '"_dedup"' "$output_file" | cmp - kept
    sed 's/, *"_dedup":.*/}/' "$output_file" | cmp - in
    [ "$(sed -n 's/.*"_dedup":\({.*}\)}$/\1/p' "$output_file" | sort)" = "$(sed 's/^{"id":"[^"]*",/{/' d | sort)" ]
    both_jobs "$output_file" dedup --near 0.8 --annotate
    printf '{"text":"a b c d e f","_dedup":7}\n' >old
    both_jobs old dedup --near 0.8 --annotate
    is_file "$output_file" '{"text":"a b c d e f","_dedup":null}\n'
}

@test "--cluster gives connected components, against brute force" {
    corpus 1000 >in
    for how in "" --trust-estimate; do
        both_jobs in dedup --near 0.7 --bands 112 --rows 1 --cluster $how --dups d --force --report r.json
        python3 - in "$output_file" d r.json "$how" <<'PY'
import json, re, sys
def shingles(text):
    w = re.findall(r"[^\W_]+", text.lower())
    return {tuple(w[i:i + 5]) for i in range(max(1, len(w) - 4))} if w else set()
records = [json.loads(l) for l in open(sys.argv[1])]
sets = [shingles(r["text"]) for r in records]
parent, index = list(range(len(sets))), {}
def root(i):
    while parent[i] != i:
        i = parent[i]
    return i
for i, s in enumerate(sets):
    for k in {k for x in s for k in index.get(x, ())}:
        if len(s & sets[k]) / len(s | sets[k]) >= 0.7:
            a, b = sorted((root(i), root(k)))
            parent[b] = a
    for x in s:
        index.setdefault(x, []).append(i)
roots = [root(i) for i in range(len(sets))]
got, dups = [json.loads(l) for l in open(sys.argv[2])], [json.loads(l) for l in open(sys.argv[3])]
wrong = 0
for i, (g, r) in enumerate(zip(got, records)):
    want = {"cluster": roots[i], "size": roots.count(roots[i])}
    if roots[i] != i:
        want["dup_of"] = "r%d" % roots[i]
    mark = g.pop("_dedup")
    assert g == r
    wrong += mark != want
assert len(got) == len(records) and (wrong < 120 if sys.argv[5] else wrong == 0), wrong
if not sys.argv[5]:
    report = json.load(open(sys.argv[4]))
    sizes = [roots.count(x) for x in set(roots)]
    assert report["clusters"] == sum(x > 1 for x in sizes) and report["largest_cluster"] == max(sizes)
    assert [(d["id"], d["dup_of"]) for d in dups] == [("r%d" % i, "r%d" % x) for i, x in enumerate(roots) if i != x]
PY
    done
    printf '{"text":"a\\u0062c","n":1.0}\n{"text":"","_dedup":5}\n{"text":"ABC"}\n' >in
    both_jobs in dedup --near 0.9 --cluster
    is_file "$output_file" '{"text":"a\\u0062c","n":1.0,"_dedup":{"cluster":0,"size":2}}\n{"text":"","_dedup":{"cluster":1,"size":1}}\n{"text":"ABC","_dedup":{"cluster":0,"size":2,"dup_of":"stdin:1"}}\n'
    printf '{"ids":[1,2,3]}\n{"ids":[1,2]}\n{"ids":[1, 2,3]}\n' >in
    both_jobs in dedup --near 0.9 --cluster --shingle ids:2
    is_file "$output_file" '{"ids":[1,2,3],"_dedup":{"cluster":0,"size":2}}\n{"ids":[1,2],"_dedup":{"cluster":1,"size":1}}\n{"ids":[1, 2,3],"_dedup":{"cluster":0,"size":2,"dup_of":"stdin:1"}}\n'
}

@test "--trust-estimate decides by equal minima" {
    corpus 800 >in
    both_jobs in dedup --near 0.8 --trust-estimate --dups d --force --report r.json
    [ "$(json r.json 'd["dropped"]["near"] > 100')" = true ]
    ! grep -q similarity d
    [ "$(sed 's/.*"estimate":\([0-9.]*\).*/\1/' d | sort -g | head -1 | cut -c1-3)" = 0.8 ]
    dedup --near 0.8 --report v.json in >/dev/null
    [ "$(python3 -c 'import json
a,b=(json.load(open(f))["dropped"]["near"] for f in ("r.json","v.json"))
print(0.8 < a/b < 1.25)')" = True ]
}

@test "--shingle chars:N and ids:N" {
    printf '{"text":"\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe8\xaf\xb7\xe9\x97\xae\xe4\xbd\xa0\xe6\x98\xaf\xe8\xb0\x81"}\n{"text":"\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe8\xaf\xb7\xe9\x97\xae\xe4\xbd\xa0\xe6\x98\xaf\xe8\xb0\x81\xef\xbc\x9f"}\n{"text":"abcdefgh"}\n' >in
    both_jobs in dedup --near 0.8 --shingle chars:3 --bands 112 --rows 1
    [ "$(wc -l <"$output_file")" = 2 ]
    both_jobs in dedup --near 0.9 --shingle chars:3 --bands 112 --rows 1
    [ "$(wc -l <"$output_file")" = 3 ]
    printf '{"ids":[1,2,3,4,5,6]}\n{"ids":[9,8]}\n{"ids":[ 1,2, 3,4,5,6]}\n{"ids":[9,8,7]}\n' >in
    both_jobs in dedup --near 0.9 --shingle ids:3
    is_file "$output_file" '{"ids":[1,2,3,4,5,6]}\n{"ids":[9,8]}\n{"ids":[9,8,7]}\n'
    printf '{"x":[1,2]}\n{"x":[1,2.5]}\n' >in
    both_jobs in dedup --near 0.9 --shingle ids:3 --field x
    [ "$status" = 65 ]
    grep -q 'stdin:2: byte 9: not an array of integers' "$error_file"
}

@test "--max-candidates bounds the work and says so" {
    python3 -c '
import random
random.seed(1)
head = " ".join("h%d" % i for i in range(60))
for i in range(60):
    print("{\"id\":%d,\"text\":\"%s %s\"}" % (i, head, " ".join("x%d" % random.randrange(10**6) for _ in range(30))))
' >in
    both_jobs in dedup --near 0.9 --bands 112 --rows 1 --report all.json
    both_jobs in dedup --near 0.9 --bands 112 --rows 1 --max-candidates 5 --report few.json
    [ "$(wc -l <"$output_file")" = 60 ]
    [ "$(json all.json 'd["compared_total"], d["cut_total"]')" = '[1770, 0]' ]
    [ "$(json few.json 'd["compared_total"] <= 300 and d["cut_total"] >= 50')" = true ]
}

@test "--drops, --rejects, files, and the report" {
    corpus 600 >one
    sed 5q one >two
    dedup --near 0.8 --drops drops --dups d --report r.json one two >out
    [ "$(json r.json 'd["in"] == d["out"] + d["dropped"]["near"]')" = true ]
    [ "$(wc -l <drops)" = "$(wc -l <d)" ]
    grep -q '"_drop":{"by":"dedup","rule":"near","value":"r0"}}$' drops
    [ "$(json r.json 'd["clusters"] > 50, 2 < d["largest_cluster"] < 20, d["without_shingles_total"], d["bands"], d["rows"], d["shingle"]')" = '[true, true, 7, 9, 12, "words:5"]' ]
    printf '{"text":"a"}\n{"text":7}\n{"x":1}\n{"text":"\\ud800"}\n' >in
    dedup --near 0.8 --rejects rej in >out
    is_file out '{"text":"a"}\n'
    [ "$(wc -l <rej)" = 3 ]
}

@test "usage errors" {
    local args
    for args in "--near 0" "--near 1.1" "--near x" "--near 0.8 --key bytes" "--near 0.8 --exact" \
        "--near 0.8 --memory 1G" "--shingle words:5" "--near 0.8 --shingle w:5" "--near 0.8 --bands 5" \
        "--near 0.8 --bands 5 --rows 5 --permutations 9" "--near 0.8 --bands 999 --rows 999" \
        "--near 0.8 --annotate --drops x" "--near 0.8 --annotate --cluster" "--near 0.8 --cluster --drops x" "--cluster" "--annotate" "--near 0.8 --max-candidates 0" "--trust-estimate"; do
        run dedup $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status $output"; return 1; }
    done
}

@test "a spool that cannot be written is exit 73 or 74" {
    corpus 8000 >in
    run env TMPDIR="$PWD/missing" dedup --near 0.8 in
    [ "$status" = 73 ] || [ "$status" = 74 ] || { echo "exit $status: $output" | tail -c 300; return 1; }
}
