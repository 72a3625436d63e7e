"""The mean of a metric over several systems, such as the seeds of one model, as one system."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crowdeval.points.ragged import Floats, Integers
from crowdeval.statistics.contract import Replicates, Sums
from crowdeval.statistics.quantities import Numbers


class Averaged:
    """The mean of the same metrics over several systems, of the same units.

    Parameters
    ----------
    members : sequence of Sums
        The systems.

    Examples
    --------
    >>> from crowdeval.statistics.contract import Units
    >>> from crowdeval.statistics.ratios import Ratios
    >>> members = [Ratios(Units(("a", "b"), np.array([0, 1]))) for _ in range(2)]
    >>> for sums, terms in zip(members, ([1.0, 3.0], [3.0, 7.0]), strict=True):
    ...     sums.add("MAE", [(np.array(terms), np.ones(2), "error", "images")])
    >>> Averaged(members).replicates(np.ones((1, 2)), ["MAE"], influences=False)["MAE"].values.tolist()
    [3.5]
    """

    def __init__(self, members: Sequence[Sums]) -> None:
        self.members = tuple(members)

    @property
    def keys(self) -> tuple[str, ...]:
        """The metrics."""
        return self.members[0].keys

    def replicates(self, counts: Floats, keys: Sequence[str], *, influences: bool) -> dict[str, Replicates]:
        """Return metrics in resamples (see ``Sums``)."""
        found = [sums.replicates(counts, keys, influences=influences) for sums in self.members]
        return {
            key: Replicates(
                _mean([each[key].values for each in found]),
                _mean([slopes for each in found if (slopes := each[key].influences) is not None])
                if influences
                else None,
            )
            for key in keys
        }

    def without(self, units: Integers, keys: Sequence[str]) -> dict[str, Floats]:
        """Return metrics with one unit left out (see ``Sums``)."""
        found = [sums.without(units, keys) for sums in self.members]
        return {key: _mean([each[key] for each in found]) for key in keys}

    def swapped(self, other: Sums, swaps: Floats, keys: Sequence[str]) -> dict[str, tuple[Floats, Floats]]:
        """Return metrics after the rows of some units are swapped, seed by seed (see ``Sums``)."""
        mine, theirs = self.members, other.members if isinstance(other, Averaged) else (other,)
        # With unequal numbers the shorter side begins again:  3 and 2 seeds  ->  pairs 0-0, 1-1, 2-0
        pairs = [(n % len(mine), n % len(theirs)) for n in range(max(len(mine), len(theirs)))]
        found = [mine[a].swapped(theirs[b], swaps, keys) for a, b in pairs]
        return {key: (_mean([each[key][0] for each in found]), _mean([each[key][1] for each in found])) for key in keys}

    def bound(self, key: str) -> float:
        """Return the largest bound of a member."""
        return max(sums.bound(key) for sums in self.members)

    def undefined_without(self, key: str) -> Integers:
        """Return the units without which a member is undefined."""
        return np.unique(np.concatenate([sums.undefined_without(key) for sums in self.members]))


def _mean(parts: Sequence[Floats]) -> Floats:
    mean: Floats = np.mean(parts, axis=0)
    return mean


def averaged(systems: Sequence[Numbers]) -> Numbers:
    """Return the numbers of several systems as those of one: the means over them.

    Parameters
    ----------
    systems : sequence of Numbers
        The numbers of each, of the same units.

    Returns
    -------
    Numbers
        Those that every system has.
    """
    from dataclasses import replace

    first = systems[0]
    shared = [key for key in first.by_key if all(key in own.by_key for own in systems)]
    sums: dict[tuple[int, ...], Averaged] = {}
    by_key = {}
    for key in shared:
        members = [own.by_key[key] for own in systems]
        source = sums.setdefault(tuple(id(each.sums) for each in members), Averaged([each.sums for each in members]))
        read = np.logical_or.reduce([each.read for each in members])
        value = float(np.mean([each.value for each in members]))
        by_key[key] = replace(members[0], value=value, sums=source, read=read)
    without = {key: text for own in systems for key, text in own.without.items()}
    return Numbers(first.units, by_key, without)
