"""Average precision as a function of sums over images: of predictions and hits in bins of a system's own ranking.

Each threshold has its own bins, so that a number does not depend on what else is measured. A bin ends at the end of a
tie with a hit. With no more such ends than bins, the sums are the curve itself and give its value; with more, the bins
end at quantiles of the hits, so that equal bins of two systems hold equal shares of their hits. One image and one
threshold, hits with the confidences 0.9 and 0.6, and a false positive with 0.7 between them::

    bins end at  0.9  0.6        predictions in each bin  1  2        hits in each bin  1  1

Between the ends of a bin the curve is unknown: the envelope at the end of the bin bounds the value from below, and the
curve with all hits of a bin before its false positives bounds it from above (``Curves.bound``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crowdeval.matching.curves import recall_steps, total_recall_steps
from crowdeval.metrics.evidence import Evidence, bit
from crowdeval.options import Area
from crowdeval.points.ragged import Floats, Indices, Integers
from crowdeval.statistics.contract import Replicates, Sums, Units

BINS = 200
"""Number of bins of a threshold."""

_KEPT = 1 << 25
"""Number of the entries of columns that are kept; more are made anew each time."""


@dataclass(frozen=True, slots=True)
class Bins:
    """The predictions and the hits of every unit in every bin, at one threshold.

    Attributes
    ----------
    columns : array of float, (n, 2 B)
        Predictions up to the end of each of B bins, then hits up to there, so that sums of rows are a curve.
    binned : bool
        Whether the curve has more points than bins, so that values are approximate.
    """

    columns: Floats
    binned: bool

    @property
    def number(self) -> int:
        """Number of bins."""
        return int(self.columns.shape[1]) // 2

    def curves(self, sums: Floats) -> tuple[Floats, Floats]:
        """Return predictions and hits up to the end of each bin, (r, B) each, from the sums of the columns."""
        return sums[:, : self.number], sums[:, self.number :]

    def on_shares(self, bins: int) -> Floats:
        """Return the columns on bins of equal shares of the hits; a bin goes where the middle of its share is.

        Parameters
        ----------
        bins : int
            Number of bins.

        Returns
        -------
        array of float, (n, 2 bins)
        """
        if self.binned:
            return self.columns
        hits = self.columns[:, self.number :].sum(axis=0)
        middle = (hits - np.diff(hits, prepend=0.0) / 2) / (hits[-1] if len(hits) and hits[-1] else 1.0)
        # A share is the curve up to the last bin whose middle lies before its end:
        #   middle [.2, .6], shares end at [.5, 1]  ->  last [1, 2]
        last = np.searchsorted(middle, np.arange(1, bins + 1) / bins, side="left")
        padded = np.concatenate([np.zeros((len(self.columns), 1)), self.columns[:, : self.number],
                                 np.zeros((len(self.columns), 1)), self.columns[:, self.number :]], axis=1)  # fmt: skip
        shares: Floats = padded[:, np.concatenate([last, self.number + 1 + last])]
        return shares


def _on_equal_bins(a: Bins, b: Bins, bins: int) -> tuple[Bins, Bins]:
    """Return two systems on the same number of bins, where equal bins hold equal shares of their hits."""
    first, second = a.on_shares(bins), b.on_shares(bins)
    # Bins without a prediction of either system change no curve.
    gained = [np.diff(own.reshape(len(own), 2, bins), prepend=0.0, axis=2).any(axis=(0, 1)) for own in (first, second)]
    filled = np.flatnonzero(gained[0] | gained[1])
    kept = np.concatenate([filled, filled + bins])
    return Bins(np.ascontiguousarray(first[:, kept]), a.binned), Bins(np.ascontiguousarray(second[:, kept]), b.binned)


class Curves:
    """Average precision of a ranked list over all images, at several thresholds.

    Parameters
    ----------
    evidence : Evidence
        The hits and confidences.
    column : str
        Name of the column of hits: ``"delta"`` or ``"radius"``.
    thresholds : mapping of str to sequence of float
        Metric to the thresholds over which it is the mean.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the curve. The influences on ``coco101`` and ``voc11``, which change in steps, are those on
        ``area``.
    units : Units
        What is resampled.
    bins : int
        Largest number of bins of a threshold.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a",), offsets=np.array([0, 3]), score=np.array([0.9, 0.7, 0.6]), images={"true": np.array([2])},
    ...     rows={"delta": np.array([[1], [0], [1]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> curves = Curves(evidence, "delta", {"nAP": [0.5]}, "area", Units(("a",), np.array([0])))
    >>> curves.replicates(np.ones((1, 1)), ["nAP"], influences=False)["nAP"].values.round(4).tolist()  # (1 + 2/3) / 2
    [0.8333]
    >>> curves.columns(0).columns.tolist()
    [[1.0, 3.0, 1.0, 2.0]]
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
        self.units, self.ap, self.bins = units, ap, bins
        self.entries = {key: [evidence.column_at(column, at) for at in own] for key, own in thresholds.items()}
        self.true = units.sum(evidence.images["true"].astype(np.float64))
        unit, self.bits = np.repeat(units.of_image, evidence.counts), evidence.rows[column]
        # Ranked by falling confidence; ``last`` is the last place of the tie of each prediction:
        #   ranked [.9, .5, .5]  ->  ties end at [0, 2]  ->  last [0, 2, 2]
        if evidence.score is None:
            self.last = np.full(len(unit), len(unit) - 1)
        else:
            order = np.argsort(-evidence.score)
            unit, self.bits, ranked = unit.take(order), self.bits.take(order, axis=0), evidence.score.take(order)
            ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)[: len(ranked) or 0]
            self.last = np.repeat(ends, np.diff(ends, prepend=-1))
        self.unit = unit
        self._kept: dict[int, Bins] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        """The metrics."""
        return tuple(self.entries)

    def replicates(self, counts: Floats, keys: Sequence[str], *, influences: bool) -> dict[str, Replicates]:
        """Return metrics in resamples (see ``Sums``)."""
        truths = counts @ self.true
        values = {key: np.zeros(len(counts)) for key in keys}
        slopes = {key: np.zeros(counts.shape) for key in keys} if influences else {}
        for entry, of in self._keys_of(keys).items():
            own = self.columns(entry)
            seen, hits = own.curves(counts @ own.columns)
            value = average_precisions(seen, hits, truths, self.ap)
            influence = None
            if influences:
                by_end, by_truth = gradients(seen, hits, truths, self.ap)
                influence = by_end @ own.columns.T
                influence += np.multiply.outer(by_truth, self.true)
            for key in of:
                share = 1.0 / len(self.entries[key])
                values[key] += share * value
                if influence is not None:
                    slopes[key] += influence if share == 1 else share * influence
        return {key: Replicates(values[key], slopes.get(key)) for key in keys}

    def without(self, units: Integers, keys: Sequence[str]) -> dict[str, Floats]:
        """Return metrics with one unit left out (see ``Sums``)."""
        truths = self.true.sum() - self.true[units]
        return self._values(keys, truths, lambda own: own.columns.sum(axis=0) - own.columns[units])

    def swapped(self, other: Sums, swaps: Floats, keys: Sequence[str]) -> dict[str, tuple[Floats, Floats]]:
        """Return metrics after the rows of some units are swapped (see ``Sums``)."""
        assert isinstance(other, Curves), "both systems have the same kind of sums"
        theirs = {mine: own for key in keys for mine, own in zip(self.entries[key], other.entries[key], strict=True)}
        truths = np.full(len(swaps), self.true.sum())
        mine, others = ({key: np.zeros(len(swaps)) for key in keys} for _ in range(2))
        for entry, of in self._keys_of(keys).items():
            own, new = _on_equal_bins(self.columns(entry), other.columns(theirs[entry]), self.bins)
            moved = swaps @ (new.columns - own.columns)
            for values, side, sums in ((mine, own, moved), (others, new, -moved)):
                curves = side.curves(side.columns.sum(axis=0) + sums)
                _add(values, of, average_precisions(*curves, truths, self.ap), self.entries)
        return {key: (mine[key], others[key]) for key in keys}

    def undefined_without(self, key: str) -> Integers:
        """Return the units without any one of which there are no true points."""
        return np.flatnonzero((self.true > 0) & (self.true >= self.true.sum()))

    def bound(self, key: str) -> float:
        """Return how far the value from the bins can be from that of the ranked list itself.

        Parameters
        ----------
        key : str
            The metric.

        Returns
        -------
        float
            The difference of the two bounds of the module docstring; 0 where the sums are the curve.
        """
        gaps, truths = [], self.true.sum(keepdims=True)
        for entry in self.entries[key]:
            own = self.columns(entry)
            if not own.binned:
                gaps.append(0.0)
                continue
            seen, hits = own.curves(own.columns.sum(axis=0)[None])
            gained, new = np.diff(hits, prepend=0.0), np.diff(seen, prepend=0.0)
            # Each bin in two: its hits first, then the false positives.
            halves = np.stack([gained, new - gained], axis=2).reshape(1, -1)
            low = average_precisions(seen, hits, truths, self.ap)
            high = average_precisions(np.cumsum(halves, axis=1), np.repeat(hits, 2, axis=1), truths, self.ap)
            gaps.append(float(high[0] - low[0]))
        return float(np.mean(gaps))

    def columns(self, entry: int) -> Bins:
        """Return the bins of a threshold.

        Parameters
        ----------
        entry : int
            Position of the threshold in the column of evidence.

        Returns
        -------
        Bins
        """
        if entry in self._kept:
            return self._kept[entry]
        hits = np.flatnonzero(bit(self.bits, entry))
        ends = self.last.take(hits)
        cuts = ends[np.flatnonzero(np.append(ends[1:] != ends[:-1], True))] if len(ends) else ends
        binned = len(cuts) > self.bins
        if binned:
            cuts = ends.take(np.linspace(0, len(ends) - 1, self.bins + 1).round().astype(np.int64)[1:])
        made = Bins(self._counted(cuts, hits), binned)
        if (len(self._kept) + 1) * made.columns.size <= _KEPT:
            self._kept[entry] = made
        return made

    def _counted(self, cuts: Indices, hits: Indices) -> Floats:
        """Return the predictions and the hits of every unit in bins that end at these places of the ranking."""
        units, bins = len(self.units), len(cuts)
        # The bins of the ranking, one number for each bin and unit:  cuts [0, 2], 10 units  ->  bins [0, 10, 10]
        place = np.repeat(np.arange(0, bins * units, units or 1), np.diff(cuts, prepend=-1))
        place += self.unit[: len(place)]
        counted = np.empty((2 * bins, units))
        for own, part in ((place, counted[:bins]), (place.take(hits), counted[bins:])):
            np.cumsum(np.bincount(own, minlength=bins * units).reshape(bins, units), axis=0, out=part)
        columns: Floats = counted.T
        return columns

    def _values(self, keys: Sequence[str], truths: Floats, sums_of: Callable[[Bins], Floats]) -> dict[str, Floats]:
        """Return metrics from the sums of every threshold."""
        values = {key: np.zeros(len(truths)) for key in keys}
        for entry, of in self._keys_of(keys).items():
            own = self.columns(entry)
            _add(values, of, average_precisions(*own.curves(sums_of(own)), truths, self.ap), self.entries)
        return values

    def _keys_of(self, keys: Sequence[str]) -> dict[int, list[str]]:
        """Return the metrics that each threshold is a part of."""
        parts: dict[int, list[str]] = {}
        for key in keys:
            for entry in self.entries[key]:
                parts.setdefault(entry, []).append(key)
        return parts


def _add(values: dict[str, Floats], keys: Sequence[str], value: Floats, entries: Mapping[str, Sequence[int]]) -> None:
    """Add the value at one threshold to the means that it is a part of."""
    for key in keys:
        values[key] += value / len(entries[key])


def average_precisions(seen: Floats, hits: Floats, truths: Floats, ap: Area) -> Floats:
    """Return average precision from cumulative predictions and hits.

    Parameters
    ----------
    seen, hits : array of float, (r, B)
        Predictions and hits up to the end of each bin; whole numbers.
    truths : array of float, (r,)
        Number of true points.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the curve.

    Returns
    -------
    array of float, (r,)
        NaN where there are no true points.

    Examples
    --------
    >>> average_precisions(np.array([[1.0, 3.0]]), np.array([[1.0, 2.0]]), np.array([3.0]), "area").round(4).tolist()
    [0.5556]
    """
    value = _envelope(hits / np.maximum(seen, 1.0), ap)
    people = np.where(truths > 0, truths, np.nan)
    # The sum of value x (level - level before) is that of level x (value - value behind).
    drop = _drops(value)
    if ap not in ("coco101", "voc11"):
        area: Floats = np.einsum("rb,rb->r", hits, drop) / people
        return area
    level, below = recall_steps(hits, people[:, None], ap)
    level = np.where(hits > 0, level, below)  # the curve has no point before the first hit, not even at recall 0
    steps = np.einsum("rb,rb->r", level, drop) - below * (value[:, 0] if value.shape[1] else 0.0)
    return np.where(truths > 0, steps / total_recall_steps(1, ap), np.nan)


def gradients(seen: Floats, hits: Floats, truths: Floats, ap: Area) -> tuple[Floats, Floats]:
    """Return the derivatives of average precision with respect to the sums.

    Parameters
    ----------
    seen, hits, truths, ap
        As for ``average_precisions``; ``coco101`` and ``voc11``, which change in steps, take those of ``area``.

    Returns
    -------
    by_end : array of float, (r, 2 B)
        Derivatives with respect to the predictions up to the end of each bin, then to the hits up to there.
    by_truth : array of float, (r,)
        Derivative with respect to the number of true points.

    Examples
    --------
    One bin with two predictions, one hit, four true points: 1/2 x 1/4.

    >>> by_end, by_truth = gradients(np.array([[2.0]]), np.array([[1.0]]), np.array([4.0]), "area")
    >>> by_end.tolist(), by_truth.tolist()  # of h^2 / (s n): -h^2 / (s^2 n), 2 h / (s n); -h^2 / (s n^2)
    ([[-0.0625, 0.25]], [-0.03125])
    """
    one = 1.0 / np.maximum(seen, 1.0)
    precision = hits * one
    value = _envelope(precision, "step" if ap == "step" else "area")
    drop = _drops(value)
    # The envelope of a bin is the precision at the end of its plateau. A plateau's hits are those since the last one:
    #   precision [1, .5, .6], hits [1, 2, 3]  ->  ends [1, 0, 1], hits of the plateaus [1, 0, 2]
    ends = (precision >= value).astype(np.float64)
    gained = hits * ends
    gained[:, 1:] -= np.maximum.accumulate(gained, axis=1)[:, :-1] * ends[:, 1:]
    gained *= one
    people = (1.0 / np.where(truths > 0, truths, np.nan))[:, None]
    bins = seen.shape[1]
    by_end = np.empty((len(seen), 2 * bins))
    np.multiply(gained, precision * -people, out=by_end[:, :bins])
    np.multiply(gained + drop, people, out=by_end[:, bins:])
    return by_end, -np.einsum("rb,rb->r", hits, drop) * people[:, 0] ** 2


def _envelope(precision: Floats, ap: Area) -> Floats:
    """Return the running maximum from the right; with ``step`` the precision itself."""
    if ap == "step":
        return precision
    envelope: Floats = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return envelope


def _drops(value: Floats) -> Floats:
    """Return by how much each value is above the next one; the last is above 0."""
    drops = value.copy()
    drops[:, :-1] -= value[:, 1:]
    return drops
