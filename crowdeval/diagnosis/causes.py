"""The cause of every error at one delta: each false positive and each missed person has exactly one.

Causes, the first that fits:

duplicate
    A false positive within delta of a person; somebody of a higher rank holds that person.
displaced
    A false positive and a missed person that the sequential matching of the remaining false positives to the missed
    people pairs at 4 delta. Both are explained.
background
    Any other false positive.
missed_clump
    A missed person with the hit of another person within d_k of it.
missed_alone
    Any other missed person.

Repairs
    Each cause has a literal repair: duplicates and background are taken out, displaced predictions are moved onto their
    person, missed people are found, with the highest confidence. All repairs together give nAP 1 at this delta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdeval.matching.holders import holders_of, near_people
from crowdeval.matching.neighbours import PointTree
from crowdeval.matching.scale import knn_scales
from crowdeval.options import Lone
from crowdeval.points.ragged import Flags, Floats, Integers, Ragged, offsets_of
from crowdeval.points.sets import Annotations, Predictions

NAMES = ("duplicate", "displaced", "background", "missed_clump", "missed_alone")
"""The causes, in the order in which they are tried."""

REACH = 4.0
"""Displaced predictions are matched at this multiple of delta."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Causes:
    """The pairs and the cause of every error at one delta.

    Attributes
    ----------
    delta : float
        The threshold on the normalised distance.
    scale : array of float, (N,)
        d_k of every true point in pixels.
    holders : array of int, (N,)
        The prediction that holds each true point; -1 for a missed one.
    of_prediction : array of int, (M,)
        Position in ``NAMES`` of the cause of each false positive; -1 for a hit.
    of_person : array of int, (N,)
        Position in ``NAMES`` of the cause of each missed person; -1 for a found one.
    displaced_to : array of int, (M,)
        The missed person that a displaced prediction belongs to; -1 for the others.
    """

    delta: float
    scale: Floats
    holders: Integers
    of_prediction: Integers
    of_person: Integers
    displaced_to: Integers

    @property
    def counts(self) -> dict[str, int]:
        """Number of false positives and missed people by cause; a displaced pair is two errors."""
        return {
            name: int((self.of_prediction == n).sum() + (self.of_person == n).sum()) for n, name in enumerate(NAMES)
        }


def causes_of(
    predictions: Predictions, annotations: Annotations, *, delta: float, k: int, lone: Lone = "inf"
) -> Causes:
    """Return the cause of every error.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order, both with points.
    delta : float
        The threshold on the normalised distance.
    k : int
        Number of neighbours in d_k.
    lone : str
        Scale of a true point that is alone in its image.

    Returns
    -------
    Causes

    Examples
    --------
    Two people are found, the first one twice; one is found too far to the right, at 0.6 of d_k; one is missed, far from
    the others; one prediction is nobody:

    >>> truth = Annotations(image_ids=["a"], offsets=[0, 4], xy=[[0, 0], [10, 0], [20, 0], [200, 0]])
    >>> found = Predictions(image_ids=["a"], offsets=[0, 5], xy=[[0, 0], [1, 0], [10, 0], [28, 0], [90, 900]],
    ...                     score=[0.9, 0.8, 0.7, 0.6, 0.5])
    >>> causes_of(found, truth, delta=0.5, k=1).counts
    {'duplicate': 1, 'displaced': 2, 'background': 1, 'missed_clump': 0, 'missed_alone': 1}
    """
    predicted, true = predictions.points, annotations.points
    scale = knn_scales(true, k=k, lone=lone, sizes=annotations.sizes)
    holders = holders_of(predicted, predictions.score, true, scale, delta=delta, k=k)
    of_prediction, of_person = np.full(len(predicted), -1), np.full(len(true), -1)
    hit = np.zeros(len(predicted), dtype=bool)
    hit[holders[holders >= 0]] = True
    # A false positive within delta of a person has lost that person to somebody of a higher rank.
    of_prediction[near_people(predicted, true, scale, delta=delta, k=k) & ~hit] = NAMES.index("duplicate")
    displaced_to = _displaced(predictions, annotations, scale, ~hit & (of_prediction < 0), holders < 0, delta)
    of_prediction[displaced_to >= 0] = of_person[displaced_to[displaced_to >= 0]] = NAMES.index("displaced")
    of_prediction[~hit & (of_prediction < 0)] = NAMES.index("background")
    left = (holders < 0) & (of_person < 0)
    crowded = _crowded(predicted.where(hit), true, scale, left)
    of_person[left & crowded], of_person[left & ~crowded] = NAMES.index("missed_clump"), NAMES.index("missed_alone")
    return Causes(
        delta=delta,
        scale=scale,
        holders=holders,
        of_prediction=of_prediction,
        of_person=of_person,
        displaced_to=displaced_to,
    )


def repaired(predictions: Predictions, annotations: Annotations, causes: Causes, *names: str) -> Predictions:
    """Return predictions with some causes repaired.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides.
    causes : Causes
        The cause of every error.
    *names : str
        The causes that are repaired, or ``"ranking"``: all hits come before all false positives.

    Returns
    -------
    Predictions
        With confidences; a set without any gets 1 for each point.
    """
    score = np.ones(len(predictions.xy)) if predictions.score is None else predictions.score.copy()
    top = float(score.max(initial=1.0))
    xy, hit = predictions.xy.copy(), causes.of_prediction < 0
    if "ranking" in names:
        score[hit] += top - float(score.min(initial=0.0)) + 1.0
    kept = np.ones(len(xy), dtype=bool)
    for name in {"duplicate", "background"} & set(names):
        kept &= causes.of_prediction != NAMES.index(name)
    if "displaced" in names:
        moved = causes.displaced_to >= 0
        xy[moved] = annotations.xy[causes.displaced_to[moved]]
    added = np.isin(causes.of_person, [NAMES.index(name) for name in names if name.startswith("missed")])
    points, true = predictions.points, annotations.points
    image = np.concatenate([points.image[kept], true.image[added]])
    order = np.argsort(image, kind="stable")
    return Predictions(
        image_ids=predictions.image_ids,
        offsets=offsets_of(np.bincount(image, minlength=len(predictions.image_ids))),
        xy=np.concatenate([xy[kept], annotations.xy[added]])[order],
        score=np.concatenate([score[kept], np.full(int(added.sum()), float(score.max(initial=top)))])[order],
    )


def _displaced(
    predictions: Predictions, annotations: Annotations, scale: Floats, wrong: Flags, missed: Flags, delta: float
) -> Integers:
    """Return the missed person of each false positive that the matching at 4 delta pairs; -1 for the others."""
    displaced = np.full(len(wrong), -1)
    rows, people = np.flatnonzero(wrong), np.flatnonzero(missed)
    score = None if predictions.score is None else predictions.score[rows]
    held = holders_of(
        predictions.points.where(wrong), score, annotations.points.where(missed), scale[people],
        delta=REACH * delta, k=0,
    )  # fmt: skip
    displaced[rows[held[held >= 0]]] = people[held >= 0]
    return displaced


def _crowded(hits: Ragged, true: Ragged, scale: Floats, left: Flags) -> Flags:
    """Return which of the people that are left have a hit within d_k."""
    crowded = np.zeros(len(true), dtype=bool)
    people = np.flatnonzero(left & np.isfinite(scale))
    if len(people) and len(hits):
        crowded[people] = PointTree(hits).count_within(true.xy[people], true.image[people], scale[people]) > 0
    return crowded
