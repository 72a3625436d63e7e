"""Average precision from evidence: of the pooled list, of every image, and the bounds that tied confidences leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from crowdeval.matching.curves import average_precision, average_precisions, spread_ties, standing
from crowdeval.metrics.evidence import Evidence, RankedHits, bit
from crowdeval.metrics.sums import Weights, mean, mean_over, total
from crowdeval.options import Area, Pool
from crowdeval.points.ragged import Floats, Integers

TIE = 0.0005
"""Ties that move average precision by less are not worth a notice: half a digit of a printed number."""

Spread = Callable[[Integers, Integers, Integers], Integers]
"""From the tie of each hit, how many predictions it has seen and how many have more, to how many the hit has seen."""


def precisions(
    evidence: Evidence,
    column: str,
    thresholds: Sequence[float],
    *,
    ap: Area = "area",
    pool: Pool = "set",
    weights: Weights = None,
) -> dict[float, float]:
    """Return average precision at each threshold; NaN without true points.

    Parameters
    ----------
    evidence : Evidence
        With the rows ``column``.
    column : str
        Whose bits are hits: ``"delta"`` or ``"radius"``.
    thresholds : sequence of float
        Which of its thresholds.
    ap, pool
        How the area is taken, and whether images are pooled or averaged.
    weights : array of int, (m,), optional
        How often each image counts.
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
    """Return the average precision of every image on its own, (T, m); NaN for images without true points."""
    bits, truths = evidence.rows[column], evidence.images["true"]
    points = evidence.points
    seen, above = standing(evidence.score, points)
    # Rows lie image by image; within one they go by falling confidence, that is by how many they have seen.
    order = np.lexsort((seen, points.image))
    image, seen, above, bits = points.image[order], seen[order], above[order], bits[order]
    tie = image.astype(np.int64) * (len(points) + 1) + seen
    result = []
    for at in thresholds:
        hits = np.flatnonzero(bit(bits, evidence.column_at(column, at)))
        own = seen[hits] if spread is None else spread(tie[hits], seen[hits], above[hits])
        result.append(average_precisions(image[hits], own, truths, ap=ap))
    return np.array(result).reshape(len(thresholds), len(truths))


def image_hits(evidence: Evidence, column: str, at: float) -> Integers:
    """Return the true positives of every image at one threshold, (m,)."""
    return evidence.points.per_image(evidence.hits(column, at))


def tie_notice(
    name: str, evidence: Evidence, column: str, thresholds: Sequence[float], *, ap: Area, pool: Pool
) -> list[str]:
    """Return the notice of confidences that predictions share, where their order would move a value visibly.

    ``name`` is the metric whose value, the mean over ``thresholds``, it is about.
    """
    if evidence.score is None or not evidence.images["true"].any():
        return []
    rising = np.sort(evidence.score)
    tied = tied_predictions(rising)
    if not tied:
        return []
    first, last = (
        mean(_spread_precisions(evidence, column, thresholds, spread, rising=rising, ap=ap, pool=pool))
        for spread in (_hits_first, _hits_last)
    )
    if not first - last > TIE:
        return []
    everything = int(evidence.offsets[-1])
    return [
        f"tied-confidences: {tied:,} of {everything:,} predictions share their confidence with another and enter the "
        f"curve together; {name} would be {first:.4f} with the hits of each tie first and {last:.4f} with them last"
    ]


def tied_predictions(rising: Floats) -> int:
    """Return how many confidences, in rising order, another prediction has, too.

    >>> tied_predictions(np.array([0.5, 0.5, 0.9]))
    2
    """
    same = rising[1:] == rising[:-1]
    tied = np.append(same, False) | np.append(False, same)
    return int(tied.sum())


def _pooled(ranked: RankedHits, entry: int, truths: int, ap: Area) -> float:
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
    """Return average precision at each threshold with the ties spread out, hits first or last."""
    peopled = evidence.images["true"] > 0
    if pool == "image":
        terms = image_precisions(evidence, column, thresholds, ap=ap, spread=spread)
        return [mean_over(row, peopled) for row in terms]
    truths, ranked = total(evidence.images["true"]), evidence.ranked(column)
    # A hit that has seen s predictions stands behind those with more than the confidence rising[M - s].
    above = len(rising) - np.searchsorted(rising, rising[len(rising) - ranked.seen], side="right")
    values = []
    for at in thresholds:
        hits = ranked.at(evidence.column_at(column, at))
        values.append(average_precision(spread(ranked.seen[hits], ranked.seen[hits], above[hits]), truths, ap=ap))
    return values


def _hits_first(tie: Integers, seen: Integers, above: Integers) -> Integers:
    return spread_ties(tie, seen, above, hits_first=True)


def _hits_last(tie: Integers, seen: Integers, above: Integers) -> Integers:
    return spread_ties(tie, seen, above, hits_first=False)
