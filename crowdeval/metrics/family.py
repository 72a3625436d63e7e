"""What a family of metrics is to the rest: its catalogue, its evidence, and the values taken from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeGuard

from numpy.typing import NDArray

from crowdeval.metrics.evidence import Bits, Evidence
from crowdeval.metrics.strings import Metric
from crowdeval.metrics.sums import Weights
from crowdeval.options import Area, Pool
from crowdeval.points.ragged import Integers
from crowdeval.points.sets import Annotations, Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the catalogue: what ``crowdeval metrics`` lists."""

    string: str
    title: str
    better: Literal["higher", "lower", "zero"]
    unit: str
    source: str


@dataclass(slots=True, kw_only=True)
class Measured:
    """What a family found.

    Attributes
    ----------
    values : dict of str to float
        Number by metric string; NaN where undefined.
    columns : dict of str to array, (m,)
        One number an image a quantity; of a family that has no evidence.
    notices : list of str
        What a user should know of the values, ``name: text`` each.
    undefined : list of str
        A sentence for each metric without a value: ``"NAE is undefined: no image has true points"``.
    """

    values: dict[str, float] = field(default_factory=dict)
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    undefined: list[str] = field(default_factory=list)

    def update(self, other: Measured) -> None:
        """Take over what another family found."""
        self.values.update(other.values)
        self.columns.update(other.columns)
        self.notices += other.notices
        self.undefined += other.undefined


@dataclass(frozen=True, slots=True)
class Reads:
    """What a metric depends on.

    Attributes
    ----------
    options : frozenset of str
        Fields of the signature: ``"k"``, ``"ap"``. Those that decide which points and images there are (missing, ids,
        off-image) go for every metric and are not named.
    columns : frozenset of str
        Columns of the annotations: ``"points"``, ``"boxes"``, ``"attribute:weather"``.
    """

    options: frozenset[str]
    columns: frozenset[str]


def reads(options: str = "", columns: str = "points") -> Reads:
    """Return what a metric depends on, from names with blanks between them.

    >>> sorted(reads("k lone").options)
    ['k', 'lone']
    """
    return Reads(frozenset(options.split()), frozenset(columns.split()))


NO_POINTS = "predicted points; these predictions give counts only"
"""What a count-only method lacks for a metric of points."""


class Options(Protocol):
    """The part of the evaluation protocol that metrics read."""

    @property
    def delta(self) -> tuple[float, ...]: ...  # noqa: D102
    @property
    def k(self) -> int: ...  # noqa: D102
    @property
    def lone(self) -> str: ...  # noqa: D102
    @property
    def pool(self) -> Pool: ...  # noqa: D102
    @property
    def ap(self) -> Area: ...  # noqa: D102
    @property
    def count_threshold(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What a family looks at: aligned predictions and annotations, and the options.

    ``per_image`` asks a family without evidence for the columns of one number an image as well.
    """

    predictions: Predictions
    annotations: Annotations
    options: Options
    per_image: bool = False

    def evidence(
        self,
        *,
        images: Mapping[str, NDArray[Any]] | None = None,
        rows: Mapping[str, Bits] | None = None,
        thresholds: Mapping[str, tuple[float, ...]] | None = None,
    ) -> Evidence:
        """Return a family's columns as evidence on the scene's images, beside the true counts.

        Confidences are there only where there are rows.
        """
        return Evidence(
            image_ids=self.annotations.image_ids,
            offsets=self.predictions.offsets,
            score=self.predictions.score if rows else None,
            images={"true": self.annotations.counts, **(images or {})},
            rows=rows or {},
            thresholds=thresholds or {},
        )


class Measuring(Protocol):
    """The least that a third party's family has: it measures, and keeps no evidence."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The catalogue lines of this family."""

    def canonical(self, metric: Metric) -> Metric:
        """Return the metric with defaults and aliases resolved; raise UsageError where it means nothing."""

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return what the data lack for a metric and where it could come from, or None where nothing is."""

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return the values of the metrics asked for, none of which lacks anything."""


class Family(Protocol):
    """Metrics that are measured together. Third parties register one per name under ``crowdeval.metrics``."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The catalogue lines of this family."""

    def canonical(self, metric: Metric) -> Metric:
        """Return the metric with defaults and aliases resolved; raise UsageError where it means nothing."""

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return what the data lack for a metric and where it could come from, or None where nothing is."""

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return whether images that lack something for a metric still leave it as it is in a whole.

        An image without heads has no boxes, and needs none.
        """

    def reads(self, metric: Metric) -> Reads:
        """Return the options and columns that a metric depends on."""

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the columns from which the metrics asked for are taken."""

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return values and notices.

        Parameters
        ----------
        asked : sequence of Metric
            None of which is among the evidence's ``lacks``.
        evidence : Evidence
            What this family's ``evidence`` returned, or several such put together.
        options : Options
            Of which ``ap`` and ``pool`` are read.
        weights : array of int, (m,), optional
            How often each image counts; groups and their edges stay those of the full set.

        Raises
        ------
        UsageError
            If evidence has no such threshold; names those it has.
        """

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return the per-image table's columns, (m,) each."""


def outcomes(at: str, hits: Integers, predicted: Integers, true: Integers) -> dict[str, NDArray[Any]]:
    """Return the per-image columns TP, FP and FN at a threshold, from hits, predictions and true points, (m,) each.

    >>> import numpy as np
    >>> {name: column.tolist() for name, column in outcomes("8px", *np.array([[2, 0], [3, 1], [2, 4]])).items()}
    {'TP@8px': [2, 0], 'FP@8px': [1, 1], 'FN@8px': [0, 4]}
    """
    return {f"TP@{at}": hits, f"FP@{at}": predicted - hits, f"FN@{at}": true - hits}


def has_evidence(family: Family | Measuring) -> TypeGuard[Family]:
    """Return whether a family keeps evidence; a third party's need not."""
    return hasattr(family, "evidence")
