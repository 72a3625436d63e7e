"""Whether the difference between systems on the same images is real: intervals, tests, verdicts and ranks.

Convention
    A difference is A - B. Its interval is the symmetric bootstrap-t. p is the share of rounds of approximate
    randomization, in which the results of each image are swapped between the systems with probability 1/2, whose
    difference is at least as large. A verdict needs both: an interval of the level 0.95 that excludes 0, and p below
    0.05 after Holm's correction over all pairs. Either alone finds differences between equal systems too often. There
    is no verdict with fewer than ``FEWEST`` effective images or clusters, nor on NAE where an image has 1 to 7 heads: a
    sample that lacks the few images that decide can't know.

    ``equivalent`` needs a margin, an interval of 90% inside it, and 20 effective images.

    ``detectable`` is the difference that would be found about three times in four: (t + 0.84) standard errors, where t
    is the quantile of the interval. By the interval alone it would be 80%; p asks for a little more.

Ranks
    A system shares its rank with those from which it does not differ: its interval of ranks begins behind the systems
    that are better and ends before those that are worse.

Sources
    Noreen, Computer-Intensive Methods for Testing Hypotheses, 1989 (randomization); Holm, Scand. J. Statist. 6, 1979.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import numpy as np

from crowdeval.evaluation.certainty import Influence, Trust
from crowdeval.metrics import better
from crowdeval.options import ROUNDS
from crowdeval.points.ragged import Floats
from crowdeval.statistics.influence import CARRIES, changes_of, error_from, is_flat, no_error
from crowdeval.statistics.intervals import ROUGH, symmetric_quantile, trust
from crowdeval.statistics.quantities import Number, Numbers
from crowdeval.statistics.resampling import Resampled, bootstrap, randomized

Verdict = Literal["better", "worse", "equivalent", "undecided"]

ALPHA = 0.05
"""Level of a verdict, after Holm's correction."""

EQUIVALENCE = 0.90
"""Level of the interval that lies inside a margin where two systems are equivalent."""

FEWEST = 6
"""Effective number of images or clusters below which there is no verdict."""

EQUAL = "the difference is equal on all images"
"""The reason of a difference without spread."""

PER_PAIR = 50
"""Fewest rounds for each pair: the smallest p of n pairs is then 1 / 50 n, and n times that is below 0.05."""

POWER = 0.84
"""Quantile of the normal distribution for a power of 80%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The difference between two systems on one metric.

    Attributes
    ----------
    a, b : str
        The systems.
    difference : float
        The value of A less that of B; NaN where either is undefined.
    error : float
        Its standard error; NaN where it has none.
    interval : (float, float), optional
        Its confidence interval; None where it has none.
    p : float
        The p-value of the difference, with Holm's correction over all pairs.
    verdict : {"better", "worse", "equivalent", "undecided"}
        What is known of A against B.
    detectable : float
        The difference that would be found about three times in four; NaN where there can be no verdict.
    reliable : {"yes", "rough", "no"}
        Whether the interval is to be trusted.
    effective : float
        Effective number of images or clusters.
    influence : Influence, optional
        The image that carries a fifth of the variance or more.
    reason : str
        Why there is no interval, or no verdict; empty where there is one.
    apart : bool
        Whether the interval of the level 0.95 excludes 0, whatever the level of ``interval``.
    percentile : (float, float), optional
        The percentile interval of the same level, which other tools give; it is too narrow where few images decide.
    """

    a: str
    b: str
    difference: float
    error: float = math.nan
    interval: tuple[float, float] | None = None
    p: float = math.nan
    verdict: Verdict = "undecided"
    detectable: float = math.nan
    reliable: Trust = "no"
    effective: float = math.nan
    influence: Influence | None = None
    reason: str = ""
    apart: bool = False
    percentile: tuple[float, float] | None = None

    @property
    def reversed(self) -> Difference:
        """The difference B - A."""
        turned: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}
        own = self.influence
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=-self.difference,
            interval=None if self.interval is None else (-self.interval[1], -self.interval[0]),
            percentile=None if self.percentile is None else (-self.percentile[1], -self.percentile[0]),
            verdict=turned.get(self.verdict, self.verdict),
            influence=None if own is None else replace(own, without=-own.without),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Testing:
    """How differences are tested.

    Parameters
    ----------
    level : float
        The level of confidence of intervals.
    resamples, rounds, seed : int
        Number of resamples for intervals, of rounds for p-values, and the seed of both.
    margins : mapping of str to float
        Largest difference by metric that does not matter.
    """

    level: float = 0.95
    resamples: int = 1000
    rounds: int = ROUNDS
    seed: int = 0
    margins: Mapping[str, float] = field(default_factory=dict)


def differences(
    systems: Mapping[str, Numbers],
    keys: Sequence[str],
    testing: Testing,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> dict[str, list[Difference]]:
    """Return the differences between systems, metric by metric.

    Parameters
    ----------
    systems : mapping of str to Numbers
        The numbers of each system, of the same units.
    keys : sequence of str
        The metrics.
    testing : Testing
        How differences are tested.
    pairs : sequence of (str, str), optional
        The pairs that are compared; by default all.

    Returns
    -------
    dict of str to list of Difference

    Examples
    --------
    >>> from crowdeval import api
    >>> from crowdeval.statistics.quantities import numbers_of
    >>> truth = {f"{i}": [[i, i]] * 9 for i in range(30)}
    >>> found = [{name: points[: 9 - n] for name, points in truth.items()} for n in (1, 2)]
    >>> systems = {}
    >>> for name, points in zip("ab", found, strict=True):
    ...     report, evidence = api.report_and_columns(points, truth, protocol="MAE")
    ...     systems[name] = numbers_of(evidence, report.values, report.protocol)
    >>> [pair] = differences(systems, ["MAE"], Testing())["MAE"]
    >>> pair.difference, pair.verdict, pair.reason
    (-1.0, 'undecided', 'the difference is equal on all images')
    """
    names = list(systems)
    chosen = [(names.index(a), names.index(b)) for a, b in pairs or combinations(names, 2)]
    both = list(systems.values())
    shared = [key for key in keys if all(key in numbers.by_key for numbers in both)]
    sound = [key for key in shared if not any(no_error(numbers, numbers.by_key[key]) for numbers in both)]
    drawn = bootstrap(both, sound, chosen, resamples=testing.resamples, seed=testing.seed) if sound else {}
    changes = [changes_of(numbers, sound) for numbers in both]
    # With many pairs the smallest p has to be small enough to pass the correction for their number.
    rounds = max(testing.rounds, PER_PAIR * len(chosen))
    found: dict[str, list[Difference]] = {key: [] for key in keys}
    for place, (a, b) in enumerate(chosen):
        swapped = randomized(both[a], both[b], sound, rounds=rounds, seed=testing.seed) if sound else {}
        for key in keys:
            if key not in sound:
                found[key].append(_unknown(names[a], names[b], both[a], both[b], key))
                continue
            change = changes[a][key] - changes[b][key]
            pair = _Pair(names[a], names[b], both[a], both[b], key)
            found[key].append(pair.difference(drawn[key][place], change, swapped[key], testing))
    return {key: _corrected(key, own) for key, own in found.items()}


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two systems and a metric."""

    a: str
    b: str
    first: Numbers
    second: Numbers
    key: str

    @property
    def number(self) -> Number:
        """The number of A, which reads every unit that that of either reads."""
        own, other = self.first.by_key[self.key], self.second.by_key[self.key]
        return replace(own, read=own.read | other.read)

    def difference(self, drawn: Resampled, change: Floats, swapped: Floats, testing: Testing) -> Difference:
        """Return the difference with its uncorrected p-value and without a verdict."""
        number = self.number
        value = number.value - self.second.by_key[self.key].value
        error = error_from(change, self.first, number, value=value)
        flat = is_flat(change, number)
        quantile = symmetric_quantile(drawn, testing.level)
        half = quantile * drawn.error
        sound = not flat and math.isfinite(half)
        influence = Influence(error.heaviest, error.share, error.without)
        outer, inner = (symmetric_quantile(drawn, level) * drawn.error for level in (1 - ALPHA, EQUIVALENCE))
        margin = testing.margins.get(self.key, math.nan)
        reason = self._reason(number, error.effective, flat=flat, sound=sound)
        equal = sound and error.effective >= ROUGH and abs(value) + inner < margin
        return Difference(
            a=self.a,
            b=self.b,
            difference=value,
            error=drawn.error,
            interval=(value - half, value + half) if sound else None,
            p=_p_value(value, swapped),
            verdict="equivalent" if equal else "undecided",
            detectable=outer + POWER * drawn.error if sound and not reason else math.nan,
            reliable=trust(number, error.effective, drawn) if sound else "no",
            effective=error.effective if not flat else 0.0,
            influence=influence if error.share >= CARRIES and not flat else None,
            reason=reason,
            apart=sound and abs(value) > outer,
            percentile=_percentile(drawn, value, testing.level) if sound else None,
        )

    def _reason(self, number: Number, effective: float, *, flat: bool, sound: bool) -> str:
        """Return why there is no interval, or no verdict; empty where there can be one."""
        if not sound:
            return EQUAL if flat else "resamples have no spread"
        if effective < FEWEST:
            return f"fewer than {FEWEST} effective images"
        if number.small_counts:
            return "images of 1 to 7 people decide NAE"
        return "" if better(self.key) in ("higher", "lower") else "neither higher nor lower values are better"


def _percentile(drawn: Resampled, value: float, level: float) -> tuple[float, float]:
    """Return the percentile interval of a difference, centred as its value is."""
    known = drawn.values[np.isfinite(drawn.values)] + (value - drawn.centre)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _p_value(value: float, swapped: Floats) -> float:
    """Return the share of rounds with a difference at least as large; the observed one counts as one more round."""
    # Rounds are compared with the difference from their own columns, which bins move a little; where that is larger
    # than the difference itself, or has another sign, it doesn't count.
    observed, rounds = float(swapped[0]), swapped[1:]
    least = min(abs(value), abs(observed)) if value * observed > 0 else 0.0
    slack = 1e-12 * max(1.0, abs(value))  # equal differences may differ by rounding
    reached = np.count_nonzero(~(np.abs(rounds) < least - slack))
    return (1 + int(reached)) / (1 + len(rounds))


def _unknown(a: str, b: str, first: Numbers, second: Numbers, key: str) -> Difference:
    """Return the difference of a metric of which nothing more can be said."""
    sides = [numbers.by_key.get(key) for numbers in (first, second)]
    value = sides[0].value - sides[1].value if sides[0] and sides[1] else math.nan
    texts = [
        numbers.without.get(key, "it was not measured") if number is None else no_error(numbers, number)
        for numbers, number in zip((first, second), sides, strict=True)
    ]
    return Difference(a=a, b=b, difference=value, reason=next((text for text in texts if text), ""))


def _corrected(key: str, pairs: Sequence[Difference]) -> list[Difference]:
    """Return differences with corrected p-values and verdicts."""
    result = []
    for pair, p in zip(pairs, holm([pair.p for pair in pairs]), strict=True):
        verdict = pair.verdict
        found = pair.apart and p < ALPHA
        if found and not pair.reason and verdict != "equivalent":  # inside the margin it is equivalent all the same
            won = (pair.difference > 0) == (better(key) == "higher")
            verdict = "better" if won else "worse"
        result.append(replace(pair, p=p, verdict=verdict))
    return result


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's method.

    Parameters
    ----------
    p_values : sequence of float
        The p-values of several comparisons. NaN values are kept and not counted.

    Returns
    -------
    list of float
        The corrected p-values, in the same order.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = list(p_values)
    rising = sorted((p, i) for i, p in enumerate(p_values) if not np.isnan(p))
    # The smallest of n p-values is multiplied by n, the next by n - 1, ...; a corrected value never falls below the one
    # before:  [0.01, 0.03, 0.04] -> [0.03, 0.06, 0.04] -> [0.03, 0.06, 0.06]
    highest = 0.0
    for rank, (p, i) in enumerate(rising):
        highest = max(highest, min(1.0, p * (len(rising) - rank)))
        corrected[i] = highest
    return corrected


def ranks(names: Sequence[str], pairs: Sequence[Difference]) -> dict[str, tuple[int, int]]:
    """Return the interval of ranks of every system.

    Parameters
    ----------
    names : sequence of str
        The systems.
    pairs : sequence of Difference
        The differences between all of them on one metric.

    Returns
    -------
    dict of str to (int, int)
        The first and the last rank that the verdicts leave, from 1.

    Examples
    --------
    >>> pairs = [Difference(a="x", b="y", difference=1.0, verdict="better"), Difference(a="x", b="z", difference=0.5),
    ...          Difference(a="y", b="z", difference=-0.5)]
    >>> ranks(["x", "y", "z"], pairs)
    {'x': (1, 2), 'y': (2, 3), 'z': (1, 3)}
    """
    ahead, behind = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for pair in pairs:
        if pair.verdict in ("better", "worse"):
            winner, loser = (pair.a, pair.b) if pair.verdict == "better" else (pair.b, pair.a)
            behind[winner] += 1
            ahead[loser] += 1
    return {name: (1 + ahead[name], len(names) - behind[name]) for name in names}


def letters(names: Sequence[str], pairs: Sequence[Difference]) -> dict[str, str]:
    """Return the compact letter display: between systems that share a letter no difference is shown.

    Parameters
    ----------
    names : sequence of str
        The systems, best first.
    pairs : sequence of Difference
        The differences between all of them on one metric.

    Returns
    -------
    dict of str to str
        One or more letters for each system (Piepho, J. Comput. Graph. Statist. 13, 2004).

    Examples
    --------
    >>> pairs = [Difference(a="x", b="z", difference=1.0, verdict="better")]
    >>> letters(["x", "y", "z"], pairs)
    {'x': 'a', 'y': 'ab', 'z': 'b'}
    """
    differ = {frozenset((pair.a, pair.b)) for pair in pairs if pair.verdict in ("better", "worse")}
    groups = [frozenset(names)]
    # Each pair that differs splits the groups that hold both; a group inside another one is dropped.
    for pair in sorted(differ, key=sorted):
        split = [group - {name} for group in groups if pair <= group for name in pair]
        groups = [group for group in groups if not pair <= group] + split
        groups = [group for n, group in enumerate(groups) if not any(
            group < other or (group == other and m < n) for m, other in enumerate(groups))]  # fmt: skip
    ordered = sorted(groups, key=lambda group: [names.index(name) for name in sorted(group, key=names.index)])
    return {name: "".join(_letter(n) for n, group in enumerate(ordered) if name in group) for name in names}


def _letter(number: int) -> str:
    """Return a letter for a number: a, ..., z, then aa, ab, ..."""
    return chr(97 + number) if number < 26 else _letter(number // 26 - 1) + _letter(number % 26)
