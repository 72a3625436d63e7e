"""Groups of images that errors are broken down by: the values of an attribute, or bands made from the annotations.

Attributes
    Each value of an attribute is a group, named by its text. Numbers come first, in rising order, then text in the
    order of its UTF-8 bytes. An image whose value is unknown is in no group.

Bands
    - ``count_quartile``: quartiles of the true count.
    - ``scale_quartile``: quartiles of the median d_k of an image's true points, from small (dense) to large.
    - ``jhu_level``: low (up to 50 people), medium (51 to 500), high (over 500), by the count of the label
      (the attribute ``label_count``), else by the number of true points.
    - ``jhu_weather``: adverse (the attribute ``weather`` is above 0) and normal (the others).

    An attribute with the name of a band takes precedence over the band.

Evidence
    The label of each image, or the number that quartiles are made from. The edges of quartiles are computed from all
    images at the time when values are computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import did_you_mean, listed
from crowdeval.matching.scale import knn_scales
from crowdeval.metrics.evidence import GROUP, Evidence
from crowdeval.options import PAPER_K, Lone
from crowdeval.points.labels import label_order, label_text, number_text
from crowdeval.points.ragged import Flags, Floats
from crowdeval.points.sets import Annotations

Groups = Iterator[tuple[str, Flags]]
"""Label and images, (m,) bool, of one group after the other."""

Labels = NDArray[Any]
"""The label of every image, (m,) str; None for an image in no group."""

SCALES = "median_scale"
"""Name of the column of evidence from which ``scale_quartile`` is made."""


def group_columns(
    name: str, annotations: Annotations, *, k: int = PAPER_K, lone: Lone = "inf"
) -> dict[str, NDArray[Any]]:
    """Return the columns of evidence from which groups are made.

    Parameters
    ----------
    name : str
        An attribute of the annotations, or one of ``BANDS`` and ``QUARTILES``. If the annotations do not have the
        attribute, no image is in a group.
    annotations : Annotations
        The true points, with the attributes of the images.
    k : int
        Number of neighbours in d_k, for ``scale_quartile``.
    lone : str
        Scale of a true point that is alone in its image, for ``scale_quartile``: ``"inf"``, ``"diagonal"`` or pixels.

    Returns
    -------
    dict of str to array, (m,)
        At most one column; none for ``count_quartile``, which is made from the true counts.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 0, 0], xy=[], attributes={"weather": np.array([3, 0])})
    >>> {column: labels.tolist() for column, labels in group_columns("weather", truth).items()}
    {'group:weather': ['3', '0']}
    """
    if name not in annotations.attributes:
        if name == "count_quartile":
            return {}
        if name == "scale_quartile":
            return {SCALES: _median_scales(annotations, k, lone)}
    return {GROUP + name: _labels(name, annotations)}


def groups_of(name: str, evidence: Evidence) -> Groups:
    """Yield the groups that are not empty.

    Parameters
    ----------
    name : str
        An attribute, or one of ``BANDS`` and ``QUARTILES``.
    evidence : Evidence
        Evidence with the columns of ``group_columns``.

    Yields
    ------
    (str, array of bool, (m,))
        The label of a group and its images.

    Raises
    ------
    KeyError
        If the evidence was made without these groups.

    Examples
    --------
    >>> counts = {"true": np.array([1, 7])}
    >>> evidence = Evidence(image_ids=("a", "b"), offsets=np.zeros(3, dtype=np.int64), images=counts)
    >>> [(label, images.tolist()) for label, images in groups_of("count_quartile", evidence)]
    [('q1:1-1', [True, False]), ('q4:7-7', [False, True])]
    """
    if name in QUARTILES and GROUP + name not in evidence.images:
        by_count = name == "count_quartile"
        yield from _quartiles(evidence.images["true"].astype(np.float64) if by_count else evidence.images[SCALES])
        return
    labels = evidence.images[GROUP + name]
    distinct = {label for label in labels.tolist() if label is not None}
    ordered = [label for label in ORDERS.get(name, ()) if label in distinct]
    for label in [*ordered, *sorted(distinct.difference(ordered), key=label_order)]:
        yield label, labels == label


def lacking_group(name: str, annotations: Annotations) -> str | None:
    """Return the thing that the annotations lack for a group.

    Parameters
    ----------
    name : str
        An attribute, or one of ``BANDS`` and ``QUARTILES``.
    annotations : Annotations
        The true points, with the attributes of the images.

    Returns
    -------
    str or None
        The object of the sentence "METRIC needs ...", with the dataset that provides it, or with similar names. None
        if nothing is missing.

    Examples
    --------
    >>> lacking_group("scene_level", Annotations(image_ids=["a"], offsets=[0, 0], xy=[]))
    "the attribute 'scene_level' of the images; the dataset nwpu carries it"
    """
    if name == "jhu_weather" and ("weather" not in annotations.attributes or _is_unknown(annotations, "weather")):
        return "the attribute 'weather' of the images, as a number; the dataset jhu-crowd++ carries it"
    if name in annotations.attributes or name in BANDS or name in QUARTILES:
        return None
    known = [*annotations.attributes, *sorted((*BANDS, *QUARTILES))]
    if name in ("scene_level", "luminance"):
        return f"the attribute {name!r} of the images; the dataset nwpu carries it"
    return f"the attribute {name!r} of the images{did_you_mean(name, known)} (there are {listed(known, most=20)})"


def columns_read(name: str) -> frozenset[str]:
    """Return the columns of the annotations from which groups are made.

    Parameters
    ----------
    name : str
        An attribute, or one of ``BANDS`` and ``QUARTILES``.

    Returns
    -------
    frozenset of str
        Names of columns, as fingerprints have them. An attribute with the name of a band takes precedence over the
        band, so a band reads the attribute of its own name, too.

    Examples
    --------
    >>> sorted(columns_read("jhu_level")), sorted(columns_read("scene_level"))
    (['attribute:jhu_level', 'attribute:label_count', 'points'], ['attribute:scene_level', 'points'])
    """
    sources = {"jhu_level": ["label_count"], "jhu_weather": ["weather"]}.get(name, [])
    return frozenset({"points", *(f"attribute:{attribute}" for attribute in (name, *sources))})


def _labels(name: str, annotations: Annotations) -> Labels:
    """Return the label of every image, (m,); None for an image in no group."""
    column = np.full(len(annotations.image_ids), None, dtype=object)
    if name in annotations.attributes:
        column[:] = [label_text(value) for value in annotations.attributes[name].tolist()]
    elif name in BANDS:
        column[:] = BANDS[name](annotations)
    return column


def _numbers(annotations: Annotations, name: str) -> Floats:
    """Return an attribute as numbers, (m,); NaN where the value is not a number."""
    column = annotations.attributes[name]
    if column.dtype.kind in "biuf":
        return column.astype(np.float64)
    return np.array([float(v) if isinstance(v, (int, float)) else np.nan for v in column])


def _is_unknown(annotations: Annotations, name: str) -> bool:
    """Return whether no image has a number for this attribute."""
    return bool(np.isnan(_numbers(annotations, name)).all())


def _quartiles(values: Floats) -> Groups:
    """Yield the quartiles of the values that are not NaN; equal values stay together."""
    known = ~np.isnan(values)
    if not known.any():
        return
    # Edges are values of the set, and a value equal to an edge is in the lower band (side="left"):
    #   values [1, 2, 3, 4]  ->  edges [1, 2, 3]  ->  band [0, 1, 2, 3]
    #   values [0, 0, 0, 9]  ->  edges [0, 0, 0]  ->  band [0, 0, 0, 3]
    edges = np.quantile(values[known], [0.25, 0.5, 0.75], method="lower")
    band = np.searchsorted(edges, values, side="left")
    for n in range(4):
        images = known & (band == n)
        if images.any():
            low, high = (_edge(edge) for edge in (values[images].min(), values[images].max()))
            yield f"q{n + 1}:{low}-{high}", images


def _edge(value: float) -> str:
    """Return the text of an edge, with at most one decimal."""
    return number_text(round(float(value), 1)) if np.isfinite(value) else "inf"


def _median_scales(annotations: Annotations, k: int, lone: Lone) -> Floats:
    """Return the median d_k of the true points of every image, (m,); NaN for an image without true points."""
    scale = knn_scales(annotations.points, k=k, lone=lone, sizes=annotations.sizes)
    # np.split cuts at the inner offsets: offsets [0, 2, 2, 5] -> rows 0:2, 2:2 and 2:5.
    parts = np.split(scale, annotations.offsets[1:-1]) if annotations.image_ids else []
    return np.array([np.median(part) if len(part) else np.nan for part in parts])


def _jhu_levels(annotations: Annotations) -> list[str]:
    """Return low, medium or high for every image."""
    count = annotations.counts.astype(np.float64)
    if "label_count" in annotations.attributes:
        label_count = _numbers(annotations, "label_count")
        count = np.where(np.isnan(label_count), count, label_count)
    level = np.searchsorted([50, 500], count, side="left")  # counts [50, 51, 500, 501] -> levels [0, 1, 1, 2]
    return [ORDERS["jhu_level"][n] for n in level.tolist()]


def _jhu_weather(annotations: Annotations) -> list[str | None]:
    """Return adverse or normal for every image; None where the weather is unknown."""
    if "weather" not in annotations.attributes:
        return [None] * len(annotations.image_ids)
    weather = _numbers(annotations, "weather").tolist()
    return [None if math.isnan(value) else ORDERS["jhu_weather"][0 if value > 0 else 1] for value in weather]


ORDERS = {"jhu_level": ("low", "medium", "high"), "jhu_weather": ("adverse", "normal")}
"""Name of a band to its labels, in the order in which they are shown."""

BANDS: dict[str, Callable[[Annotations], Any]] = {"jhu_level": _jhu_levels, "jhu_weather": _jhu_weather}
"""Name of a band to the function that returns the label of every image."""

QUARTILES = ("count_quartile", "scale_quartile")
"""Bands whose edges are computed from all images."""
