"""Groups of images that errors are broken down by: an attribute's values, or bands made from the annotations.

An attribute's values are groups by their text: numbers in rising order first, then text by UTF-8; an image where it is
unknown is in none. ``count_quartile``: quartiles of the true count. ``scale_quartile``: quartiles of the median d_k of
an image's true points, small (dense) first. ``jhu_level``: low (up to 50), medium (51 to 500), high (over 500) by the
label's count, ``label_count``, else by the true points. ``jhu_weather``: images whose attribute ``weather`` is above 0
(adverse), and the others (normal).

Evidence keeps an image's label, or the number that quartiles are made from; edges are made when values are taken, from
all images.
"""

from __future__ import annotations

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
Labels = NDArray[Any]

SCALES = "median_scale"
"""The column of evidence that ``scale_quartile`` is made from."""


def group_columns(
    name: str, annotations: Annotations, *, k: int = PAPER_K, lone: Lone = "inf"
) -> dict[str, NDArray[Any]]:
    """Return the columns of evidence, (m,) each, from which the groups of a name are made.

    Parameters
    ----------
    name : str
        An attribute of the annotations, or one of ``BANDS`` and ``QUARTILES``. An attribute that they lack puts no
        image into a group.
    annotations : Annotations
        The true points.
    k, lone
        The options of d_k, for ``scale_quartile``.
    """
    if name not in annotations.attributes:
        if name == "count_quartile":
            return {}
        if name == "scale_quartile":
            return {SCALES: _median_scales(annotations, k, lone)}
    return {GROUP + name: _labels(name, annotations)}


def groups_of(name: str, evidence: Evidence) -> Groups:
    """Yield the label and the images, (m,) bool, of every group that is not empty."""
    labels = evidence.images.get(GROUP + name)
    if labels is None:
        yield from _quartiles(evidence.images["true"].astype(np.float64) if name == "count_quartile"
                              else evidence.images[SCALES])  # fmt: skip
        return
    distinct = {label for label in labels.tolist() if label is not None}
    ordered = [label for label in ORDERS.get(name, ()) if label in distinct]
    for label in [*ordered, *sorted(distinct.difference(ordered), key=label_order)]:
        yield label, labels == label


def lacking_group(name: str, annotations: Annotations) -> str | None:
    """Return what the annotations lack for a group, or None."""
    if name == "jhu_weather" and ("weather" not in annotations.attributes or _nothing(annotations, "weather")):
        return "the attribute 'weather' of the images, as a number; the dataset jhu-crowd++ carries it"
    if name in annotations.attributes or name in BANDS or name in QUARTILES:
        return None
    known = [*annotations.attributes, *sorted((*BANDS, *QUARTILES))]
    if name in ("scene_level", "luminance"):
        return f"the attribute {name!r} of the images; the dataset nwpu carries it"
    return f"the attribute {name!r} of the images{did_you_mean(name, known)} (there are {listed(known, most=20)})"


def group_column(name: str) -> str:
    """Return the column of the annotations that the groups of a name are made from, beside their points."""
    return {"jhu_level": "attribute:label_count", "jhu_weather": "attribute:weather"}.get(name, f"attribute:{name}")


def _labels(name: str, annotations: Annotations) -> Labels:
    """Return the label of every image; None where it is in no group."""
    column = np.full(len(annotations.image_ids), None, dtype=object)
    if name in annotations.attributes:
        column[:] = [label_text(value) for value in annotations.attributes[name].tolist()]
    elif name in BANDS:
        column[:] = BANDS[name](annotations)
    return column


def _numbers(annotations: Annotations, name: str) -> Floats:
    """Return an attribute as numbers; NaN where it is none."""
    column = annotations.attributes[name]
    if column.dtype.kind in "biuf":
        return column.astype(np.float64)
    return np.array([float(v) if isinstance(v, (int, float)) else np.nan for v in column])


def _nothing(annotations: Annotations, name: str) -> bool:
    return bool(np.isnan(_numbers(annotations, name)).all())


def _quartiles(values: Floats) -> Groups:
    """Split by the quartiles of the values that are not NaN; equal values stay together."""
    known = ~np.isnan(values)
    if not known.any():
        return
    edges = np.quantile(values[known], [0.25, 0.5, 0.75], method="lower")
    band = np.searchsorted(edges, values, side="left")
    for n in range(4):
        images = known & (band == n)
        if images.any():
            low, high = (_edge(edge) for edge in (values[images].min(), values[images].max()))
            yield f"q{n + 1}:{low}-{high}", images


def _edge(value: float) -> str:
    return number_text(round(float(value), 1)) if np.isfinite(value) else "inf"


def _median_scales(annotations: Annotations, k: int, lone: Lone) -> Floats:
    """Return the median d_k of every image's true points, (m,); NaN where there are none."""
    scale = knn_scales(annotations.points, k=k, lone=lone, sizes=annotations.sizes)
    parts = np.split(scale, annotations.offsets[1:-1]) if annotations.image_ids else []
    return np.array([np.median(part) if len(part) else np.nan for part in parts])


def _jhu_levels(annotations: Annotations) -> list[str]:
    count = annotations.counts.astype(np.float64)
    if "label_count" in annotations.attributes:
        label_count = _numbers(annotations, "label_count")
        count = np.where(np.isnan(label_count), count, label_count)
    level = np.searchsorted([50, 500], count, side="left")
    return [ORDERS["jhu_level"][n] for n in level.tolist()]


def _jhu_weather(annotations: Annotations) -> list[str | None]:
    if "weather" not in annotations.attributes:
        return [None] * len(annotations.image_ids)
    weather = _numbers(annotations, "weather").tolist()
    return [None if value != value else ORDERS["jhu_weather"][0 if value > 0 else 1] for value in weather]


ORDERS = {"jhu_level": ("low", "medium", "high"), "jhu_weather": ("adverse", "normal")}
"""Bands by name, in the order in which they are shown."""

BANDS: dict[str, Callable[[Annotations], Any]] = {"jhu_level": _jhu_levels, "jhu_weather": _jhu_weather}
"""Name to the function that gives every image its band."""

QUARTILES = ("count_quartile", "scale_quartile")
"""Bands whose edges are made from all images."""
