"""A folder with one small file for each image is one data set, in any readable format; an empty file is an empty image.

The id of an image is the stem of its file, or what the file itself says. Files that hold no points are named and passed
over; files of two formats are refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from crowdeval.errors import CrowdevalError, FormatError, MissingFileError, Problem, Problems, listed, shown
from crowdeval.formats.contract import Format, Kind, warn
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.image_list import NO_IMAGES, ImageList, images_near, images_of_folder
from crowdeval.formats.number_rows import begins_with_numbers
from crowdeval.formats.reading import Reading
from crowdeval.formats.row_formats import (
    NUMPY,
    RowsFormat,
    annotations_of_rows,
    kind_of_rows,
    predictions_of_rows,
)
from crowdeval.formats.source import Source
from crowdeval.options import IMAGE_SUFFIXES
from crowdeval.points.assemble import concatenated
from crowdeval.points.labels import natural_key
from crowdeval.points.sets import Annotations, Predictions, repeated_names

Columns = TypeVar("Columns", Predictions, Annotations)
Find = Callable[[Source], Format]
"""Function that finds the format of a file."""

_CLUTTER = (*IMAGE_SUFFIXES, ".db", ".ini", ".md", ".yaml", ".yml", ".log", ".cache", ".py")
_CLUTTER_NAMES = ("classes.txt", "labels.txt", "obj.names", "obj.data", "readme.txt", "license", "license.txt")
"""Files that a folder may have beside its data, by suffix and by name."""

_CLASS_NAMES = ("classes.txt", "obj.names")
"""Files with the names of YOLO's classes."""

_NAMES = re.compile(r"^names:\s*(?:\[(?P<list>[^\]]*)\])?\s*$", re.MULTILINE)
_NAME_LINE = re.compile(r"^\s+(?:-|(?P<number>\d+):)\s*(?P<name>.+?)\s*$")


class _File(NamedTuple):
    """One file of a folder: the id it gives its image, its path below the folder, its suffix, and its content."""

    image: str
    path: str
    suffix: str
    data: bytes


def read_folder_predictions(
    folder: Path, find: Find, form: Format | None = None, images: ImageList = NO_IMAGES
) -> Predictions:
    """Read predictions from a folder with one file for each image.

    Parameters
    ----------
    folder : Path
        The folder; without files of its own, those of its folders.
    find : callable
        Function that returns the format of a file.
    form : Format, optional
        The format of all files, where it is known.
    images : ImageList
        The images there are, with their sizes.

    Returns
    -------
    Predictions

    Raises
    ------
    MissingFileError
        If the folder can't be read.
    FormatError
        If it holds no such files, or a file is not what its name and the other files promise; with every problem.

    Examples
    --------
    >>> import tempfile
    >>> from crowdeval.formats import read_predictions
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "IMG_1.txt").write_text("10 20 0.9\\n")
    ...     _ = Path(name, "IMG_2.txt").write_text("")
    ...     predictions = read_predictions(name)
    >>> predictions.image_ids, predictions.xy.tolist(), predictions.score.tolist()
    (('IMG_1', 'IMG_2'), [[10.0, 20.0]], [0.9])
    """
    files = _files(folder)
    form = form or _common_format(folder, files, find)
    if isinstance(form, RowsFormat):
        rows = form.rows(str(folder), _pairs(files), images.sizes, _class_names(folder))
        return predictions_of_rows(rows, form.kind or kind_of_rows(rows))
    if isinstance(form, ForeignFormat):
        return _filled(folder, files, form, "predictions", images.sizes).predictions()
    empty = Predictions(image_ids=_empty(files), offsets=np.zeros(len(_empty(files)) + 1, dtype=np.int64), xy=[])
    return _joined(folder, files, images, form.read_predictions, empty)


def read_folder_annotations(
    folder: Path, find: Find, form: Format | None = None, images: ImageList = NO_IMAGES
) -> Annotations:
    """Read annotations from a folder with one file for each image.

    Parameters
    ----------
    folder, find, form, images
        The same as for ``read_folder_predictions``.

    Returns
    -------
    Annotations
        With boxes, if the files have them.

    Raises
    ------
    MissingFileError
        If the folder can't be read.
    FormatError
        As ``read_folder_predictions``, and if YOLO rows lack the size of an image.

    Examples
    --------
    >>> import tempfile
    >>> from crowdeval.formats import read_annotations
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "IMG_1.txt").write_text("10 20\\n30 40\\n")
    ...     read_annotations(name).counts.tolist()
    [2]
    """
    files = _files(folder)
    form = form or _common_format(folder, files, find)
    if isinstance(form, RowsFormat):
        rows = form.rows(str(folder), _pairs(files), images.sizes, _class_names(folder))
        kind = form.kind or kind_of_rows(rows)
        near = images_near(folder) if kind == "yolo" and not images.sizes else None
        if near is not None:
            warn(f"{folder}: the sizes of the images are those of the files in {near}")
            rows = form.rows(str(folder), _pairs(files), images_of_folder(near).sizes, rows.classes)
        return annotations_of_rows(rows, kind)
    if isinstance(form, ForeignFormat):
        return _filled(folder, files, form, "annotations", images.sizes).annotations()
    empty = Annotations(image_ids=_empty(files), offsets=np.zeros(len(_empty(files)) + 1, dtype=np.int64), xy=[])
    return _joined(folder, files, images, form.read_annotations, empty)


def _files(folder: Path) -> list[_File]:
    """Return the data files of a folder in natural order with their content; name what is passed over."""
    try:
        own, folders = _entries(folder)
        data = [entry for entry in own if not _is_clutter(entry)]
        prefixed = [("", entry) for entry in data]
        passed = [entry.name for entry in own if _is_clutter(entry)]
        if data or not folders:
            passed += [entry.name for entry in folders]
        else:
            inner = [(entry.name, file) for entry in folders for file in _entries(Path(entry.path))[0]]
            prefixed = [(f"{name}/", file) for name, file in inner if not _is_clutter(file)]
        files = [_read(prefix, entry) for prefix, entry in prefixed]
    except OSError as problem:
        raise MissingFileError(f"{folder} can't be read: {problem.strerror or problem}") from None
    if not files:
        images = sum(name.lower().endswith(IMAGE_SUFFIXES) for name in passed)
        found = f"{images:,} images and no file of points" if images else "none of them"
        raise _no_folder(folder, found)
    passed = [name for name in passed if name not in _CLASS_NAMES]
    if passed:
        warn(f"{folder}: {listed(passed, most=5)} {'is' if len(passed) == 1 else 'are'} passed over")
    twice = repeated_names(file.image for file in files)
    if twice:
        raise _no_folder(folder, f"two files for {listed(twice, most=5)}")
    return files


def _entries(folder: Path) -> tuple[list[os.DirEntry[str]], list[os.DirEntry[str]]]:
    """Return the files and the folders of a folder in natural order, without hidden ones."""
    with os.scandir(folder) as found:
        entries = [entry for entry in found if not entry.name.startswith(".")]
    entries.sort(key=lambda entry: natural_key(entry.name))
    return [entry for entry in entries if entry.is_file()], [entry for entry in entries if entry.is_dir()]


def _is_clutter(entry: os.DirEntry[str]) -> bool:
    name = entry.name.lower()
    return name.endswith(_CLUTTER) or name in _CLUTTER_NAMES


def _read(prefix: str, entry: os.DirEntry[str]) -> _File:
    """Return a file with its content, unpacked where it is gzip."""
    with open(entry.path, "rb", buffering=0) as stream:
        data = stream.read()
    if data[:2] == b"\x1f\x8b":
        from crowdeval.formats.source import unpacked

        data = unpacked(Source(entry.path, data))
    name, dot, suffix = entry.name.removesuffix(".gz").rpartition(".")
    return _File(f"{prefix}{name or suffix}", prefix + entry.name, (dot + suffix).lower() if name else "", data)


def _common_format(folder: Path, files: list[_File], find: Find) -> Format:
    """Return the format of all files; refuse a mixture, with names."""
    filled = [file for file in files if file.data and not file.data.isspace()]
    first = filled[0] if filled else files[0]
    suffixes = {file.suffix for file in files}
    if len(suffixes) > 1:
        other = next(file for file in files if file.suffix != first.suffix)
        raise _no_folder(folder, f"{listed([first.path, other.path])}: files of {listed(sorted(suffixes), most=5)}")
    if first.suffix in NUMPY.suffixes:
        return NUMPY
    if not filled or begins_with_numbers(first.data):
        return _ROWS
    form = find(_source(folder, first))
    if form.name == "nwpu" and not form.recognises(_source(folder, first)):
        line = first.data.decode("utf-8", "replace").strip().splitlines()[0]
        raise FormatError(
            os.path.join(folder, first.path),
            [
                Problem(
                    expected="rows of numbers, or a known format",
                    found=f"the line {shown(line)}",
                    hint="leave words such as class names out, and write x1 y1 x2 y2 confidence; or write one CSV",
                )
            ],
        )
    others = [file.path for file in filled if not form.recognises(_source(folder, file))]
    if others and form.recognises(_source(folder, first)):
        raise _no_folder(folder, f"{first.path} in the format {form.name!r}, and {listed(others, most=5)} not")
    return form


def _pairs(files: list[_File]) -> list[tuple[str, bytes]]:
    return [(file.image, file.data) for file in files]


def _source(folder: Path, file: _File, sizes: Mapping[str, tuple[float, float]] | None = None) -> Source:
    return Source(name=os.path.join(folder, file.path), data=file.data, suffix=file.suffix, sizes=sizes or {})


def _empty(files: list[_File]) -> list[str]:
    """Return the images of empty files."""
    return [file.image for file in files if not file.data.strip()]


def _filled(
    folder: Path, files: list[_File], form: ForeignFormat, kind: Kind, sizes: Mapping[str, tuple[float, float]]
) -> Reading:
    """Return a reading of all files, which collects their problems together."""
    reading = Reading(Source(str(folder), b""), kind)
    for file in files:
        reading.open(_source(folder, file, sizes))
        if not file.data.isspace() and file.data:
            try:
                form.read(reading)
            except FormatError as problem:
                for each in problem.problems:
                    reading.problem(each.expected, each.found, line=each.line, key=each.key or "", hint=each.hint)
        else:
            reading.image(file.image)
    return reading


def _joined(
    folder: Path, files: list[_File], images: ImageList, read: Callable[[Source], Columns], empty: Columns
) -> Columns:
    """Return the sets of all files as one; raise FormatError with the problems of all files."""
    problems, sets = Problems(str(folder)), [empty]
    for file in files:
        if file.data.strip():
            try:
                sets.append(read(_source(folder, file, images.sizes)))
            except FormatError as problem:
                for each in problem.problems:
                    key = f"{file.path} {each.key or ''}".strip()
                    problems.add(each.expected, each.found, line=each.line, key=key, image=each.image, hint=each.hint)
    problems.raise_if_any()
    try:
        return concatenated(sets)
    except CrowdevalError as problem:
        raise FormatError(str(folder), [Problem(expected="files of one set", found=str(problem))]) from None


def _class_names(folder: Path) -> dict[str, str]:
    """Return the names of YOLO's classes by number, from classes.txt or a data.yaml in the folder or above it."""
    for name in _CLASS_NAMES:
        if (folder / name).is_file():
            lines = (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
            return {str(i): line.strip() for i, line in enumerate(lines) if line.strip()}
    for place in (folder, *list(folder.resolve().parents)[:2]):
        for name in ("data.yaml", "dataset.yaml"):
            if (place / name).is_file():
                return dict(_names_of_yaml((place / name).read_text(encoding="utf-8", errors="replace")))
    return {}


def _names_of_yaml(text: str) -> Iterator[tuple[str, str]]:
    """Yield number and name of the classes in a data.yaml of YOLO: a list, or lines below ``names:``."""
    found = _NAMES.search(text)
    if found is None:
        return
    if found["list"] is not None:
        for i, name in enumerate(found["list"].split(",")):
            yield str(i), name.strip().strip("'\"")
        return
    for i, line in enumerate(text[found.end() :].lstrip("\n").splitlines()):
        entry = _NAME_LINE.match(line)
        if entry is None:
            return
        yield entry["number"] or str(i), entry["name"].strip("'\"")


def _no_folder(folder: Path, found: str) -> FormatError:
    """Return the error of a folder that does not hold one file for each image."""
    expected = "a folder with one file for each image, all of one format"
    hint = "the folder of a dataset is named NAME:SPLIT, images with one file of points folder:PATH"
    if (folder / "labels").is_dir():
        inner = [path for path in sorted((folder / "labels").iterdir()) if path.is_dir()]
        hint = f"this is the root of YOLO's folders: name {inner[0] if inner else folder / 'labels'}"
    return FormatError(str(folder), [Problem(expected=expected, found=found, hint=hint)])


_ROWS = RowsFormat("rows", None, "rows of numbers")
