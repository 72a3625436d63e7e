"""A folder of images without points: a predictor runs on it, and nothing is scored."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np

from crowdeval.datasets.contract import Split
from crowdeval.datasets.listing import images_below, in_natural_order
from crowdeval.errors import MissingFileError, listed
from crowdeval.formats.image_headers import read_headers
from crowdeval.options import VIDEO_SUFFIXES
from crowdeval.points.sets import Annotations

NAME = "photos"
"""The name of the dataset in the manifest of a run: ``photos:PATH``."""


def photos(folder: Path) -> Split:
    """Return the images below a folder as a split without points.

    Parameters
    ----------
    folder : Path
        The folder; hidden files and folders are passed over.

    Returns
    -------
    Split
        Ids are paths from the folder on, without suffix where that names one image.

    Raises
    ------
    MissingFileError
        If there is no image.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Image.new("L", (64, 48)).save(Path(name, "a.png"))
    ...     split = photos(Path(name))
    >>> split.annotations.image_ids, split.annotations.sizes.tolist()
    (('a',), [[64.0, 48.0]])
    """
    found = {path.relative_to(folder).as_posix(): path for path in images_below(folder)}
    others = _others_below(folder)
    if not found:
        raise MissingFileError(f"{folder} has no images to predict on{f', only {others}' if others else ''}")
    files = in_natural_order(found)
    bare = {name: name.rpartition(".")[0] for name in files}
    times = Counter(bare.values())
    ids = [bare[name] if times[bare[name]] == 1 else name for name in files]
    headers = read_headers(list(files.values()))
    broken = listed(headers.unreadable.values(), most=3)
    return Split(
        name=NAME,
        split=str(folder),
        home=folder,
        annotations=Annotations(
            image_ids=ids, offsets=np.zeros(len(ids) + 1, dtype=np.int64), xy=np.empty((0, 2)), sizes=headers.sizes
        ),
        image_paths=tuple(files.values()),
        notes=(
            *((f"images that can't be read: {broken}",) if headers.unreadable else ()),
            *((f"left out, not read as images: {others}",) if others else ()),
        ),
    )


def _others_below(folder: Path) -> str:
    """Return the numbers of files below a folder that may be pictures and are not read: ``3 .jfif, 1 .mp4``."""
    suffixes = Counter(
        Path(name).suffix.lower()
        for start, folders, files in os.walk(folder)
        if not any(part.startswith(".") for part in Path(start).relative_to(folder).parts)
        for name in files
        if not name.startswith(".")
    )
    pictures = {
        suffix: number for suffix, number in sorted(suffixes.items()) if suffix in (*VIDEO_SUFFIXES, *_PICTURES)
    }
    return ", ".join(f"{number} {suffix}" for suffix, number in pictures.items())


_PICTURES = (".jfif", ".jpe", ".ppm", ".pgm", ".pnm", ".tga", ".j2k", ".apng", ".ico", ".dib", ".pcx", ".sgi", ".qoi",
             ".heic", ".heif", ".raw", ".dng", ".cr2", ".nef", ".svg", ".psd", ".exr", ".hdr", ".jxl")  # fmt: skip
"""Suffixes of pictures that are not read."""
