r"""GAME(L): the counting error over a grid of 2^L x 2^L cells.

Convention
    The predictions above ``count_threshold`` are counted. The cell of a point is floor(x 2^L / width),
    floor(y 2^L / height); points outside the image belong to the border cell.

Formula
    GAME(L) = mean over images of the sum over cells of \|predicted - true\|; GAME(0) is the MAE of counted points.

Source
    Guerrero-Gomez-Olmedo et al., "Extremely Overlapping Vehicle Counting", IbPRIA 2015.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from crowdeval.arrays import Floats, Integers, image_of_rows
from crowdeval.errors import UndefinedMetricWarning, UsageError
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Metric, Scene
from crowdeval.metrics.localization import confident

FINEST = 10
"""Cells of a thousandth of the image: a finer grid is taken for a slip."""


def grid_errors(
    xy: Floats, offsets: Integers, true_xy: Floats, true_offsets: Integers, sizes: Floats, *, order: int
) -> Floats:
    """Return the sum over cells of \\|predicted - true\\| of every image, (m,).

    Parameters
    ----------
    xy, offsets
        Predicted points (M, 2) of m images.
    true_xy, true_offsets
        True points (N, 2) of the same images.
    sizes : array of float, (m, 2)
        Width and height of the images in pixels.
    order : int
        L: the image is cut into 2^L x 2^L cells.
    """
    cell = np.concatenate([_cells(xy, offsets, sizes, order), _cells(true_xy, true_offsets, sizes, order)])
    sign = np.concatenate([np.ones(len(xy)), -np.ones(len(true_xy))])
    cells, place = np.unique(cell, return_inverse=True)
    difference = np.abs(np.bincount(place, weights=sign, minlength=len(cells)))
    errors: Floats = np.bincount(cells >> (2 * order), weights=difference, minlength=len(offsets) - 1).astype(
        np.float64
    )
    return errors


def _cells(xy: Floats, offsets: Integers, sizes: Floats, order: int) -> Integers:
    """Return a number for the image and cell of every point; the image is its upper bits."""
    image = image_of_rows(offsets).astype(np.int64)
    side = 1 << order
    place = np.clip(np.floor(xy * side / sizes[image]), 0, side - 1).astype(np.int64)
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

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return the mean over images."""
        assert scene.annotations.sizes is not None, "lacking() has asked"
        xy, offsets = confident(scene.predictions, threshold=scene.options.count_threshold)
        found = Measured()
        for metric in asked:
            errors = grid_errors(
                xy,
                offsets,
                scene.annotations.xy,
                scene.annotations.offsets,
                scene.annotations.sizes,
                order=int(str(metric.order)),
            )
            if not len(errors):
                warnings.warn("GAME of no images is undefined", UndefinedMetricWarning, stacklevel=2)
            found.values[str(metric)] = float(np.mean(errors)) if len(errors) else np.nan
            if scene.per_image:
                found.columns[str(metric)] = errors
        return found


GRID = GridError()
