r"""Precision, recall and F1 of points within a radius: NWPU-Crowd's sigma_l and sigma_s, or a radius in pixels.

Convention
    A prediction can match a true point if their Euclidean distance is at most the radius of the true point (a distance
    equal to the radius counts, unlike for nAP). TP is the size of a maximum-cardinality matching: the largest possible
    number of pairs in which each point occurs at most once. Predictions with a confidence strictly above
    ``count_threshold`` (0.5) take part, all of them if they have no confidences; the confidences play no other role.
    TP, FP and FN are summed over all images before the rates are computed.

Formulas
    =============  ==================================================================
    Precision      TP / (TP + FP)
    Recall         TP / (TP + FN)
    F1             2 TP / (2 TP + FP + FN)
    L-Precision    mean of Precision over a range of radii (L-Recall and L-F1 alike)
    =============  ==================================================================

Radii
    ``@sigma_s`` = min(w, h) / 2 and ``@sigma_l`` = sqrt(w^2 + h^2) / 2, for a head box of width w and height h. If the
    file gives radii, they are used instead; the official NWPU-Crowd text files give them rounded to whole pixels.
    ``@8px``: the same radius for all true points.

Recall by level
    ``Recall@sigma_l by level``: recall over the true points of each head-area level. The levels A0 to A5 begin at 1,
    10, 100, 1e3, 1e4 and 1e5 square pixels. This recall depends on which true points are matched, not only on how
    many; the matching therefore follows the order of the official script.

Evidence
    For every image the number of predictions that take part, and TP at each radius; for recall by level also the hits
    and the true points of each level.

Sources
    sigma_s, sigma_l and the levels: Wang et al., NWPU-Crowd, TPAMI 2020. Means over the radii 1 to 100 px: Idrees et
    al., UCF-QNRF, ECCV 2018. Fixed radii of 4 and 8 px: a convention for ShanghaiTech.

Difference from the official NWPU-Crowd script
    TP, FP and FN are the same. The script adds 1e-20 to its denominators, so it reports a number, 0, where a rate has
    the denominator 0; here such a rate is undefined (NaN, with a notice). Where rates are defined, they are the same.

Difference from other scripts
    Some scripts assign points by the Hungarian method first, and apply the radius to the assigned pairs afterwards.
    They find fewer matches than there are, and lose 9 to 11 points of F1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import UsageError, listed
from crowdeval.matching.cardinality import matched_counts, pairs_by_image
from crowdeval.matching.official_order import scripted_matches
from crowdeval.matching.scale import box_levels, box_radii, odd_radii
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import Entry, Measured, Options, Reads, Scene, lacking_points, outcomes, reads
from crowdeval.metrics.strings import Metric, pixels, pixels_text
from crowdeval.metrics.sums import Weights, mean, total
from crowdeval.options import COUNT_THRESHOLD
from crowdeval.points.ragged import Floats, Integers, Ragged
from crowdeval.points.sets import Annotations, Predictions

SIGMAS = ("sigma_s", "sigma_l")
"""The radii of head boxes, in the order of the columns of radii."""

RATES = ("F1", "Precision", "Recall")
COUNTS = ("TP", "FP", "FN")
LEVELS = 6
"""Number of head-area levels, A0 to A5."""


def confident_points(predictions: Predictions, *, threshold: float = COUNT_THRESHOLD) -> Ragged:
    """Return the predicted points with a confidence above a threshold.

    Parameters
    ----------
    predictions : Predictions
        The predicted points.
    threshold : float
        A point is kept if its confidence is strictly above.

    Returns
    -------
    Ragged
        The kept points of the same images; all points if the predictions have no confidences.

    Examples
    --------
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 2], xy=[[1.0, 1.0], [2.0, 2.0]], score=[0.9, 0.5])
    >>> confident_points(predictions).xy.tolist()
    [[1.0, 1.0]]
    """
    points = predictions.points
    return points if predictions.score is None else points.where(predictions.score > threshold)


def _sigma_radii(annotations: Annotations) -> Floats:
    """Return sigma_s and sigma_l of every true point, (N, 2): those of the file, else those of the boxes."""
    if annotations.radii is not None:
        return annotations.radii
    assert annotations.boxes is not None or not len(annotations.xy), "lacking() checks this"
    return box_radii(np.empty((0, 4)) if annotations.boxes is None else annotations.boxes)


def _head_levels(annotations: Annotations) -> Integers:
    """Return the head-area level of every true point, (N,): that of the file, else that of the box."""
    if annotations.level is not None:
        return annotations.level
    assert annotations.boxes is not None or not len(annotations.xy), "lacking() checks this"
    return box_levels(np.empty((0, 4)) if annotations.boxes is None else annotations.boxes)


def rate(name: str, hits: int, predicted: int, true: int) -> float:
    """Return F1, Precision or Recall.

    Parameters
    ----------
    name : {"F1", "Precision", "Recall"}
        Name of the rate.
    hits, predicted, true : int
        Numbers of true positives, predictions and true points.

    Returns
    -------
    float
        NaN if the denominator is 0.

    Examples
    --------
    >>> rate("F1", 2, 4, 2), rate("Precision", 2, 4, 2), rate("Recall", 2, 4, 2)
    (0.6666666666666666, 0.5, 1.0)
    """
    over = {"F1": predicted + true, "Precision": predicted, "Recall": true}[name]
    return (2 * hits if name == "F1" else hits) / over if over else np.nan


_MISSING = {"F1": "no points at all", "Precision": "no predictions", "Recall": "no true points"}


def _undefined(name: str) -> str:
    """Return the reason why a rate has no value."""
    return f"{name} is undefined: there are {_MISSING[name]}"


class Localization:
    """The family of precision, recall and F1 within a radius."""

    entries = (
        Entry(
            string="F1@sigma_l",
            title="F1 within sigma_l (or sigma_s) of the head box",
            better="higher",
            unit="1",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="F1@8px",
            title="F1 within a fixed radius",
            better="higher",
            unit="1",
            source="convention: 4 and 8 px on ShanghaiTech",
        ),
        Entry(
            string="Precision@sigma_l",
            title="precision within a radius: sigma_l, sigma_s or pixels",
            better="higher",
            unit="1",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="Recall@sigma_l",
            title="recall within a radius: sigma_l, sigma_s or pixels",
            better="higher",
            unit="1",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="Recall@sigma_l by level",
            title="recall of each head-area level A0 .. A5, matched in the official script's order",
            better="higher",
            unit="1",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="TP@sigma_l",
            title="true positives within a radius",
            better="higher",
            unit="points",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="FP@sigma_l",
            title="false positives within a radius",
            better="lower",
            unit="points",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="FN@sigma_l",
            title="false negatives within a radius",
            better="lower",
            unit="points",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="L-Precision@1:1:100px",
            title="mean precision over a range of radii",
            better="higher",
            unit="1",
            source="Idrees et al., UCF-QNRF, ECCV 2018",
        ),
        Entry(
            string="L-Recall@1:1:100px",
            title="mean recall over a range of radii",
            better="higher",
            unit="1",
            source="Idrees et al., UCF-QNRF, ECCV 2018",
        ),
        Entry(
            string="L-F1@1:1:100px",
            title="mean F1 over a range of radii",
            better="higher",
            unit="1",
            source="Idrees et al., UCF-QNRF, ECCV 2018",
        ),
    )

    def canonical(self, metric: Metric) -> Metric:
        """Return the metric with the shortest spelling of its radius."""
        if metric.by is not None and (metric.name, metric.by) != ("Recall", "level"):
            raise UsageError(
                f"{str(metric)!r}: only recall can be split, and only by level; expected Recall@sigma_l by level or "
                "Recall@sigma_s by level"
            )
        metric = metric.plain("at", "by")
        if metric.at in SIGMAS and not metric.name.startswith("L-"):
            return metric
        if metric.by is not None:
            raise UsageError(f"{str(metric)!r}: expected @sigma_l or @sigma_s for recall by level")
        ranged = metric.name.startswith("L-")
        example = "1:1:100px" if ranged else "sigma_l, sigma_s or a radius such as 8px"
        radii = pixels(metric, example)
        if len(radii) > 1 and metric.name in COUNTS:
            raise UsageError(f"{str(metric)!r}: expected one radius, such as {metric.name}@8px, found {len(radii)}")
        if len(radii) > 1 and not ranged:
            raise UsageError(
                f"{str(metric)!r}: expected one radius, found {len(radii)}; the mean over radii is "
                f"L-{metric.name}@{pixels_text(radii)}"
            )
        return Metric(name=metric.name, at=pixels_text(radii))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return points, head boxes, radii in the right order or levels, whichever the metric needs and data lack."""
        lack = lacking_points(scene)
        if lack is not None:
            return lack
        sized = scene.annotations.radii is not None or scene.annotations.boxes is not None
        if metric.at in SIGMAS and not sized:
            return (
                "head boxes or radii; the NWPU text, native JSON, CSV, Parquet and COCO formats and the datasets nwpu "
                "and jhu-crowd++ carry them"
            )
        if metric.at in SIGMAS and scene.annotations.radii is not None:
            odd = odd_radii(scene.annotations)
            if odd:
                return f"radii of at least 0 with sigma_s not above sigma_l; {odd}"
        if metric.by == "level" and scene.annotations.level is None and scene.annotations.boxes is None:
            return "head boxes or levels; the NWPU text format and the dataset nwpu carry them"
        return None

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return whether there are no true points: such images need neither boxes nor radii."""
        return scene.predictions.located and scene.annotations.located and not len(scene.annotations.xy)

    def reads(self, metric: Metric) -> Reads:
        """Return the count threshold and points; for sigma also boxes and radii, by level also the order of rows."""
        columns = "points boxes radii" if metric.at in SIGMAS else "points"
        return reads("count", f"{columns} levels order" if metric.by == "level" else columns)

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the number of predictions that take part, and TP of every image at each requested radius."""
        predicted = confident_points(scene.predictions, threshold=scene.options.count_threshold)
        annotations = scene.annotations
        images: dict[str, NDArray[Any]] = {"predicted": predicted.counts}
        requested = {at for metric in asked if metric.by is None for at in radii_of(metric)}
        sigmas = [at for at in SIGMAS if at in requested]
        if sigmas:
            radii = _sigma_radii(annotations)[:, [SIGMAS.index(at) for at in sigmas]]
            hits = matched_counts(predicted, annotations.points, radii)
            images |= {f"hits@{at}": column for at, column in zip(sigmas, hits.T, strict=True)}
        fixed = tuple(sorted(float(at.removesuffix("px")) for at in requested if at not in SIGMAS))
        if fixed:
            images["hits@px"] = matched_counts(predicted, annotations.points, np.array(fixed))
        for metric in (m for m in asked if m.by == "level"):
            images |= _level_columns(str(metric.at), predicted, annotations)
        return scene.evidence(images=images, thresholds={"px": fixed} if fixed else {})

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the requested rates, with TP, FP and FN beside them."""
        measured = Measured()
        for metric in (m for m in asked if m.by is None):
            values = [_value(metric.name, at, evidence, weights) for at in radii_of(metric)]
            measured.values[str(metric)] = mean(values)
            if np.isnan(values).any():
                measured.undefined.append(_undefined(metric.name.removeprefix("L-")))
        for at in _single_radii(asked):
            measured.values |= {f"{name}@{at}": _value(name, at, evidence, weights) for name in COUNTS}
        for metric in (m for m in asked if m.by == "level"):
            measured.update(_recall_by_level(metric, evidence, weights))
        return measured

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return TP, FP and FN of every image at each radius."""
        columns: dict[str, NDArray[Any]] = {}
        for at in _single_radii(asked):
            columns |= outcomes(at, hits_at(at, evidence), evidence.images["predicted"], evidence.images["true"])
        return columns


def radii_of(metric: Metric) -> list[str]:
    """Return the radii of a metric as they stand in names: ``sigma_l``, ``8px``.

    Parameters
    ----------
    metric : Metric
        A metric of this family.

    Returns
    -------
    list of str

    Examples
    --------
    >>> radii_of(Metric.parse("F1@sigma_l")), radii_of(Metric.parse("L-F1@4:4:12px"))
    (['sigma_l'], ['4px', '8px', '12px'])
    """
    if metric.at in SIGMAS:
        return [str(metric.at)]
    return [pixels_text((radius,)) for radius in pixels(metric, "")]


def _single_radii(asked: Sequence[Metric]) -> list[str]:
    """Return the radii of the metrics at one radius; those of means over a range are left out."""
    return [at for m in asked if m.by is None and not m.name.startswith("L-") for at in radii_of(m)]


def hits_at(at: str, evidence: Evidence) -> Integers:
    """Return TP of every image at a radius.

    Parameters
    ----------
    at : str
        The radius as it stands in names: ``sigma_l``, ``8px``.
    evidence : Evidence
        Evidence of this family.

    Returns
    -------
    array of int, (m,)

    Raises
    ------
    UsageError
        If evidence does not have the radius.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a", "b"), offsets=np.array([0, 2, 3]), images={"hits@sigma_l": np.array([2, 0])}
    ... )
    >>> hits_at("sigma_l", evidence).tolist()
    [2, 0]
    """
    if at not in SIGMAS:
        hits: Integers = evidence.images["hits@px"][:, evidence.column_at("px", float(at.removesuffix("px")))]
        return hits
    if f"hits@{at}" not in evidence.images:
        known = [name.partition("@")[2] for name in evidence.images if name.startswith("hits@sigma")]
        raise UsageError(f"this evidence has no radius {at}; it has {listed(known) or 'neither sigma_s nor sigma_l'}")
    own: Integers = evidence.images[f"hits@{at}"]
    return own


def _value(name: str, at: str, evidence: Evidence, weights: Weights) -> float:
    """Return a count or a rate at one radius, over all images."""
    hits = total(hits_at(at, evidence), weights)
    predicted, true = total(evidence.images["predicted"], weights), total(evidence.images["true"], weights)
    if name in COUNTS:
        return float({"TP": hits, "FP": predicted - hits, "FN": true - hits}[name])
    return rate(name.removeprefix("L-"), hits, predicted, true)


def _level_columns(at: str, predicted: Ragged, annotations: Annotations) -> dict[str, NDArray[Any]]:
    """Return the hits and the true points of every image by head-area level, (m, 6) each, in the official order."""
    radii = _sigma_radii(annotations)[:, [SIGMAS.index(at)]]
    true, level = annotations.points, _head_levels(annotations)
    matched = np.zeros(len(true), dtype=bool)
    for images, pairs in pairs_by_image(predicted, true, radii):
        matched[true.rows(images)] = scripted_matches(pairs)
    # One bin for each image and level, image by image: with 6 levels, image 2 and level 3 is bin 2 x 6 + 3 = 15.
    place = true.image * LEVELS + level
    places = true.images * LEVELS
    return {
        f"level_hits@{at}": np.bincount(place[matched], minlength=places).reshape(-1, LEVELS),
        "heads": np.bincount(place, minlength=places).reshape(-1, LEVELS),
    }


def _recall_by_level(metric: Metric, evidence: Evidence, weights: Weights) -> Measured:
    """Return the recall of each level that has true points; NaN under the metric's own name if none has."""
    heads, hits = evidence.images["heads"], evidence.images[f"level_hits@{metric.at}"]
    levels = [n for n in range(LEVELS) if heads[:, n].any()]
    if not levels:
        return Measured(values={str(metric): np.nan}, undefined=[_undefined("Recall")])
    return Measured(
        values={
            f"{metric}=A{n}": rate("Recall", total(hits[:, n], weights), 0, total(heads[:, n], weights)) for n in levels
        }
    )


LOCALIZATION = Localization()
