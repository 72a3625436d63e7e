"""What the statistics say of one sample, and the same by methods that are known to be wrong."""

from __future__ import annotations

import zlib

import numpy as np

from crowdeval.evaluation.certainty import Interval
from crowdeval.options import INTERVALS
from crowdeval.statistics.comparison import Testing, differences
from crowdeval.statistics.influence import by_sums, changes_of
from crowdeval.statistics.intervals import interval
from crowdeval.statistics.resampling import bootstrap

RESAMPLES, ROUNDS = 400, 499


def compared(world, n, seed, *, peers=False, resamples=RESAMPLES, rounds=ROUNDS):
    """Return what a comparison says of one sample of a world, by metric.

    ``wrong`` is a verdict, ``interval`` and ``p`` are each of its two rules alone, ``covered`` says whether the
    interval holds the true difference, ``equivalent`` is the verdict at a margin of the true difference.
    """
    a, b = world.draw(_random(world.name, n, seed), n)
    margins = {key: abs(truth) for key, truth in world.truths.items()}
    testing = Testing(resamples=resamples, rounds=rounds, seed=seed, margins=margins)
    found = differences({"a": a, "b": b}, world.keys, testing)
    record = {}
    for key in world.keys:
        [pair] = found[key]
        low, high = pair.interval or (-np.inf, np.inf)
        outside = not low <= 0 <= high
        record[key] = {
            "wrong": float(outside and pair.p < 0.05 and pair.verdict != "undecided"),
            "interval": float(outside),
            "p": float(pair.p < 0.05),
            "covered": float(low <= world.truths.get(key, 0.0) <= high),
            "equivalent": float(pair.verdict == "equivalent"),
            "marked": float(pair.reliable != "yes"),
            "detectable": pair.detectable,
        }
    if peers:
        drawn = bootstrap([a, b], world.keys, [(0, 1)], resamples=resamples, seed=seed)
        for key in world.keys:
            # sacreBLEU 2: resampled differences less their mean, against the difference of the sample.
            own, value = drawn[key][0], a.by_key[key].value - b.by_key[key].value
            reached = np.count_nonzero(np.abs(own.values - own.values.mean()) >= abs(value))
            record[key]["paired bootstrap"] = float((reached + 1) / (resamples + 1) < 0.05)
    return record


def covered(population, which, truths, n, seed, *, resamples=RESAMPLES):
    """Return whether intervals of one sample of a system hold the truth, by metric and method."""
    random = _random(f"{population.name} {which}", n, seed)
    rows = random.integers(0, population.images, n) + which * population.images
    numbers = population.sample(rows, tuple(truths))
    keys = [key for key, number in numbers.by_key.items() if number.read.sum() > 1]
    drawn, changes = bootstrap([numbers], keys, [(0, 0)], resamples=resamples, seed=seed), changes_of(numbers, keys)
    unique = _deduplicated(numbers, keys, random, resamples)
    record = {}
    for key in keys:
        number, own, truth = numbers.by_key[key], drawn[key][0], truths[key]
        ends = {method: interval(number, own, changes[key], level=0.95, method=method) for method in INTERVALS}
        record[key] = {
            method: float(isinstance(found, Interval) and found.low <= truth <= found.high)
            for method, found in ends.items()
        }
        reliable = found.reliable if isinstance(found := ends["bootstrap-t"], Interval) else "no"
        low, high = np.quantile(unique[key], [0.025, 0.975])
        record[key] |= {
            "normal": float(abs(number.value - truth) <= 1.96 * own.error),
            "deduplicated": float(low <= truth <= high),
            "marked": float(reliable != "yes"),
        }
    return record


def _random(name, n, seed):
    """Return the random numbers of one sample; those of different worlds are independent."""
    return np.random.default_rng([zlib.crc32(name.encode()), n, seed])


def _deduplicated(numbers, keys, random, resamples):
    """Return numbers in resamples whose images count once each."""
    units = len(numbers.units)
    chosen = random.integers(0, units, (resamples, units))
    counts = np.zeros((resamples, units))
    np.put_along_axis(counts, chosen, 1.0, axis=1)
    found = {}
    for sums, own in by_sums(numbers, keys):
        found |= {key: made.values for key, made in sums.replicates(counts, own, influences=False).items()}
    return found
