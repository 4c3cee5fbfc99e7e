# helper.bash: what every bats file loads (`load helper` in tests/cli, `load ../cli/helper` elsewhere).

BUILD="${BUILD:-$BATS_TEST_DIRNAME/../../build}"
case "$BUILD" in /*) ;; *) BUILD="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/$BUILD" ;; esac
PATH="$BUILD/bin:$PATH"
TOP="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
}

# need_data FILE...: skips the test by name when the conformance data is not there.
need_data() {
    local f
    for f; do [ -e "${DATA:-/nonexistent}/$f" ] || skip "needs $f of the conformance data"; done
}

# both_jobs INPUT COMMAND...: runs COMMAND < INPUT with -j1 and -j4, compares output bytes and exit
# codes, leaves the -j1 result in $output_file, $status and stderr in $error_file.
both_jobs() {
    local input=$1 s1 s4
    shift
    output_file="$BATS_TEST_TMPDIR/out.j1" error_file="$BATS_TEST_TMPDIR/err.j1"
    "$@" -j1 <"$input" >"$output_file" 2>"$error_file" && s1=0 || s1=$?
    "$@" -j4 <"$input" >"$BATS_TEST_TMPDIR/out.j4" 2>"$BATS_TEST_TMPDIR/err.j4" && s4=0 || s4=$?
    if ! cmp "$output_file" "$BATS_TEST_TMPDIR/out.j4"; then
        echo "-j1 and -j4 differ: $*" >&2
        return 1
    fi
    [ "$s1" = "$s4" ] || { echo "-j1 exits $s1, -j4 exits $s4: $*" >&2; return 1; }
    status=$s1
}

# is_file FILE TEXT: FILE holds exactly TEXT (printf escapes allowed).
is_file() {
    printf "$2" >"$BATS_TEST_TMPDIR/expected.txt"
    diff "$BATS_TEST_TMPDIR/expected.txt" "$1"
}

# json FILE EXPRESSION: evaluates a python3 expression with d = the JSON value in FILE.
json() {
    python3 -c 'import json,sys
d=json.load(open(sys.argv[1]))
r=eval(sys.argv[2])
print(r if isinstance(r,str) else json.dumps(r))' "$1" "$2"
}

# man_examples COMMAND: runs each literal block of EXAMPLES in its manual page; the caller has made
# the files that they read.
man_examples() {
    local n=0 line
    awk '/^\.Sh/ { on = ($2 == "EXAMPLES") } on && /^\.Ed/ { block = 0 } on && block { gsub(/\\e/, "\\"); print }
        on && /^\.Bd -literal/ { block = 1 }' "$TOP/man/$1.1" >examples.txt
    while IFS= read -r line; do
        n=$((n + 1))
        bash -o pipefail -c "$line" || { echo "fails: $line"; return 1; }
    done <examples.txt
    [ "$n" -gt 0 ]
}
