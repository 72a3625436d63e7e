"""Resamples by their definition: the set with its images literally repeated, scored from scratch.

Also average precision with fractional numbers of images, for numerical derivatives, in plain loops.
"""

import math

import numpy as np

from crowdeval import Annotations, Predictions


def _column(column, rows):
    return None if column is None else column[rows]


def _rows(side, images):
    return np.concatenate([np.zeros(0, dtype=int), *(np.arange(side.offsets[i], side.offsets[i + 1]) for i in images)])


def repeated(predictions, annotations, counts, *, names=None):
    """The set with image i literally there counts[i] times, under ids of its own."""
    chosen = np.repeat(np.arange(len(counts)), np.asarray(counts, dtype=int))
    ids = names or [f"{annotations.image_ids[i]}#{n}" for n, i in enumerate(chosen)]
    found, true = _rows(predictions, chosen), _rows(annotations, chosen)
    offsets = [np.concatenate([[0], np.cumsum(np.diff(side.offsets)[chosen])]).astype(int)
               for side in (predictions, annotations)]  # fmt: skip
    return (
        Predictions(image_ids=ids, offsets=offsets[0], xy=predictions.xy[found],
                    score=_column(predictions.score, found), counts=_column(predictions.counts, chosen),
                    located=predictions.located),
        Annotations(image_ids=ids, offsets=offsets[1], xy=annotations.xy[true],
                    boxes=_column(annotations.boxes, true), radii=_column(annotations.radii, true),
                    level=_column(annotations.level, true), sizes=_column(annotations.sizes, chosen),
                    counts=None if annotations.located else annotations.counts[chosen], located=annotations.located,
                    attributes={name: column[chosen] for name, column in annotations.attributes.items()}),
    )  # fmt: skip


def average_precision(images, weights, ap="area"):
    """AP of one ranked list where image i counts weights[i] times, a number of any size.

    ``images`` has, for each image, the list of (confidence, hit) and the number of true points.
    """
    truths = sum(weight * true for weight, (_, true) in zip(weights, images, strict=True))
    if not truths:
        return math.nan
    levels = sorted({score for found, _ in images for score, _ in found}, reverse=True)
    curve = []
    for level in levels:
        seen = hits = 0.0
        for weight, (found, _) in zip(weights, images, strict=True):
            seen += weight * sum(score >= level for score, _ in found)
            hits += weight * sum(hit for score, hit in found if score >= level)
        if hits:
            curve.append((hits, hits / seen))
    total, last = 0.0, 0.0
    for place, (hits, precision) in enumerate(curve):
        best = precision if ap == "step" else max(own for _, own in curve[place:])
        total += (hits - last) * best
        last = hits
    return total / truths


def derivative(function, weights, image, step=1e-5):
    """The derivative of a function of weights with respect to one of them, by central differences."""
    more, less = list(weights), list(weights)
    more[image] += step
    less[image] -= step
    return (function(more) - function(less)) / (2 * step)


def jackknife(values):
    """The standard error from the values with one image left out each."""
    n, mean = len(values), math.fsum(values) / len(values)
    return math.sqrt((n - 1) / n * math.fsum((value - mean) ** 2 for value in values))
