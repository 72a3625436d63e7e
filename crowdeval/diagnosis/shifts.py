"""The mean offset of hits from their people: half a pixel, or the corner of a box, costs nAP and is easily mended."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from crowdeval.diagnosis.causes import Causes
from crowdeval.points.ragged import Floats, Indices
from crowdeval.points.sets import Annotations, Predictions
from crowdeval.statistics.contract import Units
from crowdeval.statistics.ratios import Ratios

SURE = 3.0
"""Number of standard errors from which a shift is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The mean offset of hits from their people, prediction minus person.

    Attributes
    ----------
    dx, dy : float
        In pixels, positive to the right and down; NaN without hits.
    dx_error, dy_error : float
        Standard errors over images.
    dx_scaled, dy_scaled : float
        In units of d_k.
    hits : int
        Number of hits.
    """

    dx: float
    dy: float
    dx_error: float
    dy_error: float
    dx_scaled: float
    dy_scaled: float
    hits: int

    @property
    def is_sure(self) -> bool:
        """Whether a shift is beyond three standard errors on an axis, and a tenth of a pixel."""
        return any(
            abs(offset) > max(SURE * error, 0.1)
            for offset, error in ((self.dx, self.dx_error), (self.dy, self.dy_error))
        )

    @property
    def is_half_a_pixel(self) -> bool:
        """Whether both axes are shifted by about half a pixel, as where the centre of a pixel is a whole number."""
        return self.is_sure and all(abs(abs(offset) - 0.5) < 0.15 for offset in (self.dx, self.dy))


def shift_of(predictions: Predictions, annotations: Annotations, causes: Causes) -> Shift:
    """Return the mean offset of hits from their people.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order.
    causes : Causes
        The pairs at one delta.

    Returns
    -------
    Shift

    Examples
    --------
    >>> from crowdeval.diagnosis.causes import causes_of
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 2, 4], xy=[[0, 0], [10, 0]] * 2)
    >>> found = Predictions(image_ids=["a", "b"], offsets=[0, 2, 4], xy=[[0.5, 0.5], [10.5, 0.5]] * 2, score=[0.9] * 4)
    >>> shift = shift_of(found, truth, causes_of(found, truth, delta=0.5, k=1))
    >>> shift.dx, shift.dy_scaled, shift.is_half_a_pixel
    (0.5, 0.05, True)
    """
    held = np.flatnonzero(causes.holders >= 0)
    offset = predictions.xy[causes.holders[held]] - annotations.xy[held]
    image, scale = annotations.points.image[held], causes.scale[held]
    units = Units(annotations.image_ids, np.arange(len(annotations.image_ids)))
    finite = np.isfinite(scale) & (scale > 0)
    mean, error = zip(*(_mean(units, image, offset[:, axis]) for axis in (0, 1)), strict=True)
    scaled = [_mean(units, image[finite], offset[finite, axis] / scale[finite])[0] for axis in (0, 1)]
    return Shift(dx=mean[0], dy=mean[1], dx_error=error[0], dy_error=error[1], dx_scaled=scaled[0], dy_scaled=scaled[1],
                 hits=len(held))  # fmt: skip


def _mean(units: Units, image: Indices, values: Floats) -> tuple[float, float]:
    """Return the mean of values, and its standard error with the images as units."""
    if not len(values):
        return math.nan, math.nan
    per_image: Floats = np.bincount(image, weights=values, minlength=len(units)).astype(np.float64)
    number = np.bincount(image, minlength=len(units)).astype(np.float64)
    sums = Ratios(units)
    sums.add("mean", [(per_image, number, "offset", "hits")])
    found = sums.replicates(np.ones((1, len(units))), ["mean"], influences=True)["mean"]
    assert found.influences is not None, "they were asked for"
    peopled = int((number > 0).sum())
    squares = float((found.influences**2).sum())
    return float(found.values[0]), math.sqrt(squares * peopled / (peopled - 1)) if peopled > 1 else math.nan
