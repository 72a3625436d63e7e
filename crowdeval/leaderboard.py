"""Results -> rankings: only within equal true points and equal protocol; everything else is shown, marked, unranked.

Rules
    Results of equal dataset, equal fingerprint of the annotations and equal signature are one ranking. The largest
    ranking of a dataset comes first; a further set of two or more equal results is a ranking of its own, a single
    other result is shown below the first ranking with what sets it apart: other test set, other protocol. Published
    numbers are never ranked.

    The key is nAP where a result of the ranking has it, else F1, else MAE, or the metric asked for; the better
    direction is the metric's own. Equal values share a rank (1, 1, 3). A result whose key is undefined or was not
    measured has no rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from crowdeval.errors import UsageError, did_you_mean, listed
from crowdeval.metrics import canonical, family_of
from crowdeval.metrics.family import Metric
from crowdeval.results import Result, newest
from crowdeval.significance import ALPHA, holm, paired_p_value, same_images, terms_of

SHOWN = ("nAP@0.05", "nAP@0.25", "nAP@0.5", "nAP", "MAE", "RMSE", "NAE", "MAE[S]", "MAE[L]")
"""The columns that a leaderboard has where a result has them; then F1, Precision and Recall at each radius."""

_RATES = ("F1", "Precision", "Recall")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One result in a ranking.

    Attributes
    ----------
    result : Result
        What was reached.
    rank : int, optional
        From 1; None where it is not ranked.
    reason : str
        Why it is not ranked.
    best : frozenset of str
        Metrics on which it is the best of its ranking, where two or more have the metric.
    p_values : mapping of str to float
        By metric, of the difference from the best of the ranking, corrected by Holm's method.
    """

    result: Result
    rank: int | None = None
    reason: str = ""
    best: frozenset[str] = frozenset()
    p_values: dict[str, float] = field(default_factory=dict)

    def differs(self, metric: str) -> bool | None:
        """Return whether the difference from the best is significant; None where it was not tested."""
        p = self.p_values.get(metric, math.nan)
        return None if math.isnan(p) else p < ALPHA


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """The results of one dataset that may be compared and, in its first ranking, those that may not.

    Attributes
    ----------
    dataset : str
        ``NAME:SPLIT``, or the name of the annotations.
    number : int
        From 1 within the dataset.
    by : str, optional
        The metric ranked by; None where nothing is ranked.
    difference : str
        What sets a further ranking apart from the first.
    columns : tuple of str
        The metrics shown.
    rows : tuple of Row
        Ranked ones first, then those without the key, those not comparable, and the published.
    """

    dataset: str
    number: int
    by: str | None
    difference: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaderboard:
    """Rankings by dataset; what was left out on the way; whether differences were tested."""

    rankings: tuple[Ranking, ...]
    notes: tuple[str, ...] = ()
    tested: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The metrics of all rankings."""
        return _ordered(metric for ranking in self.rankings for metric in ranking.columns)


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
        rankings += _rankings(name, [result for result in chosen if result.dataset == name], key, extra)
    if significance:
        rankings = [_tested(ranking, notes) for ranking in rankings]
    return Leaderboard(rankings=tuple(rankings), notes=tuple(notes), tested=significance)


def better(metric: str) -> Literal["higher", "lower", "zero"] | None:
    """Return which values of a metric are better, from the catalogue; None for a metric nobody lists.

    >>> better("nAP@0.5"), better("RMSE"), better("bias")
    ('higher', 'lower', 'zero')
    """
    try:
        parsed = Metric.parse(metric)
        entries = family_of(parsed).entries
    except UsageError:
        return None
    exact = [entry for entry in entries if entry.string == metric]
    return next((entry.better for entry in exact or entries if Metric.parse(entry.string).name == parsed.name), None)


def badness(metric: str, value: float) -> float:
    """Return a number that is the lower the better the value; NaN where it can't be told."""
    return {"higher": -value, "lower": value, "zero": abs(value), None: math.nan}[better(metric)]


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
    known = _ordered(name for result in results for name in result.values)
    if metric not in known:
        raise UsageError(f"no result has {metric}{did_you_mean(metric, known)} (there are: {listed(known, most=40)})")
    return metric


def _first_seen(dataset: str, results: list[Result]) -> tuple[bool, str]:
    """Put datasets with measured results first."""
    return not any(result.dataset == dataset and result.source == "measured" for result in results), dataset


def _rankings(dataset: str, results: list[Result], key: str | None, extra: list[str]) -> list[Ranking]:
    """Return the rankings of one dataset."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in sorted((each for each in results if each.source == "measured"), key=lambda each: each.origin):
        groups.setdefault((result.fingerprint, result.signature), []).append(result)
    published = [Row(result=result, reason="published") for result in results if result.source == "published"]
    ordered = sorted(groups.values(), key=lambda group: _size(group, key))
    if not ordered:
        by = key or _usual_key(results)
        rows = sorted(published, key=lambda row: (_place(row.result, by), row.result.name))
        return [_ranking(dataset, 1, None, "", rows, extra)]
    first, *others = ordered
    whole = [first, *(group for group in others if len(group) > 1)]
    single = [Row(result=group[0], reason=_difference(group[0], first[0])) for group in others if len(group) == 1]
    by = key or _usual_key(first)
    rankings = []
    for number, group in enumerate(whole, start=1):
        own = key or _usual_key(group)
        rows = _ranked(group, own)
        if number == 1:
            rows += sorted(single, key=lambda row: (row.reason, row.result.name, row.result.origin))
            rows += sorted(published, key=lambda row: (_place(row.result, by), row.result.name))
        difference = "" if number == 1 else _difference(group[0], first[0])
        rankings.append(_ranking(dataset, number, own, difference, rows, extra))
    return rankings


def _size(group: list[Result], key: str | None) -> tuple[object, ...]:
    """Order groups: those with the key first, larger ones first, then by newest date, signature and fingerprint."""
    by = key or _usual_key(group)
    keyed = sum(not math.isnan(_place(result, by)) for result in group)
    newest_date = max(result.date for result in group)
    return (
        -keyed,
        -len(group),
        tuple(-ord(letter) for letter in newest_date),
        group[0].signature,
        group[0].fingerprint,
    )


def _usual_key(results: list[Result]) -> str | None:
    """Return nAP, F1 or MAE: the first that has a value."""
    names = _ordered(name for result in results for name in result.values)
    candidates = ["nAP", *(name for name in names if name.startswith("F1@")), "MAE", *names]
    return next((name for name in candidates if any(not math.isnan(_place(result, name)) for result in results)), None)


def _place(result: Result, metric: str | None) -> float:
    return math.nan if metric is None else badness(metric, result.values.get(metric, math.nan))


def _ranked(group: list[Result], by: str | None) -> list[Row]:
    """Return a group as rows: ranked by the key, those without it after them."""
    places = {id(result): _place(result, by) for result in group}
    keyed = sorted(
        (result for result in group if not math.isnan(places[id(result)])),
        key=lambda result: (places[id(result)], result.name, result.origin),
    )
    best = _best(group)
    rows: list[Row] = []
    for position, result in enumerate(keyed, start=1):
        tied = rows and places[id(result)] == places[id(rows[-1].result)]
        rows.append(Row(result=result, rank=rows[-1].rank if tied else position, best=best[id(result)]))
    for result in sorted(group, key=lambda each: (each.name, each.origin)):
        if math.isnan(places[id(result)]):
            reason = f"{by} undefined" if by in result.values else f"no {by or 'metric'}"
            rows.append(Row(result=result, reason=reason, best=best[id(result)]))
    return rows


def _best(group: list[Result]) -> dict[int, frozenset[str]]:
    """Return the metrics on which each result is the best of its group."""
    found: dict[int, set[str]] = {id(result): set() for result in group}
    for metric in _ordered(name for result in group for name in result.values):
        places = [(_place(result, metric), id(result)) for result in group]
        finite = [place for place, _ in places if not math.isnan(place)]
        for place, which in places:
            if len(finite) > 1 and place == min(finite):
                found[which].add(metric)
    return {which: frozenset(metrics) for which, metrics in found.items()}


def _difference(result: Result, other: Result) -> str:
    parts = ["other test set"] if result.fingerprint != other.fingerprint else []
    return ", ".join([*parts, *(["other protocol"] if result.signature != other.signature else [])])


def _ranking(dataset: str, number: int, by: str | None, difference: str, rows: list[Row], extra: list[str]) -> Ranking:
    there = [name for row in rows for name in row.result.values]
    return Ranking(
        dataset=dataset,
        number=number,
        by=by,
        difference=difference,
        columns=_ordered(name for name in there if name in extra or _usual(name)),
        rows=tuple(rows),
    )


def _usual(metric: str) -> bool:
    name, _, at = metric.partition("@")
    return metric in SHOWN or (name in _RATES and bool(at) and " " not in at)


def _ordered(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return metrics once each: the usual ones in their order, the rates by radius, then the others as they come."""
    names = list(dict.fromkeys(metrics))
    radii = list(dict.fromkeys(name.partition("@")[2] for name in names if _usual(name) and name not in SHOWN))
    rates = [f"{rate}@{at}" for at in radii for rate in _RATES]
    usual = [name for name in (*SHOWN, *rates) if name in names]
    return tuple(dict.fromkeys([*usual, *names]))


def _tested(ranking: Ranking, notes: list[str]) -> Ranking:
    """Add the p-values of each difference from the best; say whose per-image table is missing."""
    own = [row for row in ranking.rows if _of_the_ranking(row, ranking)]
    bare = [row.result.name for row in own if row.result.report is None or row.result.report.per_image is None]
    if bare:
        notes.append(f"{ranking.dataset}: no significance for {listed(bare)}: the reports hold no per-image table")
    p_values: dict[int, dict[str, float]] = {id(row): {} for row in own}
    for metric in ranking.columns:
        best = next((row for row in own if metric in row.best), None)
        others = [row for row in own if row is not best and metric in row.result.values]
        if best is None or not others:
            continue
        for row, p in zip(others, holm([_p_value(best, row, metric) for row in others]), strict=True):
            if not math.isnan(p):
                p_values[id(row)][metric] = p
    return replace(ranking, rows=tuple(replace(row, p_values=p_values.get(id(row), {})) for row in ranking.rows))


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
