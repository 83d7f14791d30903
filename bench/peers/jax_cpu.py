"""One case of `simurgh bench` in JAX, compiled by XLA for the CPU: a JSON line with its median time. See bench/compare.py.

    jax_cpu.py "lstm 1L B64 T50 H256 train"
"""
import re, sys
import jax, jax.numpy as jnp, optax
from jax import lax
from timing import report, timed

case = sys.argv[1]
V, H, N, T = 8000, 256, 64, 20
keys = iter(jax.random.split(jax.random.PRNGKey(0), 100))


def uniform(*shape, scale=H**-0.5):
    return jax.random.uniform(next(keys), shape, minval=-scale, maxval=scale)


def lstm_cell(gates, c):
    i, f, g, o = jnp.split(gates, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru_cell(from_x, from_h, h):
    (xr, xz, xn), (hr, hz, hn) = jnp.split(from_x, 3, -1), jnp.split(from_h, 3, -1)
    z = jax.nn.sigmoid(xz + hz)
    return (1 - z) * jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn) + z * h


def layer(input, hidden, gates=4):
    return {"ih": uniform(input, gates * hidden), "hh": uniform(hidden, gates * hidden), "b": jnp.zeros(gates * hidden)}


def lstm(p, x, h, c, reverse=False):
    """x[time, batch, input]; the input's product of all steps at once."""

    def step(state, from_x):
        h, c = lstm_cell(from_x + state[0] @ p["hh"], state[1])
        return (h, c), h

    (h, c), out = lax.scan(step, (h, c), x @ p["ih"] + p["b"], reverse=reverse)
    return out, h, c


def gru(p, x, h):
    def step(h, from_x):
        h = gru_cell(from_x, h @ p["hh"], h)
        return h, h

    return lax.scan(step, h, x @ p["ih"] + p["b"])[1]


def recurrent():
    kind, layers, batch, steps, size = re.match(r"(\w+) (\d)L B(\d+) T(\d+) H(\d+)", case).groups()
    layers, batch, steps, size = int(layers), int(batch), int(steps), int(size)
    stack = [layer(size, size, 4 if kind == "lstm" else 3) for _ in range(layers)]
    x = jax.random.normal(next(keys), (steps, batch, size))

    def forward(stack, x):
        zero = jnp.zeros((batch, size))
        for p in stack:
            x = lstm(p, x, zero, zero)[0] if kind == "lstm" else gru(p, x, zero)
        return x

    if "forward" in case:
        run = jax.jit(forward)
    else:
        run = jax.jit(jax.grad(lambda stack, x: (forward(stack, x) ** 2).sum(), argnums=(0, 1)))
    return timed(lambda: jax.block_until_ready(run(stack, x)))


def train():
    kind = case.removeprefix("seq2seq train ")
    fed = "feeding" in kind
    dense = lambda i, o: {"w": uniform(i, o), "b": jnp.zeros(o)}
    parameters = {
        "source": uniform(V, H), "target": uniform(V, H), "forward": layer(H, H), "backward": layer(H, H),
        "hidden": dense(2 * H, H), "cell": dense(2 * H, H), "key": uniform(2 * H, H), "decoder": layer(2 * H if fed else H, H),
        "combine": dense(3 * H, H), "readout": dense(H, V), "query": dense(H, H), "vector": uniform(H),
    }  # fmt: skip
    affine = lambda p, x: x @ p["w"] + p["b"]

    def attend(p, out, memory, key):
        """The attentional state of out[batch, steps, H]."""
        if kind == "luong":
            score = jnp.einsum("bth,bsh->bts", out, key)
        else:
            score = jnp.tanh(affine(p["query"], out)[:, :, None] + key[:, None]) @ p["vector"]
        context = jnp.einsum("bts,bsk->btk", jax.nn.softmax(score, -1), memory)
        return jnp.tanh(affine(p["combine"], jnp.concatenate([out, context], -1)))

    def loss(p, source, given, wanted):
        x, zero = p["source"][source].transpose(1, 0, 2), jnp.zeros((N, H))
        f, fh, fc = lstm(p["forward"], x, zero, zero)
        b, bh, bc = lstm(p["backward"], x, zero, zero, True)
        memory = jnp.concatenate([f, b], -1).transpose(1, 0, 2)
        key = memory @ p["key"]
        h = jnp.tanh(affine(p["hidden"], jnp.concatenate([fh, bh], -1)))
        c = jnp.tanh(affine(p["cell"], jnp.concatenate([fc, bc], -1)))
        y, d = p["target"][given].transpose(1, 0, 2), p["decoder"]
        if fed:

            def step(state, yt):
                h, c, feed = state
                h, c = lstm_cell(jnp.concatenate([yt, feed], -1) @ d["ih"] + d["b"] + h @ d["hh"], c)
                feed = attend(p, h[:, None], memory, key)[:, 0]
                return (h, c, feed), feed

            states = lax.scan(step, (h, c, jnp.zeros((N, H))), y)[1].transpose(1, 0, 2)
        else:
            states = attend(p, lstm(d, y, h, c)[0].transpose(1, 0, 2), memory, key)
        return optax.softmax_cross_entropy_with_integer_labels(affine(p["readout"], states), wanted).mean()

    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
    source = jax.random.randint(next(keys), (N, T), 1, V)
    target = jax.random.randint(next(keys), (N, T + 1), 1, V)

    def step(p, state, source, target):
        value, gradient = jax.value_and_grad(loss)(p, source, target[:, :-1], target[:, 1:])
        update, state = rule.update(gradient, state, p)
        return optax.apply_updates(p, update), state, value

    compiled = jax.jit(step, donate_argnums=(0, 1))
    state = [parameters, rule.init(parameters)]

    def run():
        state[0], state[1], value = compiled(*state, source, target)
        jax.block_until_ready(value)

    return timed(run)


report(case, "f32", train() if case.startswith("seq2seq") else recurrent())
