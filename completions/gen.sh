#!/bin/sh
# completions/gen.sh BIN_DIR OUT_DIR [COMMAND...]
#
# Writes OUT_DIR/bash/COMMAND, OUT_DIR/zsh/_COMMAND and OUT_DIR/fish/COMMAND.fish from
# `COMMAND --dump-options`. Without COMMAND: every executable in BIN_DIR. The result is committed;
# `make check` generates again and compares.
#
# An install with PROGPREFIX renames the files and the command's name in them, which stands at the
# end of the last line (bash), in the first line (zsh) and after `complete -c` (fish):
#     sed 's/^\(complete -F .* \)CMD$/\1PREFIXCMD/; s/^#compdef CMD$/#compdef PREFIXCMD/
#          s/^complete -c CMD /complete -c PREFIXCMD /'
set -eu

[ $# -ge 2 ] || { echo "usage: completions/gen.sh BIN_DIR OUT_DIR [COMMAND...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
bin=$1 out=$2
shift 2

if [ $# -eq 0 ]; then
    for f in "$bin"/*; do
        if [ -f "$f" ] && [ -x "$f" ]; then
            set -- "$@" "$(basename "$f")"
        fi
    done
fi
mkdir -p "$out/bash" "$out/zsh" "$out/fish"
for cmd in "$@"; do
    dump=$("$bin/$cmd" --dump-options)
    printf '%s\n' "$dump" | awk -v shell=bash -f "$here/complete.awk" > "$out/bash/$cmd"
    printf '%s\n' "$dump" | awk -v shell=zsh -f "$here/complete.awk" > "$out/zsh/_$cmd"
    printf '%s\n' "$dump" | awk -v shell=fish -f "$here/complete.awk" > "$out/fish/$cmd.fish"
done
