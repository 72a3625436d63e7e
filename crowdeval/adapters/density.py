"""``density``: the density maps in a folder, one file for each image, as a predictor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval.adapters.contract import Image
from crowdeval.adapters.density_map import MapReading, as_map
from crowdeval.adapters.map_files import MapFiles, load_map
from crowdeval.adapters.model_file import revision_of
from crowdeval.errors import PredictorError, UsageError
from crowdeval.formats.image_headers import image_size

_FITS, _DIFFERS = 0.05, 0.2
"""Largest and smallest logarithm of the ratio of two aspects that are the same, and that differ."""


class Density:
    """Counts, and with a threshold also points, from density maps in files ``folder/IMAGE_ID.npy``.

    Maps may have any resolution. The files are .npy, .npz, .mat, with h5py installed .h5 and .hdf5, with torch .pt.
    They may lie in folders, and have the same words before or behind each image's name.

    Parameters
    ----------
    folder : Path
        The folder of the maps.
    threshold : float, optional
        Persons in a cell that a local maximum has to exceed to be a point; without it there are counts only.
    window : int
        Side of the square in which a local maximum has the largest value, an odd number of cells.
    per_person : float
        Sum of a map for one person.
    stride : float, optional
        Side of a cell in pixels of the image; by default it follows from the size of the image's file.
    key : str, optional
        The name of the map in .npz and .h5 files that hold several arrays.
    name : str, optional
        The model's name; by default that of the folder.
    revision : str, optional
        The model's version; by default the hash of the maps.
    """

    needs_pixels = False

    def __init__(
        self,
        *,
        folder: Path,
        threshold: float | None = None,
        window: int = 3,
        per_person: float = 1.0,
        stride: float | None = None,
        key: str | None = None,
        name: str | None = None,
        revision: str | None = None,
    ) -> None:
        self.folder = folder
        self.reading = MapReading(threshold=threshold, window=window, per_person=per_person)
        if stride is not None and not 0 < stride < np.inf:
            raise UsageError(f"-o stride={stride}: expected a number above 0")
        self.stride = stride
        self.key = key
        self.name = name or folder.resolve().name or "density"
        self.maps = MapFiles(folder)
        names = (file.relative_to(folder).as_posix() for file in self.maps.files)
        self.revision = revision or revision_of(*self.maps.files, also=names)

    def predict(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return the counts, or points and counts, of the images' maps."""
        return [self._answer(image) for image in images]

    def _answer(self, image: Image) -> dict[str, Any]:
        file = self.maps.find(image.id)
        density = load_map(file, self.key)
        try:
            cells = as_map(density)
            if self.reading.threshold is None:
                return self.reading.answer(cells, 1, 1)  # a count needs no image size
            width, height = self._image_size(image, cells.shape)
            if _is_transposed(cells.shape, width, height):
                raise PredictorError(
                    f"{cells.shape[1]} x {cells.shape[0]} cells for an image of {width:g} x {height:g} pixels: the map "
                    "is transposed; its rows must be those of the image"
                )
            return self.reading.answer(cells, width, height)
        except PredictorError as problem:
            raise PredictorError(f"{file}: {problem}") from None

    def _image_size(self, image: Image, cells: tuple[int, ...]) -> tuple[float, float]:
        """Return width and height of the image in pixels, for a map of ``cells`` rows and columns."""
        if self.stride is not None:
            return cells[1] * self.stride, cells[0] * self.stride
        if image.pixels.size:
            return image.pixels.shape[1], image.pixels.shape[0]
        if image.size is not None:
            return image.size
        if image.path is None:
            raise PredictorError(
                f"the size of image {image.id!r} isn't known, because the image file is not there; "
                "give the side of a cell in pixels: -o stride=..."
            )
        return image_size(image.path)


def _is_transposed(cells: tuple[int, ...], width: float, height: float) -> bool:
    """Return whether rows and columns of a map have the sides of an image in the other order."""
    rows, columns = cells

    def skew(first: float, second: float) -> float:
        return abs(float(np.log((rows / first) / (columns / second))))

    return skew(width, height) < _FITS < _DIFFERS < skew(height, width)
