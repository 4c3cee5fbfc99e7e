#!/bin/sh
# lib/map.sh: writes the map in lib/README.md, between its two marks, from the first line of every
# header: one line per module, by layer. Run by `make docs`; `make check` compares. With `-` the
# file goes to stdout.
set -eu
cd "$(dirname "$0")"

row() { # HEADER: "/* x.h: what it is. More." -> a line of the table
    sed -n '1,3p' "$1" | awk -v path="$1" '
        { sub(/^\/\* [a-z0-9_]+\.h: /, ""); sub(/^ \* ?/, ""); sub(/ \*\/.*/, "")
          if ($0 ~ /^#/ || $0 == "") exit
          text = text (text == "" ? "" : " ") $0
          if (match(text, /\.( |$)/)) { text = substr(text, 1, RSTART - 1); exit } }
        END { printf "| `%s` | %s |\n", path, text }'
}

section() { # TITLE HEADER...
    [ -e "$2" ] || return 0
    printf '\n**%s**\n\n| | |\n|---|---|\n' "$1"
    shift
    for h; do [ ! -e "$h" ] || row "$h"; done
}

map() {
    section 'Layer 0: vocabulary' base.h arena.h buf.h err.h log.h
    section 'Layer 1: the system, options, libraries behind one name each' \
        os.h opt.h opt_table.h hash.h regex.h unicode.h codec.h
    section 'Layer 1: kernels, `simd/`' simd/*.h
    section 'Layer 2: the runtime' json.h in.h out.h flow.h flow_private.h progress.h report.h
    section 'Layer 3: sources of text, `source/`' source/*.h
    section 'Layer 3: edits and rules, `text/`' text/*.h
    section 'Layer 3: keys and signatures, `sig/`' sig/*.h
    section 'Layer 3: tokenizers, `tok/`' tok/*.h
    section 'Layer 3: shards, `pack/`' pack/*.h
    section 'Layer 3: models, `model/`' model/*.h
    section 'Layer 3: statistics, `stat/`' stat/*.h
    section 'Layer 4: the command' app.h
    echo
}

made=$(mktemp)
trap 'rm -f "$made"' EXIT
map >"$made"
awk -v made="$made" '
    /^<!-- END MAP -->/ { skip = 0 }
    !skip { print }
    /^<!-- BEGIN MAP -->/ { skip = 1; while ((getline line < made) > 0) print line }' README.md >"$made.new"
if [ "${1:-}" = - ]; then
    cat "$made.new"
elif ! cmp -s "$made.new" README.md; then
    cp "$made.new" README.md
fi
rm -f "$made.new"
