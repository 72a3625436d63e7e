"""What a metric is to the rest: a string that parses and prints back, a catalogue entry, a measurement.

Grammar of a metric string: ``NAME``, then optionally ``(ORDER)``, ``[LEVEL]``, ``@THRESHOLD`` and `` by GROUP``:
``nAP``, ``nAP@0.25``, ``MAE``, ``MAE[S]``, ``F1@sigma_l``, ``Recall@sigma_l by level``, ``GAME(2)``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from crowdeval.curves import Area
from crowdeval.errors import UsageError
from crowdeval.points import Annotations, Predictions
from crowdeval.ranges import parse_range, range_text

_STRING = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9-]*)(?:\((?P<order>\d+)\))?(?:\[(?P<level>[^\]\s]+)\])?"
    r"(?:@(?P<at>\S+))?(?: by (?P<by>\S.*))?"
)


LONGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One parsed metric string.

    >>> str(Metric.parse("Recall@sigma_l by level"))
    'Recall@sigma_l by level'
    """

    name: str
    order: str | None = None
    level: str | None = None
    at: str | None = None
    by: str | None = None

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Return the parts of a metric string; raise UsageError where it is none."""
        match = _STRING.fullmatch(text.strip())
        if match is None:
            raise UsageError(f"{text!r} is not a metric string (NAME, NAME@THRESHOLD, NAME by GROUP, ...)")
        if len(text) > LONGEST:
            raise UsageError(f"{text[:40]!r}...: a metric string has at most {LONGEST} characters")
        return cls(**match.groupdict())

    def __str__(self) -> str:
        text = self.name
        text += f"({self.order})" if self.order is not None else ""
        text += f"[{self.level}]" if self.level is not None else ""
        text += f"@{self.at}" if self.at is not None else ""
        return text + (f" by {self.by}" if self.by is not None else "")

    def plain(self, *allowed: Literal["order", "level", "at", "by"]) -> Metric:
        """Return this metric; raise UsageError if it carries a part that is not ``allowed``."""
        for part in ("order", "level", "at", "by"):
            if part not in allowed and getattr(self, part) is not None:
                raise UsageError(f"{str(self)!r}: {self.name} takes no {_PARTS[part]}")
        return self


_PARTS = {"order": "(ORDER)", "level": "[LEVEL]", "at": "@THRESHOLD", "by": "'by GROUP'"}


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
    """What a family found: values by metric string, columns of one number an image, notices (``name: text``)."""

    values: dict[str, float] = field(default_factory=dict)
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def update(self, other: Measured) -> None:
        """Take over what another family found."""
        self.values.update(other.values)
        self.columns.update(other.columns)
        self.notices += other.notices


def pixels(metric: Metric, example: str) -> tuple[float, ...]:
    """Return the radii of ``NAME@8px`` or ``NAME@1:1:100px``; raise UsageError where unit or number is missing."""
    if metric.at is None or not metric.at.endswith("px"):
        raise UsageError(f"{str(metric)!r}: expected {metric.name}@ and {example}")
    return parse_range(metric.at.removesuffix("px"), name=str(metric))


def pixels_text(radii: Sequence[float]) -> str:
    """Return the shortest spelling of radii: ``8px``, ``1:1:100px``."""
    return f"{range_text(radii)}px"


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
    def pool(self) -> Literal["set", "image"]: ...  # noqa: D102
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
