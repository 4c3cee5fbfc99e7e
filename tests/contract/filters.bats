#!/usr/bin/env bats
# What every filter keeps, so that a shell, cron, Spark pipe, Hadoop Streaming, GNU parallel or a
# batch system can run it. The cases are in filtercheck.py, the filters and how they are called in
# invoke.bash; each runs at -j1 and -j4.
load ../cli/helper
load invoke

@test "engines: empty input gives empty output" { check empty_input; }
@test "engines: an empty environment changes nothing" { check empty_environment; }
@test "engines: TAB, spaces and CR after a record are accepted and not copied" { check trailing_blanks; }
@test "engines: output is whole lines of valid UTF-8" { check valid_output; }
@test "engines: members that are not touched come out byte for byte" { check untouched_members; }
@test "engines: writes of 1, 7 and 4096 bytes give the same output" { check chunks; }
@test "engines: -j1 and -j4 give the same output in the input's order" { check order_and_jobs; }
@test "engines: records come out while the input is open" { check live; }
@test "accounting: in = out + dropped + rejected" { check accounting; }

@test "good input: CRLF" { check crlf; }
@test "good input: BOM at the start, and only there" { check bom; }
@test "good input: missing last newline" { check missing_last_newline; }
@test "good input: lines of two files do not join" { check files_do_not_join; }
@test "good input: zstd, gzip and xz by their magic bytes" {
    command -v zstd >/dev/null || skip "needs zstd(1)"
    check compressed_input
}
@test "good input: \\u0000" { check nul_escape; }
@test "good input: a million members" { check many_members; }
@test "good input: a thousand levels" { check deep_but_allowed; }
@test "good input: lone surrogate in a member that is not used" { check surrogate_untouched; }

@test "failures: missing file, folder" { check missing_file; }
@test "failures: -o is atomic and refuses to overwrite" { check output_file; }
@test "failures: SIGTERM in the middle" { check signal; }
@test "failures: the reader goes away" { check head; }

@test "--part: the slices of a filter's input are disjoint and make up the whole" {
    python3 -c '
import json
for i in range(3000): print(json.dumps({"id": i, "text": f"text {i} " + "word " * (i % 9)}))
print("not json")
print(json.dumps({"id": 1, "text": "x" * 5000}))' >in
    for tool in clean dedup 'tokenize -t demo'; do
        $tool --rejects r0 --max-record 2K <in | sort >whole
        : >parts; : >bad
        for i in 1 2 3 4; do
            $tool --part $i/4 -j3 --rejects r.$i --max-record 2K <in >part
            [ "$(wc -l <part)" -gt 600 ] && [ "$(wc -l <part)" -lt 900 ]
            cat part >>parts
            cat r.$i >>bad
        done
        sort parts | cmp - whole
        sort bad | cmp - <(sort r0)
        rm -f r0 r.*
    done
    for bad in 0/4 5/4 1 1/0 a/b 1/4x; do
        run clean --part $bad <in
        [ "$status" = 2 ] || { echo "$bad: $status"; return 1; }
    done
    run shard --cat d --part 1/2
    [ "$status" = 2 ]
}
