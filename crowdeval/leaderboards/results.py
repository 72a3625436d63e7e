"""Results: the values of one model on one dataset, from a report or from a publication."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal

from crowdeval.evaluation.report import Report
from crowdeval.evaluation.sides import Key, Side, comparison_key


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """The values of one model on one dataset: one row of a leaderboard.

    Attributes
    ----------
    model, revision, config : str
        Name, revision and configuration of the model; revision and config are empty where they are unknown.
    dataset : str
        ``NAME:SPLIT``, or the name of the annotations.
    values : mapping of str to float
        Value by canonical metric string; NaN where undefined.
    source : {"measured", "published"}
        Whether the values are from a report or from a publication.
    origin, place : str
        The file of the report; or the publication, and the table in it.
    signature, fingerprint : str
        Signature of the protocol and fingerprint of the true points; empty for a publication.
    images, points : int, optional
        Number of images and of true points of the test set.
    selected_on, date : str
        The data on which the model was selected, and the date of the measurement (ISO 8601).
    decimals : mapping of str to int
        Number of decimals with which a published value is shown.
    report : Report, optional
        The report of a measured result.
    seeds : tuple of Result
        The results of several seeds of one model of which this one is the mean; empty for a single result.

    Examples
    --------
    >>> result = Result(model="a", revision="1", dataset="nwpu:val", values={"MAE": 60.0}, source="measured", origin="")
    >>> result.name
    'a@1'
    """

    model: str
    dataset: str
    values: Mapping[str, float]
    source: Literal["measured", "published"]
    origin: str
    place: str = ""
    revision: str = ""
    config: str = ""
    signature: str = ""
    fingerprint: str = ""
    images: int | None = None
    points: int | None = None
    selected_on: str = ""
    date: str = ""
    decimals: Mapping[str, int] = field(default_factory=dict)
    report: Report | None = None
    seeds: tuple[Result, ...] = ()

    def spread(self, metric: str) -> float | None:
        """Return the standard deviation of a metric over seeds; None for a single result.

        Parameters
        ----------
        metric : str
            A canonical metric string.

        Returns
        -------
        float or None
        """
        values = [seed.values.get(metric, math.nan) for seed in self.seeds]
        return stdev(values) if len(values) > 1 and not any(map(math.isnan, values)) else None

    @property
    def name(self) -> str:
        """The name of the model, with its revision where it is known."""
        if self.seeds:
            return f"{self.model} ({len(self.seeds)} seeds)"
        return f"{self.model}@{self.revision}" if self.revision else self.model

    def key(self, metric: str) -> Key:
        """Return the key of a metric; two results are comparable on the metric if their keys are equal.

        Parameters
        ----------
        metric : str
            A canonical metric string.

        Returns
        -------
        Key
            The options of the protocol and the columns of the annotations that the metric reads.
        """
        return comparison_key(metric, self.signature, self._side)

    def difference(self, other: Result, metric: str) -> str:
        """Return in words why a metric is not comparable with that of another result.

        Parameters
        ----------
        other : Result
            The other result.
        metric : str
            A canonical metric string.

        Returns
        -------
        str
            Such as ``"other test set"``; empty where the metric is comparable.
        """
        keys = self.key(metric), other.key(metric)
        if not (self._side.hashes and other._side.hashes):
            # A report of the first version has no hashes of columns, only the fingerprint.
            keys = (
                replace(keys[0], columns=(("fingerprint", self.fingerprint),)),
                replace(keys[1], columns=(("fingerprint", other.fingerprint),)),
            )
        return keys[0].difference(keys[1])

    @property
    def _side(self) -> Side:
        """The annotations, with the hashes of their columns where the report has them."""
        if self.report is not None:
            return self.report.annotations
        if self.seeds:
            return self.seeds[0]._side
        return Side(name="", fingerprint=self.fingerprint, points=self.points or 0)

    @property
    def given_counts(self) -> bool:
        """Whether counting errors are of counts that the predictions have beside their points."""
        reports = [each.report for each in (self, *self.seeds) if each.report is not None]
        return any(text.startswith("own-counts:") for report in reports for text in report.warnings)


def measured_results(reports: Iterable[tuple[str, Report]]) -> list[Result]:
    """Return the results of reports.

    Parameters
    ----------
    reports : iterable of (str, Report)
        The file and the content of each report.

    Returns
    -------
    list of Result
        A report whose ``about`` has no model is named after the file of its predictions, without folders and suffix
        where that names one of them. One whose ``about`` has no dataset gets
        the dataset of another report with the same true points, otherwise the name of its annotations.

    Examples
    --------
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> sides = [Side(name=name, fingerprint="ff", points=2) for name in ("preds.json", "gt.json")]
    >>> report = Report(
    ...     values={"MAE": 0.0}, protocol=Protocol(), images=1, predictions=sides[0], annotations=sides[1]
    ... )
    >>> [result] = measured_results([("report.json", report)])
    >>> result.model, result.dataset
    ('preds', 'gt.json')
    """
    named_reports = list(reports)
    # Fingerprint to dataset; reports that name a dataset come first, so that their name is the one that is set:
    # [("ff", about nwpu:val), ("ff", annotations gt.json)] -> {"ff": "nwpu:val"}
    names: dict[str, str] = {}
    for _, report in sorted(
        named_reports, key=lambda item: (not item[1].about.get("dataset"), item[1].annotations.name)
    ):
        names.setdefault(report.annotations.fingerprint, _declared_dataset(report) or report.annotations.name)
    models = _short_names({report.predictions.name for _, report in named_reports if not report.about.get("model")})
    return [
        Result(
            model=report.about.get("model") or models[report.predictions.name],
            revision=report.about.get("revision", ""),
            config=report.about.get("config", ""),
            dataset=_declared_dataset(report) or names[report.annotations.fingerprint],
            values=report.values,
            source="measured",
            origin=file,
            signature=report.signature,
            fingerprint=report.annotations.fingerprint,
            images=report.images,
            points=report.annotations.points,
            selected_on=report.about.get("selected_on", ""),
            date=report.about.get("date", ""),
            report=report,
        )
        for file, report in named_reports
    ]


def pooled_seeds(results: Iterable[Result], metric: str | None = None) -> list[Result]:
    """Return the results with those of one model, which are its seeds, as one result: their mean.

    Parameters
    ----------
    results : iterable of Result
        The results of one dataset.
    metric : str, optional
        The metric to rank by; results that are not comparable on it stay apart.

    Returns
    -------
    list of Result

    Examples
    --------
    >>> seeds = [
    ...     Result(model="a", revision=f"r{n}", dataset="d", values={"MAE": 60.0 + n}, source="measured", origin="")
    ...     for n in range(3)
    ... ]
    >>> [pooled] = pooled_seeds(seeds)
    >>> pooled.values, pooled.spread("MAE"), pooled.name
    ({'MAE': 61.0}, 1.0, 'a (3 seeds)')
    """
    groups: dict[object, list[Result]] = {}
    for result in results:
        key: object = (result.origin, result.name)
        if result.source == "measured":
            key = (result.model, result.dataset, result.key(_deciding_metric(result, metric)))
        groups.setdefault(key, []).append(result)
    return [group[0] if len(group) == 1 else _mean_of(group) for group in groups.values()]


def _mean_of(group: Sequence[Result]) -> Result:
    """Return the mean of several seeds as one result."""
    first = group[0]
    shared = [name for name in first.values if all(name in each.values for each in group)]
    means = {name: fmean(each.values[name] for each in group) for name in shared}
    selected = {each.selected_on for each in group}
    return replace(
        first,
        revision="",
        config="",
        values=means,
        origin=", ".join(each.origin for each in group),
        date=max(each.date for each in group),
        selected_on=selected.pop() if len(selected) == 1 else "",
        report=None,
        seeds=tuple(group),
    )


def _short_names(names: Iterable[str]) -> dict[str, str]:
    """Return the names of files without folders and suffix; whole where two would be the same."""
    short = {name: Path(name.removesuffix(".gz")).stem or name for name in names}
    times = Counter(short.values())
    return {name: own if times[own] == 1 else name for name, own in short.items()}


def newest_results(
    results: Iterable[Result], metric: str | None = None, *, seeds: bool = False
) -> tuple[list[Result], list[str]]:
    """Return one result for each model and key of a metric, without older measurements of the same.

    The newest by date is kept; a result without a date is the oldest. Of the reports of one run, which are in one
    folder, the one with the newest revision of the definitions is kept.

    Parameters
    ----------
    results : iterable of Result
        The results of one dataset.
    metric : str, optional
        The metric to rank by. A result without it and a result with it are both kept.
    seeds : bool
        Whether results of one model with other predictions are other seeds, and are all kept.

    Returns
    -------
    kept : list of Result
    notes : list of str
        A sentence for each result that was left out because of its date.

    Examples
    --------
    >>> old, new = (
    ...     Result(model="a", dataset="nwpu:val", values={"MAE": 1.0}, source="measured", origin="", date=date)
    ...     for date in ("2026-01-01", "2026-02-01")
    ... )
    >>> kept, notes = newest_results([new, old])
    >>> [result.date for result in kept], len(notes)
    (['2026-02-01'], 1)
    """
    kept: dict[object, Result] = {}
    notes = []
    for result in sorted(results, key=lambda result: (_moment(result.date), result.origin)):
        identity: object = (result.model, result.dataset, result.origin)
        if result.source == "measured":
            identity = (*_model_and_dataset(result), result.key(_deciding_metric(result, metric)))
            if seeds and result.report is not None:
                identity = (*identity, result.report.predictions.fingerprint)
        older = kept.get(identity)
        if older is not None:
            notes.append(
                f"{result.name} on {result.dataset} was scored more than once with the same protocol: "
                f"kept {result.origin} ({result.date or 'no date'}), "
                f"left out {older.origin} ({older.date or 'no date'})"
            )
        kept[identity] = result
    return _of_newest_revision(list(kept.values()), metric), notes


def _of_newest_revision(results: list[Result], metric: str | None) -> list[Result]:
    """Leave out a report of a run where its folder has the same report by a later revision of the definitions."""
    revisions: dict[object, int] = {}
    candidates = []
    for result in results:
        key, folder = result.key(_deciding_metric(result, metric)), os.path.dirname(result.origin)
        run = (*_model_and_dataset(result), folder, key.options, result.fingerprint, result.source)
        revisions[run] = max(revisions.get(run, 0), key.revision)
        candidates.append((result, run, key.revision))
    return [result for result, run, revision in candidates if revision == revisions[run]]


def _model_and_dataset(result: Result) -> tuple[str, ...]:
    return result.model, result.revision, result.config, result.dataset


def _deciding_metric(result: Result, metric: str | None) -> str:
    """Return the requested metric where a result has it, otherwise the first metric of the result."""
    return metric if metric in result.values and metric is not None else next(iter(result.values), "")


def _declared_dataset(report: Report) -> str:
    return report.about.get("dataset", "")


def _moment(date: str) -> datetime:
    """Return a date for sorting: in UTC where it has no time zone, the earliest date where it is not a date."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
