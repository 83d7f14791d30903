"""The recipes of every task but translation, by several seeds: trains what is missing and prints the rows of BENCHMARKS.md.

    cargo build --release -p simurgh
    python3 bench/tasks.py --data-dir DIR [--out runs/tasks] [--seeds 1,2,3] [--only trec,etth1-96] [--table]

One core a run, from seconds (sunspots) to 25 minutes (captions). The test set is measured once, at the end of a training, with the
parameters that were best on the dev set. `--table` trains nothing."""
import argparse, json, pathlib
import trainings

per_cent = lambda name, text: (name, text, 100, ".2f", " %")
error = lambda name, text: (name, text, 1, ".4f", "")
accuracy, macro_f1 = per_cent("accuracy", "accuracy"), per_cent("macro_f1", "macro F1")
mse, mae, coverage = error("mse", "MSE"), error("mae", "MAE"), per_cent("coverage", "within the band")
pinball = ("loss", "pinball loss", 0.5, ".4f", "")
nats = ("nll", "nats a frame", 1, ".3f", "")


def ahead(recipe, steps, windows, metrics, *more):
    """A forecasting recipe for another horizon, with as many windows an update."""
    return recipe, [f"model.horizon={steps}", f"train.batch_tokens={windows * steps}", *more], metrics


captions = "multi30k-en-de/tok/{}.lc.norm.tok.en"
# name: (recipe, settings, what is printed of the test set)
rows = {
    "sst2": ("sst2", [], [accuracy]),
    "trec": ("trec", [], [accuracy, macro_f1]),
    "sentipers": ("sentipers", [], [accuracy, macro_f1]),
    "sentipers-plain": ("sentipers", ["pretrain.epochs=0"], [accuracy, macro_f1]),
    "sentipers-five": (
        "sentipers",
        ["pretrain.epochs=0", 'data.classes={-2="furious",-1="negative",0="neutral",1="positive",2="delighted"}'],
        [accuracy, macro_f1],
    ),
    "chorales": ("chorales", [], [nats]),
    "captions": (
        "text",
        [f"data.{part}={captions.format(name)}" for part, name in (("train", "train"), ("dev", "val"), ("test", "test_2016_flickr"))]
        + ["model.layers=1", "model.hidden=512", "model.dropout=0.1", "train.batch_tokens=1600", "train.learning_rate=3e-3", "train.epochs=6"],
        [("bits_per_character", "bits a character", 1, ".3f", ""), ("perplexity", "perplexity", 1, ".3f", "")],
    ),
    "digits": ("digits", [], [per_cent("accuracy", "frames"), per_cent("label_error_rate", "digit error rate")]),
    "etth1-96": ("etth1", [], [mse, mae]),
    "etth1-192": ahead("etth1", 192, 896, [mse, mae]),
    "etth1-336": ahead("etth1", 336, 896, [mse, mae]),
    "etth1-720": ahead("etth1", 720, 896, [mse, mae]),
    "exchange-96": ("exchange", [], [mse, mae, coverage, pinball]),
    "exchange-192": ahead("exchange", 192, 256, [mse, mae, coverage, pinball]),
    "exchange-336": ahead("exchange", 336, 256, [mse, mae, coverage, pinball]),
    "exchange-720": ahead("exchange", 720, 256, [mse, mae, coverage, pinball]),
    "sunspots": ("sunspots", [], [mse, mae, coverage, pinball]),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-dir", required=True)
parser.add_argument("--out", default="runs/tasks", type=pathlib.Path)
parser.add_argument("--seeds", default="1,2,3")
parser.add_argument("--only", default=",".join(rows))
parser.add_argument("--table", action="store_true")
arguments = parser.parse_args()
seeds = [int(s) for s in arguments.seeds.split(",")]
chosen = arguments.only.split(",")
if unknown := [name for name in chosen if name not in rows]:
    parser.error(f"no row {', '.join(unknown)}; there are {', '.join(rows)}")


def scores(out):
    """The test scores of a finished run, by name."""
    events = [json.loads(line) for line in open(out / "events.jsonl")]
    return {e["name"]: e["value"] for e in events if e["split"] == "test"}


for seed in seeds:
    for name in chosen:
        out = arguments.out / f"{name}-{seed}"
        if not trainings.finished(out) and not arguments.table:
            recipe, settings, _ = rows[name]
            trainings.train(out, recipe, seed, settings, arguments.data_dir)

print("| row | seeds | test |")
print("|---|---|---|")
for name in chosen:
    outs = [arguments.out / f"{name}-{seed}" for seed in seeds]
    found = [scores(out) for out in outs if trainings.finished(out)]
    if found:
        cells = [f"{text} {trainings.spread([s[key] * scale for s in found], form)}{unit}" for key, text, scale, form, unit in rows[name][2]]
        print(f"| {name} | {len(found)} | {'; '.join(cells)} |")
