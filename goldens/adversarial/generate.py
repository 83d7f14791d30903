"""Adversarial objectives and gradient penalties by PyTorch, in double precision, the penalties' gradients by differentiating twice.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 && venv/bin/python goldens/adversarial/generate.py

Writes values.json beside this file."""
import json, pathlib, torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce, leaky_relu, mse_loss, relu

torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
yes, no = torch.ones_like, torch.zeros_like
game = lambda r, f: bce(r, yes(r)) + bce(f, no(f))
OBJECTIVES = {
    "minimax": (game, lambda r, f: -bce(f, no(f))),
    "non-saturating": (game, lambda r, f: bce(f, yes(f))),
    "least-squares": (lambda r, f: (mse_loss(r, yes(r)) + mse_loss(f, no(f))) / 2, lambda r, f: mse_loss(f, yes(f)) / 2),
    "hinge": (lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(), lambda r, f: -f.mean()),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "relativistic": (lambda r, f: bce(r - f, yes(r)), lambda r, f: bce(f - r, yes(r))),
}
objectives = []
for name, losses in OBJECTIVES.items():
    for scale in (1.0, 60.0):
        real, fake = ((scale * torch.randn(5)).requires_grad_() for _ in range(2))
        case = {"objective": name, "real": real.tolist(), "fake": fake.tolist()}
        for side, loss in zip(("discriminator", "generator"), losses):
            value = loss(real, fake)
            gradients = torch.autograd.grad(value, (real, fake), allow_unused=True)
            zeros = [torch.zeros(5) if g is None else g for g in gradients]
            case[side] = {"loss": value.item(), "d_real": zeros[0].tolist(), "d_fake": zeros[1].tolist()}
        objectives.append(case)

penalties = []
for activation in ("leaky-relu", "tanh"):
    for kind in ("r1", "r2", "gradient-penalty"):
        sizes = [3, 7, 4, 1]
        weights = [torch.randn(o, i).requires_grad_() for i, o in zip(sizes, sizes[1:])]
        biases = [torch.randn(o).requires_grad_() for o in sizes[1:]]
        real, fake, share = torch.randn(6, 3), torch.randn(6, 3), torch.rand(6)
        x = {"r1": real, "r2": fake, "gradient-penalty": share[:, None] * real + (1 - share[:, None]) * fake}[kind].requires_grad_()
        y = x
        for layer, (w, b) in enumerate(zip(weights, biases)):
            y = y @ w.T + b
            if layer < 2:
                y = leaky_relu(y, 0.2) if activation == "leaky-relu" else torch.tanh(y)
        slope = torch.autograd.grad(y.sum(), x, create_graph=True)[0].norm(dim=1)
        value = ((slope - 1) ** 2).mean() if kind == "gradient-penalty" else (slope**2).mean() / 2
        gradients = torch.autograd.grad(value, weights + biases, allow_unused=True)
        flat = lambda ts: [(torch.zeros(1) if t is None else t).flatten().tolist() for t in ts]
        penalties.append({"kind": kind, "activation": activation, "sizes": sizes, "weights": flat(weights), "biases": flat(biases),
                          "real": real.flatten().tolist(), "fake": fake.flatten().tolist(), "share": share.tolist(), "logits": y.flatten().tolist(),
                          "value": value.item(), "slope": slope.mean().item(), "d_weights": flat(gradients[:3]), "d_biases": flat(gradients[3:])})

# Convolutional pairs: pictures of 8 x 8 pixels and 2 channels, halved once. Samples are rows of pixels, a pixel's channels side by side.
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d

rows = lambda x: x.permute(0, 2, 3, 1).flatten(1)
pictures = lambda x, channels: x.view(len(x), 8, 8, channels).permute(0, 3, 1, 2)
flatten = lambda ts: [t.flatten().tolist() for t in ts]
critics = []
for pack, spectral, deviation in ((1, False, False), (2, False, True), (1, True, False)):
    for kind in ("r1", "gradient-penalty"):
        channels, batch = 3, 4
        weight, bias = (0.3 * torch.randn(channels, 2 * pack, 4, 4)).requires_grad_(), torch.randn(channels).requires_grad_()
        head, last = torch.randn(1, 16 * channels + deviation).requires_grad_(), torch.randn(1).requires_grad_()
        units = [torch.nn.functional.normalize(torch.randn(n), dim=0) for n in (channels, 1)]
        real, fake, share = torch.randn(batch, pack * 128), torch.randn(batch, pack * 128), torch.rand(batch)
        x = {"r1": real, "gradient-penalty": share[:, None] * real + (1 - share[:, None]) * fake}[kind].requires_grad_()

        def normal(w, u):
            m = w.flatten(1)
            v = torch.nn.functional.normalize(m.detach().T @ u, dim=0)
            return w / (torch.nn.functional.normalize(m.detach() @ v, dim=0) @ m @ v)

        w, h = (normal(weight, units[0]), normal(head, units[1])) if spectral else (weight, head)
        packed = x.view(batch, pack, 8, 8, 2).permute(0, 1, 4, 2, 3).reshape(batch, pack * 2, 8, 8)
        y = rows(leaky_relu(conv2d(packed, w, bias, stride=2, padding=1), 0.2))
        if deviation:
            s = (y.var(0, unbiased=False) + 1e-8).sqrt().mean()
            y = torch.cat([y, s.expand(batch, 1)], 1)
        y = y @ h.T + last
        slope = torch.autograd.grad(y.sum(), x, create_graph=True)[0].norm(dim=1)
        value = ((slope - 1) ** 2).mean() if kind == "gradient-penalty" else (slope**2).mean() / 2
        gradients = torch.autograd.grad(value, (weight, bias, head, last), allow_unused=True)
        gradients = [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, (weight, bias, head, last))]
        critics.append({"kind": kind, "pack": pack, "spectral": spectral, "deviation": deviation, "channels": channels,
                        "parameters": flatten((weight, bias, head, last)), "units": flatten(units), "real": flatten(real), "fake": flatten(fake),
                        "share": share.tolist(), "logits": y.flatten().tolist(), "value": value.item(), "slope": slope.mean().item(),
                        "gradients": flatten(gradients)})

generators = []
for norm in (False, True):
    latent, channels, batch = 5, 3, 4
    p = {"project": torch.randn(16 * channels, latent), "shift": torch.randn(16 * channels), "weight": torch.randn(channels, 2, 4, 4), "bias": torch.randn(2)}
    if norm:
        p |= {"scale": torch.randn(channels), "offset": torch.randn(channels)}
    p = {name: t.requires_grad_() for name, t in p.items()}
    z, along = torch.randn(batch, latent), torch.randn(batch, 128)
    y = (z @ p["project"].T + p["shift"]).view(batch, 4, 4, channels).permute(0, 3, 1, 2)
    if norm:
        y = batch_norm(y, None, None, p["scale"], p["offset"], training=True)
    y = rows(torch.tanh(conv_transpose2d(relu(y), p["weight"], p["bias"], stride=2, padding=1)))
    gradients = torch.autograd.grad((y * along).sum(), list(p.values()))
    generators.append({"norm": norm, "latent": latent, "channels": channels, "parameters": dict(zip(p, flatten(p.values()))), "z": flatten(z),
                       "along": flatten(along), "y": flatten(y), "gradients": dict(zip(p, flatten(gradients)))})

# Residual pairs: pictures of 16 x 16 pixels and 2 channels, at 8 x 8 and 4 x 4 inside. A layer is its weight and its bias.
from torch.nn.functional import avg_pool2d, interpolate, normalize

layer = lambda *shape, scale=0.3: [(scale * torch.randn(*shape)).requires_grad_(), torch.randn(shape[0]).requires_grad_()]
conv = lambda x, wb: conv2d(x, *wb, padding=(wb[0].shape[-1] - 1) // 2)
block = lambda x, first, second: x + conv(leaky_relu(conv(x, first), 0.2), second)
residual_critics = []
for kind, pack, spectral, deviation in (("r1", 1, False, False), ("gradient-penalty", 2, True, True)):
    c, batch = 2, 2
    # In the order of the network: halving, a block, a map of pixels, a block, the head.
    layers = [layer(c, 2 * pack, 4, 4), layer(c, c, 3, 3), layer(c, c, 3, 3), layer(2 * c, c, 1, 1), layer(2 * c, 2 * c, 3, 3),
              layer(2 * c, 2 * c, 3, 3), layer(1, 32 * c + deviation)]
    units = [normalize(torch.randn(w.shape[0]), dim=0) for w, _ in layers]
    real, fake, share = torch.randn(batch, pack * 512), torch.randn(batch, pack * 512), torch.rand(batch)
    x = {"r1": real, "gradient-penalty": share[:, None] * real + (1 - share[:, None]) * fake}[kind].requires_grad_()

    def in_use(w, u):
        m = w.flatten(1)
        v = normalize(m.detach().T @ u, dim=0)
        return w / (normalize(m.detach() @ v, dim=0) @ m @ v)

    used = [(in_use(w, u), b) if spectral else (w, b) for (w, b), u in zip(layers, units)]
    y = x.view(batch, pack, 16, 16, 2).permute(0, 1, 4, 2, 3).reshape(batch, pack * 2, 16, 16)
    y = leaky_relu(conv2d(y, *used[0], stride=2, padding=1), 0.2)
    y = block(conv(avg_pool2d(block(y, *used[1:3]), 2), used[3]), *used[4:6])
    y = y.permute(0, 2, 3, 1).flatten(1)
    if deviation:
        y = torch.cat([y, (y.var(0, unbiased=False) + 1e-8).sqrt().mean().expand(batch, 1)], 1)
    y = y @ used[6][0].T + used[6][1]
    slope = torch.autograd.grad(y.sum(), x, create_graph=True)[0].norm(dim=1)
    value = ((slope - 1) ** 2).mean() if kind == "gradient-penalty" else (slope**2).mean() / 2
    own = [p for pair in layers for p in pair]
    gradients = torch.autograd.grad(value, own, allow_unused=True)
    gradients = [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, own)]
    residual_critics.append({"kind": kind, "pack": pack, "spectral": spectral, "deviation": deviation, "channels": c, "parameters": flatten(own),
                             "units": flatten(units), "real": flatten(real), "fake": flatten(fake), "share": share.tolist(),
                             "logits": y.flatten().tolist(), "value": value.item(), "slope": slope.mean().item(), "gradients": flatten(gradients)})

latent, c, batch = 5, 2, 2
layers = [layer(32 * c, latent, scale=1.0), layer(2 * c, 2 * c, 3, 3), layer(2 * c, 2 * c, 3, 3), layer(c, 2 * c, 1, 1), layer(c, c, 3, 3), layer(c, c, 3, 3)]
last = [torch.randn(c, 2, 4, 4).requires_grad_(), torch.randn(2).requires_grad_()]
z, along = torch.randn(batch, latent), torch.randn(batch, 512)
y = (z @ layers[0][0].T + layers[0][1]).view(batch, 4, 4, 2 * c).permute(0, 3, 1, 2)
y = block(interpolate(conv(block(y, *layers[1:3]), layers[3]), scale_factor=2), *layers[4:6])
y = torch.tanh(conv_transpose2d(y, *last, stride=2, padding=1)).permute(0, 2, 3, 1).flatten(1)
own = [p for pair in layers + [last] for p in pair]
residual_generator = {"latent": latent, "channels": c, "parameters": flatten(own), "z": flatten(z), "along": flatten(along), "y": flatten(y),
                      "gradients": flatten(torch.autograd.grad((y * along).sum(), own))}

out = {"torch": torch.__version__.split("+")[0], "objectives": objectives, "penalties": penalties, "critics": critics, "generators": generators,
       "residual_critics": residual_critics, "residual_generator": residual_generator}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out) + "\n", encoding="utf-8")
