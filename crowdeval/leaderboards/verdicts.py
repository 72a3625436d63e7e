"""Verdicts on the results of a ranking: which differences are real, shared ranks, intervals of the numbers shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import FormatError, MissingFileError, UsageError, listed
from crowdeval.evaluation.parts import evidence_beside
from crowdeval.leaderboards.rankings import Ranking, Row, ordered_metrics
from crowdeval.leaderboards.results import Result
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.localization import COUNTS
from crowdeval.statistics.averaged import averaged
from crowdeval.statistics.certainty import Resampling, intervals_of
from crowdeval.statistics.comparison import Difference, Testing, differences, ranks
from crowdeval.statistics.influence import errors_of
from crowdeval.statistics.quantities import Numbers, numbers_of, split_label


def with_verdicts(ranking: Ranking, notes: list[str], resampling: Resampling, *, significance: bool) -> Ranking:
    """Return a ranking with verdicts against the best of each column, shared ranks, and intervals.

    Parameters
    ----------
    ranking : Ranking
        The ranking.
    notes : list of str
        Sentences about differences that can't be tested are added to it.
    resampling : Resampling
        How intervals and tests are made; with a level, rows get intervals.
    significance : bool
        Whether differences are tested.

    Returns
    -------
    Ranking
    """
    own = [n for n, row in enumerate(ranking.rows) if row.ranked_by(ranking.by)]
    rows = list(ranking.rows)
    numbers = {n: _numbers(rows[n].result, ranking.columns, notes) for n in own}
    for n in own:
        if resampling.level is not None:
            found = intervals_of(numbers[n], list(errors_of(numbers[n])[0]), resampling)[0]
            rows[n] = replace(rows[n], intervals=found)
        if rows[n].result.seeds:
            sizes = {metric: error.size for metric, error in errors_of(numbers[n])[0].items()}
            rows[n] = replace(rows[n], errors=sizes)
    if significance:
        pairs = _tested(ranking, rows, numbers, resampling)
        rows = [_with(row, n, ranking, pairs) for n, row in enumerate(rows)]
        notes += _untested(ranking, rows, numbers)
    return replace(ranking, rows=tuple(rows))


def _tested(
    ranking: Ranking, rows: Sequence[Row], numbers: Mapping[int, Numbers], resampling: Resampling
) -> dict[str, list[Difference]]:
    """Return the differences of all pairs, by metric; systems are named by the position of their row."""
    # Metrics that the same rows have are tested together, so that their resamples are drawn once.
    together: dict[tuple[int, ...], list[str]] = {}
    for metric in ranking.columns:
        members = [n for n, own in numbers.items() if metric in own.by_key and metric in rows[n].comparable]
        if len(members) > 1:
            together.setdefault(tuple(members), []).append(metric)
    testing = Testing(level=resampling.level or 0.95, resamples=resampling.resamples, seed=resampling.seed)
    found: dict[str, list[Difference]] = {}
    for group, metrics in together.items():
        if len({numbers[n].units.names for n in group}) == 1:
            found |= differences({str(n): numbers[n] for n in group}, metrics, testing)
    return found


def _with(row: Row, number: int, ranking: Ranking, pairs: Mapping[str, Sequence[Difference]]) -> Row:
    """Return a row with its verdicts against the best of each column, and its ranks by the key metric."""
    verdicts = {}
    for metric, own in pairs.items():
        best = next((n for n, each in enumerate(ranking.rows) if metric in each.best), None)
        pair = next((pair for pair in own if {pair.a, pair.b} == {str(number), str(best)}), None)
        if pair is not None and number != best:
            verdicts[metric] = pair if pair.a == str(number) else pair.reversed
    span = None
    key = pairs.get(ranking.by or "")
    if key is not None and row.rank is not None:
        names = list(dict.fromkeys(name for pair in key for name in (pair.a, pair.b)))
        ranked = sum(each.rank is not None for each in ranking.rows)
        span = ranks(names, key).get(str(number)) if len(names) == ranked else None
    return replace(row, verdicts=verdicts, ranks=span)


def _untested(ranking: Ranking, rows: Sequence[Row], numbers: Mapping[int, Numbers]) -> list[str]:
    """Return the note about results that lack what a test needs."""
    untested: dict[str, list[str]] = {}
    for metric in ranking.columns:
        having = [n for n in numbers if metric in rows[n].result.values and metric in rows[n].comparable]
        if len(having) < 2 or split_label(metric)[0].name in COUNTS:
            continue
        for n in having:
            if metric not in numbers[n].by_key and numbers[n].without.get(metric, _NOTHING) == _NOTHING:
                untested.setdefault(rows[n].result.name, []).append(metric)
    if not untested:
        return []
    metrics = ordered_metrics(metric for names in untested.values() for metric in names)
    return [
        f"{ranking.dataset}: {', '.join(metrics)} not tested for {listed(untested)}: no evidence; "
        "write it with crowdeval score PREDICTIONS ANNOTATIONS --evidence FILE -o REPORT"
    ]


_NOTHING = "no evidence"


def _numbers(result: Result, metrics: Sequence[str], notes: list[str]) -> Numbers:
    """Return the numbers of a result as functions of sums over images; those without columns are left out."""
    report = result.report
    values = {metric: result.values[metric] for metric in metrics if metric in result.values}
    if result.seeds:
        seeds = [_numbers(seed, metrics, notes) for seed in result.seeds]
        return averaged(seeds) if len({own.units.names for own in seeds}) == 1 else _without(values)
    evidence = _evidence(result, notes)
    if report is None or evidence is None:
        return _without(values)
    found: Numbers | None = None
    for metric, value in values.items():
        try:
            own = numbers_of(evidence, {metric: value}, report.protocol)
        except (KeyError, UsageError):  # the evidence, or the table, has no column of this metric
            own = _without({metric: value})
        if found is None:
            found = Numbers(own.units)
        found = Numbers(own.units if own.by_key else found.units, {**found.by_key, **own.by_key},
                        {**found.without, **own.without})  # fmt: skip
    return found or _without(values)


def _without(values: Mapping[str, float]) -> Numbers:
    from crowdeval.statistics.contract import Units

    return Numbers(Units.of([]), without=dict.fromkeys(values, _NOTHING))


def _evidence(result: Result, notes: list[str]) -> Evidence | None:
    """Return the evidence of a result, or what its per-image table holds of it; None where it has neither."""
    report = result.report
    if report is None:
        return None
    if report.evidence is not None:
        try:
            return evidence_beside(report.evidence, result.origin)
        except (FormatError, MissingFileError) as problem:
            notes.append(f"{result.name}: {problem}")
    return None if report.per_image is None else evidence_of_table(report.per_image)


def evidence_of_table(table: Mapping[str, NDArray[Any]]) -> Evidence | None:
    """Return the columns of evidence that a per-image table of a report holds exactly: counts, TP, FP and FN.

    Parameters
    ----------
    table : mapping of str to array, (m,)
        The table.

    Returns
    -------
    Evidence or None
        None where the table has no ids.

    Examples
    --------
    >>> table = {"image": np.array(["a"], dtype=object), "true_count": np.array([5.0]), "count_error": np.array([-2.0])}
    >>> evidence_of_table(table).images["estimated"].tolist()
    [3.0]
    """
    if "image" not in table:
        return None
    ids = tuple(str(name) for name in table["image"])
    true = table.get("true_count", table.get("true_points"))
    images: dict[str, NDArray[Any]] = {} if true is None else {"true": np.asarray(true, dtype=np.float64)}
    if true is not None and "count_error" in table:
        images["estimated"] = images["true"] + np.asarray(table["count_error"], dtype=np.float64)
    radii = [name.removeprefix("TP@") for name in table if name.startswith("TP@") and f"FP@{name[3:]}" in table]
    fixed = [at for at in radii if at.endswith("px")]
    for at in radii:
        images["predicted"] = np.asarray(table[f"TP@{at}"] + table[f"FP@{at}"])
        images |= {} if at in fixed else {f"hits@{at}": np.asarray(table[f"TP@{at}"])}
    thresholds = {}
    if fixed:
        images["hits@px"] = np.stack([table[f"TP@{at}"] for at in fixed], axis=1)
        thresholds["px"] = tuple(float(at.removesuffix("px")) for at in fixed)
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    return Evidence(image_ids=ids, offsets=offsets, images=images, thresholds=thresholds)
