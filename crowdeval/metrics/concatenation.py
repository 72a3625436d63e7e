"""Parts joined to a whole: several sets of images as one set, the evidence of several parts as that of the whole set.

The joined evidence equals the evidence of the whole set bit for bit, whatever the parts and their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, listed
from crowdeval.metrics.evidence import GROUP, Evidence, Lack, canonical_order
from crowdeval.metrics.strings import signature_fields
from crowdeval.points import assemble
from crowdeval.points.fingerprints import Lane, sum_lanes, unknown_lane
from crowdeval.points.ragged import Floats, offsets_of
from crowdeval.points.sets import Annotations, Predictions, repeated_names

VALUES_ONLY = ("ap", "pool")
"""Signature fields that evidence does not depend on; they are used only when values are computed from it."""


@overload
def concatenated(parts: Iterable[Predictions]) -> Predictions: ...
@overload
def concatenated(parts: Iterable[Annotations]) -> Annotations: ...
@overload
def concatenated(parts: Iterable[Evidence]) -> Evidence: ...
def concatenated(
    parts: Iterable[Predictions] | Iterable[Annotations] | Iterable[Evidence],
) -> Predictions | Annotations | Evidence:
    """Return several sets of different images, or the evidence of several sets, as one.

    Parameters
    ----------
    parts : iterable of Predictions, of Annotations, or of Evidence
        At least one. A part without points need not have the scores or boxes that the others have.

    Returns
    -------
    Predictions, Annotations or Evidence
        For predictions and annotations, the images of the first set come first. Evidence is in canonical order: it
        equals the evidence of the whole set bit for bit, whatever the order of the parts. A metric that can't be
        measured on one of the parts is left out of the whole. Where the protocols of the parts differ in ``ap`` or
        ``pool``, on which evidence does not depend, the whole has the signature that sorts first.

    Raises
    ------
    InputError
        If an image is in two parts, if only some parts with points have scores, boxes, radii or levels, if some
        predictions are points and others only counts, or if evidence was made with different options.

    Examples
    --------
    >>> first = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]], score=[0.5])
    >>> second = Predictions(image_ids=["b"], offsets=[0, 0], xy=[])
    >>> concatenated([first, second])
    Predictions(2 images, 1 points)
    """
    members: list[Any] = list(parts)
    if members and all(isinstance(part, Evidence) for part in members):
        return _concatenated_evidence(members)
    joined: Predictions | Annotations = assemble.concatenated(members)
    return joined


def _concatenated_evidence(parts: list[Evidence]) -> Evidence:
    """Return the evidence of parts as that of the whole set; parts without images only bring their names."""
    _require_alike(parts)
    twice = repeated_names(name for part in parts for name in part.image_ids)
    if twice:
        raise InputError(f"evidence can't be joined: expected each image in one part, found {listed(twice)} in several")
    filled = [part for part in parts if len(part)] or parts[:1]
    rows = {name for part in filled for name in part.rows if all(name in other.rows for other in filled)}
    whole = Evidence(
        image_ids=tuple(name for part in parts for name in part.image_ids),
        offsets=offsets_of(np.concatenate([part.counts for part in parts])),
        score=_joined_scores(filled) if rows else None,
        images=_joined_images(filled),
        rows={name: np.concatenate([part.rows[name] for part in filled]) for name in sorted(rows)},
        thresholds={
            name: values
            for name, values in filled[0].thresholds.items()
            if all(part.thresholds.get(name) == values for part in filled)
        },
        signature=min(part.signature for part in parts),
        names=_joined_names(parts),
        scored=next((part.scored for part in parts if part.scored is not None), None),
        located=all(part.located for part in filled),
        lacks=_joined_lacks(filled),
        carried=tuple(dict.fromkeys(text for part in parts for text in part.carried)),
        lanes=_joined_lanes(parts),
        changes=_joined_changes(filled),
        about={k: v for k, v in parts[0].about.items() if all(part.about.get(k) == v for part in parts)},
    )
    return canonical_order(whole)


def _joined_changes(parts: Sequence[Evidence]) -> dict[str, str]:
    """Return what was done to the sides of all parts; different texts of one kind stand beside each other."""
    names = sorted({name for part in parts for name in part.changes})
    texts = {name: {part.changes.get(name, "nothing") for part in parts} for name in names}
    return {name: " | ".join(sorted(texts[name])) for name in names}


def _require_alike(parts: Sequence[Evidence]) -> None:
    """Raise InputError if parts were made with different options, or only some have confidences."""
    first = parts[0]
    own = _evidence_fields(first.signature)
    for part in parts[1:]:
        other = _evidence_fields(part.signature)
        different = [key for key in {**own, **other} if own.get(key) != other.get(key)]
        if different:
            key = different[0]
            raise InputError(
                f"evidence made with different options can't be joined: {key} is {own.get(key)} in {first.names[0]} "
                f"and {other.get(key)} in {part.names[0]}; make all parts with the same options"
            )
    scored = [part.names[0] for part in parts if part.scored]
    unscored = [part.names[0] for part in parts if part.scored is False]
    if scored and unscored:
        raise InputError(
            f"evidence can't be joined: there are confidences in {scored[0]} and none in {unscored[0]}, and one ranked "
            "list can't hold both"
        )


def _evidence_fields(signature: str) -> dict[str, str]:
    """Return the fields of a signature that evidence depends on."""
    revision, fields = signature_fields(signature)
    return {"revision": revision, **{key: value for key, value in fields.items() if key not in VALUES_ONLY}}


def _joined_lacks(parts: Sequence[Evidence]) -> dict[str, Lack]:
    """Return the metrics that can't be measured on the whole.

    These are the metrics that no part can measure, and those that one part can't and does not spare. If other parts
    can measure the metric, the reason names that part.
    """
    lacks = {}
    for metric in dict.fromkeys(name for part in parts for name in part.lacks):
        lacking = [(part, part.lacks[metric]) for part in parts if metric in part.lacks]
        blocking = [(part, lack) for part, lack in lacking if not lack.spared]
        if len(lacking) == len(parts):
            lacks[metric] = Lack((blocking or lacking)[0][1].reason, spared=not blocking)
        elif blocking:
            part, lack = blocking[0]
            predictions, annotations = part.names
            lacks[metric] = Lack(f"{lack.reason}; the part {predictions} with {annotations} lacks this", spared=False)
    return lacks


def _joined_scores(parts: Sequence[Evidence]) -> Floats | None:
    scores = [part.score for part in parts if part.score is not None]
    return np.concatenate(scores) if scores else None


def _joined_images(parts: Sequence[Evidence]) -> dict[str, NDArray[Any]]:
    """Return the columns of images that all parts have, and those for which absence has a meaning (``ABSENT``)."""
    columns: dict[str, NDArray[Any]] = {}
    for name in sorted({name for part in parts for name in part.images}):
        own = [part.images.get(name) for part in parts]
        present = [column for column in own if column is not None]
        if len(present) < len(own):
            if not (name.startswith(GROUP) or name in ABSENT):
                continue
            own = [_absent(name, len(part)) if column is None else column
                   for part, column in zip(parts, own, strict=True)]  # fmt: skip
        columns[name] = np.concatenate([column for column in own if column is not None])
    return columns


ABSENT = {"off_true": 0, "off_predicted": 0, "outside_unit": 0, "given": np.nan}
"""Columns that a part may leave out, and the value that its images then have."""


def _absent(name: str, images: int) -> NDArray[Any]:
    if name.startswith(GROUP):
        return np.full(images, None, dtype=object)
    return np.full(images, ABSENT[name])


def _joined_lanes(parts: Sequence[Evidence]) -> dict[str, Lane]:
    """Return the sums of the hashes; a column that a part does not have is hashed as unknown for its images."""
    lanes: dict[str, Lane] = {}
    for name in sorted({name for part in parts for name in part.lanes}):
        own = [part.lanes[name] if name in part.lanes else unknown_lane(name, part.image_ids) for part in parts]
        lacking = [part for part, lane in zip(parts, own, strict=True) if lane is None]
        if not any(_points_of(name.partition(":")[0], part) for part in lacking):
            lanes[name] = sum_lanes([lane for lane in own if lane is not None])
    return lanes


def _points_of(side: str, part: Evidence) -> int:
    """Return the number of points that a part has on a side."""
    return int(part.offsets[-1]) if side == "predictions" else int(part.images["true"].sum())


def _joined_names(parts: Sequence[Evidence]) -> tuple[str, str]:
    """Return the name of each side: the common name, or the first name and the number of further ones."""
    sides = [list(dict.fromkeys(part.names[side] for part in parts)) for side in (0, 1)]
    first, second = (names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" for names in sides)
    return first, second
