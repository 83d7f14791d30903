"""Every regime of teacher forcing on Multi30k en-de with a small network: trains what is missing, prints the table, draws the curves.

    cargo build --release -p simurgh
    python3 bench/teacher_forcing.py --data-dir DIR [--out runs/teacher-forcing] [--seeds 1,2,3] [--only always,linear] [--table]

A run takes 7 to 20 minutes of one core; a run that is there is not made again, one that was interrupted goes on. Dev curves are of
300 sentences by greedy search, the test set is test2016. `--table` trains nothing. The curves go to bench/teacher_forcing.svg."""
import argparse, json, pathlib, statistics, subprocess
import trainings

parser = argparse.ArgumentParser()
parser.add_argument("--data-dir", required=True)
parser.add_argument("--out", default="runs/teacher-forcing", type=pathlib.Path)
parser.add_argument("--seeds", default="1,2,3")
parser.add_argument("--only", default="")
parser.add_argument("--table", action="store_true")
arguments = parser.parse_args()
seeds = [int(s) for s in arguments.seeds.split(",")]

base = """text.vocab=4000 model.embedding=128 model.encoder_hidden=128 model.decoder_hidden=256 model.readout=128
model.dropout=0.3 train.epochs=5 train.batch_tokens=1200 train.learning_rate=2e-3 train.eval_beam=1 train.average=0.99
train.eval_every=125 train.eval_pairs=300""".split()
regimes = {
    "always": ("teacher forcing", ["schedule=always"]),
    "floor": ("linear, down to 0.75", ["schedule=linear", "floor=0.75"]),
    "linear": ("linear", ["schedule=linear"]),
    "exponential": ("exponential", ["schedule=exponential"]),
    "inverse-sigmoid": ("inverse sigmoid", ["schedule=inverse-sigmoid"]),
    "never": ("always sampling", ["schedule=never"]),
    "free": ("free running", ["schedule=never", "choice=likeliest"]),
}
chosen = [r for r in regimes if not arguments.only or r in arguments.only.split(",")]


def run(regime, seed):
    out = arguments.out / f"k-{regime}-{seed}"
    if not trainings.finished(out) and not arguments.table:
        settings = base + [f"teacher_forcing.{key}" for key in regimes[regime][1]]
        trainings.train(out, "multi30k-en-de", seed, settings, arguments.data_dir)
    return out if trainings.finished(out) else None


def read(out):
    """Dev scores by step, and test BLEU by greedy search and by a beam of 5."""
    dev = {}
    for line in open(out / "events.jsonl"):
        event = json.loads(line)
        if event["split"] == "dev" and "@" not in event["name"]:
            dev.setdefault(event["step"], {})[event["name"]] = event["value"]
    test = {}
    for beam in (1, 5):
        kept = out / f"test-{beam}.json"
        if not kept.exists():
            command = [trainings.program, "eval", out / "model.safetensors", "--data-dir", arguments.data_dir, "--beam", str(beam), "--json"]
            kept.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        test[beam] = json.loads(kept.read_text())["bleu"]
    return {step: scores for step, scores in dev.items() if "bleu" in scores}, test


all_runs = {}
for seed in seeds:
    for regime in chosen:
        out = run(regime, seed)
        if out:
            all_runs.setdefault(regime, []).append(read(out))

print("| regime | seeds | test BLEU, greedy | beam 5 | best dev BLEU | updates to dev BLEU 10 | to 15 | to 20 |")
print("|---|---|---|---|---|---|---|---|")
for regime in [r for r in chosen if r in all_runs]:
    runs = all_runs[regime]

    def updates(goal):
        """Of each run the first step whose dev BLEU is the goal's; of those that never get there, none."""
        firsts = [min((s for s, d in dev.items() if d["bleu"] >= goal), default=None) for dev, _ in runs]
        missing = firsts.count(None)
        if missing == len(firsts):
            return "never"
        return trainings.spread(firsts, ",.0f") + (f", {missing} never" if missing else "")

    cells = [trainings.spread([test[beam] for _, test in runs], ".2f") for beam in (1, 5)]
    cells.append(trainings.spread([max(d["bleu"] for d in dev.values()) for dev, _ in runs], ".2f"))
    print(f"| {regimes[regime][0]} | {len(runs)} | " + " | ".join(cells + [updates(g) for g in (10, 15, 20)]) + " |")

print("\n| regime | nats a token, teacher-forced | free-running | right, teacher-forced | free-running | wrong after a wrong one | wrong while all were right |")
print("|---|---|---|---|---|---|---|")
for regime in [r for r in chosen if r in all_runs]:
    best = [max(dev.values(), key=lambda d: d["bleu"]) for dev, _ in all_runs[regime]]
    mean = lambda name: statistics.mean(d[name] for d in best)
    cells = [f"{mean('nll_teacher_forced'):.3f}", f"{mean('nll_free_running'):.3f}"]
    cells += [f"{100 * mean(name):.1f} %" for name in ("accuracy_teacher_forced", "accuracy_free_running", "wrong_after_wrong_free_running", "wrong_after_right_free_running")]
    print(f"| {regimes[regime][0]} | " + " | ".join(cells) + " |")

# Curves: the mean over seeds, and a band from the smallest to the largest.
colours = ["#0b6e99", "#2a9d5c", "#e09f1f", "#d1603d", "#8f5bb0", "#34495e", "#7f8c8d"]
width, height, left, bottom, top = 760, 400, 50, 40, 20
steps = max(step for runs in all_runs.values() for dev, _ in runs for step in dev)
most = 5 * (1 + int(max(d["bleu"] for runs in all_runs.values() for dev, _ in runs for d in dev.values()) // 5))
x = lambda step: left + (width - left - 170) * step / steps
y = lambda bleu: height - bottom - (height - bottom - top) * bleu / most
svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
       f'<rect width="{width}" height="{height}" fill="white"/>']
for bleu in range(0, most + 1, 5):
    svg.append(f'<path d="M{left} {y(bleu):.1f}H{x(steps):.1f}" stroke="#ddd"/><text x="{left - 6}" y="{y(bleu) + 4:.1f}" text-anchor="end">{bleu}</text>')
for step in range(0, steps + 1, 500):
    svg.append(f'<text x="{x(step):.1f}" y="{height - bottom + 18}" text-anchor="middle">{step:,}</text>')
svg.append(f'<text x="{x(steps / 2):.1f}" y="{height - 6}" text-anchor="middle">updates</text>')
svg.append(f'<text x="14" y="{y(most / 2):.1f}" text-anchor="middle" transform="rotate(-90 14 {y(most / 2):.1f})">dev BLEU, greedy, free-running</text>')
for k, (regime, name) in enumerate((r, name) for r, (name, _) in regimes.items() if r in all_runs):
    runs = [dev for dev, _ in all_runs[regime]]
    at = sorted(set.intersection(*(set(dev) for dev in runs)))
    of = lambda pick: [(x(s), y(pick(dev[s]["bleu"] for dev in runs))) for s in at]
    band = of(max) + of(min)[::-1]
    points = lambda pairs: " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs)
    svg.append(f'<polygon points="{points(band)}" fill="{colours[k]}" opacity="0.15"/>')
    svg.append(f'<polyline points="{points(of(statistics.mean))}" fill="none" stroke="{colours[k]}" stroke-width="2"/>')
    svg.append(f'<path d="M{x(steps) + 14:.1f} {top + 12 + 20 * k}h18" stroke="{colours[k]}" stroke-width="3"/>')
    svg.append(f'<text x="{x(steps) + 38:.1f}" y="{top + 16 + 20 * k}">{name} ({len(runs)})</text>')
svg.append("</svg>")
(trainings.root / "bench/teacher_forcing.svg").write_text("\n".join(svg) + "\n")
