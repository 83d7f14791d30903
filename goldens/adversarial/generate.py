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
out = {"torch": torch.__version__.split("+")[0], "objectives": objectives, "penalties": penalties}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out) + "\n", encoding="utf-8")
