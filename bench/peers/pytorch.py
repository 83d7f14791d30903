"""One case of `simurgh bench` in PyTorch: a JSON line with its median time. See bench/compare.py.

    pytorch.py "lstm 1L B64 T50 H256 train" f32
"""
import re, statistics, sys
import torch, torch.nn as nn, torch.nn.functional as F
from timing import report, timed

case, precision = sys.argv[1:3]
torch.set_num_threads(2)
torch.manual_seed(0)
V, H, N, T = 8000, 256, 64, 20
BF16 = precision == "bf16"


def recurrent():
    kind, layers, batch, steps, size = re.match(r"(\w+) (\d)L B(\d+) T(\d+) H(\d+)", case).groups()
    layers, batch, steps, size = int(layers), int(batch), int(steps), int(size)
    module = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind](size, size, layers)
    x = torch.randn(steps, batch, size)
    if "ragged" in case:
        # From T down to T / 4 in even steps, the same as ours.
        lengths = [steps - (steps - steps // 4) * i // (batch - 1) for i in range(batch)]
        x = nn.utils.rnn.pack_padded_sequence(x, lengths)
        data = x.data
    else:
        data = x
    if BF16:
        module, data = module.bfloat16(), data.bfloat16()
    wrap = (lambda d: nn.utils.rnn.PackedSequence(d, x.batch_sizes)) if "ragged" in case else (lambda d: d)
    out_of = (lambda o: o.data) if "ragged" in case else (lambda o: o)
    rows = data.shape[0] if "ragged" in case else steps * batch
    if "forward" in case:
        module.eval()
        with torch.inference_mode():
            return timed(lambda: module(wrap(data))), rows
    data.requires_grad_(True)

    def train():
        module.zero_grad(set_to_none=True)
        data.grad = None
        out = out_of(module(wrap(data))[0])
        (out * out).sum().backward()

    return timed(train), rows


class Seq2Seq(nn.Module):
    """Bidirectional LSTM 256 + 256, decoder 256; Luong or additive attention, or additive with the attentional state fed back."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.source, self.target = nn.Embedding(V, H), nn.Embedding(V, H)
        self.encoder = nn.LSTM(H, H, bidirectional=True, batch_first=True)
        self.hidden, self.cell = nn.Linear(2 * H, H), nn.Linear(2 * H, H)
        self.key, self.combine, self.readout = nn.Linear(2 * H, H, bias=False), nn.Linear(3 * H, H), nn.Linear(H, V)
        if kind != "luong":
            self.query, self.vector = nn.Linear(H, H), nn.Linear(H, 1, bias=False)
        if "feeding" in kind:
            self.step_cell = nn.LSTMCell(2 * H, H)
        else:
            self.decoder = nn.LSTM(H, H, batch_first=True)

    def encode(self, source):
        memory, (h, c) = self.encoder(self.source(source))
        state = [torch.tanh(f(torch.cat([s[0], s[1]], -1))) for f, s in ((self.hidden, h), (self.cell, c))]
        return memory, self.key(memory), state

    def attend(self, out, memory, key):
        if self.kind == "luong":
            score = out @ key.transpose(1, 2)
        else:
            score = self.vector(torch.tanh(self.query(out).unsqueeze(2) + key.unsqueeze(1))).squeeze(-1)
        context = torch.softmax(score, -1) @ memory
        return torch.tanh(self.combine(torch.cat([out, context], -1)))

    def forward(self, source, target):
        memory, key, (h, c) = self.encode(source)
        y = self.target(target)
        if "feeding" in self.kind:
            feed, all = torch.zeros_like(h), []
            for t in range(y.shape[1]):
                h, c = self.step_cell(torch.cat([y[:, t], feed], -1), (h, c))
                feed = self.attend(h.unsqueeze(1), memory, key).squeeze(1)
                all.append(feed)
            return self.readout(torch.stack(all, 1))
        out, _ = self.decoder(y, (h[None], c[None]))
        return self.readout(self.attend(out, memory, key))

    def step(self, token, h, c, memory, key):
        out, (h, c) = self.decoder(self.target(token).unsqueeze(1), (h, c))
        return self.readout(self.attend(out, memory, key)).squeeze(1), h, c


def train():
    model = Seq2Seq(case.removeprefix("seq2seq train "))
    adam = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    source, target = torch.randint(1, V, (N, T)), torch.randint(1, V, (N, T + 1))

    def step():
        adam.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
            loss = F.cross_entropy(model(source, target[:, :-1]).reshape(-1, V).float(), target[:, 1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        return loss.item()

    return timed(step), N * T


def decode():
    """The faster of nn.LSTM and nn.LSTMCell for the steps."""
    kind, n = re.match(r"decode (greedy|beam 5), (\d+)", case).groups()
    n, beam = int(n), 1 if kind == "greedy" else 5
    model = Seq2Seq("luong").eval()
    source = torch.randint(1, V, (n, T))
    cell = nn.LSTMCell(H, H).eval()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data = getattr(model.decoder, name + "_l0").data

    def by_cell(token, h, c, memory, key):
        h, c = cell(model.target(token), (h[0], c[0]))
        return model.readout(model.attend(h.unsqueeze(1), memory, key)).squeeze(1), h[None], c[None]

    def search(step):
        memory, key, (h, c) = model.encode(source)
        repeat = lambda t: t.repeat_interleave(beam, 0)
        memory, key, h, c = repeat(memory), repeat(key), repeat(h)[None], repeat(c)[None]
        token = torch.ones(n * beam, dtype=torch.long)
        score = torch.full((n, beam), -1e9)
        score[:, 0] = 0
        offset, history = (torch.arange(n) * beam).unsqueeze(1), []
        for _ in range(T):
            logits, h, c = step(token, h, c, memory, key)
            if beam == 1:
                token = logits.argmax(-1)
                history.append(token)
                continue
            value, index = torch.log_softmax(logits, -1).topk(beam, -1)
            score, best = (score.unsqueeze(-1) + value.view(n, beam, beam)).view(n, -1).topk(beam, -1)
            parent = (offset + best // beam).view(-1)
            token = index.view(n, -1).gather(1, best).view(-1)
            h, c = h.index_select(1, parent), c.index_select(1, parent)
            history = [t.index_select(0, parent) for t in history] + [token]

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=BF16):
        return min((timed(lambda: search(step)) for step in (model.step, by_cell)), key=statistics.median), n * T


times, _ = decode() if case.startswith("decode") else train() if case.startswith("seq2seq") else recurrent()
report(case, precision, times)
