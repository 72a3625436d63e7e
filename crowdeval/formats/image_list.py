"""The list of the images there are: a folder of images, or a file with a name in every line, perhaps with sizes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from crowdeval.errors import FormatError, MissingFileError, Problem, UsageError, listed
from crowdeval.formats.contract import warn
from crowdeval.formats.image_headers import read_headers
from crowdeval.formats.source import Source
from crowdeval.options import IMAGE_SUFFIXES
from crowdeval.points.alignment import stem
from crowdeval.points.assemble import concatenated, size_column
from crowdeval.points.labels import natural_key
from crowdeval.points.ragged import Floats
from crowdeval.points.sets import Annotations, Predictions, repeated_names

_HEADER = re.compile(r"(image|file|id|name)\w*([,;\t ]+width[,;\t ]+height)?", re.IGNORECASE)
_SIZED = re.compile(r"(.+?)[\s,;]+([0-9.]+)[\s,;]+([0-9.]+)")


@dataclass(frozen=True, slots=True)
class ImageList:
    """The names of images, and their sizes where they are known.

    Parameters
    ----------
    names : tuple of str
        File names or ids.
    sizes : dict of str to (float, float)
        Width and height in pixels, by the name and by its stem.

    Examples
    --------
    >>> ImageList(("a.jpg",), {"a.jpg": (640.0, 480.0)}).names
    ('a.jpg',)
    """

    names: tuple[str, ...]
    sizes: dict[str, tuple[float, float]]

    def sizes_of(self, ids: Sequence[str]) -> Floats | None:
        """Return the width and height of images.

        Parameters
        ----------
        ids : sequence of str
            The m images, by name or stem.

        Returns
        -------
        array of float, (m, 2), or None
            In pixels, NaN where unknown; None if all are unknown.
        """
        return size_column([self.sizes.get(name) or self.sizes.get(stem(name)) for name in ids])


NO_IMAGES = ImageList((), {})
"""Nothing is known of the images."""


def images_of_folder(folder: Path) -> ImageList:
    """Return the images of a folder with the sizes in their headers.

    Parameters
    ----------
    folder : Path
        The folder; without images of its own, those of its folders.

    Returns
    -------
    ImageList

    Raises
    ------
    MissingFileError
        If the folder can't be read.
    FormatError
        If it has no images.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Image.new("L", (64, 48)).save(Path(name, "a.png"))
    ...     images_of_folder(Path(name)).sizes["a"]
    (64.0, 48.0)
    """
    try:
        paths = _images_in(folder) or [
            path for inner in folder.iterdir() if inner.is_dir() for path in _images_in(inner)
        ]  # fmt: skip
        paths.sort(key=lambda path: natural_key(path.relative_to(folder).as_posix()))
    except OSError as problem:
        raise MissingFileError(f"{folder} can't be read: {problem.strerror}") from None
    if not paths:
        found = Problem(expected="a folder of images", found="no image", hint=f"suffixes: {', '.join(IMAGE_SUFFIXES)}")
        raise FormatError(str(folder), [found])
    headers = read_headers(paths)
    if headers.unreadable:
        warn(f"{folder}: the size of {listed(headers.unreadable.values())} is unknown")
    return image_list(str(folder), tuple(path.relative_to(folder).as_posix() for path in paths), headers.sizes)


def _images_in(folder: Path) -> list[Path]:
    """Return the image files of a folder, without hidden ones."""
    paths = (path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]


def images_of_text(source: Source) -> ImageList:
    """Return the images of a text with a name, or a name, a width and a height, in every line.

    Parameters
    ----------
    source : Source
        The file; a header and comments are skipped.

    Returns
    -------
    ImageList

    Raises
    ------
    UsageError
        If a name stands twice.

    Examples
    --------
    >>> images_of_text(Source("images.txt", b"IMG_1.jpg 640 480\\nIMG_2.jpg 320 240\\n")).sizes["IMG_2"]
    (320.0, 240.0)
    """
    lines = [line.strip() for line in source.text().splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    if names and _HEADER.fullmatch(names[0]):
        names = names[1:]
    rows = [_SIZED.fullmatch(name) for name in names]
    if names and all(rows):
        sizes = np.array([[float(row[2]), float(row[3])] for row in rows if row])
        return image_list(source.name, tuple(row[1] for row in rows if row), sizes)
    return image_list(source.name, tuple(names), _sizes_of_files(names))


def _sizes_of_files(names: Sequence[str]) -> Floats | None:
    """Return the sizes of the images whose paths a list names, from their headers; None where they are no paths."""
    paths = [Path(name) for name in names]
    if not paths or not any(path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() for path in paths):
        return None
    return read_headers(paths).sizes


def image_list(place: str, names: tuple[str, ...], sizes: Floats | None) -> ImageList:
    """Return a list of images.

    Parameters
    ----------
    place : str
        Where it stands, for messages.
    names : tuple of str
        The m images.
    sizes : array of float, (m, 2), optional
        Width and height in pixels; NaN where unknown.

    Returns
    -------
    ImageList

    Raises
    ------
    UsageError
        If a name stands twice.

    Examples
    --------
    >>> image_list("images.txt", ("a.jpg",), None)
    ImageList(names=('a.jpg',), sizes={})
    """
    twice = repeated_names(names)
    if twice:
        raise UsageError(f"{place}: the images {listed(twice)} are listed more than once")
    known: dict[str, tuple[float, float]] = {}
    alike = {*repeated_names(map(stem, names))}
    for name, (width, height) in zip(names, [] if sizes is None else sizes.tolist(), strict=sizes is not None):
        if width > 0 and height > 0:
            known[name] = (width, height)
            if stem(name) not in alike:
                known[stem(name)] = (width, height)
    return ImageList(names, known)


def images_near(folder: Path) -> Path | None:
    """Return the folder of the images of a folder of label files: itself, or ``images`` for ``labels``, as YOLO has it.

    Parameters
    ----------
    folder : Path
        The folder of label files.

    Returns
    -------
    Path or None

    Examples
    --------
    >>> images_near(Path("no/such/labels"))
    """
    parts = folder.resolve().parts
    if "labels" in parts:
        at = len(parts) - 1 - parts[::-1].index("labels")
        other = Path(*parts[:at], "images", *parts[at + 1 :])
        if other.is_dir():
            return other
    has_images = folder.is_dir() and any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())
    return folder if has_images else None


def with_listed_predictions(predictions: Predictions, images: ImageList) -> Predictions:
    """Return predictions in which the listed images that they lack are images without points.

    Parameters
    ----------
    predictions : Predictions
        The predictions.
    images : ImageList
        The images there are.

    Returns
    -------
    Predictions

    Examples
    --------
    >>> found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    >>> with_listed_predictions(found, ImageList(("a.jpg", "b.jpg"), {})).image_ids
    ('a', 'b')
    """
    absent = _absent(images, predictions.image_ids)
    if not absent or not predictions.located:
        return predictions
    empty = Predictions(image_ids=absent, offsets=[0] * (len(absent) + 1), xy=np.empty((0, 2)))
    return concatenated([predictions, empty])


def with_listed_annotations(annotations: Annotations, images: ImageList, *, complete: bool) -> Annotations:
    """Return annotations with the sizes of the listed images.

    Parameters
    ----------
    annotations : Annotations
        The annotations.
    images : ImageList
        The images there are.
    complete : bool
        Whether listed images that they lack are images without people.

    Returns
    -------
    Annotations

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 0], xy=[])
    >>> with_listed_annotations(truth, ImageList(("a.jpg",), {"a": (4.0, 3.0)}), complete=True).sizes.tolist()
    [[4.0, 3.0]]
    """
    absent = _absent(images, annotations.image_ids) if complete and annotations.located else ()
    if absent:
        empty = Annotations(image_ids=absent, offsets=[0] * (len(absent) + 1), xy=np.empty((0, 2)))
        annotations = concatenated([annotations, empty])
    if not images.sizes:
        return annotations
    sizes = images.sizes_of(annotations.image_ids)
    if sizes is not None and annotations.sizes is not None:
        sizes = np.where(np.isnan(annotations.sizes), sizes, annotations.sizes)
    return replace(annotations, sizes=sizes)


def _absent(images: ImageList, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the listed images that ids lack, by their stems unless the ids are whole file names."""
    if not images.names:
        return ()
    known = {*ids, *map(stem, ids)}
    whole = any(name in ids for name in images.names)
    return tuple(
        name if whole else stem(name) for name in images.names if name not in known and stem(name) not in known
    )
