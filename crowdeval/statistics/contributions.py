r"""The contributions of images to a metric, as columns whose sums give its value; tests resample these columns.

    =====================  =======================================================================================
    MAE, NAE, bias, RMSE   the error of the image, squared for RMSE; by group or level, a column for each of them
    F1, Precision, Recall  TP, FP and FN
    nAP, AP@px, L-AUC      the hits and predictions in each of some bins of confidence, the same for both models;
                           their sums over the images are the curve
    ... with pool:image    the AP of the image
    =====================  =======================================================================================

Source of the columns
    The evidence of the model. A per-image table of a report is enough for the numbers that it holds exactly: counts,
    TP, FP and FN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import UsageError
from crowdeval.evaluation.protocol import Protocol
from crowdeval.metrics import family_of
from crowdeval.metrics.counting import ERRORS, LEVELS
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import Family
from crowdeval.metrics.groups import groups_of
from crowdeval.metrics.strings import Metric, parse_range, pixels
from crowdeval.points.ragged import Floats, Integers
from crowdeval.statistics.ranked import RankedList, own_precisions, pooled_curves
from crowdeval.statistics.sums import Contributions, ratio

RATES = ("F1", "Precision", "Recall")
RANKED = {"nAP": "delta", "AP": "radius", "L-AUC": "radius"}
"""Metric of a ranked list to the column of evidence that holds its hits."""


@dataclass(frozen=True, slots=True)
class Source:
    """The results of a model, image by image.

    Attributes
    ----------
    table : mapping of str to array, (m,), optional
        The per-image table of a report.
    evidence : Evidence, optional
        The evidence behind the report.
    protocol : Protocol, optional
        The protocol of both; without it nothing can be tested.
    """

    table: Mapping[str, NDArray[Any]] | None = None
    evidence: Evidence | None = None
    protocol: Protocol | None = None


def is_testable(metric: str) -> bool:
    """Return whether the difference of a metric between two models can be tested.

    Parameters
    ----------
    metric : str
        The key of a value in a report: a metric string, for a group with its label.

    Returns
    -------
    bool
        False for metrics that are not computed from sums over images.

    Examples
    --------
    >>> is_testable("nAP@0.5"), is_testable("MAE by weather=3"), is_testable("MLE")
    (True, True, False)
    """
    parsed, _ = _split_label(metric)
    return parsed.name in (*RANKED, *ERRORS) or (parsed.name in RATES and parsed.by is None)


def lacks_rows(source: Source, metric: str) -> bool:
    """Return whether a model's results lack the columns on which a metric is tested.

    Parameters
    ----------
    source : Source
        The results of a model.
    metric : str
        A canonical metric string; for a group with its label.

    Returns
    -------
    bool
        True if neither the evidence nor the table has the columns.

    Examples
    --------
    >>> lacks_rows(Source(), "MAE")
    True
    """
    return _rows(source, metric) is None


def contributions(metric: str, a: Source, b: Source) -> tuple[Contributions, Contributions] | None:
    """Return the contributions of the images to a metric of two models.

    Parameters
    ----------
    metric : str
        A canonical metric string; for a group with its label: ``MAE by weather=3``.
    a, b : Source
        The results of two models, on the same images, with the same options as far as the metric depends on them.

    Returns
    -------
    (Contributions, Contributions) or None
        Rows in the order of the image ids. None if the results of either model lack the columns, or if the images are
        not the same.

    Examples
    --------
    >>> table = {"image": np.array(["a", "b"], dtype=object), "count_error": np.array([1.0, -3.0]),
    ...          "true_count": np.array([5.0, 5.0])}
    >>> source = Source(table=table, protocol=Protocol())
    >>> first, _ = contributions("MAE", source, source)
    >>> first.columns.tolist(), first.value
    ([[1.0, 1.0], [3.0, 1.0]], 2.0)
    """
    rows = _rows(a, metric), _rows(b, metric)
    if rows[0] is None or rows[1] is None or sorted(rows[0].images) != sorted(rows[1].images):
        return None
    parsed, label = _split_label(metric)
    if parsed.name in RANKED:
        return _ranked(parsed, rows[0], rows[1])
    if parsed.name in ERRORS:
        return _errors(parsed, label, rows[0]), _errors(parsed, label, rows[1])
    return _rates(parsed, rows[0]), _rates(parsed, rows[1])


@dataclass(frozen=True, slots=True)
class _Rows:
    """The images of a source, with the columns of a table or with evidence."""

    images: tuple[str, ...]
    table: Mapping[str, NDArray[Any]]
    evidence: Evidence | None
    protocol: Protocol

    @property
    def order(self) -> Integers:
        """The rows in the order of the image ids, (m,)."""
        return np.argsort(np.array(self.images, dtype=object), kind="stable")


def _rows(source: Source, metric: str) -> _Rows | None:
    """Return the rows of a source that the metric needs, from evidence or from the table; None if it has neither."""
    parsed, label = _split_label(metric)
    if source.protocol is None:
        return None
    evidence = source.evidence
    # Ranked lists and groups need evidence: a table has neither single predictions nor labels.
    if parsed.name in RANKED or label or parsed.level or parsed.by:
        needed = {RANKED[parsed.name]} if parsed.name in RANKED else {"estimated"}
        if evidence is None or not needed <= {*evidence.rows, *evidence.images}:
            return None
        table = {} if parsed.name in RANKED else _columns(parsed, evidence, source.protocol)
        return _Rows(evidence.image_ids, table, evidence, source.protocol)
    names = ("count_error", "true_count") if parsed.name in ERRORS else _outcome_names(parsed)
    if evidence is not None:
        own = _columns(parsed, evidence, source.protocol)
        if all(name in own for name in names):
            return _Rows(evidence.image_ids, own, evidence, source.protocol)
    table = source.table or {}
    if "image" in table and all(name in table for name in names):
        return _Rows(tuple(table["image"].astype(str).tolist()), table, None, source.protocol)
    return None


def _columns(metric: Metric, evidence: Evidence, protocol: Protocol) -> Mapping[str, NDArray[Any]]:
    """Return the per-image columns of a metric; none if the evidence does not have them."""
    try:
        return cast(Family, family_of(metric)).columns([metric], evidence, protocol)
    except (KeyError, UsageError):
        return {}


def _split_label(metric: str) -> tuple[Metric, str]:
    """Return a metric and the label of its group, which is empty if it has none."""
    head, by, group = metric.partition(" by ")
    name, _, label = group.partition("=")
    return Metric.parse(f"{head}{by}{name}"), label


def _outcome_names(metric: Metric) -> tuple[str, ...]:
    """Return the names of the columns TP, FP and FN at the radius of a metric."""
    return tuple(f"{kind}@{metric.at}" for kind in ("TP", "FP", "FN"))


def _errors(metric: Metric, label: str, rows: _Rows) -> Contributions:
    """Return the terms of a counting error and their number: two columns for each group that the metric averages."""
    error = rows.table["count_error"].astype(np.float64)[rows.order]
    true = rows.table["true_count"].astype(np.float64)[rows.order]
    terms, kept = {"RMSE": error**2, "bias": error}.get(metric.name, np.abs(error)), np.ones(len(true), dtype=bool)
    if metric.name == "NAE":
        kept = true > 0
        terms = np.divide(terms, true, out=np.zeros_like(terms), where=kept)
    groups = [kept]
    if rows.evidence is not None and (metric.level or metric.by):
        name = LEVELS[metric.level][0] if metric.level else str(metric.by)
        images_by_label = {text: images[rows.order] for text, images in groups_of(name, rows.evidence)}
        labels = map(str, range(LEVELS[metric.level][1])) if metric.level else [label]
        groups = [kept & images_by_label[text] for text in labels if text in images_by_label]
        groups = [images for images in groups if images.any()]
    columns = [column for images in groups for column in (np.where(images, terms, 0.0), images)]

    def statistic(sums: Floats) -> Floats:
        values = [ratio(sums[:, n], sums[:, n + 1]) for n in range(0, len(columns), 2)]
        if metric.name == "RMSE":
            values = [np.sqrt(np.maximum(value, 0.0)) for value in values]
        mean: Floats = np.mean(values, axis=0) if values else np.full(len(sums), np.nan)
        return mean

    return Contributions(np.stack(columns, axis=1) if columns else np.zeros((len(true), 1)), statistic)


def _rates(metric: Metric, rows: _Rows) -> Contributions:
    """Return TP, FP and FN of the images, from whose sums a rate is computed."""
    # Each rate is h / (h + u FP + v FN), with h = 2 TP for F1 and TP for the others.
    weight = {"F1": (1.0, 1.0), "Precision": (1.0, 0.0), "Recall": (0.0, 1.0)}[metric.name]
    twice = 2.0 if metric.name == "F1" else 1.0

    def statistic(sums: Floats) -> Floats:
        hits = twice * sums[:, 0]
        return ratio(hits, hits + weight[0] * sums[:, 1] + weight[1] * sums[:, 2])

    return Contributions(
        np.stack([rows.table[name].astype(np.float64)[rows.order] for name in _outcome_names(metric)], axis=1),
        statistic,
    )


def _ranked(metric: Metric, a: _Rows, b: _Rows) -> tuple[Contributions, Contributions] | None:
    """Return the contributions to a metric of a ranked list; None if the evidence does not have its thresholds."""
    column, protocol = RANKED[metric.name], a.protocol
    if metric.name != "nAP":
        thresholds = pixels(metric, "")
    else:
        thresholds = protocol.delta if metric.at is None else parse_range(metric.at)
    sides = [RankedList(cast(Evidence, rows.evidence), rows.order, column, thresholds) for rows in (a, b)]
    if not all(side.complete for side in sides):
        return None
    if metric.name == "nAP" and protocol.pool == "image":
        return own_precisions(sides[0], protocol.ap), own_precisions(sides[1], protocol.ap)
    return pooled_curves(sides[0], sides[1], protocol.ap)
