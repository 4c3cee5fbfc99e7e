#!/usr/bin/env bats
# bench: what it runs, what it says, and when it fails. Timings themselves are judged with a
# synthetic clock in tests/unit/test_bench.c; here only ratios of 2 and more decide.

load helper

@test "a table of wall, user, system time and memory on stdout, nothing on stderr" {
    bench --runs 3 -- true >out 2>err
    [ ! -s err ]
    [ "$(sed -n 1p out)" = true ]
    [ "$(sed -n 2p out)" = '3 runs after 1 warm-up' ]
    grep -q '^wall time  .* [mu]s' out
    grep -q '^user time' out
    grep -q '^system time' out
    grep -q '^max RSS .* MB' out
}

@test "warm-ups and runs are counted, --prepare runs before each and is not measured" {
    cat >cmd <<'END'
echo run >>log
END
    bench --runs 4 --warmup 2 --prepare 'sh -c "echo prep >>log; sleep 0.05"' -- sh cmd >out
    [ "$(tr '\n' ' ' <log)" = "prep run prep run prep run prep run prep run prep run " ]
    grep -q '^4 runs after 2 warm-ups' out
    bench --runs 2 --format json --prepare 'sleep 0.5' -- true >out.json
    [ "$(json out.json 'd["results"][0]["wall_s"]["min"] < 0.45')" = true ]
}

@test "--min-time adds runs until they took that long" {
    bench --runs 2 --warmup 0 --min-time 200ms --format json -- sleep 0.02 >out.json
    [ "$(json out.json '4 <= d["results"][0]["runs"] <= 10')" = true ]
    [ "$(json out.json 'sum(d["results"][0]["samples"]["wall_s"]) >= 0.2')" = true ]
}

@test "--vs runs both commands in every round and says which is slower" {
    bench --runs 10 --vs 'sleep 0.01' -- sleep 0.05 >out 2>err
    [ ! -s err ]
    grep -q '^A: sleep 0.05' out
    grep -q '^B: sleep 0.01' out
    grep -Eq "^slower: [234]\.[0-9]+ times the wall time of 'sleep 0.01': .*99 % interval" out
    bench --runs 10 --vs 'sleep 0.05' -- sleep 0.01 | grep -q '^faster: 0\.'
}

@test "rounds are interleaved in an order that the seed decides" {
    n=0
    for seed in 1 1 2; do
        rm -f log
        n=$((n + 1))
        bench --runs 12 --warmup 0 --seed $seed --vs "sh -c 'echo B >>log'" -- sh -c 'echo A >>log' >/dev/null
        tr -d '\n' <log >order.$n
    done
    cmp order.1 order.2
    ! cmp -s order.1 order.3
    [ "$(wc -c <order.1)" = 24 ]
    # every round holds one A and one B
    [ -z "$(fold -w2 order.1 | grep -v -e AB -e BA)" ]
    grep -q AB order.1
}

@test "--fail-above: a clear regression is exit 1 with the verdict, anything else is 0" {
    run bench --runs 8 --fail-above 50% --vs 'sleep 0.01' -- sleep 0.05
    [ "$status" = 1 ]
    [[ "$output" == *"bench: regression: slower:"* ]]
    run bench --runs 8 --fail-above 50 --vs 'sleep 0.05' -- sleep 0.01
    [ "$status" = 0 ]
    run bench --runs 8 --fail-above 50% --min-abs 10s --vs 'sleep 0.01' -- sleep 0.05
    [ "$status" = 0 ]
}

@test "a baseline: export, compare, fail, other host, other command" {
    bench --runs 6 --export json=base.json -- sleep 0.01 >/dev/null
    sed 's/sleep 0.01/sleep 0.06/' base.json >base2.json
    run bench --runs 6 --baseline base2.json --fail-above 50% -- sleep 0.06
    [ "$status" = 1 ]
    [[ "$output" == *"regression: slower: "*" times the wall time of 'base2.json'"* ]]
    run bench --runs 6 --baseline base.json --fail-above 1000% -- sleep 0.01
    [ "$status" = 0 ]
    # another machine warns and cannot fail
    sed 's/"cpu":"[^"]*"/"cpu":"Babbage"/' base2.json >elsewhere.json
    bench --runs 6 --baseline elsewhere.json --fail-above 50% -- sleep 0.06 >out 2>err
    grep -q "warning: the baseline is from another machine (cpu 'Babbage', now .*): this run cannot fail" err
    grep -q '^slower: ' out
    # another command is said
    bench --runs 5 --baseline base.json -- sleep 0.02 >out 2>err
    grep -q "the baseline measured another command: 'sleep 0.01'" err
}

@test "too few runs are inconclusive: warned about, 75 with --strict-verdict" {
    bench --runs 2 --vs 'sleep 0.01' --fail-above 5% -- sleep 0.05 >out 2>err
    grep -q '^inconclusive: .*too few runs' out
    grep -q 'warning: inconclusive' err
    run bench --runs 2 --vs 'sleep 0.01' --strict-verdict -- sleep 0.05
    [ "$status" = 75 ]
}

@test "--gate rss compares memory" {
    cat >big.py <<'END'
x = bytearray(200 << 20)
END
    run bench --runs 5 --gate rss --fail-above 50% --vs true -- python3 big.py
    [ "$status" = 1 ]
    [[ "$output" == *"more memory: "*"times the max RSS of 'true'"* ]]
    run bench --runs 5 --gate rss --fail-above 50% --min-abs 1G --vs true -- python3 big.py
    [ "$status" = 0 ]
}

@test "a failing command is exit 69 with its last words" {
    run bench -- sh -c 'echo first >&2; echo "no luck" >&2; exit 3'
    [ "$status" = 69 ]
    [[ "$output" == *": exit code 3: 'no luck'" ]]
    run bench -- /nonexistent/command
    [ "$status" = 69 ]
    [[ "$output" == *"cannot run '/nonexistent/command'"* ]]
    run bench -- sh -c 'kill -9 $$'
    [ "$status" = 69 ]
    [[ "$output" == *"exit code 137"* ]]
    run bench --prepare false -- true
    [ "$status" = 69 ]
    [[ "$output" == *"--prepare: 'false': exit code 1"* ]]
    run bench --vs false -- true
    [ "$status" = 69 ]
    bench --runs 3 --ignore-failure --format json -- false >out.json
    [ "$(json out.json 'd["results"][0]["samples"]["exit_code"]')" = '[1, 1, 1]' ]
}

@test "no shell: words are split as a shell does, what needs one is refused" {
    printf 'a b\n' >'file name'
    bench --runs 1 --warmup 0 --show-output --vs "cat 'file name'" -- cat 'file name' >out 2>err
    [ "$(cat err)" = "$(printf 'a b\na b')" ]
    grep -q "^A: cat 'file name'" out
    for bad in 'a | b' 'a > f' 'a $HOME' 'a *' 'X=1 a' "a 'b"; do
        run bench --vs "$bad" -- true
        [ "$status" = 2 ]
    done
    run bench --vs 'a | b' -- true
    [[ "$output" == *"'|' is for a shell: quote it, or add --shell"* ]]
    bench --runs 1 --shell --vs 'echo b | cat >>log' -- 'echo a | cat >>log' >out
    [ "$(sort -u log | tr '\n' ' ')" = 'a b ' ]
    run bench --shell -- echo a
    [ "$status" = 2 ]
}

@test "stdin is empty, or --input from its start in every run; stdout goes nowhere" {
    printf 'one\ntwo\n' >in.txt
    bench --runs 2 --warmup 0 --input in.txt -- sh -c 'cat >>seen; echo noise' >out
    [ "$(wc -l <seen)" = 4 ]
    ! grep -q noise out
    echo data | bench --runs 1 --warmup 0 -- sh -c 'wc -c >count' >/dev/null
    [ "$(tr -d ' ' <count)" = 0 ]
    run bench --input nothing -- true
    [ "$status" = 66 ]
}

@test "rates come from the command's --report: named, added, or given as a file" {
    report='{"schema":1,"cmd":"x","in":1000,"bytes_in":5000000,"tokens":3000}'
    cat >tool <<END
#!/bin/sh
[ "\$1" = --report ] && printf '%s' '$report' >"\$2.tmp" && mv "\$2.tmp" "\$2"
END
    chmod +x tool
    for how in "-- ./tool --report r.json" "--child-report -- ./tool" \
        "--child-report=r.json --shell './tool --report r.json'"; do
        eval "bench --runs 3 --format json $how" >out.json 2>err
        [ ! -s err ]
        [ "$(json out.json 'd["results"][0]["samples"]["records"]')" = '[1000, 1000, 1000]' ]
        [ "$(json out.json '[round(d["results"][0][k]/d["results"][0]["records_per_second"]*1000,6) for k in ("megabytes_per_second","tokens_per_second")]')" = '[5.0, 3000.0]' ]
    done
    bench --runs 3 -- ./tool --report r.json >out
    grep -q '^records/s ' out
    grep -q '^tokens/s ' out
    # a report that is not written by the run is not read
    bench --runs 3 --child-report=r.json --format json -- true >out.json 2>err
    grep -q "'true' wrote no report of millrace to 'r.json'" err
    [ "$(json out.json 'd["results"][0]["samples"]["records"]')" = '[null, null, null]' ]
    [ "$(json out.json '"records_per_second" in d["results"][0]')" = false ]
}

@test "a real command reports records and megabytes" {
    [ -x "$BUILD/bin/clean" ] || skip "needs clean"
    for i in $(seq 1 500); do echo "{\"id\":$i,\"text\":\"line $i\"}"; done >in.jsonl
    bench --runs 3 --input in.jsonl --child-report --format json -- clean >out.json
    [ "$(json out.json 'd["results"][0]["samples"]["records"]')" = '[500, 500, 500]' ]
    [ "$(json out.json 'd["results"][0]["megabytes_per_second"] > 0')" = true ]
}

@test "every format is what it says, on stdout and by --export" {
    bench --runs 5 --vs true --format json --export csv=o.csv --export md=o.md --export table=o.txt \
        -- true >o.json
    python3 - <<'END'
import csv, json
d = json.load(open("o.json"))
assert d["kind"] == "bench" and d["schema"] == 1 and len(d["results"]) == 2
assert d["host"]["cpus"] >= 1 and d["host"]["arch"]
assert d["comparison"]["verdict"] in ("same", "faster", "slower", "inconclusive")
for r in d["results"]:
    wall = sorted(r["samples"]["wall_s"])
    assert len(wall) == r["runs"] == 5 and wall[2] == r["wall_s"]["median"]
    assert all(len(v) == 5 for v in r["samples"].values())
rows = list(csv.DictReader(open("o.csv")))
assert len(rows) == 2 and None not in rows[0] and rows[0]["command"] == "true"
assert float(rows[0]["wall_s"]) == d["results"][0]["wall_s"]["median"]
assert rows[0]["verdict"] == d["comparison"]["verdict"] and rows[1]["verdict"] == ""
md = open("o.md").read().split("\n")
assert len({line.count("|") for line in md[:4]}) == 1 and md[1].startswith("|:---|")
END
    grep -q '^A: true' o.txt
    run bench --format xml -- true
    [ "$status" = 2 ]
    run bench --export csv -- true
    [ "$status" = 2 ]
}

@test "outputs are not overwritten without --force, and that is said before anything runs" {
    echo keep >o.json
    run bench --export json=o.json -- sh -c 'echo ran >ran'
    [ "$status" = 73 ]
    [ ! -e ran ]
    [ "$(cat o.json)" = keep ]
    bench --runs 1 --force --export json=o.json -- true >/dev/null
    json o.json 'd["kind"]'
    bench --runs 1 -o table.txt -- true
    grep -q '^wall time' table.txt
    run bench --runs 1 -o table.txt -- true
    [ "$status" = 73 ]
}

@test "options that cannot have an effect are errors" {
    for bad in '--fail-above 5' '--min-abs 1ms' '--strict-verdict' '--vs true --baseline x' \
        '--vs true --fail-above x' '--vs true --fail-above -1' '--runs 0' '--vs true --gate rss --min-abs 1s'; do
        run bench $bad -- true
        [ "$status" = 2 ] || { echo "$bad: $status $output"; false; }
    done
    run bench
    [ "$status" = 2 ]
    run bench --runs 3
    [ "$status" = 2 ]
}

@test "baselines that are missing, broken or of another kind" {
    run bench --baseline none.json -- true
    [ "$status" = 66 ]
    echo '{"results":[' >bad.json
    run bench --baseline bad.json -- true
    [ "$status" = 78 ]
    echo '{"kind":"other"}' >bad.json
    run bench --baseline bad.json -- true
    [ "$status" = 78 ]
    [[ "$output" == *"not a JSON export of bench"* ]]
}

@test "nothing is left behind: success, failure, signal" {
    mkdir tmp
    export TMPDIR="$PWD/tmp"
    bench --runs 1 --child-report=x -- true >/dev/null 2>&1
    bench --runs 1 --child-report -- sh -c 'exit 0' >/dev/null 2>&1
    run bench -- false
    bench --runs 100 -- sleep 0.2 >/dev/null 2>&1 &
    sleep 0.5
    kill -TERM $!
    wait $! && code=0 || code=$?
    [ "$code" = 143 ]
    [ -z "$(ls -A tmp)" ]
}

@test "--report and --metrics of bench itself" {
    bench --runs 5 --vs 'sleep 0.01' --report r.json --metrics m.prom -- sleep 0.05 >/dev/null
    [ "$(json r.json '[d["runs"], d["verdict"], d["wall_median_seconds"] > 0.04, d["exit"]]')" = '[5, "slower", true, 0]' ]
    grep -q '^millrace_bench_wall_median_seconds 0\.' m.prom
    python3 "$TOP/tests/contract/metrics.py" m.prom
}

@test "works in an empty environment; /dev/full is 74; a closed pipe is quiet" {
    env -i "$(command -v bench)" --runs 1 -- true >out
    grep -q '^wall time' out
    run sh -c 'bench --runs 1 -- true >/dev/full'
    [ "$status" = 74 ]
    bench --runs 1 -- true 2>err | true
    [ ! -s err ]
}

@test "the examples of the manual page run" {
    [ -x "$BUILD/bin/clean" ] && [ -x "$BUILD/bin/dedup" ] || skip "needs clean and dedup"
    for i in $(seq 1 2000); do echo "{\"id\":$i,\"text\":\"line $i\"}"; done >lines.jsonl
    cp lines.jsonl in.jsonl
    bench --dump-options | sed -n 's/^@example\t[^\t]*\t//p' >examples
    [ "$(wc -l <examples)" -ge 5 ]
    for i in $(seq 1 1500); do
        echo "{\"id\":$i,\"text\":\"t\",\"lang\":\"l$((i % 5))\",\"label\":\"x\",\"ms\":$((20 + i % 7)),\"error\":false}"
    done | tee gold.jsonl pred.jsonl stable.jsonl >canary.jsonl
    while read -r line; do
        case $line in infer*) head -3 lines.jsonl | sed 's/"text"/"prompt"/' >in.jsonl ;; esac
        sh -c "$line" >out 2>err </dev/null || { echo "$line: $?"; cat out err; return 1; }
        grep -Eq '^wall|^accuracy  |^metric |^latency |^length of' out
    done <examples
}

@test "--format jsonl, junit and github say what a run and a verdict were" {
    bench --runs 6 --vs 'sleep 0.01' --format jsonl --export junit=j.xml --export github=g.txt -- sleep 0.05 >l.jsonl
    [ "$(wc -l <l.jsonl)" = 12 ]
    [ "$(tail -1 l.jsonl | python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["command"], d["run"], d["exit_code"])')" = "sleep 0.01 5 0" ]
    python3 - <<'END'
import xml.etree.ElementTree as x
s = x.parse("j.xml").getroot()
assert s.tag == "testsuite" and s.get("tests") == "3" and s.get("failures") == "0", s.attrib
assert [c.get("name") for c in s] == ["sleep 0.05", "sleep 0.01", "comparison with sleep 0.01"]
assert s[2][0].tag == "system-out" and s[2][0].text.startswith("slower: "), s[2][0].text
END
    [ "$(grep -c '^::notice title=bench::' g.txt)" = 3 ]
    touch summary.md
    run env GITHUB_STEP_SUMMARY="$PWD/summary.md" bench --runs 6 --vs 'sleep 0.01' --fail-above 50% --format github -- sleep 0.05
    [ "$status" = 1 ]
    [[ $output == *"::error title=bench::slower: "* ]]
    grep -q '^| `sleep 0.05`' summary.md
    bench --runs 1 --format github -- sh -c 'true; # 100% <&>' >g.txt
    grep -q '100%25 <&>' g.txt
    bench --runs 1 --format junit -- sh -c 'true; # "a" <&>' | python3 -c 'import sys, xml.etree.ElementTree as x; x.parse(sys.stdin)'
}

@test "--calibrate proposes what a comparison can tell apart" {
    bench --calibrate --runs 12 --format json -- sleep 0.01 >c.json
    [ "$(json c.json 'd["runs"] == 12 and 0 <= d["wall"]["noise"] and d["wall"]["fail_above_percent"] >= max(1, 200 * d["wall"]["noise"])')" = true ]
    bench --calibrate --runs 10 -- true | grep -Eq '^rss +[0-9.e+]+ +[0-9.]+% +[0-9]+%'
    for bad in "--runs 9" "--vs true" "--format md" "--export json=x"; do
        run bench --calibrate $bad -- true
        [ "$status" = 2 ] || { echo "$bad: $status"; return 1; }
    done
}

rows() { # MEMBERS of each row, one argument a row; ids from 1
    local i=0
    for r; do echo "{\"id\":$((++i)),$r}"; done
}

@test "--eval joins by id: missing ones are wrong, unknown ones left out, two are an error" {
    rows '"label":"a"' '"label":"b"' '"label":"b"' '"label":7' >gold
    printf '%s\n' '{"id":3,"label":"a"}' '{"id":"1","label":"a"}' '{"id":9,"label":"a"}' '{"label":7,"id":4}' >pred
    run bench --eval gold --pred pred --format json -o r.json
    [ "$status" = 0 ]
    [[ $output == *"1 of 4 rows of gold have no prediction: counted as wrong"* ]]
    [[ $output == *"1 predictions have no row in gold"* ]]
    [ "$(json r.json '[d["accuracy"], d["missing"], d["extra"], d["confusion"], [l["label"] for l in d["labels"]]]')" = \
        '[0.5, 1, 1, [[1, 0, 0], [0, 1, 0], [0, 1, 0]], ["7", "a", "b"]]' ]
    bench -q --eval gold --pred pred | grep -q '^accuracy  *0\.5000'
    rows '"label":"a"' >two; cat two >>gold
    run bench --eval gold --pred pred
    [ "$status" = 65 ]; [[ $output == *"gold:5: second row of this id"* ]]
    cat two two >pred
    run bench --eval two --pred pred
    [ "$status" = 65 ]; [[ $output == *"pred:2: second prediction of this id"* ]]
    : >none
    run bench --eval none --pred pred
    [ "$status" = 65 ]
}

@test "--eval: other tasks, other members, and what does not fit" {
    rows '"want":"Yes"' '"want":["no","never"]' >gold
    rows '"got":"yes!"' '"got":"never"' >pred
    bench --eval gold --pred pred --task answer --gold-field want --pred-field got --format json >r.json
    [ "$(json r.json '[d["exact_match"], d["exact_match_bytes"], d["token_f1"]]')" = '[1, 0.5, 1]' ]
    rows '"nll":10.5,"n":3' '"nll":3.5,"n":4' >scored
    bench --eval scored --task perplexity --format json >r.json
    [ "$(json r.json 'abs(d["perplexity"] - 7.38905609893065) < 1e-12')" = true ]
    rows '"passed":true' >pred
    run bench --eval pred --pred pred --task pass
    [ "$status" = 0 ]
    [[ $output == *"pass@5: 1 of 1 problems have fewer samples: not computed"* ]]
    for bad in "--eval gold" "--pred pred -- true" "--eval scored --task perplexity --pred pred" "--eval gold --pred pred --at 3" \
        "--eval gold --pred pred --task pass --at 0" "--eval gold --pred pred gold" "--eval gold --pred pred --format csv" \
        "--eval gold --pred pred --runs 3" "--task label -- true"; do
        run bench $bad
        [ "$status" = 2 ] || { echo "$bad: $status $output"; return 1; }
    done
    run bench --eval gold --gold-field want --pred none
    [ "$status" = 66 ]
}

service() { # ROWS SEED MEDIAN-MS ERROR-SHARE
    python3 -c '
import json, random, sys
n, seed, ms, share = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
r = random.Random(seed)
for i in range(n):
    print(json.dumps({"id": f"{seed}-{i}", "ms": ms * r.lognormvariate(0, 0.5), "error": r.random() < share, "score": r.random() ** 0.5}))' "$@"
}

@test "--compare: 0 promote, 1 roll back, 75 wait, 65 when the split is wrong" {
    service 4000 1 20 0.01 >stable
    service 2000 2 20 0.01 >same
    service 2000 3 20 0.06 >errors
    service 2000 4 26 0.01 >slow
    head -20 same >few
    bench --compare stable same --metric ms --metric error:0.02 --metric score:higher:unit:0.05 >out
    [ "$(grep -c ' promote$' out)" = 3 ]
    run bench --compare stable errors --metric ms --metric error
    [ "$status" = 1 ]
    [[ $output == *"roll back: 'error' is worse"* ]]
    run bench --compare stable slow --metric ms:10%
    [ "$status" = 1 ]
    bench --compare stable slow --metric ms:50% >out
    run bench --compare stable few --metric ms --metric error
    [ "$status" = 75 ]
    [[ $output == *"not enough data"* ]]
    bench --compare stable same --metric ms --share 0.33 >out
    run bench --compare stable same --metric ms --share 0.5 --format json
    [ "$status" = 65 ]
    [[ $output == *'"verdict":"mismatch"'* && $output == *"the split does not work"* ]]
}

@test "--compare pairs rows of one id, and says what it cannot use" {
    service 3000 1 20 0.01 >stable
    python3 - <<'END'
import json, random
rows = [json.loads(line) for line in open("stable")]
random.Random(1).shuffle(rows)
with open("canary", "w") as f:  # 12 % slower, record by record: by order the noise would hide it
    f.writelines(json.dumps({**r, "ms": r["ms"] * 1.12}) + "\n" for r in rows[:100])
END
    run bench --compare stable canary --metric ms:10% --format json
    [ "$status" = 1 ]
    [[ $output == *'"paired_by":"id"'* ]]
    bench --compare stable canary --metric ms:15% >out
    for bad in "stable" "stable canary stable" "stable canary --metric ms:much" "stable canary --metric :3" "stable canary --alpha 0.9"; do
        run bench --metric ms --compare $bad
        [ "$status" = 2 ] || { echo "$bad: $status $output"; return 1; }
    done
    run bench --compare stable canary
    [ "$status" = 2 ]
    run bench --compare stable canary --metric ms:unit
    [ "$status" = 65 ]; [[ $output == *"stable:1: member 'ms' is not between 0 and 1"* ]]
    run bench --compare stable canary --metric id
    [ "$status" = 65 ]; [[ $output == *"is neither a number nor true or false"* ]]
    run bench --compare stable canary --metric none
    [ "$status" = 65 ]
}


@test "--load: an open loop sees a stall in every request that should have come meanwhile" {
    rows '"text":"a"' '"text":"b"' '"text":"c"' >in.jsonl
    cat >stall.py <<'END'
import sys, time
for n, line in enumerate(iter(sys.stdin.readline, "")):
    if n == 20:
        time.sleep(0.5)
    sys.stdout.write(line)
    sys.stdout.flush()
END
    bench --load --requests in.jsonl --rate 200 --duration 1s --slo 100ms --format json -- python3 stall.py >open.json
    json open.json 'd'
    # About 100 requests of 200 were due in the half second; their mean wait was a quarter.
    [ "$(json open.json '120 < d["requests"] < 280 and d["latency_seconds"]["p50"] < d["latency_seconds"]["p90"] and d["latency_seconds"]["p90"] > 0.2')" = true ]
    [ "$(json open.json 'd["within_slo"] < 0.8 and d["latency_seconds"]["max"] >= 0.45')" = true ]
    bench --load --requests in.jsonl --duration 1s --format json -- python3 stall.py >closed.json
    [ "$(json closed.json 'd["latency_seconds"]["p90"] < 0.2 and d["concurrency"] == 1 and d["requests"] > 30')" = true ]
}

@test "--load: answers by id, in parts, and what is not an answer" {
    rows '"text":"a"' '"text":"b"' '"text":"c"' '"text":"d"' >in.jsonl
    cat >parts.py <<'END'
import json, sys
pending = []
for line in iter(sys.stdin.readline, ""):
    pending.append(json.loads(line)["id"])
    if len(pending) == 2:  # the second one first, each in three parts
        for i in reversed(pending):
            for part in "xyz":
                print(json.dumps({"id": i, "delta": part}))
            print(json.dumps({"id": i, "completion": "xyz"}), flush=True)
        pending.clear()
for i in pending:
    print(json.dumps({"id": i, "completion": ""}))
END
    bench --load --requests in.jsonl --concurrency 2 --duration 2s --format json -- python3 parts.py >r.json
    [ "$(json r.json 'd["requests"] > 2 and d["tokens"] >= 3 * (d["requests"] - 1) and "p99" in d["ttft_seconds"] and "p50" in d["seconds_per_token"]')" = true ]
    bench --load --requests in.jsonl --duration 100ms -- cat | grep -q '^closed loop, 1 at once: [1-9]'
    while IFS='|' read -r code text command; do
        run bench --load --requests in.jsonl --duration 100ms -- sh -c "$command"
        [ "$status" = "$code" ] && [[ $output == *"$text"* ]] || { echo "$command: $status $output"; return 1; }
    done <<'END'
69|exit code 3|exit 3
69|an answer is not JSON|sed s/{//
69|an answer without a request|sed p
69|requests unanswered|exec 1>&-; cat >/dev/null
END
}

@test "--load: saturation, and options that do not fit" {
    rows '"text":"a"' >in.jsonl
    cat >slow.py <<'END'
import sys, time
for line in iter(sys.stdin.readline, ""):
    time.sleep(0.01)
    sys.stdout.write(line)
    sys.stdout.flush()
END
    bench --load --requests in.jsonl --saturate --rate 20 --duration 400ms --slo 3s --report r.json -- python3 slow.py >/dev/null
    [ "$(json r.json '10 <= d["saturation_per_second"] <= 4000')" = true ] || { json r.json 'd'; return 1; }
    for bad in "-- cat" "--requests in.jsonl" "--requests in.jsonl --saturate -- cat" "--requests in.jsonl --rate 5 --concurrency 2 -- cat" \
        "--requests in.jsonl --runs 3 -- cat" "--requests in.jsonl --rate 0 -- cat"; do
        run bench --load $bad
        [ "$status" = 2 ] || { echo "$bad: $status $output"; return 1; }
    done
    run bench --load --requests none -- cat
    [ "$status" = 66 ]
    echo '{"a":' >bad.jsonl
    run bench --load --requests bad.jsonl -- cat
    [ "$status" = 65 ]
}

@test "--stats: shares, lengths and drift, with a gate" {
    python3 - <<'END'
import json
def write(name, counts, length):
    with open(name, "w") as f:
        for lang, n in counts.items():
            f.writelines(json.dumps({"meta": {"lang": lang}, "text": "\u00e4" * (length + i % 10)}) + "\n" for i in range(n))
write("base", {"en": 700, "de": 200, "fr": 100}, 50)
write("same", {"fr": 52, "en": 351, "de": 97}, 50)
write("other", {"en": 100, "de": 200, "pt": 700}, 50)
write("longer", {"en": 700, "de": 200, "fr": 100}, 80)
END
    bench --stats --by meta.lang same --format json >r.json
    [ "$(json r.json '[d["rows"], [(s["stratum"], s["rows"]) for s in d["strata"]], d["length"]["min"], d["length"]["max"]]')" = \
        '[500, [["en", 351], ["de", 97], ["fr", 52]], 50, 59]' ]
    bench --stats --by meta.lang --reference base --max-psi 0.1 same | grep -q '^drift of strata: PSI 0.00'
    run bench --stats --by meta.lang --reference base --max-psi 0.25 other
    [ "$status" = 1 ]; [[ $output == *"the strata have drifted: PSI "* ]]
    run bench --stats --reference base --max-psi 0.25 longer
    [ "$status" = 1 ]; [[ $output == *"the lengths have drifted: PSI "* ]]
    # By definition, half a row in every bin.
    bench --stats --by meta.lang --reference base other --format json >r.json
    python3 - <<'END'
import json, math
now, base = {"en": 100, "de": 200, "pt": 700}, {"en": 700, "de": 200, "fr": 100}
bins = set(now) | set(base)
p = [(now.get(b, 0) + 0.5) / (1000 + 2) for b in bins]
q = [(base.get(b, 0) + 0.5) / (1000 + 2) for b in bins]
got = json.load(open("r.json"))
assert abs(got["psi"] - sum((a - b) * math.log(a / b) for a, b in zip(p, q))) < 1e-9, got
m = [(a + b) / 2 for a, b in zip(p, q)]
js = sum(a * math.log2(a / c) + b * math.log2(b / c) for a, b, c in zip(p, q, m)) / 2
assert abs(got["js"] - js) < 1e-9 and got["length_psi"] < 0.01, got
END
    bench --stats <same | grep -q '^500 rows'
    for bad in "--stats --max-psi 1 same" "--by x -- true" "--stats --runs 2 same" "--stats --plot x.svg same"; do
        run bench $bad
        [ "$status" = 2 ] || { echo "$bad: $status $output"; return 1; }
    done
}

@test "--phases adds up the timings, and draws them" {
    python3 - <<'END'
import json
with open("t.jsonl", "w") as f:
    for i in range(200):
        f.write(json.dumps({"id": i, "timings": {"queue_ms": 1, "decode_ms": 3 + (i == 199) * 96, "tokens": 7}}) + "\n")
END
    bench --phases --format json --plot p.svg t.jsonl >r.json
    [ "$(json r.json '[(p["phase"], p["total_ms"], p["p50_ms"]) for p in d["phases"]] + [d["latency"]["total_ms"], d["latency"]["max_ms"], d["rows"]]')" = \
        '[["queue", 200.0, 1.0], ["decode", 696.0, 3.0], 896.0, 100.0, 200]' ]
    python3 - <<'END'
import xml.etree.ElementTree as x
texts = [t.text for t in x.parse("p.svg").getroot().iter("{http://www.w3.org/2000/svg}text")]
assert texts[:3] == ["Where the time goes, 200 requests", "queue", "decode"], texts
assert "slowest hundredth" in texts and "4.48 ms" in texts and "52 ms" in texts, texts
END
    bench --phases t.jsonl | grep -Eq '^decode +696.000 +77.68%'
    run bench --phases --plot p.svg t.jsonl
    [ "$status" = 73 ]
    echo '{"timings":{"a_ms":-1}}' >bad
    run bench --phases bad
    [ "$status" = 65 ]; [[ $output == *"bad:1: a member of 'timings' is not a time"* ]]
    run bench --phases /dev/null
    [ "$status" = 65 ]
}
