"""A leaderboard from results: the rankings of each dataset, notes on results left out, tests of differences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crowdeval.errors import UsageError, did_you_mean, listed
from crowdeval.leaderboards.rankings import Ranking, default_metric, ordered_metrics, rankings_of
from crowdeval.leaderboards.results import Result, newest_results, pooled_seeds
from crowdeval.metrics import canonical
from crowdeval.plugins import Extensions
from crowdeval.statistics.certainty import Resampling

FORMS: Extensions[Any] = Extensions("leaderboard format", "crowdeval.leaderboard_renderers")
"""Name of a form to its function of a leaderboard; ``crowdeval.render`` has them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaderboard:
    """The rankings of all datasets.

    Attributes
    ----------
    rankings : tuple of Ranking
        One or more for each dataset; datasets with measured results come first.
    notes : tuple of str
        Sentences about results that were left out and differences that were not tested.
    tested : bool
        Whether differences were tested for significance.
    level : float, optional
        The level of the confidence intervals; None without intervals.
    settings : str
        How tests and intervals were made.
    """

    rankings: tuple[Ranking, ...]
    notes: tuple[str, ...] = ()
    tested: bool = False
    level: float | None = None
    settings: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The metrics of all rankings, each once."""
        return ordered_metrics(metric for ranking in self.rankings for metric in ranking.columns)

    def text(self, form: str = "table", *, best: bool = False) -> str:
        """Return the leaderboard as text.

        Parameters
        ----------
        form : str
            ``table``, ``csv``, ``markdown``, ``latex`` or ``html``.
        best : bool
            Mark the best value of each column of a ranking.

        Returns
        -------
        str

        Raises
        ------
        UsageError
            If there is no such form.
        """
        rendered: str = FORMS[form](self, best=best)
        return rendered

    def __str__(self) -> str:
        """Return the tables that ``crowdeval leaderboard`` prints."""
        return self.text().rstrip("\n")

    def __repr__(self) -> str:
        """Return one line: the rankings, each with its number of results."""
        rankings = (f"{ranking.dataset}: {len(ranking.rows)}" for ranking in self.rankings)
        return f"Leaderboard({', '.join(rankings)})"


def leaderboard(
    results: Iterable[Result],
    *,
    by: str | None = None,
    dataset: str | None = None,
    metrics: Sequence[str] = (),
    significance: bool = False,
    resampling: Resampling | None = None,
    seeds: bool = False,
) -> Leaderboard:
    """Return the leaderboard of results.

    Parameters
    ----------
    results : iterable of Result
        Measured and published results.
    by : str, optional
        The metric to rank by; by default nAP, F1 or MAE, the first of them that a ranking has.
    dataset : str, optional
        Rank only this dataset, ``NAME`` or ``NAME:SPLIT``.
    metrics : sequence of str
        Metric strings of columns beside the default ones.
    significance : bool
        Test each difference from the best result of a ranking, where the reports have per-image tables or evidence.
    resampling : Resampling, optional
        How tests and intervals are made; with a level, values get intervals.
    seeds : bool
        Show the results of one model, whatever its revision and configuration, as one row: the mean of its seeds.

    Returns
    -------
    Leaderboard
        Rankings, and notes on results left out.

    Raises
    ------
    UsageError
        If no result is of the dataset, or none has the metric.

    Examples
    --------
    >>> results = [
    ...     Result(model=model, dataset="nwpu:val", values={"MAE": mae}, source="measured", origin=f"{model}.json")
    ...     for model, mae in (("a", 60.0), ("b", 50.0))
    ... ]
    >>> [(row.rank, row.result.model) for row in leaderboard(results).rankings[0].rows]
    [(1, 'b'), (2, 'a')]
    """
    chosen = _of_dataset(list(results), dataset)
    key = None if by is None else _require_metric(canonical(by), chosen)
    extra = [_require_metric(canonical(name), chosen) for name in (*metrics, *([by] if by else []))]
    rankings: list[Ranking] = []
    notes: list[str] = []
    for name in sorted({result.dataset for result in chosen}, key=lambda dataset: _dataset_order(dataset, chosen)):
        own = [result for result in chosen if result.dataset == name]
        metric = key or default_metric([result for result in own if result.source == "measured"])
        own, left_out = newest_results(own, metric, seeds=seeds)
        own = pooled_seeds(own, metric) if seeds else own
        rankings += rankings_of(name, own, by=key, extra=extra)
        notes += left_out
    settings = resampling or Resampling()
    if significance or settings.level is not None or seeds:
        from crowdeval.leaderboards.verdicts import with_verdicts

        rankings = [with_verdicts(ranking, notes, settings, significance=significance) for ranking in rankings]
    return Leaderboard(
        rankings=tuple(rankings),
        notes=tuple(notes),
        tested=significance,
        level=settings.level,
        settings=settings.settings,
    )


def _of_dataset(results: list[Result], dataset: str | None) -> list[Result]:
    """Return the results of a dataset or of one split; raise UsageError where there are none."""
    if dataset is None:
        return results
    chosen = [result for result in results if dataset in (result.dataset, result.dataset.partition(":")[0])]
    if not chosen:
        known = sorted({result.dataset for result in results})
        raise UsageError(
            f"no result is of the dataset {dataset!r}{did_you_mean(dataset, known)} (results are of: "
            f"{listed(known, most=20)})"
        )
    return chosen


def _require_metric(metric: str, results: list[Result]) -> str:
    """Return the metric; raise UsageError where no result has it."""
    known = ordered_metrics(name for result in results for name in result.values)
    if metric not in known:
        raise UsageError(
            f"no result has {metric}{did_you_mean(metric, known)} (results have: {listed(known, most=40)}); crowdeval "
            f"score --metric {metric!r} adds it to a report"
        )
    return metric


def _dataset_order(dataset: str, results: list[Result]) -> tuple[bool, str]:
    """Return the sort key of a dataset: those with measured results first, then by name."""
    return not any(result.dataset == dataset and result.source == "measured" for result in results), dataset
