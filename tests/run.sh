#!/bin/sh
# run.sh all|isa|threads|torture: runs test programs that print TAP, two at a time, judges them with
# prove, and closes with the totals. BUILD is the build folder, DATA the conformance data (may be
# missing: those tests are skipped by name).
set -u
export BUILD="${BUILD:-build}" LC_ALL=C.UTF-8 CMOCKA_MESSAGE_OUTPUT=TAP
case "$BUILD" in /*) ;; *) BUILD="$PWD/$BUILD" ;; esac
unset MILLRACE_JOBS MILLRACE_LOG NO_COLOR
tap="$BUILD/tap"

list() {
    case "$1" in
    all) ls "$BUILD"/unit/test_* "$BUILD"/replay/fuzz_* tests/cli/*.bats tests/contract/*.bats \
        tests/property/*.py tests/property/*.sh 2>/dev/null | grep -v '\.d$' ;;
    isa) ls tests/cli/*.bats 2>/dev/null | grep -v bench.bats ;; # bench computes nothing by vectors
    threads) ls "$BUILD"/unit/test_flow* "$BUILD"/unit/test_threads* "$BUILD"/unit/test_model* \
        tests/cli/*.bats 2>/dev/null | grep -v -e '\.d$' -e bench.bats ;; # bench has one thread, and times
    torture) ls tests/torture/*.sh tests/torture/*.py 2>/dev/null ;;
    esac
}

one() { # PROGRAM: its TAP and its messages into files
    name=$(basename "$1")
    began=$(date +%s)
    case "$1" in
    *.bats) timeout -k 10 "${LIMIT:-600}" bats --tap "$1" ;;
    *.py) timeout -k 10 "${LIMIT:-600}" python3 "$1" ;;
    *.sh) timeout -k 10 "${LIMIT:-600}" sh "$1" ;;
    *) timeout -k 10 "${LIMIT:-600}" "$1" ;;
    esac >"$tap/$name.tap" 2>"$tap/$name.err" </dev/null
    echo "exit $?" >"$tap/$name.code"
    echo "$(($(date +%s) - began)) s $name" >"$tap/$name.time"
}

# pass, fail and skip add up over the suites of one call.
pass=0 fail=0 skip=0
suite() { # LIST-NAME LABEL
    rm -rf "$tap"
    mkdir -p "$tap"
    list "$1" | xargs -P 2 -I{} sh "$0" --one {}
    for t in "$tap"/*.tap; do
        [ -e "$t" ] || continue
        n=$(basename "$t" .tap)
        code=$(sed 's/exit //' "$tap/$n.code" 2>/dev/null)
        # cmocka writes its TAP to stderr when a test fails to start: look at both
        grep -qE '^(not )?ok|^1\.\.' "$t" || { grep -qE '^(not )?ok|^1\.\.' "$tap/$n.err" && cp "$tap/$n.err" "$t"; }
        # cmocka prints a skipped test as "not ok N # SKIP name"
        sed -i 's/^not ok \([0-9]*\) # SKIP/ok \1 - # SKIP/' "$t"
        p=$(grep -cE '^ok ' "$t"); s=$(grep -cE '^ok .*# *(skip|SKIP)' "$t"); f=$(grep -cE '^not ok' "$t")
        plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$t" | tail -1)
        if [ "$f" = 0 ] && { [ "$code" != 0 ] || [ -z "$plan" ] || [ "$plan" != "$((p + f))" ]; }; then
            echo "not ok - $n: exit $code, $((p + f)) of ${plan:-?} tests" >>"$t"
            f=1
        fi
        pass=$((pass + p - s)) skip=$((skip + s)) fail=$((fail + f))
        if [ "$f" != 0 ]; then
            echo "== ${2:-}$n"
            grep -E -A25 '^not ok' "$t"
            tail -15 "$tap/$n.err"
        fi
        grep -hE '^ok .*# *(skip|SKIP)' "$t" | sed "s/^ok [0-9]*/skipped: ${2:-}$n:/"
        grep -hE '^# [a-z0-9-]+: [0-9]+/[0-9]+' "$t" | sed "s/^# /conformance: /"
    done
}

if [ "$1" = --one ]; then
    one "$2"
    exit 0
fi
if [ "$1" = isa ]; then
    first=$(ls "$BUILD"/bin/* 2>/dev/null | head -1)
    for isa in $("$first" -V | sed -n 's/.*available: \([^)]*\)).*/\1/p'); do
        export MILLRACE_ISA="$isa"
        suite isa "$isa "
    done
else
    suite "$1"
fi
[ -z "${TIMES:-}" ] || sort -rn "$tap"/*.time | head -"$TIMES"
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ] && [ "$pass" != 0 ]
