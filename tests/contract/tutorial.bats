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

@test "the recipe of the README runs" { run_blocks readme_blocks "$TOP/README.md" 1; }
