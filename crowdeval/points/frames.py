"""The coordinate frame of points: from other axes, units or image sizes to the pixels of the image.

A frame is a list of steps, which are applied from left to right: ``"yx,normalized"`` first swaps the two coordinates
and then multiplies them by the size of the image. Each step works on the result of the step before:

    ======================  ==========================================================================
    yx                      coordinates are (row, column): swapped
    y-up                    the origin is at the bottom: y becomes height - y
    x-left                  the origin is at the right: x becomes width - x
    normalized              x in 0 .. 1: times width; y times height; percent and permille alike
    WxH                     points of the image resized to W x H, as ``512x512``
    max-side:N              points of an image whose longer side was shrunk to N; smaller images were left
    stride:N, scale:S       multiplied by N or S: points of a feature map, of a resized image
    shift:DX:DY             DX and DY pixels are added
    ======================  ==========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from crowdeval.errors import AlignmentError, NeedsError, UsageError, did_you_mean
from crowdeval.points.labels import number_text
from crowdeval.points.ragged import Floats, Ragged
from crowdeval.points.sets import Annotations, Predictions

UNITS = {"normalized": 1.0, "percent": 100.0, "permille": 1000.0}
"""Unit to the number that stands for the whole width or height."""

_PLAIN = ("yx", "y-up", "x-left", *UNITS)
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SIZE = re.compile(rf"({_NUMBER})x({_NUMBER})")
_VALUED = {"max-side": 1, "stride": 1, "scale": 1, "shift": 2}
"""Step to the number of its values."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a frame.

    Attributes
    ----------
    name : str
        ``"yx"``, ``"size"``, ``"max-side"``, ...
    values : tuple of float
        Its numbers, in pixels or factors.
    """

    name: str
    values: tuple[float, ...] = ()

    def __str__(self) -> str:
        """Return the text of the step, as the option ``--frame`` takes it."""
        numbers = [number_text(value) for value in self.values]
        return "x".join(numbers) if self.name == "size" else ":".join([self.name, *numbers])

    @property
    def needs_sizes(self) -> bool:
        """Whether the step depends on the size of the image."""
        return self.name not in ("yx", "stride", "scale", "shift")


def parse_frame(text: str) -> tuple[Step, ...]:
    """Return the steps of a frame.

    Parameters
    ----------
    text : str
        Steps, separated by commas.

    Returns
    -------
    tuple of Step

    Raises
    ------
    UsageError
        If a step is unknown, or its numbers are missing, not finite, or not positive where they must be.

    Examples
    --------
    >>> [str(step) for step in parse_frame("yx, 512x384,shift:0.5:0.5")]
    ['yx', '512x384', 'shift:0.5:0.5']
    """
    return tuple(_step(part.strip()) for part in text.split(","))


def to_pixels(points: Ragged, sizes: Floats | None, steps: tuple[Step, ...]) -> Floats:
    """Return points in the pixels of their image.

    Parameters
    ----------
    points : Ragged
        N points of m images, in the frame that the steps describe.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels; NaN where unknown.
    steps : tuple of Step
        The steps, from left to right.

    Returns
    -------
    array of float, (N, 2)

    Raises
    ------
    NeedsError
        If a step needs the size of an image with points, and it is unknown.

    Examples
    --------
    >>> points = Ragged(np.array([[0.5, 0.25]]), np.array([0, 1]))
    >>> to_pixels(points, np.array([[100.0, 80.0]]), parse_frame("yx,normalized")).tolist()
    [[25.0, 40.0]]
    """
    xy, size = points.xy, np.full((len(points), 2), np.nan)
    needing = [step for step in steps if step.needs_sizes]
    if needing:
        size = size if sizes is None else np.repeat(sizes, points.counts, axis=0)
        if np.isnan(size).any():
            raise NeedsError(
                f"the frame {needing[0]} needs the width and height of every image with points; the annotations do not "
                "give them"
            )
    for step in steps:
        xy = _APPLY[step.name](xy, size, step.values)
    return xy


def from_frame(predictions: Predictions, sizes: Floats | None, frame: str) -> Predictions:
    """Return predictions in the pixels of their images.

    Parameters
    ----------
    predictions : Predictions
        Points in another frame.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels.
    frame : str
        The steps, as ``parse_frame`` takes them; empty for points in pixels.

    Returns
    -------
    Predictions

    Raises
    ------
    UsageError
        If the frame can't be parsed.
    NeedsError
        If it needs sizes that are unknown.

    Examples
    --------
    >>> found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[20.0, 10.0]])
    >>> from_frame(found, None, "yx").xy.tolist()
    [[10.0, 20.0]]
    """
    if not frame:
        return predictions
    return replace(predictions, xy=to_pixels(predictions.points, sizes, parse_frame(frame)))


def from_own_frames(predictions: Predictions, annotations: Annotations) -> tuple[Predictions, tuple[str, ...]]:
    """Return predictions whose own sizes are the frame of their points in the pixels of the annotated images.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order.

    Returns
    -------
    (Predictions, tuple of str)
        The predictions without sizes, and a notice if points were moved or could not be checked.

    Raises
    ------
    AlignmentError
        If the width and height of an image are those of the annotations in the other order.
    NeedsError
        If points are in parts of width and height, and the annotations have no sizes.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 0], xy=[], sizes=[[200, 100]])
    >>> found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[0.5, 0.5]], sizes=[[1, 1]])
    >>> from_own_frames(found, truth)[0].xy.tolist()
    [[100.0, 50.0]]
    """
    if predictions.sizes is None:
        return predictions, ()
    plain = replace(predictions, sizes=None)
    own, named = predictions.sizes, ~np.isnan(predictions.sizes[:, 0]) & (predictions.points.counts > 0)
    true = np.full_like(own, np.nan) if annotations.sizes is None else annotations.sizes
    known = named & ~np.isnan(true[:, 0])
    in_parts = named & ~known & (own == 1).all(axis=1)
    if in_parts.any():
        name = predictions.image_ids[int(np.argmax(in_parts))]
        raise NeedsError(
            f"points in parts of width and height need the size of their image, which the annotations do not give for "
            f"{int(in_parts.sum()):,} images ({name!r}, ...); name the folder of the images: --images DIR"
        )
    turned = known & (own == true[:, ::-1]).all(axis=1) & (own[:, 0] != own[:, 1])
    if turned.any():
        i = int(np.argmax(turned))
        raise AlignmentError(
            f"image {predictions.image_ids[i]!r} has the size {_size_text(own[i])} in the predictions and "
            f"{_size_text(true[i])} in the annotations{_further(int(turned.sum()))}: an image that was turned by its "
            "EXIF orientation? Predict on the stored pixels, or turn the points back"
        )
    if (named & ~known).any():
        return plain, (
            "sizes-unchecked: the predictions name the size of their images and the annotations do not; the points are "
            "taken as pixels of the image",
        )
    moved = known & (own != true).any(axis=1)
    if not moved.any():
        return plain, ()
    factor = np.where(moved[:, None], true / np.where(known[:, None], own, 1.0), 1.0)
    frames = sorted({_size_text(size) for size in own[moved]})
    text = f"a frame of {frames[0] if len(frames) == 1 else f'{len(frames)} sizes, {frames[0]} to {frames[-1]},'}"
    text = "parts of width and height" if frames == ["1 x 1"] else text
    notice = (
        f"rescaled: the points of {int(moved.sum()):,} of {len(own):,} images were in {text} and were "
        "brought to the size of their image"
    )
    return replace(plain, xy=plain.xy * np.repeat(factor, plain.points.counts, axis=0)), (notice,)


def _size_text(size: Floats) -> str:
    return " x ".join(number_text(side) for side in size.tolist())


def _further(number: int) -> str:
    return f" (and so have {number - 1:,} more)" if number > 1 else ""


def _step(text: str) -> Step:
    """Return the step that a text stands for."""
    if text in _PLAIN:
        return Step(text)
    size = _SIZE.fullmatch(text)
    name, _, rest = text.partition(":")
    if size:
        name, numbers = "size", list(size.groups())
    elif name in _VALUED:
        numbers = rest.split(":")
    else:
        known = [*_PLAIN, "WxH", "max-side:N", "stride:N", "scale:S", "shift:DX:DY"]
        raise UsageError(f"frame: no step is called {text!r}{did_you_mean(text, known)} (known: {', '.join(known)})")
    wanted = _VALUED.get(name, 2)
    if len(numbers) != wanted or not all(re.fullmatch(_NUMBER, number) for number in numbers):
        raise UsageError(f"frame: expected {wanted} number{'s' * (wanted > 1)} in {text!r}")
    values = tuple(float(number) for number in numbers)
    if not np.isfinite(values).all() or (name != "shift" and min(values) <= 0):
        raise UsageError(f"frame: expected {'finite' if name == 'shift' else 'positive'} numbers in {text!r}")
    return Step(name, values)


def _unit(whole: float) -> Callable[[Floats, Floats, tuple[float, ...]], Floats]:
    """Return the function of a unit of which so many are the whole side."""
    return lambda xy, size, values: xy * size / whole


def _y_up(xy: Floats, size: Floats, values: tuple[float, ...]) -> Floats:
    """Return points whose y began at the bottom."""
    return np.column_stack([xy[:, 0], size[:, 1] - xy[:, 1]])


def _x_left(xy: Floats, size: Floats, values: tuple[float, ...]) -> Floats:
    """Return points whose x began at the right."""
    return np.column_stack([size[:, 0] - xy[:, 0], xy[:, 1]])


def _max_side(xy: Floats, size: Floats, values: tuple[float, ...]) -> Floats:
    """Return points of images whose longer side was shrunk to a length."""
    longer: Floats = np.maximum(size.max(axis=1, keepdims=True, initial=0.0), values[0])
    return xy * longer / values[0]


_APPLY: dict[str, Callable[[Floats, Floats, tuple[float, ...]], Floats]] = {
    "yx": lambda xy, size, values: xy[:, ::-1].copy(),
    "y-up": _y_up,
    "x-left": _x_left,
    **{unit: _unit(whole) for unit, whole in UNITS.items()},
    "size": lambda xy, size, values: xy * size / np.array(values),
    "max-side": _max_side,
    "stride": lambda xy, size, values: xy * values[0],
    "scale": lambda xy, size, values: xy * values[0],
    "shift": lambda xy, size, values: xy + np.array(values),
}
"""Step to its function of points (N, 2), sizes of their images (N, 2), and values."""
