"""SegRNN (Lin et al. 2023) on ETTh1 at look-back 96, by PyTorch, with the authors' settings for it: what their figures are on all
test windows, and how the test error goes beside the validation error that chooses.

    python3 bench/peers/segrnn.py --data DIR/forecasting/ETTh1.csv [--horizon 720] [--seed 2024] [--threads 1]

Settings of their script for look-back 96: segments of 24, 512 units, dropout 0.5, Adam at 1e-3 (from the third epoch on times 0.8
each), batches of 256 windows, squared error, at most 30 epochs, patience 10."""
import argparse, copy, csv
import torch
from torch import nn

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", required=True)
parser.add_argument("--horizon", type=int, default=720)
parser.add_argument("--seed", type=int, default=2024)
parser.add_argument("--threads", type=int, default=1)
arguments = parser.parse_args()
torch.manual_seed(arguments.seed)
torch.set_num_threads(arguments.threads)
look_back, horizon, segment, units, batch = 96, arguments.horizon, 24, 512, 256
months = 30 * 24

rows = list(csv.reader(open(arguments.data)))[1:]
values = torch.tensor([[float(cell) for cell in row[1:]] for row in rows])
train = values[: 12 * months]
values = (values - train.mean(0)) / train.std(0, unbiased=False)
series = values.shape[1]


def windows(first, last):
    """Starts of the windows whose targets lie in these rows."""
    return torch.arange(max(first - look_back, 0), last - look_back - horizon + 1)


parts = {"train": windows(0, 12 * months), "dev": windows(12 * months, 16 * months), "test": windows(16 * months, 20 * months)}


class SegRnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(segment, units), nn.ReLU())
        self.gru = nn.GRU(units, units, batch_first=True)
        self.place = nn.Parameter(torch.randn(horizon // segment, units // 2))
        self.channel = nn.Parameter(torch.randn(series, units // 2))
        self.predict = nn.Sequential(nn.Dropout(0.5), nn.Linear(units, segment))

    def forward(self, x):
        """`x` [windows, look_back, series] to [windows, horizon, series]."""
        count, steps = len(x), horizon // segment
        last = x[:, -1:]
        read = (x - last).transpose(1, 2).reshape(count * series, look_back // segment, segment)
        _, state = self.gru(self.embed(read))
        asked = torch.cat([self.place.expand(series, -1, -1), self.channel[:, None].expand(-1, steps, -1)], -1)
        asked = asked.reshape(series * steps, 1, units).repeat(count, 1, 1)
        _, state = self.gru(asked, state[0].repeat_interleave(steps, 0)[None])
        return self.predict(state[0]).view(count, series, horizon).transpose(1, 2) + last


def pairs(starts):
    span = starts[:, None] + torch.arange(look_back + horizon)
    both = values[span]
    return both[:, :look_back], both[:, look_back:]


def measure(model, part):
    model.eval()
    squares = absolute = 0.0
    with torch.no_grad():
        for starts in parts[part].split(batch):
            x, y = pairs(starts)
            error = model(x) - y
            squares += error.double().square().sum().item()
            absolute += error.double().abs().sum().item()
    model.train()
    count = len(parts[part]) * horizon * series
    return squares / count, absolute / count


model = SegRnn()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
best, kept, since = float("inf"), None, 0
for epoch in range(1, 31):
    order = parts["train"][torch.randperm(len(parts["train"]))]
    for starts in order[: len(order) // batch * batch].split(batch):
        x, y = pairs(starts)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    dev, test = measure(model, "dev"), measure(model, "test")
    print(f"epoch {epoch}: dev MSE {dev[0]:.4f} MAE {dev[1]:.4f}, test MSE {test[0]:.4f} MAE {test[1]:.4f}", flush=True)
    if dev[0] < best:
        best, kept, since = dev[0], test, 0
    else:
        since += 1
        if since == 10:
            break
    # Their rule gives the third epoch the first's rate, too.
    for group in optimizer.param_groups:
        group["lr"] = 1e-3 * 0.8 ** max(0, epoch - 3)
print(f"chosen by dev: test MSE {kept[0]:.4f} MAE {kept[1]:.4f}")
