#!/usr/bin/env bats
# clean(1): edits of texts and rules that drop records.
load helper

# run_clean INPUT ARGS...: INPUT (printf format) through clean at -j1 and -j4.
run_clean() {
    local input="$1"
    shift
    printf "$input" >input.jsonl
    both_jobs input.jsonl clean "$@"
}

gives() { # STATUS TEXT: of the last run
    [ "$status" = "$1" ] || { echo "exit $status"; cat "$error_file"; return 1; }
    is_file "$output_file" "$2"
}

@test "without options every record comes out as it went in" {
    run_clean '{"text":"a  \\u00e9\\r\\n \\ud800","n":1.50 , "x" : [ ] }\n\n{"prompt":7}\r\n  {"text":[]} \t' 
    gives 0 '{"text":"a  \\u00e9\\r\\n \\ud800","n":1.50 , "x" : [ ] }\n{"prompt":7}\n{"text":[]}\n'
}

@test "a record that a rule keeps and no edit changes is not rewritten" {
    run_clean '{"text":"\\u0061b\\/" ,"n":1e0}\n' --trim --normalize nfc --strip-control --min-chars 1
    gives 0 '{"text":"\\u0061b\\/" ,"n":1e0}\n'
}

@test "a changed text is spliced in, nothing else moves" {
    run_clean '{"n":1.50 , "text": " \\u0061\\t\\"\\u00e9 " ,"m":{"text":" "}}\n' --trim
    gives 0 '{"n":1.50 , "text": "a\\t\\"\xc3\xa9" ,"m":{"text":" "}}\n'
}

@test "the field is required when something reads it or --field names it" {
    run_clean '{"prompt":" x "}\n' --trim
    gives 65 ''
    grep -q "stdin:1: no member 'text'" "$error_file"
    run_clean '{"prompt":" x "}\n' --field text
    [ "$status" = 65 ]
    run_clean '{"prompt":" x "}\n' --trim --field prompt
    gives 0 '{"prompt":"x"}\n'
    run_clean '{"n":1}\n' --keep-if 'n == 1'
    gives 0 '{"n":1}\n'
    run_clean '{"a":{"b":" x "}}\n' --trim --field a.b
    gives 0 '{"a":{"b":"x"}}\n'
}

@test "--normalize" {
    run_clean '{"text":"e\\u0301 \\ufb01 \\uff21"}\n' --normalize nfc
    gives 0 '{"text":"\xc3\xa9 \xef\xac\x81 \xef\xbc\xa1"}\n'
    run_clean '{"text":"e\\u0301 \\ufb01 \\uff21"}\n' --normalize nfkc
    gives 0 '{"text":"\xc3\xa9 fi A"}\n'
    run_clean '{"text":"e\\u0301"}\n' --normalize none
    gives 0 '{"text":"e\\u0301"}\n'
}

@test "characters: each switch takes its own" {
    local all='{"text":"\\ufeffa\\u0001\\u0085\\u009f\\u00ad\\u200b\\u200e\\u2066z"}\n'
    run_clean "$all" --strip-control
    gives 0 '{"text":"\xef\xbb\xbfa\xc2\x85\xc2\xad\xe2\x80\x8b\xe2\x80\x8e\xe2\x81\xa6z"}\n'
    run_clean "$all" --strip-zero-width --strip-bidi --strip-soft-hyphen
    gives 0 '{"text":"a\\u0001\xc2\x85\xc2\x9fz"}\n'
    run_clean '{"text":"\\ufeffa\\ufeff"}\n' --strip-bom
    gives 0 '{"text":"a\xef\xbb\xbf"}\n'
}

@test "line breaks and white space" {
    run_clean '{"text":"a\\r\\nb\\rc\\u000bd\\u2028e"}\n' --newlines lf
    gives 0 '{"text":"a\\nb\\nc\\u000bd\xe2\x80\xa8e"}\n'
    run_clean '{"text":"a\\r\\nb\\rc\\u000bd\\u2028e"}\n' --newlines all
    gives 0 '{"text":"a\\nb\\nc\\nd\\ne"}\n'
    run_clean '{"text":" a \\t b\\u00a0\\n\\n\\n c "}\n' --collapse-space
    gives 0 '{"text":" a b \\n\\n\\n c "}\n'
    run_clean '{"text":" a \\t b\\u00a0\\n\\n\\n c "}\n' --collapse-space --trim-lines --max-newlines 2
    gives 0 '{"text":"a b\\n\\nc"}\n'
    run_clean '{"text":" \\n "}\n' --trim
    gives 0 '{"text":""}\n'
}

@test "--fix-encoding, line by line" {
    run_clean '{"text":"l\\u2019humanit\\u00c3\\u00a9 \\u00e2\\u20ac\\u0153x\\u00e2\\u20ac\\u009d\\nl\\u00e9 \\u00c5"}\n' --fix-encoding
    gives 0 '{"text":"l\xe2\x80\x99humanit\xc3\xa9 \xe2\x80\x9cx\xe2\x80\x9d\\nl\xc3\xa9 \xc3\x85"}\n'
    run_clean '{"text":"plain \\u00fcber"}\n' --fix-encoding
    gives 0 '{"text":"plain \\u00fcber"}\n'
}

@test "repairs: each switch takes its own" {
    run_clean '{"text":"<p class=\\"x\\">a &lt; b<br/></p><!-- c -->&nbsp;d <<b>i>e < f > g"}\n' --strip-html
    gives 0 '{"text":"a &lt; b d e < f > g"}\n'
    run_clean '{"text":"**bold** *it* _u_ [x](http://y) a*b"}\n' --strip-markdown
    gives 0 '{"text":"bold it u http://y a*b"}\n'
    run_clean '{"text":"\\u2018a\\u2019 \\u201cb\\u201e \\u2013 \\u2014 \\u2212"}\n' --quotes ascii
    gives 0 '{"text":"'"'a'"' \\"b\\" \xe2\x80\x93 \xe2\x80\x94 \xe2\x88\x92"}\n'
    run_clean '{"text":"\\u2018a \\u2013\\u2014\\u2212-"}\n' --dashes ascii
    gives 0 '{"text":"\xe2\x80\x98a ----"}\n'
    run_clean '{"text":"\\u2022 one\\n  - two\\n-three\\n* \\u25cf four"}\n' --strip-bullets
    gives 0 '{"text":"one\\ntwo\\n-three\\nfour"}\n'
    run_clean '{"text":"soooo!!!! \\u00e9\\u00e9\\u00e9\\u00e9    x"}\n' --max-repeat 2
    gives 0 '{"text":"soo!! \xc3\xa9\xc3\xa9    x"}\n'
    run_clean '{"text":"a\\n http://x.y/z \\nsee http://x.y\\nWWW.x.y"}\n' --drop-url-lines
    gives 0 '{"text":"a\\nsee http://x.y\\n"}\n'
    printf 'Share this (now)\r\n\ncookie policy' >phrases
    run_clean '{"text":"a\\nplease share THIS (now)!\\nb\\nour Cookie Policy\\nc"}\n' --drop-phrase-lines phrases
    gives 0 '{"text":"a\\nb\\nc"}\n'
    run_clean '{"text":"a\\n"}\n' --drop-phrase-lines missing
    [ "$status" = 66 ]
    printf '\n' >phrases
    run_clean '{"text":"a\\n"}\n' --drop-phrase-lines phrases
    [ "$status" = 65 ]
    run_clean '{"text":"No end here\\n\\nIt ends here[1].\\n{ Lorem ipsum with a brace.\\nUse javascript now please."}\n' --c4-lines
    gives 0 '{"text":"It ends here.\\n{ Lorem ipsum with a brace."}\n'
}

@test "repairs are idempotent, on their own and together" {
    cat >in <<'END'
{"text":"<<b>i> ***a*** ** b ** __c__ [l]([m](n)) &quo<i>t; <a<b>>"}
{"text":"\u2022 \u2022 - * x\n* * y\nhttp://a\n\nwww.b\n aaaa\u00c3\u00a9\u00e2\u20ac\u2122"}
{"text":"\u00c3\u0192\u00c2\u00a9 \u2018\u2018\u2018\u2018 ---\u2014\u2014---"}
END
    for args in --strip-html --strip-markdown --strip-bullets --drop-url-lines '--quotes ascii' '--dashes ascii' \
        '--max-repeat 2' --fix-encoding \
        '--fix-encoding --strip-html --strip-markdown --quotes ascii --dashes ascii --max-repeat 3'; do
        clean $args <in >once
        clean $args <once >twice
        cmp once twice || { echo "$args"; diff once twice; return 1; }
    done
}

@test "--sub replaces, repeats, and runs before the white space edits" {
    run_clean '{"text":"7 of 10,000"}\n' --sub '/\d+(,\d+)*/N/g' --sub 's|N of (?<rest>N)|${rest}!|'
    gives 0 '{"text":"N!"}\n'
    run_clean '{"text":"a <b> c"}\n' --sub '/<[^>]*>//g' --collapse-space
    gives 0 '{"text":"a c"}\n'
    run_clean '{"text":"xx"}\n' --sub '/x/x/g' --report r.json
    gives 0 '{"text":"xx"}\n'
    [ "$(json r.json 'd["substitutions_total"], d["changed_total"]')" = "[2, 0]" ]
}

@test "lone surrogates become U+FFFD and are counted" {
    run_clean '{"text":"a\\ud800b\\udc00","x":"\\ud800"}\n' --strip-bom --report r.json
    gives 0 '{"text":"a\xef\xbf\xbdb\xef\xbf\xbd","x":"\\ud800"}\n'
    [ "$(json r.json 'd["surrogates_replaced_total"]')" = 2 ]
}

@test "lengths count code points" {
    local two='{"text":"\xf0\x9f\x98\x80\xc3\xa9"}\n{"text":"\\ud83d\\ude00"}\n{"text":"abc"}\n'
    run_clean "$two" --min-chars 2
    gives 0 '{"text":"\xf0\x9f\x98\x80\xc3\xa9"}\n{"text":"abc"}\n'
    run_clean "$two" --min-chars 2 --max-chars 2
    gives 0 '{"text":"\xf0\x9f\x98\x80\xc3\xa9"}\n'
    run_clean '{"text":""}\n{"text":" "}\n' --max-chars 0
    gives 0 '{"text":""}\n'
    run_clean '{"text":"  a "}\n' --trim --max-chars 1
    gives 0 '{"text":"a"}\n'
}

@test "--keep-if and --drop-if compare members" {
    local in='{"n":9007199254740993}\n{"n":9007199254740992.0}\n{"n":"x"}\n{"m":1}\n'
    run_clean "$in" --keep-if 'n == 9007199254740992' --report r.json
    gives 0 '{"n":9007199254740992.0}\n'
    [ "$(json r.json 'd["dropped"]')" = '{"keep-if:n == 9007199254740992": 3}' ]
    [ "$(json r.json 'd["missing"]')" = '{"keep-if:n == 9007199254740992": 1}' ]
    [ "$(json r.json 'd["mismatch"]')" = '{"keep-if:n == 9007199254740992": 1}' ]
    run_clean "$in" --drop-if 'n != 9007199254740992'
    gives 0 '{"n":9007199254740992.0}\n{"m":1}\n'
    run_clean '{"meta":{"lang":"en"}}\n{"meta":{"lang":"e"}}\n' --keep-if 'meta.lang == en' --drop-if 'meta.lang < "ea"'
    gives 0 '{"meta":{"lang":"en"}}\n'
    run_clean '{"b":true}\n{"b":false}\n{"b":null}\n' --keep-if 'b != true'
    gives 0 '{"b":false}\n{"b":null}\n'
}

@test "conditions see the text as edited" {
    run_clean '{"text":" en "}\n{"text":"de"}\n' --trim --keep-if 'text == "en"'
    gives 0 '{"text":"en"}\n'
    run_clean '{"text":" en "}\n' --trim --drop-match '^en$'
    gives 0 ''
}

@test "--keep-match and --drop-match" {
    local in='{"text":"Win at CASINO","url":"https://a.b"}\n{"text":"fine","url":"http://a.b"}\n{"text":"fine"}\n{"text":"fine","url":5}\n'
    run_clean "$in" --drop-match '(?i)casino'
    gives 0 '{"text":"fine","url":"http://a.b"}\n{"text":"fine"}\n{"text":"fine","url":5}\n'
    run_clean "$in" --keep-match 'url:^https?://' --report r.json
    gives 0 '{"text":"Win at CASINO","url":"https://a.b"}\n{"text":"fine","url":"http://a.b"}\n'
    [ "$(json r.json 'd["missing"]')" = '{"keep-match:url:^https?://": 1}' ]
    [ "$(json r.json 'd["mismatch"]')" = '{"keep-match:url:^https?://": 1}' ]
    run_clean '{"text":"see http://x"}\n{"text":"see x"}\n' --drop-match ':http://'
    gives 0 '{"text":"see x"}\n'
}

@test "a condition on a member that no record has is a warning" {
    run_clean '{"text":"see http://x"}\n' --drop-match 'http://'
    gives 0 '{"text":"see http://x"}\n'
    grep -q "drop-match:http://: no record has the member 'http'" "$error_file"
}

@test "--drops keeps the record, the rule, the value and the limit" {
    printf '{"text":" a ","n":1}\n{"text":"spam","n":2}\n{"text":"good"}\n' >in
    clean --trim --min-chars 2 --drop-match 'sp.' --keep-if 'n != 7' --drops drops <in >out
    is_file out ''
    is_file drops '{"text":" a ","n":1,"_drop":{"by":"clean","rule":"min-chars","value":1,"limit":2}}\n{"text":"spam","n":2,"_drop":{"by":"clean","rule":"drop-match:sp.","value":"spa"}}\n{"text":"good","_drop":{"by":"clean","rule":"keep-if:n != 7","value":null,"limit":7}}\n'
}

@test "the first failing rule of the documented order names the drop" {
    printf '{"text":"a","n":1}\n' >in
    clean --max-chars 0 --drop-match a --keep-match b --drop-if 'n==1' --keep-if 'n==2' \
        --report r.json <in
    [ "$(json r.json '[k for k,v in d["dropped"].items() if v]')" = '["keep-if:n==2"]' ]
    [ "$(json r.json 'list(d["dropped"])')" = '["keep-if:n==2", "drop-if:n==1", "keep-match:b", "drop-match:a", "max-chars"]' ]
}

@test "a regex at its limit makes the record bad, not dropped" {
    python3 -c 'print("{\"text\":\"" + "a"*30000 + "!\"}"); print("{\"text\":\"b\"}")' >in
    run clean --drop-match '(a+)+$' in
    [ "$status" = 65 ]
    [[ "$output" == *"in:1: drop-match:(a+)+\$: match limit reached"* ]]
    clean --drop-match '(a+)+$' --rejects bad in >out
    is_file out '{"text":"b"}\n'
    [ "$(json bad 'd["reason"]')" = 'drop-match:(a+)+$: match limit reached' ]
    run clean --sub '/(a+)+$/x/' in
    [ "$status" = 65 ]
}

@test "a substitution cannot blow a text up beyond --max-record" {
    printf '{"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}\n' >in
    run clean --max-record 100 --sub '/a/bbbb/g' in
    [ "$status" = 65 ]
    [[ "$output" == *"text longer than --max-record"* ]]
}

@test "usage errors name the option" {
    local args
    for args in "--sub=/a/" "--sub=/(/x/" "--keep-if=a" "--drop-if=a==" "--keep-match=(" \
        "--min-chars=5 --max-chars=4" "--normalize=nfx" "--newlines=crlf" "--max-newlines=0" "--drops=d"; do
        run clean $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status $output"; return 1; }
        [[ "$output" == *--* ]]
    done
    [ ! -e d ]
}

@test "bad records: a wrong type and a duplicate of a member that is used" {
    run_clean '{"text":1}\n' --trim
    gives 65 ''
    run_clean '{"text":"a","text":"b"}\n' --trim
    gives 65 ''
    grep -q "duplicate of member 'text'" "$error_file"
    run_clean '{"text":"a","text":"b"}\n'
    gives 0 '{"text":"a","text":"b"}\n'
    run_clean '{"n":1,"n":2}\n' --keep-if 'n == 2'
    gives 65 ''
}

@test "counts close: in = out + dropped + rejected" {
    printf '{"text":"a"}\n{"text":"bb"}\nnot json\n{"text":"ccc"}\n\n' >in
    clean --min-chars 2 --drop-match c --rejects bad --report r.json in >out
    [ "$(json r.json 'd["in"], d["out"], sum(d["dropped"].values()), d["rejected"]')" = "[4, 1, 2, 1]" ]
}

@test "long texts of every kind of edit" {
    python3 - >in <<'PY'
import json
print(json.dumps({"text": " \u00a0\ta\r\n\u200b" * 200000 + "e\u0301" * 50000}))
PY
    both_jobs in clean --normalize nfc --newlines lf --collapse-space --trim-lines --trim \
        --strip-zero-width --max-newlines 1
    [ "$status" = 0 ]
    python3 - "$output_file" <<'PY'
import json, sys
t = json.load(open(sys.argv[1]))["text"]
assert t == "a\n" * 200000 + "\u00e9" * 50000, (len(t), t[:30])
PY
}

# ---- profiles

good='A plain line of prose that says something to the reader, and it ends here.'

@test "--profile drops with the first failing rule, its value and its limit" {
    printf '{"text":"too short"}\n' >in
    clean --profile gopher --drops d in >out
    is_file out ''
    is_file d '{"text":"too short","_drop":{"by":"clean","rule":"gopher_top_2_gram","value":1,"limit":0.2}}\n'
    clean --profile gopher --off gopher_repetition --drops d --force in
    grep -q '"rule":"gopher_short_doc","value":2,"limit":50' d
}

@test "--set and --off change the rules" {
    run_clean '{"text":"too short of the"}\n' --profile gopher --off gopher_repetition --set gopher_short_doc=4
    gives 0 '{"text":"too short of the"}\n'
    run_clean '{"text":"too short of the"}\n' --profile gopher --off gopher_repetition --set gopher_short_doc=5
    gives 0 ''
    run_clean '{"text":"x"}\n' --profile gopher --off gopher_repetition --off gopher_quality --min-chars 1
    gives 0 '{"text":"x"}\n'
}

@test "c4 edits the text, and what follows sees it" {
    run_clean "{\"n\":1.0,\"text\":\" $good[1]\\\\n[edit]\\\\nno end\\\\n\\\\tUse of cookies is a thing.\\\\n$good\",\"m\":[]}\n" --profile c4 --off c4_sentences
    gives 0 "{\"n\":1.0,\"text\":\"$good\\\\n$good\",\"m\":[]}\n"
    run_clean "{\"text\":\"$good\\\\nLorem Ipsum is here.\\\\n{ a brace is here.\"}\n" --profile c4 --annotate
    grep -q '"c4_lorem_ipsum":{"v":1,"max":0},"c4_curly_bracket":{"v":0,"max":0},"c4_sentences":{"v":3,"min":5}},"drop":"c4_lorem_ipsum"' "$output_file"
}

@test "--explain adds _clean to what is kept, --annotate keeps everything" {
    run_clean "{\"text\":\"$good\"}\n{\"text\":\"x\",\"_clean\":0}\n" --profile c4 --off c4_sentences --explain --min-chars 2
    gives 0 "{\"text\":\"$good\",\"_clean\":{\"profile\":\"c4\",\"rules\":{\"c4_lorem_ipsum\":{\"v\":0,\"max\":0},\"c4_curly_bracket\":{\"v\":0,\"max\":0}},\"drop\":null}}\n"
    run_clean '{"_clean":0,"text":"x"}\n{"text":"xy"}\n' --annotate --min-chars 2
    gives 0 '{"_clean":{"drop":"min-chars"},"text":"x"}\n{"text":"xy","_clean":{"drop":null}}\n'
}

@test "--words decides what a word is" {
    run_clean '{"text":"I can'"'"'t (8) go."}\n' --profile gopher --off gopher_repetition --annotate
    grep -q '"gopher_short_doc":{"v":5,' "$output_file" # I ca n't 8) go, without ( and .
    run_clean '{"text":"a\\u001fb"}\n' --profile gopher --off gopher_repetition --annotate --words whitespace
    grep -q '"gopher_short_doc":{"v":2,' "$output_file"
    run_clean '{"text":"a\\u001fb"}\n' --profile gopher --off gopher_repetition --annotate --words white_space
    grep -q '"gopher_short_doc":{"v":1,' "$output_file"
}

@test "every rule is total: empty, blank and one-word texts" {
    for text in '' ' ' '\\n\\n' x '...'; do
        run_clean "{\"text\":\"$text\"}\n" --profile fineweb --annotate
        [ "$status" = 0 ]
        [ "$(json "$output_file" 'sum(r["v"] >= 0 for r in d["_clean"]["rules"].values())')" = 31 ]
        for profile in dolma dclm redpajama curator; do
            run_clean "{\"text\":\"$text\"}\n" --profile $profile --annotate
            [ "$status" = 0 ]
            [ "$(json "$output_file" 'sum(r["v"] < 0 for r in d["_clean"]["rules"].values())')" = 0 ]
        done
    done
}

@test "each profile drops by its own rules" {
    local prose="The people of the town have been with the boat to see that it is safe and sound."
    for profile in dolma dclm redpajama curator; do
        run_clean '{"text":"too short"}\n' --profile $profile --report r.json
        gives 0 ''
        run_clean "{\"text\":\"$prose\"}\n" --profile $profile --annotate
        [ "$(json "$output_file" 'd["_clean"]["profile"]')" = "$profile" ]
        [ "$(json "$output_file" 'd["_clean"]["rules"]["'$profile'_short_doc"]["min"]')" = 50 ]
    done
    # Lines of one word, and those that count likes, go with dclm.
    run_clean '{"text":"one two three\\nalone\\n12 likes\\nfour five six items in cart seven"}\n' --profile dclm --annotate
    [ "$(json "$output_file" 'd["text"].split("\n")')" = '["one two three", "four five six seven"]' ]
    [ "$(json "$output_file" 'd["_clean"]["rules"]["dclm_removed_words"]["v"]')" = 0.4615384638309479 ]
    run_clean '{"text":"one two three\\nalone"}\n' --profile dclm --annotate --off dclm_empty --off dclm_removed_words
    [ "$(json "$output_file" 'd["text"].split("\n")')" = '["one two three", "alone"]' ]
}

@test "--words uax29 and --sentences marks" {
    run_clean '{"text":"can'"'"'t 3,4 (a-b) \\u00bd \\u2014"}\n' --profile gopher --off gopher_repetition --annotate --words uax29
    [ "$(json "$output_file" 'd["_clean"]["rules"]["gopher_short_doc"]["v"]')" = 5 ]
    run_clean '{"text":"Mr. X went. He is... gone"}\n' --profile c4 --annotate --sentences marks --set c4_sentences=1
    [ "$(json "$output_file" 'd["_clean"]["rules"]["c4_sentences"]["v"]')" = 0 ]
    run_clean '{"text":"Mr. X went. He is... gone."}\n' --profile c4 --annotate --sentences marks
    [ "$(json "$output_file" 'd["_clean"]["rules"]["c4_sentences"]["v"]')" = 6 ]
    run_clean '{"text":"Mr. X went. He is... gone."}\n' --profile c4 --annotate --sentences sentencizer
    [ "$(json "$output_file" 'd["_clean"]["rules"]["c4_sentences"]["v"]')" = 2 ]
    run clean --profile dolma --sentences marks </dev/null
    [ "$status" = 2 ]
}

@test "the report counts and times each rule, and names those that never or always fired" {
    for i in $(seq 1000); do echo '{"text":"the same of two words each time '$i'"}'; done >in
    both_jobs in clean --profile gopher --off gopher_repetition --words whitespace --annotate --report r.json -v
    [ "$(json r.json 'd["rules"]["gopher_short_doc"]["measured"], d["rules"]["gopher_short_doc"]["fired"]')" = '[1000, 1000]' ]
    [ "$(json r.json 'd["always_fired"]')" = gopher_short_doc ]
    [ "$(json r.json '"gopher_too_many_hashes" in d["never_fired"]')" = true ]
    [ "$(json r.json 'sum(r["ns_per_byte"] for r in d["rules"].values()) > 0')" = true ]
    grep -q 'fired on every text: gopher_short_doc' "$error_file"
    grep -q 'never fired: gopher_long_doc' "$error_file"
    head -999 in >less
    clean --profile gopher --off gopher_repetition --words whitespace --annotate --report r.json <less >out
    [ "$(json r.json 'd["always_fired"] + d["never_fired"]')" = '' ]
}

@test "--list-rules lists every rule with its limit and profiles" {
    clean --list-rules </dev/null >list
    [ "$(wc -l <list)" = 123 ]
    grep -qP '^fineweb_short_line_ratio\tfineweb\tmax\t0.67\tfineweb\t.*datatrove a649de79' list
    ! clean --list-rules >/dev/full
}

@test "unknown profiles, rules and limits are named with the nearest" {
    run clean --profile finewev </dev/null
    [ "$status" = 2 ] && [[ "$output" == *"did you mean 'fineweb'?"* ]]
    run clean --profile gopher --off gopher_short_dok </dev/null
    [ "$status" = 2 ] && [[ "$output" == *"did you mean 'gopher_short_doc'?"* ]]
    for args in "--off=c4" "--off=c4_curly_bracket" "--set=gopher_short_doc" "--set=gopher_short_doc=x" \
        "--set=gopher_short_doc=-1"; do
        run clean --profile gopher $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status"; return 1; }
    done
    run clean --off gopher_short_doc </dev/null
    [ "$status" = 2 ]
    run clean --explain </dev/null
    [ "$status" = 2 ]
}

@test "the examples of the manual run" {
    printf '{"text":"a  1,000","lang":"en","url":"http://x"}\n{"text":"%s","lang":"en","url":"http://y"}\n' "$good" >in.jsonl
    man_examples clean
    [ -s short.jsonl ] && [ -s low.jsonl ]
    is_file out.jsonl '{"text":"a  <NUMBER>","lang":"en","url":"http://x"}\n{"text":"A plain line of prose that says something to the reader, and it ends here.","lang":"en","url":"http://y"}\n'
}
