"""Steps a second of adversarial training beside PyTorch and JAX: one update of each network a step, the same networks, batches and
optimizers, every case in a process of its own, ours and theirs in turn.

    cargo build --release -p simurgh
    python3 -m venv venv && venv/bin/pip install -r bench/requirements.txt
    venv/bin/python bench/gan.py [--rounds 2] [--threads 2] [--only mlp,dcgan] [--data-dir DIR]

mlp: the ring, two hidden layers of 128 units, noise of 16 numbers, batch 256. dcgan: pictures of 28 x 28 grey pixels (random ones for the
peers, MNIST for ours, from DIR), 64 and 128 channels, no normalisation, noise of 64 numbers, batch 64. Ours is the difference of two
trainings of different lengths, so that beginning and end do not count."""
import argparse, pathlib, statistics, subprocess, sys, tempfile, time

root = pathlib.Path(__file__).resolve().parents[1]
program = root / "target/release/simurgh"
plain = ["adversarial.penalty=[]", "adversarial.objective=non-saturating", "train.eval_every=1000000", "train.eval_samples=10", "ema.decay=0"]
ours = {
    "mlp": ("ring8", [*plain, "model.hidden=[128,128]", "model.latent=16"], (500, 3500)),
    "dcgan": ("mnist-gan", [*plain, "model.batch_norm=none", "data.labels=", "train.generator.learning_rate=1e-4",
                            "train.discriminator.learning_rate=1e-4"], (20, 120)),
}


def simurgh(case, threads, data_dir):
    recipe, settings, lengths = ours[case]
    seconds = []
    for steps in lengths:
        with tempfile.TemporaryDirectory() as out:
            command = [program, "--threads", str(threads), "train", recipe, "--out", out + "/run", "--quiet", "--data-dir", data_dir]
            for pair in [*settings, f"train.steps={steps}"]:
                command += ["--set", pair]
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - begin)
    return (lengths[1] - lengths[0]) / (seconds[1] - seconds[0])


def timed(step, least=4.0):
    """Steps a second: the median of blocks over at least so many seconds, after a warm-up."""
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < 1.0:
        step()
        count += 1
    block, blocks = max(1, count // 4), []
    while sum(blocks) < least:
        start = time.perf_counter()
        for _ in range(block):
            step()
        blocks.append(time.perf_counter() - start)
    return block / statistics.median(blocks)


def pytorch(case, threads):
    import torch
    from torch import nn
    from torch.nn.functional import softplus

    torch.set_num_threads(threads)
    leaky = lambda: nn.LeakyReLU(0.2)
    if case == "mlp":
        layers = lambda i, o: nn.Sequential(nn.Linear(i, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, o))
        g, d, latent, batch = layers(16, 2), layers(2, 1), 16, 256
        angles = torch.arange(8) * (torch.pi / 4)
        centres = torch.stack([angles.cos(), angles.sin()], 1)
        real = lambda: centres[torch.randint(0, 8, (batch,))] + 0.01 * torch.randn(batch, 2)
    else:
        g = nn.Sequential(nn.Linear(64, 128 * 49), nn.ReLU(), nn.Unflatten(1, (128, 7, 7)), nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ReLU(),
                          nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh())
        d = nn.Sequential(nn.Conv2d(1, 64, 4, 2, 1), leaky(), nn.Conv2d(64, 128, 4, 2, 1), leaky(), nn.Flatten(), nn.Linear(128 * 49, 1))
        latent, batch, pictures = 64, 64, torch.rand(1024, 1, 28, 28) * 2 - 1
        real = lambda: pictures[torch.randint(0, 1024, (batch,))]
    of_g, of_d = (torch.optim.Adam(m.parameters(), 1e-4, (0.5, 0.999), fused=True) for m in (g, d))

    def step():
        with torch.no_grad():
            fake = g(torch.randn(batch, latent))
        of_d.zero_grad(set_to_none=True)
        (softplus(-d(real())).mean() + softplus(d(fake)).mean()).backward()
        of_d.step()
        d.requires_grad_(False)
        of_g.zero_grad(set_to_none=True)
        softplus(-d(g(torch.randn(batch, latent)))).mean().backward()
        of_g.step()
        d.requires_grad_(True)

    return timed(step)


def jax(case, threads):
    import jax
    import jax.numpy as jnp
    import numpy as np

    draw = np.random.default_rng(0)
    made = lambda *sizes: [(jnp.asarray(draw.normal(size=(i, o)).astype("f4") / i**0.5), jnp.zeros(o)) for i, o in zip(sizes, sizes[1:])]

    def run(network, x):
        for w, b in network[:-1]:
            x = jax.nn.relu(x @ w + b)
        return x @ network[-1][0] + network[-1][1]

    angles = jnp.arange(8) * (jnp.pi / 4)
    centres = jnp.stack([jnp.cos(angles), jnp.sin(angles)], 1)
    soft, leaves = jax.nn.softplus, jax.tree_util.tree_map

    def adam(network, gradient, moments, step):
        mean = leaves(lambda m, g: 0.5 * m + 0.5 * g, moments[0], gradient)
        square = leaves(lambda s, g: 0.999 * s + 0.001 * g * g, moments[1], gradient)
        scale = 1e-4 * jnp.sqrt(1 - 0.999**step) / (1 - 0.5**step)
        return leaves(lambda p, m, s: p - scale * m / (jnp.sqrt(s) + 1e-8), network, mean, square), (mean, square)

    def play(state):
        g, d, of_g, of_d, key, step = state
        key, a, b, c, e = jax.random.split(key, 5)
        x = centres[jax.random.randint(a, (256,), 0, 8)] + 0.01 * jax.random.normal(b, (256, 2))
        fake = run(g, jax.random.normal(c, (256, 16)))
        d, of_d = adam(d, jax.grad(lambda d: soft(-run(d, x)).mean() + soft(run(d, fake)).mean())(d), of_d, step)
        z = jax.random.normal(e, (256, 16))
        g, of_g = adam(g, jax.grad(lambda g: soft(-run(d, run(g, z))).mean())(g), of_g, step)
        return g, d, of_g, of_d, key, step + 1

    g, d = made(16, 128, 128, 2), made(2, 128, 128, 1)
    zeros = lambda network: (leaves(jnp.zeros_like, network), leaves(jnp.zeros_like, network))
    state, compiled = [(g, d, zeros(g), zeros(d), jax.random.PRNGKey(0), jnp.float32(1))], jax.jit(play, donate_argnums=0)

    def step():
        state[0] = jax.block_until_ready(compiled(state[0]))

    step()
    return timed(step)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=2)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--only", default="mlp,dcgan")
parser.add_argument("--data-dir", default="data")
parser.add_argument("--peer", help=argparse.SUPPRESS)
arguments = parser.parse_args()
if arguments.peer:
    print({"pytorch": pytorch, "jax": jax}[arguments.peer](arguments.only, arguments.threads))
    sys.exit()


def peer(name, case):
    command = [sys.executable, __file__, "--peer", name, "--only", case, "--threads", str(arguments.threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


print("| case | simurgh, steps/s | PyTorch | JAX | ratio to the best |\n|---|---|---|---|---|")
for case in arguments.only.split(","):
    rounds = []
    for _ in range(arguments.rounds):
        mine = simurgh(case, arguments.threads, arguments.data_dir)
        rounds.append((mine, peer("pytorch", case), peer("jax", case) if case == "mlp" else float("nan")))
    mine, torch, jaxed = (statistics.median(column) for column in zip(*rounds))
    best = max(torch, jaxed) if jaxed == jaxed else torch
    print(f"| {case} | {mine:.1f} | {torch:.1f} | {'-' if jaxed != jaxed else f'{jaxed:.1f}'} | {mine / best:.2f} |")
