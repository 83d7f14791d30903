"""What words and pairs of words say without their order: logistic regression, with and without naive-Bayes weights (Wang and Manning
2012), on the sets of the recipes sst2, trec and sentipers. The strength of regularisation is chosen on the dev set by accuracy.

    venv/bin/python bench/peers/bag_of_words.py --data-dir DIR      (needs scikit-learn)"""
import argparse, pathlib, random
import numpy
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

parser = argparse.ArgumentParser()
parser.add_argument("--data-dir", required=True, type=pathlib.Path)
data = parser.parse_args().data_dir


def lines(path, separator, encoding="utf-8"):
    rows = [line.rstrip("\n").split(separator, 1) for line in open(data / path, encoding=encoding) if line.strip()]
    return [(label.split(":")[0], text.lower()) for label, text in rows]


def three(rows):
    return [(str((int(label) > 0) - (int(label) < 0)), text) for label, text in rows]


def weigh(counts, is_class, smoothing=1.0):
    """log of how much likelier a feature is in a class than outside it."""
    of = lambda rows: (smoothing + rows.sum(0)) / (smoothing + rows.sum(0)).sum()
    return numpy.log(numpy.asarray(of(counts[is_class]) / of(counts[~is_class])))[0]


def evaluate(train, dev, test, weighted):
    features = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", binary=True)
    x = features.fit_transform([text for _, text in train]).astype(float)
    y = numpy.array([label for label, _ in train])
    classes = sorted(set(y))
    weights = [weigh(x, y == c) if weighted else numpy.ones(x.shape[1]) for c in classes]

    def fit(strength):
        if not weighted:
            model = LogisticRegression(C=strength, max_iter=3000).fit(x, y)
            return lambda rows: model.predict(features.transform(text for _, text in rows))
        models = [LogisticRegression(C=strength, solver="liblinear").fit(x.multiply(w).tocsr(), y == c) for c, w in zip(classes, weights)]

        def predict(rows):
            given = features.transform(text for _, text in rows)
            scores = [m.decision_function(given.multiply(w).tocsr()) for m, w in zip(models, weights)]
            return numpy.array(classes)[numpy.argmax(scores, 0)]

        return predict

    truth = lambda rows: [label for label, _ in rows]
    fits = [fit(strength) for strength in (0.03, 0.1, 0.3, 1, 3, 10)]
    best = max(fits, key=lambda predict: accuracy_score(truth(dev), predict(dev)))
    guess = best(test)
    return 100 * accuracy_score(truth(test), guess), 100 * f1_score(truth(test), guess, average="macro")


def sets():
    parts = lambda form, separator: [lines(form.format(p), separator) for p in ("train", "dev", "test")]
    yield "sst2", [parts("sentiment/stsa.binary.{}", " ")]
    persian = parts("sentiment/sentipers.{}.tsv", "\t")
    yield "sentipers", [[three(rows) for rows in persian]]
    yield "sentipers, five", [persian]
    rows, test = (lines(f"topics/TREC.{p}.all", " ", "latin-1") for p in ("train", "test"))
    splits = []
    for seed in range(1, 6):
        random.Random(seed).shuffle(rows)
        splits.append([rows[545:], rows[:545], test])
    yield "trec, a tenth held out, five times", splits


for name, splits in sets():
    test = splits[0][2]
    most = max(set(label for label, _ in splits[0][0]), key=[label for label, _ in splits[0][0]].count)
    truth = [label for label, _ in test]
    print(f"{name}: majority {100 * truth.count(most) / len(truth):.2f} %, macro F1 {100 * f1_score(truth, [most] * len(truth), average='macro'):.2f} %")
    for weighted in (False, True):
        scores = [evaluate(*split, weighted) for split in splits]
        print(f"  {'naive-Bayes-weighted' if weighted else 'plain'}: "
              + ", ".join(f"{text} {numpy.mean(v):.2f} % ({min(v):.2f} to {max(v):.2f})" for text, v in zip(("accuracy", "macro F1"), zip(*scores))), flush=True)
