r"""GAME(L): the counting error over a grid of 2^L x 2^L cells.

Convention
    Each image is cut into 2^L columns and 2^L rows of equal size, L from 0 to 10. The cell of a point has the column
    floor(x 2^L / width) and the row floor(y 2^L / height); a point outside the image belongs to the nearest border
    cell. Predictions with a confidence strictly above ``count_threshold`` (0.5) take part, all of them if they have no
    confidences. A count that the predictions give for an image is not used, as it has no location. Needs the width and
    height of every image.

Formula
    GAME(L) = mean over images of the sum over cells of \|predicted points - true points\|.

    GAME(0) is the MAE of the counted points.

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
from crowdeval.metrics.family import Entry, Measured, Options, Reads, Scene, lacking_points, reads
from crowdeval.metrics.localization import confident_points
from crowdeval.metrics.strings import Metric
from crowdeval.metrics.sums import Weights, mean_over
from crowdeval.points.ragged import Floats, Integers, Ragged

FINEST = 10
"""Maximum order: 1024 x 1024 cells; a finer grid is taken for a mistake."""


def grid_errors(predicted: Ragged, true: Ragged, sizes: Floats, *, order: int) -> Integers:
    r"""Return the sum over cells of \|predicted points - true points\| of every image.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images, in pixels.
    true : Ragged
        True points (N, 2) of the same images.
    sizes : array of float, (m, 2)
        Width and height of the images in pixels.
    order : int
        L: each image is cut into 2^L x 2^L cells.

    Returns
    -------
    array of int, (m,)
        The error of every image.

    Examples
    --------
    >>> predicted = Ragged(np.array([[1.0, 1.0], [7.0, 7.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[1.0, 1.0], [7.0, 1.0]]), np.array([0, 2]))
    >>> [grid_errors(predicted, true, np.array([[8.0, 8.0]]), order=order).tolist() for order in (0, 1)]
    [[0], [2]]
    """
    # Each prediction adds 1 to its cell and each true point subtracts 1; only cells with points are summed. L = 0:
    #   cell [0, 0, 0, 1], sign [1, 1, -1, -1]  ->  cells [0, 1], place [0, 0, 0, 1]  ->  difference [1, 1]
    cell = np.concatenate([_cells(predicted, sizes, order), _cells(true, sizes, order)])
    sign = np.concatenate([np.ones(len(predicted)), -np.ones(len(true))])
    cells, place = np.unique(cell, return_inverse=True)
    difference = np.abs(np.bincount(place, weights=sign, minlength=len(cells)))
    # Without its lowest 2L bits, a cell number is the number of its image.
    errors = np.bincount(cells >> (2 * order), weights=difference, minlength=predicted.images)
    return np.round(errors).astype(np.int64)  # sums of ones are whole numbers already


def _cells(points: Ragged, sizes: Floats, order: int) -> Integers:
    """Return one number for the image, the row and the column of the cell of every point.

    The row and the column have the lowest 2L bits. With L = 1: image 3, row 1, column 0 is 3 << 2 | 1 << 1 | 0 = 14.
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
        """Return the metric with its order as a number without leading zeros."""
        metric = metric.plain("order")
        if metric.order is None or int(metric.order) > FINEST:
            raise UsageError(f"{str(metric)!r}: expected GAME(L) with L from 0 to {FINEST}, such as GAME(1)")
        return Metric(name="GAME", order=str(int(metric.order)))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return points or image sizes, whichever the data lack."""
        lack = lacking_points(scene)
        if lack is not None:
            return lack
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
        """Return the error of every image for each requested grid."""
        assert scene.annotations.sizes is not None, "lacking() checks this"
        predicted = confident_points(scene.predictions, threshold=scene.options.count_threshold)
        true, sizes = scene.annotations.points, scene.annotations.sizes
        return scene.evidence(
            images={str(m): grid_errors(predicted, true, sizes, order=int(str(m.order))) for m in asked}
        )

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the mean over images."""
        measured = Measured()
        for metric in asked:
            errors = evidence.images[str(metric)]
            measured.values[str(metric)] = mean_over(errors, np.ones(len(errors), dtype=bool), weights)
            if not len(errors):
                measured.undefined.append("GAME is undefined: there are no images")
        return measured

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return the error of every image for each grid."""
        return {str(metric): evidence.images[str(metric)].astype(np.float64) for metric in asked}


GRID = GridError()
