#!/bin/sh
# run.sh BUILD: every measurement, one after the other; nothing here passes or fails. Machines differ
# and are noisy: read the ratios, which are taken within one run. ONLY=name runs one of them.
set -u
build=$1
case "$build" in /*) ;; *) build="$PWD/$build" ;; esac
export BUILD="$build" PATH="$build/bin:$PATH"
echo "millrace $("$build"/bin/clean -V | sed -n '1s/.* //p'): $("$build"/bin/clean -V | sed -n 's/^isa: //p')"
for p in "$build"/perf/*; do
    name=$(basename "$p")
    case "$name" in *.d) continue ;; esac
    [ -z "${ONLY:-}" ] || [ "$ONLY" = "$name" ] || continue
    echo "== $name"
    "$p"
done
for p in tests/perf/*_bench.sh; do
    [ -e "$p" ] || continue
    name=$(basename "$p" .sh)
    [ -z "${ONLY:-}" ] || [ "$ONLY" = "$name" ] || continue
    echo "== $name"
    sh "$p" "$build"
done
