"""What each cause of errors costs: the nAP that is gained if it alone is repaired, with its standard error.

Repairs are literal: the repaired predictions are scored again. Costs need not add up, because repairs help each other;
all of them together give 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from crowdeval.diagnosis.causes import NAMES, Causes, repaired
from crowdeval.evaluation.evaluate import report_and_evidence
from crowdeval.evaluation.protocol import Protocol
from crowdeval.metrics.strings import number_text
from crowdeval.points.sets import Annotations, Predictions
from crowdeval.statistics.influence import changes_of, error_from, no_error
from crowdeval.statistics.quantities import Numbers, numbers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A cause of errors, or the ranking, and what it costs.

    Attributes
    ----------
    count : int
        Number of errors: false positives and missed people.
    share : float
        Share of all errors; NaN for the ranking.
    cost : float
        nAP at this delta that is gained if it alone is repaired.
    error : float
        Standard error of the cost over images; NaN where it has none.
    """

    count: int
    share: float
    cost: float
    error: float


def costs_of(predictions: Predictions, annotations: Annotations, causes: Causes, protocol: Protocol) -> dict[str, Cost]:
    """Return what each cause costs, and the ranking.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order.
    causes : Causes
        The cause of every error.
    protocol : Protocol
        The options of nAP.

    Returns
    -------
    dict of str to Cost
        By cause, in the order of ``NAMES``; ``ranking`` is the last.

    Examples
    --------
    >>> from crowdeval.diagnosis.causes import causes_of
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 2, 4], xy=[[0, 0], [10, 0]] * 2)
    >>> found = Predictions(image_ids=["a", "b"], offsets=[0, 1, 3], xy=[[0, 0], [0, 0], [10, 0]],
    ...                     score=[0.9, 0.8, 0.7])
    >>> costs = costs_of(found, truth, causes_of(found, truth, delta=0.5, k=1), Protocol(k=1))
    >>> costs["missed_clump"].count, round(costs["missed_clump"].cost, 2)
    (1, 0.25)
    """
    metric = f"nAP@{number_text(causes.delta)}"
    own = replace(protocol, preset="none", metrics=(metric,))
    before = _numbers(predictions, annotations, own)
    counts, total = causes.counts, max(sum(causes.counts.values()), 1)
    costs = {}
    for name in (*NAMES, "ranking"):
        count = counts.get(name, 0)
        share = count / total if name in counts else math.nan
        if name in counts and not count:
            costs[name] = Cost(count=0, share=0.0, cost=0.0, error=0.0)
            continue
        after = _numbers(repaired(predictions, annotations, causes, name), annotations, own)
        gained, error = _gain(before, after, metric)
        costs[name] = Cost(count=count, share=share, cost=gained, error=error)
    return costs


def _numbers(predictions: Predictions, annotations: Annotations, protocol: Protocol) -> Numbers:
    """Return nAP at one delta as a function of sums over images."""
    report, evidence = report_and_evidence(predictions, annotations, protocol=protocol)
    return numbers_of(evidence, report.values, protocol)


def _gain(before: Numbers, after: Numbers, metric: str) -> tuple[float, float]:
    """Return the difference of a metric, and its standard error; NaN where it has none."""
    if metric not in before.by_key or metric not in after.by_key:
        return math.nan, math.nan
    own = before.by_key[metric]
    gained = after.by_key[metric].value - own.value
    if no_error(before, own) or no_error(after, after.by_key[metric]):
        return gained, math.nan
    change = changes_of(after, [metric])[metric] - changes_of(before, [metric])[metric]
    return gained, error_from(np.asarray(change), before, own, value=gained).size
