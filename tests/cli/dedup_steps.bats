#!/usr/bin/env bats
# dedup(1) --sign, --pairs, --resolve: near duplicates in steps that other programs spread.
load helper

corpus() {
    python3 - "$1" <<'PY'
import json, random, sys
random.seed(11)
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
    r = {"id": "r\t%d" % i if i % 3 else i, "text": "" if i % 97 == 5 else " ".join(text)}
    if i % 50 == 7:
        del r["id"]
    print(json.dumps(r))
PY
}

@test "sign | sort | pairs | resolve is what one process does" {
    corpus 1500 >in
    for how in "" "--shingle chars:9" "--trust-estimate" "--bands 30 --rows 3 --max-candidates 7"; do
        dedup --near 0.8 $how --dups want.dups --force in >want
        dedup --near 0.8 $(echo "$how" | sed 's/--trust-estimate//; s/--max-candidates 7//') --sign in |
            LC_ALL=C sort | dedup --pairs >rows
        dedup --near 0.8 $how --resolve rows --dups got.dups --force in >got
        cmp want got
        cmp want.dups got.dups
        [ "$(wc -l <want.dups)" -gt 200 ]
        dedup -j4 --near 0.8 $how --resolve rows in | cmp want -
    done
}

@test "signing is the same for every -j and names a key per band" {
    corpus 300 >in
    both_jobs in dedup --near 0.8 --sign
    [ "$(wc -l <"$output_file")" = $((9 * 296)) ]
    [ "$(grep -cvP '^[0-9a-f]{16}\t("r\\t\d+"|\d+|"stdin:\d+")$' "$output_file")" = 0 ]
}

@test "GNU parallel signs, GNU sort sorts: the same result" {
    command -v parallel >/dev/null || skip "needs GNU parallel"
    corpus 1500 | sed 's/^{"text/{"id":"x","text/' | awk '!/"id":"x"/' >in
    dedup --near 0.8 in >want
    parallel --will-cite --pipe -j3 --block 60k dedup --near 0.8 --sign -j1 <in | LC_ALL=C sort --parallel=2 >sorted
    dedup --pairs sorted | dedup --near 0.8 --resolve /dev/stdin in >got
    cmp want got
    # reducers: rows of a key stay together
    split -n r/3 -d in part.
    for p in part.*; do dedup --near 0.8 --sign $p; done | awk '{ print > ("reduce." (substr($0, 1, 1) ~ /[0-7]/)) }'
    for r in reduce.*; do LC_ALL=C sort $r | dedup --pairs; done >rows
    dedup --near 0.8 --resolve rows in | cmp want -
}

@test "PySpark signs and pairs: the same result" {
    python3 -c 'import pyspark' 2>/dev/null || skip "needs PySpark"
    corpus 600 | grep '"id"' >in
    dedup --near 0.8 in >want
    python3 - <<'PY'
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
rows = spark.sparkContext.textFile("in", 3).pipe("dedup --near 0.8 --sign -j1")
pairs = rows.sortBy(lambda r: r, numPartitions=1).pipe("dedup --pairs")
open("rows", "w").write("".join(r + "\n" for r in pairs.collect()))
PY
    dedup --near 0.8 --resolve rows in | cmp want -
}

@test "--pairs keeps the keys of two records" {
    printf '0000000000000001\t1\n0000000000000002\t"a"\n0000000000000002\t"a"\n0000000000000003\t"a"\r\n0000000000000003\t"b"\t\n\n0000000000000003\t7' >rows
    dedup --pairs --report r.json rows >out
    is_file out '0000000000000003\t"a"\n0000000000000003\t"b"\n0000000000000003\t7\n'
    [ "$(json r.json 'd["in"], d["out"], d["shared_keys_total"]')" = '[6, 3, 1]' ]
    dedup --pairs </dev/null >out
    [ ! -s out ]
    zstd -q rows
    dedup --pairs rows.zst -o out.gz
    [ "$(gzip -dc out.gz | wc -l)" = 3 ]
}

@test "rows that are none, or not in order" {
    local bad
    for bad in 'x' '000000000000000g\t1' '0000000000000001 1' '0000000000000001\t' '0000000000000001\tx' \
        '0000000000000001\t"a' '0000000000000001\t1\t2' '{"text":"a"}'; do
        printf "0000000000000001\t1\n$bad\n" >rows
        run dedup --pairs rows
        [ "$status" = 65 ] || { echo "$bad: $status"; return 1; }
        [[ "$output" == *"rows:2: "*"is no row of --sign"* ]]
        run dedup --near 0.8 --resolve rows </dev/null
        [ "$status" = 65 ]
    done
    printf '0000000000000002\t1\n0000000000000001\t1\n' >rows
    run dedup --pairs rows
    [ "$status" = 65 ]
    [[ "$output" == *"rows:2: rows are not in order: sort them with LC_ALL=C sort"* ]]
    run dedup --pairs missing
    [ "$status" = 66 ]
}

@test "ids that are not unique are bad records" {
    printf '0000000000000002\t1\n0000000000000002\t2\n' >rows
    printf '{"id":1,"text":"a b"}\n{"id":2,"text":"c d"}\n{"id":1,"text":"e f"}\n{"id":3,"text":"x"}\n{"id":3,"text":"x"}\n' >in
    run dedup --near 0.8 --resolve rows in
    [ "$status" = 65 ]
    [[ "$output" == *"in:3: a second record with this id"* ]]
    dedup --near 0.8 --resolve rows --rejects rej in >out
    [ "$(wc -l <rej) $(wc -l <out)" = "1 4" ]
}

@test "usage errors" {
    local args
    : >rows
    for args in "--sign" "--resolve rows" "--pairs --near 0.8" "--pairs -j2" "--pairs --field x" "--near 0.8 --sign --resolve rows" \
        "--near 0.8 --sign --dups d" "--near 0.8 --sign --cluster" "--near 0.8 --resolve rows --against rows" \
        "--near 0.8 --sign --trust-estimate" "--near 0.8 --resolve rows --cluster"; do
        run dedup $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status $output"; return 1; }
    done
}
