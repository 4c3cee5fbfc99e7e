#!/usr/bin/env bats
# What app.c gives to every command, seen through clean, the simplest one.

load helper

records() { # N
    awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "{\"id\":%d,\"text\":\"record %d of many\"}\n", i, i }'
}

@test "success is silent off a terminal" {
    records 10 >in.jsonl
    clean in.jsonl >out.jsonl 2>err.txt
    cmp in.jsonl out.jsonl
    [ ! -s err.txt ]
}

@test "-v says in, out, dropped, rejected; -q says nothing" {
    records 1204 >in.jsonl
    clean -v in.jsonl 2>err.txt >out.jsonl
    grep -q '^clean: 1,204 in, 1,204 out, 0 dropped, 0 rejected, ' err.txt
    clean -q in.jsonl 2>err.txt >out.jsonl
    [ ! -s err.txt ]
}

@test "--version names libraries and the instruction set" {
    clean -V >v.txt
    grep -q '^clean (millrace) [0-9]' v.txt
    grep -q '^isa: .*scalar' v.txt
}

@test "MILLRACE_ISA: every level of the machine gives the same bytes, unknown ones are exit 2" {
    records 1000 >in.jsonl
    for isa in $(clean -V | sed -n 's/.*available: \([^)]*\)).*/\1/p'); do
        MILLRACE_ISA=$isa clean --report r.json in.jsonl >out.jsonl
        cmp in.jsonl out.jsonl
        [ "$(json r.json 'd["isa"]')" = "$isa" ]
    done
    MILLRACE_ISA=mmx run clean in.jsonl
    [ "$status" = 2 ]
    run clean --isa mmx in.jsonl
    [ "$status" = 2 ]
    [[ "$output" == *"mmx"* ]]
}

@test "MILLRACE_JOBS sets the default of -j, and a bad one is exit 2" {
    records 10 >in.jsonl
    MILLRACE_JOBS=3 clean --report r.json in.jsonl >/dev/null
    [ "$(json r.json 'd["jobs"]')" = 3 ]
    MILLRACE_JOBS=3 clean -j1 --report r2.json in.jsonl >/dev/null
    [ "$(json r2.json 'd["jobs"]')" = 1 ]
    MILLRACE_JOBS=many run clean in.jsonl
    [ "$status" = 2 ]
}

@test "the report closes and tells the exit code, also after a failure" {
    { records 5; echo '[1]'; records 3; } >in.jsonl
    run clean --report r.json in.jsonl
    [ "$status" = 65 ]
    [ "$(json r.json 'd["exit"]')" = 65 ]
    [ "$(json r.json 'd["in"] == d["out"] + sum(d["dropped"].values()) + d["rejected"]')" = true ]
    [ "$(json r.json '[d["in"], d["out"], d["rejected"]]')" = "[6, 5, 1]" ]
}

@test "--log-format json: one object per line" {
    echo '{' >in.jsonl
    run clean --log-format json in.jsonl
    [ "$status" = 65 ]
    python3 -c 'import json,sys; d=json.loads(sys.argv[1]); assert d["level"]=="error" and d["cmd"]=="clean" and "in.jsonl:1: byte" in d["msg"], d' "$output"
}

@test "options are checked before input is read, all of them are named" {
    run clean --max-record x --nonsense --isa mmx missing.jsonl
    [ "$status" = 2 ]
    [[ "$output" == *"max-record"* ]]
    [[ "$output" == *"nonsense"* ]]
}

@test "--max-errors without --rejects is a usage error" {
    run clean --max-errors 3 </dev/null
    [ "$status" = 2 ]
    [[ "$output" == *"--rejects"* ]]
}

@test "-o is refused when the file exists, atomic otherwise" {
    records 3 >in.jsonl
    echo old >out.jsonl
    run clean in.jsonl -o out.jsonl
    [ "$status" = 73 ]
    [ "$(cat out.jsonl)" = old ]
    clean in.jsonl -o out.jsonl --force
    cmp in.jsonl out.jsonl
    echo '{' >>in.jsonl
    run clean in.jsonl -o fresh.jsonl
    [ "$status" = 65 ]
    [ ! -e fresh.jsonl ]
    [ -z "$(ls -A | grep tmp)" ]
}

@test "a missing input is 66, a folder too, a full disk 74, a missing output folder 73" {
    records 3 >in.jsonl
    run clean nowhere.jsonl
    [ "$status" = 66 ]
    run clean .
    [ "$status" = 66 ]
    run sh -c 'clean in.jsonl >/dev/full'
    [ "$status" = 74 ]
    run clean in.jsonl -o nowhere/out.jsonl
    [ "$status" = 73 ]
}

@test "closed stdin and stdout fail, they are not taken for files" {
    records 3 >in.jsonl
    run sh -c 'clean <&-'
    [ "$status" = 74 ]
    run sh -c 'clean in.jsonl >&-'
    [ "$status" = 74 ]
}

@test "a reader that goes away ends the run by SIGPIPE, quietly, also when it was ignored" {
    records 200000 >in.jsonl
    for j in 1 4; do
        bash -c "set -o pipefail; clean -j$j in.jsonl 2>err.txt | head -1 >/dev/null; echo \${PIPESTATUS[0]}" >code.txt
        [ "$(cat code.txt)" = 141 ]
        [ ! -s err.txt ]
        bash -c "trap '' PIPE; clean -j$j in.jsonl 2>err.txt | head -1 >/dev/null; echo \${PIPESTATUS[0]}" >code.txt
        [ "$(cat code.txt)" = 141 ]
        [ ! -s err.txt ]
    done
}

@test "SIGTERM: what was read comes out whole, temporaries go, the caller sees the signal" {
    for j in 1 4; do
        rm -f fifo out.* report.json
        mkfifo fifo
        clean -j$j --report report.json fifo >out.txt 2>err.txt 3>&- &
        pid=$!
        exec 7>fifo
        printf '{"text":"one"}\n{"text":"tw' >&7
        for i in $(seq 100); do [ -s out.txt ] && break; sleep 0.05; done
        [ "$(cat out.txt)" = '{"text":"one"}' ]
        kill -TERM $pid
        wait $pid && code=0 || code=$?
        exec 7>&-
        [ "$code" = 143 ]
        [ "$(cat out.txt)" = '{"text":"one"}' ]
        [ "$(json report.json 'd["exit"]')" = 143 ]
        [ -z "$(ls -A | grep tmp)" ]
    done
}

@test "SIGUSR1 prints one status line" {
    mkfifo fifo
    clean fifo >out.txt 2>err.txt 3>&- &
    pid=$!
    exec 7>fifo
    printf '{"text":"one"}\n' >&7
    for i in $(seq 100); do [ -s out.txt ] && break; sleep 0.05; done
    kill -USR1 $pid
    printf '{"text":"two"}\n' >&7
    for i in $(seq 100); do [ -s err.txt ] && break; sleep 0.05; done
    exec 7>&-
    wait $pid
    [ "$(wc -l <err.txt)" = 1 ]
    grep -q ' in, ' err.txt
}

@test "memory does not grow with the input" {
    [ -z "${MILLRACE_SANITIZED:-}" ] || skip "sanitizers keep freed memory"
    records 20000 >part.jsonl
    for i in $(seq 10); do cat part.jsonl; done >small.jsonl # long enough for every buffer to be used
    for i in $(seq 8); do cat small.jsonl; done >large.jsonl
    clean -j2 --report small.json small.jsonl >/dev/null
    clean -j2 --report large.json large.jsonl >/dev/null
    small=$(json small.json 'd["peak_rss_bytes"]')
    large=$(json large.json 'd["peak_rss_bytes"]')
    [ "$large" -le $((small + 16 * 1024 * 1024)) ]
}

@test "--force without a file that is written is a usage error, an input is none" {
    run tokenize -t demo --force </dev/null
    [ "$status" = 2 ]
    [[ "$output" == *"'--force' has no effect"* ]]
    echo old >dups.jsonl
    dedup --force --dups dups.jsonl </dev/null
    [ ! -s dups.jsonl ]
}
