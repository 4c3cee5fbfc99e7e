#!/usr/bin/env bats
# What every filter does with bad input: exit 65 and a message with file, line and byte, or a line in
# the rejects and the stream goes on; nothing lost. The cases are in filtercheck.py; each runs at -j1
# and -j4.
load ../cli/helper
load invoke

@test "bad input: invalid JSON" { check bad_json; }
@test "bad input: invalid UTF-8" { check bad_utf8; }
@test "bad input: raw NUL" { check raw_nul; }
@test "bad input: lone surrogate in the member that is used" { check surrogate_used; }
@test "bad input: duplicate of the member that is used" { check duplicate_used; }
@test "bad input: missing member" { check missing_field; }
@test "bad input: member of the wrong type" { check wrong_type; }
@test "bad input: a million levels" { check depth; }
@test "bad input: a line of 100 MB" { check long_line; }
@test "bad input: longer than --max-record, and the stream goes on" { check max_record; }
@test "bad input: --max-errors bounds the rejects" { check max_errors; }
@test "bad input: truncated zstd, gzip and xz" {
    command -v zstd >/dev/null || skip "needs zstd(1)"
    check truncated_input
}
