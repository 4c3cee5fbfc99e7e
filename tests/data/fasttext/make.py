#!/usr/bin/env python3
"""make.py: trains the small models in this folder with the fasttext package (0.9.2) on sentences made of
the words below, and writes what the package predicts with them to expected.jsonl: one line per model,
{"model", "labels", "p": [[probability of each label] of each text]}. texts.jsonl holds the texts."""
import json
import os
import random
import tempfile

import fasttext

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = {
    "en": "the a dog cat house runs sees and is small quick with under river tree never".split(),
    "de": "der die das hund katze haus läuft sieht und ist klein schnell mit unter fluss baum nie".split(),
    "fr": "le la un chien chat maison court voit et est petit vite avec sous rivière arbre jamais".split(),
    "ja": "犬 猫 家 走る 見る 小さい 速い 川 木 と の は".split(),
}
MODELS = {
    "softmax.bin": dict(loss="softmax"),
    "hs-grams.bin": dict(loss="hs", minn=2, maxn=4, wordNgrams=3, bucket=400),
    "ova.bin": dict(loss="ova", minn=1, maxn=2, bucket=200),
    "ns.bin": dict(loss="ns", wordNgrams=2, bucket=150),
    "softmax.ftz": (dict(loss="softmax", minn=2, maxn=3, bucket=600), dict(qnorm=False, dsub=2)),
    "hs-norm-cut.ftz": (dict(loss="hs", minn=2, maxn=3, wordNgrams=2, bucket=900),
                        dict(qnorm=True, cutoff=300, retrain=True, epoch=1, dsub=3)),
}


def main():
    rng = random.Random(5)
    lines = []
    for i in range(400):
        label = rng.choice(list(WORDS))
        lines.append(f"__label__{label} " + " ".join(rng.choice(WORDS[label]) for _ in range(rng.randrange(3, 12))))
    texts = [" ".join(rng.choice(WORDS[rng.choice(["en", label])]) for _ in range(rng.randrange(1, 15)))
             for label in WORDS for _ in range(8)]
    texts += ["", "unknownword", "</s>", "the </s> hund", "__label__en", "__label__xx the", "a\tb  c", "\x00the\x00dog",
              "läuft\nschnell", "\r\n", "🙂 犬"]
    with open(os.path.join(HERE, "texts.jsonl"), "w", encoding="utf-8") as f:
        for t in texts:
            f.write(json.dumps({"text": t}, ensure_ascii=False) + "\n")
    with tempfile.TemporaryDirectory() as folder, \
            open(os.path.join(HERE, "expected.jsonl"), "w", encoding="utf-8") as out:
        train = os.path.join(folder, "train.txt")
        with open(train, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        for name, how in MODELS.items():
            settings, quantize = how if isinstance(how, tuple) else (how, None)
            model = fasttext.train_supervised(train, dim=6, epoch=8, thread=1, verbose=0, **settings)
            if quantize:
                model.quantize(input=train, thread=1, verbose=0, **quantize)
            path = os.path.join(HERE, name)
            model.save_model(path)
            model = fasttext.load_model(path)
            rows = []
            for t in texts:
                got = {label: p for p, label in model.f.predict(t.replace("\n", " ") + "\n", -1, 0.0, "strict")}
                rows.append([round(got.get(label, 0), 8) for label in model.labels])
            out.write(json.dumps({"model": name, "labels": model.labels, "p": rows}) + "\n")


if __name__ == "__main__":
    main()
