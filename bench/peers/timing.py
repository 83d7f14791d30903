"""Timing as `simurgh bench` does it: two warm-up runs, then at least seven and a second; one JSON line."""
import json, resource, statistics, time


def timed(run):
    run(), run()
    start, times = time.perf_counter(), []
    while len(times) < 7 or (time.perf_counter() - start < 1 and len(times) < 1000):
        t = time.perf_counter()
        run()
        times.append(time.perf_counter() - t)
    return times


def report(case, precision, times):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"case": case, "precision": precision, "ms": statistics.median(times) * 1e3, "ms_min": min(times) * 1e3, "peak_mib": peak}
    print(json.dumps(row))
