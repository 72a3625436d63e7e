"""Matching within a radius by its definition, in dense loops and plain recursion; shares nothing with the package."""

import math

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching


def distance(a, b):
    return math.sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]))


def neighbours(points, truths, radii):
    """Rows, in rising order, of the true points that each prediction is within the radius of."""
    radii = [radii] * len(truths) if np.isscalar(radii) else radii
    return [[i for i, p in enumerate(truths) if distance(q, p) <= radii[i]] for q in points]


def official_order(near, truths):
    """Flags of the true points that the recursive search of the NWPU-Crowd script matches."""
    holder = [None] * truths

    def take(prediction, seen):
        for true in near[prediction]:
            if true in seen:
                continue
            seen.add(true)
            if holder[true] is None or take(holder[true], seen):
                holder[true] = prediction
                return True
        return False

    for prediction in range(len(near)):
        take(prediction, set())
    return [prediction is not None for prediction in holder]


def size(points, truths, radii):
    """Size of a maximum matching, by augmenting paths."""
    return sum(official_order(neighbours(points, truths, radii), len(truths)))


def dense_size(points, truths, radii):
    """The same size by the Hungarian method on a dense matrix: a pair out of reach costs 1, a pair within reach 0."""
    cost = np.ones((len(points), len(truths)))
    for j, row in enumerate(neighbours(points, truths, radii)):
        cost[j, row] = 0
    return int((cost[linear_sum_assignment(cost)] == 0).sum())


def sparse_size(points, truths, radii):
    """The same size by scipy's Hopcroft-Karp matching."""
    table = np.zeros((len(points), len(truths)), dtype=np.int8)
    for j, row in enumerate(neighbours(points, truths, radii)):
        table[j, row] = 1
    return int((maximum_bipartite_matching(csr_array(table), perm_type="column") >= 0).sum()) if table.size else 0


def greedy_size(points, truths, radii):
    """Size of the matching in which each prediction takes the nearest free true point; at most the maximum."""
    taken = set()
    for q, row in zip(points, neighbours(points, truths, radii), strict=True):
        free = [(distance(q, truths[i]), i) for i in row if i not in taken]
        if free:
            taken.add(min(free)[1])
    return len(taken)


def rates(hits, predicted, true):
    """Precision, recall and F1 from sums over images; NaN where undefined."""
    precision = hits / predicted if predicted else math.nan
    recall = hits / true if true else math.nan
    f1 = 2 * hits / (predicted + true) if predicted + true else math.nan
    return precision, recall, f1


def pooled(crowd, radius, threshold=0.5):
    """Sums over a crowd at one radius: true positives, predictions above the threshold, true points."""
    hits = predicted = true = 0
    for points, scores, truths in crowd:
        kept = [q for q, s in zip(points, scores, strict=True) if s > threshold]
        hits += size(kept, truths, radius)
        predicted += len(kept)
        true += len(truths)
    return hits, predicted, true
