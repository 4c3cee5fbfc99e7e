#!/usr/bin/env bats
# clean(1): personal data and secrets.
load helper

run_clean() { # INPUT ARGS...
    local input="$1"
    shift
    printf "$input" >input.jsonl
    both_jobs input.jsonl clean "$@"
}

gives() { # STATUS TEXT
    [ "$status" = "$1" ] || { echo "exit $status"; cat "$error_file"; return 1; }
    is_file "$output_file" "$2"
}

all='{"id":1,"text":"Mail b\\u00f6b@example.com, 2001:db8::1 and 10.1.2.3/24; 00:1A:2B:3C:4D:5E, +49 30 1234567"}\n'

@test "tags stand in the place of matches, other members stay" {
    run_clean "$all" --redact all
    gives 0 '{"id":1,"text":"Mail <EMAIL>, <IP> and <IP>; <MAC>, <PHONE>"}\n'
    run_clean "$all" --redact ip,MAC_ADDRESS
    gives 0 '{"id":1,"text":"Mail b\xc3\xb6b@example.com, <IP> and <IP>; <MAC>, +49 30 1234567"}\n'
    run_clean '{"text":"nothing \\u0061 here 12"}\n' --redact all
    gives 0 '{"text":"nothing \\u0061 here 12"}\n'
}

@test "what all finds only beside a context word is found everywhere when it is named" {
    run_clean '{"text":"order 123456782 of 12345678901"}\n' --redact all
    gives 0 '{"text":"order 123456782 of 12345678901"}\n'
    run_clean '{"text":"SSN 123456782"}\n' --redact all
    gives 0 '{"text":"SSN <US_SSN>"}\n'
    run_clean '{"text":"order 123456782"}\n' --redact us_ssn
    gives 0 '{"text":"order <US_SSN>"}\n'
    run_clean '{"text":"born 1980-03-02, met 2001-05-06 at http://example.com/ somewhere far from the word"}\n' --redact all
    gives 0 '{"text":"born <BIRTH_DATE>, met <BIRTH_DATE> at http://example.com/ somewhere far from the word"}\n'
    run_clean '{"text":"met 2001-05-06 at http://example.com/x."}\n' --redact url,date_time
    gives 0 '{"text":"met <DATE_TIME> at <URL>."}\n'
}

@test "checksums, formats and edges decide" {
    run_clean '{"text":"4111 1111 1111 1111 4111 1111 1111 1112 DE89370400440532013000 DE88370400440532013000"}\n' --redact credit_card,iban
    gives 0 '{"text":"<CREDIT_CARD> 4111 1111 1111 1112 <IBAN> DE88370400440532013000"}\n'
    run_clean '{"text":"1.2.3.4.5 is a version, 1.2.3.4. is none, 256.1.1.1 std::x ::1"}\n' --redact ip
    gives 0 '{"text":"1.2.3.4.5 is a version, <IP>. is none, 256.1.1.1 std::x <IP>"}\n'
    run_clean '{"text":"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq 16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx"}\n' --redact crypto
    gives 0 '{"text":"<CRYPTO> <CRYPTO> bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx"}\n'
}

@test "secrets" {
    local p=ghp_ a=AKIA x=xoxb- s=sk_live_ g=AIza k='-----BEGIN RSA PRIVATE'
    run_clean '{"text":"'"${a}"'IOSFODNN7EXAMPLE '"$p"'0123456789abcdefghijABCDEFGHIJ012345 '"$x"'123456789012-abcdefghijklGHIJKL012345 '"$s"'0123456789abcdefABCDEF01 '"$g"'SyA0123456789-abcdefghijABCDEFGHIJ0 x"}\n' --redact all
    gives 0 '{"text":"<AWS_KEY> <GITHUB_TOKEN> <SLACK_TOKEN> <STRIPE_KEY> <GCP_KEY> x"}\n'
    run_clean '{"text":"a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U b https://joe:s3cr3t@host.org/ c\\n'"$k"' KEY-----\\nMIIEow+/=\\n-----END RSA PRIVATE KEY-----\\nd"}\n' --redact all
    gives 0 '{"text":"a <JWT> b https://<URL_CREDENTIALS>@host.org/ c\\n<PRIVATE_KEY>\\nd"}\n'
}

@test "mask, drop, keep" {
    run_clean '{"text":"a b\\u00f6b@x.de c"}\n' --redact email --redact-with mask
    gives 0 '{"text":"a ******** c"}\n'
    run_clean '{"text":"a bob@x.de c"}\n' --redact email --redact-with drop
    gives 0 '{"text":"a  c"}\n'
    run_clean '{"text":"a b\\u00f6b@x.de c"}\n' --redact email --redact-with keep --spans
    gives 0 '{"text":"a b\\u00f6b@x.de c","_clean":{"spans":[{"kind":"email","bytes":[2,11],"chars":[2,10]}]}}\n'
}

@test "a removal that joins two halves leaves nothing behind" {
    run_clean '{"text":"jo@x.cob@y.com@z.org 4111 11 4111111111111111 11 1111 1111"}\n' --redact email,credit_card --redact-with drop
    cp "$output_file" once.jsonl
    both_jobs once.jsonl clean --redact email,credit_card --redact-with drop
    cmp "$output_file" once.jsonl
}

@test "hash: the same value gives the same token, another key gives another" {
    printf 'a key of some length\n' >key
    printf 'another key, as long\n' >key2
    run_clean '{"text":"bob@x.de"}\n{"text":"amy@x.de and bob@x.de"}\n' --redact email --redact-with hash --key-file key
    [ "$status" = 0 ]
    grep -qE '^\{"text":"<EMAIL:[a-p]{16}>"\}$' "$output_file"
    [ "$(grep -oE '<EMAIL:[a-p]+>' "$output_file" | sort | uniq -c | awk '{print $1}' | sort | tr -d '\n')" = 12 ]
    cp "$output_file" first
    run_clean '{"text":"bob@x.de"}\n{"text":"amy@x.de and bob@x.de"}\n' --redact email --redact-with hash --key-file key2
    ! cmp -s "$output_file" first
}

@test "--redact-map and --restore give the texts back" {
    printf 'a key of some length\n' >key
    printf '{"id":1,"text":"bob@x.de \\"10.0.0.1\\" <EMAIL> <EMAIL:aaaaaaaaaaaaaaaa>"}\n{"text":"bob@x.de"}\n{"text":"none"}\n' >in.jsonl
    for j in 1 4; do
        clean -j$j --redact all --redact-with hash --key-file key --redact-map map.$j <in.jsonl >red.$j
        [ "$(stat -c %a map.$j)" = 600 ]
    done
    cmp map.1 map.4 && cmp red.1 red.4
    ! grep -q '@' red.1
    [ "$(wc -l <map.1)" = 3 ]
    both_jobs red.1 clean --restore map.1
    cmp "$output_file" in.jsonl
    run clean --restore nowhere <in.jsonl
    [ "$status" = 66 ]
    printf '{"token":"<A>","text":"x"}\n' >bad
    run clean --restore bad <in.jsonl
    [ "$status" = 78 ] && [[ "$output" == *"line 1"* ]]
    run clean --restore map.1 --redact email <in.jsonl
    [ "$status" = 2 ]
    run clean --redact email --redact-with hash --key-file key --redact-map map.1 <in.jsonl
    [ "$status" = 73 ]
}

@test "datatrove's replacements take turns over the stream" {
    run_clean '{"text":"a@b.co c@d.org 8.8.8.8"}\n{"text":"10.0.0.1 1.1.1.1 1.2.3.4.5"}\n{"text":"x@y.z","n":1}\n' --redact email,ip --redact-with datatrove
    gives 0 '{"text":"email@example.com firstname.lastname@example.org 22.214.171.124"}\n{"text":"10.0.0.1 126.96.36.199 188.8.131.52.5"}\n{"text":"email@example.com","n":1}\n'
    run clean --redact phone --redact-with datatrove </dev/null
    [ "$status" = 2 ]
}

@test "dolma's replacements" {
    run_clean '{"text":"write to joe@x.com. Or call (212) 555-0100 now, from 10.0.0.1:\\nend"}\n' --redact all --redact-with dolma
    gives 0 '{"text":"write to |||EMAIL_ADDRESS||| Or call |||PHONE_NUMBER|||  now, from  |||IP_ADDRESS||| :\\nend"}\n'
}

@test "--max-matches drops by rule" {
    run_clean '{"text":"a@b.co c@d.org"}\n{"text":"a@b.co"}\n' --redact email --max-matches 1 --drops dropped.jsonl --force
    gives 0 '{"text":"<EMAIL>"}\n'
    grep -q '"_drop":{"by":"clean","rule":"max-matches","value":2,"limit":1}' dropped.jsonl
}

@test "the report counts by kind" {
    printf '{"text":"a@b.co c@d.org 8.8.8.8"}\n' | clean --redact all --report r.json >/dev/null
    [ "$(json r.json 'd["redacted"]')" = '{"email": 2, "ip": 1}' ]
    [ "$(json r.json 'd["redacted_total"]')" = 3 ]
}

@test "wrong options are named" {
    run clean --redact emial </dev/null
    [ "$status" = 2 ] && [[ "$output" == *"did you mean 'email'?"* ]]
    run clean --redact '' </dev/null
    [ "$status" = 2 ]
    for args in "--spans" "--redact-with mask" "--redact email --redact-with hash" "--redact email --key-file /etc/hostname" \
        "--redact email --redact-map m" "--redact email --redact-with keep" "--max-matches 1"; do
        run clean $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status"; return 1; }
    done
    run clean --redact email --redact-with hash --key-file nowhere </dev/null
    [ "$status" = 66 ]
    printf short >key
    run clean --redact email --redact-with hash --key-file key </dev/null
    [ "$status" = 78 ]
    clean --list-kinds </dev/null | grep -qP '^credit_card\t\teverywhere\t'
    ! clean --list-kinds >/dev/full
}

@test "lines of near misses take linear time" {
    python3 - <<'EOF'
import json
n = 7_000_000
misses = ["a@", "1", "12 ", "a1", "1.", "1-", ":", "::", "a:", "0:", "eyJ.", "eyJ-", "AB12", "-----BEGIN RSA PRIVATE KEY-----",
          "-----", "4111 1111 1111 ", "http://a:b", "DE89 ", "+49 ", "(", "AKIA", "x" * 16 + "-", "a.b", "eyJ" + "a" * 16 + ".", "-", "A B 1 ", "1@1.1@"]
with open("miss.jsonl", "w") as f:
    for m in misses:
        f.write(json.dumps({"text": (m * (n // len(m)))}) + "\n")
EOF
    python3 - <<'EOF'
import resource, subprocess
for line in open("miss.jsonl"):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(["clean", "-j1", "--redact", "all,url,in_pan", "--redact-with", "keep", "--spans"], input=line.encode(),
                   stdout=subprocess.DEVNULL, check=True)
    t = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    print("%6.2f s  %s" % (t, line[10:30]))
    assert t < 30, line[:60]  # quadratic time would be hours
EOF
}
