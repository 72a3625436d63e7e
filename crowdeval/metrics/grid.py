r"""GAME(L): the counting error over a grid of 2^L x 2^L cells.

Convention
    The predictions above ``count_threshold`` are counted. The cell of a point is floor(x 2^L / width),
    floor(y 2^L / height); points outside the image belong to the border cell.

Formula
    GAME(L) = mean over images of the sum over cells of \|predicted - true\|; GAME(0) is the MAE of counted points.

Evidence
    The sum over cells of every image, a whole number.

Source
    Guerrero-Gomez-Olmedo et al., "Extremely Overlapping Vehicle Counting", IbPRIA 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import UsageError
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Options, Reads, Scene, reads
from crowdeval.metrics.localization import confident
from crowdeval.metrics.strings import Metric
from crowdeval.metrics.sums import Weights, mean_over
from crowdeval.points.ragged import Floats, Integers, Ragged

FINEST = 10
"""Cells of a thousandth of the image: a finer grid is taken for a slip."""


def grid_errors(predicted: Ragged, true: Ragged, sizes: Floats, *, order: int) -> Integers:
    """Return the sum over cells of \\|predicted - true\\| of every image, (m,).

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images.
    true : Ragged
        True points (N, 2) of the same images.
    sizes : array of float, (m, 2)
        Width and height of the images in pixels.
    order : int
        L: the image is cut into 2^L x 2^L cells.
    """
    cell = np.concatenate([_cells(predicted, sizes, order), _cells(true, sizes, order)])
    sign = np.concatenate([np.ones(len(predicted)), -np.ones(len(true))])
    cells, place = np.unique(cell, return_inverse=True)
    difference = np.abs(np.bincount(place, weights=sign, minlength=len(cells)))
    errors = np.bincount(cells >> (2 * order), weights=difference, minlength=predicted.images)
    return np.round(errors).astype(np.int64)  # whole numbers already: sums of ones


def _cells(points: Ragged, sizes: Floats, order: int) -> Integers:
    """Return a number for the image and cell of every point: image, row and column of the cell, from the top bits.

    With L = 1 a cell has two bits below the image: image 3, row 1, column 0 is 3 << 2 | 1 << 1 | 0 = 14.
    """
    image = points.image.astype(np.int64)
    side = 1 << order
    place = np.clip(np.floor(points.xy * side / sizes[image]), 0, side - 1).astype(np.int64)
    numbers: Integers = (image << (2 * order)) | (place[:, 1] << order) | place[:, 0]
    return numbers


class GridError:
    """The family of GAME."""

    entries = (
        Entry(
            string="GAME(1)",
            title="counting error over a grid of 2^L x 2^L cells",
            better="lower",
            unit="people",
            source="Guerrero-Gomez-Olmedo et al., IbPRIA 2015",
        ),
    )

    def canonical(self, metric: Metric) -> Metric:
        """Ask for the order of the grid."""
        metric = metric.plain("order")
        if metric.order is None or int(metric.order) > FINEST:
            raise UsageError(f"{str(metric)!r}: expected GAME(L) with L from 0 to {FINEST}")
        return Metric(name="GAME", order=str(int(metric.order)))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Ask for points and for the sizes of all images."""
        if not scene.predictions.located:
            return NO_POINTS
        if scene.annotations.sizes is None or np.isnan(scene.annotations.sizes).any():
            return (
                "the width and height of every image; native JSON, CSV, Parquet and COCO files can carry them and "
                "every dataset with images does"
            )
        return None

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return False: an image of unknown size has no cells."""
        return False

    def reads(self, metric: Metric) -> Reads:
        """Return the count threshold, and the sizes of the images."""
        return reads("count", "points sizes")

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the error of every image for each grid asked for."""
        assert scene.annotations.sizes is not None, "lacking() has asked"
        predicted = confident(scene.predictions, threshold=scene.options.count_threshold)
        true, sizes = scene.annotations.points, scene.annotations.sizes
        return scene.evidence(
            images={str(m): grid_errors(predicted, true, sizes, order=int(str(m.order))) for m in asked}
        )

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the mean over images."""
        found = Measured()
        for metric in asked:
            errors = evidence.images[str(metric)]
            found.values[str(metric)] = mean_over(errors, np.ones(len(errors), dtype=bool), weights)
            if not len(errors):
                found.undefined.append("GAME of no images is undefined")
        return found

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return the error of every image for each grid."""
        return {str(metric): evidence.images[str(metric)].astype(np.float64) for metric in asked}


GRID = GridError()
