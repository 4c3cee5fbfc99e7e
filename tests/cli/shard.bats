#!/usr/bin/env bats
# shard: formats, folders and their states, stops at any time, damage, reading back.
load helper

# records N: N records of different lengths, ids and texts (deterministic).
records() {
    python3 -c 'import random, sys, json
random.seed(5)
for i in range(int(sys.argv[1])):
    t = "".join(random.choices("abc \"\\é\n", k=random.randrange(1, 400)))
    print(json.dumps({"id": i, "text": t, "n": 1.5}, ensure_ascii=i % 2 == 0))' "$1"
}
# documents N MAX: N records with ids below MAX.
documents() {
    python3 -c 'import random, sys
random.seed(6)
n, top = int(sys.argv[1]), int(sys.argv[2])
for i in range(n):
    ids = [random.randrange(top) for _ in range(random.randrange(0, 60))]
    print("{\"id\":%d,\"ids\":[%s]}" % (i, ",".join(map(str, ids))))' "$1" "$2"
}
# same_folders A B: the same names and bytes.
same_folders() { diff -r "$1" "$2" && [ "$(ls -A "$1")" = "$(ls -A "$2")" ]; }
# both_shards INPUT DIR ARGS...: into DIR with -j1 and -j4, the folders are the same.
both_shards() {
    local input=$1 dir=$2
    shift 2
    shard -o "$dir" -j1 "$@" <"$input" >out 2>err && status=0 || status=$?
    shard -o "$dir.j4" -j4 "$@" <"$input" >>out 2>/dev/null && s4=0 || s4=$?
    [ "$status" = "$s4" ] && [ ! -s out ] && same_folders "$dir" "$dir.j4"
}

@test "jsonl.zst: shards, manifest, the lines come back" {
    records 3000 >in
    both_shards in d --size 100K --frame 64
    [ "$status" = 0 ]
    [ "$(ls d/*.zst | wc -l)" -gt 4 ]
    shard --cat d -j1 | cmp - in
    shard --cat d -j4 | cmp - in
    zstd -dcq d/shard-*.jsonl.zst | cmp - in
    shard --verify d
    python3 - <<'END'
import hashlib, json, os
m = json.load(open("d/manifest.json"))
assert m["schema"] == 2 and m["tool"] == "shard", m
assert m["options"] == {"format": "jsonl.zst", "size": 102400, "records": 0, "frame": 64, "level": 3}
assert m["records"] == 3000 and m["content_bytes"] == os.path.getsize("in")
for s in m["shards"]:
    assert s["content_bytes"] <= 102400
    (f,) = s["files"]
    assert os.path.getsize("d/" + f["name"]) == f["bytes"]
    assert hashlib.sha256(open("d/" + f["name"], "rb").read()).hexdigest() == f["sha256"]
assert [s["name"] for s in m["shards"]] == [f"shard-{i:06}" for i in range(len(m["shards"]))]
END
    ! grep -q journal <(ls d)
}

@test "the index of frames leads to every record" {
    records 1000 >in
    shard -o d --frame 100 --records 450 <in
    python3 - <<'END'
import json, struct, subprocess
lines = open("in", "rb").read().splitlines(True)
at = 0
for s in json.load(open("d/manifest.json"))["shards"]:
    data = open("d/" + s["files"][0]["name"], "rb").read()
    count, descriptor, magic = struct.unpack("<IBI", data[-9:])
    assert magic == 0x8F92EAB1 and descriptor == 0
    table = data[-9 - 8 * count - 8:-9]
    assert struct.unpack("<II", table[:8]) == (0x184D2A5E, 8 * count + 9)
    pairs = [struct.unpack("<II", table[8 + 8 * i:16 + 8 * i]) for i in range(count)]
    head = data[-9 - 8 * count - 8 - 12 - 4 * count:]
    assert head[8:12] == b"MRNR"
    counts = struct.unpack(f"<{count}I", head[12:12 + 4 * count])
    assert sum(counts) == s["records"] and all(c == 100 for c in counts[:-1])
    offset = 0
    for (packed, size), n in zip(pairs, counts):
        text = subprocess.run(["zstd", "-dcq"], input=data[offset:offset + packed], check=True,
                              capture_output=True).stdout
        assert text == b"".join(lines[at:at + n]) and len(text) == size
        offset, at = offset + packed, at + n
assert at == 1000
END
}

@test "lines as they came: CRLF, blanks around, empty lines, no last newline" {
    printf '{"a": 1.0}\r\n\n {"b":2}\t\n{"c":"\\u00e9"}' >in
    both_shards in d
    printf '{"a": 1.0}\n{"b":2}\n{"c":"\\u00e9"}\n' | diff - <(shard --cat d)
}

@test "no records make a complete folder without shards" {
    : >in
    both_shards in d
    [ "$(json d/manifest.json 'd["records"]')" = 0 ]
    shard --verify d
    [ -z "$(shard --cat d)" ]
    shard -o d <in
}

@test "the same bytes whatever the files and pipes" {
    records 500 >in
    shard -o a --size 20K <in
    split -l 123 in part.
    shard -o b --size 20K part.*
    zstd -q in -o in.zst
    shard -o c --size 20K in.zst
    python3 -c 'import sys
data = open("in", "rb").read()
for i in range(0, len(data), 777): sys.stdout.buffer.write(data[i:i+777]); sys.stdout.flush()' |
        shard -o d -j3 --size 20K
    for x in b c d; do same_folders a $x; done
}

@test "a record larger than --size has a shard of its own; --records cuts" {
    { printf '{"t":"a"}\n'; printf '{"t":"%s"}\n' "$(head -c 5000 /dev/zero | tr '\0' x)"; printf '{"t":"b"}\n'; } >in
    both_shards in d --size 1000
    [ "$(json d/manifest.json '[s["records"] for s in d["shards"]]')" = '[1, 1, 1]' ]
    records 10 >in
    both_shards in e --records 4
    [ "$(json e/manifest.json '[s["records"] for s in d["shards"]]')" = '[4, 4, 2]' ]
}

@test "bad records stop, or go to --rejects" {
    printf '{"a":1}\n{"a":}\n{"a":2}\n' >in
    run shard -o d <in
    [ "$status" = 65 ]
    [ "$output" = "shard: stdin:2: byte 6: expected a value" ] || [[ "$output" = "shard: stdin:2: byte 6: "* ]]
    shard -o e --rejects bad --report r <in
    [ "$(json r '[d["in"], d["out"], d["rejected"], d["shards_total"]]')" = '[3, 2, 1, 1]' ]
    [ "$(shard --cat e)" = $'{"a":1}\n{"a":2}' ]
}

# ---- Megatron

# formats: every one with what it needs, one per line: FORMAT OPTIONS...
formats() {
    cat <<'END'
jsonl.zst --frame 7
megatron
megatron --dtype i32 --eos 3 --bos 1
datatrove
llmc
npy --dtype u32
safetensors
mds --columns id:str,ids:ndarray,n:int,x=text:str
mds --columns text:str,ids:ndarray:uint32 --level 3
webdataset
END
}

# mixed N: records with id, text, n and ids; every 50th has an id above 65535
mixed() {
    python3 - "$1" <<'END'
import json, random, sys
random.seed(2)
for i in range(int(sys.argv[1])):
    ids = [random.randrange(65536 if i % 50 else 100000) for _ in range(random.choice((0, 1, 5, 40, 300)))]
    print(json.dumps({"id": f"r{i}", "text": "é\u2028\\n" * random.randrange(9), "n": i - 5, "ids": ids}, ensure_ascii=False, separators=(",", ":")))
END
}

@test "every format: the records come back, -j does not matter, one flipped byte is found" {
    mixed 400 >in
    while read -r format options; do
        for j in 1 4; do shard -o d$j --format $format $options --size 20k -j$j <in; done
        diff -r d1 d4
        shard --verify d1
        shard --cat d1 >back -j1
        shard --cat d1 -j3 | cmp - back
        python3 - "$format" "$options" <<'END'
import json, sys
want = [json.loads(l) for l in open("in", encoding="utf-8")]
got = [json.loads(l) for l in open("back", encoding="utf-8")]
format, options = sys.argv[1:3]
if format in ("jsonl.zst", "webdataset"):
    assert open("back").read() == open("in").read()
elif format != "mds":
    b, e = ([1] if "--bos" in options else []), ([3] if "--eos" in options else [])
    assert got == [{"ids": b + r["ids"] + e} for r in want], format
elif "x=" in options:
    assert got == [{"id": r["id"], "ids": r["ids"], "n": r["n"], "x": r["text"]} for r in want]
else:
    assert got == [{"ids": r["ids"], "text": r["text"]} for r in want]
END
        python3 - "$format $options" <<'END'
import os, random, subprocess, sys
random.seed(1)
names = [n for n in sorted(os.listdir("d1")) if n != ".lock"]
for name in [n for n in names if "-000000" in n or "shard" not in n] * 4:
    data = bytearray(open("d1/" + name, "rb").read())
    i = random.randrange(len(data))
    data[i] ^= 1 << random.randrange(8)
    open("d1/" + name, "r+b").write(data)
    code = subprocess.run(["shard", "--verify", "d1"], capture_output=True).returncode
    assert code in (1, 78), (sys.argv[1], name, i, code)
    data = open("d4/" + name, "rb").read()
    open("d1/" + name, "wb").write(data)
END
        shard -o d1 --format $format $options --size 20k <in # complete: compared, nothing written
        # stopped after the second shard: the rest is written again
        python3 - <<'END'
import json, os
m = json.load(open("d1/manifest.json"))
head = {k: m[k] for k in ("schema", "tool", "version", "options", "fingerprint")}
rows = [head] + m["shards"][:2]
open("d1/journal.jsonl", "w").write("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows))
os.unlink("d1/manifest.json")
for s in m["shards"][2:]:
    for f in s["files"]: os.unlink("d1/" + f["name"])
END
        run shard --cat d1
        [ "$status" = 78 ]
        shard -o d1 --format $format $options --size 20k -j3 <in
        diff -r d1 d4
        rm -r d1 d4
    done < <(formats)
}

@test "formats: what does not fit is named" {
    run shard -o d --format npy --dtype i32 </dev/null
    [ "$status" = 2 ]
    run shard -o d --format megatron --dtype u32 </dev/null
    [ "$status" = 2 ]
    run shard -o d --format webdataset --columns text:str </dev/null
    [ "$status" = 2 ]
    run shard -o d --format mds --columns text </dev/null
    [ "$status" = 2 ]
    run shard -o d --format mds --columns a:str,a:int </dev/null
    [ "$status" = 2 ]
    run shard -o d --format mds --size 5G </dev/null
    [ "$status" = 2 ]
    printf '{"text":"a","n":1.5,"b":"a"}\n' >in
    for c in n:str n:int b:bytes x:str text:ndarray; do
        rm -rf d
        run shard -o d --format mds --columns $c <in
        [ "$status" = 65 ] || { echo "$c: $status"; return 1; }
        [[ "$output" == *"member '${c%%:*}'"* ]]
    done
}

@test "megatron: what a reader of the files sees, u16, i32 and auto" {
    documents 800 60000 >small
    documents 800 200000 >large
    both_shards small s --format megatron --size 8K --eos 7 --vocab-size 60000
    both_shards large l --format megatron --size 20K
    { head -300 small; head -20 large; tail -300 small; } >mixed
    both_shards mixed m --format megatron --size 8K
    cat >check.py <<'END'
import json, struct, sys, array
dir, source, eos = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
docs = [json.loads(l)["ids"] + ([eos] if eos is not None else []) for l in open(source)]
got, types = [], set()
for s in json.load(open(dir + "/manifest.json"))["shards"]:
    assert sum(f["bytes"] for f in s["files"]) == s["content_bytes"]
    binary, index = (open(f"{dir}/{f['name']}", "rb").read() for f in s["files"])
    magic, version, code, n, n1 = struct.unpack("<9sQBQQ", index[:34])
    assert magic == b"MMIDIDX\0\0" and version == 1 and n1 == n + 1 and n == s["records"]
    lengths = struct.unpack(f"<{n}i", index[34:34 + 4 * n])
    pointers = struct.unpack(f"<{n}q", index[34 + 4 * n:34 + 12 * n])
    numbers = struct.unpack(f"<{n + 1}q", index[34 + 12 * n:])
    assert list(numbers) == list(range(n + 1))
    width, letter = {8: (2, "H"), 4: (4, "i")}[code]
    types.add(s["dtype"])
    assert s["dtype"] == {2: "u16", 4: "i32"}[width] and s["tokens"] == sum(lengths)
    tokens = array.array(letter, binary)
    part = [list(tokens[p // width:p // width + k]) for p, k in zip(pointers, lengths)]
    assert (width == 2) == (max(sum(part, []), default=0) < 65536) or len(sys.argv) > 4
    got += part
assert got == docs
print(sorted(types))
END
    [ "$(python3 check.py s small 7)" = "['u16']" ]
    [ "$(python3 check.py l large null)" = "['i32']" ]
    [ "$(python3 check.py m mixed null)" = "['i32', 'u16']" ]
    shard -o w --format megatron --dtype i32 <small
    [ "$(python3 check.py w small null wide)" = "['i32']" ]
    for d in s l m w; do shard --verify $d; done
    diff <(shard --cat l -j1) <(sed 's/{"id":[0-9]*,/{/' large)
    shard --cat m -j4 | cmp - <(sed 's/{"id":[0-9]*,/{/' mixed)
}

@test "megatron: bad ids" {
    printf '{"ids":[1]}\n{"ids":[-1]}\n{"ids":[1.5]}\n{"ids":["a"]}\n{"ids":[2147483648]}\n{"ids":7}\n{"n":1}\n{"ids":[1],"ids":[2]}\n{"ids":[1, [2]]}\n{"ids":[99]}\n{"ids":[ 2 , 3 ]}\n{"ids":[ ]}\n' >in
    shard -o d --format megatron --vocab-size 50 --rejects bad <in
    [ "$(shard --cat d)" = $'{"ids":[1]}\n{"ids":[2,3]}\n{"ids":[]}' ]
    [ "$(wc -l <bad)" = 9 ]
    grep -q 'token id 99, where --vocab-size is 50' bad
    printf '{"ids":[70000]}\n' | { run shard -o e --format megatron --dtype u16; [ "$status" = 65 ]; }
    printf '{"ids":[2147483647]}\n' | shard -o f --format megatron
    [ "$(shard --cat f)" = '{"ids":[2147483647]}' ]
}

@test "tokens from tokenize" {
    command -v tokenize >/dev/null || skip "needs tokenize"
    printf '{"text":"# tar"}\n{"text":""}\n{"text":"archive"}\n' | tokenize -t demo >ids.jsonl || skip "tokenize has no demo"
    shard -o d --format megatron --vocab-size 8192 <ids.jsonl
    diff <(shard --cat d) <(python3 -c 'import json
for l in open("ids.jsonl"): print(json.dumps({"ids": json.loads(l)["ids"]}, separators=(",", ":")))')
}

# ---- the states of a folder

@test "complete: checked, the input is compared, nothing is written" {
    records 300 >in
    shard -o d --size 10K <in
    before=$(ls -l --time-style=full-iso d)
    shard -o d --size 10K <in
    [ "$before" = "$(ls -l --time-style=full-iso d)" ]
    head -200 in | { run shard -o d --size 10K; [ "$status" = 73 ]; }
    { cat in; printf '{"more":1}\n'; } | { run shard -o d --size 10K; [ "$status" = 73 ]; }
    sed '150s/id/ix/' in | { run shard -o d --size 10K; [ "$status" = 73 ]; [[ "$output" = *"was made from another input (shard-00000"* ]]; }
    run shard -o d --size 11K <in
    [ "$status" = 73 ]
    [[ "$output" = *'"size":10240'*'"size":11264'* ]]
    [ "$before" = "$(ls -l --time-style=full-iso d)" ]
    printf x >>d/shard-000001.jsonl.zst
    run shard -o d --size 10K <in
    [ "$status" = 1 ]
    [[ "$output" = *"d/shard-000001.jsonl.zst: "* ]]
    shard -o d --size 10K --force <in
    shard --verify d
}

@test "foreign folders are left alone; --force removes only what shard wrote" {
    mkdir d
    echo mine >d/notes.txt
    run shard -o d </dev/null
    [ "$status" = 73 ]
    [ "$(ls -A d | tr '\n' ' ')" = '.lock notes.txt ' ]
    records 20 >in
    shard -o d --force <in
    shard --cat d | cmp - in
    [ "$(cat d/notes.txt)" = mine ]
    head -5 in | shard -o d --force --format jsonl.zst --records 1
    head -3 in | shard -o d --force
    [ "$(ls -A d | tr '\n' ' ')" = '.lock manifest.json notes.txt shard-000000.jsonl.zst ' ]
    printf x >file
    run shard -o file <in
    [ "$status" = 73 ]
    run shard -o no/such <in
    [ "$status" = 73 ]
}

@test "usage: -o is needed, options without effect are errors" {
    run shard </dev/null
    [ "$status" = 2 ]
    run shard -o d --eos 3 </dev/null
    [ "$status" = 2 ]
    run shard -o d --format megatron --level 4 </dev/null
    [ "$status" = 2 ]
    run shard --cat d -o x
    [ "$status" = 2 ]
    run shard --verify d --size 5
    [ "$status" = 2 ]
    [ ! -e d ]
}

@test "a folder that is being written is 75" {
    mkfifo p
    shard -o d <p &
    exec 5>p
    printf '{"a":1}\n' >&5
    for i in $(seq 50); do [ -e d/journal.jsonl ] && break; sleep 0.1; done
    run shard -o d </dev/null
    exec 5>&-
    wait
    [ "$status" = 75 ]
    shard --verify d
}

@test "killed at twenty random points, the rerun ends in the same files" {
    documents 6000 70000 >tokens
    records 6000 >lines
    shard -o whole.z --size 60K --frame 50 <lines
    shard -o whole.m --size 60K --format megatron <tokens
    python3 - <<'END'
import os, random, signal, subprocess, time, filecmp
random.seed(os.getpid())
stopped = 0
for turn in range(20):
    kind, args, source = random.choice([("z", ["--size", "60K", "--frame", "50"], "lines"),
                                        ("m", ["--size", "60K", "--format", "megatron"], "tokens")])
    folder = f"k{turn}.{kind}"
    while True:
        p = subprocess.Popen(["shard", "-o", folder, "-j", random.choice("124"), *args], stdin=open(source),
                             stderr=subprocess.PIPE)
        try:
            p.wait(random.uniform(0.0, 0.12 + stopped / 200))  # a slow build has to get somewhere too
        except subprocess.TimeoutExpired:
            p.kill()
        stderr = p.communicate()[1]
        assert p.returncode in (0, -signal.SIGKILL), stderr
        if p.returncode == 0:
            break
        stopped += 1
        if stopped % 4 == 0 and os.path.exists(folder + "/journal.jsonl"):  # a torn line too
            with open(folder + "/journal.jsonl", "ab") as f:
                f.write(b'{"name":"shard-0')
        if turn % 5 == 0 and stopped > 40:
            break
    if p.returncode != 0:
        subprocess.run(["shard", "-o", folder, *args], stdin=open(source), check=True)
    names = sorted(os.listdir("whole." + kind))
    assert sorted(os.listdir(folder)) == names, os.listdir(folder)
    same, different, errors = filecmp.cmpfiles("whole." + kind, folder, names, shallow=False)
    assert not different and not errors, (folder, different, errors)
print("# killed", stopped, "times")
assert stopped >= 5, stopped
END
}

@test "stopped between any two shards: the rest is written, the input is compared" {
    records 400 >in
    shard -o whole --size 10K <in
    n=$(ls whole/*.zst | wc -l)
    for k in $(seq 0 $((n - 1))); do
        rm -rf d && mkdir d
        # the folder as a kill after shard k would leave it
        python3 - whole d "$k" <<'END'
import json, shutil, sys
whole, d, k = sys.argv[1], sys.argv[2], int(sys.argv[3])
m = json.load(open(whole + "/manifest.json"))
head = {x: m[x] for x in ("schema", "tool", "version", "options", "fingerprint")}
rows = [head] + m["shards"][:k]
open(d + "/journal.jsonl", "w").write("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows))
for s in m["shards"][:k + 1]: # one more than the journal knows
    shutil.copy(f"{whole}/{s['files'][0]['name']}", d)
open(d + "/.shard-000000.jsonl.zst.123-4.tmp", "w").write("left")
END
        sed '1s/id/ix/' in | { run shard -o d --size 10K; [ "$k" = 0 ] || [ "$status" = 73 ]; }
        [ "$k" != 0 ] || { rm -rf d; mkdir d; }
        shard -o d --size 10K --report r <in
        [ "$(json r 'd["resumed_shards_total"]')" = "$k" ]
        same_folders whole d
    done
}

@test "SIGTERM leaves a folder that goes on; a full disk too" {
    records 2000 >in
    shard -o whole --size 20K <in
    mkfifo p
    shard -o d --size 20K <p &
    pid=$!
    exec 5>p
    head -1500 in >&5
    for i in $(seq 100); do [ -e d/shard-000003.jsonl.zst ] && break; sleep 0.05; done
    kill -TERM $pid
    wait $pid && code=0 || code=$?
    exec 5>&-
    [ "$code" = 143 ]
    [ -z "$(ls -A d | grep tmp || true)" ]
    shard -o d --size 20K <in
    same_folders whole d
    (ulimit -f 3 && trap '' XFSZ && shard -o f --size 20K --level 1 <in 2>err) && code=0 || code=$?
    [ "$code" = 74 ]
    [ -z "$(ls -A f | grep tmp || true)" ]
}

# ---- damage

@test "verify and cat name what was damaged, wherever one byte is flipped" {
    records 300 >in
    documents 200 70000 >tokens
    shard -o z --size 20K --frame 20 <in
    shard -o m --size 8K --format megatron <tokens
    python3 - <<'END'
import os, random, shutil, subprocess
random.seed(11)
for d in ("z", "m"):
    files = [n for n in sorted(os.listdir(d)) if n.startswith("shard-")]
    whole = subprocess.run(["shard", "--cat", d], capture_output=True, check=True).stdout
    for turn in range(40):
        name = random.choice(files)
        path = f"{d}/{name}"
        data = bytearray(open(path, "rb").read())
        at, kind = random.randrange(len(data)), random.choice(("flip", "flip", "cut", "grow", "gone"))
        keep = bytes(data)
        if kind == "flip": data[at] ^= 1 << random.randrange(8)
        if kind == "cut": data = data[:at]
        if kind == "grow": data += b"x"
        os.unlink(path)
        if kind != "gone": open(path, "wb").write(data)
        v = subprocess.run(["shard", "--verify", d], capture_output=True, text=True)
        assert v.returncode == 1 and f"{d}/{name.split('.')[0]}" in v.stderr, (kind, name, at, v)
        c = subprocess.run(["shard", "--cat", d], capture_output=True)
        assert c.returncode in (65, 66), (kind, name, at, c.stderr)
        # frames have checksums, so no wrong line comes out; tokens are known wrong at the file's end
        assert d == "m" or whole.startswith(c.stdout), (kind, name, at)
        open(path, "wb").write(keep)
    assert subprocess.run(["shard", "--verify", d]).returncode == 0
END
    cp z/shard-000000.jsonl.zst z/shard-000099.jsonl.zst
    run shard --verify z
    [ "$status" = 1 ]
    [[ "$output" = *"z/shard-000099.jsonl.zst: is not in the manifest"* ]]
}

@test "a manifest with lies is 78, or a finding" {
    records 50 >in
    shard -o d --records 20 <in
    cp d/manifest.json whole.json
    lie() { python3 - "$@" <<'END'
import json, sys
m = json.load(open("whole.json"))
exec(sys.argv[1])
json.dump(m, open("d/manifest.json", "w"))
END
        run shard --verify d
        [ "$status" = "$2" ] || { echo "$1: $status $output"; return 1; }
        run shard --cat d
        [ "$status" != 139 ] && [ "$status" != 134 ]
    }
    lie 'm["schema"] = 3' 78
    lie 'del m["shards"]' 78
    lie 'm["options"]["size"] = 5' 78
    lie 'm["options"]["format"] = "x"' 78
    lie 'm["records"] = 51' 78
    lie 'm["shards"][0]["files"][0]["name"] = "../../etc/passwd"' 78
    lie 'm["shards"][0]["files"] = []' 78
    lie 'm["shards"][0]["files"][0]["xxh3_128"] = "zz"' 78
    lie 'm["shards"][0]["records"] = -1' 78
    lie 'm["shards"][0]["records"] = 9223372036854775807' 78
    lie 'm["shards"][0]["files"][0]["bytes"] += 1' 1
    lie 'm["shards"][0]["records"], m["shards"][1]["records"] = 19, 21' 1
    lie 'm["shards"][0]["content_bytes"] += 1; m["shards"][1]["content_bytes"] -= 1' 1
    lie 'm["shards"][0]["content_xxh3_128"] = "0" * 32' 1
    lie 'm["shards"].reverse()' 78
    printf 'not json' >d/manifest.json
    run shard --verify d
    [ "$status" = 78 ]
    [[ "$output" = "shard: d/manifest.json: "* ]]
    rm d/manifest.json
    run shard --cat d
    [ "$status" = 78 ]
    run shard --cat nowhere
    [ "$status" = 66 ]
}

@test "stat prints the manifest's figures" {
    records 50 >in
    shard -o d --records 20 <in
    [ "$(shard --stat d --stat-format json | python3 -c 'import json,sys
d=json.load(sys.stdin); print(d["shards"], d["records"], d["records_per_shard"])')" = "3 50 {'min': 10, 'max': 20}" ]
    shard --stat d | grep -q '^records  *50 '
}

@test "packed ids: the same shards as from JSON, with the tokenizer's fingerprint" {
    for i in $(seq 200); do printf '{"id":"d%d","text":"some words and the number %d, again and again"}\n' $i $i; done >in
    tokenize -t demo in >ids.jsonl
    tokenize -t demo --format packed in >ids.packed
    for format in megatron datatrove npy; do
        shard -o a --format $format --size 2k --eos 1 <ids.jsonl
        shard -o b --format $format --size 2k --eos 1 --packed ids.packed
        shard --cat a >back
        shard --cat b | cmp - back
        diff -r -x manifest.json -x '*.metadata' a b
        print=$(tokenize -t demo --report r </dev/null && json r 'd["fingerprint"]')
        [ "$(json b/manifest.json 'd["options"]["tokenizer"]')" = "$print" ]
        shard -o b --format $format --size 2k --eos 1 --packed <ids.packed # complete: compared
        run shard -o b --format $format --size 2k --eos 1 <ids.jsonl # ids of nobody knows which tokenizer
        [ "$status" = 73 ]
        rm -r a b
    done
    # another tokenizer in the stream, a cut, a flipped bit, no ids, what does not go together
    python3 - <<'END'
d = bytearray(open("ids.packed", "rb").read())
open("cut", "wb").write(d[:-1])
d[200] ^= 1
open("flip", "wb").write(d)
d[200] ^= 1
other = bytearray(d)
other[24] ^= 1
open("two", "wb").write(d + other)
END
    for f in cut flip two ids.jsonl; do
        run shard -o c --format npy --packed $f
        [ "$status" = 65 ] || { echo "$f: $status"; return 1; }
        rm -rf c
    done
    [[ "$output" == *"not packed ids"* ]]
    shard -o c --format npy --packed </dev/null && [ "$(json c/manifest.json 'd["records"]')" = 0 ]
    for args in "--format jsonl.zst" "--format npy --vocab-size 7" "--format npy --rejects r2"; do
        run shard -o d $args --packed ids.packed
        [ "$status" = 2 ] || { echo "$args: $status"; return 1; }
    done
}

@test "splits: by the hash of the id, whatever the order and what else is there" {
    mixed 400 >in
    shard -o d --splits train=0.8,val=0.15,test=0.05 --size 9k <in
    [ "$(ls d | tr '\n' ' ')" = 'test train val ' ]
    for s in train val test; do shard --verify d/$s; shard --cat d/$s >$s; done
    cat train val test | sort | cmp - <(sort in)
    [ "$(wc -l <val)" -ge 35 ] && [ "$(wc -l <val)" -le 85 ] # 60 expected
    { tac in; sed 's/"id":"r/"id":"x/' in; } | shard -o e --splits train=0.8,val=0.15,test=0.05 -j4
    shard --cat e/val | grep '"id":"r' | sort | cmp - <(sort val)
    # ids of every format go to the same place
    shard -o m --format megatron --splits train=0.8,val=0.15,test=0.05 <in
    [ "$(json m/val/manifest.json 'd["records"]')" = "$(wc -l <val)" ]
    [ "$(json m/val/manifest.json 'd["options"]["split"]')" = 'val of train=0.8,val=0.15,test=0.05' ]
    # other shares are another run; complete folders are compared
    shard -o d --splits train=0.8,val=0.15,test=0.05 --size 9k <in
    run shard -o d --splits train=0.7,val=0.25,test=0.05 --size 9k <in
    [ "$status" = 73 ]
    for bad in a=1,a=0 a=0.5 a=0.5,b=0.6 ../a=1 a a=x =1 a=0.5,,b=0.5; do
        run shard -o f --splits $bad <in
        [ "$status" = 2 ] || { echo "$bad: $status"; return 1; }
    done
    run shard -o f --splits a=0.5,b=0.5 <<<'{"text":"no id"}'
    [ "$status" = 65 ]
}

@test "the examples of the manual run" {
    mixed 20 >corpus.jsonl
    tokenize -t demo --format packed corpus.jsonl >in.packed
    man_examples shard
    shard --verify mds && shard --verify train
}
