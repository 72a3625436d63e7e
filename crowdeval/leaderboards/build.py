"""Results -> a leaderboard: one set of rankings a dataset, what was left out on the way, tested differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from crowdeval.errors import FormatError, MissingFileError, UsageError, did_you_mean, listed
from crowdeval.evaluation.parts import evidence_beside
from crowdeval.leaderboards.rankings import Ranking, Row, in_order, rankings_of, usual_key
from crowdeval.leaderboards.results import Result, newest
from crowdeval.metrics import canonical
from crowdeval.statistics.contributions import Source, lacking, testable
from crowdeval.statistics.permutation import holm, paired_test


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaderboard:
    """Rankings by dataset; what was left out on the way; whether differences were tested."""

    rankings: tuple[Ranking, ...]
    notes: tuple[str, ...] = ()
    tested: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The metrics of all rankings."""
        return in_order(metric for ranking in self.rankings for metric in ranking.columns)


def leaderboard(
    results: Iterable[Result],
    *,
    by: str | None = None,
    dataset: str | None = None,
    metrics: Sequence[str] = (),
    significance: bool = False,
) -> Leaderboard:
    """Rank results.

    Parameters
    ----------
    results : iterable of Result
        Measured or published.
    by : str, optional
        The metric to rank by; else nAP, F1 or MAE, the first of them that a ranking has.
    dataset : str, optional
        Only this one: ``NAME`` or ``NAME:SPLIT``.
    metrics : sequence of str
        Columns beside the usual ones.
    significance : bool
        Test each difference from the best of a ranking, where the reports hold per-image tables or name evidence.

    Returns
    -------
    Leaderboard
        Rankings, and notes on results left out.

    Raises
    ------
    UsageError
        If no result is of the dataset, or none has the metric.
    """
    chosen = _of_dataset(list(results), dataset)
    key = None if by is None else _known(canonical(by), chosen)
    extra = [_known(canonical(name), chosen) for name in (*metrics, *([by] if by else []))]
    rankings: list[Ranking] = []
    notes: list[str] = []
    for name in sorted({result.dataset for result in chosen}, key=lambda each: _first_seen(each, chosen)):
        own = [each for each in chosen if each.dataset == name]
        own, said = newest(own, key or usual_key([each for each in own if each.source == "measured"]))
        rankings += rankings_of(name, own, by=key, extra=extra)
        notes += said
    if significance:
        rankings = [_tested(ranking, notes) for ranking in rankings]
    return Leaderboard(rankings=tuple(rankings), notes=tuple(notes), tested=significance)


def _of_dataset(results: list[Result], dataset: str | None) -> list[Result]:
    if dataset is None:
        return results
    chosen = [result for result in results if dataset in (result.dataset, result.dataset.partition(":")[0])]
    if not chosen:
        known = sorted({result.dataset for result in results})
        raise UsageError(
            f"no result is of {dataset!r}{did_you_mean(dataset, known)} (there are: {listed(known, most=20)})"
        )
    return chosen


def _known(metric: str, results: list[Result]) -> str:
    known = in_order(name for result in results for name in result.values)
    if metric not in known:
        raise UsageError(f"no result has {metric}{did_you_mean(metric, known)} (there are: {listed(known, most=40)})")
    return metric


def _first_seen(dataset: str, results: list[Result]) -> tuple[bool, str]:
    """Put datasets with measured results first."""
    return not any(result.dataset == dataset and result.source == "measured" for result in results), dataset


def _tested(ranking: Ranking, notes: list[str]) -> Ranking:
    """Add the p-values of each difference from the best; say what is missing where there is none."""
    own = [row for row in ranking.rows if row.ranked_by(ranking.by)]
    sources = [_source(row.result, notes) for row in own]
    p_values: list[dict[str, float]] = [{} for _ in own]
    bare: dict[str, list[str]] = {}
    for metric in ranking.columns:
        best = next((n for n, row in enumerate(own) if metric in row.best), None)
        others = [n for n, row in enumerate(own) if n != best and _has(row, metric)]
        if best is None or not others or not testable(metric):
            continue
        for n in (best, *others):
            if lacking(sources[n], metric):
                bare.setdefault(own[n].result.name, []).append(metric)
        raw = [paired_test(metric, sources[best], sources[n]) for n in others]
        for n, p in zip(others, holm(raw), strict=True):
            if not math.isnan(p):
                p_values[n][metric] = p
    if bare:
        metrics = in_order(metric for names in bare.values() for metric in names)
        notes.append(
            f"{ranking.dataset}: {', '.join(metrics)} not tested for {listed(bare)}: no evidence; "
            "crowdeval score ... --evidence FILE -o REPORT writes it"
        )
    found = iter(p_values)
    rows = [replace(row, p_values=next(found)) if row.ranked_by(ranking.by) else row for row in ranking.rows]
    return replace(ranking, rows=tuple(rows))


def _has(row: Row, metric: str) -> bool:
    return metric in row.result.values and metric in row.comparable


def _source(result: Result, notes: list[str]) -> Source:
    """Return what a result's differences are tested on; say where evidence that is named can't be had."""
    report = result.report
    if report is None:
        return Source()
    evidence = None
    if report.evidence is not None:
        try:
            evidence = evidence_beside(report.evidence, result.origin)
        except (FormatError, MissingFileError) as problem:
            notes.append(f"{result.name}: {problem}")
    return Source(report.per_image, evidence, report.protocol)
