"""Stacked and bidirectional LSTM, GRU and RNN over ragged sequences, forward and gradients, by PyTorch.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 && venv/bin/python goldens/recurrent/generate.py

Writes values.json beside this file. Sequences stand in order of falling length; every array is row-major."""
import json, pathlib, torch

SHAPES = [([5, 4, 4, 2, 1], 3, 4, 2, True), ([1], 2, 3, 1, False), ([6, 3], 5, 2, 3, False), ([7, 7, 3], 1, 5, 1, True)]
CELLS = {
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
    "rnn-tanh": torch.nn.RNN,
    "rnn-relu": lambda *a, **k: torch.nn.RNN(*a, nonlinearity="relu", **k),
}

torch.manual_seed(1)
cases = []
for cell, layer in CELLS.items():
    for lengths, inputs, hidden, layers, bidirectional in SHAPES:
        directions = 2 if bidirectional else 1
        module = layer(inputs, hidden, layers, bidirectional=bidirectional)
        x = torch.randn(max(lengths), len(lengths), inputs, requires_grad=True)
        states = [torch.randn(layers * directions, len(lengths), hidden, requires_grad=True) for _ in range(2 if cell == "lstm" else 1)]
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths)
        output, last = module(packed, tuple(states) if cell == "lstm" else states[0])
        last = list(last) if cell == "lstm" else [last]
        weights = [torch.randn_like(t) for t in (output.data, *last)]
        sum((t * w).sum() for t, w in zip((output.data, *last), weights)).backward()
        flat = lambda t: t.detach().flatten().tolist()
        dx = torch.nn.utils.rnn.pack_padded_sequence(x.grad, lengths).data
        case = {"cell": cell, "lengths": lengths, "input": inputs, "hidden": hidden, "layers": layers, "bidirectional": bidirectional,
                "x": flat(packed.data), "output": flat(output.data), "d_output": flat(weights[0]), "d_x": flat(dx)}
        for name, first, final, weight in zip("hc", states, last, weights[1:]):
            case |= {f"{name}0": flat(first), f"{name}n": flat(final), f"d_{name}n": flat(weight), f"d_{name}0": flat(first.grad)}
        case["parameters"] = {n: {"shape": list(p.shape), "value": flat(p), "gradient": flat(p.grad)} for n, p in module.named_parameters()}
        cases.append(case)
out = {"torch": torch.__version__.split("+")[0], "cases": cases}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out) + "\n", encoding="utf-8")
