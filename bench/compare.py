"""`simurgh bench` and its peers, case by case, alternating, in the same run: prints a Markdown table of the ratios.

    python3 -m venv venv && venv/bin/pip install -r bench/requirements.txt
    cargo build --release -p simurgh
    venv/bin/python bench/compare.py [--rounds 3] [--only TEXT] [--precision f32] [--peers pytorch,jax]
        [--fastest]

PyTorch has two arms: as installed, and with glibc told to keep freed memory, as our program tells it. JAX (XLA) takes the
f32 cases of equal lengths, ONNX Runtime those that only run forward; the tuned allocator is theirs too. The ratio is to the
best of all. Nothing else should run meanwhile. Where others compute on the same cores, a process is slow for seconds and
medians compare that: `--fastest` takes the fastest call of all rounds instead, of ours and of theirs."""
import argparse, json, os, pathlib, statistics, subprocess, sys

root = pathlib.Path(__file__).resolve().parents[1]
parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--only", default="")
parser.add_argument("--precision", default="f32,bf16")
parser.add_argument("--peers", default="pytorch,jax,onnxruntime")
parser.add_argument("--fastest", action="store_true")
arguments = parser.parse_args()

layers = ["B64 T50 H256", "B64 T50 H512", "B32 T200 H256"]
cases = [("lstm", f"lstm {n}L {shape} {what}") for shape in layers for n in (1, 2) for what in ("train",)]
cases += [("lstm", f"lstm 1L {shape} forward") for shape in layers]
cases += [("lstm", f"lstm {n}L {shape} ragged train") for shape in layers for n in (1, 2)]
cases += [("lstm", f"lstm 1L B1 T1000 H128 {what}") for what in ("forward", "train")]
cases += [("lstm", f"gru 1L {layers[0]} train")]
cases += [("seq2seq-train", f"seq2seq train {name}") for name in ("luong", "additive", "additive, input feeding")]
cases += [("decode", f"decode {kind}, {n} sentences") for kind in ("greedy", "beam 5") for n in (1, 64)]

tuned = {"MALLOC_MMAP_THRESHOLD_": str(16 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30), "MALLOC_TOP_PAD_": str(256 << 20)}
peers = root / "bench/peers"


def run(command, environment={}):
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def ours(suite, case, precision):
    out = run([str(root / "target/release/simurgh"), "--threads", "2", "bench", suite, "--only", case, "--precision", precision, "--json"])
    return next(row for row in map(json.loads, out.splitlines()) if row["case"] == case)


def arms(case, precision):
    """The peers' ways to run a case: name, script, environment."""
    wanted = arguments.peers.split(",")
    simple = precision == "f32" and "ragged" not in case and not case.startswith("decode")
    if "pytorch" in wanted:
        yield "installed", [peers / "pytorch.py", case, precision], {}
        yield "tuned", [peers / "pytorch.py", case, precision], tuned
    if "jax" in wanted and simple:
        yield "jax", [peers / "jax_cpu.py", case], tuned
    if "onnxruntime" in wanted and simple and "forward" in case:
        yield "onnxruntime", [peers / "onnxruntime_cpu.py", case], tuned


columns = ["ours", "installed", "tuned", "jax", "onnxruntime"]
print("| case | precision | simurgh, ms | PyTorch as installed | allocator tuned | JAX | ONNX Runtime | ratio to the best | memory, MiB |")
print("|---|---|---|---|---|---|---|---|---|")
for suite, case in cases:
    for precision in arguments.precision.split(","):
        if arguments.only not in f"{case} {precision}":
            continue
        rows = {}
        for _ in range(arguments.rounds):
            rows.setdefault("ours", []).append(ours(suite, case, precision))
            for name, command, environment in arms(case, precision):
                out = run([sys.executable, *map(str, command)], environment)
                rows.setdefault(name, []).append(json.loads(out.splitlines()[-1]))
        if arguments.fastest:
            ms = {arm: min(row["ms_min"] for row in all) for arm, all in rows.items()}
        else:
            ms = {arm: statistics.median(row["ms"] for row in all) for arm, all in rows.items()}
        memory = {arm: max(row["peak_mib"] for row in all) for arm, all in rows.items()}
        theirs = [arm for arm in ms if arm != "ours"]
        ratio = f"{min(ms[arm] for arm in theirs) / ms['ours']:.2f}" if theirs else "-"
        least = f"{min(memory[arm] for arm in theirs):.0f}" if theirs else "-"
        shown = " | ".join(f"{ms[arm]:.4g}" if arm in ms else "-" for arm in columns)
        print(f"| {case} | {precision} | {shown} | {ratio} | {memory['ours']:.0f} / {least} |", flush=True)
