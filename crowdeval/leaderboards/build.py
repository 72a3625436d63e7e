"""Results -> a leaderboard: one set of rankings a dataset, what was left out on the way, tested differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from crowdeval.errors import UsageError, did_you_mean, listed
from crowdeval.leaderboards.rankings import Ranking, Row, in_order, rankings_of
from crowdeval.leaderboards.results import Result, newest
from crowdeval.metrics import canonical
from crowdeval.statistics.significance import holm, paired_p_value, same_images, terms_of


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
        Test each difference from the best of a ranking where the reports hold per-image tables.

    Returns
    -------
    Leaderboard
        Rankings, and notes on results left out.

    Raises
    ------
    UsageError
        If no result is of the dataset, or none has the metric.
    """
    chosen, notes = newest(_of_dataset(list(results), dataset))
    key = None if by is None else _known(canonical(by), chosen)
    extra = [_known(canonical(name), chosen) for name in (*metrics, *([by] if by else []))]
    rankings: list[Ranking] = []
    for name in sorted({result.dataset for result in chosen}, key=lambda each: _first_seen(each, chosen)):
        rankings += rankings_of(name, [each for each in chosen if each.dataset == name], by=key, extra=extra)
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
    """Add the p-values of each difference from the best; say whose per-image table is missing."""
    own = [row for row in ranking.rows if _of_the_ranking(row, ranking)]
    bare = [row.result.name for row in own if row.result.report is None or row.result.report.per_image is None]
    if bare:
        notes.append(f"{ranking.dataset}: no significance for {listed(bare)}: the reports hold no per-image table")
    p_values: list[dict[str, float]] = [{} for _ in own]
    for metric in ranking.columns:
        best = next((n for n, row in enumerate(own) if metric in row.best), None)
        others = [n for n, row in enumerate(own) if n != best and metric in row.result.values]
        if best is None or not others:
            continue
        tested = holm([_p_value(own[best], own[n], metric) for n in others])
        for n, p in zip(others, tested, strict=True):
            if not math.isnan(p):
                p_values[n][metric] = p
    found = iter(p_values)
    rows = [replace(row, p_values=next(found)) if _of_the_ranking(row, ranking) else row for row in ranking.rows]
    return replace(ranking, rows=tuple(rows))


def _of_the_ranking(row: Row, ranking: Ranking) -> bool:
    """Return whether a row is of the ranking's own test set and protocol, ranked or without the key."""
    first = ranking.rows[0].result
    return row.result.source == "measured" and (row.result.fingerprint, row.result.signature) == (
        first.fingerprint,
        first.signature,
    )


def _p_value(best: Row, row: Row, metric: str) -> float:
    a, b = best.result.report, row.result.report
    if a is None or b is None or not same_images(a, b):
        return math.nan
    terms = terms_of(a, metric), terms_of(b, metric)
    return math.nan if terms[0] is None or terms[1] is None else paired_p_value(terms[0], terms[1])
