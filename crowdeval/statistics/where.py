"""Where systems differ: in groups of images, and in which images one finds people whom the other misses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.report import Report
from crowdeval.metrics import family_of
from crowdeval.metrics.evidence import GROUP, Evidence
from crowdeval.metrics.family import has_evidence
from crowdeval.metrics.groups import SCALES, groups_of
from crowdeval.metrics.ranking import image_hits
from crowdeval.points.ragged import Flags, Floats
from crowdeval.statistics.quantities import is_supported, split_label

MOST_LABELS = 12
"""Number of values of an attribute up to which images are compared by it."""

FLIPS = 5
"""Number of images that are listed for each side of a pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Two systems on a group of images.

    Attributes
    ----------
    name, label : str
        The attribute or band, and its value: ``count_quartile``, ``q1:9-88``.
    images : int
        Number of images.
    values : mapping of str to tuple of float
        By metric, the value of each system on these images alone.
    """

    name: str
    label: str
    images: int
    values: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """An image on which two systems differ.

    Attributes
    ----------
    image : str
        Its id.
    true : int
        Number of true points.
    a, b : float
        What each system found: people, or the estimated count where there are no points.
    a_alone, b_alone : int, optional
        People whom one system found and the other missed, by nAP's matching at the largest delta; None for evidence,
        which has no coordinates.
    """

    image: str
    true: int
    a: float
    b: float
    a_alone: int | None = None
    b_alone: int | None = None


def bands_of(systems: Mapping[str, tuple[Report, Evidence]], keys: Sequence[str]) -> list[Band]:
    """Return systems on quartiles of the count and the density, and by the attributes that evidence keeps.

    Parameters
    ----------
    systems : mapping of str to (Report, Evidence)
        The systems, of the same images.
    keys : sequence of str
        The metrics; those by group or level are left out.

    Returns
    -------
    list of Band
    """
    evidences = [evidence for _, evidence in systems.values()]
    plain = [key for key in keys if " by " not in key and "[" not in key and is_supported(key)]
    names = [name.removeprefix(GROUP) for name in evidences[0].images if name.startswith(GROUP)]
    bands = []
    for name in ["count_quartile", *(["scale_quartile"] if SCALES in evidences[0].images else []), *names]:
        groups = list(groups_of(name, evidences[0]))
        if not 1 < len(groups) <= MOST_LABELS:
            continue
        for label, images in groups:
            ids = {evidences[0].image_ids[n] for n in np.flatnonzero(images)}
            values: dict[str, list[float]] = {key: [] for key in plain}
            for report, evidence in systems.values():
                inside = np.array([image in ids for image in evidence.image_ids], dtype=np.int64)
                for key, value in _values_on(evidence, report.protocol, plain, inside).items():
                    values[key].append(value)
            made = {key: tuple(own) for key, own in values.items()}
            bands.append(Band(name=name, label=label, images=len(ids), values=made))
    return bands


def _values_on(evidence: Evidence, protocol: Protocol, keys: Sequence[str], inside: Any) -> dict[str, float]:
    """Return metrics on some of the images."""
    values = {}
    for key in keys:
        metric = split_label(key)[0]
        family = family_of(metric)
        assert has_evidence(family), "supported metrics have evidence"
        values[key] = family.values([metric], evidence, protocol, weights=inside).values.get(key, math.nan)
    return values


def flips_of(
    systems: Mapping[str, tuple[Report, Evidence]], people: Mapping[str, Flags]
) -> dict[str, tuple[list[Flip], list[Flip]]]:
    """Return the images of each pair with the most people whom one finds and the other misses.

    Without coordinates, those with the largest differences in hits, or in the error of the count.

    Parameters
    ----------
    systems : mapping of str to (Report, Evidence)
        The systems, of the same images.
    people : mapping of str to array of bool, (N,)
        Which true points each system found, for those whose coordinates are known.

    Returns
    -------
    dict of str to (list of Flip, list of Flip)
        By ``"A / B"``, the images in which A is ahead, and those in which B is.
    """
    flips = {}
    for (a, (_, first)), (b, (_, second)) in combinations(systems.items(), 2):
        if a in people and b in people and first.image_ids == second.image_ids:
            flips[f"{a} / {b}"] = _by_person(first, people[a], people[b])
            continue
        place = {name: n for n, name in enumerate(second.image_ids)}
        order = [place[name] for name in first.image_ids]
        own, other = _found(first), _found(second)
        if own is None or other is None:
            own, other = first.images.get("estimated"), second.images.get("estimated")
            if own is None or other is None:
                continue
            true = first.images["true"]
            change = np.abs(other[order] - true) - np.abs(own - true)
        else:
            change = own - other[order]
        flips[f"{a} / {b}"] = _largest(first, own, other[order], change, -change)
    return flips


def _by_person(evidence: Evidence, own: Flags, other: Flags) -> tuple[list[Flip], list[Flip]]:
    """Return the images with the most people whom one system finds and the other misses."""
    image = np.repeat(np.arange(len(evidence)), evidence.images["true"])
    counts = [np.bincount(image[flags], minlength=len(evidence)) for flags in (own, other, own & ~other, other & ~own)]
    sides = _largest(evidence, counts[0], counts[1], counts[2], counts[3])
    place = {name: n for n, name in enumerate(evidence.image_ids)}
    alone = [
        [
            replace(flip, a_alone=int(counts[2][n]), b_alone=int(counts[3][n]))
            for flip in flips
            for n in [place[flip.image]]
        ]
        for flips in sides
    ]
    return alone[0], alone[1]


def _largest(evidence: Evidence, own: Any, other: Any, ahead: Any, behind: Any) -> tuple[list[Flip], list[Flip]]:
    """Return the images in which one system is most ahead, and those in which the other is."""
    sides = []
    # Of images with equal changes, those with the first ids.
    by_id = np.array(sorted(range(len(evidence)), key=evidence.image_ids.__getitem__), dtype=np.int64)
    for change in (ahead, behind):
        largest = by_id[np.argsort(-change[by_id], kind="stable")][:FLIPS]
        sides.append([
            Flip(image=evidence.image_ids[n], true=int(evidence.images["true"][n]), a=float(own[n]), b=float(other[n]))
            for n in largest.tolist() if change[n] > 0
        ])  # fmt: skip
    return sides[0], sides[1]


def _found(evidence: Evidence) -> Floats | None:
    """Return the hits of every image at the largest threshold, (m,); None without points."""
    column = next(iter(evidence.rows), None)
    if column is not None:
        return image_hits(evidence, column, max(evidence.thresholds[column])).astype(np.float64)
    name = next((name for name in evidence.images if name.startswith("hits@")), None)
    if name is None:
        return None
    own_hits = evidence.images[name]
    largest: Floats = (own_hits if own_hits.ndim == 1 else own_hits[:, -1]).astype(np.float64)
    return largest
