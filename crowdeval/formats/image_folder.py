"""A folder with one small file for each image: rows of numbers or a NumPy array; the id of an image is the file's stem.

The number of columns says what they are:

    ==========  ==================================
    2           x, y
    3           x, y, confidence
    4           x1, y1, x2, y2: the corners of a box
    5           x1, y1, x2, y2, confidence
    5, 6        YOLO: class, centre x and y, width and height as parts of the image's, confidence
    ==========  ==================================

An empty file is an image without points. Text columns are separated by blanks, commas or semicolons; a line that begins
with ``#`` is a comment. Of a box, predictions have the centre; annotations keep the box, too.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np

from crowdeval.errors import FormatError, MissingFileError, Problem, Problems, listed
from crowdeval.formats.contract import warn
from crowdeval.points.labels import natural_key
from crowdeval.points.ragged import Floats, Integers, offsets_of
from crowdeval.points.sets import Annotations, Predictions, repeated_names

TEXT, ARRAY = (".txt", ".xy", ".tsv", ".dat"), (".npy", ".npz")
"""Suffixes of the files that are read; all files of a folder are of one of the two kinds."""

_PASSED = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".db", ".ini", ".md")
"""Suffixes of files that a folder may have beside its data."""

_SEPARATOR = re.compile(r"[\s,;]+")


def read_folder_predictions(folder: Path) -> Predictions:
    """Read predictions from a folder with one file for each image.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Predictions
        Coordinates as they stand in the files.

    Raises
    ------
    MissingFileError
        If the folder can't be read.
    FormatError
        If it holds no such files, or a file is not what its name and the other files promise; with every problem.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "IMG_1.txt").write_text("10 20 0.9\\n")
    ...     _ = Path(name, "IMG_2.txt").write_text("")
    ...     predictions = read_folder_predictions(Path(name))
    >>> predictions.image_ids, predictions.xy.tolist(), predictions.score.tolist()
    (('IMG_1', 'IMG_2'), [[10.0, 20.0]], [0.9])
    """
    ids, offsets, rows = _rows(folder)
    if _is_yolo(rows):
        warn(
            f"{folder} has YOLO rows, whose centres are parts of width and height: "
            "--frame normalized brings them to pixels"
        )
        rows = rows[:, [1, 2, 5] if rows.shape[1] == 6 else [1, 2]]
    width = rows.shape[1]
    return Predictions(
        image_ids=ids,
        offsets=offsets,
        xy=_centres(rows) if width > 3 else rows[:, :2],
        score=rows[:, -1] if width in (3, 5) else None,
    )


def read_folder_annotations(folder: Path) -> Annotations:
    """Read annotations from a folder with one file for each image.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Annotations
        With boxes, if the files have them.

    Raises
    ------
    MissingFileError
        If the folder can't be read.
    FormatError
        If it holds no such files, or rows have a confidence, which annotations do not have.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "IMG_1.txt").write_text("10 20\\n30 40\\n")
    ...     read_folder_annotations(Path(name)).counts.tolist()
    [2]
    """
    ids, offsets, rows = _rows(folder)
    width = rows.shape[1]
    if width not in (2, 4):
        found = "YOLO rows, which need image sizes" if _is_yolo(rows) else f"{width} columns, as predictions have"
        raise _error(folder, "annotations of 2 columns (x y) or 4 (x1 y1 x2 y2), in pixels", found)
    return Annotations(
        image_ids=ids,
        offsets=offsets,
        xy=_centres(rows) if width == 4 else rows,
        boxes=rows if width == 4 else None,
    )


def _is_yolo(rows: Floats) -> bool:
    """Return whether all rows are a class and four parts of width and height, with or without a confidence."""
    parts = rows[:, 1:5]
    fits = rows.shape[1] in (5, 6) and len(rows) > 0 and bool((rows[:, 0] % 1 == 0).all())
    return fits and bool(((parts >= 0) & (parts <= 1)).all())


def _centres(rows: Floats) -> Floats:
    """Return the centres of boxes, (N, 2)."""
    return (rows[:, :2] + rows[:, 2:4]) / 2


def _rows(folder: Path) -> tuple[tuple[str, ...], Integers, Floats]:
    """Return the ids of the images in natural order, their offsets, and the rows of all images, (N, 2 to 6)."""
    problems, tables = Problems(str(folder)), {}
    for path in _files(folder):
        try:
            tables[path.stem] = _array(path) if path.suffix.lower() in ARRAY else _text(path)
        except ValueError as problem:
            problems.add("rows of 2 to 6 finite numbers", str(problem), key=path.name)
        except OSError as problem:
            raise MissingFileError(f"{path} can't be read: {problem.strerror}") from None
    filled = {name: table for name, table in tables.items() if len(table)}
    first = next(iter(filled), "")
    width = filled[first].shape[1] if filled else 2
    for name, table in filled.items():
        if table.shape[1] != width:
            problems.add(f"{width} columns, as in {first}", f"{table.shape[1]} columns", key=name)
    problems.raise_if_any()
    rows = np.concatenate([np.empty((0, width)), *filled.values()])
    if width == 6 and not _is_yolo(rows):
        raise _error(folder, "rows of 2 to 5 numbers, or YOLO rows of 6", "6 columns with values outside 0 .. 1")
    return tuple(tables), offsets_of([len(table) for table in tables.values()]), rows


def _files(folder: Path) -> list[Path]:
    """Return the data files of a folder in natural order; name what is passed over; refuse a mixture."""
    try:
        entries = sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
    except OSError as problem:
        raise MissingFileError(f"{folder} can't be read: {problem.strerror}") from None
    entries = [path for path in entries if not path.name.startswith(".")]
    data = [path for path in entries if path.is_file() and path.name != "classes.txt"]
    texts, arrays = ([path for path in data if path.suffix.lower() in kind] for kind in (TEXT, ARRAY))
    files = texts or arrays
    foreign = [path.name for path in data if path not in files and path.suffix.lower() not in _PASSED]
    if not files or foreign:
        raise _no_folder(folder, f"{listed(foreign, most=5)} beside {files[0].name}" if files else "none of them")
    twice = repeated_names(path.stem for path in files)
    if twice:
        raise _no_folder(folder, f"two files for {listed(twice, most=5)}")
    others = [path.name for path in entries if path not in files]
    if others:
        warn(f"{folder}: {listed(others, most=5)} {'is' if len(others) == 1 else 'are'} passed over")
    return files


def _no_folder(folder: Path, found: str) -> FormatError:
    """Return the error of a folder that does not hold one file for each image."""
    return _error(
        folder,
        "a folder with one file for each image, all of one kind (" + ", ".join((*TEXT, *ARRAY)) + ")",
        found,
        hint="the folder of a dataset is named NAME:SPLIT, images with one file of points folder:PATH",
    )


def _error(folder: Path, expected: str, found: str, *, hint: str | None = None) -> FormatError:
    """Return the error of a single problem of a folder."""
    return FormatError(str(folder), [Problem(expected=expected, found=found, hint=hint)])


def _text(path: Path) -> Floats:
    """Return the rows of a text file; raise ValueError with the first wrong line."""
    lines = path.read_bytes().decode("utf-8-sig", "replace").splitlines()
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            rows.append([float(cell) for cell in _SEPARATOR.split(text)])
        except ValueError:
            raise ValueError(f"line {number}: {text[:60]!r}") from None
        if len(rows[-1]) != len(rows[0]):
            raise ValueError(f"line {number} with {len(rows[-1])} numbers, after {len(rows[0])} in the first")
    return _checked(np.array(rows) if rows else np.empty((0, 2)))


def _array(path: Path) -> Floats:
    """Return the rows of a NumPy file; an archive holds one array, or ``points`` with or without ``scores``."""
    data = path.read_bytes()
    if not data:
        return np.empty((0, 2))
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        arrays = {"points": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as problem:
        raise ValueError(f"no NumPy file of plain numbers ({problem})") from None
    points = arrays.get("points", next(iter(arrays.values())) if len(arrays) == 1 else None)
    if points is None:
        raise ValueError(f"an archive of {listed(arrays, most=5)}, without points")
    if not (points.dtype.kind in "fiu" or not points.size):
        raise ValueError(f"an array of {points.dtype}")
    rows = np.empty((0, 2)) if not points.size else points.astype(np.float64)
    scores = arrays.get("scores")
    if scores is not None and rows.ndim == 2 and scores.shape == (len(rows),) and scores.dtype.kind in "fiu":
        rows = np.column_stack([rows, scores.astype(np.float64)])
    return _checked(rows)


def _checked(rows: Floats) -> Floats:
    """Return rows of 2 to 6 finite numbers; raise ValueError with what they are instead."""
    if rows.ndim != 2 or not 2 <= rows.shape[1] <= 6:
        raise ValueError(f"an array of shape {rows.shape}" if rows.ndim != 2 else f"{rows.shape[1]} columns")
    if not np.isfinite(rows).all():
        raise ValueError(f"{rows[~np.isfinite(rows).all(axis=1)][0].tolist()}")
    return rows
