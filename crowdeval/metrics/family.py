"""What a family of metrics is to the rest: catalogue entries, what the data lack, a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from crowdeval.metrics.strings import Metric
from crowdeval.options import Area, Pool
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
        One number an image a quantity, where they are asked for.
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
    """What a family measures: aligned predictions and annotations, the options, and how much is wanted.

    ``per_image`` asks for the columns of one number an image as well.
    """

    predictions: Predictions
    annotations: Annotations
    options: Options
    per_image: bool = False


class Family(Protocol):
    """Metrics that are measured together. Third parties register one per name under ``crowdeval.metrics``."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The catalogue lines of this family."""

    def canonical(self, metric: Metric) -> Metric:
        """Return the metric with defaults and aliases resolved; raise UsageError where it means nothing."""

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return what the data lack for a metric and where it could come from, or None where nothing is."""

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return the values of the metrics asked for, none of which lacks anything."""
