"""The contract of a metric family: its catalogue, its evidence, and the values that are computed from evidence."""

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
    """One line of the catalogue that ``crowdeval metrics`` prints.

    Attributes
    ----------
    string : str
        A metric string, as an example: ``"F1@8px"``.
    title : str
        Description in a few words.
    better : {"higher", "lower", "zero"}
        The direction in which a value is better.
    unit : str
        ``"1"``, ``"people"``, ``"pixels"``, ...
    source : str
        The paper or convention that defines the metric.
    """

    string: str
    title: str
    better: Literal["higher", "lower", "zero"]
    unit: str
    source: str


@dataclass(slots=True, kw_only=True)
class Measured:
    """The values of a family, with its notices.

    Attributes
    ----------
    values : dict of str to float
        Number by metric string; NaN where undefined.
    columns : dict of str to array, (m,)
        Columns of the per-image table; only filled by a family without evidence.
    notices : list of str
        Facts that a user should know about the values, each as ``name: text``.
    undefined : list of str
        A sentence for each metric without a value: ``"NAE is undefined: no image has true points"``.
    """

    values: dict[str, float] = field(default_factory=dict)
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    undefined: list[str] = field(default_factory=list)

    def update(self, other: Measured) -> None:
        """Add the values, columns and notices of another family.

        Parameters
        ----------
        other : Measured
            Added to this one in place; it is not changed itself.

        Examples
        --------
        >>> measured = Measured(values={"MAE": 1.5})
        >>> measured.update(Measured(values={"nAP": 0.5}))
        >>> measured.values
        {'MAE': 1.5, 'nAP': 0.5}
        """
        self.values.update(other.values)
        self.columns.update(other.columns)
        self.notices += other.notices
        self.undefined += other.undefined


@dataclass(frozen=True, slots=True)
class Reads:
    """The options and columns that a metric depends on; two results are compared only if these are equal.

    Attributes
    ----------
    options : frozenset of str
        Keys of the signature: ``"k"``, ``"ap"``. The keys that select points and images (``miss``, ``ids``, ``off``)
        apply to every metric and are not listed.
    columns : frozenset of str
        Columns of the annotations: ``"points"``, ``"boxes"``, ``"attribute:weather"``.
    """

    options: frozenset[str]
    columns: frozenset[str]


def reads(options: str = "", columns: str = "points") -> Reads:
    """Return the options and columns that a metric depends on, from names separated by blanks.

    Parameters
    ----------
    options : str
        Keys of the signature.
    columns : str
        Columns of the annotations.

    Returns
    -------
    Reads
        The names as two sets.

    Examples
    --------
    >>> sorted(reads("k lone").options)
    ['k', 'lone']
    """
    return Reads(frozenset(options.split()), frozenset(columns.split()))


NO_POINTS = "predicted points; these predictions give counts only"
"""The reason why a metric of points can't be measured for a method that predicts counts only."""


class Options(Protocol):
    """The part of the evaluation protocol that metrics read; ``crowdeval.Protocol`` documents each option."""

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
    """The input of a family: aligned predictions and annotations, and the options.

    Attributes
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order.
    options : Options
        The protocol.
    per_image : bool
        Whether a family without evidence also returns columns for the per-image table.
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
        """Return the columns of a family as evidence on the images of this scene.

        The true counts are added; the confidences are added only if there are columns of predictions.

        Parameters
        ----------
        images : mapping of str to array, (m,) or (m, width), optional
            Columns with one row for each image.
        rows : mapping of str to array of uint8, (M, ceil(T / 8)), optional
            Hits of single predictions, one bit for each of T thresholds.
        thresholds : mapping of str to tuple of float, optional
            The thresholds of each column that has several.

        Returns
        -------
        Evidence
            Without a signature; ``Evidence.with_columns`` adds it to that of the set.

        Examples
        --------
        >>> from crowdeval import PAPER
        >>> scene = Scene(
        ...     predictions=Predictions(image_ids=["a"], offsets=[0, 0], xy=[]),
        ...     annotations=Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]]),
        ...     options=PAPER,
        ... )
        >>> scene.evidence().images["true"].tolist()
        [1]
        """
        return Evidence(
            image_ids=self.annotations.image_ids,
            offsets=self.predictions.offsets,
            score=self.predictions.score if rows else None,
            images={"true": self.annotations.counts, **(images or {})},
            rows=rows or {},
            thresholds=thresholds or {},
        )


class Catalogued(Protocol):
    """The part that all families have: a catalogue, the spelling of metrics, and the things that the data may lack."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The catalogue lines of this family."""

    def canonical(self, metric: Metric) -> Metric:
        """Return the metric with its defaults filled in and aliases resolved.

        Parameters
        ----------
        metric : Metric
            A parsed metric string with the name of this family.

        Returns
        -------
        Metric
            The spelling under which the value is reported.

        Raises
        ------
        UsageError
            If a part of the string does not fit the metric.
        """

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return the thing that a metric needs and the data lack.

        Parameters
        ----------
        metric : Metric
            A canonical metric.
        scene : Scene
            The data and the options.

        Returns
        -------
        str or None
            The object of the sentence "METRIC needs ...", with the formats or datasets that provide it:
            ``"head boxes; the dataset nwpu carries them"``. None if the metric can be measured.
        """


class Measuring(Catalogued, Protocol):
    """The smallest family that a plugin can register: it measures values, and keeps no evidence."""

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return the values of the requested metrics.

        Parameters
        ----------
        asked : sequence of Metric
            Canonical metrics for which ``lacking`` returned None.
        scene : Scene
            The data and the options.

        Returns
        -------
        Measured
            One value for each metric, and columns if ``scene.per_image`` is set.
        """


class Family(Catalogued, Protocol):
    """Metrics that are measured together, by way of evidence.

    A plugin registers its family once for each metric name, under the entry-point group ``crowdeval.metrics``.
    """

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return whether the metric of a larger set can be measured although these images lack something for it.

        Parameters
        ----------
        metric : Metric
            A canonical metric for which ``lacking`` returned a reason.
        scene : Scene
            A part of a set, and the options.

        Returns
        -------
        bool
            True if the images add nothing to the metric: an image without heads has no boxes and needs none.
        """

    def reads(self, metric: Metric) -> Reads:
        """Return the options and columns that a metric depends on.

        Parameters
        ----------
        metric : Metric
            A canonical metric.

        Returns
        -------
        Reads
            Results are compared only if these options and columns are equal.
        """

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the columns from which the requested metrics are computed.

        Parameters
        ----------
        asked : sequence of Metric
            Canonical metrics. Each can be measured, or is one that these images spare (``spares``).
        scene : Scene
            The data and the options.

        Returns
        -------
        Evidence
            Whole numbers, and floats that depend on one image alone (``Scene.evidence``).
        """

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return values and notices.

        Parameters
        ----------
        asked : sequence of Metric
            Canonical metrics, none of which is among the ``lacks`` of the evidence.
        evidence : Evidence
            The result of this family's ``evidence``, or several such results joined.
        options : Options
            The protocol. Of the options that evidence does not depend on, ``ap`` and ``pool`` are read.
        weights : array of int, (m,), optional
            How often each image counts; groups and their edges stay those of the full set.

        Returns
        -------
        Measured
            One value for each metric, with the values of its thresholds or groups beside it.

        Raises
        ------
        UsageError
            If evidence does not have a threshold that a metric needs; the message lists those that it has.
        """

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return columns for the per-image table.

        Parameters
        ----------
        asked : sequence of Metric
            Canonical metrics.
        evidence : Evidence
            The same as for ``values``.
        options : Options
            The protocol.

        Returns
        -------
        dict of str to array, (m,)
            One number for each image and quantity; empty if the metric is defined on the whole set only.

        Raises
        ------
        UsageError
            If evidence does not have a threshold that a metric needs.
        """


def outcomes(at: str, hits: Integers, predicted: Integers, true: Integers) -> dict[str, NDArray[Any]]:
    """Return the columns TP, FP and FN of the per-image table at one threshold.

    Parameters
    ----------
    at : str
        The threshold, as it stands in column names: ``"8px"``.
    hits, predicted, true : array of int, (m,)
        True positives, predictions and true points of every image.

    Returns
    -------
    dict of str to array of int, (m,)
        Column by name.

    Examples
    --------
    >>> import numpy as np
    >>> {name: column.tolist() for name, column in outcomes("8px", *np.array([[2, 0], [3, 1], [2, 4]])).items()}
    {'TP@8px': [2, 0], 'FP@8px': [1, 1], 'FN@8px': [0, 4]}
    """
    return {f"TP@{at}": hits, f"FP@{at}": predicted - hits, f"FN@{at}": true - hits}


def has_evidence(family: Family | Measuring) -> TypeGuard[Family]:
    """Return whether a family keeps evidence; the family of a plugin need not.

    Parameters
    ----------
    family : Family or Measuring
        Any family of the table ``crowdeval.metrics.METRICS``.

    Returns
    -------
    bool
        True for a ``Family``, False for a ``Measuring``.

    Examples
    --------
    >>> from crowdeval.metrics import METRICS
    >>> has_evidence(METRICS["nAP"])
    True
    """
    return hasattr(family, "evidence")


def lacking_points(scene: Scene) -> str | None:
    """Return the points that a metric of points lacks, where one of the two sides has only counts.

    Parameters
    ----------
    scene : Scene
        The two sides.

    Returns
    -------
    str or None
        The object of a sentence "METRIC needs ..."; None where both sides have points.

    Examples
    --------
    >>> from crowdeval import Annotations, Predictions, Protocol
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 0], xy=[], counts=[3], located=False)
    >>> found = Predictions(image_ids=["a"], offsets=[0, 0], xy=[])
    >>> lacking_points(Scene(predictions=found, annotations=truth, options=Protocol()))
    'true points; these annotations give counts only'
    """
    if not scene.predictions.located:
        return NO_POINTS
    return None if scene.annotations.located else "true points; these annotations give counts only"
