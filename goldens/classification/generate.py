"""Accuracy, F1, log-likelihood, calibration of random answers by scikit-learn, NumPy and SciPy.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.9.1 scipy==1.17.1 && venv/bin/python goldens/classification/generate.py

Writes values.json beside this file."""
import json, pathlib, numpy as np, scipy, sklearn
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, precision_recall_fscore_support


def calibration_error(p, y, bins=15):
    """Guo et al. 2017: bins (low, high] of the winner's probability."""
    confidence, right = p.max(1), p.argmax(1) == y
    edges, error = np.linspace(0, 1, bins + 1), 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += abs(right[inside].mean() - confidence[inside].mean()) * inside.mean()
    return error


rng = np.random.default_rng(3)
cases = []
for name, rows, classes, scale in [("two", 40, 2, 1.0), ("six", 200, 6, 4.0), ("sure", 60, 3, 9.0), ("shy", 150, 4, 0.3)]:
    y = rng.integers(0, classes - (name == "six"), rows)
    logits = (scale * (rng.normal(size=(rows, classes)) + 1.2 * np.eye(classes)[y])).astype(np.float32)
    answers, z = logits.argmax(1), logits.astype(np.float64)
    precision, recall, f1, support = precision_recall_fscore_support(y, answers, labels=range(classes), zero_division=0)
    nll = lambda log_t: -log_softmax(z / np.exp(log_t), axis=1)[np.arange(rows), y].mean()
    best = minimize_scalar(nll, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-10})
    cases.append({"name": name, "classes": classes, "labels": y.tolist(), "logits": logits.tolist(),
                  "accuracy": accuracy_score(y, answers), "macro_f1": f1_score(y, answers, average="macro", zero_division=0),
                  "confusion": confusion_matrix(y, answers, labels=range(classes)).tolist(), "precision": precision.tolist(),
                  "recall": recall.tolist(), "f1": f1.tolist(), "nll": log_loss(y, softmax(z, axis=1), labels=range(classes)),
                  "ece": calibration_error(softmax(z, axis=1), y), "temperature": float(np.exp(best.x)), "nll_calibrated": float(best.fun)})
out = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "cases": cases}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out) + "\n")
