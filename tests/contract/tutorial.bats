#!/usr/bin/env bats
# The examples of millrace(7) that are marked `.\" TEST`, and of the README that are marked
# `<!-- test -->`, run in order, as they stand, in a folder with a small corpus.
load ../cli/helper

prepare() {
    mkdir corpus
    printf 'The mill stands at the brook.\nIts wheel turns all day long.\n' >corpus/mill.txt
    printf 'The mill stands at the brook.\nIts wheel turns all day long.\n' >corpus/mill-again.txt
    printf '  Gr\303\274\303\237e aus der M\303\274hle am rauschenden Bach.  \n' >corpus/gruss.md
    printf 'id,text\n1,short\n2,"A row of a table, with a comma in it."\n' >corpus/rows.csv
    tar -C corpus -cf more.tar gruss.md rows.csv
    mv more.tar corpus
    mkdir bin
    # every example sees all commands, or the test is skipped by the name of the one that is missing
    for c in "$BUILD"/bin/*; do ln -s "$c" bin/; done
}

# blocks FILE: NUL-separated examples.
man_blocks() {
    awk '/^\.\\" TEST/ { wait = 1; next }
        wait && /^\.Bd/ { on = 1; wait = 0; next }
        on && /^\.Ed/ { on = 0; printf "%c", 0; next }
        on { gsub(/\\e/, "\\"); print }' "$1"
}
readme_blocks() {
    awk '/^<!-- test -->/ { wait = 1; next }
        wait && /^```sh/ { on = 1; wait = 0; next }
        on && /^```/ { on = 0; printf "%c", 0; next }
        on { print }' "$1"
}

run_blocks() { # EXTRACTOR FILE MINIMUM
    local n=0 block c
    prepare
    for c in collect clean dedup tokenize shard infer; do
        ! grep -qw "$c" <("$1" "$2" | tr '\0' '\n') || command -v "$c" >/dev/null || skip "needs $c"
    done
    while IFS= read -r -d '' block; do
        n=$((n + 1))
        bash -e -o pipefail -c "$block" >out.txt 2>err.txt || {
            echo "exit $?: $block"
            cat err.txt
            return 1
        }
        [ ! -s err.txt ] || { echo "not silent: $block"; cat err.txt; return 1; }
    done < <("$1" "$2")
    [ "$n" -ge "$3" ] || { echo "only $n examples found"; return 1; }
}

@test "the examples of millrace(7) run" {
    run_blocks man_blocks "$TOP/man/millrace.7" 10
    [ "$(wc -l <raw.jsonl)" -ge 5 ]
    [ "$(wc -l <unique.jsonl)" -lt "$(wc -l <clean.jsonl)" ]
    [ -s short.jsonl ]
    [ "$(json report.json 'd["in"] - d["out"] - d["rejected"] - sum(d["dropped"].values())')" = 0 ]
}

# Each example marked `.\" TEST [needs...]` is a test of its own folder, with 1,500 records.
engine_blocks() { # number, TAB, what it needs, newline, the text, NUL
    awk '/^\.\\" TEST/ { wait = 1; sub(/^\.\\" TEST */, ""); needs = $0; next }
        wait && /^\.Bd/ { on = 1; wait = 0; print needs; next }
        on && /^\.Ed/ { on = 0; printf "%c", 0; next }
        on { sub(/^\\&/, ""); gsub(/\\e/, "\\"); print }' "$TOP/man/millrace-engines.7"
}

engine_example() { # WORD: the example that has it
    local block found=
    for i in $(seq 1500); do
        echo "{\"id\":\"r$i\",\"text\":\"  line $((i % 40 == 3 ? 1 : i)) of some text \"}"
    done >in.jsonl
    clean -j1 --trim in.jsonl >want.jsonl
    while IFS= read -r -d '' block; do
        [[ $block == *"$1"* ]] || continue
        found=1
        for need in ${block%%$'\n'*}; do
            case $need in
            pyspark) python3 -c 'import pyspark' 2>/dev/null || skip "needs pyspark" ;;
            *) command -v "$need" >/dev/null || skip "needs $need" ;;
            esac
        done
        bash -e -o pipefail -c "${block#*$'\n'}" >out.txt 2>err.txt || { echo "exit $?: $block"; cat err.txt; return 1; }
        [ ! -s err.txt ] || { echo "not silent: $block"; cat err.txt; return 1; }
    done < <(engine_blocks)
    [ "$found" ]
}

@test "engines: GNU parallel gives the same bytes" { engine_example "parallel --pipe" && cmp out.jsonl want.jsonl; }
@test "engines: xargs, a file at a time, and only what is missing" {
    engine_example "xargs -0" && cmp all.jsonl want.jsonl
    rm cleaned/ab.jsonl
    touch -d @1 cleaned/aa.jsonl
    engine_example "xargs -0" && cmp all.jsonl want.jsonl
    [ "$(stat -c %Y cleaned/aa.jsonl)" = 1 ]
}
@test "engines: cron" {
    engine_example "dedup --lock"
    [ "$(wc -l <unique.jsonl)" = 1462 ]
    python3 "$TOP/tests/contract/metrics.py" dedup.prom
    bench --lock dedup.lock --runs 1 --warmup 0 -- sleep 3 >/dev/null 3>&- &
    for i in $(seq 100); do
        code=0
        dedup --lock dedup.lock </dev/null 2>err || code=$?
        [ $code = 0 ] || break
        sleep 0.02
    done
    [ $code = 75 ] && grep -q "is locked by another process" err
    kill $!
}
@test "engines: a gate for continuous integration, and its workflow" {
    engine_example "--baseline base.json"
    grep -q '^::notice title=bench::' out.txt
    python3 -c 'import xml.etree.ElementTree as x; assert x.parse("bench.xml").getroot().get("failures") == "0"'
    awk '/^\.\\" WORKFLOW/ { w = 1; next } w && /^\.Bd/ { on = 1; next } on && /^\.Ed/ { exit } on' "$TOP/man/millrace-engines.7" >w.yml
    [ "$(grep -c '^ *- \(uses\|run\):' w.yml)" = 4 ]
    grep -q "^on: \[pull_request\]" w.yml && grep -q '^jobs:$' w.yml && grep -q '^    runs-on: ' w.yml
    python3 -c 'import yaml' 2>/dev/null || return 0
    python3 - <<'END'
import yaml
w = yaml.safe_load(open("w.yml"))
steps = w["jobs"]["bench"]["steps"]
assert w[True] == ["pull_request"] and all(set(s) <= {"uses", "with", "run"} and ("uses" in s) != ("run" in s) for s in steps)
END
}
@test "engines: Spark gives the same bytes" { engine_example "pipe.py" && cmp spark.jsonl want.jsonl; }
@test "engines: Hadoop Streaming, with counters" {
    engine_example "reporter:counter" && cmp mapped.jsonl want.jsonl
    grep -q '^reporter:counter:millrace clean,in,1500$' counters
    ! grep -v '^reporter:counter:[^,]*,[^,]*,[0-9]*$' counters
}
@test "engines: SQLite takes lines and gives them back" {
    engine_example "sqlite3 pages.db" && python3 -c '
import json
want, back = ([json.loads(line) for line in open(f)] for f in ("want.jsonl", "back.jsonl"))
assert want == back'
}
@test "engines: a canary is promoted step by step" { engine_example "bench --compare" && grep -q promote verdict; }

@test "the recipe of the README runs" { run_blocks readme_blocks "$TOP/README.md" 1; }
