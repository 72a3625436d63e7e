"""The diagnosis of a system: causes of its errors, what they cost, where they are, its shift and its threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval.diagnosis.causes import NAMES, Causes, causes_of
from crowdeval.diagnosis.costs import Cost, costs_of
from crowdeval.diagnosis.places import Strip, strips_of
from crowdeval.diagnosis.shifts import Shift, shift_of
from crowdeval.diagnosis.thresholds import Thresholds, thresholds_of
from crowdeval.errors import NeedsError
from crowdeval.evaluation.report import Report
from crowdeval.metrics.family import Scene, lacking_points
from crowdeval.metrics.strings import number_text
from crowdeval.plugins import Extensions
from crowdeval.points.ragged import Integers
from crowdeval.points.sets import Annotations, Predictions

WORST = 10
"""Number of images that are listed for each cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityBand:
    """The people of a quartile of d_k: how many are found, and why the others are not.

    Attributes
    ----------
    label : str
        The range of d_k in pixels.
    people, found : int
        Number of people, and of those that are found.
    missed : mapping of str to int
        Number of missed people by cause.
    """

    label: str
    people: int
    found: int
    missed: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diagnosis:
    """Why the number of a system is what it is, at one delta.

    Attributes
    ----------
    name : str
        The system.
    delta : float
        The threshold on the normalised distance.
    value : float
        nAP at this delta.
    images, people, predictions, hits : int
        Their numbers.
    causes : mapping of str to Cost
        By cause: number, share of all errors, and the nAP that is gained if it alone is repaired; ``ranking`` beside
        them.
    cancelling : int
        Errors of the count that cancel within an image: false positives that stand for missed people.
    bands : tuple of DensityBand
        Quartiles of d_k, dense ones first.
    worst : mapping of str to list of (str, int)
        By cause, the images with most of its errors.
    strips : list of Strip
        Where in the frame people are found.
    shift : Shift
        The mean offset of hits.
    thresholds : Thresholds, optional
        Numbers over the threshold; None without confidences.
    signature : str
        The signature of the protocol.
    """

    name: str
    delta: float
    value: float
    images: int
    people: int
    predictions: int
    hits: int
    causes: Mapping[str, Cost]
    cancelling: int
    bands: tuple[DensityBand, ...]
    worst: Mapping[str, list[tuple[str, int]]]
    strips: list[Strip]
    shift: Shift
    thresholds: Thresholds | None
    signature: str

    def text(self, form: str = "table") -> str:
        """Return the diagnosis as text.

        Parameters
        ----------
        form : str
            ``table``, ``json``, ``csv`` or ``markdown``.

        Returns
        -------
        str

        Raises
        ------
        UsageError
            If there is no such form.
        """
        forms: Extensions[Any] = Extensions("diagnosis format", "crowdeval.diagnosis_renderers")
        rendered: str = forms[form](self)
        return rendered

    def __str__(self) -> str:
        """Return the sheet that ``crowdeval diagnose`` prints."""
        return self.text().rstrip("\n")

    def __repr__(self) -> str:
        """Return one line: the number, and the cause that costs most."""
        own = {name: cost.cost for name, cost in self.causes.items() if not math.isnan(cost.cost)}
        most = max(own, key=lambda name: own[name]) if own else "nothing"
        return f"Diagnosis({self.name}, nAP@{number_text(self.delta)}={self.value:.4f}; {most} costs most)"


def diagnose_scene(scene: Scene, report: Report, *, delta: float) -> Diagnosis:
    """Return the diagnosis of aligned predictions.

    Parameters
    ----------
    scene : Scene
        The two sides, with the same images in the same order.
    report : Report
        The report of the predictions, with nAP at this delta.
    delta : float
        The threshold on the normalised distance.

    Returns
    -------
    Diagnosis

    Raises
    ------
    NeedsError
        If one of the two sides has counts only.
    """
    predictions, annotations, options = scene.predictions, scene.annotations, scene.options
    lack = lacking_points(scene)
    if lack is not None:
        raise NeedsError(f"diagnose needs {lack}")
    causes = causes_of(predictions, annotations, delta=delta, k=options.k, lone=report.protocol.lone)
    return Diagnosis(
        name=report.about.get("model") or Path(report.predictions.name.removesuffix(".gz")).stem,
        delta=delta,
        value=report.values[f"nAP@{number_text(delta)}"],
        images=len(annotations.image_ids),
        people=len(annotations.xy),
        predictions=len(predictions.xy),
        hits=int((causes.holders >= 0).sum()),
        causes=costs_of(predictions, annotations, causes, report.protocol),
        cancelling=_cancelling(predictions, annotations, causes, options.count_threshold),
        bands=_bands(causes),
        worst=_worst(predictions, annotations, causes),
        strips=strips_of(annotations, causes),
        shift=shift_of(predictions, annotations, causes),
        thresholds=thresholds_of(predictions, annotations, causes),
        signature=report.signature,
    )


def _cancelling(predictions: Predictions, annotations: Annotations, causes: Causes, threshold: float) -> int:
    """Return how many false positives stand for a missed person in the count of an image."""
    counted = np.ones(len(predictions.xy), dtype=bool) if predictions.score is None else predictions.score > threshold
    hit = causes.of_prediction < 0
    wrong = predictions.points.per_image(counted & ~hit)
    missed = annotations.counts - predictions.points.per_image(counted & hit)
    return int(np.minimum(wrong, missed).sum())


def _bands(causes: Causes) -> tuple[DensityBand, ...]:
    """Return what became of the people of each quartile of d_k; people without a finite d_k are left out."""
    finite = np.isfinite(causes.scale)
    if not finite.any():
        return ()
    edges = np.quantile(causes.scale[finite], [0.25, 0.5, 0.75], method="lower")
    place = np.where(finite, np.searchsorted(edges, causes.scale, side="left"), -1)
    bands = []
    for n in range(4):
        own = place == n
        if own.any():
            low, high = causes.scale[own].min(), causes.scale[own].max()
            missed = {name: int((causes.of_person[own] == c).sum()) for c, name in enumerate(NAMES)}
            label = f"{low:.1f}-{high:.1f} px"
            found = int((causes.holders[own] >= 0).sum())
            bands.append(DensityBand(label=label, people=int(own.sum()), found=found,
                                     missed={name: number for name, number in missed.items() if number}))  # fmt: skip
    return tuple(bands)


def _worst(predictions: Predictions, annotations: Annotations, causes: Causes) -> dict[str, list[tuple[str, int]]]:
    """Return the images with most errors of each cause."""
    worst = {}
    for n, name in enumerate(NAMES):
        counts: Integers = predictions.points.per_image(causes.of_prediction == n)
        counts = counts + annotations.points.per_image(causes.of_person == n)
        order = np.argsort(-counts, kind="stable")[:WORST]
        worst[name] = [(annotations.image_ids[i], int(counts[i])) for i in order.tolist() if counts[i]]
    return worst
