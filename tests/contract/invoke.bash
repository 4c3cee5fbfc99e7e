# invoke.bash: how each command is called in its plainest form. A command that is not in these
# tables is called without arguments and with the sample records: add a line when that is not it.

commands() { ls "$BUILD/bin"; }

# The arguments of a plain call; each reads $(input_for COMMAND) on stdin and succeeds.
arguments() {
    case "$1" in
    clean) echo "--trim" ;; # without any option the member is not looked at
    tokenize) echo "-t demo" ;;
    infer) echo "-m demo --max-tokens 4" ;;
    shard) echo "-o $BATS_TEST_TMPDIR/shards-$RANDOM$RANDOM" ;;
    quantize) echo "demo --type Q8_0 -o $BATS_TEST_TMPDIR/model-$RANDOM$RANDOM.gguf" ;;
    bench) echo "--runs 1 --warmup 0 -- true" ;;
    esac
}

reads_stdin() { case "$1" in quantize | bench) return 1 ;; esac; }
writes_stdout() { case "$1" in shard | quantize) return 1 ;; esac; }

# A filter takes records on stdin and writes records to stdout, in order.
filters() {
    local f
    for f in clean dedup tokenize infer; do [ ! -x "$BUILD/bin/$f" ] || echo "$f"; done
}

# The member that a filter works on.
member() { case "$1" in infer) echo prompt ;; *) echo text ;; esac; }

# sample COMMAND N: N different records for it.
sample() {
    awk -v n="$2" -v m="$(member "$1")" 'BEGIN {
        for (i = 1; i <= n; i++)
            printf "{\"id\": %d, \"%s\":\"record %d: a brook — \\u00e9 \\ud83d\\ude00 runs\", \"meta\":{\"n\":%d.50}}\n", i, m, i * 7919, i
    }'
}

input_for() {
    local f="$BATS_TEST_TMPDIR/input-$1.jsonl"
    [ -e "$f" ] || case "$1" in
        collect) printf 'one text\nof two lines\n' >"$f" ;;
        *) sample "$1" 6 >"$f" ;;
    esac
    echo "$f"
}

# check CASE: runs the case of filtercheck.py for every filter.
check() {
    local f bad=0 n=0
    export BUILD
    for f in $(filters); do
        n=$((n + 1))
        MEMBER=$(member "$f") python3 "$TOP/tests/contract/filtercheck.py" "$1" "$f" $(arguments "$f") || bad=1
    done
    [ "$n" -gt 0 ] && [ "$bad" = 0 ]
}
