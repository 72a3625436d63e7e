"""How often intervals and verdicts are wrong on worlds whose truth is known: ``python -m benchmarks.statistics``.

The images are those of the real sets below ``CROWDEVAL_DATA``, with the outcomes of real systems; without them, drawn
ones. ``python -m benchmarks.statistics 100`` draws 100 samples of each world in place of 400; the second word ``drawn``
leaves the real sets out. A rate outside its bound is measured again on four times as many new samples, which decide.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np

from benchmarks.statistics.measures import RESAMPLES, ROUNDS, compared, covered
from benchmarks.statistics.populations import DATA, drawn_populations, real_populations
from benchmarks.statistics.worlds import Tilt, World

SIZES = (50, 182, 500)
MOST, LEAST = 0.065, 0.90
CHUNK, PILOT, AGAIN = 20, 60, 4
METHODS = ("bootstrap-t", "marked", "unmarked", "percentile", "basic", "bca", "normal", "deduplicated")
ENOUGH = 100
"""Number of unmarked samples from which a rate among them is held against its bound."""


class Runner:
    """Measures samples of worlds in several processes."""

    def __init__(self, samples):
        self.samples = samples
        self.pool = ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("fork"))

    def __call__(self, measure, *arguments, samples=0, first=0, **options):
        """Start the samples of a world, and return a function that returns their means."""
        seeds = list(range(first, first + (samples or self.samples)))
        parts = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
        jobs = [self.pool.submit(_several, measure, arguments, options, part) for part in parts]
        return lambda: means([record for job in jobs for record in job.result()])

    def again(self, measure, *arguments, **options):
        """Return the means over new samples, ``AGAIN`` times as many."""
        return self(measure, *arguments, samples=AGAIN * self.samples, first=100_000, **options)()


def _several(measure, arguments, options, seeds):
    return [measure(*arguments, seed, **options) for seed in seeds]


def means(records):
    """Return the mean of each measure by metric, and the number of samples that have the metric."""
    found = {}
    for key in dict.fromkeys(key for record in records for key in record):
        own = [record[key] for record in records if key in record]
        table = {name: np.array([each[name] for each in own], dtype=float) for name in own[0]}
        sound = table["marked"] == 0
        found[key] = {name: float(column[np.isfinite(column)].mean()) for name, column in table.items()
                      if np.isfinite(column).any()}  # fmt: skip
        judged = table["wrong"] if "wrong" in table else table["bootstrap-t"]
        found[key]["unmarked"] = float(judged[sound].mean()) if sound.any() else np.nan
        found[key] |= {"samples": len(own), "sound": int(sound.sum())}
    return found


def share(value):
    return "" if np.isnan(value) else f"{100 * value:.1f}%"


def row(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def head(title, *names):
    print(f"\n## {title}\n")
    row(*names)
    row(*("---" for _ in names))


class Bounds:
    """Collects the rates outside their bounds."""

    def __init__(self, run):
        self.run, self.tried, self.checks = run, 0, []

    def check(self, text, is_outside, found, measure, *arguments, **options):
        """Keep a rate that is outside of its bound, with the way to measure it again."""
        self.tried += 1
        if is_outside(found):
            self.checks.append((text, is_outside, found, measure, arguments, options))

    def summary(self):
        """Measure what is outside again, and print both."""
        print(f"\n## Outside the bounds at first: {len(self.checks)} of {self.tried} rates\n")
        if self.checks:
            row("rate", "first", f"on {AGAIN} times as many new samples", "marked", "outside")
            row(*["---"] * 5)
        for (text, name, key), is_outside, found, measure, arguments, options in self.checks:
            new = self.run.again(measure, *arguments, **options)[key]
            row(text, share(found[name]), share(new[name]), share(new["marked"]), "yes" if is_outside(new) else "no")


def too_often(name):
    return lambda found: found[name] > MOST


def too_often_unmarked(found):
    return found["sound"] >= ENOUGH and found["unmarked"] > MOST


def covers_too_little(name):
    return lambda found: found[name] < LEAST and found["marked"] <= 0.5


def only(world, key):
    """Return a world with one metric."""
    return replace(world, keys=(key,))


def pairs(populations):
    """Return the populations of two systems that differ."""
    return {name: own for name, own in populations.items() if not name.endswith("twins")}


def coverage(run, populations, bounds):
    """Print how often intervals of a number hold the truth."""
    systems = [(name, own, which) for name, own in pairs(populations).items() for which in (0, 1)]
    jobs = []
    for name, own, which in systems:
        truths = {key: number.value for key, number in own.system(which).by_key.items()}
        jobs += [(f"{name} {'AB'[which]}", own, which, truths, n, run(covered, own, which, truths, n)) for n in SIZES]
    head("Intervals of 95% that hold the truth", "system", "n", "metric", "bootstrap-t", "marked",
         "bootstrap-t, unmarked samples", "percentile", "basic", "BCa", "normal", "percentile, each resample "
         "deduplicated")  # fmt: skip
    sound = {n: np.zeros(2) for n in SIZES}
    for name, own, which, truths, n, job in jobs:
        for key, found in job().items():
            if found["sound"]:
                sound[n] += found["sound"] * np.array([found["unmarked"], 1.0])
            row(name, n, key, *(share(found[column]) for column in METHODS))
            bounds.check((f"{name}, n = {n}, {key}: coverage", "bootstrap-t", key), covers_too_little("bootstrap-t"),
                         found, covered, own, which, {key: truths[key]}, n)  # fmt: skip
    print()
    for n, (held, number) in sound.items():
        print(f"- n = {n}: {number:.0f} unmarked samples, of which {share(held / max(number, 1))} hold the truth")


def equal_worlds(populations):
    """Yield worlds without a difference; those that are not exchangeable have one metric each."""
    for name, own in populations.items():
        yield World(f"{name}: exchangeable", own, own.keys, swapped=True)
        if name.endswith("twins"):
            yield World(f"{name}: exchangeable, confidences cubed", own, own.keys[:2], swapped=True, power=3)
            continue
        yield World(f"{name}: exchangeable, 85% ties", own, own.keys, swapped=True, tied=0.85)
        for key in own.keys:
            weights, truth = Tilt(own, key).solve()
            assert abs(truth) < 1e-6
            yield World(f"{name}: equal, not exchangeable", own, (key,), weights=weights)


def size(run, populations, bounds):
    """Print how often a difference is found where there is none."""
    jobs = [(world, n, run(compared, world, n, peers=world.name.endswith(": exchangeable") and n <= SIZES[1]))
            for world in equal_worlds(populations) for n in SIZES]  # fmt: skip
    head("A difference where there is none", "world", "n", "metric", "found", "marked", "found, unmarked samples",
         "interval alone", "p alone", "paired bootstrap", "interval covers 0")  # fmt: skip
    for world, n, job in jobs:
        for key, found in job().items():
            row(world.name, n, key, *(share(found.get(column, np.nan)) for column in (
                "wrong", "marked", "unmarked", "interval", "p", "paired bootstrap", "covered")))  # fmt: skip
            again = compared, only(world, key), n
            text = f"{world.name}, n = {n}, {key}"
            if n == SIZES[0]:
                bounds.check((f"{text}: found, unmarked samples", "unmarked", key), too_often_unmarked, found, *again)
            else:
                bounds.check((f"{text}: found", "wrong", key), too_often("wrong"), found, *again)
            bounds.check((f"{text}: coverage of the difference", "covered", key), covers_too_little("covered"), found,
                         *again)  # fmt: skip


def clusters(run, populations, bounds):
    """Print what ignored clusters do, and what clusters as units do."""
    jobs = []
    for name, own in pairs(populations).items():
        n, frames = (1000, 20) if name == "NWPU" else (500, 10)
        worlds = [World(f"{name}: {n // frames} scenes of {frames} frames", own, own.keys, swapped=True,
                        frames=frames, clustered=clustered) for clustered in (False, True)]  # fmt: skip
        jobs.append((worlds[1], n, [run(compared, world, n) for world in worlds]))
    head("Scenes of several frames with the same outcome, exchangeable systems", "world", "metric",
         "found, frames as units", "found, scenes as units", "marked", "found, unmarked samples")  # fmt: skip
    for world, n, both in jobs:
        ignored, used = (job() for job in both)
        for key in world.keys:
            row(world.name, key, share(ignored[key]["wrong"]),
                *(share(used[key][column]) for column in ("wrong", "marked", "unmarked")))  # fmt: skip
            bounds.check((f"{world.name}, {key}: found, unmarked samples", "unmarked", key), too_often_unmarked,
                         used[key], compared, only(world, key), n)  # fmt: skip


def power(run, populations, bounds):
    """Print how often a difference as large as ``detectable`` is found, and taken for none at that margin."""
    n = SIZES[1]
    tilts = [(name, Tilt(own, key), own) for name, own in pairs(populations).items() for key in own.keys]
    errors = [2.8] * len(tilts)
    for samples in (PILOT, 0):
        jobs = []
        for place, (name, tilt, own) in enumerate(tilts):
            solved = tilt.solve(n, errors[place])
            if solved is None:
                jobs.append(None)
                continue
            world = World(f"{name}: tilted", own, (tilt.key,), {tilt.key: solved[1]}, weights=solved[0])
            jobs.append((world, run(compared, world, n, samples=samples)))
        for place, job in enumerate(jobs):
            if samples and job is not None:
                key = tilts[place][1].key
                errors[place] *= job[1]()[key]["detectable"] / abs(job[0].truths[key])
    head(f"A difference as large as `detectable`, which is the margin, too; n = {n}", "world", "metric",
         "true difference", "mean detectable", "found", "interval alone", "equivalent", "marked")  # fmt: skip
    for (name, tilt, _), job in zip(tilts, jobs, strict=True):
        if job is None:
            row(name, tilt.key, "no weights make it as large", *[""] * 5)
            continue
        world, found = job[0], job[1]()[tilt.key]
        row(world.name, tilt.key, f"{abs(world.truths[tilt.key]):.4g}", f"{found['detectable']:.4g}",
            *(share(found[column]) for column in ("wrong", "interval", "equivalent", "marked")))  # fmt: skip
        bounds.check((f"{world.name}, n = {n}, {tilt.key}: equivalent at the margin", "equivalent", tilt.key),
                     too_often("equivalent"), found, compared, world, n)  # fmt: skip


def margins(run, populations, bounds):
    """Print how often systems whose difference is the margin are taken for equivalent."""
    jobs = []
    for name, own in pairs(populations).items():
        a, b = (own.system(which).by_key for which in (0, 1))
        truths = {key: a[key].value - b[key].value for key in own.keys}
        world = World(f"{name}: as it is", own, own.keys, truths)
        jobs += [(world, n, run(compared, world, n)) for n in SIZES[1:]]
    head("The difference of the two systems as the margin", "world", "n", "metric", "difference", "equivalent",
         "marked", "found")  # fmt: skip
    for world, n, job in jobs:
        for key, found in job().items():
            row(world.name, n, key, f"{world.truths[key]:.4g}",
                *(share(found[column]) for column in ("equivalent", "marked", "wrong")))  # fmt: skip
            bounds.check((f"{world.name}, n = {n}, {key}: equivalent at the margin", "equivalent", key),
                         too_often("equivalent"), found, compared, only(world, key), n)  # fmt: skip


def main(samples=400, kind="real"):
    start = time.time()
    populations = real_populations() if kind == "real" else {}
    if not populations:
        print(f"No real data in {DATA} (CROWDEVAL_DATA): drawn worlds only." if kind == "real" else "Drawn worlds.")
        populations = drawn_populations()
    run = Runner(samples)
    bounds = Bounds(run)
    error = 100 * np.sqrt(0.05 * 0.95 / samples)
    print(f"{samples} samples a world (standard error of a rate of 5%: {error:.1f} points), {RESAMPLES} resamples, "
          f"{ROUNDS} rounds")  # fmt: skip
    for part in (coverage, size, clusters, power, margins):
        part(run, populations, bounds)
        print(f"{part.__name__}: {time.time() - start:.0f} s", file=sys.stderr)
    bounds.summary()
    print(f"\n{time.time() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(*(int(word) if word.isdigit() else word for word in sys.argv[1:]))
