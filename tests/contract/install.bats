#!/usr/bin/env bats
# What `make install`, `make uninstall` and `make dist` promise.

load ../cli/helper

make_in_top() {
    make -s -C "$TOP" BUILD="$BUILD" DESTDIR="$BATS_TEST_TMPDIR/root" PREFIX=/opt/mr "$@"
}

@test "install: commands, manuals, completions and demo data, under PROGPREFIX" {
    make_in_top install PROGPREFIX=mr-
    root="$BATS_TEST_TMPDIR/root/opt/mr"
    for c in "$BUILD"/bin/*; do
        c=$(basename "$c")
        [ -x "$root/bin/mr-$c" ]
        [ -s "$root/share/man/man1/mr-$c.1" ]
        grep -q "mr-$c" "$root/share/bash-completion/completions/mr-$c"
        head -1 "$root/share/zsh/site-functions/_mr-$c" | grep -q "mr-$c"
        grep -q -- "mr-$c" "$root/share/fish/vendor_completions.d/mr-$c.fish"
        "$root/bin/mr-$c" --version | head -1 | grep -q "^mr-$c (millrace)"
        "$root/bin/mr-$c" --help | grep -q "mr-$c"
    done
    [ -s "$root/share/man/man7/millrace.7" ]
    [ -s "$root/share/man/man5/millrace-formats.5" ]
}

@test "install: an installed command finds the demo data beside it, under env -i" {
    make_in_top install
    printf '{"text":"hello world"}\n' >in.jsonl
    env -i "$BATS_TEST_TMPDIR/root/opt/mr/bin/tokenize" -t demo in.jsonl >out.jsonl
    tokenize -t demo in.jsonl >expect.jsonl
    cmp out.jsonl expect.jsonl
}

@test "uninstall leaves nothing" {
    make_in_top install PROGPREFIX=mr-
    make_in_top uninstall PROGPREFIX=mr-
    run find "$BATS_TEST_TMPDIR/root" -type f
    [ -z "$output" ]
    run find "$BATS_TEST_TMPDIR/root/opt/mr" -mindepth 1 -name '*mr-*'
    [ -z "$output" ]
}

@test "uninstall removes only what is ours" {
    make_in_top install
    touch "$BATS_TEST_TMPDIR/root/opt/mr/bin/other"
    make_in_top uninstall
    [ -e "$BATS_TEST_TMPDIR/root/opt/mr/bin/other" ]
}

@test "dist: the same bytes twice, and every tracked file" {
    git -C "$TOP" rev-parse --git-dir >/dev/null 2>&1 || skip "not a checkout"
    cd "$TOP"
    archive=$(make -s dist)
    sum=$(sha256sum <"$archive")
    sleep 1
    make -s dist >/dev/null
    [ "$sum" = "$(sha256sum <"$archive")" ]
    [ "$(tar -tzf "$archive" | wc -l)" = "$(git ls-files | wc -l)" ]
}

@test "the demo model stays small: at most 8 MB when quantized" {
    quantize "$BUILD/share/millrace/tldr-7m" -o m.gguf --type q8_0
    [ "$(stat -c %s m.gguf)" -le 8388608 ]
}
