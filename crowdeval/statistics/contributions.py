r"""What each image contributes to a metric, as columns whose sums give the number: what resampling works on.

    ====================  =============================================================================
    MAE, NAE, bias, RMSE  the error of an image, squared for RMSE; by group or level, apart for each
    F1, Precision, ...    TP, FP and FN
    nAP, AP@px, L-AUC     hits and predictions in each of some bins of confidence, the same for both models; pooled over
                          images they are the curve
    ... pool:image        the image's own AP
    ====================  =============================================================================

Source
    A row an image comes from evidence; for what a per-image table holds exactly (counts, TP, FP, FN), also from that.
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
"""Metrics of a ranked list, and the rows of evidence that hold their hits."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a model did, image by image: a per-image table, evidence, or both, and the protocol."""

    table: Mapping[str, NDArray[Any]] | None = None
    evidence: Evidence | None = None
    protocol: Protocol | None = None


def testable(metric: str) -> bool:
    """Return whether differences of a metric can be tested.

    >>> testable("nAP@0.5"), testable("MAE by weather=3"), testable("MLE")
    (True, True, False)
    """
    name, _ = _parsed(metric)
    return name.name in (*RANKED, *ERRORS) or (name.name in RATES and name.by is None)


def lacking(source: Source, metric: str) -> bool:
    """Return whether a source lacks what a metric is tested on."""
    return _rows(source, metric) is None


def contributions(metric: str, a: Source, b: Source) -> tuple[Contributions, Contributions] | None:
    """Return what the images contribute to a metric of two models; None where that can't be had of both.

    Parameters
    ----------
    metric : str
        A canonical metric string; of a group with its label: ``MAE by weather=3``.
    a, b : Source
        Of the same images and the same protocol, as far as the metric goes.
    """
    rows = _rows(a, metric), _rows(b, metric)
    if rows[0] is None or rows[1] is None or sorted(rows[0].images) != sorted(rows[1].images):
        return None
    parsed, label = _parsed(metric)
    if parsed.name in RANKED:
        return _ranked(parsed, rows[0], rows[1])
    if parsed.name in ERRORS:
        return _errors(parsed, label, rows[0]), _errors(parsed, label, rows[1])
    return _rates(parsed, rows[0]), _rates(parsed, rows[1])


@dataclass(frozen=True, slots=True)
class _Rows:
    """Images, and what is known of them in a table or in evidence."""

    images: tuple[str, ...]
    table: Mapping[str, NDArray[Any]]
    evidence: Evidence | None
    protocol: Protocol

    @property
    def order(self) -> Integers:
        return np.argsort(np.array(self.images, dtype=object), kind="stable")


def _rows(source: Source, metric: str) -> _Rows | None:
    """Return a source's rows, if they hold what the metric needs: evidence, or its columns of a per-image table."""
    parsed, label = _parsed(metric)
    if source.protocol is None:
        return None
    found = source.evidence
    if parsed.name in RANKED or label or parsed.level or parsed.by:
        needed = {RANKED[parsed.name]} if parsed.name in RANKED else {"estimated"}
        if found is None or not needed <= {*found.rows, *found.images}:
            return None
        table = {} if parsed.name in RANKED else _columns(parsed, found, source.protocol)
        return _Rows(found.image_ids, table, found, source.protocol)
    names = ("count_error", "true_count") if parsed.name in ERRORS else _counts(parsed)
    if found is not None:
        own = _columns(parsed, found, source.protocol)
        if all(name in own for name in names):
            return _Rows(found.image_ids, own, found, source.protocol)
    table = source.table or {}
    if "image" in table and all(name in table for name in names):
        return _Rows(tuple(table["image"].astype(str).tolist()), table, None, source.protocol)
    return None


def _columns(metric: Metric, evidence: Evidence, protocol: Protocol) -> Mapping[str, NDArray[Any]]:
    try:
        return cast(Family, family_of(metric)).columns([metric], evidence, protocol)
    except (KeyError, UsageError):
        return {}


def _parsed(metric: str) -> tuple[Metric, str]:
    """Return a metric and the label of its group, empty where it has none."""
    head, by, group = metric.partition(" by ")
    name, _, label = group.partition("=")
    return Metric.parse(f"{head}{by}{name}"), label


def _counts(metric: Metric) -> tuple[str, ...]:
    return tuple(f"{kind}@{metric.at}" for kind in ("TP", "FP", "FN"))


def _errors(metric: Metric, label: str, rows: _Rows) -> Contributions:
    """Return the terms of a counting error and how many there are, for each group that the metric is a mean of."""
    error = rows.table["count_error"].astype(np.float64)[rows.order]
    true = rows.table["true_count"].astype(np.float64)[rows.order]
    terms, kept = {"RMSE": error**2, "bias": error}.get(metric.name, np.abs(error)), np.ones(len(true), dtype=bool)
    if metric.name == "NAE":
        kept = true > 0
        terms = np.divide(terms, true, out=np.zeros_like(terms), where=kept)
    groups = [kept]
    if rows.evidence is not None and (metric.level or metric.by):
        name = LEVELS[metric.level][0] if metric.level else str(metric.by)
        known = {each: images[rows.order] for each, images in groups_of(name, rows.evidence)}
        levels = map(str, range(LEVELS[metric.level][1])) if metric.level else [label]
        groups = [kept & known[each] for each in levels if each in known]
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
    weight = {"F1": (1.0, 1.0), "Precision": (1.0, 0.0), "Recall": (0.0, 1.0)}[metric.name]
    twice = 2.0 if metric.name == "F1" else 1.0

    def statistic(sums: Floats) -> Floats:
        hits = twice * sums[:, 0]
        return ratio(hits, hits + weight[0] * sums[:, 1] + weight[1] * sums[:, 2])

    return Contributions(
        np.stack([rows.table[name].astype(np.float64)[rows.order] for name in _counts(metric)], axis=1), statistic
    )


def _ranked(metric: Metric, a: _Rows, b: _Rows) -> tuple[Contributions, Contributions] | None:
    """Return the contributions to a metric of a ranked list, or None where evidence has not its thresholds."""
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
