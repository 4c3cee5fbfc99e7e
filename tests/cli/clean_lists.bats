#!/usr/bin/env bats
# clean(1): lists of domains, hosts, URLs and words; requests for erasure.
load helper

records() {
    cat >input.jsonl <<'EOF'
{"id":1,"url":"https://u:p@WWW.Shop.Evil.co.uk.:80/x?q","text":"plain"}
{"id":"b","url":"http://ok.org/CASINO-royal/Free","text":"some Badword here"}
{"id":"c","text":"badwording \u00c9t\u00e9s","who":{"mail":"joe@x.org"}}
{"id":4,"url":"http://ca.si.no/","text":"\u3053\u308c\u306f\u60aa\u3044\u8a00\u8449\u3067\u3059\u306d\u3001\u7686\u3055\u3093"}
{"id":5,"url":"//ads.example:81","text":"\u00c9T\u00c9 free"}
EOF
}

clean_ids() { # IDS ARGS...: which records stay
    local want=$1
    shift
    records
    both_jobs input.jsonl clean "$@"
    [ "$status" = 0 ] || { cat "$error_file"; return 1; }
    local got
    got=$(python3 -c 'import json,sys; print(*[json.loads(l)["id"] for l in open(sys.argv[1])])' "$output_file")
    [ "$got" = "$want" ] || { echo "got $got, want $want: $*"; return 1; }
}

@test "registered domains, hosts and URLs" {
    printf 'x.org\n' >domains
    clean --url-field url --block-domains domains </dev/null 2>err || { grep -q libpsl err && skip "built without libpsl"; }
    printf '# a list\n\n  EVIL.co.uk \nco.uk\n' >domains
    clean_ids "b c 4 5" --url-field url --block-domains domains
    printf '0.0.0.0 www.shop.evil.CO.UK # x\n||ads.example^\n' >hosts
    clean_ids "b c 4" --url-field url --block-hosts hosts
    printf 'evil.co.uk\nexample\n' >hosts
    clean_ids "1 b c 4 5" --url-field url --block-hosts hosts
    printf 'HTTP://ca.si.no/\n' >urls
    clean_ids "1 b c 5" --url-field url --block-urls urls
}

@test "words of URLs are compared in lower case" {
    printf 'casino\n' >words
    clean_ids "1 c 4 5" --url-field url --block-url-words words
    clean_ids "1 c 5" --url-field url --block-url-subwords words
    printf 'Royal\nfree\n' >soft
    clean_ids "1 c 4 5" --url-field url --block-url-soft-words soft
    printf 'royal\n' >soft
    clean_ids "1 b c 4 5" --url-field url --block-url-soft-words soft
}

@test "bad words stand alone; in Japanese, Chinese, Korean and Thai anywhere" {
    printf 'BadWord\n\xc3\xa9t\xc3\xa9\n' >words
    clean_ids "1 c 4" --bad-words words
    printf '\xe6\x82\xaa\xe3\x81\x84\n' >ja
    clean_ids "1 b c 5" --bad-words ja:ja --lang any
    clean_ids "1 b c 4 5" --bad-words de:ja --lang any
    clean_ids "1 b c 4 5" --bad-words ja
}

@test "the rule and the entry are in the drops, the lists in the report" {
    printf 'casino\n' >words
    records
    clean --url-field url --block-url-words words --drops dropped --report report.json <input.jsonl >out.jsonl
    grep -q '"_drop":{"by":"clean","rule":"url-words","value":"casino"}' dropped
    [ "$(json report.json 'd["lists"][0]["sha256"]')" = "$(sha256sum words | cut -d' ' -f1)" ]
    [ "$(json report.json 'd["lists"][0]["entries"]')" = 1 ]
    [ "$(json report.json 'd["no_url_total"]')" = 1 ]
    clean --url-field url --block-url-words words --annotate <input.jsonl | grep -q '"id":"b".*"_clean":{"drop":"url-words"}'
    run clean --url-field uri --block-url-words words <input.jsonl
    [[ "$output" == *"no record has a string in the member 'uri'"* ]]
}

@test "wrong lists are named" {
    records
    run clean --bad-words nowhere <input.jsonl
    [ "$status" = 66 ]
    printf '# nothing\n\n' >empty
    run clean --bad-words empty <input.jsonl
    [ "$status" = 65 ]
    printf 'a\n\xff\n' >bytes
    run clean --bad-words bytes <input.jsonl
    [ "$status" = 65 ] && [[ "$output" == *"byte 2"* ]]
    printf 'a\n' >a
    for args in "--url-field url" "--block-hosts a" "--bad-words en:a" "--audit x"; do
        run clean $args <input.jsonl
        [ "$status" = 2 ] || { echo "$args: $status"; return 1; }
    done
}

@test "--erase drops the records of its requests and leaves an audit without their data" {
    printf '# subjects\n1\nwho.mail=joe@x.org\nnobody\n' >requests
    clean_ids "b 4 5" --erase requests --audit audit.jsonl --force
    is_file audit.jsonl '{"request":2,"member":"id","file":"stdin","line":1}\n{"request":3,"member":"who.mail","file":"stdin","line":3}\n'
    clean_ids "b 4 5" --erase requests --annotate
    clean --erase requests --report r.json <input.jsonl >out.jsonl
    [ "$(json r.json 'd["dropped"]["erase"]')" = 2 ]
    [ "$(json r.json 'd["erase_requests"]')" = 3 ]
    ! grep -q joe out.jsonl
    run clean --erase requests --drops d <input.jsonl
    [ "$status" = 2 ]
    run clean --erase nowhere <input.jsonl
    [ "$status" = 66 ]
    printf '\xff\n' >bytes
    run clean --erase bytes <input.jsonl
    [ "$status" = 65 ]
    # an id of another type or with more behind it is another subject
    printf '{"id":"1"}\n{"id":1}\n{"id":11}\n{"id":[1]}\n' >input.jsonl
    clean --erase requests <input.jsonl >out.jsonl
    is_file out.jsonl '{"id":11}\n{"id":[1]}\n'
}
