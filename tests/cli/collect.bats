#!/usr/bin/env bats
# collect: files, folders, tables, archives; charsets; what is hostile or broken.
load helper

archive() { python3 "$TOP/tests/cli/archives.py" "$@"; }
# collect_both ARGS...: like both_jobs, with operands and without input.
collect_both() { both_jobs /dev/null collect "$@"; }
# ids, or another member, of the output, one per line
ids() { python3 -c 'import json,sys
for l in open(sys.argv[1], encoding="utf-8"): print(json.loads(l).get(sys.argv[2]))' "$output_file" "${1:-id}"; }
error_is() { diff <(printf '%s\n' "$@") "$error_file"; }

# ---- texts and folders

@test "stdin is one text" {
    printf 'one "text"\n\tof two lines\n' >in
    both_jobs in collect
    is_file "$output_file" '{"id":"stdin","source":"stdin","text":"one \\"text\\"\\n\\tof two lines\\n"}\n'
    printf '' >empty
    both_jobs empty collect
    is_file "$output_file" '{"id":"stdin","source":"stdin","text":""}\n'
}

@test "a folder is walked in byte order, links are not followed, an operand is" {
    mkdir -p f/b f/B f/a.d
    for n in f/b/2 f/b/10 f/B/x f/a f/a.d/y f/é; do printf "$n" >"$n"; done
    ln -s ../f/b f/link
    ln -s b/2 f/z
    collect_both f
    diff <(ids) <(printf '%s\n' f/B/x f/a f/a.d/y f/b/10 f/b/2 f/é)
    error_is "collect: 2 links skipped: they have no content of their own"
    collect_both f/z f/link/
    diff <(ids) <(printf '%s\n' f/z f/link/10 f/link/2)
    collect_both f/b/2 f/a f/b/2
    diff <(ids) <(printf '%s\n' f/b/2 f/a f/b/2)
}

@test "names from a list, relative or NUL-separated; an empty list is nothing" {
    printf x >'a b'
    printf y >$'c\nd'
    printf 'a b\n\na b\n' >list
    collect_both --files-from list
    [ "$(ids)" = $'a b\na b' ]
    printf 'a b\0c\nd\0' >list
    collect_both --files-from list -0
    [ "$(ids)" = $'a b\nc%0Ad' ]
    : >list
    printf 'no' | collect --files-from list >out
    [ ! -s out ]
}

@test "a missing operand is 66 before anything is read; stdin twice is usage" {
    printf x >a
    collect_both a b
    [ "$status" = 66 ]
    [ ! -s "$output_file" ]
    error_is "collect: cannot open 'b': no such file or directory"
    run collect - -
    [ "$status" = 2 ]
}

@test "globs choose files, members and folders" {
    mkdir -p f/skip f/sub
    for n in a.md b.txt sub/c.md skip/d.md sub/e.md.gz; do printf x >"f/$n"; done
    gzip -c f/a.md >f/sub/e.md.gz
    archive tar f/t.tar x.md=1 y.txt=2
    collect_both f --include '*.md' --exclude skip
    diff <(ids) <(printf '%s\n' f/a.md f/sub/c.md f/sub/e.md.gz 'f/t.tar!x.md')
    collect_both f --exclude '*.md' --exclude 'f/skip' --exclude '*.tar'
    diff <(ids) <(printf '%s\n' f/b.txt)
    collect_both f --include 'f/s*' --report r
    diff <(ids) <(printf '%s\n' f/skip/d.md f/sub/c.md f/sub/e.md.gz)
    [ "$(json r 'd["excluded_total"]')" = 4 ]
}

@test "the output in the folder that is read is not read" {
    mkdir f
    printf x >f/a
    collect f >f/out.jsonl 2>err
    [ "$(wc -l <f/out.jsonl)" = 1 ]
    grep -q "'f/out.jsonl' is the output of this run" err
    rm f/out.jsonl
    collect f -o f/out.jsonl --rejects f/bad.jsonl
    [ "$(wc -l <f/out.jsonl)" = 1 ]
}

@test "names that are not UTF-8 or hold control bytes become %XX" {
    mkdir f
    printf x >$'f/\xff\x01'
    collect_both f
    [ "$(ids)" = 'f/%FF%01' ]
}

# ---- JSON

@test "JSON Lines pass as they are; id and source where they are missing" {
    printf '\xef\xbb\xbf{"text":"a", "n": 1.50e0}\r\n\n{ }\n{"id":7,"text":"b"} \t\n{"source":"s"}' >x.jsonl
    collect_both x.jsonl
    cat >want <<'END'
{"id":"x.jsonl#1","source":"x.jsonl","text":"a", "n": 1.50e0}
{"id":"x.jsonl#3","source":"x.jsonl"}
{"source":"x.jsonl","id":7,"text":"b"}
{"id":"x.jsonl#5","source":"s"}
END
    diff want "$output_file"
}

@test "bad lines: not JSON, not an object, an id twice; the run goes on with --rejects" {
    printf '{"a":1}\n{"a":}\n[1]\n"s"\n{"id":1,"id":2}\n{"a":"\xff"}\n{"b":2}\n' >x.jsonl
    collect_both x.jsonl
    [ "$status" = 65 ]
    [ "$(wc -l <"$output_file")" = 1 ]
    grep -q '^collect: x.jsonl:2: byte 6: ' "$error_file"
    collect_both x.jsonl --rejects bad.jsonl --force --report r
    [ "$status" = 0 ]
    [ "$(ids)" = $'x.jsonl#1\nx.jsonl#7' ]
    [ "$(sed 's/.*"line":\([0-9]*\),"offset":\([0-9]*\).*/\1:\2/' bad.jsonl | tr '\n' ' ')" = '2:8 3:15 4:19 5:23 6:39 ' ]
    grep -q '"raw":"\[1\]"' bad.jsonl
    [ "$(json r '[d["in"], d["out"], d["rejected"]]')" = '[7, 2, 5]' ]
    run collect x.jsonl --rejects bad.jsonl --force --max-errors 4
    [ "$status" = 1 ]
}

@test "JSON arrays and values are streams of records" {
    cat >x.json <<'END'
[{"text":"a"} , {"id":"k",
 "t": [1, {"x":"]\\\"}"}],
"s": "a\tb  c"},"only text",{}]
{"b":1} {"c":2}
END
    collect_both x.json
    cat >want <<'END'
{"id":"x.json#1","source":"x.json","text":"a"}
{"source":"x.json","id":"k","t":[1,{"x":"]\\\"}"}],"s":"a\tb  c"}
{"id":"x.json#3","source":"x.json","text":"only text"}
{"id":"x.json#4","source":"x.json"}
{"id":"x.json#5","source":"x.json","b":1}
{"id":"x.json#6","source":"x.json","c":2}
END
    diff want "$output_file"
    for empty in '' ' \n' '[]' '[ ]\n[]'; do
        printf "$empty" >x.json
        collect_both x.json
        [ "$status" = 0 ]
        [ ! -s "$output_file" ]
    done
}

@test "broken JSON structure ends the file, what came before it comes out" {
    printf '[{"a":1},{"a":2} {"a":3}]' >x.json
    printf '{"text":"next"}\n' >y.jsonl
    collect_both x.json y.jsonl
    [ "$status" = 65 ]
    error_is "collect: x.json:1: byte 18: expected ',' or ']'"
    collect_both x.json y.jsonl --rejects bad --force
    [ "$(ids)" = $'x.json#1\nx.json#2\ny.jsonl#1' ]
    for broken in '[{"a":1},' '[{"a":1}' '[{"a":' '[{"a":1},]' '[{"a":1}}' '{"a":1},' '["a' '[{"a":1}]]'; do
        printf "$broken" >x.json
        collect_both x.json
        [ "$status" = 65 ] || { echo "$broken: $status"; return 1; }
    done
    # structure is right, a value is not: only that one is bad
    printf '[{"a":1},{"a":01},{"a":[1}],12,{"a":4}]' >x.json
    collect_both x.json --rejects bad --force
    [ "$(ids)" = $'x.json#1\nx.json#5' ]
    [ "$(wc -l <bad)" = 3 ]
}

@test "formats by content where the suffix says nothing" {
    printf '{"text":"a"}\n{"text":"b"}\n' >lines
    printf '{\n"text":"a"\n}\n' >value
    printf '[\n{"text":"a"}]' >array
    printf '[not json]\n' >text1
    printf '{also not}\n' >text2
    collect_both lines value array text1 text2
    [ "$(ids | tr '\n' ' ')" = 'lines#1 lines#2 value#1 array#1 text1 text2 ' ]
    collect_both lines --input-type text
    [ "$(ids)" = lines ]
    both_jobs lines collect
    [ "$(ids)" = $'stdin#1\nstdin#2' ]
}

# ---- tables

@test "CSV: the header names members, quotes and newlines belong to fields" {
    printf 'n,text,"a ""b"""\r\n1,"x\r\ny, ""z""",\r\n\r\n2,p"q, r \r\n' >x.csv
    collect_both x.csv
    cat >want <<'END'
{"id":"x.csv#1","source":"x.csv","text":"x\r\ny, \"z\"","n":"1","a \"b\"":""}
{"id":"x.csv#2","source":"x.csv","text":"p\"q","n":"2","a \"b\"":" r "}
END
    diff want "$output_file"
}

@test "TSV, other delimiters, no quotes, no header, one column" {
    printf 'id\tbody\n5\t"a ""b"""\n' >x.tsv
    collect_both x.tsv --text-column body
    is_file "$output_file" '{"id":"5","source":"x.tsv","text":"a \\"b\\""}\n'
    collect_both x.tsv --text-column body --quote none
    is_file "$output_file" '{"id":"5","source":"x.tsv","text":"\\"a \\"\\"b\\"\\"\\""}\n'
    printf "a;'b;c'\nd;e\n" >x.csv
    collect_both x.csv --delimiter ';' --quote "'" --no-header --text-column column_2
    cat >want <<'END'
{"id":"x.csv#1","source":"x.csv","text":"b;c","column_1":"a"}
{"id":"x.csv#2","source":"x.csv","text":"e","column_1":"d"}
END
    diff want "$output_file"
    printf 'quote\nonly column\n' >one.csv
    collect_both one.csv
    is_file "$output_file" '{"id":"one.csv#1","source":"one.csv","text":"only column"}\n'
}

@test "bad rows and bad headers are named" {
    printf 'id,text\n1,a\n2,b,c\n3\n4,"x"y\n5,\xff\n6,z\n7,"open\n' >x.csv
    collect_both x.csv --charset utf-8 --rejects bad --force
    [ "$(ids)" = $'1\n6' ]
    cat >want <<'END'
3 3 fields where the header has 2
4 1 fields where the header has 2
5 text after the closing quote of a field
6 byte 3: not UTF-8
8 quoted field without its closing quote
END
    diff want <(python3 -c 'import json
for l in open("bad"): d=json.loads(l); print(d["line"], d["reason"])')
    for header in 'a,b' 'text,x,x' 'text,a,text'; do
        printf "$header\n1,2,3\n" >x.csv
        collect_both x.csv
        [ "$status" = 65 ] || { echo "$header: $status"; return 1; }
        [ ! -s "$output_file" ]
    done
    printf 'a,b\n1,2\n' >x.csv
    collect_both x.csv
    error_is "collect: x.csv:1: no column 'text': say which one with --text-column"
    printf 'body,text\n1,2\n' >x.csv
    collect_both x.csv --text-column body
    [ "$status" = 65 ]
}

# ---- charsets and binary files

@test "charsets: marks, UTF-16 without one, detection, by name" {
    python3 - <<'END'
t = "Grüße, naïve café — déjà vu: Ελλάδα"
for name, codec in (("a.utf8", "utf-8-sig"), ("b.utf16le", "utf-16"), ("d.utf32", "utf-32")):
    open(name, "wb").write(t.encode(codec))
open("c.utf16be", "wb").write(b"\xfe\xff" + t.encode("utf-16-be"))
open("e.bare16", "wb").write("Plain text, no mark".encode("utf-16-le"))
open("f.koi8", "wb").write("Привет, мир! Это обычный текст на русском языке.".encode("koi8-r"))
END
    collect_both a.utf8 b.utf16le c.utf16be d.utf32 e.bare16
    python3 - "$output_file" <<'END'
import json, sys
t = "Grüße, naïve café — déjà vu: Ελλάδα"
rows = [json.loads(l) for l in open(sys.argv[1], encoding="utf-8")]
assert [r["text"] for r in rows] == [t] * 4 + ["Plain text, no mark"], rows
assert [r.get("meta") for r in rows] == [None] + [{"charset": c} for c in
        ("UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-16LE")], rows
END
    collect_both f.koi8 --charset KOI8-R
    grep -q '"text":"Привет, мир!.*"meta":{"charset":"koi8-r"}' "$output_file"
    run collect f.koi8 --charset no-such-set
    [ "$status" = 2 ]
}

@test "Latin-1 is detected and read as windows-1252" {
    collect -V | grep -q ", uchardet\b" || skip "built without uchardet"
    printf 'Le caf\xe9 fran\xe7ais co\xfbte 3 \x80, d\xe9j\xe0 vu \xe0 la for\xeat.' >a.txt
    printf 'id,text\n1,"gar\xe7on \xe9t\xe9 for\xeat d\xe9j\xe0"\n' >b.csv
    collect_both a.txt b.csv
    grep -q 'café français coûte 3 €, déjà vu à la forêt.*windows-1252' "$output_file"
    grep -q 'garçon été forêt déjà' "$output_file"
}

@test "tables and JSON in UTF-16, cut anywhere" {
    python3 - <<'END'
rows = "".join(f'{{"text":"{i} Grüße \U0001f600"}}\n' for i in range(40000))
open("x.jsonl", "wb").write(rows.encode("utf-16"))
open("y.jsonl", "wb").write(rows.encode())
END
    collect_both x.jsonl
    sed 's/x\.jsonl/y.jsonl/g' "$output_file" >x
    collect_both y.jsonl
    cmp x "$output_file"
}

@test "binary files and undecodable text are bad, with the reason" {
    printf '\x89PNG\r\n\x1a\n....' >a.png
    printf 'text\0more' >b.txt
    printf '%%PDF-1.5\n%%\xd0\xd4' >c
    { printf 'x%.0s' {1..70000}; printf '\0'; } >d.txt
    printf '\xff\xfe\x00\xd8x' >e.txt
    collect_both a.png b.txt c d.txt e.txt --rejects bad --force
    [ ! -s "$output_file" ]
    cat >want <<'END'
a.png binary data (image/png)
b.txt binary data (application/octet-stream)
c binary data (application/pdf)
d.txt byte 70001: binary data (a NUL byte)
e.txt byte 3: not UTF-16LE
END
    diff want <(python3 -c 'import json
for l in open("bad"): d=json.loads(l); print(d["file"], d["reason"])')
    collect_both a.png
    [ "$status" = 65 ]
    error_is "collect: a.png: binary data (image/png)"
}

@test "control characters are text" {
    printf 'a\x01b\x7f\x1b[0m\n' >a.txt
    collect_both a.txt
    is_file "$output_file" '{"id":"a.txt","source":"a.txt","text":"a\\u0001b\x7f\\u001b[0m\\n"}\n'
}

# ---- archives

@test "tar, cpio, zip, 7z: members as files, from files and from pipes" {
    for kind in tar cpio zip 7z; do
        archive $kind x.$kind 'a.txt=one' 'b/c.jsonl={"text":"two"}' 'ü.csv=text
three'
        collect_both x.$kind
        diff <(ids) <(printf '%s\n' "x.$kind!a.txt" "x.$kind!b/c.jsonl#1" "x.$kind!ü.csv#1")
        [ "$(ids text | tr '\n' ' ')" = 'one two three ' ]
        [ "$(ids source | sort -u)" = "x.$kind" ]
        cat x.$kind | env -i "$BUILD/bin/collect" -j1 >piped
        sed "s/x\.$kind/stdin/g" "$output_file" | cmp - piped
    done
}

@test "gzip, bzip2, xz, zstd: alone and around an archive; the suffix below counts" {
    printf '{"text":"a"}\n{"text":"b"}\n' >x.jsonl
    archive tar y.tar a.md=one
    for tool in gzip bzip2 xz zstd; do
        command -v $tool >/dev/null || continue
        suffix=$(case $tool in gzip) echo gz ;; bzip2) echo bz2 ;; xz) echo xz ;; zstd) echo zst ;; esac)
        $tool -c <x.jsonl >x.jsonl.$suffix
        $tool -c <y.tar >y.tar.$suffix
        collect_both x.jsonl.$suffix y.tar.$suffix
        [ "$(ids | tr '\n' ' ')" = "x.jsonl.$suffix#1 x.jsonl.$suffix#2 y.tar.$suffix!a.md " ]
        $tool -c </dev/null >empty.txt.$suffix
        collect_both empty.txt.$suffix
        [ "$(ids)" = empty.txt.$suffix ]
        [ -z "$(ids text)" ]
    done
    gzip -c x.jsonl >two.jsonl.gz
    gzip -c x.jsonl >>two.jsonl.gz
    collect_both two.jsonl.gz
    [ "$(wc -l <"$output_file")" = 4 ]
}

@test "an archive in an archive, not deeper" {
    archive zip in.zip 'deep.txt=z'
    archive tar in.tar 'deep.txt=t'
    gzip -k in.tar
    python3 - <<'END'
import tarfile
for name, members in (("out.tar", ("in.zip", "in.tar.gz", "in.tar")), ("outer.tar", ("out.tar", "in.tar"))):
    with tarfile.open(name, "w") as t:
        for m in members:
            t.add(m)
END
    collect_both out.tar
    diff <(ids) <(printf '%s\n' 'out.tar!in.zip!deep.txt' 'out.tar!in.tar.gz!deep.txt' 'out.tar!in.tar!deep.txt')
    collect_both outer.tar --rejects bad --force
    [ "$(ids)" = 'outer.tar!in.tar!deep.txt' ]
    [ "$(grep -c 'nested too deep' bad)" = 3 ]
    collect_both outer.tar
    [ "$status" = 65 ]
    # office documents are zip files and no archives of texts
    cp in.zip x.docx
    collect_both x.docx
    error_is "collect: x.docx: binary data (application/zip)"
}

@test "links, devices, absolute and escaping names: nothing is written, ids are safe" {
    archive evil-tar evil.tar
    mkdir empty && cd empty
    collect_both ../evil.tar --rejects "$BATS_TEST_TMPDIR/bad" --force --report "$BATS_TEST_TMPDIR/r"
    [ -z "$(ls -A)" ]
    [ ! -e /tmp/absolute.txt ] && [ ! -e ../outside.txt ]
    diff <(ids) <(printf '%s\n' '../evil.tar!ok.txt' '../evil.tar!tmp/absolute.txt' '../evil.tar!a/b/c.txt' \
        '../evil.tar!tab%09and%01.txt' '../evil.tar!last.txt')
    [ "$(grep -c 'leaves the archive' ../bad)" = 2 ]
    [ "$(json ../r '[d["skipped_links_total"], d["skipped_special_total"], d["in"], d["out"], d["rejected"]]')" = \
        '[2, 2, 7, 5, 2]' ]
    collect_both ../evil.tar
    [ "$status" = 65 ]
}

@test "bombs are bounded by --max-record and --max-total" {
    archive bomb-zip bomb.zip
    collect_both bomb.zip --max-record 1M --rejects bad --force
    [ "$status" = 0 ]
    [ "$(ids)" = 'bomb.zip!after.txt' ]
    grep -q 'longer than --max-record' bad
    collect_both bomb.zip --max-record 1M --rejects bad --force --max-total 20M
    [ "$status" = 65 ]
    error_is 'collect: bomb.zip: more than --max-total bytes come out of archives'
    archive sparse-tar sparse.tar
    timeout 20 collect sparse.tar --input-type text --charset latin1 --rejects bad --force >out
    grep -q 'after' out
    grep -q 'longer than --max-record' bad
}

@test "truncated archives and streams are 65 with the name; whole members before the cut come out" {
    for i in $(seq 400); do printf "text number %d %s\n" "$i" "$(seq -s ' ' 40)"; done >a.txt
    python3 - <<'END'
import random, tarfile, io
random.seed(1)
with tarfile.open("x.tar", "w") as t:
    for i in range(20):
        data = bytes(random.choices(b"abcdefgh \n", k=3000))
        info = tarfile.TarInfo(f"{i:02}.txt")
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
END
    gzip -k x.tar; zstd -qk x.tar; xz -k x.tar; gzip -k a.txt; zstd -qk a.txt
    for f in x.tar x.tar.gz x.tar.zst x.tar.xz a.txt.gz a.txt.zst; do
        size=$(wc -c <$f)
        [ $f != x.tar ] || size=71680 # without the zeros at its end
        for part in 30 60 90; do
            head -c $((size * part / 100)) $f >cut.$f
            [ $f != x.tar ] || head -c $((size * part / 100 / 512 * 512 + 100)) $f >cut.$f
            collect_both cut.$f
            [ "$status" = 65 ] || { echo "$f $part: $status"; return 1; }
            grep -q "^collect: cut.$f[!:].*byte [0-9]" "$error_file"
            [ "$(wc -l <"$output_file")" -lt 20 ]
            # what comes out is a prefix
            collect $f | sed "s/$f/cut.$f/g" | head -n "$(wc -l <"$output_file")" | cmp - "$output_file"
        done
    done
    # with --rejects the next operand is read
    collect_both cut.x.tar.gz a.txt --rejects bad --force
    [ "$status" = 0 ]
    [ "$(ids | tail -1)" = a.txt ]
    [ "$(wc -l <bad)" = 1 ]
}

@test "damage is never silent: the checksum of gzip, a header of tar that is none" {
    python3 - <<'END'
import gzip, io, random, tarfile
random.seed(1)
with tarfile.open("x.tar", "w") as t:
    for i in range(5):
        data = bytes(random.choices(b"abcdefgh \n", k=3000))
        info = tarfile.TarInfo(f"{i}.txt")
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
tar = open("x.tar", "rb").read()
packed = gzip.compress(tar)
def put(name, data, at=None):
    data = bytearray(data)
    if at is not None: data[at] ^= 1
    open(name, "wb").write(data)
put("crc.tar.gz", packed, -6)
put("flip.tar.gz", packed, len(packed) // 2)
put("tail.tar.gz", packed + b"garbage")
put("header.tar", tar, 3584 + 10)
put("crc.txt.gz", gzip.compress(b"text\n" * 1000), -6)
END
    for f in crc.tar.gz flip.tar.gz tail.tar.gz header.tar crc.txt.gz; do
        collect_both $f
        [ "$status" = 65 ] || { echo "$f: $status"; return 1; }
        grep -q "^collect: $f[!:].*byte [0-9]" "$error_file"
        cat $f | { run collect; [ "$status" = 65 ]; }
    done
    collect_both crc.tar.gz x.tar --rejects bad --force
    [ "$status" = 0 ]
    [ "$(wc -l <bad)" = 1 ]
    [ "$(ids | tail -1)" = x.tar!4.txt ]
}

@test "an archive that is cut between two members is 65, with the place" {
    archive tar x.tar a.txt=1 b.txt=2 c.txt=3
    archive zip x.zip a.txt=1 b.txt=2 c.txt=3
    archive cpio x.cpio a.txt=1 b.txt=2 c.txt=3
    python3 - <<'END'
tar, z, cpio = (open("x." + s, "rb").read() for s in ("tar", "zip", "cpio"))
open("cut.tar", "wb").write(tar[:2048])
open("one-zero.tar", "wb").write(tar[:3072 + 512])
open("cut.zip", "wb").write(z[:z.rindex(b"PK\5\6")])
second = cpio.index(b"070701", 6)
open("magic.cpio", "wb").write(cpio[:second] + b"X" + cpio[second + 1:])
open("cut.cpio", "wb").write(cpio[:cpio.rindex(b"070701")])
END
    gzip -k cut.tar; zstd -qk cut.tar
    while read -r f records text; do
        collect_both $f
        [ "$status" = 65 ] || { echo "$f: $status"; return 1; }
        [ "$(wc -l <"$output_file")" = "$records" ]
        error_is "collect: $f: $text"
        cat $f | { run collect; [ "$status" = 65 ]; }
    done <<'END'
cut.tar 2 byte 2049: truncated: the zeros that end a tar are missing
cut.tar.gz 2 byte 2049 of its content: truncated: the zeros that end a tar are missing
cut.tar.zst 2 byte 2049 of its content: truncated: the zeros that end a tar are missing
cut.zip 3 byte 268: truncated: the directory that ends a zip is missing
magic.cpio 1 byte 121: not the header of a member
cut.cpio 3 byte 360: truncated or damaged
END
    collect_both one-zero.tar # one block of zeros is an end too
    [ "$status" = 0 ]
    collect_both cut.tar x.tar --rejects bad --force
    [ "$status" = 0 ]
    [ "$(wc -l <"$output_file")" = 5 ]
    [ "$(json bad 'd["file"]')" = cut.tar ]
}

@test "members of one name get distinct ids, the same in every run" {
    python3 - <<'END'
import io, tarfile
with tarfile.open("x.tar", "w") as t:
    for name, data in (("a.md", b"1"), ("a.md", b"2"), ("a~2.md", b"3"), ("a.md", b"4"), ("d/.rc", b"5"),
                       ("d/.rc", b"6"), ("n", b"7"), ("./n", b"8"), ("r.jsonl.gz", b'{"text":"9"}\n'),
                       ("r.jsonl.gz", b'{"text":"10"}\n')):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
END
    collect_both x.tar
    diff <(ids | sed 's/^x.tar!//') <(printf '%s\n' a.md a~2.md a~2~2.md a~3.md d/.rc d/.rc~2 n n~2 r.jsonl.gz#1 r~2.jsonl.gz#1)
    collect_both x.tar --include a.md
    [ "$(ids text | tr '\n' ' ')" = '1 2 4 ' ]
}

@test "a damaged archive inside a sound one is bad alone" {
    for i in $(seq 3000); do echo "$RANDOM $i"; done >a.txt
    gzip -k a.txt
    head -c 5000 a.txt.gz >b.txt.gz
    archive tar last.tar z.txt=z
    python3 -c '
import tarfile
with tarfile.open("x.tar", "w") as t:
    for n in ("a.txt", "b.txt.gz", "a.txt.gz", "last.tar"): t.add(n)'
    collect_both x.tar --rejects bad --force
    [ "$(ids | tr '\n' ' ')" = 'x.tar!a.txt x.tar!a.txt.gz x.tar!last.tar!z.txt ' ]
    grep -q '"file":"x.tar!b.txt.gz"' bad
}

@test "ten thousand members, ten thousand bad ones" {
    archive many-tar many.tar n=10000
    collect_both many.tar
    [ "$(wc -l <"$output_file")" = 10000 ]
    collect_both many.tar --charset utf-8 --input-type jsonl --rejects bad --force --report r
    [ "$(json r '[d["in"], d["out"], d["rejected"]]')" = '[10000, 0, 10000]' ]
}

# ---- size and streams

@test "a record longer than --max-record is bad and the stream goes on" {
    python3 - <<'END'
big = "x" * 3000000
open("a.jsonl", "w").write('{"n":1}\n{"n":"' + big + '"}\n{"n":3}\n')
open("b.json", "w").write('[{"n":1},{"n":"' + big + '"},\n{"n":3}]')
open("c.csv", "w").write('id,text\n1,a\n2,"' + big + '"\n3,b\n')
open("d.txt", "w").write(big)
END
    collect_both a.jsonl b.json c.csv d.txt --max-record 2M --rejects bad --force
    [ "$(ids | tr '\n' ' ')" = 'a.jsonl#1 a.jsonl#3 b.json#1 b.json#3 1 3 ' ]
    [ "$(grep -c 'longer than --max-record' bad)" = 4 ]
    collect_both a.jsonl b.json c.csv d.txt
    [ "$status" = 0 ]
    [ "$(wc -l <"$output_file")" = 10 ]
}

@test "streams of many batches give the same records however they are written" {
    python3 - <<'END'
import json, random
random.seed(7)
rows = [{"id": i, "text": "".join(random.choices('ab "\\,\n{}[]é', k=random.randrange(0, 3000)))} for i in range(2500)]
open("x.jsonl", "w").write("".join(json.dumps(r) + "\n" for r in rows))
open("x.json", "w").write(json.dumps(rows, indent=2, ensure_ascii=False))
import csv
with open("x.csv", "w", newline="") as f:
    w = csv.writer(f)
    w.writerow(["id", "text"])
    for r in rows:
        w.writerow([r["id"], r["text"]])
END
    for f in x.jsonl x.json x.csv; do
        collect_both $f
        [ "$status" = 0 ]
        cp "$output_file" whole
        python3 - whole <<'END'
import json, sys
a = [json.loads(l) for l in open("x.jsonl")]
b = [json.loads(l) for l in open(sys.argv[1])]
assert [(str(r["id"]), r["text"]) for r in a] == [(str(r["id"]), r["text"]) for r in b]
END
        python3 -c '
import sys, random
random.seed(3)
data = open(sys.argv[1], "rb").read()
while data:
    n = random.choice((1, 7, 4096, 65536, 300000))
    sys.stdout.buffer.write(data[:n]); sys.stdout.buffer.flush()
    data = data[n:]' $f | collect -j2 --input-type ${f#x.} >piped
        sed "s/\"$f/\"stdin/g" whole | cmp - piped
    done
}

@test "records come out while the writer of a pipe waits" {
    { for i in $(seq 40); do printf '{"text":"line %d"}\n' $i; done; sleep 3; printf '{"text":"late"}\n'; } |
        collect -j2 | { read -r first; date +%s >got; cat >/dev/null; date +%s >end; }
    [ $(($(cat end) - $(cat got))) -ge 2 ]
}

@test "SIGTERM in the middle: 143, no output file" {
    mkfifo p
    timeout 20 collect p -o out.jsonl --input-type jsonl &
    pid=$!
    exec 5>p
    printf '{"text":"a"}\n' >&5
    sleep 0.5
    pkill -TERM -P $pid
    wait $pid && code=0 || code=$?
    exec 5>&-
    [ "$code" = 143 ]
    [ ! -e out.jsonl ]
    [ -z "$(ls -A | grep tmp || true)" ]
}

# ---- subtitles

@test "subtitles: a line per cue, without numbers, times and marks" {
    printf '\xef\xbb\xbf1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}<i>Hello</i>,\r\nworld & you\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n1984\r\n3 < 4\r\n\r\n\r\nno cue\r\n' >a.srt
    collect_both a.srt
    [ "$(ids text)" = $'Hello, world & you\n1984 3 < 4\nno cue' ]
    cat >b.vtt <<'END'
WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE a comment
of two lines

intro
00:01.000 --> 00:02.000 align:start
<v Roger>Fish &amp; <c.loud>chips</c> <00:01.500>now

00:03.000 --> 00:04.000
<b></b>
2 &lt; 3
END
    collect_both b.vtt
    [ "$(ids text)" = $'Fish & chips now\n2 < 3' ]
    cp b.vtt b
    collect_both b --input-type subtitles --report r
    [ "$(ids text)" = $'Fish & chips now\n2 < 3' ]
    [ "$(json r 'd["subtitles_total"]')" = 1 ]
}

# ---- HTML

page() {
    cat <<'END'
<!DOCTYPE html><html lang="en-GB"><head><title> A  page |
 Site</title><meta charset="utf-8"><meta property="article:published_time" content="2024-02-03">
<link rel="canonical" href="https://e.x/a?b=1&amp;c"><script>var x = "<p>no</p>";</script><style>p { x: y }</style></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/b">Blog</a></li></ul></nav>
<div id="sidebar"><p>Subscribe to our letter, it comes every week and it costs nothing at all.</p></div>
<div class="post-content"><h1>The heading</h1>
<p>First paragraph of the article, which is <b>long</b>&nbsp;enough to be told from a label,<br>with a break.</p>
<ul><li>one item of a list in the article<li>another item, which is not closed</ul>
<h2>See also</h2><ul><li><a href="/c">A link to something else</a></ul>
<p>Second paragraph of the article; it too has a sentence &amp; ends in a full stop.</p>
<pre>
int main(void)
{
    return 0;
}
</pre></div>
<p>Under a <a rel="license" href="https://creativecommons.org/licenses/by/4.0/">licence</a></p>
<div class="comments"><p>What a reader says about the article is not the article, however long it is.</p></div>
<footer>Copyright 2024</footer></body></html>
END
}

@test "HTML: the main content and what the page says about itself" {
    page >a.html
    collect_both a.html
    python3 - "$output_file" <<'END'
import json, sys
r = json.loads(open(sys.argv[1], encoding="utf-8").read())
assert r["text"] == """The heading

First paragraph of the article, which is long enough to be told from a label,
with a break.

  • one item of a list in the article
  • another item, which is not closed

Second paragraph of the article; it too has a sentence & ends in a full stop.

int main(void)
{
    return 0;
}""", r["text"]
assert r["meta"] == {"title": "A page | Site", "lang": "en-GB", "published": "2024-02-03",
    "canonical": "https://e.x/a?b=1&c", "license": "https://creativecommons.org/licenses/by/4.0/"}, r["meta"]
END
    collect_both a.html --html full
    [[ "$(ids text)" == *Home*Subscribe*"See also"*Copyright* ]]
    [[ "$(ids text)" != *"var x"* ]]
    collect_both a.html --html raw
    page | python3 -c 'import json, sys; sys.exit(json.loads(open(sys.argv[1]).read())["text"] != sys.stdin.read())' "$output_file"
    page | collect --input-type html >out # by content, without a name; by option
    page | collect | cmp - out
    [ "$(collect a.html --input-type text | json /dev/stdin 'd["text"][:9]')" = '<!DOCTYPE' ]
}

@test "HTML: charsets by mark, by meta, by detection; stray bytes are replaced and counted" {
    python3 - <<'END'
body = "<html><head>%s</head><body><p>Grüße aus Köln, wo es heute regnet und morgen die Sonne scheint.</p></body></html>"
def put(name, charset, meta): open(name, "wb").write((body % meta).encode(charset))
put("bom.html", "utf-16", "")
put("meta.html", "iso-8859-1", '<meta charset=latin1>')
put("equiv.html", "iso-8859-15", '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; Charset=ISO-8859-15">')
put("liar.html", "utf-8", '<meta charset="utf-16">')
put("wrong.html", "iso-8859-1", '<meta charset="utf-8">')
text = (body % '<meta charset="utf-8">').replace("morgen", "morgen " + "und übermorgen " * 40)
open("stray.html", "wb").write(text.encode().replace(b"heute", b"he\xffute"))
END
    for f in bom meta equiv liar wrong; do
        collect_both $f.html
        [[ "$(ids text)" == 'Grüße aus Köln'* ]] || { echo $f; cat "$output_file" "$error_file"; return 1; }
    done
    collect_both stray.html --report r
    grep -q $'he\xef\xbf\xbdute' "$output_file"
    [ "$(json r 'd["mended_pages_total"]')" = 1 ]
}

@test "HTML: depth is bounded, broken markup is not" {
    python3 - <<'END'
open("deep.html", "w").write("<html><body>" + "<div>" * 5000 + "text")
open("broken.html", "w").write("<p>a < b <<a href='x>y <b <table><td><p>ce</b>ll &bogus; &#x110000; &#0; <!-- never closed")
open("empty.html", "w").write("")
END
    collect_both deep.html broken.html empty.html --rejects bad --force
    [ "$status" = 0 ]
    [ "$(json bad 'd["reason"]')" = 'elements nested deeper than 1024' ]
    [ "$(ids id | tr '\n' ' ')" = 'broken.html empty.html ' ]
}

@test "the examples of the manual run" {
    mkdir corpus pages
    printf 'a text\n' >corpus/a.txt
    page >pages/a.html
    archive tar docs.tar b.md=text
    gzip docs.tar
    printf 'title,body\nt,text\n' >articles.csv
    man_examples collect
    [ "$(wc -l <docs.jsonl)" = 1 ] && [ "$(json articles.jsonl 'd["text"]')" = text ]
    grep -q Home pages.jsonl
}

# ---- web archives

# warc FILE: responses in several codings, a WET record, records that are no documents, a broken one.
warc() {
    python3 - "$1" <<'END'
import gzip, sys, zlib
def record(kind, block, head="", length=None):
    h = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://e.x/{kind}\r\nWARC-Date: 2020-01-01T00:00:00Z\r\n{head}"
    return (h + f"Content-Length: {len(block) if length is None else length}\r\n\r\n").encode() + block + b"\r\n\r\n"
def response(body, *fields, status="200 OK", **more):
    lines = "".join(f + "\r\n" for f in fields)
    return record("response", f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body,
                  "Content-Type: application/http; msgtype=response\r\n", **more)
html = "Content-Type: text/html; charset=utf-8"
raw = zlib.compressobj(9, zlib.DEFLATED, -15)
out = [
    record("warcinfo", b"software: test"),
    response("Grüße".encode(), html),
    response(gzip.compress(b"gzip body"), html, "Content-Encoding: gzip"),
    response(zlib.compress(b"zlib body"), html, "Content-Encoding: deflate"),
    response(raw.compress(b"raw body") + raw.flush(), html, "content-encoding: Deflate"),
    response(b"\x0b\x02\x80hello\x03", html, "Content-Encoding: br"),
    response(b"4\r\nchun\r\n3\r\nked\r\n0\r\n\r\n", html, "Transfer-Encoding: chunked"),
    response(b"stored decoded", html, "Content-Encoding: gzip"),
    response("Füße".encode("latin-1"), "Content-Type: text/plain; charset=ISO-8859-1"),
    response("not utf-8: é".encode("utf-16"), "Content-Type: text/html; charset=utf-8"),
    response(b"gone", html, status="404 Not Found"),
    response(b"\x89PNG\r\n", "Content-Type: image/png"),
    record("request", b"GET / HTTP/1.1\r\n\r\n"),
    response(b"length too large", html, length=200),
    record("conversion", b"plain text of a WET file", "Content-Type: text/plain\r\n"),
    response(gzip.compress(b"a" * 3000000), html, "Content-Encoding: gzip"),
    record("revisit", b""),
    response(b"last", html),
]
open(sys.argv[1], "wb").write(b"".join(out))
open(sys.argv[1] + ".gz", "wb").write(b"".join(gzip.compress(r, mtime=0) for r in out))
END
}

@test "WARC: bodies are decoded, other records counted, a wrong length costs its record" {
    warc x.warc
    for f in x.warc x.warc.gz; do
        collect_both $f --max-record 1M --rejects bad --force --report r
        [ "$status" = 0 ]
        python3 - "$output_file" $f <<'END'
import json, sys
rows = [json.loads(l) for l in open(sys.argv[1], encoding="utf-8")]
texts = [r["text"] for r in rows]
want = ["Grüße", "gzip body", "zlib body", "raw body", "hello", "chunked", "stored decoded", "Füße",
        "not utf-8: é", "plain text of a WET file", "last"]
if "hello" not in texts: want.remove("hello") # built without brotli
assert texts == want, texts
assert rows[0] == {"id": sys.argv[2] + "#2", "source": sys.argv[2], "text": "Grüße", "meta": {
    "url": "http://e.x/response", "date": "2020-01-01T00:00:00Z", "type": "text/html"}}, rows[0]
by = {r["text"]: r for r in rows}
assert by["Füße"]["meta"]["charset"] == "windows-1252"
assert by["last"]["id"].endswith("#18")
END
        grep -q 'record 14: its length does not lead to the next record' bad
        grep -q 'record 16: a body that decodes to more than --max-record' bad
        [ "$(json r '[d["in"] - d["out"] - d["rejected"], d["web_records_total"], d["web_other_total"], d["web_status_total"], d["web_media_total"]]')" = '[0, 18, 3, 1, 1]' ]
    done
    # in an archive, from a pipe in odd pieces, by name
    python3 -c 'import tarfile
with tarfile.open("x.tar", "w") as t: t.add("x.warc.gz")'
    collect_both x.warc.gz --max-record 1M --rejects bad --force
    cp "$output_file" whole
    collect_both x.tar --max-record 1M --rejects bad --force
    sed 's/x\.tar!x/x/g; s/"source":"x.tar"/"source":"x.warc.gz"/' "$output_file" | cmp - whole
    python3 -c '
import sys
data = open("x.warc", "rb").read()
for i in range(0, len(data), 333): sys.stdout.buffer.write(data[i:i+333]); sys.stdout.flush()' |
        collect -j3 --max-record 1M --rejects bad --force >piped
    sed 's/x\.warc\.gz/stdin/g' whole | cmp - piped
}

@test "WARC: pages give their main content" {
    page >a.html
    python3 - <<'END'
body = open("a.html", "rb").read()
http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
head = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://e.x/1\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n" % len(http)
open("x.warc", "wb").write(head.encode() + http + b"\r\n\r\n")
END
    collect_both x.warc
    [ "$(json "$output_file" 'd["text"]')" = "$(collect a.html | json /dev/stdin 'd["text"]')" ]
    [ "$(json "$output_file" '[d["meta"]["url"], d["meta"]["canonical"], d["meta"]["lang"]]')" = '["http://e.x/1", "https://e.x/a?b=1&c", "en-GB"]' ]
    collect_both x.warc --html raw
    [ "$(json "$output_file" 'd["text"][:9]')" = '<!DOCTYPE' ]
}

@test "WARC: without --rejects a broken record ends the run" {
    warc x.warc
    collect_both x.warc
    [ "$status" = 65 ]
    grep -q '^collect: x.warc: record 14: its length' "$error_file"
    head -c 700 x.warc >cut.warc
    collect_both cut.warc
    [ "$status" = 65 ]
    grep -qE 'record [0-9]+: (ends inside a record|a WARC record whose header does not end)' "$error_file"
}

# ---- the demo data

@test "the demo archive: every page, the dirt named" {
    cp "$TOP/tests/data/demo/pages.tar.zst" .
    collect_both pages.tar.zst --rejects bad --force --report r
    [ "$(json r '[d["in"], d["out"], d["rejected"], d["skipped_links_total"]]')" = '[427, 425, 2, 1]' ]
    grep -q 'image/png' bad
    grep -q 'more/pages.jsonl","line":4' bad
}
