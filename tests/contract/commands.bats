#!/usr/bin/env bats
# What every command keeps, whatever it does. The tests loop over the executables of the build, so
# a new command is covered when it is there.
load ../cli/helper
load invoke

# each FUNCTION: calls it with every command's name and reports all that fail.
each() {
    local c bad=0 n=0
    for c in $(commands); do
        n=$((n + 1))
        "$1" "$c" || { echo "failed: $1 $c"; bad=1; }
    done
    [ "$n" -gt 0 ] && [ "$bad" = 0 ]
}

# run_split ARGS...: status, out and err as files, bash's `run` mixes them.
run_split() {
    "$@" >"$BATS_TEST_TMPDIR/o" 2>"$BATS_TEST_TMPDIR/e" && status=0 || status=$?
}

expect_status() { # WANT...: one of them
    local s
    for s; do [ "$status" != "$s" ] || return 0; done
    echo "exit $status, expected $*"
    head -5 "$BATS_TEST_TMPDIR/e"
    return 1
}

help_whatever_else() {
    run_split "$1" --no-such-option --help --max-record=oops -o </dev/null
    expect_status 0 && [ ! -s "$BATS_TEST_TMPDIR/e" ] && grep -q '^usage: ' "$BATS_TEST_TMPDIR/o" &&
        run_split "$1" -h --isa=nothing </dev/null && expect_status 0 &&
        [ ! -s "$BATS_TEST_TMPDIR/e" ] && grep -q '^usage: ' "$BATS_TEST_TMPDIR/o" &&
        grep -q 'All options' "$BATS_TEST_TMPDIR/o" &&
        run_split "$1" --bad -V </dev/null && expect_status 0 &&
        grep -q "^$1 (millrace) [0-9]" "$BATS_TEST_TMPDIR/o"
}
@test "--help, -h and --version answer on stdout whatever else is on the line" { each help_whatever_else; }

unknown_option() {
    run_split "$1" --hepl </dev/null
    expect_status 2 && [ ! -s "$BATS_TEST_TMPDIR/o" ] &&
        grep -q "^$1: unknown option '--hepl'; did you mean '--help'?" "$BATS_TEST_TMPDIR/e" &&
        grep -q "$1 --help" "$BATS_TEST_TMPDIR/e"
}
@test "an unknown option is exit 2 with a suggestion" { each unknown_option; }

all_problems() {
    run_split "$1" --bad-one --bad-two --color=sometimes --isa=z80 </dev/null
    expect_status 2 && [ "$(grep -cE "bad-one|bad-two|sometimes|z80" "$BATS_TEST_TMPDIR/e")" = 4 ]
}
@test "every bad option is named, not only the first" { each all_problems; }

answer_to_full_disk() {
    local option
    for option in --help -h --version --dump-options; do
        "$1" $option >/dev/full 2>"$BATS_TEST_TMPDIR/e" && status=0 || status=$?
        expect_status 74 && [ -s "$BATS_TEST_TMPDIR/e" ] || return 1
    done
}
@test "help and version to /dev/full are exit 74" { each answer_to_full_disk; }

bad_isa() {
    run_split env MILLRACE_ISA=z80 "$1" $(arguments "$1") <"$(input_for "$1")"
    expect_status 2 && grep -q z80 "$BATS_TEST_TMPDIR/e" || return 1
    run_split env MILLRACE_JOBS=many "$1" $(arguments "$1") <"$(input_for "$1")"
    expect_status 2 && grep -q many "$BATS_TEST_TMPDIR/e"
}
@test "bad values in the environment are exit 2" { each bad_isa; }

on_a_terminal() {
    reads_stdin "$1" || return 0
    local mode
    for mode in "" $(case "$1" in tokenize) echo --count --decode ;; esac); do
        timeout 60 script -qec "$1 $(arguments "$1") $mode" /dev/null >"$BATS_TEST_TMPDIR/o" 2>&1 </dev/null &&
            status=0 || status=$?
        cp "$BATS_TEST_TMPDIR/o" "$BATS_TEST_TMPDIR/e"
        expect_status 2 && grep -q '^usage: ' "$BATS_TEST_TMPDIR/o" || return 1
    done
}
@test "a terminal as stdin and no operand: short help, exit 2" {
    command -v script >/dev/null || skip "needs script(1)"
    each on_a_terminal
}

closed_stdin() {
    run_split timeout 60 "$1" $(arguments "$1") <&-
    expect_status 0 2 65 66 74
}
@test "a closed stdin is no crash and no hang" { each closed_stdin; }

closed_stdout() {
    writes_stdout "$1" || return 0
    timeout 60 "$1" $(arguments "$1") <"$(input_for "$1")" >&- 2>"$BATS_TEST_TMPDIR/e" && status=0 || status=$?
    expect_status 74 && [ -s "$BATS_TEST_TMPDIR/e" ]
}
@test "a closed stdout is exit 74" { each closed_stdout; }

closed_stderr() {
    timeout 60 "$1" --no-such-option 2>&- >"$BATS_TEST_TMPDIR/o" </dev/null && status=0 || status=$?
    expect_status 2 && [ ! -s "$BATS_TEST_TMPDIR/o" ] || return 1
    timeout 60 "$1" $(arguments "$1") <"$(input_for "$1")" >"$BATS_TEST_TMPDIR/o" 2>&- &&
        status=0 || status=$?
    expect_status 0
}
@test "a closed stderr changes nothing" { each closed_stderr; }

disk_full() {
    writes_stdout "$1" || return 0
    timeout 60 "$1" $(arguments "$1") <"$(input_for "$1")" >/dev/full 2>"$BATS_TEST_TMPDIR/e" &&
        status=0 || status=$?
    expect_status 74 && grep -q '^[a-z-]*: stdout: ' "$BATS_TEST_TMPDIR/e"
}
@test "output to /dev/full is exit 74 and says so" { each disk_full; }

empty_environment() {
    run_split timeout 60 env -i "$BUILD/bin/$1" $(arguments "$1") <"$(input_for "$1")"
    expect_status 0 && [ ! -s "$BATS_TEST_TMPDIR/e" ]
}
@test "works in an empty environment, silent on success" { each empty_environment; }

report_is_json() {
    run_split timeout 60 "$1" --report r.json --metrics m.prom $(arguments "$1") <"$(input_for "$1")"
    expect_status 0 || return 1
    [ "$(json r.json '[d["schema"], d["cmd"], d["exit"]]')" = "[1, \"$1\", 0]" ] || return 1
    [ "$(json r.json 'd["in"] == d["out"] + sum(d["dropped"].values()) + d["rejected"]')" = true ] ||
        { json r.json 'd'; return 1; }
    grep -q "^millrace_$1_" m.prom && grep -q "^# TYPE millrace_$1_" m.prom || return 1
    cat m.prom >>all.prom
    rm -f r.json m.prom
}
@test "--report is JSON that closes, --metrics is Prometheus text" {
    each report_is_json
    python3 "$TOP/tests/contract/metrics.py" all.prom
    ! command -v promtool >/dev/null || promtool check metrics <all.prom
}
@test "the metrics checker finds what it looks for" {
    printf '%s\n' '# TYPE millrace_a counter' 'millrace_a 1' 'millrace_b{x="1",x="2"} 1' 'other 1' \
        'millrace_b 1 x' '# HELP millrace_c y' '# TYPE millrace_c gauge' 'millrace_c one' 'millrace_c 1' >bad.prom
    run python3 "$TOP/tests/contract/metrics.py" bad.prom
    [ "$status" = 1 ]
    for fault in ':1: millrace_a is a counter' ':2: millrace_a has no HELP' ':3: a label stands twice' \
        ':4: other does not start' ':5: not a sample' ':8: not a number' ':9: sample'; do
        [[ $output == *"bad.prom$fault"* ]] || { echo "not found: $fault"; echo "$output"; return 1; }
    done
}

lock_is_held() {
    (
        exec 7>"lock.$1"
        flock -n 7
        run_split timeout 60 "$1" --lock "lock.$1" $(arguments "$1") <"$(input_for "$1")"
        expect_status 75 && grep -q "is locked by another process" "$BATS_TEST_TMPDIR/e"
    ) || return 1
    run_split timeout 60 "$1" --lock "lock.$1" $(arguments "$1") <"$(input_for "$1")"
    expect_status 0
}
@test "--lock: busy is exit 75, free again is 0" { each lock_is_held; }

usage_leaves_no_output() {
    run_split "$1" --no-such-option -o made-by-mistake --report r-by-mistake </dev/null
    expect_status 2 && [ ! -e made-by-mistake ] && [ ! -e r-by-mistake ]
}
@test "a usage error touches no file" { each usage_leaves_no_output; }

@test "a long name, and a letter, means one thing in the whole suite" {
    python3 "$TOP/tests/contract/tables.py" meaning "$BUILD/bin"
}
@test "help has at most 80 columns" { python3 "$TOP/tests/contract/tables.py" columns "$BUILD/bin"; }
