"""How much of their data the adversarial recipes cover, by several seeds, and plain games beside them: trains what is missing and
prints the rows of BENCHMARKS.md.

    cargo build --release -p simurgh
    python3 bench/coverage.py [--out runs/coverage] [--seeds 1,2,3,4,5,6,7,8,9,10] [--only ring8,grid25] [--jobs 2] [--data-dir DIR] [--table]

One core a run: a minute (ring8) to four (grid25). 2,500 samples of the last average of the generator, measured once."""
import argparse, concurrent.futures, json, pathlib
import trainings

# The game of Goodfellow et al. 2014 as their successors ran it: two hidden layers of 128 units, Adam, no average, no penalty.
plain = ["model.hidden=[128,128]", "model.latent=16", "adversarial.penalty=[]", "ema.decay=0", "train.decay=constant",
         "adversarial.objective=non-saturating", "train.generator.learning_rate=1e-3", "train.discriminator.learning_rate=1e-3"]
rows = {
    "ring8": ("ring8", []),
    "ring8-plain": ("ring8", plain),
    "ring8-minimax": ("ring8", [*plain, "adversarial.objective=minimax"]),
    "ring8-packed": ("ring8", [*plain, "adversarial.remedies.pack=2"]),
    "grid25": ("grid25", []),
    "grid25-plain": ("grid25", plain),
    "grid25-packed": ("grid25", [*plain, "adversarial.remedies.pack=2"]),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--out", default="runs/coverage", type=pathlib.Path)
parser.add_argument("--seeds", default=",".join(str(seed) for seed in range(1, 11)))
parser.add_argument("--only", default=",".join(rows))
parser.add_argument("--jobs", default=2, type=int)
parser.add_argument("--data-dir", default=".")
parser.add_argument("--table", action="store_true")
arguments = parser.parse_args()
names, seeds = arguments.only.split(","), [int(seed) for seed in arguments.seeds.split(",")]


def scores(out):
    """The last value of everything that was measured of the final generator."""
    lines = (out / "events.jsonl").read_text().splitlines()
    return {e["name"]: e["value"] for e in map(json.loads, lines) if e["split"] == "test"}


def run(name, seed):
    out = arguments.out / f"{name}-{seed}"
    if not trainings.finished(out) and not arguments.table:
        recipe, settings = rows[name]
        trainings.train(out, recipe, seed, settings, arguments.data_dir)


with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
    list(pool.map(lambda job: run(*job), [(name, seed) for name in names for seed in seeds]))
print("| | seeds | modes | all of them in | high quality | reverse KL, nats |\n|---|---|---|---|---|---|")
for name in names:
    found = [scores(out) for seed in seeds if trainings.finished(out := arguments.out / f"{name}-{seed}")]
    if found:
        of = [[s[key] for s in found] for key in ("modes", "high_quality", "reverse_kl")]
        every = sum(modes == (8 if name.startswith("ring") else 25) for modes in of[0])
        print(f"| `{name}` | {len(found)} | {trainings.spread(of[0], '.1f')} | {every} | "
              f"{trainings.spread([100 * x for x in of[1]], '.1f')} % | {trainings.spread(of[2], '.4f')} |")
