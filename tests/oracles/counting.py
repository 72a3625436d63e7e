"""Counting errors by their definitions, in plain loops."""

import math


def estimated(points, scores, threshold=0.5):
    """Number of predictions above the threshold."""
    return sum(score > threshold for score in scores)


def errors(predicted, true):
    """MAE, RMSE, NAE and bias of two lists of counts."""
    pairs = list(zip(predicted, true, strict=True))
    relative = [abs(p - t) / t for p, t in pairs if t > 0]
    return {
        "MAE": math.fsum(abs(p - t) for p, t in pairs) / len(pairs),
        "RMSE": math.sqrt(math.fsum((p - t) ** 2 for p, t in pairs) / len(pairs)),
        "NAE": math.fsum(relative) / len(relative) if relative else math.nan,
        "bias": math.fsum(p - t for p, t in pairs) / len(pairs),
    }


def quartile(value, values):
    """Band 1..4 of a value: the first whose edge it does not exceed; edge n is n quarters up the sorted values."""
    ordered = sorted(values)
    for n in (1, 2, 3):
        if value <= ordered[math.floor((len(ordered) - 1) * n / 4)]:
            return n
    return 4
