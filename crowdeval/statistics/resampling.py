"""Resamples of images, or of clusters: bootstrap and approximate randomization, each a matrix product of unit counts.

A seed gives the same resamples for every system and every metric, so that differences are paired. All systems of a
comparison have the same units in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from crowdeval.options import ROUNDS, SEED
from crowdeval.points.ragged import Floats
from crowdeval.statistics.contract import Replicates
from crowdeval.statistics.influence import by_sums
from crowdeval.statistics.quantities import Numbers

_ENTRIES = 1 << 20
"""Largest number of entries of one block of counts, (r, n)."""

_ROWS = 256
"""Largest number of resamples in a block: its curves stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """A number, or a difference of two, in R resamples.

    Attributes
    ----------
    values : array of float, (R,)
        The number; NaN where a group or a denominator is empty.
    errors : array of float, (R,)
        Its standard error inside each resample, from the influences there.
    centre : float
        The number of the sample itself, from the same columns.
    error : float
        Its standard error in the sample itself, from the influences.
    """

    values: Floats
    errors: Floats
    centre: float
    error: float


def bootstrap(
    systems: Sequence[Numbers], keys: Sequence[str], pairs: Sequence[tuple[int, int]], *, resamples: int, seed: int
) -> dict[str, list[Resampled]]:
    """Return the differences of numbers between systems in resamples, drawn with replacement.

    Parameters
    ----------
    systems : sequence of Numbers
        The numbers of systems, of the same units.
    keys : sequence of str
        The numbers, which all systems have.
    pairs : sequence of (int, int)
        The two systems of each difference; (i, i) stands for the number of system i alone.
    resamples : int
        Number of resamples.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    dict of str to list of Resampled
        By key, one for each pair.

    Examples
    --------
    >>> from crowdeval.statistics.contract import Units
    >>> from crowdeval.statistics.quantities import Number
    >>> from crowdeval.statistics.ratios import Ratios
    >>> numbers = Numbers(Units(("a", "b", "c"), np.arange(3)))
    >>> sums = Ratios(numbers.units)
    >>> sums.add("MAE", [(np.array([1.0, 2.0, 6.0]), np.ones(3), "error", "images")])
    >>> numbers.by_key["MAE"] = Number(key="MAE", value=3.0, sums=sums, read=np.ones(3, dtype=bool), scale="plain",
    ...                                least=0.0, most=np.inf)
    >>> [drawn] = bootstrap([numbers], ["MAE"], [(0, 0)], resamples=200, seed=0)["MAE"]
    >>> drawn.centre, round(drawn.error, 4), len(drawn.values)
    (3.0, 1.5275, 200)
    """
    blocks: dict[str, list[list[tuple[Floats, Floats]]]] = {key: [[] for _ in pairs] for key in keys}
    units = len(systems[0].units)
    # The sample itself is the first row of the first block.
    for counts in _with_sample(_drawn(units, resamples, seed), units):
        found = [_replicates(numbers, keys, counts) for numbers in systems]
        for key in keys:
            for place, (a, b) in enumerate(pairs):
                read = systems[a].by_key[key].read.astype(np.float64)
                blocks[key][place].append(_difference(counts, read, found[a][key], found[b][key] if a != b else None))
    return {key: [_joined(own) for own in blocks[key]] for key in keys}


def randomized(
    a: Numbers, b: Numbers, keys: Sequence[str], *, rounds: int = ROUNDS, seed: int = SEED
) -> dict[str, Floats]:
    """Return the differences of numbers between two systems after the results of random units are swapped.

    Parameters
    ----------
    a, b : Numbers
        The numbers of two systems, of the same units.
    keys : sequence of str
        The numbers, which both have.
    rounds : int
        Number of rounds.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    dict of str to array, (1 + rounds,)
        The difference without a swap, from the same columns, then that of each round; NaN where it is undefined.
    """
    parts: dict[str, list[Floats]] = {key: [] for key in keys}
    for swaps in _swaps(len(a.units), rounds, seed):
        for sums, own in by_sums(a, keys):
            other = b.by_key[own[0]].sums
            swapped = sums.swapped(other, swaps, own)
            for key in own:
                first, second = swapped[key]
                parts[key].append(first - second)
    return {key: np.concatenate(own) for key, own in parts.items()}


def _drawn(units: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield the counts of units in resamples, (r, n), block by block."""
    random = np.random.default_rng(seed)
    step = max(1, min(_ROWS, _ENTRIES // units))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        # One number for each row and unit: of 3 units, unit 2 of row 1 is 1 x 3 + 2 = 5.
        chosen = random.integers(0, units, size=(rows, units)) + np.arange(rows)[:, None] * units
        yield np.bincount(chosen.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)


def _swaps(units: int, rounds: int, seed: int) -> Iterator[Floats]:
    """Yield which units are swapped in each round, (r, n), block by block; none in the first, which is the sample."""
    random = np.random.default_rng(seed)
    step = max(1, min(_ROWS, _ENTRIES // units))
    yield np.zeros((1, units))
    for start in range(0, rounds, step):
        yield random.integers(0, 2, size=(min(step, rounds - start), units), dtype=np.int8).astype(np.float64)


def _with_sample(blocks: Iterator[Floats], units: int) -> Iterator[Floats]:
    yield np.ones((1, units))
    yield from blocks


def _replicates(numbers: Numbers, keys: Sequence[str], counts: Floats) -> dict[str, Replicates]:
    """Return numbers in resamples, with their influences."""
    found: dict[str, Replicates] = {}
    for sums, own in by_sums(numbers, keys):
        found |= sums.replicates(counts, own, influences=True)
    return found


def _difference(counts: Floats, read: Floats, a: Replicates, b: Replicates | None) -> tuple[Floats, Floats]:
    """Return the values and the standard errors of a number, or of a difference, in resamples."""
    assert a.influences is not None, "they were asked for"
    values, influences = a.values, a.influences
    if b is not None:
        assert b.influences is not None, "they were asked for"
        values, influences = values - b.values, influences - b.influences
    units = counts @ read
    factor = np.divide(units, units - 1, out=np.full(len(units), np.nan), where=units > 1)
    return values, np.sqrt(factor * np.einsum("rn,rn,rn->r", counts, influences, influences))


def _joined(blocks: Sequence[tuple[Floats, Floats]]) -> Resampled:
    """Return the blocks of resamples in one, less the first, which is the sample itself."""
    (centre, error), *rest = blocks
    values, errors = (np.concatenate([block[n] for block in rest]) for n in (0, 1))
    return Resampled(values, errors, float(centre[0]), float(error[0]))
