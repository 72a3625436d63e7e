"""Inputs that repeat themselves: exact copies of points, and counts that are all the same multiple of the truth."""

from __future__ import annotations

import numpy as np

from crowdeval.points.ragged import Ragged
from crowdeval.points.sets import Annotations, Predictions

_MULTIPLES = (1 / 1000, 1 / 100, 1 / 64, 1 / 16, 1 / 4, 4.0, 16.0, 64.0, 100.0, 256.0, 1000.0)
"""Factors by which the sum of a density map grows when the map is resized by 2, 4, ... a side and not divided, and
those by which maps are multiplied for training."""

_NEAR, _SPREAD, _FEWEST = 0.2, 0.25, 3
"""A multiple is suspected where the median ratio is so near to a factor, half of the ratios are so near to the median,
and so many images have people."""


_WEIGHTS = (0.7548776662466927, 0.5698402909980532, 3141.592653589793)
"""Weights of x, y and the image in a key; no small whole numbers of them add up to the same."""


def copy_notices(predicted: Ragged, true: Ragged) -> tuple[str, ...]:
    """Return the notices of points that are exact copies of another point in their image.

    Parameters
    ----------
    predicted, true : Ragged
        Points of the same images.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> twice = Ragged(np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]]), np.array([0, 3]))
    >>> copy_notices(twice, Ragged(np.empty((0, 2)), np.array([0, 0])))
    ('copies-of-predictions: 1 prediction is an exact copy of another in its image; each counts as one more person',)
    """
    texts = []
    for name, noun, points, effect in (
        ("copies-of-truth", "true point", true, "each is one more person to find, and shrinks d_k of its neighbours"),
        ("copies-of-predictions", "prediction", predicted, "each counts as one more person"),
    ):
        copies = number_of_copies(points)
        if copies:
            verb = "is an exact copy" if copies == 1 else "are exact copies"
            nouns = noun if copies == 1 else f"{noun}s"
            where = "its image" if copies == 1 else "their image"
            texts.append(f"{name}: {copies:,} {nouns} {verb} of another in {where}; {effect}")
    return tuple(texts)


def number_of_copies(points: Ragged) -> int:
    """Return the number of points that are copies of another point in their image.

    Parameters
    ----------
    points : Ragged
        N points of m images.

    Returns
    -------
    int
        Two equal points are one copy, three are two.

    Examples
    --------
    >>> number_of_copies(Ragged(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]), np.array([0, 2, 3])))
    1
    """
    if len(points.xy) < 2:
        return 0
    # Equal points of an image have equal keys, and a sort of keys is many times faster than one of rows. Only rows with
    # equal keys are compared: different points can have equal keys by rounding.
    key = points.xy[:, 0] * _WEIGHTS[0]
    key += points.xy[:, 1] * _WEIGHTS[1]
    key += np.repeat(np.arange(points.images) * _WEIGHTS[2], points.counts)
    ranked = np.sort(key)
    shared = ranked[1:][ranked[1:] == ranked[:-1]]
    if not len(shared):
        return 0
    rows = np.flatnonzero(np.isin(key, shared))
    table = np.column_stack([points.image[rows], points.xy[rows] + 0.0])  # -0.0 becomes 0.0
    return len(table) - len(np.unique(table, axis=0))


def count_notices(predictions: Predictions, annotations: Annotations) -> tuple[str, ...]:
    """Return the notice that all estimated counts are one multiple of the true counts, as of a resized density map.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order.

    Returns
    -------
    tuple of str
        One notice, or none; only counts that the predictions give are looked at.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a", "b", "c"], offsets=[0] * 4, xy=[], counts=[5, 9, 7], located=False)
    >>> sums = Predictions(image_ids=["a", "b", "c"], offsets=[0] * 4, xy=[], counts=[21, 35, 28], located=False)
    >>> count_notices(sums, truth)[0].partition(";")[0]
    'counts-multiplied: the estimated counts are about 4 times the true ones in all images'
    """
    if predictions.counts is None:
        return ()
    peopled = (annotations.counts > 0) & np.isfinite(predictions.counts)
    if int(peopled.sum()) < _FEWEST:
        return ()
    ratio = predictions.counts[peopled] / annotations.counts[peopled]
    middle = float(np.median(ratio))
    spread = float(np.median(np.abs(ratio - middle)))
    factor = next((factor for factor in _MULTIPLES if abs(middle / factor - 1) <= _NEAR), None)
    if factor is None or spread > _SPREAD * middle:
        return ()
    text = f"{factor:g}" if factor >= 1 else f"1/{1 / factor:g}"
    return (
        f"counts-multiplied: the estimated counts are about {text} times the true ones in all images; a density map "
        "that is resized must be divided by the growth of its area, and one that was multiplied for training by that "
        "factor",
    )
