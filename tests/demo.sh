#!/bin/sh
# demo.sh BUILD: the whole flow on the demo data, from an archive to model output, and what happened.
# Everything is made in a folder of its own, which is named at the end and kept with KEEP=1.
set -eu
build=$1
case "$build" in /*) ;; *) build="$PWD/$build" ;; esac
data="$PWD/tests/data/demo"
PATH="$build/bin:$PATH"
work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-demo.XXXXXX")
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
cp "$data/pages.tar.zst" "$data/prompts.jsonl" "$work"
cd "$work"

say() { printf '\n$ %s\n' "$*"; }

# A figure of a report. Reports are one line of JSON whose keys are unique but for nested objects.
figure() { sed -n "s/.*\"$2\":\([-0-9.e+]*\).*/\1/p" "$1.report"; }
reasons() { # the drop rules that fired, "rule 3, rule 4"
    sed -n 's/.*"dropped":{\([^}]*\)}.*/\1/p' "$1.report" | tr ',' '\n' | tr -d '"' |
        awk -F: '$2 > 0 { printf "%s%s %s", sep, $1, $2; sep = ", " }'
}
row() { # STAGE WHAT
    dropped=$(( $(figure "$1" in) - $(figure "$1" out) - $(figure "$1" rejected) ))
    why=$(reasons "$1")
    printf '%-10s %7d %7d %8d %9d %9s  %s\n' "$1" "$(figure "$1" in)" "$(figure "$1" out)" \
        "$dropped" "$(figure "$1" rejected)" \
        "$(awk -v b="$(figure "$1" bytes_in)" -v s="$(figure "$1" seconds)" \
            'BEGIN { if (s > 0 && b > 0) printf "%.1f", b / s / 1e6; else print "-" }')" "$why"
}

echo "millrace demo: pages of tldr-pages (CC BY 4.0) in several languages, with planted dirt"

say "collect pages.tar.zst | clean | dedup | tokenize | shard -o shards"
collect pages.tar.zst --rejects rejects.jsonl --report collect.report |
    clean --normalize nfc --newlines lf --strip-control --strip-zero-width --trim-lines --trim \
        --min-chars 60 --drops short.jsonl --report clean.report |
    dedup --dups dups.jsonl --report dedup.report |
    tokenize -t demo --report tokenize.report |
    shard -o shards --size 256K --report shard.report
shard --verify shards
printf '%-10s %7s %7s %8s %9s %9s  %s\n' stage in out dropped rejected 'MB/s' reasons
for s in collect clean dedup tokenize shard; do row $s; done
echo
echo "rejected by collect, with the reason:"
sed -n 's/.*"file":"\([^"]*\)".*"reason":"\([^"]*\)".*/  \1: \2/p' rejects.jsonl
echo "a duplicate that dedup explains:"
sed -n '1s/^/  /p' dups.jsonl

say "quantize tldr-7m -o model.gguf --type q8_0"
quantize "$build/share/millrace/tldr-7m" -o model.gguf --type q8_0 --report quantize.report
printf '%.1f MB of bf16 weights -> %.1f MB\n' \
    "$(wc -c <"$build/share/millrace/tldr-7m/model.safetensors" | awk '{ print $1 / 1e6 }')" \
    "$(wc -c <model.gguf | awk '{ print $1 / 1e6 }')"

say "clean --field prompt < prompts.jsonl | infer -m model.gguf --max-tokens 48"
clean --field prompt --trim prompts.jsonl |
    infer -m model.gguf --max-tokens 48 --batch 8 --report infer.report >completions.jsonl
printf '%d records, %d prompt tokens at %.0f tokens/s, %d new tokens at %.0f tokens/s\n' \
    "$(figure infer out)" "$(figure infer prompt_tokens)" "$(figure infer prompt_tokens_per_second)" \
    "$(figure infer completion_tokens)" "$(figure infer completion_tokens_per_second)"
echo "three completions:"
sed -n '1,3s/.*"prompt": *"\(\([^"\\]\|\\.\)*\)".*"completion":"\(\([^"\\]\|\\.\)*\)".*/  \1\3/p' completions.jsonl |
    sed 's/\\n/\n  /g; s/\\"/"/g; s/\\\\/\\/g'

say "bench --runs 5 --child-report -- tokenize -t demo records.jsonl"
shard --cat shards >page.jsonl
for i in 1 2 3 4 5 6 7 8 9 10; do cat page.jsonl; done >records.jsonl
bench --runs 5 --child-report -- tokenize -t demo --force -o tokens.jsonl records.jsonl
