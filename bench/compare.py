"""`simurgh bench` and PyTorch, case by case, alternating, in the same run: prints a Markdown table of the ratios.

    python3 -m venv venv && venv/bin/pip install -r bench/requirements.txt
    cargo build --release
    venv/bin/python bench/compare.py [--rounds 3] [--only TEXT]

PyTorch has two arms: as installed, and with glibc told to keep freed memory, as our program tells it; the ratio is to the
better one. Nothing else should run meanwhile."""
import argparse, json, os, pathlib, statistics, subprocess, sys

root = pathlib.Path(__file__).resolve().parents[1]
parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--only", default="")
arguments = parser.parse_args()

layers = ["B64 T50 H256", "B64 T50 H512", "B32 T200 H256"]
cases = [("lstm", f"lstm {n}L {shape} {what}") for shape in layers for n in (1, 2) for what in ("train",)]
cases += [("lstm", f"lstm 1L {shape} forward") for shape in layers]
cases += [("lstm", f"lstm 1L {shape} ragged train") for shape in layers]
cases += [("lstm", f"lstm 1L B1 T1000 H128 {what}") for what in ("forward", "train")]
cases += [("lstm", f"gru 1L {layers[0]} train")]
cases += [("seq2seq-train", f"seq2seq train {name}") for name in ("luong", "additive", "additive, input feeding")]
cases += [("decode", f"decode {kind}, {n} sentences") for kind in ("greedy", "beam 5") for n in (1, 64)]

tuned = {"MALLOC_MMAP_THRESHOLD_": str(16 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30), "MALLOC_TOP_PAD_": str(256 << 20)}
peer = [sys.executable, str(root / "bench/peers/pytorch.py")]


def run(command, environment={}):
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def ours(suite, case, precision):
    out = run([str(root / "target/release/simurgh"), "bench", suite, "--only", case, "--precision", precision, "--json"])
    return next(row for row in map(json.loads, out.splitlines()) if row["case"] == case)


print("| case | precision | simurgh, ms | PyTorch as installed | allocator tuned | ratio to the better | memory, MiB |")
print("|---|---|---|---|---|---|---|")
for suite, case in cases:
    for precision in ("f32", "bf16"):
        if arguments.only not in f"{case} {precision}":
            continue
        rows = {"ours": [], "installed": [], "tuned": []}
        for _ in range(arguments.rounds):
            rows["ours"].append(ours(suite, case, precision))
            rows["installed"].append(json.loads(run(peer + [case, precision]).splitlines()[-1]))
            rows["tuned"].append(json.loads(run(peer + [case, precision], tuned).splitlines()[-1]))
        ms = {arm: statistics.median(row["ms"] for row in all) for arm, all in rows.items()}
        memory = [max(row["peak_mb"] for row in rows[arm]) for arm in ("ours", "installed")]
        ratio = min(ms["installed"], ms["tuned"]) / ms["ours"]
        print(f"| {case} | {precision} | {ms['ours']:.4g} | {ms['installed']:.4g} | {ms['tuned']:.4g} | {ratio:.2f} | {memory[0]:.0f} / {memory[1]:.0f} |", flush=True)
