"""Where in the frame people are found: strips across the image, in which a blind band shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdeval.diagnosis.causes import Causes
from crowdeval.points.ragged import Floats
from crowdeval.points.sets import Annotations

STRIPS = 10
"""Number of strips from left to right, and from top to bottom."""

BLIND = 0.5
"""Share of the recall elsewhere below which a strip is named."""

FEWEST = 20
"""Number of people of a strip from which it is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A tenth of the frame.

    Attributes
    ----------
    axis : {"x", "y"}
        The axis along which the frame is cut.
    low, high : float
        Its ends, as shares of the width or the height.
    people, found : int
        Number of people, and of those that are found.
    """

    axis: str
    low: float
    high: float
    people: int
    found: int


def strips_of(annotations: Annotations, causes: Causes) -> list[Strip]:
    """Return how many people are found in each strip of the frame.

    Parameters
    ----------
    annotations : Annotations
        The true points; without the size of an image, its points bound it.
    causes : Causes
        The pairs at one delta.

    Returns
    -------
    list of Strip
        Ten along x, then ten along y.

    Examples
    --------
    >>> from crowdeval import Predictions
    >>> from crowdeval.diagnosis.causes import causes_of
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[5, 5], [95, 5]], sizes=[[100, 100]])
    >>> found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[5, 5]], score=[0.9])
    >>> strips = strips_of(truth, causes_of(found, truth, delta=0.5, k=1))
    >>> [(strip.people, strip.found) for strip in strips if strip.people]
    [(1, 1), (1, 0), (2, 1)]
    """
    image, xy = annotations.points.image, annotations.xy
    place = np.clip((xy / np.maximum(_sizes(annotations)[image], 1e-9) * STRIPS).astype(np.int64), 0, STRIPS - 1)
    found = causes.holders >= 0
    strips = []
    for axis, name in enumerate("xy"):
        people = np.bincount(place[:, axis], minlength=STRIPS)
        hits = np.bincount(place[found, axis], minlength=STRIPS)
        strips += [
            Strip(axis=name, low=n / STRIPS, high=(n + 1) / STRIPS, people=int(people[n]), found=int(hits[n]))
            for n in range(STRIPS)
        ]
    return strips


def blind_strips(strips: list[Strip]) -> list[Strip]:
    """Return the strips in which far fewer people are found than elsewhere, the worst first.

    Parameters
    ----------
    strips : list of Strip
        The strips of both axes.

    Returns
    -------
    list of Strip
    """
    blind = []
    for strip in strips:
        others = [own for own in strips if own.axis == strip.axis and own is not strip]
        people, found = sum(own.people for own in others), sum(own.found for own in others)
        if strip.people >= FEWEST and people and strip.found / strip.people < BLIND * found / people:
            blind.append(strip)
    return sorted(blind, key=lambda strip: strip.found / strip.people)


def _sizes(annotations: Annotations) -> Floats:
    """Return the width and height of every image; of an image of unknown size, the extent of its points."""
    offsets = annotations.offsets
    known = np.full((len(annotations.image_ids), 2), np.nan) if annotations.sizes is None else annotations.sizes
    sizes: Floats = known.copy()
    for n in np.flatnonzero(np.isnan(known).any(axis=1)):
        points = annotations.xy[offsets[n] : offsets[n + 1]]
        sizes[n] = points.max(axis=0) + 1 if len(points) else 1.0
    return sizes
