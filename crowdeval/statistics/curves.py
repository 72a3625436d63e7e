"""Average precision as a function of sums over images: of predictions and hits in bins of a system's own ranking.

A bin ends at the confidence of a hit. With no more distinct confidences of hits than bins, the sums are the curve
itself, and give its value; with more, the bins end at quantiles of the hits, so that equal bins of two systems hold
equal shares of their rankings. One image and one threshold, hits with the confidences 0.9 and 0.6, and a false positive
with 0.7 between them::

    edges  0.9  0.6        predictions in each bin  1  2        hits in each bin  1  1

Between the ends of a bin the curve is unknown: the envelope at the end of the bin bounds the value from below, and the
curve with all hits of a bin before its false positives bounds it from above (``Curves.bound``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crowdeval.matching.curves import recall_steps, total_recall_steps
from crowdeval.metrics.evidence import Evidence, bit
from crowdeval.options import Area
from crowdeval.points.ragged import Floats, Integers
from crowdeval.statistics.contract import Replicates, Sums, Units

BINS = 256
"""Number of bins."""

_KEPT = 1 << 25
"""Number of the entries of columns that are kept; more are made anew each time."""

_SAMPLE = 1 << 15
"""Number of hits from which quantiles are taken."""


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
        Largest number of bins.

    Attributes
    ----------
    binned : bool
        Whether there are more distinct confidences of hits than bins, so that values are approximate.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a",), offsets=np.array([0, 3]), score=np.array([0.9, 0.7, 0.6]), images={"true": np.array([2])},
    ...     rows={"delta": np.array([[1], [0], [1]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> curves = Curves(evidence, "delta", {"nAP": [0.5]}, "area", Units(("a",), np.array([0])))
    >>> curves.replicates(np.ones((1, 1)), ["nAP"], influences=False)["nAP"].values.round(4).tolist()  # (1 + 2/3) / 2
    [0.8333]
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
        self.units, self.ap = units, ap
        self.entries = {key: [evidence.column_at(column, at) for at in own] for key, own in thresholds.items()}
        bits, score = evidence.rows[column], evidence.score
        any_hit = np.flatnonzero(bits.any(axis=1))
        edges, self.binned = _edges(None if score is None else score[any_hit], len(any_hit), bins)
        self.bins = len(edges)
        # The bin of a prediction is the first whose edge is not above its confidence. Predictions below all edges come
        # after every hit and change nothing:  edges [.9, .6], confidences [.9, .7, .6, .1]  ->  bins [0, 1, 1, 2]
        own = np.zeros(len(bits), dtype=np.int64) if score is None else np.searchsorted(-edges, -score, side="left")
        image = np.repeat(units.of_image, evidence.counts)
        place = image * (self.bins + 1) + own
        self.seen = self._counted(place)
        self.true = units.sum(evidence.images["true"].astype(np.float64))
        self._bits, self._place = bits[any_hit], place[any_hit]
        self._kept: dict[int, Floats] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        """The metrics."""
        return tuple(self.entries)

    def replicates(self, counts: Floats, keys: Sequence[str], *, influences: bool) -> dict[str, Replicates]:
        """Return metrics in resamples (see ``Sums``)."""
        seen, truths = np.cumsum(counts @ self.seen, axis=1), counts @ self.true
        values = {key: np.zeros(len(counts)) for key in keys}
        slopes = {key: np.zeros(counts.shape) for key in keys} if influences else {}
        for entry, of in self._keys_of(keys).items():
            own = self.hits(entry)
            hits = np.cumsum(counts @ own, axis=1)
            value = average_precisions(seen, hits, truths, self.ap)
            influence = None
            if influences:
                by_seen, by_hits, by_truth = gradients(seen, hits, truths, self.ap)
                influence = by_seen @ self.seen.T + by_hits @ own.T + np.outer(by_truth, self.true)
            for key in of:
                share = 1.0 / len(self.entries[key])
                values[key] += share * value
                if influence is not None:
                    slopes[key] += share * influence
        return {key: Replicates(values[key], slopes.get(key)) for key in keys}

    def without(self, units: Integers, keys: Sequence[str]) -> dict[str, Floats]:
        """Return metrics with one unit left out (see ``Sums``)."""
        seen = np.cumsum(self.seen.sum(axis=0) - self.seen[units], axis=1)
        truths = self.true.sum() - self.true[units]
        values = {key: np.zeros(len(units)) for key in keys}
        for entry, of in self._keys_of(keys).items():
            own = self.hits(entry)
            hits = np.cumsum(own.sum(axis=0) - own[units], axis=1)
            value = average_precisions(seen, hits, truths, self.ap)
            for key in of:
                values[key] += value / len(self.entries[key])
        return values

    def swapped(self, other: Sums, swaps: Floats, keys: Sequence[str]) -> dict[str, Floats]:
        """Return metrics with the rows of some units replaced (see ``Sums``)."""
        assert isinstance(other, Curves), "both systems have the same kind of sums"
        seen = np.cumsum(_exchanged(self.seen, other.seen, swaps), axis=1)
        truths = np.full(len(swaps), self.true.sum())
        values = {key: np.zeros(len(swaps)) for key in keys}
        theirs = {entry: other_entry for key in keys for entry, other_entry in zip(
            self.entries[key], other.entries[key], strict=True)}  # fmt: skip
        for entry, of in self._keys_of(keys).items():
            hits = np.cumsum(_exchanged(self.hits(entry), other.hits(theirs[entry]), swaps), axis=1)
            value = average_precisions(seen, hits, truths, self.ap)
            for key in of:
                values[key] += value / len(self.entries[key])
        return values

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
        if not self.binned:
            return 0.0
        seen, truths = self.seen.sum(axis=0), self.true.sum(keepdims=True)
        gaps = []
        for entry in self.entries[key]:
            hits = np.cumsum(self.hits(entry).sum(axis=0))
            low = average_precisions(np.cumsum(seen)[None], hits[None], truths, self.ap)
            gained = np.diff(hits, prepend=0.0)
            # Each bin in two: its hits first, then the false positives.
            first = np.stack([gained, seen - gained], axis=1).ravel()
            high = average_precisions(np.cumsum(first)[None], np.repeat(hits, 2)[None], truths, self.ap)
            gaps.append(float(high[0] - low[0]))
        return float(np.mean(gaps))

    def hits(self, entry: int) -> Floats:
        """Return the hits at a threshold of every unit in every bin.

        Parameters
        ----------
        entry : int
            Position of the threshold in the column of evidence.

        Returns
        -------
        array of float, (n, B)
        """
        if entry in self._kept:
            return self._kept[entry]
        counted = self._counted(self._place[bit(self._bits, entry)])
        if (len(self._kept) + 1) * counted.size <= _KEPT:
            self._kept[entry] = counted
        return counted

    def _counted(self, place: NDArray[np.int64]) -> Floats:
        """Return the number of predictions in every unit and bin, (n, B)."""
        size = len(self.units) * (self.bins + 1)
        counted = np.bincount(place, minlength=size).reshape(len(self.units), self.bins + 1)
        return np.ascontiguousarray(counted[:, : self.bins], dtype=np.float64)

    def _keys_of(self, keys: Sequence[str]) -> dict[int, list[str]]:
        """Return the metrics that each threshold is a part of."""
        parts: dict[int, list[str]] = {}
        for key in keys:
            for entry in self.entries[key]:
                parts.setdefault(entry, []).append(key)
        return parts


def _edges(confidences: Floats | None, hits: int, bins: int) -> tuple[Floats, bool]:
    """Return the confidences at which bins end, falling, and whether there are more distinct ones than bins."""
    if confidences is None or not hits:
        return np.full(1, -np.inf), False
    sample = confidences if hits <= _SAMPLE else confidences[:: -(-hits // _SAMPLE)]
    falling = -np.sort(-sample)
    if hits <= _SAMPLE:
        distinct = falling[np.append(True, falling[1:] != falling[:-1])]
        if len(distinct) <= bins:
            return distinct, False
    edges = falling[np.linspace(0, len(falling) - 1, bins + 1).round().astype(np.int64)[1:]]
    edges[-1] = confidences.min()  # every hit is in a bin
    return edges, True


def _exchanged(own: Floats, other: Floats, swaps: Floats) -> Floats:
    """Return the sums of columns, (r, B), where the rows of swapped units are those of another system."""
    width = max(own.shape[1], other.shape[1])
    own, other = (np.pad(columns, ((0, 0), (0, width - columns.shape[1]))) for columns in (own, other))
    sums: Floats = own.sum(axis=0) + swaps @ (other - own)
    return sums


def average_precisions(seen: Floats, hits: Floats, truths: Floats, ap: Area) -> Floats:
    """Return average precision from cumulative predictions and hits.

    Parameters
    ----------
    seen, hits : array of float, (r, B)
        Predictions and hits up to the end of each bin.
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
    value = _envelope(_precision(seen, hits), ap)
    people = np.where(truths > 0, truths, np.nan)[:, None]
    level, below = recall_steps(hits, people, ap)
    level = np.where(hits > 0, level, below)  # the curve has no point before the first hit, not even at recall 0
    total = total_recall_steps(1, ap) if ap in ("coco101", "voc11") else people[:, 0]
    area: Floats = (value * np.diff(level, prepend=below, axis=1)).sum(axis=1) / total
    return np.where(truths > 0, area, np.nan)


def gradients(seen: Floats, hits: Floats, truths: Floats, ap: Area) -> tuple[Floats, Floats, Floats]:
    """Return the derivatives of average precision with respect to the sums.

    Parameters
    ----------
    seen, hits, truths, ap
        As for ``average_precisions``; ``coco101`` and ``voc11``, which change in steps, take those of ``area``.

    Returns
    -------
    by_seen, by_hits : array of float, (r, B)
        Derivatives with respect to the predictions and the hits in each bin.
    by_truth : array of float, (r,)
        Derivative with respect to the number of true points.

    Examples
    --------
    One bin with two predictions, one hit, four true points: 1/2 x 1/4.

    >>> by_seen, by_hits, by_truth = gradients(np.array([[2.0]]), np.array([[1.0]]), np.array([4.0]), "area")
    >>> by_seen.tolist(), by_hits.tolist(), by_truth.tolist()  # h^2 / (s n): -h^2/(s^2 n), 2h/(s n), -h^2/(s n^2)
    ([[-0.0625]], [[0.25]], [-0.03125])
    """
    kind: Area = "step" if ap == "step" else "area"
    precision = _precision(seen, hits)
    value = _envelope(precision, kind)
    behind = np.concatenate([value[:, 1:], np.zeros((len(value), 1))], axis=1)
    # The envelope of a bin is the precision at the end of its plateau. A plateau's hits are those since the last one:
    #   precision [1, .5, .6], hits [1, 2, 3]  ->  ends [1, 0, 1], hits of the plateaus [1, 0, 2]
    ends = np.ones(precision.shape, dtype=bool) if kind == "step" else precision >= behind
    before = np.maximum.accumulate(np.where(ends, hits, 0.0), axis=1)
    gained = np.where(ends, hits - np.concatenate([np.zeros((len(hits), 1)), before[:, :-1]], axis=1), 0.0)
    share = np.divide(gained, seen, out=np.zeros_like(gained), where=seen > 0)
    people = np.where(truths > 0, truths, np.nan)[:, None]
    # A prediction in a bin is seen at the ends of this bin and of all later ones: sums from the right.
    by_seen = _from_the_right(-share * precision) / people
    by_hits = _from_the_right(share + value - behind) / people
    area = (value * np.diff(hits, prepend=0.0, axis=1)).sum(axis=1)
    return by_seen, by_hits, -area / people[:, 0] ** 2


def _precision(seen: Floats, hits: Floats) -> Floats:
    return np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)


def _envelope(precision: Floats, ap: Area) -> Floats:
    """Return the running maximum from the right; with ``step`` the precision itself."""
    if ap == "step":
        return precision
    envelope: Floats = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return envelope


def _from_the_right(terms: Floats) -> Floats:
    """Return the sums of each term and all behind it."""
    summed: Floats = np.cumsum(terms[:, ::-1], axis=1)[:, ::-1]
    return summed
