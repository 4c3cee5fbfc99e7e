#!/bin/sh
# man/gen.sh BIN_DIR OUT_DIR [COMMAND...]
#
# Copies man/COMMAND.1 to OUT_DIR and fills what lies between
#     .\" BEGIN OPTIONS   and   .\" END OPTIONS
#     .\" BEGIN SYNOPSIS  and   .\" END SYNOPSIS    (where the page has these lines)
#     .\" BEGIN EXIT      and   .\" END EXIT        (the same)
# from `COMMAND --dump-options`. OUT_DIR may be man itself. Without COMMAND: every executable in
# BIN_DIR that has a page. The result is committed; `make check` generates again and compares.
set -eu

[ $# -ge 2 ] || { echo "usage: man/gen.sh BIN_DIR OUT_DIR [COMMAND...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
bin=$1 out=$2
shift 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
pages=${MAN_PAGES:-$here}

if [ $# -eq 0 ]; then
    for f in "$bin"/*; do
        if [ -x "$f" ] && [ -f "$pages/$(basename "$f").1" ]; then
            set -- "$@" "$(basename "$f")"
        fi
    done
fi

for cmd in "$@"; do
    "$bin/$cmd" --dump-options > "$tmp/dump"
    awk -f "$here/options.awk" "$tmp/dump" "$pages/$cmd.1" > "$tmp/page"
    mkdir -p "$out"
    if ! cmp -s "$tmp/page" "$out/$cmd.1"; then
        cp "$tmp/page" "$out/$cmd.1"
    fi
done
