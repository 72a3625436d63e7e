"""The files of density maps in a folder: found by the names of the images, and read."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval.adapters.packages import import_package
from crowdeval.errors import CrowdevalWarning, MissingFileError, PredictorError, did_you_mean, listed
from crowdeval.points.alignment import stem

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".mat", ".pt", ".pth")
"""Suffixes of files with maps."""


class MapFiles:
    """The maps in a folder and the folders in it.

    The map of an image is the file with its id or its name without folders; or the one file in whose name that stands
    between other words, as in ``DM_IMG_1.npy`` or ``IMG_1_density.npy``, which is said once.

    Parameters
    ----------
    folder : Path
        The folder.

    Attributes
    ----------
    files : list of Path
        All files of maps.

    Raises
    ------
    MissingFileError
        If there is no such folder, or it holds no maps.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Path(name, "maps").mkdir()
    ...     np.save(Path(name, "maps", "IMG_1.npy"), np.zeros((2, 3)))
    ...     MapFiles(Path(name)).find("train/IMG_1.jpg").name
    'IMG_1.npy'
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise MissingFileError(f"there is no folder {folder}")
        self.folder = folder
        self.files = sorted(file for file in folder.rglob("*") if file.suffix in SUFFIXES)
        if not self.files:
            raise MissingFileError(f"{folder} holds no density maps (expected files {', '.join(SUFFIXES)})")
        self._by_path: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for file in self.files:
            self._by_path.setdefault(file.relative_to(folder).with_suffix("").as_posix(), []).append(file)
            self._by_stem.setdefault(file.stem, []).append(file)
        self._around: tuple[str, str] | None = None
        self._owners: dict[Path, str] = {}

    def find(self, image: str) -> Path:
        """Return the map of an image.

        Parameters
        ----------
        image : str
            The id of the image.

        Returns
        -------
        Path

        Raises
        ------
        PredictorError
            If no file, or more than one, can be its map.
        """
        name = stem(image)
        found = self._by_path.get(image) or self._by_stem.get(image) or self._by_stem.get(name)
        if found is None and self._around is not None:
            found = self._by_stem.get(name.join(self._around), [])
        elif found is None:
            found = self._with_words_around(name)
        if len({file.stem for file in found}) == 1 and len({file.parent for file in found}) == 1:
            file = min(found, key=lambda file: SUFFIXES.index(file.suffix))
            owner = self._owners.setdefault(file, image)
            if owner != image:
                raise PredictorError(f"the map {file} would be that of the images {owner!r} and {image!r}")
            return file
        if found:
            names = listed((file.relative_to(self.folder).as_posix() for file in found), most=4)
            raise PredictorError(f"image {image!r} can have the maps {names} in {self.folder}: name one folder of maps")
        near = did_you_mean(name, list(self._by_stem))
        raise PredictorError(
            f"there is no map of image {image!r}: no file {self.folder / name}{SUFFIXES[0]} (nor "
            f"{', '.join(SUFFIXES[1:])}){near}"
        )

    def _with_words_around(self, name: str) -> list[Path]:
        """Return the files in whose name an image's name stands between words; remember the words of a single one.

        Words have a letter: IMG_1_2 is another image and not IMG_1.
        """
        pattern = re.compile(rf"((?:.*[A-Za-z].*[^0-9A-Za-z])?){re.escape(name)}((?:[^0-9A-Za-z].*[A-Za-z].*)?)")
        hits = [(hit, file) for file in self.files if (hit := pattern.fullmatch(file.stem))]
        if len(hits) == 1:
            self._around = (hits[0][0][1], hits[0][0][2])
            text = f"{self.folder}: the maps are named {'IMAGE'.join(self._around)}, as {hits[0][1].name}"
            warnings.warn(text, CrowdevalWarning, stacklevel=2)
        return [file for _, file in hits]


def load_map(file: Path, key: str | None) -> Any:
    """Return the map in a file.

    Parameters
    ----------
    file : Path
        A file with one of ``SUFFIXES``.
    key : str, optional
        The name of the map where the file holds several arrays.

    Returns
    -------
    array

    Raises
    ------
    PredictorError
        If the file is damaged, holds no such array, or several without ``key``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     np.savez(Path(name, "a.npz"), density=np.zeros((2, 3)), other=np.zeros(3))
    ...     load_map(Path(name, "a.npz"), "density").shape
    (2, 3)
    """
    try:
        return _read(file, key)
    except PredictorError:
        raise
    except Exception as problem:
        raise PredictorError(f"{file} can't be read as a density map: {problem}") from problem


def _read(file: Path, key: str | None) -> Any:
    """Return the map in a file, whatever fails."""
    if file.suffix == ".npy":
        return np.load(file, allow_pickle=False)
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as arrays:
            return arrays[_array_name(file, list(arrays), key)]
    if file.suffix in (".pt", ".pth"):
        value = import_package("torch").load(file, map_location="cpu", weights_only=True)
        if isinstance(value, Mapping):
            value = value[_array_name(file, [str(name) for name in value], key)]
        return value.detach().float().numpy()
    if file.suffix == ".mat":
        from scipy.io import loadmat

        try:
            values = {name: value for name, value in loadmat(file).items() if not name.startswith("__")}
            return values[_array_name(file, list(values), key)]
        except NotImplementedError:  # MATLAB's version 7.3 is HDF5, in the order of MATLAB: columns first
            with import_package("h5py").File(file) as arrays:
                return np.asarray(arrays[_array_name(file, list(arrays), key)]).T
    with import_package("h5py").File(file) as arrays:
        return np.asarray(arrays[_array_name(file, list(arrays), key)])


def _array_name(file: Path, names: Sequence[str], key: str | None) -> str:
    """Return the name of the map among the arrays of a file."""
    if key is None and len(names) == 1:
        return names[0]
    if key in names:
        return str(key)
    raise PredictorError(f"{file} holds the arrays {listed(names) or 'none'}; give the name of the map: -o key=...")
