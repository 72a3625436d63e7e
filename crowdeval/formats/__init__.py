"""Read and write files of predictions and annotations, in any of the registered formats.

The format of a file is found from its content; the suffix decides only where the content alone is not clear. A gzip
file is unpacked whatever its name is, and a file is compressed where its name ends in .gz. ``"-"`` is standard input
or standard output.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crowdeval.errors import CrowdevalError, InputError, UsageError, listed
from crowdeval.formats.contract import Format, warn
from crowdeval.formats.source import Source, binary_kind, read_source, suffix_of
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
    "read_predictions",
    "write_annotations",
    "write_predictions",
]

FORMATS: Extensions[Format] = Extensions("format", "crowdeval.formats")
"""The formats by name."""

_NAME_IT = (
    "name the format: format= in Python, --predictions-format / --annotations-format / --from on the command line"
)


def read_predictions(source: str | os.PathLike[str], *, format: str | None = None) -> Predictions:
    """Read predictions from a file.

    Parameters
    ----------
    source : str or path
        The file, or a folder with one file for each image; ``"-"`` is standard input.
    format : str, optional
        The name of the format; by default it is found from the content.

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
    if format is None and os.path.isdir(source):
        from crowdeval.formats.image_folder import read_folder_predictions

        return read_folder_predictions(Path(source))
    file = read_source(source)
    with _errors_of(file):
        return _format_of(file, format).read_predictions(file)


def read_annotations(source: str | os.PathLike[str], *, format: str | None = None) -> Annotations:
    """Read annotations from a file.

    Parameters
    ----------
    source : str or path
        The file, or a folder with one file for each image; ``"-"`` is standard input.
    format : str, optional
        The name of the format; by default it is found from the content.

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
    if format is None and os.path.isdir(source):
        from crowdeval.formats.image_folder import read_folder_annotations

        return read_folder_annotations(Path(source))
    file = read_source(source)
    with _errors_of(file):
        return _format_of(file, format).read_annotations(file)


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
    for form in _formats():
        if form.recognises(source):
            return form
    for form in _formats():
        if source.suffix in form.suffixes:
            return form
    found = binary_kind(source.data) or "content that none of them recognises"
    raise source.error(f"one of the formats {listed(FORMATS, most=40)}", found, hint=_NAME_IT)


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
    for form in _formats():
        if suffix in form.suffixes:
            return form
    known = listed((f"{form.suffixes[0]} ({form.name})" for form in _formats()), most=40)
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
