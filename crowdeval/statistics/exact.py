"""Average precision in resamples without bins: the value of each resample is that of the literal set of images.

The standard errors inside the resamples are those of the bins; only values are exact.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.matching.curves import recall_steps, total_recall_steps
from crowdeval.metrics.evidence import Evidence, bit
from crowdeval.options import Area
from crowdeval.points.ragged import Floats, Indices, Integers
from crowdeval.statistics.contract import Replicates, Units
from crowdeval.statistics.curves import BINS, Curves


class ExactCurves(Curves):
    """Average precision of a ranked list over all images, exactly; parameters and attributes are those of ``Curves``.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a", "b"), offsets=np.array([0, 2, 3]), score=np.array([0.9, 0.6, 0.7]),
    ...     images={"true": np.array([1, 1])},
    ...     rows={"delta": np.array([[1], [0], [1]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> curves = ExactCurves(evidence, "delta", {"nAP": [0.5]}, "area", Units(("a", "b"), np.array([0, 1])), bins=1)
    >>> curves.replicates(np.array([[1.0, 1.0], [0.0, 2.0]]), ["nAP"], influences=False)["nAP"].values.tolist()
    [1.0, 1.0]
    """

    def __init__(
        self,
        evidence: Evidence,
        column: str,
        thresholds: Mapping[str, Sequence[float]],
        ap: Area,
        units: Units,
        *,
        bins: int = BINS,
    ) -> None:
        super().__init__(evidence, column, thresholds, ap, units, bins=bins)
        self._at = {
            entry: _hits(np.flatnonzero(bit(self.bits, entry)), self.last)
            for entry in {entry for own in self.entries.values() for entry in own}
        }

    def replicates(self, counts: Floats, keys: Sequence[str], *, influences: bool) -> dict[str, Replicates]:
        """Return metrics in resamples (see ``Sums``)."""
        binned = super().replicates(counts, keys, influences=True) if influences else {}
        truths = (counts @ self.true).astype(np.int64).tolist()
        entries = list(self._keys_of(keys))
        whole = counts.astype(np.int32)
        # Rows are independent of each other, and numpy leaves the interpreter free while it works on one.
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            found = np.array(
                list(pool.map(lambda row: self._row(whole[row], truths[row], entries), range(len(counts))))
            )
        place = {entry: n for n, entry in enumerate(entries)}
        values = {key: np.mean([found[:, place[entry]] for entry in self.entries[key]], axis=0) for key in keys}
        return {key: Replicates(values[key], binned[key].influences if influences else None) for key in keys}

    def _row(self, count: NDArray[np.int32], truths: int, entries: Sequence[int]) -> list[float]:
        """Return the average precision at each threshold of one resample."""
        own = count.take(self.unit)
        seen = np.cumsum(own, dtype=np.int32 if len(own) * int(count.max(initial=0)) < 1 << 31 else np.int64)
        values = []
        for entry in entries:
            hits, ends, group = self._at[entry]
            found = np.cumsum(own.take(hits), dtype=seen.dtype)
            if len(group) < len(hits):
                found = found.take(group)
            values.append(_average_precision(seen.take(ends), found, truths, self.ap))
        return values

    def without(self, units: Integers, keys: Sequence[str]) -> dict[str, Floats]:
        """Return metrics with one unit left out (see ``Sums``)."""
        counts = np.ones((len(units), len(self.units)))
        counts[np.arange(len(units)), units] = 0.0
        return {key: own.values for key, own in self.replicates(counts, keys, influences=False).items()}

    def bound(self, key: str) -> float:
        """Return 0: the values are exact."""
        return 0.0


def _average_precision(seen: NDArray[Any], hits: NDArray[Any], truths: int, ap: Area) -> float:
    """Return the average precision of one resample, from the points of its curve with a hit of the sample."""
    if not truths or not len(hits) or not hits[-1]:
        return 0.0 if truths else math.nan
    # Points before the first hit of the resample may have seen nothing; they have no hits, and no precision.
    precision = hits / np.maximum(seen, 1)
    if ap != "step":
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    level, below = recall_steps(hits, truths, ap)
    if below:
        level = np.where(hits > 0, level, below)
    steps = np.empty_like(precision)
    steps[0] = level[0] - below
    np.subtract(level[1:], level[:-1], out=steps[1:])
    return float(precision @ steps) / total_recall_steps(truths, ap)


def _hits(hits: Indices, last: Indices) -> tuple[Indices, Indices, Indices]:
    """Return the places of hits in the ranking, the ends of their ties, and the last hit of each tie."""
    # hits [0, 1, 2], last [0, 2, 2]  ->  ends of ties [0, 2, 2]  ->  ends [0, 2], last hits [0, 2]
    ends = last[hits]
    group = np.flatnonzero(np.append(ends[1:] != ends[:-1], True)) if len(ends) else ends
    return hits, ends[group], group
