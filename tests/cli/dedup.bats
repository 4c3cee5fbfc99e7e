#!/usr/bin/env bats
# dedup(1): exact duplicates.
load helper

run_dedup() { # INPUT ARGS...
    local input="$1"
    shift
    printf "$input" >input.jsonl
    both_jobs input.jsonl dedup "$@"
}

gives() { # STATUS TEXT
    [ "$status" = "$1" ] || { echo "exit $status"; cat "$error_file"; return 1; }
    is_file "$output_file" "$2"
}

@test "the first of equal texts stays, byte for byte" {
    run_dedup '{"text":"a" , "n":1}\n{"text":"b"}\n{"text":"\\u0061"}\n{"text":"A"}\n{"text":"a "}\n{"text":"b"}\n'
    gives 0 '{"text":"a" , "n":1}\n{"text":"b"}\n{"text":"A"}\n{"text":"a "}\n'
    run_dedup '{"text":"a"}\n{"text":"a"}\n' --exact
    gives 0 '{"text":"a"}\n'
}

@test "--key normalized" {
    run_dedup '{"text":"\\u00c9t\\u00e9  x"}\n{"text":" e\\u0301T\\u00c9\\nX "}\n{"text":"ete x"}\n' -k normalized
    gives 0 '{"text":"\\u00c9t\\u00e9  x"}\n{"text":"ete x"}\n'
}

@test "--key json:PATH" {
    run_dedup '{"k":{"v":1}}\n{"k":{"v":1.0}}\n{"k":{"v":"1"}}\n{"k":{"v":1}}\n{"k":{"v":"\\u0031"}}\n{"k":{"v":null}}\n' --key json:k.v
    gives 0 '{"k":{"v":1}}\n{"k":{"v":1.0}}\n{"k":{"v":"1"}}\n{"k":{"v":null}}\n'
    run_dedup '{"k":[1, {"a":"\\/"}]}\n{"k":[ 1,{"a" :"/"}]}\n{"k":[1]}\n' --key json:k
    gives 0 '{"k":[1, {"a":"\\/"}]}\n{"k":[1]}\n'
    run_dedup '{"text":"a"}\n' --key json:id
    gives 65 ''
    grep -q "stdin:1: no member 'id'" "$error_file"
    run_dedup '{"id":["\\udc00"]}\n' --key json:id
    gives 65 ''
}

@test "--dups and --drops name the record that stays" {
    printf '{"id":"x\\u0041","text":"a"}\n{"id":7,"text":"b"}\n{"text":"c"}\n{"id":"y","text":"a"}\n{"id":null,"text":"b"}\n{"id":9,"text":"c"}\n{"id":9,"text":"c"}\n' >in
    for j in 1 4; do
        dedup -j$j --dups dups.$j --drops drops.$j in >out.$j
    done
    cmp dups.1 dups.4 && cmp drops.1 drops.4 && cmp out.1 out.4
    is_file dups.1 '{"id":"y","dup_of":"x\\u0041","kind":"exact"}\n{"id":"in:5","dup_of":7,"kind":"exact"}\n{"id":9,"dup_of":"in:3","kind":"exact"}\n{"id":9,"dup_of":"in:3","kind":"exact"}\n'
    [ "$(head -1 drops.1)" = '{"id":"y","text":"a","_drop":{"by":"dedup","rule":"exact","value":"x\u0041"}}' ]
    [ "$(wc -l <drops.1)" = 4 ]
}

@test "--keep: who stays of equal records" {
    local in='{"id":1,"text":"a","n":5}\n{"id":2,"text":"b"}\n{"id":3,"text":"a","n":50}\n{"id":4,"text":"a","n":7.0}\n'
    run_dedup "$in" --keep first
    gives 0 '{"id":1,"text":"a","n":5}\n{"id":2,"text":"b"}\n'
    run_dedup "$in" --keep last
    gives 0 '{"id":2,"text":"b"}\n{"id":4,"text":"a","n":7.0}\n'
    run_dedup "$in" --keep none
    gives 0 '{"id":2,"text":"b"}\n'
    run_dedup "$in" --keep max:n
    gives 0 '{"id":2,"text":"b"}\n{"id":3,"text":"a","n":50}\n'
    run_dedup "$in" --keep min:n
    gives 0 '{"id":1,"text":"a","n":5}\n{"id":2,"text":"b"}\n'
    run_dedup "$in" --keep max:n --key json:text --trust-hash
    gives 0 '{"id":2,"text":"b"}\n{"id":3,"text":"a","n":50}\n'
}

@test "--keep: the report closes, bad records do not count" {
    printf '{"id":1,"text":"a"}\n{"x":1}\n{"id":3,"text":"a"}\n{"id":4,"text":"b"}\n' >in
    dedup --keep last --rejects rej --report r.json --dups d --drops drops in >out
    is_file out '{"id":3,"text":"a"}\n{"id":4,"text":"b"}\n'
    is_file d '{"id":1,"dup_of":3,"kind":"exact"}\n'
    is_file drops '{"id":1,"text":"a","_drop":{"by":"dedup","rule":"exact","value":3}}\n'
    [ "$(json r.json 'd["in"], d["out"], d["records_out"], d["dropped"], d["rejected"], d["bytes_out"], d["deferred_total"]')" = '[4, 2, 2, {"exact": 1}, 1, 40, 3]' ]
}

@test "--hash-bits 1: nearly every comparison is a collision and only bytes decide" {
    python3 -c 'print("\n".join("{\"text\":\"%d\"}" % (i % 700) for i in range(1000)))' >in
    both_jobs in dedup --hash-bits 1 --report r.json
    [ "$(wc -l <"$output_file")" = 700 ]
    [ "$(json r.json 'd["collisions_total"] > 50000 and d["distinct"] == 700')" = true ]
    both_jobs in dedup --hash-bits 1 --keep last --report r.json
    [ "$(wc -l <"$output_file")" = 700 ]
    [ "$(json r.json 'd["collisions_total"] > 50000 and d["distinct"] == 700')" = true ]
}

@test "--unit: repeated parts are cut, an empty rest is a drop" {
    printf '{"id":1,"text":"a\\nb\\n\\nc"}\n{"id":2,"n":1.0,"text":"b\\nd\\u00e9\\n\\na","z":[]}\n{"id":3,"text":"a\\nb"}\n' >in
    for j in 1 4; do
        dedup -j$j --unit line --dups dups.$j --drops drops.$j --report r.json in >out.$j
    done
    cmp dups.1 dups.4 && cmp drops.1 drops.4 && cmp out.1 out.4
    is_file out.1 '{"id":1,"text":"a\\nb\\n\\nc"}\n{"id":2,"n":1.0,"text":"dé\\n","z":[]}\n'
    is_file dups.1 '{"id":2,"dup_of":1,"kind":"line","unit":0}\n{"id":2,"dup_of":1,"kind":"line","unit":3}\n{"id":3,"dup_of":1,"kind":"line","unit":0}\n{"id":3,"dup_of":1,"kind":"line","unit":1}\n'
    is_file drops.1 '{"id":3,"text":"a\\nb","_drop":{"by":"dedup","rule":"line","value":2}}\n'
    [ "$(json r.json 'd["units_total"], d["units_removed_total"], d["distinct"], d["dropped"]')" = '[8, 4, 4, {"line": 1}]' ]
    run_dedup '{"text":"A  b\\n\\nx","_dedup":0}\n{"text":"x\\n\\na B","_dedup":0}\n' --unit paragraph --key normalized --ranges
    gives 0 '{"text":"A  b\\n\\nx","_dedup":0}\n{"text":"x\\n\\na B","_dedup":{"unit":"paragraph","bytes":[[0,1],[3,6]],"chars":[[0,1],[3,6]]}}\n'
}

@test "--unit sentences:3 --compat datatrove: simplified, and too little left is a drop" {
    w10="one two three four five six seven eight nine ten"
    left="$w10 $w10. $w10 $w10. $w10 more." other="$w10 $w10. $w10 b. $w10 $w10 c."
    printf '{"id":1,"text":"It was 1,234 days. Then Él left! So be it."}\n{"id":2,"text":"it was 56 days.  then el left; so be it. %s"}\n' "$left" >in
    printf '{"id":3,"text":"It was 7 days? Then EL left. So be it! %s"}\n{"id":4,"text":"It was 9 days. Then el left. So be it. Few words."}\n' "$other" >>in
    for j in 1 4; do
        dedup -j$j --unit sentences:3 --compat datatrove --drops drops.$j in >out.$j
        [ "$(wc -l <out.$j)" = 3 ]
        [ "$(sed -n 3p out.$j)" = "{\"id\":3,\"text\":\"$other\"}" ]
        grep -q '"id":4.*"rule":"sentences","value":3' drops.$j
    done
    cmp out.1 out.4
}

@test "--substring: the first copy stays, cuts are whole code points" {
    dedup --substring 9 </dev/null 2>&1 | grep -q "without libdivsufsort" && skip "needs libdivsufsort"
    run_dedup '{"text":"abcdefghij xx","n":1e2}\n{"text":"yabcdefghz"}\n{"text":"aaaaaaaaaa"}\n{"text":"bcdefgh"}\n' --substring 4
    gives 0 '{"text":"abcdefghij xx","n":1e2}\n{"text":"yz"}\n{"text":"aaaa"}\n'
    # D0 B8 and D0 BE share their first byte: 8 bytes are equal, 7 of them whole code points.
    run_dedup '{"text":"Мири"}\n{"text":"Миро"}\n' --substring 7
    gives 0 '{"text":"Мири"}\n{"text":"о"}\n'
    run_dedup '{"text":"one two three four"}\n{"text":"x one  two\\nthree y"}\n' --substring 3:words
    gives 0 '{"text":"one two three four"}\n{"text":"x  y"}\n'
    run_dedup '{"text":"alpha beta gamma"}\n{"text":"ha beta gam"}\n' --substring 8 --snap words
    gives 0 '{"text":"alpha beta gamma"}\n'
    run_dedup '{"text":"xalpha beta gamma"}\n{"text":"yalpha beta gammz"}\n' --substring 8 --snap words
    gives 0 '{"text":"xalpha beta gamma"}\n{"text":"yalpha gammz"}\n'
    run_dedup '{"id":1,"text":"abcdé"}\n{"id":2,"text":"xabcdé"}\n' --substring 4:chars --keep none --ranges --report r.json
    gives 0 '{"id":1,"text":"abcdé","_dedup":{"unit":"substring","bytes":[[0,6]],"chars":[[0,5]]}}\n{"id":2,"text":"xabcdé","_dedup":{"unit":"substring","bytes":[[1,7]],"chars":[[1,6]]}}\n'
    [ "$(json r.json 'd["ranges_total"], d["range_bytes_total"], d["parts"]')" = '[2, 12, 1]' ]
}

@test "--index: yesterday's records are duplicates of today's" {
    dedup --index-stat . 2>&1 | grep -q "without LMDB" && skip "needs LMDB"
    printf '{"id":1,"text":"a"}\n{"id":2,"text":"b"}\n' >one
    printf '{"id":3,"text":"c"}\n{"id":4,"text":"b"}\n{"id":5,"text":"c"}\n' >two
    for j in 1 4; do
        dedup -j$j --index ix.$j one >out
        is_file out '{"id":1,"text":"a"}\n{"id":2,"text":"b"}\n'
        dedup -j$j --index ix.$j --dups dups.$j --drops drops.$j --report r.json two >out
        is_file out '{"id":3,"text":"c"}\n'
        is_file dups.$j '{"id":4,"dup_of":2,"kind":"exact"}\n{"id":5,"dup_of":3,"kind":"exact"}\n'
        [ "$(json r.json 'd["index_known_total"], d["index_added_total"]')" = '[1, 1]' ]
        dedup --index-verify ix.$j >v
        [ "$(json v 'd["entries"], d["runs"], d["settings"]')" = '[3, 2, "--key bytes"]' ]
    done
    cmp drops.1 drops.4
}

@test "--index: nothing is added by a run that fails" {
    dedup --index-stat . 2>&1 | grep -q "without LMDB" && skip "needs LMDB"
    printf '{"id":1,"text":"a"}\nx\n' >in
    run dedup --index ix in
    [ "$status" = 65 ]
    dedup --index-stat ix >v
    [ "$(json v 'd["entries"], d["runs"]')" = '[0, 0]' ]
    run bash -c 'dedup --index ix one two >/dev/full'
    [ "$status" != 0 ]
    [ "$(dedup --index-export ix | wc -l)" = 0 ]
}

@test "files are one stream: the first of all stays" {
    printf '{"text":"a"}\n{"text":"b"}' >one
    printf '{"text":"b"}\n{"text":"c"}\n' >two
    dedup --dups d one two >out
    is_file out '{"text":"a"}\n{"text":"b"}\n{"text":"c"}\n'
    is_file d '{"id":"two:1","dup_of":"one:2","kind":"exact"}\n'
}

@test "keys beyond --memory go to disk and change nothing" {
    python3 - >in <<'PY'
import random
random.seed(3)
for i in range(6000):
    k = random.randrange(4000)
    print('{"id":%d,"text":"%s %d"}' % (i, "lorem ipsum " * (k % 160), k))
PY
    both_jobs in dedup --dups d --force
    cp "$output_file" want; cp d want.dups
    both_jobs in dedup --memory 4M --dups d --force --report r.json
    cmp "$output_file" want && cmp d want.dups
    [ "$(json r.json 'd["key_disk_bytes"] > 1000000 and d["key_memory_bytes"] < 4 << 20')" = true ]
    both_jobs in dedup --trust-hash --dups d --force
    cmp "$output_file" want && cmp d want.dups
    python3 - want in <<'PY'
import json, sys
seen, want = set(), []
for line in open(sys.argv[2]):
    t = json.loads(line)["text"]
    if t not in seen:
        seen.add(t)
        want.append(line)
assert open(sys.argv[1]).read() == "".join(want)
PY
}

@test "a spill that cannot be written is exit 74" {
    [ -e /dev/full ] || skip "needs /dev/full"
    python3 -c 'print("\n".join("{\"text\":\"%d %s\"}" % (i, "x" * 60000) for i in range(100)))' >in
    mkdir ro
    run env TMPDIR="$PWD/missing" dedup --memory 4M in
    [ "$status" = 73 ] || [ "$status" = 74 ] || { echo "exit $status: $output" | tail -c 300; return 1; }
}

@test "dedup of dedup changes nothing" {
    need_data corpora/tldr.jsonl.zst
    zstd -dcq "$DATA/corpora/tldr.jsonl.zst" | head -20000 >in
    cat in in | dedup -k normalized >once
    dedup -k normalized <once >twice
    cmp once twice
    [ -s once ]
}

@test "the report states what the table takes" {
    python3 -c 'print("\n".join("{\"text\":\"%d\"}" % (i % 30000) for i in range(60000)))' >in
    dedup --report r.json in >out
    [ "$(json r.json 'd["in"], d["out"], d["dropped"], d["distinct"], d["compared_total"], d["collisions_total"]')" = '[60000, 30000, {"exact": 30000}, 30000, 30000, 0]' ]
    [ "$(json r.json '12 < d["state_bytes_per_record"] <= 24')" = true ]
}

@test "usage errors" {
    local args
    for args in "--key=text" "--key=json:" "--no-exact" "--memory=1M" "--keep=best" \
        "--keep=max:" "--keep=max:a..b" "--hash-bits=64" "--hash-bits=8 --trust-hash" \
        "--unit=word" "--substring=0" "--substring=x" "--substring=5:lines" "--substring=5 --keep=last" \
        "--substring=5 --dups=d" "--snap=words" "--index=ix --keep=last" "--forget=f" \
        "--unit=line --index=ix" "--index-stat=ix -j2" "--index-stat=ix file" "--index=ix --hash-bits=8" \
        "--unit=sentences:0" "--unit=line --key=json:id" "--unit=line --keep=max:n" \
        "--unit=line --scope=document --keep=last" "--unit=line --compat=dolma" "--ranges" "--scope=document" \
        "--unit=line --compat=ccnet --key=bytes" "--unit=line --scope=document --memory=8M" "--unit=line --exact" \
        "--key=json:id --field=text" "--key=json:a..b"; do
        run dedup $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status $output"; return 1; }
    done
}

@test "empty input, missing field, lone surrogate" {
    run_dedup ''
    gives 0 ''
    run_dedup '{"text":"a"}\n{"x":1}\n'
    gives 65 '{"text":"a"}\n'
    run_dedup '{"text":"\\ud800"}\n'
    gives 65 ''
    grep -q 'surrogate' "$error_file"
    run_dedup '{"text":"a","x":"\\ud800"}\n'
    gives 0 '{"text":"a","x":"\\ud800"}\n'
}

@test "the examples of the manual run" {
    printf '{"id":1,"text":"A b","url":"u"}\n{"id":1,"text":"a  B","url":"v"}\n' >in.jsonl
    cp in.jsonl today.jsonl
    printf '{"text":"a b c d e f g h i j k l m n"}\n' >ref.jsonl
    dedup --index-stat . 2>&1 | grep -q 'without LMDB' && skip "needs LMDB"
    dedup --substring 9 </dev/null 2>&1 | grep -q "without" && skip "needs libdivsufsort"
    man_examples dedup
    [ "$(wc -l <out3.jsonl)" = 2 ] # one id, so nothing to compare
    is_file out2.jsonl '{"id":1,"text":"A b","url":"u"}\n'
    is_file out.jsonl '{"id":1,"text":"A b","url":"u"}\n'
    is_file dups.jsonl '{"id":1,"dup_of":1,"kind":"exact"}\n'
}
