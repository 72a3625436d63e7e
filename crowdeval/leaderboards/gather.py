"""A leaderboard from what one has: reports, files, folders of runs, published tables."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from crowdeval.errors import CrowdevalWarning, InputError, MissingFileError, UsageError, shown
from crowdeval.evaluation.report import Report
from crowdeval.leaderboards.build import Leaderboard, leaderboard
from crowdeval.leaderboards.published import published_beside, published_results
from crowdeval.leaderboards.report_files import find_reports
from crowdeval.leaderboards.results import Result, measured_results
from crowdeval.options import SEED
from crowdeval.statistics.certainty import Resampling

Reports = Mapping[str, Report] | Iterable[str | os.PathLike[str] | Report] | str | os.PathLike[str] | Report
"""Reports by the name of their model, or files, folders and reports, or one of them."""


def build_leaderboard(
    reports: Reports = (),
    *,
    by: str | None = None,
    dataset: str | None = None,
    metrics: Sequence[str] = (),
    significance: bool = False,
    ci: float | None = None,
    seed: int = SEED,
    seeds: bool = False,
    published: bool | str | os.PathLike[str] = False,
) -> Leaderboard:
    """Rank the reports of several models.

    Reports are ranked together only where they have the same true points and the same options of the metric.

    Parameters
    ----------
    reports : paths, reports, or dict of str to Report
        Report files, evidence files and folders with reports; reports of ``evaluate``; or reports by the name of their
        model.
    by : str, optional
        The metric to rank by; by default nAP, F1 or MAE, the first of them that a ranking has.
    dataset : str, optional
        Rank only this dataset, ``NAME`` or ``NAME:SPLIT``.
    metrics : sequence of str
        Metric strings of columns beside the default ones.
    significance : bool
        Test each difference from the best result of a ranking, where the reports have per-image tables or evidence.
    ci : float, optional
        The level of confidence intervals of the values, such as 0.95.
    seed : int
        Seed of the random numbers of tests and intervals.
    seeds : bool
        Show the results of one model, whatever its revision and configuration, as one row: the mean of its seeds.
    published : bool or path
        Show published numbers too, without a rank: those that crowdeval has, or the tables in a folder.

    Returns
    -------
    Leaderboard
        ``print`` shows its tables; ``text("csv")`` returns another form. Its notes, and damaged files, are warnings.

    Raises
    ------
    MissingFileError, FormatError
        If a path does not exist, has no report, or is not a report.
    UsageError
        If there is nothing to rank, no result is of the dataset, or none has the metric.
    InputError
        If something else than a path or a report is given.

    Examples
    --------
    >>> from crowdeval import evaluate
    >>> truth = {"a": [[10, 10], [20, 10]]}
    >>> found = {"near": {"a": [[10, 11], [20, 10]]}, "far": {"a": [[10, 14], [90, 90]]}}
    >>> with warnings.catch_warnings(action="ignore"):
    ...     board = build_leaderboard({name: evaluate(points, truth) for name, points in found.items()})
    >>> [(row.rank, row.result.model) for row in board.rankings[0].rows]
    [(1, 'near'), (2, 'far')]
    """
    measured, left_out = gathered(reports)
    results = measured
    if published is not False:
        folder = None if published is True else published
        results = measured + published_beside(measured, published_results(folder))
    if not results:
        raise UsageError("a leaderboard needs reports: report files, folders with reports, or reports of evaluate()")
    resampling = Resampling(level=ci, seed=seed)
    board = leaderboard(
        results,
        by=by,
        dataset=dataset,
        metrics=metrics,
        significance=significance,
        resampling=resampling,
        seeds=seeds,
    )
    for text in (*left_out, *board.notes):
        warnings.warn(text, CrowdevalWarning, stacklevel=2)
    return board


def gathered(reports: Reports) -> tuple[list[Result], list[str]]:
    """Return the results of reports, and what is to be said of damaged files.

    Parameters
    ----------
    reports : Reports
        As for ``build_leaderboard``.

    Returns
    -------
    (list of Result, list of str)

    Raises
    ------
    MissingFileError
        If a path does not exist, or the paths have no report.
    FormatError
        If a file is not a report, or all files are damaged.
    InputError
        If something else is given.

    Examples
    --------
    >>> gathered([])
    ([], [])
    """
    if isinstance(reports, Report | str | os.PathLike):
        reports = [reports]
    if isinstance(reports, Mapping):
        named = [(name, _named(report, name)) for name, report in reports.items()]
        return measured_results(named), []
    given = list(reports)
    for item in given:
        if not isinstance(item, Report | str | os.PathLike):
            raise InputError(f"a leaderboard is made of paths and reports, found {shown(item)}")
    paths = [item for item in given if not isinstance(item, Report)]
    files = find_reports(paths)
    if paths and not files.reports:
        if files.damaged:
            raise files.damaged[0]
        raise MissingFileError(
            f"no report in {', '.join(str(path) for path in paths)}: write one with crowdeval score PREDICTIONS "
            "ANNOTATIONS -o report.json"
        )
    own = [(item.predictions.name, item) for item in given if isinstance(item, Report)]
    return measured_results([*files.reports, *own]), [f"left out {problem}" for problem in files.damaged]


def _named(report: object, name: str) -> Report:
    """Return a report under the name of its model."""
    if not isinstance(report, Report):
        raise InputError(f"a leaderboard is made of reports by name, found {shown(report)} for {name!r}")
    return replace(report, about={**report.about, "model": name})
