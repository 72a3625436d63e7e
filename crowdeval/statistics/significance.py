r"""Whether two models differ on the same images: paired approximate randomization on the per-image tables.

Convention
    Two reports of equal annotations and equal protocol, each with its per-image table. Under the hypothesis of no
    difference the two outcomes of an image are exchangeable: in each of 10,000 rounds the outcomes of a random half of
    the images are swapped. The p-value is the share of rounds whose difference is at least the one observed, in
    absolute value (two-sided, the observed one counted in). The seed is fixed, so p-values repeat.

Statistic
    ============  ===================================================================================
    MAE, NAE      mean over images of the absolute count error, over the true count for NAE
    RMSE          root of the mean squared count error
    F1, ...       from TP, FP and FN summed over images, as the metric itself
    nAP, nAP@d    mean over images of the image's own AP (the metric pools all images into one list, which
                  per-image tables can't rebuild)
    ============  ===================================================================================

Several comparisons with one best model are corrected by Holm's method.

Source
    Noreen, Computer-Intensive Methods for Testing Hypotheses, 1989; Holm, Scand. J. Statist. 6, 1979.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.evaluation.report import Report
from crowdeval.metrics.strings import Metric, number_text, parse_range
from crowdeval.points.ragged import Floats

ALPHA = 0.05
ROUNDS = 10_000
SEED = 0
_BLOCK = 1000
_RATES = ("F1", "Precision", "Recall")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the images contribute, (m, c), in the order of their ids, and the statistic of its sums, (r, c) -> (r,)."""

    columns: Floats
    statistic: Callable[[Floats], Floats]


def terms_of(report: Report, metric: str) -> Terms | None:
    """Return what the images of a report contribute to a metric; None where its per-image table does not say."""
    table = report.per_image
    if table is None or "image" not in table:
        return None
    order = np.argsort(table["image"].astype(str), kind="stable")
    parsed = Metric.parse(metric)
    if metric in ("MAE", "RMSE", "NAE"):
        found = _count_terms(table, metric)
    elif parsed.name == "nAP" and parsed.by is None:
        deltas = report.protocol.delta if parsed.at is None else parse_range(parsed.at)
        found = _precision_terms(table, [f"AP@{number_text(delta)}" for delta in deltas])
    elif parsed.name in _RATES and parsed.by is None:
        found = _rate_terms(table, parsed)
    else:
        return None
    return None if found is None else Terms(found.columns[order], found.statistic)


def same_images(a: Report, b: Report) -> bool:
    """Return whether the per-image tables of two reports are there and speak of the same images."""
    return (
        a.per_image is not None
        and b.per_image is not None
        and "image" in a.per_image
        and "image" in b.per_image
        and np.array_equal(np.sort(a.per_image["image"].astype(str)), np.sort(b.per_image["image"].astype(str)))
    )


def paired_p_value(a: Terms, b: Terms, *, rounds: int = ROUNDS, seed: int = SEED) -> float:
    """Return the two-sided p-value of the difference between two models on the same images.

    Parameters
    ----------
    a, b : Terms
        Of the same metric and the same images.
    rounds : int
        Random swaps.
    seed : int
        Of the random numbers.

    Returns
    -------
    float
        In [1 / (rounds + 1), 1]; NaN where the statistic is undefined on either side.

    Examples
    --------
    >>> terms = Terms(np.arange(9.0)[:, None], lambda sums: sums[:, 0])
    >>> paired_p_value(terms, terms)
    1.0
    """
    total, change = a.columns.sum(axis=0), b.columns - a.columns
    other = b.columns.sum(axis=0)
    observed = abs(a.statistic(total[None])[0] - a.statistic(other[None])[0])
    if np.isnan(observed):
        return float("nan")
    random = np.random.default_rng(seed)
    slack = 1e-12 * max(1.0, float(observed))
    reached = 1
    for start in range(0, rounds, _BLOCK):
        swaps = random.integers(0, 2, size=(min(_BLOCK, rounds - start), len(change)), dtype=np.int8)
        moved = swaps.astype(np.float64) @ change
        difference = np.abs(a.statistic(total + moved) - a.statistic(other - moved))
        reached += int(np.count_nonzero(~(difference < observed - slack)))
    return reached / (rounds + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's method, in the same order; NaN stays and counts not.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = list(p_values)
    rising = sorted((p, i) for i, p in enumerate(p_values) if not np.isnan(p))
    highest = 0.0
    for rank, (p, i) in enumerate(rising):
        highest = max(highest, min(1.0, p * (len(rising) - rank)))
        corrected[i] = highest
    return corrected


def _count_terms(table: Mapping[str, NDArray[Any]], metric: str) -> Terms | None:
    if "count_error" not in table or "true_count" not in table:
        return None
    error, true = np.abs(table["count_error"].astype(np.float64)), table["true_count"].astype(np.float64)
    if metric == "NAE":
        peopled = true > 0
        columns = np.stack([np.divide(error, true, out=np.zeros_like(error), where=peopled), peopled], axis=1)
    else:
        columns = np.stack([error**2 if metric == "RMSE" else error, np.ones_like(error)], axis=1)
    return Terms(columns, _root_mean if metric == "RMSE" else _mean)


def _precision_terms(table: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Terms | None:
    if any(name not in table for name in names):
        return None
    precision = np.mean([table[name].astype(np.float64) for name in names], axis=0)
    defined = ~np.isnan(precision)
    return Terms(np.stack([np.where(defined, precision, 0.0), defined], axis=1), _mean)


def _rate_terms(table: Mapping[str, NDArray[Any]], metric: Metric) -> Terms | None:
    names = [f"{kind}@{metric.at}" for kind in ("TP", "FP", "FN")]
    if any(name not in table for name in names):
        return None
    weight = {"F1": (1.0, 1.0), "Precision": (1.0, 0.0), "Recall": (0.0, 1.0)}[metric.name]
    twice = 2.0 if metric.name == "F1" else 1.0

    def statistic(sums: Floats) -> Floats:
        hits = twice * sums[:, 0]
        return _ratio(hits, hits + weight[0] * sums[:, 1] + weight[1] * sums[:, 2])

    return Terms(np.stack([table[name].astype(np.float64) for name in names], axis=1), statistic)


def _mean(sums: Floats) -> Floats:
    return _ratio(sums[:, 0], sums[:, 1])


def _root_mean(sums: Floats) -> Floats:
    root: Floats = np.sqrt(np.maximum(_mean(sums), 0.0))
    return root


def _ratio(over: Floats, under: Floats) -> Floats:
    ratio: Floats = np.divide(over, under, out=np.full(len(over), np.nan), where=under > 0)
    return ratio
