"""The same training step as crates/nn/examples/seq2seq_speed.rs in PyTorch: one JSON line.
forward, backward, clipping to norm 1, fused Adam; batch 64, 20 tokens a side, vocabulary 8,000."""
import json, resource, statistics, time
import torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(2)
torch.manual_seed(0)
V, H, B, T = 8000, 256, 64, 20


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(V, H, padding_idx=0), nn.Embedding(V, H, padding_idx=0)
        self.encoder = nn.LSTM(H, H, bidirectional=True, batch_first=True)
        self.decoder = nn.LSTM(H, H, batch_first=True)
        self.hidden, self.cell = nn.Linear(2 * H, H), nn.Linear(2 * H, H)
        self.key, self.combine, self.readout = nn.Linear(2 * H, H, bias=False), nn.Linear(3 * H, H), nn.Linear(H, V)

    def forward(self, source, target):
        memory, (h, c) = self.encoder(self.source(source))
        state = [torch.tanh(f(torch.cat([s[0], s[1]], -1)))[None] for f, s in ((self.hidden, h), (self.cell, c))]
        out, _ = self.decoder(self.target(target), tuple(state))
        score = (out @ self.key(memory).transpose(1, 2)).masked_fill((source == 0)[:, None], float("-inf"))
        context = torch.softmax(score, -1) @ memory
        return self.readout(torch.tanh(self.combine(torch.cat([out, context], -1))))


model = Model()
adam = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
source, target = torch.randint(1, V, (B, T)), torch.randint(1, V, (B, T + 1))


def step():
    adam.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(source, target[:, :-1]).reshape(-1, V), target[:, 1:].reshape(-1), ignore_index=0)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    adam.step()
    return loss.item()


losses, times = [], []
for _ in range(60):
    start = time.perf_counter()
    losses.append(step())
    times.append(time.perf_counter() - start)
times = times[10:]
median = statistics.median(times)
print(json.dumps({"program": "pytorch " + torch.__version__.split("+")[0], "ms": round(median * 1e3, 1), "ms_min": round(min(times) * 1e3, 1),
                  "ms_max": round(max(times) * 1e3, 1), "target_tokens_per_s": round(B * T / median),
                  "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), "loss_first": round(losses[0], 3), "loss_last": round(losses[-1], 3)}))
