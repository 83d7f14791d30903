"""Times a whole translation training step here and in PyTorch, alternating, and prints the ratios.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0
    cargo build --release -p simurgh-nn --example seq2seq_speed
    venv/bin/python bench/seq2seq/run.py [ROUNDS]

PyTorch runs twice a round: as installed, and with glibc told to keep freed memory (as our program tells it)."""
import json, os, pathlib, statistics, subprocess, sys

root = pathlib.Path(__file__).resolve().parents[2]
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
keep = {"MALLOC_MMAP_THRESHOLD_": str(16 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30), "MALLOC_TOP_PAD_": str(256 << 20)}
torch = [sys.executable, str(root / "bench/seq2seq/pytorch.py")]
arms = {"simurgh": ([str(root / "target/release/examples/seq2seq_speed")], {}), "pytorch, as installed": (torch, {}), "pytorch, allocator tuned": (torch, keep)}
results = {name: [] for name in arms}
for _ in range(rounds):
    for name, (command, environment) in arms.items():
        out = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True).stdout
        results[name].append(json.loads(out.splitlines()[-1]))
        print(name, out.splitlines()[-1], flush=True)
ours = statistics.median(r["ms"] for r in results["simurgh"])
for name, rows in results.items():
    ms = statistics.median(r["ms"] for r in rows)
    print(f"{name:26} {ms:7.1f} ms  {64 * 20 / ms * 1e3:7.0f} target tokens/s  {max(r['peak_mib'] for r in rows):5.0f} MiB  {ms / ours:.2f}x our time")
