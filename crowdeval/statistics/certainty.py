"""The certainty of the numbers of a report: standard errors always, intervals where they are asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crowdeval.errors import UsageError
from crowdeval.evaluation.certainty import Certainty, Influence, Interval
from crowdeval.evaluation.protocol import Protocol
from crowdeval.metrics.evidence import GROUP, Evidence
from crowdeval.metrics.groups import QUARTILES
from crowdeval.options import INTERVALS, RESAMPLES, SEED, IntervalMethod
from crowdeval.statistics.curves import BINS
from crowdeval.statistics.influence import CARRIES, by_sums, changes_of, errors_of
from crowdeval.statistics.intervals import interval
from crowdeval.statistics.quantities import Numbers, clusters_of, numbers_of
from crowdeval.statistics.resampling import bootstrap

MOST_RESAMPLES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How intervals and tests are made.

    Parameters
    ----------
    level : float, optional
        The level of confidence of intervals, such as 0.95; None for standard errors alone.
    resamples : int
        Number of resamples.
    seed : int
        Seed of the random numbers.
    method : {"bootstrap-t", "percentile", "bca", "basic"}
        The method of intervals.
    exact : bool
        Whether resamples of ranked lists are computed without bins.
    cluster : str
        The attribute of the images that tells the clusters which are resampled.
    cluster_id : str
        A regular expression on image ids that tells them.

    Raises
    ------
    UsageError
        If a value is out of its range.

    Examples
    --------
    >>> Resampling(level=0.95).settings
    'intervals@1|ci:0.95|method:bootstrap-t|resamples:1000|seed:0|bins:200|cluster:none'
    """

    level: float | None = None
    resamples: int = RESAMPLES
    seed: int = SEED
    method: IntervalMethod = "bootstrap-t"
    exact: bool = False
    cluster: str = ""
    cluster_id: str = ""

    def __post_init__(self) -> None:
        for name in ("resamples", "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise UsageError(f"{name}: expected a whole number, found {value!r}")
        if self.level is not None and (isinstance(self.level, bool) or not isinstance(self.level, int | float)):
            raise UsageError(f"ci: expected a level of confidence such as 0.95, found {self.level!r}")
        if self.level is not None and not 0 < self.level < 1:
            raise UsageError(f"ci: expected a level of confidence between 0 and 1, such as 0.95, found {self.level!r}")
        # One resample in each tail; 2 / (1 - 0.9) is 20.000000000000004 in float64.
        fewest = 1 if self.level is None else math.ceil(round(2 / (1 - self.level), 6))
        if self.resamples < fewest and self.level is not None:
            raise UsageError(
                f"resamples: expected at least {fewest} for a level of {self.level}, found {self.resamples}"
            )
        if not 1 <= self.resamples <= MOST_RESAMPLES:
            raise UsageError(f"resamples: expected a number from 1 to {MOST_RESAMPLES:,}, found {self.resamples}")
        if self.seed < 0:
            raise UsageError(f"seed: expected a whole number of at least 0, found {self.seed}")
        if self.method not in INTERVALS:
            raise UsageError(f"method: expected one of {', '.join(INTERVALS)}, found {self.method!r}")
        if self.cluster and self.cluster_id:
            raise UsageError("cluster and cluster-id are two ways to say the same; give one")

    @property
    def groups(self) -> tuple[str, ...]:
        """The attributes that evidence has to keep."""
        return (self.cluster,) if self.cluster else ()

    @property
    def has_clusters(self) -> bool:
        """Whether images are resampled in clusters."""
        return bool(self.cluster or self.cluster_id)

    @property
    def settings(self) -> str:
        """The second line below a report with intervals."""
        level = "none" if self.level is None else f"{self.level:g}"
        cluster = f"id={self.cluster_id}" if self.cluster_id else self.cluster or "none"
        bins = "none" if self.exact else str(BINS)
        return (
            f"intervals@1|ci:{level}|method:{self.method}|resamples:{self.resamples}|seed:{self.seed}|bins:{bins}"
            f"|cluster:{cluster}"
        )


def certainty_of(
    evidence: Evidence, values: Mapping[str, float], protocol: Protocol, resampling: Resampling
) -> Certainty:
    """Return the standard errors of the values of a report, and intervals where a level is given.

    Parameters
    ----------
    evidence : Evidence
        The evidence behind the report.
    values : mapping of str to float
        Its values.
    protocol : Protocol
        Its protocol.
    resampling : Resampling
        How intervals are made, and what the units are.

    Returns
    -------
    Certainty

    Raises
    ------
    UsageError
        If an image is in no cluster.

    Examples
    --------
    >>> from crowdeval import Annotations, Predictions
    >>> from crowdeval.evaluation.evaluate import report_and_evidence
    >>> truth = Annotations(image_ids=["a", "b", "c"], offsets=[0, 0, 0, 0], xy=[], counts=[3, 9, 4], located=False)
    >>> found = Predictions(image_ids=["a", "b", "c"], offsets=[0] * 4, xy=[], counts=[4, 7, 10], located=False)
    >>> report, evidence = report_and_evidence(found, truth, protocol=Protocol(metrics=["MAE"]))
    >>> certainty_of(evidence, report.values, report.protocol, Resampling()).errors  # of 1, 2 and 6
    {'MAE': 1.5275252316519468}
    """
    numbers = resampled_units(evidence, values, protocol, resampling)
    found, reasons = errors_of(numbers)
    intervals: dict[str, Interval] = {}
    if resampling.level is not None:
        intervals, without = intervals_of(numbers, list(found), resampling)
        reasons |= without
    return Certainty(
        errors={key: error.size for key, error in found.items()},
        intervals=intervals,
        influence={
            key: Influence(error.heaviest, error.share, error.without)
            for key, error in found.items()
            if error.share >= CARRIES
        },
        reasons=reasons,
        bound=max((sums.bound(key) for sums, keys in by_sums(numbers, list(intervals)) for key in keys), default=0.0),
        settings=resampling.settings if resampling.level is not None or resampling.has_clusters else "",
    )


def resampled_units(
    evidence: Evidence, values: Mapping[str, float], protocol: Protocol, resampling: Resampling
) -> Numbers:
    """Return the values of a report as functions of sums over the units that are resampled.

    Parameters
    ----------
    evidence, values, protocol, resampling
        As for ``certainty_of``.

    Returns
    -------
    Numbers

    Raises
    ------
    UsageError
        If an image is in no cluster.
    """
    clusters = None
    if resampling.has_clusters:
        name = resampling.cluster
        if name and GROUP + name not in evidence.images and name not in QUARTILES:
            raise UsageError(f"cluster: neither these annotations nor this evidence has the attribute {name!r}")
        clusters = clusters_of(evidence, attribute=name, pattern=resampling.cluster_id)
    return numbers_of(evidence, values, protocol, clusters=clusters, exact=resampling.exact)


def intervals_of(
    numbers: Numbers, keys: Sequence[str], resampling: Resampling
) -> tuple[dict[str, Interval], dict[str, str]]:
    """Return the intervals of numbers, and the reasons why others have none.

    Parameters
    ----------
    numbers : Numbers
        The numbers.
    keys : sequence of str
        Those that have a standard error.
    resampling : Resampling
        How intervals are made; it has a level.

    Returns
    -------
    intervals : dict of str to Interval
    reasons : dict of str to str
    """
    if resampling.level is None or not keys:
        return {}, {}
    drawn = bootstrap([numbers], keys, [(0, 0)], resamples=resampling.resamples, seed=resampling.seed)
    changes = changes_of(numbers, keys)
    intervals, reasons = {}, {}
    for key in keys:
        found = interval(
            numbers.by_key[key], drawn[key][0], changes[key], level=resampling.level, method=resampling.method
        )
        if isinstance(found, Interval):
            intervals[key] = found
        else:
            reasons[key] = found
    return intervals, reasons
