"""Average precision from evidence: of the pooled list, of every image, and its bounds if confidences are tied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from crowdeval.matching.curves import average_precision, average_precisions, spread_ties, tie_bounds
from crowdeval.metrics.evidence import Evidence, RankedHits, bit
from crowdeval.metrics.sums import Weights, mean, mean_over, total
from crowdeval.options import Area, Pool
from crowdeval.points.ragged import Floats, Integers

TIE = 0.0005
"""Ties that change average precision by no more than this give no notice: half a unit of the last printed digit."""

Spread = Callable[[Integers, Integers, Integers], Integers]
"""From the tie of each hit, the number of predictions it has seen, and the number with more confidence, to the number
it has seen after the tie is put into an order."""


def precisions(
    evidence: Evidence,
    column: str,
    thresholds: Sequence[float],
    *,
    ap: Area = "area",
    pool: Pool = "set",
    weights: Weights = None,
) -> dict[float, float]:
    """Return average precision at each threshold.

    Parameters
    ----------
    evidence : Evidence
        Evidence with the column of hits.
    column : str
        Name of the column of hits: ``"delta"`` or ``"radius"``.
    thresholds : sequence of float
        Thresholds of this column.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the curve.
    pool : {"set", "image"}
        One ranked list over all images, or the mean over the images with true points.
    weights : array of int, (m,), optional
        How often each image counts.

    Returns
    -------
    dict of float to float
        Average precision by threshold; NaN if there are no true points.

    Raises
    ------
    UsageError
        If evidence does not have one of the thresholds.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a",), offsets=np.array([0, 3]), score=np.array([0.9, 0.7, 0.6]), images={"true": np.array([2])},
    ...     rows={"delta": np.array([[1], [0], [1]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> round(precisions(evidence, "delta", [0.5])[0.5], 4)  # (1 + 2 / 3) / 2
    0.8333
    """
    if pool == "image":
        terms = image_precisions(evidence, column, thresholds, ap=ap)
        peopled = evidence.images["true"] > 0
        return {at: mean_over(row, peopled, weights) for at, row in zip(thresholds, terms, strict=True)}
    truths, ranked = total(evidence.images["true"], weights), evidence.ranked(column, weights)
    return {at: _pooled(ranked, evidence.column_at(column, at), truths, ap) for at in thresholds}


def image_precisions(
    evidence: Evidence, column: str, thresholds: Sequence[float], *, ap: Area = "area", spread: Spread | None = None
) -> Floats:
    """Return the average precision of every image by itself.

    Parameters
    ----------
    evidence : Evidence
        Evidence with the column of hits.
    column : str
        Name of the column of hits: ``"delta"`` or ``"radius"``.
    thresholds : sequence of float
        T thresholds of this column.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the curve.
    spread : callable, optional
        Puts the members of each tie into an order; by default equal confidences enter the curve together.

    Returns
    -------
    array of float, (T, m)
        NaN for images without true points.

    Raises
    ------
    UsageError
        If evidence does not have one of the thresholds.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a", "b"), offsets=np.array([0, 1, 2]), score=np.array([0.9, 0.7]),
    ...     images={"true": np.array([2, 0])},
    ...     rows={"delta": np.array([[1], [0]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> image_precisions(evidence, "delta", [0.5]).tolist()
    [[0.5, nan]]
    """
    bits, truths = evidence.rows[column], evidence.images["true"]
    points = evidence.points
    seen, above = tie_bounds(evidence.score, points)
    # Rows are sorted by image, and within an image by falling confidence, which is the order of the number seen:
    #   image [0, 0, 1], score [.5, .9, .7]  ->  seen [2, 1, 1]  ->  order [1, 0, 2]
    order = np.lexsort((seen, points.image))
    image, seen, above, bits = points.image[order], seen[order], above[order], bits[order]
    # One number for each tie: the members of a tie share the image and the number seen, which is at most M.
    tie = image.astype(np.int64) * (len(points) + 1) + seen
    result = []
    for at in thresholds:
        hits = np.flatnonzero(bit(bits, evidence.column_at(column, at)))
        own = seen[hits] if spread is None else spread(tie[hits], seen[hits], above[hits])
        result.append(average_precisions(image[hits], own, truths, ap=ap))
    return np.array(result).reshape(len(thresholds), len(truths))


def image_hits(evidence: Evidence, column: str, at: float) -> Integers:
    """Return the number of true positives of every image at one threshold.

    Parameters
    ----------
    evidence : Evidence
        Evidence with the column of hits.
    column : str
        Name of the column of hits: ``"delta"`` or ``"radius"``.
    at : float
        The threshold.

    Returns
    -------
    array of int, (m,)
        Number of hits.

    Raises
    ------
    UsageError
        If evidence does not have the threshold.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a", "b"), offsets=np.array([0, 2, 3]),
    ...     rows={"delta": np.array([[1], [1], [0]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> image_hits(evidence, "delta", 0.5).tolist()
    [2, 0]
    """
    return evidence.points.per_image(evidence.hits(column, at))


def tie_notice(
    evidence: Evidence, column: str, ranges: Mapping[str, Sequence[float]], *, ap: Area, pool: Pool
) -> list[str]:
    """Return the notice that predictions share confidences, if another order of them would change a value visibly.

    Parameters
    ----------
    evidence : Evidence
        Evidence with the column of hits.
    column : str
        Name of the column of hits: ``"delta"`` or ``"radius"``.
    ranges : mapping of str to sequence of float
        Metric to the thresholds of this column over which its value is the mean.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the curve.
    pool : {"set", "image"}
        One ranked list over all images, or the mean over the images with true points.

    Returns
    -------
    list of str
        One notice with both bounds of the value of the first metric that would change, or none.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a",), offsets=np.array([0, 2]), score=np.array([0.5, 0.5]), images={"true": np.array([1])},
    ...     rows={"delta": np.array([[1], [0]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> [notice[:16] for notice in tie_notice(evidence, "delta", {"nAP": [0.5]}, ap="area", pool="set")]
    ['tied-confidences']
    """
    if evidence.score is None or not evidence.images["true"].any():
        return []
    rising = np.sort(evidence.score)
    tied = _tied_predictions(rising)
    if not tied:
        return []
    thresholds = list(dict.fromkeys(at for own in ranges.values() for at in own))
    bounds = [
        dict(zip(thresholds, values, strict=True))
        for spread in (_hits_first, _hits_last)
        for values in [_spread_precisions(evidence, column, thresholds, spread, rising=rising, ap=ap, pool=pool)]
    ]
    everything = int(evidence.offsets[-1])
    for name, own in ranges.items():
        first, last = (mean([value_at[at] for at in own]) for value_at in bounds)
        if first - last > TIE:
            return [
                f"tied-confidences: {tied:,} of {everything:,} predictions share their confidence with another and "
                f"enter the curve together; {name} would be {first:.4f} with the hits of each tie first and "
                f"{last:.4f} with them last"
            ]
    return []


def _tied_predictions(rising: Floats) -> int:
    """Return the number of rising confidences that another prediction has too."""
    # A confidence is tied if it equals the next one or the one before:  rising [.5, .5, .9] -> tied [1, 1, 0]
    same = rising[1:] == rising[:-1]
    tied = np.append(same, False) | np.append(False, same)
    return int(tied.sum())


def _pooled(ranked: RankedHits, entry: int, truths: int, ap: Area) -> float:
    """Return the average precision of the pooled list at one threshold."""
    hits = ranked.at(entry)
    weight = None if ranked.weight is None else ranked.weight.take(hits)
    return average_precision(ranked.seen.take(hits), truths, ap=ap, weight=weight)


def _spread_precisions(
    evidence: Evidence,
    column: str,
    thresholds: Sequence[float],
    spread: Spread,
    *,
    rising: Floats,
    ap: Area,
    pool: Pool,
) -> list[float]:
    """Return average precision at each threshold with the members of each tie put into an order by ``spread``."""
    peopled = evidence.images["true"] > 0
    if pool == "image":
        terms = image_precisions(evidence, column, thresholds, ap=ap, spread=spread)
        return [mean_over(row, peopled) for row in terms]
    truths, ranked = total(evidence.images["true"]), evidence.ranked(column)
    # A hit that has seen s predictions has the confidence rising[M - s]; the predictions with more come before it:
    #   rising [.5, .7, .7, .9], s = 3  ->  rising[1] = .7, insertion point 3  ->  above = 4 - 3 = 1
    above = len(rising) - np.searchsorted(rising, rising[len(rising) - ranked.seen], side="right")
    values = []
    for at in thresholds:
        hits = ranked.at(evidence.column_at(column, at))
        values.append(average_precision(spread(ranked.seen[hits], ranked.seen[hits], above[hits]), truths, ap=ap))
    return values


def _hits_first(tie: Integers, seen: Integers, above: Integers) -> Integers:
    """Put the hits of each tie before its false positives."""
    return spread_ties(tie, seen, above, hits_first=True)


def _hits_last(tie: Integers, seen: Integers, above: Integers) -> Integers:
    """Put the hits of each tie after its false positives."""
    return spread_ties(tie, seen, above, hits_first=False)
