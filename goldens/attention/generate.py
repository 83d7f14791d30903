"""Dot, general and additive attention with a masked ragged memory, forward and gradients, by PyTorch.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 && venv/bin/python goldens/attention/generate.py

Writes values.json beside this file. Queries and sources are listed sentence by sentence, unpadded."""
import json, pathlib, torch

torch.manual_seed(2)
cases = []
targets, sources, width, depth = [4, 1, 3], [3, 5, 1], 4, 6
flat = lambda t: t.detach().flatten().tolist()
for kind in ("dot", "general", "additive"):
    q = torch.randn(len(targets), max(targets), width, requires_grad=True)
    memory = torch.randn(len(sources), max(sources), depth if kind != "dot" else width, requires_grad=True)
    d = memory.shape[-1]
    w = torch.randn(width, d, requires_grad=True)
    v = torch.randn(width, requires_grad=True)
    keys = memory if kind == "dot" else memory @ w.T
    if kind == "additive":
        score = (torch.tanh(q[:, :, None, :] + keys[:, None, :, :]) * v).sum(-1)
    else:
        score = q @ keys.transpose(1, 2)
    mask = torch.arange(max(sources))[None, :] >= torch.tensor(sources)[:, None]
    weights = torch.softmax(score.masked_fill(mask[:, None, :], float("-inf")), -1)
    context = weights @ memory
    d_context = torch.randn_like(context)
    live = torch.arange(max(targets))[None, :] < torch.tensor(targets)[:, None]
    (context * d_context * live[:, :, None]).sum().backward()
    rows = lambda t, n: [x for i, k in enumerate(n) for x in flat(t[i, :k])]
    case = {"kind": kind, "targets": targets, "sources": sources, "width": width, "depth": d, "query": rows(q, targets), "memory": rows(memory, sources),
            "w": flat(w), "v": flat(v), "context": rows(context, targets), "d_context": rows(d_context, targets),
            "weights": [x for i in range(len(targets)) for x in flat(weights[i, :targets[i], :sources[i]])],
            "d_query": rows(q.grad, targets), "d_memory": rows(memory.grad, sources)}
    if kind != "dot": case["d_w"] = flat(w.grad)
    if kind == "additive": case["d_v"] = flat(v.grad)
    cases.append(case)
out = {"torch": torch.__version__.split("+")[0], "cases": cases}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(out) + "\n", encoding="utf-8")
