"""One result: the values that one model reached on one dataset, measured here or published elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from crowdeval.evaluation.report import Report
from crowdeval.evaluation.sides import Key, Side, comparison_key


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """What a leaderboard ranks.

    Attributes
    ----------
    model, revision, config : str
        What was scored; empty revision and config where they are unknown.
    dataset : str
        ``NAME:SPLIT``, or the name of the annotations.
    values : mapping of str to float
        Number by canonical metric string; NaN where undefined.
    source : {"measured", "published"}
        Whether a report holds it, or a publication.
    origin, place : str
        The report's file; or the publication, and where in it.
    signature, fingerprint : str
        Protocol and test set; empty where published.
    images, points : int, optional
        Images and true points of the test set.
    selected_on, date : str
        What the model was chosen on, and when it was measured.
    decimals : mapping of str to int
        Decimals that a published number is printed with.
    report : Report, optional
        The report itself.
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

    @property
    def name(self) -> str:
        """The model and, where it is known, its revision."""
        return f"{self.model}@{self.revision}" if self.revision else self.model

    def key(self, metric: str) -> Key:
        """Return what another result must have in common for this metric to be comparable."""
        return comparison_key(metric, self.signature, self._side)

    def difference(self, other: Result, metric: str) -> str:
        """Return in words why a metric is not comparable with another result's; empty where it is."""
        keys = self.key(metric), other.key(metric)
        if not (self._side.hashes and other._side.hashes):
            # A report of the first version knows no columns, only the fingerprint.
            keys = (
                replace(keys[0], columns=(("fingerprint", self.fingerprint),)),
                replace(keys[1], columns=(("fingerprint", other.fingerprint),)),
            )
        return keys[0].difference(keys[1])

    @property
    def _side(self) -> Side:
        """The test set; with the hashes of its columns where the report knows them."""
        if self.report is not None:
            return self.report.annotations
        return Side(name="", fingerprint=self.fingerprint, points=self.points or 0)

    @property
    def given_counts(self) -> bool:
        """Whether counting errors are of counts that the predictions give beside their points."""
        return self.report is not None and any(text.startswith("own-counts:") for text in self.report.warnings)


def measured_results(reports: Iterable[tuple[str, Report]]) -> list[Result]:
    """Return the results that reports hold, each given with its file.

    A report whose ``about`` names no dataset takes the name that others give to the same true points, else that of its
    annotations; one without a model is called after its predictions.
    """
    found = list(reports)
    names: dict[str, str] = {}
    for _, report in sorted(found, key=lambda item: (not item[1].about.get("dataset"), item[1].annotations.name)):
        names.setdefault(report.annotations.fingerprint, _declared(report) or report.annotations.name)
    return [
        Result(
            model=report.about.get("model") or report.predictions.name,
            revision=report.about.get("revision", ""),
            config=report.about.get("config", ""),
            dataset=_declared(report) or names[report.annotations.fingerprint],
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
        for file, report in found
    ]


def newest(results: Iterable[Result], metric: str | None = None) -> tuple[list[Result], list[str]]:
    """Return the results, one for each model and what a metric reads, and what was said of those left out.

    Parameters
    ----------
    results : iterable of Result
        Of one dataset.
    metric : str, optional
        The one that is ranked by; results without it are never the same as those with it.

    Of several the newest by date stays; a result without a date is the oldest. Of one run, whose reports lie in one
    folder, the report of the newest revision of the definitions stays.
    """
    kept: dict[object, Result] = {}
    notes = []
    for result in sorted(results, key=lambda each: (_moment(each.date), each.origin)):
        same: object = (result.model, result.dataset, result.origin)
        if result.source == "measured":
            same = (*_what(result), result.key(_own(result, metric)))
        older = kept.get(same)
        if older is not None:
            notes.append(
                f"{result.name} on {result.dataset} was scored more than once with the same protocol: "
                f"kept {result.origin} ({result.date or 'no date'}), "
                f"left out {older.origin} ({older.date or 'no date'})"
            )
        kept[same] = result
    return _of_newest_revision(list(kept.values()), metric), notes


def _of_newest_revision(results: list[Result], metric: str | None) -> list[Result]:
    """Leave out what earlier definitions gave to a run where its folder has the same by later ones."""
    revisions: dict[object, int] = {}
    found = []
    for result in results:
        key, folder = result.key(_own(result, metric)), os.path.dirname(result.origin)
        run = (*_what(result), folder, key.options, result.fingerprint, result.source)
        revisions[run] = max(revisions.get(run, 0), key.revision)
        found.append((result, run, key.revision))
    return [result for result, run, revision in found if revision == revisions[run]]


def _what(result: Result) -> tuple[str, ...]:
    return result.model, result.revision, result.config, result.dataset


def _own(result: Result, metric: str | None) -> str:
    """Return the metric that a result is judged by: the one asked for, or its own first one."""
    return metric if metric in result.values and metric is not None else next(iter(result.values), "")


def _declared(report: Report) -> str:
    return report.about.get("dataset", "")


def _moment(date: str) -> datetime:
    """Return the date for sorting: UTC where it names no zone, the beginning of time where it is none."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
