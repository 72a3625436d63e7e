"""MLE by its definition, as a dense assignment with capped cost; shares no matching with the package."""

import math

import numpy as np
from oracles.bipartite import distance
from scipy.optimize import linear_sum_assignment


def cost(points, truths, limit):
    """Cost of the cheapest matching of one image; the smaller side is filled up with dummies that cost the limit."""
    side = max(len(points), len(truths))
    table = np.full((side, side), float(limit))
    for j, q in enumerate(points):
        for i, p in enumerate(truths):
            table[j, i] = min(distance(q, p), limit)
    return float(table[linear_sum_assignment(table)].sum())


def cheapest(points, truths, limit):
    """Sum of distances and number of pairs of the cheapest matching, by trying all of them; for a few points only."""
    if not points:
        return 0.0, 0
    best = cheapest(points[1:], truths, limit)
    for i, p in enumerate(truths):
        d = distance(points[0], p)
        if d <= limit:
            total, pairs = cheapest(points[1:], truths[:i] + truths[i + 1 :], limit)
            if total + d - limit * (pairs + 1) < best[0] - limit * best[1]:
                best = total + d, pairs + 1
    return best


def mle(crowd, limit=16.0, threshold=0.5):
    """Mean over images with true points of cost / true points; NaN where there are none."""
    errors = []
    for points, scores, truths in crowd:
        kept = [q for q, s in zip(points, scores, strict=True) if s > threshold]
        if truths:
            errors.append(cost(kept, truths, limit) / len(truths))
    return math.fsum(errors) / len(errors) if errors else math.nan
