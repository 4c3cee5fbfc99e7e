#!/usr/bin/env bats
# The source keeps the rules of lib/README.md: layers, calls, names, lengths.
load ../cli/helper

rule() {
    cd "$TOP"
    python3 tests/contract/source.py "$1" >"$BATS_TEST_TMPDIR/found" ||
        { grep -v '^note:' "$BATS_TEST_TMPDIR/found"; return 1; }
}

@test "includes point downward, topics are pure" { rule layers; }
@test "a third-party header stands in one .c" { rule includes; }
@test "exit, threads, system calls and stdio stand where they may" { rule calls; }
@test "intrinsics stand in lib/simd" { rule intrinsics; }
@test "banned functions, words and paths are not there" { rule banned; }
@test "files and functions are not too long" { rule lengths; }
@test "file names are unique" { rule names; }
@test "columns, line ends, guards; every header opens with its manual" { rule style; }

@test "every .c and .h is as clang-format makes it" {
    command -v clang-format >/dev/null || skip "needs clang-format"
    version=$(clang-format --version | grep -oE '[0-9]+' | head -1)
    [ "$version" = 14 ] || skip "needs clang-format 14 (another version formats in another way)"
    cd "$TOP"
    git ls-files -z '*.c' '*.h' | xargs -0 -P2 -n40 clang-format --dry-run -Werror 2>"$BATS_TEST_TMPDIR/found" ||
        { grep -E 'error:' "$BATS_TEST_TMPDIR/found" | head -20; return 1; }
}

# A tree that breaks every rule once: the checker finds each.
@test "the checker finds what it looks for" {
    mkdir -p lib/simd lib/tok lib/sig cmd
    printf '/* base.h: x */\n#ifndef BASE_H\n#define BASE_H\n#include "json.h"\n#endif\n' >lib/base.h
    printf 'int x;\n' >lib/json.h
    printf '#include "../sig/sig.h"\n#include "../os.h"\n#include <zlib.h>\n' >lib/tok/bpe.c
    printf '#include <zlib.h>\n' >lib/sig/sig.h
    printf '/* os.h: x */\n' >lib/os.h
    printf '#include <zlib.h>\n#include <immintrin.h>\nvoid f(void)\n{\n    exit(1);\n}\n' >lib/json.c
    printf 'void g(void)\n{\n    __m256i v;\n    return _exit(read(0, 0, 0));\n}\n' >lib/err.c
    printf 'void h(void)\n{\n    /* exit(1) strcpy( */ strcpy(a, "exit(1)"); printf("x");\n' >lib/arena.c
    printf '    pthread_create(0);\n}\n' >>lib/arena.c
    printf 'int a; \nint\tb;\n// st%s\n' ub >lib/util.c
    printf 'int v;\n' >lib/tok/vec_avx2.c
    printf 'int v;\n' >cmd/bpe.c
    printf '#include "zap.c"\n#include <pthread.h>\n' >cmd/zip.c
    { printf 'void long_one(void)\n{\n'; yes '    x();' | head -201; printf '}\n'; } >lib/buf.c
    { printf 'int main(void)\n{\n'; yes '    x();' | head -31; printf '}\n'; } >>cmd/zip.c
    yes 'int x;' | head -1001 >lib/log.c
    run python3 "$TOP/tests/contract/source.py" --root . $(python3 "$TOP/tests/contract/source.py" list)
    [ "$status" = 1 ]
    while read -r want; do
        [[ $output == *"$want"* ]] || { echo "not found: $want"; echo "$output"; return 1; }
    done <<'WANT'
lib/base.h:4: 'base' includes 'json', which is above it
lib/tok/bpe.c:1: topic 'tok' includes topic 'sig'
lib/tok/bpe.c:2: 'tok' is pure and includes 'os'
lib/util.c:1: 'util' is in no layer
cmd/zip.c:1: included file 'zap.c' does not exist
lib/tok/bpe.c:3: <zlib.h> is also included by
lib/sig/sig.h:1: <zlib.h> in a file that is not a .c
lib/json.c:2: <immintrin.h> outside
cmd/zip.c:2: a command includes <pthread.h>
lib/json.c:5: exit() outside app.c
lib/err.c:4: _exit() outside os.c
lib/err.c:4: read() outside os.c
lib/arena.c:3: printf() outside app.c
lib/arena.c:4: pthread_create() outside flow.c
lib/err.c:3: __m256i outside
lib/arena.c:3: strcpy() is banned
lib/util.c:3: the word
lib/buf.c:2: long_one() has 203 lines
cmd/zip.c:4: main() has 33 lines
lib/log.c:1001: has 1001 lines
lib/tok/bpe.c:1: has the same name as cmd/bpe.c
lib/util.c:1: has a name that says nothing
lib/tok/vec_avx2.c:1: ends like a kernel
lib/util.c:1: blanks or CR
lib/util.c:2: a tab
lib/json.h:1: does not open with
lib/json.h:1: has no include guard
WANT
    # what stands in comments and strings is no call
    [[ $output != *"lib/arena.c:3: exit()"* ]]
}

@test "every header compiles alone" {
    cd "$TOP"
    flags="-std=gnu11 -D_GNU_SOURCE -DPCRE2_CODE_UNIT_WIDTH=8 -Wall -Wextra -Werror -fsyntax-only"
    for cc in gcc clang clang-14; do
        command -v $cc >/dev/null || continue
        [ $cc != clang-14 ] || ! command -v clang >/dev/null || continue
        for h in lib/*.h lib/*/*.h; do
            printf '#include "%s"\n' "$TOP/$h" >"$BATS_TEST_TMPDIR/alone.c"
            $cc $flags "$BATS_TEST_TMPDIR/alone.c" || { echo "$cc: $h"; return 1; }
        done
    done
}

@test "scripts parse" {
    cd "$TOP"
    for f in $(git ls-files '*.sh' 2>/dev/null || find . -name '*.sh' -not -path './build/*'); do
        sh -n "$f" || bash -n "$f"
    done
    for f in $(git ls-files '*.py' 2>/dev/null || find . -name '*.py' -not -path './build/*'); do
        python3 -c 'import ast,sys; ast.parse(open(sys.argv[1]).read())' "$f"
    done
}
