"""Read and write files of predictions and annotations, in any of the registered formats.

The format of a file is found from its content; the suffix decides only where the content alone is not clear. A gzip
file is unpacked whatever its name is, and a file is compressed where its name ends in .gz. ``"-"`` is standard input
or standard output.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from crowdeval.errors import CrowdevalError, InputError, UsageError, listed
from crowdeval.formats.binary_kinds import binary_kind, mend_of
from crowdeval.formats.contract import Format, warn
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.image_list import (
    NO_IMAGES,
    ImageList,
    image_list,
    images_of_folder,
    images_of_text,
    with_listed_annotations,
    with_listed_predictions,
)
from crowdeval.formats.json_kinds import told_by
from crowdeval.formats.number_rows import is_even_rows
from crowdeval.formats.row_formats import RowsFormat
from crowdeval.formats.source import Source, read_source, suffix_of
from crowdeval.options import STANDARD_STREAM
from crowdeval.plugins import Extensions
from crowdeval.points.sets import Annotations, Predictions
from crowdeval.writing import write_file

__all__ = [
    "FORMATS",
    "Format",
    "Source",
    "detect",
    "read_annotations",
    "read_image_list",
    "read_predictions",
    "write_annotations",
    "write_predictions",
]

FORMATS: Extensions[Format] = Extensions("format", "crowdeval.formats")
"""The formats by name."""

Images = str | os.PathLike[str] | ImageList | None
"""The images there are: their folder, a file that lists them, a list that is read; None where nothing is known."""

_NAME_IT = (
    "the documentation has a table of them; a format that is not told by its content is named: format= in Python, "
    "--predictions-format / --annotations-format / --from on the command line"
)


def read_predictions(
    source: str | os.PathLike[str], *, format: str | None = None, images: Images = None
) -> Predictions:
    """Read predictions from a file.

    Parameters
    ----------
    source : str or path
        The file, or a folder with one file for each image; ``"-"`` is standard input.
    format : str, optional
        The name of the format; by default it is found from the content.
    images : str, path or ImageList, optional
        The images there are: their folder, a file that lists them, or what ``read_image_list`` read. Their sizes are
        used where the file needs them, and a listed image that the file lacks is an image without predictions.

    Returns
    -------
    Predictions
        Coordinates are in pixels.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the content does not follow the format; the error has every problem of the file.
    UsageError
        If there is no format of this name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "predictions.csv")
    ...     _ = file.write_text("image,x,y,score\\nIMG_1,10,20,0.9\\n")
    ...     predictions = read_predictions(file)
    >>> predictions.image_ids, predictions.xy.tolist(), predictions.score.tolist()
    (('IMG_1',), [[10.0, 20.0]], [0.9])
    """
    listed_images = NO_IMAGES if images is None else read_image_list(images)
    if os.path.isdir(source):
        from crowdeval.formats.image_folder import read_folder_predictions

        form = None if format is None else FORMATS[format]
        predictions = read_folder_predictions(Path(source), _find, form, listed_images)
    else:
        file = replace(read_source(source), sizes=listed_images.sizes)
        with _errors_of(file):
            predictions = _format_of(file, format).read_predictions(file)
    return with_listed_predictions(predictions, listed_images)


def read_annotations(
    source: str | os.PathLike[str], *, format: str | None = None, images: Images = None
) -> Annotations:
    """Read annotations from a file.

    Parameters
    ----------
    source : str or path
        The file, or a folder with one file for each image; ``"-"`` is standard input.
    format : str, optional
        The name of the format; by default it is found from the content.
    images : str, path or ImageList, optional
        The images there are: their folder, a file that lists them, or what ``read_image_list`` read. Their sizes are
        used where the file needs them, and a listed image that a folder lacks is an image without people.

    Returns
    -------
    Annotations
        Coordinates, radii and sizes are in pixels.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the content does not follow the format; the error has every problem of the file.
    UsageError
        If there is no format of this name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "annotations.json")
    ...     _ = file.write_text('{"IMG_1": [[10, 20]], "IMG_2": []}')
    ...     annotations = read_annotations(file)
    >>> annotations.image_ids, annotations.xy.tolist()
    (('IMG_1', 'IMG_2'), [[10.0, 20.0]])
    """
    listed_images = NO_IMAGES if images is None else read_image_list(images)
    folder = os.path.isdir(source)
    if folder:
        from crowdeval.formats.image_folder import read_folder_annotations

        form = None if format is None else FORMATS[format]
        annotations = read_folder_annotations(Path(source), _find, form, listed_images)
    else:
        file = replace(read_source(source), sizes=listed_images.sizes)
        with _errors_of(file):
            annotations = _format_of(file, format).read_annotations(file)
    return with_listed_annotations(annotations, listed_images, complete=folder)


def read_image_list(place: str | os.PathLike[str] | ImageList) -> ImageList:
    """Read the list of the images there are.

    Parameters
    ----------
    place : str, path or ImageList
        A list that is read already, which is returned; a folder of images, whose sizes are read from their headers; a
        text file with a name in every line, or with a name, a width and a height; or a file of annotations.

    Returns
    -------
    ImageList

    Raises
    ------
    MissingFileError
        If the folder or the file does not exist.
    FormatError
        If the folder has no images, or the file is damaged.
    UsageError
        If a name stands twice.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "images.txt").write_text("IMG_1.jpg\\nIMG_2.jpg\\n")
    ...     read_image_list(Path(folder, "images.txt")).names
    ('IMG_1.jpg', 'IMG_2.jpg')
    """
    if isinstance(place, ImageList):
        return place
    if os.path.isdir(place):
        return images_of_folder(Path(place))
    source = read_source(place)
    if source.suffix == ".parquet" or source.data.lstrip()[:1] in (b"{", b"[", b"<"):
        annotations = read_annotations(place)
        return image_list(source.name, annotations.image_ids, annotations.sizes)
    return images_of_text(source)


def write_predictions(predictions: Predictions, target: str | os.PathLike[str], *, format: str | None = None) -> None:
    """Write predictions to a file, completely or not at all.

    Parameters
    ----------
    predictions : Predictions
        The predictions. A CrowdevalWarning names the columns that the format does not store.
    target : str or path
        The file; ``"-"`` is standard output. A file whose name ends in .gz is compressed.
    format : str, optional
        The name of the format; by default that of the suffix, and JSON on standard output.

    Raises
    ------
    UsageError
        If no format has this suffix or name, or the format can't store such predictions.
    MissingFileError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> predictions = Predictions(image_ids=["IMG_1"], offsets=[0, 1], xy=[[10, 20]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_predictions(predictions, Path(folder, "predictions.csv"))
    ...     Path(folder, "predictions.csv").read_text()
    'image,x,y\\nIMG_1,10.0,20.0\\n'
    """
    write_file(target, format_for(target, format).write_predictions(predictions))


def write_annotations(annotations: Annotations, target: str | os.PathLike[str], *, format: str | None = None) -> None:
    """Write annotations to a file, completely or not at all.

    Parameters
    ----------
    annotations : Annotations
        The annotations. A CrowdevalWarning names the columns that the format does not store.
    target : str or path
        The file; ``"-"`` is standard output. A file whose name ends in .gz is compressed.
    format : str, optional
        The name of the format; by default that of the suffix, and JSON on standard output.

    Raises
    ------
    UsageError
        If no format has this suffix or name, or the format can't store such annotations.
    MissingFileError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> annotations = Annotations(image_ids=["IMG_1"], offsets=[0, 1], xy=[[10, 20]], radii=[[4, 8]], level=[1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_annotations(annotations, Path(folder, "annotations.txt"))
    ...     Path(folder, "annotations.txt").read_text()
    'IMG_1 1 10 20 4 8 1\\n'
    """
    write_file(target, format_for(target, format).write_annotations(annotations))


def detect(source: str | os.PathLike[str]) -> str:
    """Return the name of the format of a file.

    Parameters
    ----------
    source : str or path
        The file; ``"-"`` is standard input.

    Returns
    -------
    str
        The first format that recognises the content, else the first one that has the suffix.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the content is of no known format.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "points.txt").write_text("image,x,y\\n")
    ...     detect(Path(folder, "points.txt"))
    'csv'
    """
    return _format_of(read_source(source), None).name


def _find(source: Source) -> Format:
    """Return the format of a file that no one has named."""
    return _format_of(source, None)


@contextmanager
def _errors_of(file: Source) -> Iterator[None]:
    """Raise errors of the columns, of memory and of recursion as a FormatError that names the file."""
    try:
        yield
    except InputError as problem:
        raise file.error("consistent columns", str(problem)) from None
    except (MemoryError, RecursionError) as problem:
        found = "one nested too deep" if isinstance(problem, RecursionError) else "one too large for it"
        raise file.error("a file that fits into memory", found) from None


def _format_of(source: Source, name: str | None) -> Format:
    """Return the format of this name, else the first that recognises the content, else the first with the suffix."""
    if name is not None:
        return FORMATS[name]
    told = told_by(source)
    if told.foreign is not None:
        words, _, mend = told.foreign.partition("; ")
        raise source.error("predictions or annotations in a known format", words, hint=mend)
    if told.formats:
        return FORMATS[told.formats[0]]
    for form in _formats():
        if form.recognises(source):
            return form
    if is_even_rows(source.data):
        found = "rows of numbers, which can be points or boxes of one image, or counts"
        hint = (
            "name the format, xy, xyxy, yolo, visdrone or counts; in a folder with one file for each image it is told"
        )
        raise source.error("a file that can be only one thing", found, hint=hint)
    for form in _formats():
        if source.suffix in form.suffixes:
            return form
    kind = binary_kind(source.data)
    found = kind or "content that none of them recognises"
    hint = mend_of(kind) or _NAME_IT if kind else _NAME_IT
    raise source.error("points or counts in a known format", found, hint=hint)


def format_for(target: str | os.PathLike[str], name: str | None = None) -> Format:
    """Return the format in which a file is written.

    Parameters
    ----------
    target : str or path
        The file; ``"-"`` is standard output, which is written in JSON.
    name : str or None
        The name of the format; None for the format of the suffix.

    Returns
    -------
    Format

    Raises
    ------
    UsageError
        If there is no format of this name, or none has this suffix.

    Examples
    --------
    >>> format_for("points.csv.gz", None).name, format_for("points.dat", "json").name
    ('csv', 'json')
    """
    if name is None and target == STANDARD_STREAM:
        name = "json"
    if name is not None:
        return FORMATS[name]
    suffix = suffix_of(Path(target))
    written = [form for form in _formats() if not isinstance(form, ForeignFormat | RowsFormat)]
    for form in written:
        if suffix in form.suffixes:
            return form
    known = listed((f"{form.suffixes[0]} ({form.name})" for form in written), most=40)
    raise UsageError(f"{os.fspath(target)}: no format has the suffix {suffix!r}; use one of {known} or name the format")


def _formats() -> Iterator[Format]:
    """Yield the built-in formats and then those of plugins; warn of a plugin that can't be imported."""
    for name in FORMATS.table:
        yield FORMATS[name]
    for name in FORMATS:
        if name not in FORMATS.table:
            try:
                yield FORMATS[name]
            except CrowdevalError as problem:
                warn(str(problem))
