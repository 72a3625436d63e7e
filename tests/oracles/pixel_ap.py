"""AP at a radius by its definition: the sequential loop of nAP with a radius in pixels."""

import math

from oracles.bipartite import distance
from oracles.nap import area, curve


def image_flags(points, scores, truths, radius):
    """List of (score, is true positive), one a prediction of one image."""
    away = [[distance(q, p) for p in truths] for q in points]
    order = sorted(range(len(points)), key=lambda j: (-scores[j], min(away[j], default=math.inf), *points[j]))
    taken, flags = set(), [None] * len(points)
    for j in order:
        free = [(away[j][i], *truths[i], i) for i in range(len(truths)) if i not in taken and away[j][i] < radius]
        if free:
            taken.add(min(free)[-1])
        flags[j] = (scores[j], bool(free))
    return flags


def average_precision(crowd, radius, ap="area"):
    """AP of a crowd at one radius; NaN without true points."""
    flags = [flag for image in crowd for flag in image_flags(*image, radius)]
    total = sum(len(truths) for _, _, truths in crowd)
    return area(curve(flags, total), ap) if total else math.nan
