#!/usr/bin/env bats
# tokenize(1): ids, counts, text. Identity with the reference: tests/property/tok_conformance.py.
bats_require_minimum_version 1.5.0
load helper

run_tok() { # INPUT ARGS...
    local input="$1"
    shift
    printf "$input" >input.jsonl
    both_jobs input.jsonl tokenize -t demo "$@"
}

gives() { # STATUS TEXT
    [ "$status" = "$1" ] || { echo "exit $status"; cat "$error_file"; return 1; }
    is_file "$output_file" "$2"
}

# mini.json: a, b, ab, space, and what $1 adds to the top level.
mini() {
    cat >mini.json <<EOF
{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
 "decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
 "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"Ġ":3,"Ã":4,"©":5},"merges":["a b"]}$1}
EOF
}

@test "ids are the last member, everything else stays byte for byte" {
    run_tok '{"text":"Hello world" , "n":1.0}\n{ "text" : "" }\n{"id":"\\u0061","text":"tar","x":{"text":[1]} }\t\n'
    [ "$status" = 0 ]
    [ "$(sed 's/,"ids":\[[0-9,]*\]//' "$output_file")" = "$(printf '{"text":"Hello world" , "n":1.0}\n{ "text" : "" }\n{"id":"\\u0061","text":"tar","x":{"text":[1]} }')" ]
    [ "$(sed -n 2p "$output_file")" = '{ "text" : "" ,"ids":[]}' ]
}

@test "ids that are there are replaced where they are" {
    mini
    printf '{"ids":[9,9],"text":"abab a"}\n{"text":"b","ids":"x","z":0}\n' >in.jsonl
    both_jobs in.jsonl tokenize -t mini.json
    gives 0 '{"ids":[2,2,3,0],"text":"abab a"}\n{"text":"b","ids":[1],"z":0}\n'
}

@test "--drop-field puts ids in the place of the text" {
    mini
    printf '{"text":"ab","z":0}\n{"text":"a"}\n{"ids":0, "text":"b" , "z":1}\n{"text":"b","ids":7}\n{"ids":7 ,\t"text":"b"}\n' >in.jsonl
    both_jobs in.jsonl tokenize -t mini.json --drop-field
    gives 0 '{"ids":[2],"z":0}\n{"ids":[0]}\n{"ids":[1], "z":1}\n{"ids":[1]}\n{"ids":[1] }\n'
    printf '{"m":{"t":"ab"}}\n{"m":{"x":1,"t":"a"},"y":2}\n' >in.jsonl
    both_jobs in.jsonl tokenize -t mini.json --drop-field --field m.t
    gives 0 '{"m":{},"ids":[2]}\n{"m":{"x":1},"y":2,"ids":[0]}\n'
}

@test "--count adds n_tokens and no ids" {
    mini
    printf '{"text":"ab ab"}\n{"text":"","n_tokens":null}\n' >in.jsonl
    both_jobs in.jsonl tokenize -t mini.json --count
    gives 0 '{"text":"ab ab","n_tokens":3}\n{"text":"","n_tokens":0}\n'
}

# packed FILE: the documents of packed ids as JSON lines, read as millrace-formats(5) describes them.
packed() {
    python3 - "$1" <<'PY'
import json, struct, sys
b = open(sys.argv[1], "rb").read()
if not b:
    sys.exit()
magic, version, width, vocab, finger, zero = struct.unpack_from("<8sIIQ16sQ", b)
assert (magic, version, zero) == (b"MRTOKENS", 1, 0)
at, docs, total = 48, 0, 0
pad = lambda n: (n + 3) // 4 * 4
while True:
    n, m, check = struct.unpack_from("<IIQ", b, at)
    at += 16
    if n == 0xFFFFFFFF:
        break
    meta, at = b[at:at + m], at + pad(m)
    ids = struct.unpack_from("<%d%s" % (n, "H" if width == 2 else "I"), b, at)
    at, docs, total = at + pad(n * width), docs + 1, total + n
    print(json.dumps([width, vocab, finger.hex(), meta.decode(), ids]))
assert struct.unpack_from("<QQ", b, at) == (docs, total) and at + 16 == len(b)
PY
}

@test "--format packed: ids as bytes, with what names the record" {
    mini
    printf '{"text":"abab a"}\n{"id":7e0 ,"x":1,"text":"b"}\n{"source":"s","text":"","id":"\\u00e9"}\n{"source":null,"text":"ab"}\n' >in.jsonl
    both_jobs in.jsonl tokenize -t mini.json --format packed
    [ "$status" = 0 ]
    packed "$output_file" >docs.jsonl
    tokenize -t mini.json --report r.json --format packed in.jsonl >/dev/null
    finger="$(json r.json 'd["fingerprint"]')"
    is_file docs.jsonl "[2, 6, \"$finger\", \"\", [2, 2, 3, 0]]
[2, 6, \"$finger\", \"{\\\\\"id\\\\\":7e0}\", [1]]
[2, 6, \"$finger\", \"{\\\\\"id\\\\\":\\\\\"\\\\\\\\u00e9\\\\\",\\\\\"source\\\\\":\\\\\"s\\\\\"}\", []]
[2, 6, \"$finger\", \"{\\\\\"source\\\\\":null}\", [2]]
"
    [ "$(json r.json '[d["out"], d["tokens_total"]]')" = "[4, 6]" ]
    run_tok '' --format packed
    gives 0 ''
    run_tok '{"text":"a"}\n{}\n' --format packed
    [ "$status" = 65 ]
    run -2 tokenize -t demo --format packed --drop-field </dev/null
    run -2 tokenize -t demo --format packed --count </dev/null
}

@test "--format packed holds the ids that --format ids gives" {
    for i in $(seq 300); do
        printf '{"text":"%s %s the tar command, line %d\\n"}\n' "$i" "$((i * i))" "$i"
    done >in.jsonl
    printf '{"text":"%s"}\n' "$(head -c 100000 /dev/zero | tr '\0' 'x')" >>in.jsonl
    both_jobs in.jsonl tokenize -t demo --format packed
    packed "$output_file" | python3 -c 'import json, sys
for l in sys.stdin: print(json.dumps(json.loads(l)[4]).replace(" ", ""))' >packed.txt
    tokenize -t demo --format ids --drop-field in.jsonl | sed 's/{"ids"://; s/}$//' >ids.txt
    cmp packed.txt ids.txt
}

@test "special tokens are text, or parsed; --add-special adds what the tokenizer adds" {
    run_tok '{"text":"a<|endoftext|>"}\n' --special parse
    [ "$(json "$output_file" 'd["ids"][-1]')" = 0 ]
    run_tok '{"text":"a<|endoftext|>"}\n'
    [ "$(json "$output_file" '0 in d["ids"]')" = false ]
    run_tok '{"text":""}\n' --add-special
    gives 0 '{"text":"","ids":[0]}\n'
    run_tok '{"text":""}\n' --add-special --count
    gives 0 '{"text":"","n_tokens":1}\n'
}

@test "--decode gives the text back" {
    printf '{"text":"Grüße, 世界! \\ud83d\\ude00\\u0000\\t\\"<|endoftext|>"}\n{"text":""}\n' >in.jsonl
    tokenize -t demo --drop-field <in.jsonl | tokenize -t demo --decode --drop-field >back.jsonl
    python3 -c 'import json,sys
a,b=([json.loads(l) for l in open(f)] for f in sys.argv[1:])
assert a==b,(a,b)' in.jsonl back.jsonl
    run_tok '{"ids":[0,100, 0 ]}\n{"ids":[],"text":1}\n' --decode --skip-special
    [ "$status" = 0 ]
    [ "$(sed -n 2p "$output_file")" = '{"ids":[],"text":""}' ]
}

@test "a character cut in two is U+FFFD" {
    mini
    printf '{"ids":[4,5,4]}\n{"ids":[5]}\n' >in.jsonl
    both_jobs in.jsonl tokenize -t mini.json --decode
    gives 0 '{"ids":[4,5,4],"text":"é\xef\xbf\xbd"}\n{"ids":[5],"text":"\xef\xbf\xbd"}\n'
}

@test "bad records: where and why" {
    run_tok '{"text":"a"}\n{"x":1}\n'
    [ "$status" = 65 ]
    grep -q 'stdin:2: ' "$error_file"
    run_tok '{"text":"a\\ud800"}\n'
    [ "$status" = 65 ]
    run_tok '{"text":"a","ids":1,"ids":2}\n'
    [ "$status" = 65 ]
    run_tok '{"ids":[1,2.5]}\n' --decode
    [ "$status" = 65 ]
    grep -q 'stdin:1: byte 11: not a token id' "$error_file"
    for id in -1 '"1"' 4294967296 1e2 99999999999999999999 '[1]' null; do
        run_tok "{\"ids\":[$id]}\n" --decode
        [ "$status" = 65 ]
    done
    run_tok '{"ids":[8192]}\n' --decode
    [ "$status" = 65 ]
    grep -q 'id 8192 is not in the vocabulary' "$error_file"
    run_tok '{"ids":"1"}\n' --decode
    [ "$status" = 65 ]
}

@test "bad records go to --rejects" {
    run_tok '{"text":"a"}\n{"text":1}\nnot json\n{"text":"b"}\n' --rejects rejects.jsonl --force
    [ "$status" = 0 ]
    [ "$(wc -l <"$output_file")" = 2 ]
    [ "$(wc -l <rejects.jsonl)" = 2 ]
}

@test "the report counts tokens and names the tokenizer" {
    mini
    printf '{"text":"ab ab"}\n{"text":"é"}\nx\n' >in.jsonl
    tokenize -t mini.json --rejects /dev/null --report r.json in.jsonl >/dev/null
    [ "$(json r.json '[d["in"], d["out"], d["rejected"], d["tokens_total"], d["text_bytes_total"], d["vocab_size"]]')" = "[3, 2, 1, 5, 7, 6]" ]
    [ "$(json r.json 'abs(d["tokens_per_byte"] - 5/7) < 1e-9')" = true ]
    [ "$(json r.json 'len(d["fingerprint"])')" = 32 ]
    mini ',"normalizer":null'
    tokenize -t mini.json --rejects /dev/null --report s.json in.jsonl >/dev/null
    [ "$(json r.json 'd["fingerprint"]')" = "$(json s.json 'd["fingerprint"]')" ]
}

@test "a bad tokenizer is exit 78 with the place" {
    for change in ',"normalizer":{"type":"Upper"}|normalizer.type' ',"what":1|what' ',"padding":{}|padding'; do
        mini "${change%|*}"
        run -78 tokenize -t mini.json </dev/null
        [[ "$output" == *"mini.json: \$"*"${change#*|}"* ]]
    done
    printf '{"model":' >mini.json
    run -78 tokenize -t mini.json </dev/null
    run -66 tokenize -t missing.json </dev/null
}

@test "usage errors" {
    run -2 tokenize </dev/null
    run -2 tokenize -t demo --decode --count </dev/null
    run -2 tokenize -t demo --skip-special </dev/null
    run -2 tokenize -t demo --decode --add-special </dev/null
    run -2 tokenize -t demo --decode --field a.b </dev/null
    run -2 tokenize -t demo --field ids </dev/null
}

@test "empty input, env -i, long and strange records" {
    run_tok ''
    gives 0 ''
    printf '{"text":"a"}\n' | env -i "$BUILD/bin/tokenize" -t demo >out.jsonl
    [ -s out.jsonl ]
    python3 -c '
import json
for t in ["a"*300000, " "*300000, "\n"*100000, "^"*100000, "\u4e2d"*50000, "ab"*100000, "9"*100000, "\u0000"*1000]:
    print(json.dumps({"text": t}))' >in.jsonl
    both_jobs in.jsonl tokenize -t demo
    [ "$status" = 0 ]
    tokenize -t demo --decode --field back "$output_file" >back.jsonl
    python3 -c 'import json
for l in open("back.jsonl"):
    d = json.loads(l)
    assert d["text"] == d["back"]'
}

@test "the same bytes for every instruction set" {
    printf '{"text":"Hello, World! 123 it'"'"'s\\n\\n  ok\\u00e9\\u4e2d"}\n' >in.jsonl
    tokenize -t demo <in.jsonl >best.jsonl
    for isa in $(tokenize -V | sed -n 's/.*available: \(.*\)).*/\1/p'); do
        MILLRACE_ISA=$isa tokenize -t demo <in.jsonl | cmp - best.jsonl
    done
}

# The merges that Hugging Face's BpeTrainer 0.23 learns from these texts (vocab_size 300, min_frequency 2).
small_corpus() {
    cat >small.jsonl <<'EOF'
{"text":"the tar command lists the files of the archive\n"}
{"text":"the archive has three files, there are 1234 more"}
{"text":"aaaa aaa aa aaaaaaaa abababab \u4e2d\u4e2d\u4e2d\u4e2d"}
{"text":"The other archive isn't there; they're in the other folder"}
EOF
    printf '%s\n' '#version: 0.2' "a a" "h e" "t he" "r e" "Ġ the" "Ġ a" "¸ Ń" "ä ¸Ń" "aa aa" "a b" "c h" "i v" \
        "r ch" "Ġ f" "Ġ o" "Ġa rch" "ä¸Ń ä¸Ń" "iv e" "Ġarch ive" "e s" "i l" "i s" "Ġ t" "Ġ aa" "the r" "Ġthe re" \
        "ab ab" "Ġf il" "Ġo ther" "Ġfil es" >small.merges
}

@test "--train bpe learns the merges that Hugging Face learns" {
    small_corpus
    for jobs in 1 4; do
        tokenize --train bpe --vocab-size 300 --min-frequency 2 --special-token '<|end|>' -j$jobs \
            -o x.merges.txt --force small.jsonl
        cmp x.merges.txt small.merges
    done
    [ "$(json x.vocab.json '[d["<|end|>"], d["!"], d["the"], len(d)]')" = "[0, 1, 259, 287]" ]
    tokenize --train bpe --vocab-size 300 --min-frequency 2 --special-token '<|end|>' small.jsonl >new.json
    [ "$(json new.json '"\n".join(["#version: 0.2"] + d["model"]["merges"])')" = "$(cat small.merges)" ]
    tokenize -t new.json small.jsonl | tokenize -t new.json --decode --field back |
        python3 -c 'import json, sys
for l in sys.stdin:
    d = json.loads(l)
    assert d["text"] == d["back"]'
    [ "$(printf '{"text":"<|end|>"}\n' | tokenize -t new.json --special parse)" = '{"text":"<|end|>","ids":[0]}' ]
    tokenize --train bpe --vocab-size 300 --min-frequency 2 -o x.tiktoken small.jsonl
    [ "$(sed -n '1p;$p' x.tiktoken)" = "$(printf 'IQ== 0\nIGZpbGVz 285')" ]
    run -73 tokenize --train bpe --vocab-size 300 -o x.tiktoken small.jsonl
}

@test "--train stops where it is told to" {
    small_corpus
    tokenize --train bpe --vocab-size 258 -o x.merges.txt small.jsonl
    [ "$(wc -l <x.merges.txt)" = 3 ]
    tokenize --train bpe --vocab-size 5000 --min-frequency 6 -o y.merges.txt small.jsonl
    [ "$(cat y.merges.txt)" = "$(head -n "$(wc -l <y.merges.txt)" small.merges)" ]
    [ "$(wc -l <y.merges.txt)" -lt 20 ]
    run -65 tokenize --train bpe --vocab-size 255 small.jsonl
    [[ "$output" == *"the alphabet alone has 256 tokens"* ]]
    tokenize --train bpe --vocab-size 40 --alphabet seen small.jsonl >seen.json
    [ "$(json seen.json 'len(d["model"]["vocab"])')" = 40 ]
    run -65 tokenize --train bpe --vocab-size 300 </dev/null
    run -2 tokenize --train bpe small.jsonl
    run -2 tokenize --train bpe --vocab-size 300 -t demo small.jsonl
    run -2 tokenize --words --vocab-size 300 small.jsonl
    run -2 tokenize -t demo --split gpt2 small.jsonl
}

@test "--words, --merge-counts: sorted counts that add up, from any parts and with any memory" {
    small_corpus
    both_jobs small.jsonl tokenize --words
    [ "$status" = 0 ]
    [ "$(sed -n '1,3p' "$output_file")" = '{"word":"\n","count":1}
{"word":" 1234","count":1}
{"word":" aa","count":1}' ]
    grep -qx '{"word":" the","count":3}' "$output_file"
    cp "$output_file" whole.jsonl
    head -n 2 small.jsonl | tokenize --words >a.jsonl
    tail -n 2 small.jsonl | tokenize --words >b.jsonl
    tokenize --merge-counts a.jsonl b.jsonl >merged.jsonl
    cmp merged.jsonl whole.jsonl
    tokenize --train bpe --vocab-size 300 --min-frequency 2 -o x.merges.txt --special-token '<|end|>' b.jsonl a.jsonl
    cmp x.merges.txt small.merges
    # another pattern, other words
    printf '{"text":"HelloWorld it'"'"'s"}\n' >camel.jsonl
    [ "$(tokenize --words --split o200k camel.jsonl)" = '{"word":" it'"'"'s","count":1}
{"word":"Hello","count":1}
{"word":"World","count":1}' ]
    [ "$(tokenize --words camel.jsonl | wc -l)" = 3 ]
    # more words than memory
    python3 -c '
import json
for i in range(60000):
    print(json.dumps({"text": " ".join("w%d" % (i * k % 50021) for k in range(1, 4))}))' >many.jsonl
    tokenize --words --memory 1M --report r.json many.jsonl >small_memory.jsonl
    tokenize --words --report s.json many.jsonl >big_memory.jsonl
    cmp small_memory.jsonl big_memory.jsonl
    [ "$(json r.json 'd["spilled_bytes_total"] > 0 and d["words_total"] == 360000')" = true ]
    [ "$(json s.json 'd["spilled_bytes_total"]')" = 0 ]
    [ "$(json s.json 'd["distinct_words_total"]')" = "$(wc -l <big_memory.jsonl)" ]
}

@test "--merge-counts counts in 64 bits and refuses what is no count" {
    printf '{"word":"a","count":9223372036854775807}\n{"word":"a","count":9223372036854775807}\n' >big.jsonl
    both_jobs big.jsonl tokenize --merge-counts
    gives 0 '{"word":"a","count":18446744073709551614}\n'
    printf '{"word":"a","count":2}\n' >>big.jsonl
    both_jobs big.jsonl tokenize --merge-counts
    [ "$status" = 65 ]
    for record in '{"word":"a"}' '{"word":"a","count":0}' '{"word":"a","count":-1}' '{"word":"a","count":1.5}' \
        '{"word":1,"count":1}' '{"text":"a"}'; do
        run -65 tokenize --merge-counts <<<"$record"
    done
    run -65 tokenize --train bpe --vocab-size 300 <<<'{"words":"a"}'
}

@test "--train bpe: a novel, against the reference's merges" {
    need_data tokenizers/train-pnp/bpe-bytelevel.merges.txt tokenizers/corpora/pride_and_prejudice.txt
    python3 -c '
import json, sys
for line in open(sys.argv[1], newline="\n", encoding="utf-8"):
    print(json.dumps({"text": line}))' "$DATA/tokenizers/corpora/pride_and_prejudice.txt" >novel.jsonl
    tokenize --words novel.jsonl | tokenize --train bpe --vocab-size 30000 --alphabet seen -o n.merges.txt
    tail -n +2 n.merges.txt | cmp - "$DATA/tokenizers/train-pnp/bpe-bytelevel.merges.txt"
    python3 -c '
import json, sys
ids = json.load(open("n.vocab.json"))
print("\n".join(sorted(ids, key=ids.get)))' | cmp - "$DATA/tokenizers/train-pnp/bpe-bytelevel.vocab.txt"
}

@test "offsets and pieces" {
    mini
    echo '{"text":"ab a","offsets":1,"n":2}' >in.jsonl
    for j in 1 4; do
        run -0 tokenize -j$j -t mini.json --offsets --tokens in.jsonl
        [ "$output" = '{"text":"ab a","offsets":[[0,2],[2,3],[3,4]],"n":2,"ids":[2,3,0],"tokens":["ab","\u0120","a"]}' ] ||
            [ "$output" = '{"text":"ab a","offsets":[[0,2],[2,3],[3,4]],"n":2,"ids":[2,3,0],"tokens":["ab","Ġ","a"]}' ]
    done
}

@test "pairs have type ids, also without a pair in the record" {
    printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' a '##b' c >vocab.txt
    printf '%s\n' '{"text":"AB","b":"c x"}' '{"text":"c"}' >in.jsonl
    run -0 tokenize -t vocab.txt --pair-field b --add-special in.jsonl
    [ "${lines[0]}" = '{"text":"AB","b":"c x","ids":[2,4,5,3,6,1,3],"type_ids":[0,0,0,0,1,1,1]}' ]
    [ "${lines[1]}" = '{"text":"c","ids":[2,6,3]}' ]
    echo '{"text":"c","b":3}' >bad.jsonl
    run -65 tokenize -t vocab.txt --pair-field b bad.jsonl
    [[ "$output" == *"the pair is not a string"* ]]
}

@test "a limit of length cuts off or goes on in further records" {
    mini
    echo '{"text":"ab a ab","x":1}' >in.jsonl
    run -0 tokenize -t mini.json --max-length 3 --truncate in.jsonl
    [ "$output" = '{"text":"ab a ab","x":1,"ids":[2,3,0]}' ]
    run -0 tokenize -t mini.json --max-length 3 --chunk --overlap 1 --drop-field in.jsonl
    [ "${lines[0]}" = '{"x":1,"ids":[2,3,0],"chunk":0}' ]
    [ "${lines[1]}" = '{"x":1,"ids":[0,3,2],"chunk":1}' ]
    [ "${#lines[@]}" = 2 ]
    run -0 tokenize -t mini.json --max-length 9 --chunk --offsets in.jsonl
    [ "$output" = '{"text":"ab a ab","x":1,"ids":[2,3,0,3,2],"offsets":[[0,2],[2,3],[3,4],[4,5],[5,7]],"chunk":0}' ]
    run -2 tokenize -t mini.json --max-length 3 in.jsonl
    run -2 tokenize -t mini.json --truncate in.jsonl
    run -2 tokenize -t mini.json --max-length 3 --truncate --chunk in.jsonl
    run -2 tokenize -t mini.json --max-length 3 --truncate --overlap 1 in.jsonl
    run -65 tokenize -t mini.json --max-length 3 --chunk --overlap 3 in.jsonl
}

@test "dropout depends on the seed and the text, not on the number of jobs" {
    for i in $(seq 200); do echo "{\"text\":\"the words of record $i and some more words\"}"; done >in.jsonl
    tokenize -t demo --bpe-dropout 0.3 -j1 in.jsonl >a.jsonl
    tokenize -t demo --bpe-dropout 0.3 -j4 in.jsonl >b.jsonl
    cmp a.jsonl b.jsonl
    tokenize -t demo --bpe-dropout 0.3 --seed 7 in.jsonl >c.jsonl
    ! cmp -s a.jsonl c.jsonl
    tokenize -t demo --decode --drop-field c.jsonl | cmp - in.jsonl
    tokenize -t demo --bpe-dropout 0 --offsets in.jsonl >/dev/null
    run -2 tokenize -t demo --seed 3 in.jsonl
    printf '%s\n' '[UNK]' a >vocab.txt
    run -2 tokenize -t vocab.txt --bpe-dropout 0.1 in.jsonl
}

@test "special tokens in a text: an error, or left out" {
    mini ',"added_tokens":[{"id":4,"content":"<x>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}]'
    echo '{"text":"ab<x>a"}' >in.jsonl
    run -65 tokenize -t mini.json --special error in.jsonl
    [[ "$output" == *"the special token '<x>' stands in the text"* ]]
    run -0 tokenize -t mini.json --special drop in.jsonl
    [ "$output" = '{"text":"ab<x>a","ids":[2,0]}' ]
    run -0 tokenize -t mini.json --special drop --offsets in.jsonl
    [ "$output" = '{"text":"ab<x>a","ids":[2,0],"offsets":[[0,2],[5,6]]}' ]
}

@test "ids that are no UTF-8 become base64 or an error when asked" {
    echo '{"ids":[64,188]}' >in.jsonl
    tokenize -t demo --decode in.jsonl >r.jsonl
    tokenize -t demo --decode --invalid bytes in.jsonl >b.jsonl
    [[ "$(cat r.jsonl)" == *"�"* ]]
    [[ "$(cat b.jsonl)" == '{"ids":[64,188],"text_b64":"'*'"}' ]]
    run -65 tokenize -t demo --decode --invalid error in.jsonl
    [[ "$output" == *"not UTF-8"* ]]
}

@test "formats are told by content" {
    printf '%s\n' '[UNK]' a '##b' c >words
    echo '{"text":"ab c d"}' >in.jsonl
    run -0 tokenize -t words in.jsonl
    [ "$output" = '{"text":"ab c d","ids":[1,2,3,0]}' ]
    python3 -c '
import base64
for i in range(256): print(base64.b64encode(bytes([i])).decode(), i)
print(base64.b64encode(b"ab").decode(), 256)' >ranks
    run -78 tokenize -t ranks in.jsonl
    [[ "$output" == *"--pattern NAME|FILE"* ]]
    run -0 tokenize -t ranks --pattern gpt2 in.jsonl
    [ "$output" = '{"text":"ab c d","ids":[256,32,99,32,100]}' ]
    echo '{"pat_str":"ab|.","special_tokens":{"<e>":300}}' >p.json
    echo '{"text":"ab<e>"}' >e.jsonl
    run -0 tokenize -t ranks --pattern p.json --special parse e.jsonl
    [ "$output" = '{"text":"ab<e>","ids":[256,300]}' ]
    mkdir -p folder
    mini && cp mini.json folder/tokenizer.json
    run -0 tokenize -t folder in.jsonl
    [[ "$output" == *'"ids":[2,3,'* ]]
    rm folder/tokenizer.json
    run -66 tokenize -t folder in.jsonl
    printf '{"a":0,"b":1,"ab":2}' >vocab.json
    run -78 tokenize -t vocab.json in.jsonl
    printf '#version: 0.2\na b\n' >merges.txt
    echo '{"text":"abb"}' >in.jsonl
    run -0 tokenize -t vocab.json in.jsonl
    [ "$output" = '{"text":"abb","ids":[2,1]}' ]
}

@test "--chat renders messages by the template beside the tokenizer" {
    mkdir -p model
    mini && cp mini.json model/tokenizer.json
    cat >model/tokenizer_config.json <<'END'
{"bos_token":{"content":"b"},"chat_template":"{{ bos_token }}{% for m in messages %}{{ m.content }} {% endfor %}{% if tools %}ab{% endif %}{% if add_generation_prompt %}a{% endif %}"}
END
    printf '%s\n' '{"messages":[{"role":"user","content":"ab"},{"role":"x","content":"a"}],"n":1}' \
        '{"tools":[{}],"messages":[{"role":"user","content":"b"}]}' >chat.jsonl
    both_jobs chat.jsonl tokenize -t model --chat
    gives 0 '{"messages":[{"role":"user","content":"ab"},{"role":"x","content":"a"}],"n":1,"ids":[1,2,3,0,3]}\n{"tools":[{}],"messages":[{"role":"user","content":"b"}],"ids":[1,1,3,2]}\n'
    run -0 tokenize -t model --chat --generation-prompt --rendered --drop-field chat.jsonl
    [ "${lines[0]}" = '{"ids":[1,2,3,0,3,0],"n":1,"text":"bab a a"}' ]
    echo '{{ messages[0].content }}' >own.jinja
    run -0 tokenize -t model --chat --chat-template own.jinja chat.jsonl
    [[ "${lines[1]}" == *'"ids":[1]}' ]]
    sed 's/"messages"/"turns"/' chat.jsonl >turns.jsonl
    run -0 tokenize -t model --chat --field turns turns.jsonl
    [[ "${lines[0]}" == *'"ids":[1,2,3,0,3]}' ]]
    run -65 tokenize -t model --chat <<<'{"messages":[{"content":"b"}]}'
    run -65 tokenize -t model --chat <<<'{"messages":[],"tools":3}'
    rm model/tokenizer_config.json
    run -78 tokenize -t model --chat chat.jsonl
    [[ "$output" == *"give --chat-template"* ]]
    run -2 tokenize -t model --rendered chat.jsonl
}

@test "--compile: the same ids, counts, text and fingerprint" {
    tokenize -t demo --compile -o demo.mrt
    run -73 tokenize -t demo --compile -o demo.mrt
    tokenize -t demo --compile >again.mrt
    cmp demo.mrt again.mrt
    printf '{"text":"Hello, World! it'"'"'s 123\\n\\n  tar -xf\\u4e2d\\u6587<|endoftext|>"}\n{"text":""}\n' >in.jsonl
    for options in "" "--special parse --add-special" "--count" "--offsets" "--tokens"; do
        tokenize -t demo $options in.jsonl >plain.jsonl
        both_jobs in.jsonl tokenize -t demo.mrt $options
        cmp "$output_file" plain.jsonl
    done
    tokenize -t demo in.jsonl | tokenize -t demo --decode >plain.jsonl
    tokenize -t demo.mrt in.jsonl | tokenize -t demo.mrt --decode | cmp - plain.jsonl
    tokenize -t demo --report a.json in.jsonl >/dev/null
    tokenize -t demo.mrt --report b.json in.jsonl >/dev/null
    [ "$(json a.json 'd["fingerprint"]')" = "$(json b.json 'd["fingerprint"]')" ]
}

@test "--compile: what is no byte-level BPE, and a damaged file, are exit 78" {
    printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n' >vocab.txt
    run -78 tokenize -t vocab.txt --compile -o v.mrt
    [[ "$output" == *"only byte-level BPE can be compiled"* ]]
    [ ! -e v.mrt ]
    mini
    run -78 tokenize -t mini.json --compile
    tokenize -t demo --compile -o demo.mrt
    head -c 100000 demo.mrt >cut.mrt
    run -78 tokenize -t cut.mrt </dev/null
    [[ "$output" == *"cut off"* ]]
    python3 -c '
b = bytearray(open("demo.mrt", "rb").read())
b[len(b) // 2] ^= 1
open("bad.mrt", "wb").write(b)'
    run -78 tokenize -t bad.mrt </dev/null
    [[ "$output" == *"bytes were changed"* ]]
    run -2 tokenize -t demo --compile in.jsonl
    run -2 tokenize -t demo --compile --count
}

@test "--explain has a line per stage, --diff the first text and stage that differ, --lint what is odd" {
    mini
    echo '{"text":"ab a"}' >in.jsonl
    both_jobs in.jsonl tokenize -t mini.json --explain
    gives 0 '{"stage":"section","text":"ab a"}\n{"stage":"normalized","text":"ab a"}\n{"stage":"pieces","pieces":["ab","Ġa"]}\n{"stage":"ids","ids":[2,3,0],"tokens":["ab","Ġ","a"]}\n'
    run -0 tokenize -t mini.json --diff mini.json in.jsonl
    [ -z "$output" ]
    mini ',"normalizer":{"type":"Replace","pattern":{"String":"b"},"content":"a"}' && mv mini.json other.json
    mini
    printf '{"text":"a"}\n{"text":"ab"}\n{"text":"b"}\n' >three.jsonl
    run -1 --separate-stderr tokenize -t mini.json --diff other.json three.jsonl
    [ "$output" = '{"stage":"normalized","a":{"stage":"normalized","text":"ab"},"b":{"stage":"normalized","text":"aa"}}' ]
    [[ "$stderr" == *"2 of 3 texts give other ids"* ]]
    cat >odd.json <<'END'
{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\w+$"},"behavior":"Isolated","invert":false},
 "added_tokens":[{"id":2,"content":"ab","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
 "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"ba":3,"bb":9},"merges":["a b","b b"]}}
END
    run -1 --separate-stderr tokenize -t odd.json --lint
    [ "${lines[0]}" = '{"finding":"unreachable","id":3,"token":"ba","becomes":[1,0]}' ]
    [ "${lines[1]}" = '{"finding":"unused","first":4,"last":8}' ]
    [ "${lines[2]}" = '{"finding":"forgeable","id":2,"token":"ab"}' ]
    [[ "${lines[3]}" == '{"finding":"pattern","stage":0,"construct":"$",'* ]]
    [[ "${lines[4]}" == '{"finding":"pattern","stage":0,"construct":"\\w",'* ]]
    run -0 tokenize -t mini.json --lint
    run -2 tokenize -t mini.json --lint in.jsonl
}
