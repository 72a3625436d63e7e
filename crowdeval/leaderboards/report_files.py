"""Reports on the disk: every report file below a folder; damaged ones are named, other files are passed over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from crowdeval.errors import FormatError, MissingFileError, Problem
from crowdeval.evaluation.evaluate import report_of
from crowdeval.evaluation.parts import is_evidence, read_hashed
from crowdeval.evaluation.report import EvidenceFile, Report
from crowdeval.formats.source import source_of

_FAMILY = "crowdeval/report@"


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The reports found, each with its file, and the problems of those that can't be read."""

    reports: tuple[tuple[str, Report], ...]
    damaged: tuple[FormatError, ...]


def read_report(source: str | os.PathLike[str]) -> Report:
    """Read a report from a file.

    Parameters
    ----------
    source : str or path
        A file that ``crowdeval score --format json`` or ``Report.to_json`` wrote, gzipped or not; ``"-"`` is
        standard input.

    Returns
    -------
    Report

    Raises
    ------
    MissingFileError
        If the file is not there or can't be read.
    FormatError
        If it is no report, or of another version of the format.
    """
    file = source_of(source)
    return Report.from_json(file.utf8(), name=file.name)


def find_reports(paths: Iterable[str | os.PathLike[str]]) -> ReportFiles:
    """Return the reports in files and below folders, in the order of the paths and then of the names.

    Parameters
    ----------
    paths : iterable of path
        A file has to be a report, or evidence, of which the report is made. Below a folder every ``*.json`` that says
        it is one counts, the others are passed over; hidden files and folders are not looked at.

    Returns
    -------
    ReportFiles
        The reports, and one FormatError for each damaged file below a folder.

    Raises
    ------
    MissingFileError
        If a path is not there or can't be read.
    FormatError
        If a file named itself is no report.
    """
    reports: dict[str, tuple[str, Report]] = {}
    damaged = []
    for path in map(Path, paths):
        if path.is_file():
            own = _report_of_evidence(path) if is_evidence(path) else read_report(path)
            reports.setdefault(os.path.realpath(path), (str(path), own))
            continue
        if not path.is_dir():
            raise MissingFileError(f"{path}: there is no such file or folder")
        for file in _json_files(path):
            try:
                report = _report_in(file)
            except FormatError as problem:
                damaged.append(problem)
                continue
            if report is not None:
                reports.setdefault(os.path.realpath(file), (str(file), report))
    return ReportFiles(tuple(reports.values()), tuple(damaged))


def _report_of_evidence(path: Path) -> Report:
    """Return the report that evidence alone gives, which names the file as its own."""
    evidence, digest = read_hashed(path)
    return replace(report_of(evidence, part=True), evidence=EvidenceFile(path.name, digest))


def _json_files(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(".json") and not name.startswith("."):
                yield Path(here, name)


class _Head(msgspec.Struct):
    format: object = None


def _report_in(file: Path) -> Report | None:
    """Return the report in a file, or None where the file is something else."""
    data = _content(file)
    named = file.name.lower().startswith("report")
    if not named and _FAMILY.encode() not in data:
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
