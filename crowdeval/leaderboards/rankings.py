"""Rankings of one dataset: who is ranked with whom, by what; everything else is shown, marked, unranked.

Rules
    A ranking is of its key metric: results equal in what that metric reads, the columns of the annotations and the
    options of the protocol, are one ranking, whatever else was asked for. The largest ranking comes first; a further
    set of two or more equal results is a ranking of its own, a single other result is shown below the first ranking
    with what sets it apart: other test set, other boxes, other protocol. Published numbers are never ranked.

    Another metric may read what the key does not. Where it is not comparable with that of the first row, it is neither
    best nor tested, and stands in brackets.

    The key is nAP where a result of the ranking has it, else F1, else MAE, or the metric asked for; the better
    direction is the metric's own. Equal values share a rank (1, 1, 3). A result whose key is undefined or was not
    measured has no rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from crowdeval.errors import UsageError
from crowdeval.evaluation.sides import Key
from crowdeval.leaderboards.results import Result
from crowdeval.metrics import family_of
from crowdeval.metrics.strings import Metric, signature_fields
from crowdeval.statistics.permutation import ALPHA

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
    comparable : frozenset of str
        Its metrics that are comparable with those of the first row.
    best : frozenset of str
        Metrics on which it is the best of its ranking, where two or more have the metric.
    p_values : mapping of str to float
        By metric, of the difference from the best of the ranking, corrected by Holm's method.
    """

    result: Result
    rank: int | None = None
    reason: str = ""
    comparable: frozenset[str] = frozenset()
    best: frozenset[str] = frozenset()
    p_values: dict[str, float] = field(default_factory=dict)

    def differs(self, metric: str) -> bool | None:
        """Return whether the difference from the best is significant; None where it was not tested."""
        p = self.p_values.get(metric, math.nan)
        return None if math.isnan(p) else p < ALPHA

    def ranked_by(self, key: str | None) -> bool:
        """Return whether a result is one of its ranking's own, ranked by the key or without it."""
        return self.result.source == "measured" and (key is None or key in self.comparable)


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
    measured = sorted((each for each in results if each.source == "measured"), key=lambda each: each.origin)
    published = [Row(result=result, reason="published") for result in results if result.source == "published"]
    usual = usual_key(measured)
    ordered = sorted(_groups(measured, by), key=lambda group: _size(group, by, usual))
    if not ordered:
        key = by or usual_key(results)
        rows = sorted(published, key=lambda row: _order(row.result, key))
        columns = _columns(rows, extra)
        return [Ranking(dataset=dataset, number=1, by=None, difference="", columns=columns, rows=tuple(rows))]
    first, *others = ordered
    whole = [first, *(group for group in others if len(group) > 1)]
    key = by or usual_key(first)
    top = _ranked(first, key)[0].result
    single = [Row(result=group[0], reason=_difference(group[0], top, key)) for group in others if len(group) == 1]
    rankings = []
    for number, group in enumerate(whole, start=1):
        own = by or usual_key(group)
        rows = _ranked(group, own)
        if number == 1:
            rows += sorted(single, key=lambda row: (row.reason, row.result.name, row.result.origin))
            rows += sorted(published, key=lambda row: _order(row.result, key))
        rows = _compared(rows, own)
        rankings.append(
            Ranking(
                dataset=dataset,
                number=number,
                by=own,
                difference="" if number == 1 else _difference(rows[0].result, top, own) or "other metrics",
                columns=_columns(rows, [*extra, *([own] if own else [])]),
                rows=tuple(rows),
            )
        )
    return rankings


def _groups(results: list[Result], by: str | None) -> list[list[Result]]:
    """Return the results that are equal in what their key metric reads, group by group.

    Without a metric asked for it is the usual one of all. Two or more that were asked for other metrics and have not
    the key go by the usual one of their own; so do those that are equal to none that has it.
    """
    metric = by or usual_key(results)
    if not results or metric is None:
        return [results] if results else []
    groups: dict[Key, list[Result]] = {}
    for result in results:
        groups.setdefault(result.key(metric), []).append(result)
    if by:
        return list(groups.values())
    found, rest = [], []
    for group in groups.values():
        if usual_key(group) != metric:
            rest += group
            continue
        asked = {_asked(result) for result in group if metric in result.values}
        strangers = [result for result in group if metric not in result.values and _asked(result) not in asked]
        apart = [own for own in _groups(strangers, None) if len(own) > 1]
        found += [[result for result in group if not any(result in own for own in apart)], *apart]
    return [*found, *_groups(rest, None)]


def _asked(result: Result) -> tuple[str | None, str | None]:
    """Return the fields of a signature that name metrics."""
    _, fields = signature_fields(result.signature)
    return fields.get("preset"), fields.get("metrics")


def _size(group: list[Result], key: str | None, usual: str | None) -> tuple[object, ...]:
    """Order groups: those with the key first, larger ones first, the usual key of all before others, then by newest
    date, signature and fingerprint.
    """
    by = key or usual_key(group)
    keyed = sum(not math.isnan(_place(result, by)) for result in group)
    newest_date = max(result.date for result in group)
    return (
        -keyed,
        -len(group),
        by != usual,
        tuple(-ord(letter) for letter in newest_date),
        group[0].signature,
        group[0].fingerprint,
    )


def usual_key(results: Sequence[Result]) -> str | None:
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
    places = [_place(result, by) for result in group]
    keyed = sorted(
        (n for n in range(len(group)) if not math.isnan(places[n])),
        key=lambda n: (places[n], group[n].name, group[n].origin),
    )
    rows: list[Row] = []
    for position, n in enumerate(keyed, start=1):
        tied = rows and places[n] == places[keyed[position - 2]]
        rows.append(Row(result=group[n], rank=rows[-1].rank if tied else position))
    others = [each for each, place in zip(group, places, strict=True) if math.isnan(place)]
    for each in sorted(others, key=lambda each: (each.name, each.origin)):
        rows += [Row(result=each, reason=f"{by} undefined" if by in each.values else f"no {by or 'metric'}")]
    return rows


def _compared(rows: list[Row], by: str | None) -> list[Row]:
    """Fill in which metrics of each row are comparable with the first row's, and on which it is the best."""
    first = rows[0].result
    keys = {metric: first.key(metric) for row in rows for metric in row.result.values}
    rows = [
        replace(row, comparable=frozenset(m for m in keys if row.result.key(m) == keys[m]))
        if row.result.source == "measured"
        else row
        for row in rows
    ]
    best: list[set[str]] = [set() for _ in rows]
    for metric in keys:
        places = [
            _place(row.result, metric) if row.ranked_by(by) and metric in row.comparable else math.nan for row in rows
        ]
        finite = [place for place in places if not math.isnan(place)]
        for metrics, place in zip(best, places, strict=True):
            if len(finite) > 1 and place == min(finite):
                metrics.add(metric)
    return [replace(row, best=frozenset(metrics)) for row, metrics in zip(rows, best, strict=True)]


def _difference(result: Result, other: Result, metric: str | None) -> str:
    return result.difference(other, metric or "")


def _columns(rows: Sequence[Row], extra: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that a ranking shows: the usual ones that its rows have, and those asked for."""
    there = [name for row in rows for name in row.result.values]
    return in_order(name for name in there if name in extra or _usual(name))


def _usual(metric: str) -> bool:
    name, _, at = metric.partition("@")
    return metric in SHOWN or (name in _RATES and bool(at) and " " not in at)
