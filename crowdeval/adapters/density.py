"""``density``: density maps that a folder already holds, one file an image, as a predictor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval.adapters.contract import Image
from crowdeval.adapters.density_map import MapReading, as_map
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.packages import package
from crowdeval.errors import MissingFileError, PredictorError, UsageError, listed

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5")


class Density:
    """Counts, and points where a threshold is given, from density maps in files ``folder/IMAGE_ID.npy``.

    Maps may be of any resolution; .npy, .npz, and .h5 where h5py is installed.

    Parameters
    ----------
    folder : Path
        The folder of maps.
    threshold : float, optional
        Persons a cell that a local maximum has to exceed to be a point; without it there are counts only.
    window : int
        Side in cells, odd, of the square that a local maximum is the largest of.
    per_person : float
        What a map sums to for one person.
    stride : float, optional
        Pixels a cell; without it the size of the image's file tells.
    key : str, optional
        The array's name in .npz and .h5 files that hold several.
    name : str, optional
        The model's name; the folder's where it is not given.
    revision : str, optional
        The model's version; the hash of the maps where it is not given.
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
        files = _maps(folder)
        names = (file.relative_to(folder).as_posix() for file in files)
        self.revision = revision or revision_of(*files, also=names)

    def predict(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return what the maps of the images say."""
        return [self._answer(image) for image in images]

    def _answer(self, image: Image) -> dict[str, Any]:
        file = self._file(image.id)
        density = _loaded(file, self.key)
        try:
            cells = as_map(density)
            if self.reading.threshold is None:
                return self.reading.answer(cells, 1, 1)
            width, height = self._size(image, cells.shape)
            return self.reading.answer(cells, width, height)
        except PredictorError as problem:
            raise PredictorError(f"{file}: {problem}") from None

    def _file(self, image: str) -> Path:
        candidates = [self.folder / f"{image}{suffix}" for suffix in SUFFIXES]
        for file in candidates:
            if file.is_file():
                return file
        raise PredictorError(f"there is no map of image {image!r}: no file {candidates[0]} (nor .npz, .h5)")

    def _size(self, image: Image, cells: tuple[int, ...]) -> tuple[float, float]:
        if self.stride is not None:
            return cells[1] * self.stride, cells[0] * self.stride
        if image.pixels.size:
            return image.pixels.shape[1], image.pixels.shape[0]
        if image.path is None:
            raise PredictorError(
                f"the size of image {image.id!r} isn't known, as its file isn't there; give the pixels a cell: "
                "-o stride=..."
            )
        from PIL import Image as Pillow

        with Pillow.open(image.path) as opened:
            return opened.size


def _maps(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise MissingFileError(f"there is no folder {folder}")
    files = sorted(file for file in folder.rglob("*") if file.suffix in SUFFIXES)
    if not files:
        raise MissingFileError(f"{folder} holds no density maps ({', '.join(SUFFIXES)})")
    return files


def _loaded(file: Path, key: str | None) -> Any:
    try:
        if file.suffix == ".npy":
            return np.load(file, allow_pickle=False)
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                return arrays[_chosen(file, list(arrays), key)]
        with package("h5py").File(file) as arrays:
            return np.asarray(arrays[_chosen(file, list(arrays), key)])
    except PredictorError:
        raise
    except Exception as problem:
        raise PredictorError(f"{file} can't be read as a density map: {problem}") from problem


def _chosen(file: Path, names: Sequence[str], key: str | None) -> str:
    if key is None and len(names) == 1:
        return names[0]
    if key in names:
        return str(key)
    raise PredictorError(f"{file} holds the arrays {listed(names) or 'none'}; name the map's: -o key=...")
