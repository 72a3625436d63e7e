"""Groups of images that errors are broken down by: an attribute's values, or bands made from the annotations.

``count_quartile``: quartiles of the true count. ``scale_quartile``: quartiles of the median d_k of an image's true
points, small (dense) first. ``jhu_level``: low (up to 50), medium (51 to 500), high (over 500) by the label's count,
``label_count``, else by the true points. ``jhu_weather``: images whose attribute ``weather`` is above 0 (adverse),
and the others (normal).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from crowdeval.errors import did_you_mean, listed
from crowdeval.matching.scale import knn_scales
from crowdeval.metrics.strings import number_text
from crowdeval.options import PAPER_K, Lone
from crowdeval.points.ragged import Flags, Floats
from crowdeval.points.sets import Annotations

Groups = Iterator[tuple[str, Flags]]


def groups(name: str, annotations: Annotations, *, k: int = PAPER_K, lone: Lone = "inf") -> Groups:
    """Yield the label and the images, (m,) bool, of every group that is not empty.

    Parameters
    ----------
    name : str
        An attribute of the annotations, or one of ``BANDS``.
    annotations : Annotations
        The true points.
    k, lone
        The options of d_k, for ``scale_quartile``.
    """
    if name in annotations.attributes:
        yield from _by_value(annotations, name)
    elif name == "scale_quartile":
        yield from _quartiles(_median_scales(annotations, k, lone))
    else:
        yield from BANDS[name](annotations)


def lacking_group(name: str, annotations: Annotations) -> str | None:
    """Return what the annotations lack for a group, or None."""
    if name == "jhu_weather" and ("weather" not in annotations.attributes or _nothing(annotations, "weather")):
        return "the attribute 'weather' of the images, as a number; the dataset jhu-crowd++ carries it"
    if name in annotations.attributes or name in BANDS or name == "scale_quartile":
        return None
    known = [*annotations.attributes, *BANDS, "scale_quartile"]
    if name in ("scene_level", "luminance"):
        return f"the attribute {name!r} of the images; the dataset nwpu carries it"
    return f"the attribute {name!r} of the images{did_you_mean(name, known)} (there are {listed(known, most=20)})"


def _by_value(annotations: Annotations, name: str) -> Groups:
    """Yield a group for every value; images where it is unknown (NaN, None) are in none."""
    column = annotations.attributes[name]
    numeric = column.dtype.kind in "iuf"
    values = column if numeric else np.array([str(value) for value in column])
    known = ~np.isnan(column.astype(np.float64)) if numeric else np.array([value is not None for value in column])
    for value in np.unique(values[known]):
        yield number_text(float(value)) if numeric else str(value) or "(empty)", known & (values == value)


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
    scale = knn_scales(annotations.points, k=k, lone=lone, sizes=annotations.sizes)
    parts = np.split(scale, annotations.offsets[1:-1])
    return np.array([np.median(part) if len(part) else np.nan for part in parts])


def _by_count(annotations: Annotations) -> Groups:
    return _quartiles(annotations.counts.astype(np.float64))


def _jhu_levels(annotations: Annotations) -> Groups:
    count = annotations.counts.astype(np.float64)
    if "label_count" in annotations.attributes:
        label_count = _numbers(annotations, "label_count")
        count = np.where(np.isnan(label_count), count, label_count)
    level = np.searchsorted([50, 500], count, side="left")
    for n, label in enumerate(("low", "medium", "high")):
        if (level == n).any():
            yield label, level == n


def _jhu_weather(annotations: Annotations) -> Groups:
    weather = _numbers(annotations, "weather")
    for label, images in (("adverse", weather > 0), ("normal", weather <= 0)):
        if images.any():
            yield label, images


BANDS: dict[str, Callable[[Annotations], Groups]] = {
    "count_quartile": _by_count,
    "jhu_level": _jhu_levels,
    "jhu_weather": _jhu_weather,
}
"""The groups that are made from the annotations; ``scale_quartile`` is one more."""
