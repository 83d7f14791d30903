"""Features of pictures by a small PyTorch network, and the network as a safetensors file with the list of its layers.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 safetensors==0.8.0 && venv/bin/python goldens/features/generate.py

Writes features.safetensors and values.json beside this file."""
import json, pathlib, torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(3)
network = nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 2, bias=False),
                        nn.LeakyReLU(0.2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 5), nn.Tanh())
layers = [{"kind": "scale", "factor": [0.5, 2.0], "shift": [0.25, -1.0]},
          {"kind": "convolution", "name": "0", "stride": 2, "padding": 1, "activation": "relu"}, {"kind": "max-pool", "size": 2},
          {"kind": "convolution", "name": "3", "activation": "leaky-relu"}, {"kind": "mean-pool", "size": 2},
          {"kind": "linear", "name": "7", "activation": "tanh"}]
here = pathlib.Path(__file__).parent
save_file(network.state_dict(), here / "features.safetensors", metadata={"layers": json.dumps(layers)})
# 13 x 13 is 7 x 7, of which max pooling leaves out a row and a column, then 3 x 3, 2 x 2, 1 x 1.
x = torch.randn(3, 2, 13, 13)
factor, shift = (torch.tensor(layers[0][name]).view(1, 2, 1, 1) for name in ("factor", "shift"))
with torch.no_grad():
    y = network(x * factor + shift)
    # The first layers alone, read by a linear map of a whole picture: channels, rows, columns.
    whole = nn.Sequential(nn.Conv2d(2, 3, 3, stride=4), nn.Flatten(), nn.Linear(27, 2))
    save_file(whole.state_dict(), here / "flattened.safetensors", metadata={"layers": json.dumps([
        {"kind": "convolution", "name": "0", "stride": 4}, {"kind": "linear", "name": "2"}])})
    z = whole(x)
rows = x.permute(0, 2, 3, 1).flatten().tolist()
(here / "values.json").write_text(json.dumps({"torch": torch.__version__.split("+")[0], "x": rows, "features": y.flatten().tolist(),
                                              "flattened": z.flatten().tolist()}) + "\n", encoding="utf-8")
