#!/usr/bin/env python3
"""bench --eval against direct definitions of its figures, and against scikit-learn where it is there."""
import collections
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import warnings

BENCH = os.path.join(os.environ.get("BUILD", "build"), "bin", "bench")


def evaluate(folder, gold, pred, *args):
    paths = []
    for name, rows in (("gold", gold), ("pred", pred)):
        paths.append(os.path.join(folder, name))
        with open(paths[-1], "w", encoding="utf-8") as f:
            f.writelines(json.dumps(row) + "\n" for row in rows)
    out = subprocess.run([BENCH, "-q", "--eval", paths[0], "--pred", paths[1], "--format", "json", *args],
                         check=True, capture_output=True)
    return json.loads(out.stdout)


def classes(gold, pred):
    """The classification report, from its definition."""
    labels = sorted(set(gold) | set(pred), key=lambda s: s.encode())
    rows = []
    for label in labels:
        hit = sum(g == p == label for g, p in zip(gold, pred))
        support, predicted = gold.count(label), pred.count(label)
        precision = hit / predicted if predicted else 0.0
        recall = hit / support if support else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        rows.append((label, precision, recall, f1, support))
    pairs = collections.Counter(zip(gold, pred))
    return labels, rows, [[pairs[(a, b)] for b in labels] for a in labels]


def close(a, b):
    return abs(a - b) <= 1e-12


def check_labels(folder, turns):
    rng = random.Random(5)
    try:
        from sklearn import metrics
    except ImportError:
        metrics = None
    warnings.simplefilter("ignore")  # of label sets with one label
    for turn in range(turns):
        names = [f"l{i}" for i in range(rng.randint(1, 12))] + ["\u00e4", 'q"uote'][:rng.randint(0, 2)]
        n = rng.randint(1, 60)
        gold = [rng.choice(names) for _ in range(n)]
        pred = [g if rng.random() < 0.6 else rng.choice(names) for g in gold]
        ids = rng.sample(range(10000), n)
        rows = [{"id": i, "label": p} for i, p in zip(ids, pred)]
        rng.shuffle(rows)
        got = evaluate(folder, [{"label": g, "id": i} for i, g in zip(ids, gold)], rows)
        labels, want, matrix = classes(gold, pred)
        assert got["confusion"] == matrix and got["missing"] == got["extra"] == 0
        for row, (label, precision, recall, f1, support) in zip(got["labels"], want, strict=True):
            assert row["label"] == label and row["support"] == support
            assert close(row["precision"], precision) and close(row["recall"], recall) and close(row["f1"], f1)
        assert close(got["accuracy"], sum(g == p for g, p in zip(gold, pred)) / n)
        for k, name in enumerate(("precision", "recall", "f1"), 1):
            assert close(got[name + "_macro"], sum(r[k] for r in want) / len(want))
            assert close(got[name + "_weighted"], sum(r[k] * r[4] for r in want) / n)
            assert close(got[name + "_micro"], got["accuracy"])
        if metrics:
            for average in ("micro", "macro", "weighted"):
                p, r, f, _ = metrics.precision_recall_fscore_support(
                    gold, pred, labels=labels, average=average, zero_division=0)
                assert close(got["precision_" + average], p) and close(got["recall_" + average], r)
                assert close(got["f1_" + average], f), (got, f)
            assert metrics.confusion_matrix(gold, pred, labels=labels).tolist() == got["confusion"]
    return "" if metrics else " (scikit-learn is not there: by definition only)"


def check_confidence(folder):
    rng = random.Random(6)
    gold, pred, bins = [], [], collections.defaultdict(lambda: [0.0, 0])
    for i in range(500):
        p = rng.random()
        right = rng.random() < p ** 0.7
        gold.append({"id": f"r{i}", "label": "a"})
        pred.append({"id": f"r{i}", "label": "a" if right else "b",
                     "scores": {"a" if right else "b": p, "c": 1 - p}})
        b = bins[min(int(p * 15), 14)]
        b[0] += p
        b[1] += right
    got = evaluate(folder, gold, pred)
    assert close(got["ece"], sum(abs(s - h) for s, h in bins.values()) / 500), got["ece"]


def check_pass(folder):
    rng = random.Random(8)
    gold, pred, want = [], [], collections.defaultdict(list)
    for i in range(50):
        n, c = 10, rng.randint(0, 10)
        gold.append({"id": i})
        pred += [{"id": i, "passed": k < c} for k in range(n)]
        for k in (1, 5, 10):
            want[k].append(1 - math.comb(n - c, k) / math.comb(n, k))
    rng.shuffle(pred)
    got = evaluate(folder, gold, pred, "--task", "pass")
    for k in (1, 5, 10):
        assert close(got[f"pass@{k}"], sum(want[k]) / 50)


def ranking(relevant, ranked, k):
    gains = [relevant.get(d, 0) for d in ranked]
    dcg = sum(g / math.log2(i + 2) for i, g in enumerate(gains[:k]))
    best = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(relevant.values(), reverse=True)[:k]))
    first = next((i for i, g in enumerate(gains) if g), None)
    return sum(g > 0 for g in gains[:k]) / len(relevant), 1 / (first + 1) if first is not None else 0, dcg / best


def check_rank(folder):
    rng = random.Random(9)
    documents = [f"d{i}" for i in range(40)]
    gold, ranked, wanted = [], [], collections.defaultdict(list)
    for q in range(30):
        relevant = {d: rng.choice((1, 1, 2, 3)) for d in rng.sample(documents, rng.randint(1, 6))}
        order = rng.sample(documents, 25)
        gold.append({"id": f"q{q}", "relevant": relevant if q % 2 else dict.fromkeys(relevant, 1)})
        ranked.append({"id": f"q{q}", "ranked": order})
        relevant = gold[-1]["relevant"]
        if q % 4 == 0:
            gold[-1]["relevant"] = list(relevant)
        for k in (3, 10):
            wanted[k].append(ranking(relevant, order, k))
    got = evaluate(folder, gold, ranked, "--task", "rank", "--at", "3,10")
    for k in (3, 10):
        assert close(got[f"recall@{k}"], sum(w[0] for w in wanted[k]) / 30)
        assert close(got["mrr"], sum(w[1] for w in wanted[k]) / 30)
        assert close(got[f"ndcg@{k}"], sum(w[2] for w in wanted[k]) / 30)
    # The same by vectors: the cosine puts the documents in the order of the ranking.
    vectors = {d: [rng.gauss(0, 1) for _ in range(8)] for d in documents}
    rows = [{"id": d, "embedding": v} for d, v in vectors.items()]
    wanted = []
    for g in gold:
        v = [rng.gauss(0, 1) for _ in range(8)]
        rows.append({"id": g["id"], "embedding": [7 * x for x in v]})
        order = sorted(documents, key=lambda d: -sum(a * b for a, b in zip(v, vectors[d])) /
                       math.sqrt(sum(a * a for a in vectors[d])))
        relevant = g["relevant"] if isinstance(g["relevant"], dict) else dict.fromkeys(g["relevant"], 1)
        wanted.append(ranking(relevant, order, 5))
    rng.shuffle(rows)
    got = evaluate(folder, gold, rows, "--task", "rank", "--at", "5")
    assert close(got["recall@5"], sum(w[0] for w in wanted) / 30), got
    assert close(got["ndcg@5"], sum(w[2] for w in wanted) / 30)
    assert close(got["mrr"], sum(w[1] for w in wanted) / 30)


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(diagonal + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def check_answers(folder):
    rng = random.Random(10)
    words = ["The", "cat", "sat,", "on", "a", "m\u00e4t", "U.S.", "\u4e2d\u6587"]
    gold, pred, edits = [], [], [0, 0, 0, 0]
    for i in range(300):
        answer = " ".join(rng.choice(words) for _ in range(rng.randint(1, 90 if i % 9 == 0 else 9)))
        said = " ".join(w if rng.random() < 0.7 else rng.choice(words) for w in answer.split())
        gold.append({"id": i, "answer": answer if i % 2 else [answer]})
        pred.append({"id": i, "completion": said})
        edits[0] += distance(answer.split(), said.split())
        edits[1] += len(answer.split())
        edits[2] += distance(answer, said)
        edits[3] += len(answer)
    got = evaluate(folder, gold, pred, "--task", "answer")
    assert close(got["wer"], edits[0] / edits[1]) and close(got["cer"], edits[2] / edits[3]), got


def main():
    checks = [("label: as defined, 200 random label sets", lambda f: check_labels(f, int(os.environ.get("TURNS", "200")))),
              ("label: the calibration error", check_confidence),
              ("pass: the unbiased estimator", check_pass),
              ("rank: recall, MRR and nDCG, by ranking and by embedding", check_rank),
              ("answer: word and character error rates", check_answers)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for n, (name, check) in enumerate(checks, 1):
            try:
                print(f"ok {n} - {name}{check(folder) or ''}")
            except AssertionError as e:
                failed = 1
                print(f"not ok {n} - {name}\n# {ascii(e)[:1000]}")
    print(f"1..{len(checks)}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
