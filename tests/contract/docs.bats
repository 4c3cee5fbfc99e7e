#!/usr/bin/env bats
# Manual pages, completions and help say what the option tables say.
load ../cli/helper

@test "every option stands in the help, the manual page and the completions" {
    python3 "$TOP/tests/contract/tables.py" mentioned "$BUILD/bin"
}

@test "every example of a table stands in the manual page" {
    command -v mandoc >/dev/null || skip "needs mandoc"
    python3 "$TOP/tests/contract/tables.py" examples "$BUILD/bin"
}

@test "manual pages are what man/gen.sh makes (else: make docs)" {
    sh "$TOP/man/gen.sh" "$BUILD/bin" generated
    for c in $(ls "$BUILD/bin"); do diff -u "$TOP/man/$c.1" "generated/$c.1"; done
}

@test "completions are what completions/gen.sh makes (else: make docs)" {
    sh "$TOP/completions/gen.sh" "$BUILD/bin" generated
    for shell in bash zsh fish; do
        diff -ru "$TOP/completions/$shell" "generated/$shell"
    done
}

@test "the map in lib/README.md is what lib/map.sh makes (else: make docs)" {
    sh "$TOP/lib/map.sh" - | diff -u "$TOP/lib/README.md" -
}

@test "mandoc finds no fault in any manual page" {
    command -v mandoc >/dev/null || skip "needs mandoc"
    for page in "$TOP"/man/*.[157]; do
        mandoc -T lint -W warning "$page"
    done
}

@test "every manual page has its sections" {
    for c in $(ls "$BUILD/bin"); do
        page="$TOP/man/$c.1"
        for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
            grep -q "^\.Sh $section\$" "$page" || { echo "$c.1 has no $section"; return 1; }
        done
        grep -qi '^\.Sh MEMORY AND ORDER$' "$page" || { echo "$c.1 has no MEMORY AND ORDER"; return 1; }
        grep -q '^\.Xr millrace 7' "$page" || { echo "$c.1 does not point to millrace(7)"; return 1; }
    done
}

@test "references between manual pages lead somewhere" {
    for page in "$TOP"/man/*.[157]; do
        sed -n 's/^\.Xr \([a-z-]*\) \([157]\).*/\1.\2/p' "$page" | sort -u | while read -r ref; do
            case "$ref" in
            # of the system
            awk.1 | bash.1 | bats.1 | cat.1 | cpio.1 | cron.* | crontab.* | gzip.1 | hyperfine.1 | jq.1 | parallel.1 | \
                sh.1 | sort.1 | tar.1 | xargs.1 | xz.1 | zcat.1 | zstd.1 | sbatch.1 | perf.1 | time.1 | \
                mandoc.1 | systemd.* | pcre2pattern.* | pcre2syntax.* | grep.1 | sed.1 | zip.1) ;;
            *) [ -e "$TOP/man/$ref" ] || { echo "$page: .Xr $ref"; exit 1; } ;;
            esac
        done
    done
}

# ---- the generators, on a table that has everything in it that could break them

toy() {
    mkdir -p bin pages
    { printf 'letter\tname\ttype\targ\tdefault\tmin\tmax\tchoices\tflags\tmodes\tgroup\tcomplete\tscope\tneeds\thelp\n'
        printf "k\tkey\tfield\tPATH\ta\\\\.b\t0\t0\t\t\t\tText\t\town\t\tit's a [key]: \$HOME \`x\` a\\\\.b\n"
        printf 'u\tunit\tenum\tUNIT\tline\t0\t0\tline|record\t\ttrain\tText\t\town\tkey|in\tthe unit\n'
        printf '\tin\tpath\tDIR\t\t0\t0\t\trepeat\t\tText\tdir\town\t\t.dot first\n'
        printf '\tkeep\tflag\t\ttrue\t0\t0\t\t\t\tText\t\town\t\tkeep it\n'
        printf '\ttrain\tflag\t\t\t0\t0\t\tmode\t\tModes\t\town\t\ttrain it\n'
        printf '\twhy\tstring\tHOW\t\t0\t0\t\toptional\tdefault\tModes\t\town\t\texplain\n'
        printf '\tmem\tsize\tSIZE\t1G\t1048576\t1073741824\t\trequired\t\tModes\t\town\t\tbudget\n'
        printf '\tsecret\tflag\t\t\t0\t0\t\thidden\t\tModes\t\tcommon\t\thidden\n'
        printf '@name\ttoy\n@summary\tx\n@synopsis\t[options] FILE...\n@operands\tFILE...\n'
    } >dump
    printf '#!/bin/sh\ncat "%s"\n' "$PWD/dump" >bin/toy
    chmod +x bin/toy
}

@test "the manual generator fills its marks and leaves the rest" {
    toy
    cat >pages/toy.1 <<'PAGE'
.Dd November 22, 2026
.Dt TOY 1
.Os
.Sh NAME
.Nm toy
.Nd play
.Sh SYNOPSIS
.\" BEGIN SYNOPSIS
.\" END SYNOPSIS
.Sh DESCRIPTION
Hand-written.
.Sh OPTIONS
.\" BEGIN OPTIONS
.It old
.\" END OPTIONS
.Sh EXIT STATUS
.\" BEGIN EXIT
.\" END EXIT
PAGE
    MAN_PAGES=pages sh "$TOP/man/gen.sh" bin out
    grep -q 'Hand-written' out/toy.1
    ! grep -q 'It old' out/toy.1
    grep -qF '.It Fl k , Fl Fl key Ar PATH' out/toy.1
    grep -qF '.It Fl Fl keep , Fl Fl no-keep' out/toy.1
    grep -qF '.It Fl Fl why Ns Oo = Ns Ar HOW Oc' out/toy.1
    grep -qF 'The default is a\e.b.' out/toy.1
    grep -qF 'Between 1M and 1G.' out/toy.1
    grep -qF 'Only with \-\-train.' out/toy.1
    grep -qF 'Needs \-\-key or \-\-in.' out/toy.1
    grep -qF '\&.dot first.' out/toy.1
    grep -qF 'One of line or record.' out/toy.1
    ! command -v mandoc >/dev/null || mandoc -T lint -W warning out/toy.1
    # filling a page twice changes nothing
    MAN_PAGES=out sh "$TOP/man/gen.sh" bin again
    cmp out/toy.1 again/toy.1
}

@test "bash completes options, choices and folders" {
    toy
    mkdir -p "a folder" sub
    touch "a file"
    sh "$TOP/completions/gen.sh" bin out
    bash -n out/bash/toy
    complete_line() { # WORDS...: what is offered for the last word
        bash -c '. out/bash/toy; compopt() { :; }
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _millrace_toy; printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
    }
    [ "$(complete_line toy --ke)" = $'--key\n--keep' ]
    [ "$(complete_line toy --no-)" = --no-keep ]
    [ "$(complete_line toy --unit '')" = $'line\nrecord' ]
    [ "$(complete_line toy -u r)" = record ]
    [ "$(complete_line toy --unit = l)" = line ]
    [ "$(complete_line toy --unit =)" = $'line\nrecord' ]
    [ "$(complete_line toy --in a)" = "a folder" ]
    [ "$(complete_line toy 'a ')" = $'a folder\na file' ] || [ "$(complete_line toy 'a ')" = $'a file\na folder' ]
    [ -z "$(complete_line toy --key '')" ]
    [ -z "$(complete_line toy --sec)" ]
}

@test "zsh and fish read their completions" {
    toy
    sh "$TOP/completions/gen.sh" bin out
    grep -qF "'-k+[it'\\''s a \\[key\\]\\: \$HOME \`x\` a\\\\.b]:PATH: '" out/zsh/_toy
    grep -qF -- "-d 'it\\'s a [key]: \$HOME \`x\` a\\\\.b'" out/fish/toy.fish
    command -v zsh >/dev/null || command -v fish >/dev/null || skip "needs zsh or fish for the rest"
    ! command -v zsh >/dev/null || zsh -n out/zsh/_toy
    ! command -v fish >/dev/null || fish --no-execute out/fish/toy.fish
    for f in "$TOP"/completions/zsh/_*; do ! command -v zsh >/dev/null || zsh -n "$f"; done
    for f in "$TOP"/completions/fish/*; do ! command -v fish >/dev/null || fish --no-execute "$f"; done
}
