"""Reports on the disk: read one report, or find all reports below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from crowdeval.errors import FormatError, MissingFileError, Problem, shown
from crowdeval.evaluation.evaluate import report_of
from crowdeval.evaluation.parts import is_evidence, read_hashed
from crowdeval.evaluation.report import EvidenceFile, Report
from crowdeval.formats.source import read_source

_FAMILY = "crowdeval/report@"


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The reports of some files and folders.

    Attributes
    ----------
    reports : tuple of (str, Report)
        The file and the content of each report.
    damaged : tuple of FormatError
        One error for each report file that can't be read.
    """

    reports: tuple[tuple[str, Report], ...]
    damaged: tuple[FormatError, ...]


def read_report(source: str | os.PathLike[str]) -> Report:
    """Read a report from a file.

    Parameters
    ----------
    source : str or path
        A file that ``crowdeval score -o report.json`` or ``Report.to_json`` wrote, or the same compressed as ``.gz``;
        ``"-"`` is standard input.

    Returns
    -------
    Report

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the file is not a report, or has an unknown version of the format.

    Examples
    --------
    >>> read_report("no-such-report.json")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    crowdeval.errors.MissingFileError: ...no-such-report.json...
    """
    file = read_source(source)
    text = file.utf8()
    try:
        return Report.from_json(text, name=file.name)
    except FormatError:
        _refuse_other_format(text, file.name)
        raise


def find_reports(paths: Iterable[str | os.PathLike[str]]) -> ReportFiles:
    """Return the reports in files and below folders, in the order of the paths and then of the names.

    Parameters
    ----------
    paths : iterable of path
        Files and folders. A file must be a report or an evidence file, from which its report is computed. Below a
        folder, every file ``*.json`` with the format of a report is read, and other files are ignored; hidden files and
        folders are ignored too.

    Returns
    -------
    ReportFiles
        The reports, and one FormatError for each damaged file below a folder.

    Raises
    ------
    MissingFileError
        If a path does not exist or can't be read.
    FormatError
        If a file among ``paths`` is not a report.

    Examples
    --------
    >>> find_reports([]).reports
    ()
    """
    reports: dict[str, tuple[str, Report]] = {}
    damaged = []
    for path in map(Path, paths):
        if path.is_file():
            own = _report_of_evidence(path) if is_evidence(path) else read_report(path)
            reports.setdefault(os.path.realpath(path), (str(path), own))
            continue
        if not path.is_dir():
            raise MissingFileError(
                f"{path}: there is no such file or folder; expected a report file or a folder with reports"
            )
        for file in _json_files(path):
            try:
                report = _report_in(file)
            except FormatError as problem:
                damaged.append(problem)
                continue
            if report is not None:
                reports.setdefault(os.path.realpath(file), (str(file), report))
    return ReportFiles(tuple(reports.values()), tuple(damaged))


class _Head(msgspec.Struct):
    """The one key of a JSON file that says whether it is a report."""

    format: object = None


def _refuse_other_format(text: bytes, name: str) -> None:
    """Raise FormatError with a hint where a JSON file names another format than that of a report, or none."""
    try:
        head = msgspec.json.decode(text, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    if isinstance(head.format, str) and head.format.startswith(_FAMILY):
        return
    found = "no such key" if head.format is None else shown(head.format)
    hint = "crowdeval score PREDICTIONS ANNOTATIONS -o report.json writes a report"
    raise FormatError(name, [Problem(expected="a crowdeval report", found=found, key="format", hint=hint)]) from None


def _report_of_evidence(path: Path) -> Report:
    """Return the report of an evidence file, with that file as its evidence."""
    evidence, digest = read_hashed(path)
    return replace(report_of(evidence, part=True), evidence=EvidenceFile(path.name, digest))


def _json_files(folder: Path) -> Iterator[Path]:
    """Yield the JSON files below a folder in the order of their names, without hidden files and folders."""
    for here, folders, files in os.walk(folder):
        # os.walk descends into what is left in this list, in this order
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(".json") and not name.startswith("."):
                yield Path(here, name)


def _report_in(file: Path) -> Report | None:
    """Return the report in a file, or None where the file is not a report."""
    data = _content(file)
    has_report_name = file.name.lower().startswith("report")
    if not has_report_name and _FAMILY.encode() not in data:
        return None
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        if isinstance(problem, msgspec.ValidationError):
            return None
        raise FormatError(str(file), [Problem(expected="a crowdeval report", found=str(problem))]) from None
    if not (isinstance(head.format, str) and head.format.startswith(_FAMILY)):
        return None
    return Report.from_json(data, name=str(file))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise MissingFileError(f"{file}: can't be read ({problem.strerror or problem})") from None
