"""Scaled pictures by Pillow and structural similarities by scikit-image.

    python3 -m venv venv && venv/bin/pip install pillow==13.0.0 scikit-image==0.26.0 && venv/bin/python goldens/pictures/generate.py

Writes values.json beside this file. Pillow's bicubic filter has the kernel of MATLAB's and is antialiased as that is; what differs are
pixels that the kernel reaches beyond the border for, where Pillow leaves taps out and MATLAB mirrors: they are not compared."""
import json, pathlib
import numpy as np, PIL, skimage
from PIL import Image
from skimage.metrics import structural_similarity

random = np.random.default_rng(11)


def picture(height, width):
    """Smooth, with an edge and some noise."""
    y, x = np.mgrid[:height, :width]
    z = 120 + 60 * np.sin(x / 5) * np.cos(y / 7) + 50 * (x > y) + random.normal(size=(height, width)) * 8
    return np.clip(np.round(z), 0, 255)


scaled = []
for (height, width), (rows, columns) in (((24, 36), (8, 12)), ((24, 36), (6, 9)), ((20, 16), (40, 32)), ((11, 13), (44, 52)), ((21, 18), (7, 36))):
    of = picture(height, width)
    to = np.asarray(Image.fromarray(of.astype(np.float32)).resize((columns, rows), Image.BICUBIC))
    scaled.append({"from": [height, width], "to": [rows, columns], "picture": of.flatten().astype(int).tolist(), "scaled": [round(float(x), 3) for x in to.flatten()]})
similar = []
for height, width in ((11, 11), (20, 13), (17, 31)):
    a = picture(height, width)
    b = np.clip(np.round(a + random.normal(size=a.shape) * 20), 0, 255)
    value = structural_similarity(a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    similar.append({"size": [height, width], "a": a.flatten().astype(int).tolist(), "b": b.flatten().astype(int).tolist(), "ssim": float(value)})
out = {"pillow": PIL.__version__, "skimage": skimage.__version__, "scaled": scaled, "similar": similar}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out) + "\n")
