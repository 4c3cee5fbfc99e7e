#!/usr/bin/env bats
# The input and output chain, through clean, which copies records when nothing is switched on.

load helper

setup() {
    cd "$BATS_TEST_TMPDIR"
    [ -x "$BUILD/bin/clean" ] || skip "needs clean"
    for i in $(seq 1 3000); do echo "{\"id\":$i,\"text\":\"record $i of the sample\"}"; done >a.jsonl
}

# same INPUT COMMAND...: both -j give exactly a.jsonl
same() {
    both_jobs "$@"
    [ "$status" = 0 ]
    cmp "$output_file" a.jsonl
}

@test "frames, members and streams follow each other, in every format" {
    head -1000 a.jsonl >1; sed -n 1001,2000p a.jsonl >2; tail -1000 a.jsonl >3
    for tool in zstd gzip xz; do
        $tool -c <1 >all; $tool -c </dev/null >>all; $tool -c <2 >>all; $tool -c <3 >>all
        same all clean
        cp all with-a-wrong-name.txt
        same /dev/null clean with-a-wrong-name.txt
    done
    gzip -c <1 >1.gz; zstd -qc <2 >2.zst; xz -c <3 >3.xz
    same /dev/null clean 1.gz 2.zst 3.xz
    zstd -qc <2 | same /dev/stdin true 2>/dev/null || true
    zstd -qc <2 >2.zst
    clean 1.gz - 3.xz <2.zst | cmp - a.jsonl
}

@test "a stream cut anywhere is exit 65 with the byte, and the whole records before it come out" {
    for tool in zstd gzip xz; do
        $tool -c <a.jsonl >whole
        size=$(wc -c <whole)
        for cut in 5 $((size / 2)) $((size - 1)); do
            head -c "$cut" whole >cut.z
            both_jobs /dev/null clean cut.z
            [ "$status" = 65 ]
            grep -q "clean: cut.z: ends at byte $cut, in the middle of a" "$error_file"
            cmp -n "$(wc -c <"$output_file")" "$output_file" a.jsonl
            [ -z "$(tail -c1 "$output_file")" ]
        done
    done
}

@test "damage inside and garbage behind are exit 65 and named" {
    for tool in zstd gzip xz; do
        $tool -c <a.jsonl >z
        python3 -c '
b = bytearray(open("z", "rb").read())
b[-6 if b[0] == 0x1F else len(b) // 2] ^= 0x55 # gzip: the checksum; else it says so at the first bad record
open("bad", "wb").write(b)'
        run clean bad
        [ "$status" = 65 ]
        [[ "$output" == *"bad: byte "*" of the compressed file: bad $tool: "* ]]
        (cat z; printf 'garbage') >tail
        run clean -o none tail
        [ "$status" = 65 ]
        [ ! -e none ]
        [[ "$output" == *"tail: byte $(wc -c <z) of the compressed file: bad $tool: bytes after the last"* ]]
    done
}

@test "a small file that asks for gigabytes of memory is refused" {
    printf '\050\265\057\375\000\250\011\000\000{' >bomb.zst
    limit='ulimit -v 600000;'
    [ -z "${MILLRACE_SANITIZED:-}" ] || limit= # its shadow memory is larger than any limit
    run sh -c "$limit clean bomb.zst"
    [ "$status" = 65 ]
    [[ "$output" == *"window is larger than 128 MiB"* ]]
}

@test "formats that are not read are named" {
    python3 -c 'import bz2,sys; sys.stdout.buffer.write(bz2.compress(open("a.jsonl","rb").read()))' >a.bz2
    run clean a.bz2
    [ "$status" = 65 ]
    [[ "$output" == *"bzip2 is not read here; use: bzip2 -dc"* ]]
    run clean -o out.jsonl.bz2 a.jsonl
    [ "$status" = 2 ]
}

@test "operands: missing, folder, stdin twice; nothing is written before they are looked at" {
    run clean a.jsonl missing.jsonl
    [ "$status" = 66 ]
    [ "$output" = "clean: cannot open 'missing.jsonl': no such file or directory" ]
    mkdir d
    run clean a.jsonl d
    [ "$status" = 66 ]
    [[ "$output" == "clean: 'd' is a directory, not a file" ]]
    run clean - - <a.jsonl
    [ "$status" = 2 ]
    [[ "$output" == *"stdin ('-') is named more than once"* ]]
}

@test "--files-from: lines, NUL, stdin, after the operands; an empty list is no input" {
    head -1000 a.jsonl >'one two'; sed -n 1001,2000p a.jsonl | gzip >2.gz; tail -1000 a.jsonl >3
    printf 'one two\n2.gz\n\n3' >list
    same /dev/null clean --files-from list
    same list clean --files-from -
    printf 'one two\0002.gz\0003\000' >list0
    same /dev/null clean -0 --files-from list0
    printf '2.gz\n3\n' >rest
    same /dev/null clean --files-from rest 'one two'
    : >none
    both_jobs a.jsonl clean --files-from none
    [ "$status" = 0 ] && [ ! -s "$output_file" ]
    run clean --files-from list0
    [ "$status" = 2 ]
    [[ "$output" == *"-0"* ]]
    run clean --files-from nolist
    [ "$status" = 66 ]
}

@test "what is compressed reads back with the format's own tool, the same bytes for every -j" {
    for how in zst:zstd gz:gzip xz:xz; do
        suffix=${how%%:*} tool=${how#*:}
        clean -j1 -o one.$suffix a.jsonl
        clean -j4 -o four.$suffix a.jsonl
        cmp one.$suffix four.$suffix
        $tool -t one.$suffix 2>/dev/null
        $tool -dc <one.$suffix | cmp - a.jsonl
        cat a.jsonl | clean --compress $tool:1 | $tool -dc | cmp - a.jsonl
        (head -1000 a.jsonl; sleep 0.1; tail -n +1001 a.jsonl) | clean -o slow.$suffix
        cmp one.$suffix slow.$suffix
    done
    clean --compress none -o plain.zst a.jsonl
    cmp plain.zst a.jsonl
    run clean --compress zstd:23 a.jsonl
    [ "$status" = 2 ]
    run clean --compress lzma a.jsonl
    [ "$status" = 2 ]
}

@test "devices are written in place, a full disk is 74 with any compression" {
    for how in none zstd gzip xz; do
        run clean --compress $how -o /dev/full a.jsonl
        [ "$status" = 74 ]
        [[ "$output" == *"/dev/full: write failed: no space left on device"* ]]
        run sh -c "clean --compress $how a.jsonl >/dev/full"
        [ "$status" = 74 ]
    done
    [ -c /dev/full ]
    clean -o /dev/stdout a.jsonl | cmp - a.jsonl
    clean -o /dev/fd/5 a.jsonl 5>five
    cmp five a.jsonl
}

@test "a reader that goes away is quiet, also behind a compressor" {
    for how in none zstd gzip; do
        run bash -c "set -o pipefail; yes '{\"text\":\"x\"}' | clean --compress $how | head -c 1000 >/dev/null"
        [ -z "$output" ]
        [ "$status" = 141 ]
    done
}

@test "a failing run leaves the old output and no temporary" {
    echo old >out.jsonl
    (cat a.jsonl; echo broken) >bad.jsonl
    run clean --force -o out.jsonl bad.jsonl
    [ "$status" = 65 ]
    [ "$(cat out.jsonl)" = old ]
    [ -z "$(ls -A | grep tmp || true)" ]
}
