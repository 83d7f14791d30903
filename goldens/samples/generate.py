"""Distances of two sets of samples by their definitions, with NumPy: precision and recall (Kynkaanniemi et al. 2019), density and
coverage (Naeem et al. 2020), the unbiased polynomial kernel distance (Binkowski et al. 2018), the 2-Wasserstein distance on a line.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 && venv/bin/python goldens/samples/generate.py

Writes values.json beside this file."""
import json, pathlib
import numpy as np

random = np.random.default_rng(3)
cases = []
for width, reals, fakes, shift, k in ((2, 40, 55, 0.3, 3), (5, 30, 30, 0.0, 5), (1, 25, 18, 2.0, 1), (7, 12, 60, 0.8, 2)):
    real = random.normal(size=(reals, width)).astype(np.float32).astype(float)
    fake = (random.normal(size=(fakes, width)) * 0.7 + shift).astype(np.float32).astype(float)
    distance = lambda a, b: np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    radii = lambda x: np.sort(distance(x, x), axis=1)[:, k]  # the nearest is the sample itself
    across = distance(real, fake)
    inside = across <= radii(real)[:, None]
    kernel = lambda a, b: (a @ b.T / width + 1) ** 3
    own = lambda x: (kernel(x, x).sum() - np.trace(kernel(x, x))) / (len(x) * (len(x) - 1))
    pairs = distance(fake, fake) + np.diag(np.full(fakes, np.inf))
    case = {"width": width, "k": k, "real": real.flatten().tolist(), "fake": fake.flatten().tolist(),
            "precision": inside.any(0).mean(), "recall": (across <= radii(fake)[None]).any(1).mean(),
            "density": inside.sum() / (k * fakes), "coverage": (across.min(1) <= radii(real)).mean(),
            "kernel_distance": own(real) + own(fake) - 2 * kernel(real, fake).mean(), "closest_pair": pairs.min()}
    if width == 1:
        n = min(reals, fakes)
        case["wasserstein"] = np.sqrt(((np.sort(real[:n, 0]) - np.sort(fake[:n, 0])) ** 2).mean())
    cases.append({name: float(x) if isinstance(x, np.floating) else x for name, x in case.items()})
out = {"numpy": np.__version__, "cases": cases}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out) + "\n", encoding="utf-8")
