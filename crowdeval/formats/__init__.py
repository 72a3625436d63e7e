"""Files <-> columns: what a file is called, what it is, and the way in and out.

A file's format is chosen by its content; its suffix decides only where the content alone can't. Compressed
files (gzip) are unpacked by their content and packed by the target's name. ``"-"`` is standard input or output.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crowdeval.errors import CrowdevalError, InputError, UsageError, listed
from crowdeval.formats.contract import Format, warn
from crowdeval.formats.source import Source, foreign_nature, source_of, suffix_of
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
"""Name to format."""

_NAMED = (
    "a format can be named: format= in Python, --predictions-format / --annotations-format / --from on the command line"
)


def read_predictions(source: str | os.PathLike[str], *, format: str | None = None) -> Predictions:
    """Read predictions from a file.

    Parameters
    ----------
    source : str or path
        The file; ``"-"`` is standard input.
    format : str, optional
        The format's name; recognised from the content where it is not given.

    Returns
    -------
    Predictions

    Raises
    ------
    MissingFileError
        If the file is not there or can't be read.
    FormatError
        If its content is not what its format says; carries every problem.
    """
    file = source_of(source)
    with _said_of(file):
        return _format_of(file, format).read_predictions(file)


def read_annotations(source: str | os.PathLike[str], *, format: str | None = None) -> Annotations:
    """Read annotations from a file; parameters and errors are those of ``read_predictions``."""
    file = source_of(source)
    with _said_of(file):
        return _format_of(file, format).read_annotations(file)


def write_predictions(predictions: Predictions, target: str | os.PathLike[str], *, format: str | None = None) -> None:
    """Write predictions to a file, whole or not at all.

    Parameters
    ----------
    predictions : Predictions
        What to write. A column that the format can't hold is named in a CrowdevalWarning.
    target : str or path
        The file; ``"-"`` is standard output; a name that ends in .gz is compressed.
    format : str, optional
        The format's name; taken from the file's suffix where it is not given, JSON on standard output.

    Raises
    ------
    UsageError
        If no format goes with the suffix, or the format can't hold predictions like these.
    MissingFileError
        If the file can't be written.
    """
    write_file(target, format_for(target, format).write_predictions(predictions))


def write_annotations(annotations: Annotations, target: str | os.PathLike[str], *, format: str | None = None) -> None:
    """Write annotations to a file; parameters and errors are those of ``write_predictions``."""
    write_file(target, format_for(target, format).write_annotations(annotations))


def detect(source: str | os.PathLike[str]) -> str:
    """Return the name of a file's format: by its content, else by its suffix."""
    return _format_of(source_of(source), None).name


@contextmanager
def _said_of(file: Source) -> Iterator[None]:
    """Name the file where the columns that came out of it are refused, or it is more than the machine can hold."""
    try:
        yield
    except InputError as problem:
        raise file.error("columns that hold together", str(problem)) from None
    except (MemoryError, RecursionError) as problem:
        found = "one nested too deep" if isinstance(problem, RecursionError) else "one too large for it"
        raise file.error("a file that fits into memory", found) from None


def _format_of(source: Source, name: str | None) -> Format:
    if name is not None:
        return FORMATS[name]
    for form in _formats():
        if form.recognises(source):
            return form
    for form in _formats():
        if source.suffix in form.suffixes:
            return form
    found = foreign_nature(source.data) or "content that none of them recognises"
    raise source.error(f"one of the formats {listed(FORMATS, most=40)}", found, hint=_NAMED)


def format_for(target: str | os.PathLike[str], name: str | None = None) -> Format:
    """Return the format a target is written in: the one named, else its suffix's; raise UsageError where none is."""
    if name is None and target == STANDARD_STREAM:
        name = "json"
    if name is not None:
        return FORMATS[name]
    suffix = suffix_of(Path(target))
    for form in _formats():
        if suffix in form.suffixes:
            return form
    known = listed((f"{form.suffixes[0]} ({form.name})" for form in _formats()), most=40)
    raise UsageError(f"{os.fspath(target)}: no format goes with the suffix {suffix!r} (known: {known})")


def _formats() -> Iterator[Format]:
    """Yield the built-in formats, then those of third parties; one that can't be imported is a warning."""
    for name in FORMATS.table:
        yield FORMATS[name]
    for name in FORMATS:
        if name not in FORMATS.table:
            try:
                yield FORMATS[name]
            except CrowdevalError as problem:
                warn(str(problem))
