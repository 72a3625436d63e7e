"""Rankings of one dataset: who is ranked with whom, by what; everything else is shown, marked, unranked.

Rules
    Results of equal fingerprint of the annotations and equal signature are one ranking. The largest ranking comes
    first; a further set of two or more equal results is a ranking of its own, a single other result is shown below the
    first ranking with what sets it apart: other test set, other protocol. Published numbers are never ranked.

    The key is nAP where a result of the ranking has it, else F1, else MAE, or the metric asked for; the better
    direction is the metric's own. Equal values share a rank (1, 1, 3). A result whose key is undefined or was not
    measured has no rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from crowdeval.errors import UsageError
from crowdeval.leaderboards.results import Result
from crowdeval.metrics import family_of
from crowdeval.metrics.strings import Metric
from crowdeval.statistics.significance import ALPHA

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


def in_order(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return metrics once each: the usual ones in their order, the rates by radius, then the others as they come."""
    names = list(dict.fromkeys(metrics))
    radii = list(dict.fromkeys(name.partition("@")[2] for name in names if _usual(name) and name not in SHOWN))
    rates = [f"{rate}@{at}" for at in radii for rate in _RATES]
    usual = [name for name in (*SHOWN, *rates) if name in names]
    return tuple(dict.fromkeys([*usual, *names]))


def rankings_of(
    dataset: str, results: Sequence[Result], *, by: str | None = None, extra: Sequence[str] = ()
) -> list[Ranking]:
    """Return the rankings of one dataset.

    Parameters
    ----------
    dataset : str
        Its name.
    results : sequence of Result
        What was reached on it, measured or published.
    by : str, optional
        The metric to rank by.
    extra : sequence of str
        Columns beside the usual ones.
    """
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in sorted((each for each in results if each.source == "measured"), key=lambda each: each.origin):
        groups.setdefault((result.fingerprint, result.signature), []).append(result)
    published = [Row(result=result, reason="published") for result in results if result.source == "published"]
    ordered = sorted(groups.values(), key=lambda group: _size(group, by))
    if not ordered:
        key = by or _usual_key(results)
        rows = sorted(published, key=lambda row: _order(row.result, key))
        columns = _columns(rows, extra)
        return [Ranking(dataset=dataset, number=1, by=None, difference="", columns=columns, rows=tuple(rows))]
    first, *others = ordered
    whole = [first, *(group for group in others if len(group) > 1)]
    single = [Row(result=group[0], reason=_difference(group[0], first[0])) for group in others if len(group) == 1]
    key = by or _usual_key(first)
    rankings = []
    for number, group in enumerate(whole, start=1):
        own = by or _usual_key(group)
        rows = _ranked(group, own)
        if number == 1:
            rows += sorted(single, key=lambda row: (row.reason, row.result.name, row.result.origin))
            rows += sorted(published, key=lambda row: _order(row.result, key))
        rankings.append(
            Ranking(
                dataset=dataset,
                number=number,
                by=own,
                difference="" if number == 1 else _difference(group[0], first[0]),
                columns=_columns(rows, extra),
                rows=tuple(rows),
            )
        )
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


def _usual_key(results: Sequence[Result]) -> str | None:
    """Return nAP, F1 or MAE: the first that has a value."""
    names = in_order(name for result in results for name in result.values)
    candidates = ["nAP", *(name for name in names if name.startswith("F1@")), "MAE", *names]
    return next((name for name in candidates if any(not math.isnan(_place(result, name)) for result in results)), None)


def _place(result: Result, metric: str | None) -> float:
    return math.nan if metric is None else badness(metric, result.values.get(metric, math.nan))


def _order(result: Result, by: str | None) -> tuple[object, ...]:
    """Order what is not ranked: by the key, then by MAE, what has neither by name."""
    places = [_place(result, by), _place(result, "MAE")]
    return (*((math.isnan(place), 0.0 if math.isnan(place) else place) for place in places), result.name)


def _ranked(group: list[Result], by: str | None) -> list[Row]:
    """Return a group as rows: ranked by the key, those without it after them."""
    places, best = [_place(result, by) for result in group], _best(group)
    keyed = sorted(
        (n for n in range(len(group)) if not math.isnan(places[n])),
        key=lambda n: (places[n], group[n].name, group[n].origin),
    )
    rows: list[Row] = []
    for position, n in enumerate(keyed, start=1):
        tied = rows and places[n] == places[keyed[position - 2]]
        rows.append(Row(result=group[n], rank=rows[-1].rank if tied else position, best=best[n]))
    for n in sorted(range(len(group)), key=lambda n: (group[n].name, group[n].origin)):
        if math.isnan(places[n]):
            reason = f"{by} undefined" if by in group[n].values else f"no {by or 'metric'}"
            rows.append(Row(result=group[n], reason=reason, best=best[n]))
    return rows


def _best(group: list[Result]) -> list[frozenset[str]]:
    """Return the metrics on which each result is the best of its group."""
    found: list[set[str]] = [set() for _ in group]
    for metric in in_order(name for result in group for name in result.values):
        places = [_place(result, metric) for result in group]
        finite = [place for place in places if not math.isnan(place)]
        for metrics, place in zip(found, places, strict=True):
            if len(finite) > 1 and place == min(finite):
                metrics.add(metric)
    return [frozenset(metrics) for metrics in found]


def _difference(result: Result, other: Result) -> str:
    parts = ["other test set"] if result.fingerprint != other.fingerprint else []
    return ", ".join([*parts, *(["other protocol"] if result.signature != other.signature else [])])


def _columns(rows: Sequence[Row], extra: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that a ranking shows: the usual ones that its rows have, and those asked for."""
    there = [name for row in rows for name in row.result.values]
    return in_order(name for name in there if name in extra or _usual(name))


def _usual(metric: str) -> bool:
    name, _, at = metric.partition("@")
    return metric in SHOWN or (name in _RATES and bool(at) and " " not in at)
