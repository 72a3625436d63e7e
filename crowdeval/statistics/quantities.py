"""Every number of a report as a function of sums over images, built from evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from crowdeval.errors import UsageError
from crowdeval.evaluation.protocol import Protocol
from crowdeval.metrics.counting import ERRORS, LEVELS, error_terms
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.groups import groups_of
from crowdeval.metrics.localization import COUNTS, RATES, hits_at, radii_of
from crowdeval.metrics.mle import image_errors
from crowdeval.metrics.ranking import image_precisions
from crowdeval.metrics.strings import Metric, parse_range, pixels
from crowdeval.points.ragged import Flags, Floats
from crowdeval.statistics.contract import Sums, Units
from crowdeval.statistics.curves import BINS, Curves
from crowdeval.statistics.ratios import Ratios

RANKED = {"nAP": "delta", "AP": "radius", "L-AUC": "radius"}
"""Metric of a ranked list to the column of evidence that holds its hits."""

Scale = Literal["logit", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number of a report.

    Attributes
    ----------
    key : str
        The key of the report: a canonical metric string, for a group with its label.
    value : float
        The value in the report.
    sums : Sums
        The columns that it is a function of.
    read : array of bool, (n,)
        The units that the metric reads: those with people for NAE, MLE and pool:image, those of its groups.
    scale : {"logit", "plain"}
        The scale on which it is nearly normal: a share of 1 is put on the logit scale.
    least, most : float
        The range of the metric.
    small_counts : bool
        Whether an image of 1 to 7 heads enters as an error relative to its count.
    """

    key: str
    value: float
    sums: Sums
    read: Flags
    scale: Scale
    least: float
    most: float
    small_counts: bool = False


@dataclass(slots=True, eq=False)
class Numbers:
    """The numbers of a report, by key, and the units of which they are functions.

    Attributes
    ----------
    units : Units
        What is resampled.
    by_key : dict of str to Number
        The numbers that have a value.
    without : dict of str to str
        The other keys, each with the reason why nothing can be said of its error.
    """

    units: Units
    by_key: dict[str, Number] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)


def is_supported(key: str) -> bool:
    """Return whether a metric is a function of sums over images that this module knows.

    Parameters
    ----------
    key : str
        The key of a report.

    Returns
    -------
    bool
        False for plain counts, and for metrics of plugins.

    Examples
    --------
    >>> is_supported("nAP@0.5"), is_supported("MAE by weather=3"), is_supported("TP@8px")
    (True, True, False)
    """
    name = split_label(key)[0].name
    return name in (*RANKED, *ERRORS, *RATES, "MLE", "GAME") or name.removeprefix("L-") in RATES


def numbers_of(
    evidence: Evidence,
    values: Mapping[str, float],
    protocol: Protocol,
    *,
    clusters: Sequence[str] | None = None,
    bins: int = BINS,
    exact: bool = False,
) -> Numbers:
    """Return the numbers of a report as functions of sums over images or clusters.

    Parameters
    ----------
    evidence : Evidence
        The evidence behind the report.
    values : mapping of str to float
        The values of the report.
    protocol : Protocol
        The protocol of the report.
    clusters : sequence of str, (m,), optional
        The label of the cluster of every image; by default each image is a unit of its own.
    bins : int
        Largest number of bins of a ranked list.
    exact : bool
        Whether ranked lists are resampled without bins.

    Returns
    -------
    Numbers

    Examples
    --------
    >>> from crowdeval import Annotations, Predictions
    >>> from crowdeval.evaluation.evaluate import report_and_evidence
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 1, 2], xy=[[1, 1], [2, 2]])
    >>> found = Predictions(image_ids=["a", "b"], offsets=[0, 1, 3], xy=[[1, 1], [2, 2], [3, 3]], score=[0.9, 0.8, 0.7])
    >>> report, evidence = report_and_evidence(found, truth, protocol=Protocol(metrics=["MAE", "TP@8px"]))
    >>> numbers = numbers_of(evidence, report.values, report.protocol)
    >>> list(numbers.by_key), numbers.without
    (['MAE'], {'TP@8px': 'a plain count', 'FP@8px': 'a plain count', 'FN@8px': 'a plain count'})
    """
    ids = evidence.image_ids
    units = Units.of(ids) if clusters is None else Units.of(clusters, ids)
    builder = _Builder(evidence, protocol, units, bins)
    numbers = Numbers(builder.units)
    ranked: dict[str, dict[str, tuple[float, ...]]] = {}
    made: dict[str, tuple[Flags, float]] = {}
    for key, value in values.items():
        metric, label = split_label(key)
        if not is_supported(key):
            numbers.without[key] = "a plain count" if metric.name in COUNTS else "its family keeps no sums"
        elif math.isnan(value):
            numbers.without[key] = "it is undefined"
        elif metric.name in RANKED and not (metric.name == "nAP" and protocol.pool == "image"):
            ranked.setdefault(RANKED[metric.name], {})[key] = _thresholds(metric, protocol)
            made[key] = np.ones(len(evidence), dtype=bool), 1.0
        else:
            made[key] = builder.ratio(key, metric, label)
    kind = Curves
    if exact:
        from crowdeval.statistics.exact import ExactCurves as kind
    curves = {
        column: kind(evidence, column, own, protocol.ap, builder.units, bins=bins) for column, own in ranked.items()
    }
    for key, (images, most) in made.items():
        source = next((own for own in curves.values() if key in own.keys), builder.ratios)
        numbers.by_key[key] = builder.number(key, values[key], source, images, most)
    return numbers


class _Builder:
    """Adds the metrics that are ratios to the columns of one evidence."""

    def __init__(self, evidence: Evidence, protocol: Protocol, units: Units, bins: int) -> None:
        self.evidence, self.protocol, self.units, self.bins = evidence, protocol, units, bins
        self.ratios = Ratios(units)
        self.true = evidence.images["true"].astype(np.float64)
        self.peopled = self.true > 0
        self.everything = np.ones(len(evidence), dtype=bool)

    def number(self, key: str, value: float, sums: Sums, images: Flags, most: float) -> Number:
        """Return a number whose metric has been added."""
        few = (self.true > 0) & (self.true < 8)
        return Number(
            key=key,
            value=value,
            sums=sums,
            read=self.units.sum(images.astype(np.float64)) > 0,
            scale="logit" if most == 1 else "plain",
            least=-math.inf if key.startswith("bias") else 0.0,
            most=most,
            small_counts=key.startswith("NAE") and bool((few & images).any()),
        )

    def ratio(self, key: str, metric: Metric, label: str) -> tuple[Flags, float]:
        """Add a metric; return the images that it reads, and the largest value that it can have."""
        if metric.name in ERRORS:
            return self._counting(key, metric, label), math.inf
        if metric.name in ("MLE", "GAME"):
            return self._mean(key, metric), math.inf
        if metric.name in RANKED:
            return self._own_precision(key, metric), 1.0
        return self._rate(key, metric, label), 1.0

    def _counting(self, key: str, metric: Metric, label: str) -> Flags:
        terms, kept = error_terms(metric.name, self.evidence.images["estimated"], self.true)
        mask = f"{metric.name == 'NAE'}"
        groups = {"": self.everything}
        if metric.level or metric.by:
            name = LEVELS[metric.level][0] if metric.level else str(metric.by)
            labels = set(map(str, range(LEVELS[metric.level][1]))) if metric.level else {label}
            groups = {f"{name}={text}": own for text, own in groups_of(name, self.evidence) if text in labels}
            groups = {text: own for text, own in groups.items() if (own & kept).any()}
        pairs = [
            (terms * (own & kept), _ones(own & kept), f"{metric.name} {text}", f"{mask} {text}")
            for text, own in groups.items()
        ]
        self.ratios.add(key, pairs, root=metric.name == "RMSE")
        read: Flags = np.logical_or.reduce([own & kept for own in groups.values()])
        return read

    def _mean(self, key: str, metric: Metric) -> Flags:
        if metric.name == "GAME":
            own: Floats = self.evidence.images[key].astype(np.float64)
            self.ratios.add(key, [(own, _ones(self.everything), key, "False ")])
            return self.everything
        errors: Floats = np.where(self.peopled, image_errors(metric, self.evidence), 0.0)
        self.ratios.add(key, [(errors, _ones(self.peopled), key, "True ")])
        return self.peopled

    def _own_precision(self, key: str, metric: Metric) -> Flags:
        thresholds = _thresholds(metric, self.protocol)
        own = image_precisions(self.evidence, RANKED[metric.name], thresholds, ap=self.protocol.ap).mean(axis=0)
        averages: Floats = np.where(self.peopled, own, 0.0).astype(np.float64, copy=False)
        self.ratios.add(key, [(averages, _ones(self.peopled), key, "True ")])
        return self.peopled

    def _rate(self, key: str, metric: Metric, label: str) -> Flags:
        images = self.evidence.images
        if metric.by == "level":
            level = int(label.removeprefix("A"))
            hits, heads = images[f"level_hits@{metric.at}"][:, level] * 1.0, images["heads"][:, level] * 1.0
            self.ratios.add(key, [(hits, heads, key, f"heads {label}")])
            return heads > 0
        predicted, name = images["predicted"].astype(np.float64), metric.name.removeprefix("L-")
        under, other = {
            "F1": (predicted + self.true, "predicted + true"),
            "Precision": (predicted, "predicted"),
            "Recall": (self.true, "true"),
        }[name]
        twice = 2.0 if name == "F1" else 1.0
        pairs = [
            (twice * hits_at(at, self.evidence).astype(np.float64), under, f"{twice:g} TP@{at}", other)
            for at in radii_of(metric)
        ]
        self.ratios.add(key, pairs)
        return self.everything


def _ones(images: Flags) -> Floats:
    return images.astype(np.float64)


def _thresholds(metric: Metric, protocol: Protocol) -> tuple[float, ...]:
    """Return the thresholds over which a metric of a ranked list is the mean."""
    if metric.name != "nAP":
        return pixels(metric, "")
    return protocol.delta if metric.at is None else parse_range(metric.at)


def split_label(key: str) -> tuple[Metric, str]:
    """Return a metric, and the label of its group, which is empty if it has none.

    Parameters
    ----------
    key : str
        The key of a report.

    Returns
    -------
    (Metric, str)

    Examples
    --------
    >>> split_label("MAE by weather=3")
    (Metric(name='MAE', order=None, level=None, at=None, by='weather'), '3')
    """
    head, by, group = key.partition(" by ")
    name, _, label = group.partition("=")
    return Metric.parse(f"{head}{by}{name}"), label


def clusters_of(evidence: Evidence, *, attribute: str = "", pattern: str = "") -> list[str]:
    """Return the label of the cluster of every image.

    Parameters
    ----------
    evidence : Evidence
        The images, with the columns of their groups.
    attribute : str
        An attribute of the images that evidence keeps: that of a metric ``... by ATTRIBUTE``.
    pattern : str
        A regular expression; what it finds in the id of an image, or its first group, is the cluster.

    Returns
    -------
    list of str, (m,)

    Raises
    ------
    UsageError
        If an image is in no cluster, or the expression is not valid.

    Examples
    --------
    >>> evidence = Evidence(image_ids=("cam1_1", "cam1_2", "cam2_1"), offsets=np.zeros(4, dtype=np.int64))
    >>> clusters_of(evidence, pattern="cam[0-9]+")
    ['cam1', 'cam1', 'cam2']
    """
    if pattern:
        return _by_pattern(evidence.image_ids, pattern)
    labels = [""] * len(evidence)
    for label, images in groups_of(attribute, evidence):
        for image in np.flatnonzero(images).tolist():
            labels[image] = label
    bare = [name for name, label in zip(evidence.image_ids, labels, strict=True) if not label]
    if bare:
        raise UsageError(f"--cluster {attribute}: {len(bare)} images have no {attribute}, the first: {bare[0]!r}")
    return labels


def _by_pattern(ids: Sequence[str], pattern: str) -> list[str]:
    import re

    try:
        compiled = re.compile(pattern)
    except re.error as problem:
        raise UsageError(f"--cluster-id {pattern}: not a regular expression: {problem}") from None
    matches = [compiled.search(name) for name in ids]
    found = [None if match is None else match.group(compiled.groups > 0) for match in matches]
    bare = [name for name, label in zip(ids, found, strict=True) if label is None]
    if bare:
        raise UsageError(f"--cluster-id {pattern}: {len(bare)} images don't match it, the first: {bare[0]!r}")
    return [label for label in found if label is not None]
