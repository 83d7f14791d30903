"""A two-layer bidirectional LSTM over ragged sequences, forward and gradients, by PyTorch.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 && venv/bin/python goldens/recurrent/generate.py

Writes values.json beside this file. Sequences stand in order of falling length; every array is row-major."""
import json, pathlib, torch

torch.manual_seed(1)
cases = []
for lengths, inputs, hidden, layers, bidirectional in [([5, 4, 4, 2, 1], 3, 4, 2, True), ([1], 2, 3, 1, False), ([6, 3], 5, 2, 3, False), ([7, 7, 3], 1, 5, 1, True)]:
    directions = 2 if bidirectional else 1
    lstm = torch.nn.LSTM(inputs, hidden, layers, bidirectional=bidirectional)
    x = torch.randn(max(lengths), len(lengths), inputs, requires_grad=True)
    h0 = torch.randn(layers * directions, len(lengths), hidden, requires_grad=True)
    c0 = torch.randn(layers * directions, len(lengths), hidden, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths)
    output, (hn, cn) = lstm(packed, (h0, c0))
    weights = [torch.randn_like(t) for t in (output.data, hn, cn)]
    loss = (output.data * weights[0]).sum() + (hn * weights[1]).sum() + (cn * weights[2]).sum()
    loss.backward()
    flat = lambda t: t.detach().flatten().tolist()
    dx = torch.nn.utils.rnn.pack_padded_sequence(x.grad, lengths).data
    cases.append({
        "lengths": lengths, "input": inputs, "hidden": hidden, "layers": layers, "bidirectional": bidirectional,
        "x": flat(packed.data), "h0": flat(h0), "c0": flat(c0), "output": flat(output.data), "hn": flat(hn), "cn": flat(cn),
        "d_output": flat(weights[0]), "d_hn": flat(weights[1]), "d_cn": flat(weights[2]),
        "d_x": flat(dx), "d_h0": flat(h0.grad), "d_c0": flat(c0.grad),
        "parameters": {n: {"shape": list(p.shape), "value": flat(p), "gradient": flat(p.grad)} for n, p in lstm.named_parameters()}})
out = {"torch": torch.__version__.split("+")[0], "cases": cases}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out) + "\n", encoding="utf-8")
