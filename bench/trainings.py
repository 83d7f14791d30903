"""Trainings that several benchmarks share: a run that is there is not made again, one that was interrupted goes on."""
import pathlib, statistics, subprocess

root = pathlib.Path(__file__).resolve().parents[1]
program = root / "target/release/simurgh"


def finished(out):
    return (out / "model.safetensors").exists()


def train(out, recipe, seed, settings, data_dir):
    """Trains `recipe` with `settings` (KEY=VALUE) in the run directory `out` on one thread."""
    command = [program, "train", "--data-dir", data_dir, "--quiet", "--threads", "1"]
    if (out / "checkpoints").exists():
        command += ["--resume", out]
    else:
        command += [recipe, "--seed", str(seed), "--out", out]
        for pair in settings:
            command += ["--set", pair]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def spread(values, form):
    """The mean, and the smallest and the largest of several."""
    values = [v for v in values if v is not None]
    if not values:
        return "-"
    text = format(statistics.mean(values), form)
    return text if len(values) == 1 else f"{text} ({format(min(values), form)} to {format(max(values), form)})"
