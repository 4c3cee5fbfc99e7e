#!/bin/sh
# install.sh install|uninstall BUILD DESTDIR PREFIX PROGPREFIX COMMANDS: what `make install` does.
set -eu
what=$1 build=$2 root=$3$4 prefix=$5 cmds=$6
share=$root/share
if [ "$what" = install ]; then
    for c in $cmds; do
        install -m 755 "$build/bin/$c" "$root/bin/$prefix$c"
        sed "s/^\\.Nm $c\$/.Nm $prefix$c/" "man/$c.1" >"$share/man/man1/$prefix$c.1"
        sed "s/\\([^A-Za-z0-9_]\\|^\\)$c\$/\\1$prefix$c/" "completions/bash/$c" \
            >"$share/bash-completion/completions/$prefix$c"
        sed "1s/#compdef $c/#compdef $prefix$c/" "completions/zsh/_$c" >"$share/zsh/site-functions/_$prefix$c"
        sed "s/complete -c $c /complete -c $prefix$c /" "completions/fish/$c.fish" \
            >"$share/fish/vendor_completions.d/$prefix$c.fish"
    done
    install -m 644 man/*.5 "$share/man/man5/"
    install -m 644 man/*.7 "$share/man/man7/"
    (cd lib/data && find . -type f) | while read -r f; do
        install -D -m 644 "lib/data/$f" "$share/millrace/$f"
    done
else
    for c in $cmds; do
        rm -f "$root/bin/$prefix$c" "$share/man/man1/$prefix$c.1" \
            "$share/bash-completion/completions/$prefix$c" "$share/zsh/site-functions/_$prefix$c" \
            "$share/fish/vendor_completions.d/$prefix$c.fish"
    done
    for f in man/*.5; do rm -f "$share/man/man5/$(basename "$f")"; done
    for f in man/*.7; do rm -f "$share/man/man7/$(basename "$f")"; done
    rm -rf "$share/millrace"
    # folders that are empty now; / and PREFIX itself stay
    for d in share/man/man1 share/man/man5 share/man/man7 share/man share/bash-completion/completions \
        share/bash-completion share/zsh/site-functions share/zsh share/fish/vendor_completions.d share/fish share bin; do
        rmdir "$root/$d" 2>/dev/null || true
    done
fi
