"""Rankings of one dataset: which results are ranked together, by which metric; other results are shown unranked.

Rules
    Key metric: the requested metric; by default nAP where a result of the ranking has it, otherwise F1, otherwise MAE.
    Whether higher or lower values are better is a property of the metric.

    Members: a ranking has the results that are equal in everything that its key metric reads, which are columns of the
    annotations and options of the protocol. Other metrics and options may differ. The largest ranking is the first.
    Two or more other results that are equal to each other are a further ranking. A single other result is shown below
    the first ranking, with its difference: other test set, other boxes, other protocol. Published numbers are never
    ranked.

    Ranks: equal values have the same rank (1, 1, 3). A result whose key metric is undefined or was not measured has no
    rank.

    Other columns: another metric can read more than the key metric does. Where its value is not comparable with that of
    the first row, the value is shown in brackets, is never the best, and is not tested.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crowdeval.evaluation.certainty import Interval
from crowdeval.evaluation.sides import Key
from crowdeval.leaderboards.results import Result
from crowdeval.metrics import better
from crowdeval.metrics.strings import signature_fields
from crowdeval.statistics.comparison import Difference

SHOWN = ("nAP@0.05", "nAP@0.25", "nAP@0.5", "nAP", "MAE", "RMSE", "NAE", "MAE[S]", "MAE[L]")
"""The default columns, where a result has them; F1, Precision and Recall at each radius follow."""

_RATES = ("F1", "Precision", "Recall")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One result in a ranking.

    Attributes
    ----------
    result : Result
        The values and their origin.
    rank : int, optional
        The rank, from 1; None where the result is not ranked.
    reason : str
        The reason why the result is not ranked; empty where it is ranked.
    comparable : frozenset of str
        The metrics that are comparable with those of the first row.
    best : frozenset of str
        The metrics on which the result is the best of its ranking, where two or more results have the metric.
    verdicts : mapping of str to Difference
        By metric, the difference from the best result of the ranking, with its verdict.
    ranks : (int, int), optional
        The first and the last rank by the key metric that the verdicts leave.
    intervals : mapping of str to Interval
        By metric, the confidence interval of the value.
    errors : mapping of str to float
        By metric, the standard error over images of the mean of several seeds.
    """

    result: Result
    rank: int | None = None
    reason: str = ""
    comparable: frozenset[str] = frozenset()
    best: frozenset[str] = frozenset()
    verdicts: Mapping[str, Difference] = field(default_factory=dict)
    ranks: tuple[int, int] | None = None
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)

    @property
    def p_values(self) -> dict[str, float]:
        """By metric, the p-value of the difference from the best result, with Holm's correction over all pairs."""
        return {metric: pair.p for metric, pair in self.verdicts.items() if not math.isnan(pair.p)}

    def differs(self, metric: str) -> bool | None:
        """Return whether the result is worse than the best by the verdict; None where it was not tested.

        Parameters
        ----------
        metric : str
            A canonical metric string.

        Returns
        -------
        bool or None

        Examples
        --------
        >>> result = Result(model="a", dataset="nwpu:val", values={"MAE": 60.0}, source="measured", origin="")
        >>> pair = Difference(a="a", b="b", difference=9.0, p=0.01, verdict="worse")
        >>> Row(result=result, verdicts={"MAE": pair}).differs("MAE")
        True
        """
        pair = self.verdicts.get(metric)
        return None if pair is None else pair.verdict in ("better", "worse")

    def ranked_by(self, key: str | None) -> bool:
        """Return whether the result belongs to its ranking, with or without a rank, and is not only shown beside it.

        Parameters
        ----------
        key : str or None
            The key metric of the ranking.

        Returns
        -------
        bool
        """
        return self.result.source == "measured" and (key is None or key in self.comparable)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """Comparable results of one dataset; the first ranking also shows the results that are not comparable.

    Attributes
    ----------
    dataset : str
        ``NAME:SPLIT``, or the name of the annotations.
    number : int
        The number of the ranking within the dataset, from 1.
    by : str, optional
        The key metric; None where nothing is ranked.
    difference : str
        The difference of a further ranking from the first, in words; empty for the first.
    columns : tuple of str
        The metrics that are shown.
    rows : tuple of Row
        The ranked results, then those without the key metric, those that are not comparable, and the published ones.
    """

    dataset: str
    number: int
    by: str | None
    difference: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def _badness(metric: str, value: float) -> float:
    """Return a number that is lower for a better value; NaN for a metric that is not in the catalogue."""
    return {"higher": -value, "lower": value, "zero": abs(value), None: math.nan}[better(metric)]


def ordered_metrics(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return metrics in the order of columns, each once.

    Parameters
    ----------
    metrics : iterable of str
        Canonical metric strings, in any order, with repetitions.

    Returns
    -------
    tuple of str
        The default metrics in their order, F1, Precision and Recall radius by radius, then the others as they come.

    Examples
    --------
    >>> ordered_metrics(["bias", "Recall@8px", "MAE", "F1@8px", "nAP", "MAE"])
    ('nAP', 'MAE', 'F1@8px', 'Recall@8px', 'bias')
    """
    names = list(dict.fromkeys(metrics))
    radii = list(dict.fromkeys(name.partition("@")[2] for name in names if _is_default(name) and name not in SHOWN))
    rates = [f"{rate}@{at}" for at in radii for rate in _RATES]
    first = [name for name in (*SHOWN, *rates) if name in names]
    return tuple(dict.fromkeys([*first, *names]))


def rankings_of(
    dataset: str, results: Sequence[Result], *, by: str | None = None, extra: Sequence[str] = ()
) -> list[Ranking]:
    """Return the rankings of one dataset.

    Parameters
    ----------
    dataset : str
        The name of the dataset.
    results : sequence of Result
        The measured and published results on it.
    by : str, optional
        The metric to rank by; by default the key metric of the rules above.
    extra : sequence of str
        Metric strings of columns beside the default ones.

    Returns
    -------
    list of Ranking
        At least one; the first also has the unranked results.

    Examples
    --------
    >>> a, b = (
    ...     Result(model=model, dataset="nwpu:val", values={"nAP": value}, source="measured", origin=model)
    ...     for model, value in (("a", 0.4), ("b", 0.5))
    ... )
    >>> [ranking] = rankings_of("nwpu:val", [a, b])
    >>> ranking.by, [(row.rank, row.result.model) for row in ranking.rows]
    ('nAP', [(1, 'b'), (2, 'a')])
    """
    measured = sorted((result for result in results if result.source == "measured"), key=lambda result: result.origin)
    published = [Row(result=result, reason="published") for result in results if result.source == "published"]
    default = default_metric(measured)
    ordered = sorted(_groups(measured, by), key=lambda group: _group_order(group, by, default))
    if not ordered:
        key = by or default_metric(results)
        rows = sorted(published, key=lambda row: _unranked_order(row.result, key))
        columns = _columns(rows, extra)
        return [Ranking(dataset=dataset, number=1, by=None, difference="", columns=columns, rows=tuple(rows))]
    first, *others = ordered
    whole = [first, *(group for group in others if len(group) > 1)]
    key = by or default_metric(first)
    top = _rows_of(first, key)[0].result
    single = [Row(result=group[0], reason=_difference(group[0], top, key)) for group in others if len(group) == 1]
    rankings = []
    for number, group in enumerate(whole, start=1):
        own = by or default_metric(group)
        rows = _rows_of(group, own)
        if number == 1:
            rows += sorted(single, key=lambda row: (row.reason, row.result.name, row.result.origin))
            rows += sorted(published, key=lambda row: _unranked_order(row.result, key))
        rows = _with_comparable(rows, own)
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
    """Return the groups of results that are equal in everything that their key metric reads.

    Without ``by``, the key metric is the default one of all results. Results without this metric are grouped by a
    default metric of their own in two cases: where two or more of them were scored with other metrics than those that
    have it, and where they are equal to no result that has it.
    """
    metric = by or default_metric(results)
    if not results or metric is None:
        return [results] if results else []
    groups: dict[Key, list[Result]] = {}
    for result in results:
        groups.setdefault(result.key(metric), []).append(result)
    if by:
        return list(groups.values())
    whole, rest = [], []
    for group in groups.values():
        if default_metric(group) != metric:
            rest += group
            continue
        # Of a group, those without the key metric that were scored with other metrics become groups of their own:
        # nAP of a and b, MAE of c and d -> [[a, b], [c, d]]; nAP of a and b, MAE of c alone -> [[a, b, c]]
        requests = {_requested_metrics(result) for result in group if metric in result.values}
        others = [
            result for result in group if metric not in result.values and _requested_metrics(result) not in requests
        ]
        apart = [own for own in _groups(others, None) if len(own) > 1]
        whole += [[result for result in group if not any(result in own for own in apart)], *apart]
    return [*whole, *_groups(rest, None)]


def _requested_metrics(result: Result) -> tuple[str | None, str | None]:
    """Return the fields of a signature that name metrics: preset and metrics."""
    _, fields = signature_fields(result.signature)
    return fields.get("preset"), fields.get("metrics")


def _group_order(group: list[Result], key: str | None, default: str | None) -> tuple[object, ...]:
    """Return the sort key of a group: more results with the key metric, then more results, then the default metric of
    all, then the newest date, then signature and fingerprint.
    """
    by = key or default_metric(group)
    keyed = sum(not math.isnan(_badness_of(result, by)) for result in group)
    newest_date = max(result.date for result in group)
    return (
        -keyed,
        -len(group),
        by != default,
        # a negative number for each letter sorts newer dates first: "2026" before "2025"
        tuple(-ord(letter) for letter in newest_date),
        group[0].signature,
        group[0].fingerprint,
    )


def default_metric(results: Sequence[Result]) -> str | None:
    """Return the key metric of results for which no metric was requested.

    Parameters
    ----------
    results : sequence of Result
        The results.

    Returns
    -------
    str or None
        nAP, F1, MAE or any other metric: the first of which a result has a value. None where no result has a value.

    Examples
    --------
    >>> values = {"MAE": 60.0, "nAP": math.nan}
    >>> default_metric([Result(model="a", dataset="nwpu:val", values=values, source="measured", origin="")])
    'MAE'
    """
    names = ordered_metrics(name for result in results for name in result.values)
    candidates = ["nAP", *(name for name in names if name.startswith("F1@")), "MAE", *names]
    return next(
        (name for name in candidates if any(not math.isnan(_badness_of(result, name)) for result in results)), None
    )


def _badness_of(result: Result, metric: str | None) -> float:
    """Return the badness of a result on a metric; NaN where it has no value."""
    return math.nan if metric is None else _badness(metric, result.values.get(metric, math.nan))


def _unranked_order(result: Result, by: str | None) -> tuple[object, ...]:
    """Return the sort key of an unranked result: by the key metric, then by MAE, then by name."""
    # NaN does not compare, so each number becomes a pair: 60.0 -> (False, 60.0), NaN -> (True, 0.0), which is last
    badness = [_badness_of(result, by), _badness_of(result, "MAE")]
    return (*((math.isnan(number), 0.0 if math.isnan(number) else number) for number in badness), result.name)


def _rows_of(group: list[Result], by: str | None) -> list[Row]:
    """Return the rows of a group: the ranked ones, then those without the key metric."""
    badness = [_badness_of(result, by) for result in group]
    keyed = sorted(
        (n for n in range(len(group)) if not math.isnan(badness[n])),
        key=lambda n: (badness[n], group[n].name, group[n].origin),
    )
    rows: list[Row] = []
    # badness [2.0, 1.0, 2.0] -> keyed [1, 0, 2] -> ranks 1, 2, 2: a tie takes the rank of the row before it
    for position, n in enumerate(keyed, start=1):
        tied = rows and badness[n] == badness[keyed[position - 2]]
        rows.append(Row(result=group[n], rank=rows[-1].rank if tied else position))
    others = [result for result, number in zip(group, badness, strict=True) if math.isnan(number)]
    for result in sorted(others, key=lambda result: (result.name, result.origin)):
        rows += [Row(result=result, reason=f"{by} undefined" if by in result.values else f"no {by or 'metric'}")]
    return rows


def _with_comparable(rows: list[Row], by: str | None) -> list[Row]:
    """Return the rows with the metrics that are comparable with the first row, and those on which a row is the best."""
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
        badness = [
            _badness_of(row.result, metric) if row.ranked_by(by) and metric in row.comparable else math.nan
            for row in rows
        ]
        finite = [number for number in badness if not math.isnan(number)]
        for metrics, number in zip(best, badness, strict=True):
            if len(finite) > 1 and number == min(finite):
                metrics.add(metric)
    return [replace(row, best=frozenset(metrics)) for row, metrics in zip(rows, best, strict=True)]


def _difference(result: Result, other: Result, metric: str | None) -> str:
    return result.difference(other, metric or "")


def _columns(rows: Sequence[Row], extra: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that a ranking shows: of those that its rows have, the default and the requested ones."""
    names = [name for row in rows for name in row.result.values]
    return ordered_metrics(name for name in names if name in extra or _is_default(name))


def _is_default(metric: str) -> bool:
    """Return whether a metric is a default column: in ``SHOWN``, or a rate at a radius without groups."""
    name, _, at = metric.partition("@")
    return metric in SHOWN or (name in _RATES and bool(at) and " " not in at)
