"""Parts put together: sets of images as one set, the evidence of several as that of the whole, bit for bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, listed
from crowdeval.metrics.evidence import GROUP, Evidence, Lack, canonical
from crowdeval.metrics.strings import signature_fields
from crowdeval.points import assemble
from crowdeval.points.fingerprints import Lane, added, unknown_lane
from crowdeval.points.ragged import Floats, offsets_of
from crowdeval.points.sets import Annotations, Predictions, repeated

VALUES_ONLY = ("ap", "pool")
"""Signature fields that values are taken by; all others decide what evidence is."""


@overload
def concatenated(parts: Iterable[Predictions]) -> Predictions: ...
@overload
def concatenated(parts: Iterable[Annotations]) -> Annotations: ...
@overload
def concatenated(parts: Iterable[Evidence]) -> Evidence: ...
def concatenated(
    parts: Iterable[Predictions] | Iterable[Annotations] | Iterable[Evidence],
) -> Predictions | Annotations | Evidence:
    """Return several sets of different images, or the evidence of several, as one.

    Parameters
    ----------
    parts : iterable of Predictions, of Annotations, or of Evidence
        At least one. A part without points is neutral: it need not have the scores or boxes that the others have.

    Returns
    -------
    Predictions, Annotations or Evidence
        The images of the first set first; of evidence, in canonical order: whatever the order of the parts, it is the
        evidence of the whole, bit for bit. A metric that a part lacks something for is left out of the whole.

    Raises
    ------
    InputError
        If an image is in two of them, if only some parts with points have scores, boxes, radii or levels, if some
        predictions are points and others only counts, or if evidence was made with different options.

    Examples
    --------
    >>> one = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]], score=[0.5])
    >>> two = Predictions(image_ids=["b"], offsets=[0, 0], xy=[])
    >>> concatenated([one, two])
    Predictions(2 images, 1 points)
    """
    given: list[Any] = list(parts)
    if given and all(isinstance(part, Evidence) for part in given):
        return _concatenated_evidence(given)
    joined: Predictions | Annotations = assemble.concatenated(given)
    return joined


def _concatenated_evidence(parts: list[Evidence]) -> Evidence:
    _require_alike(parts)
    twice = repeated(name for part in parts for name in part.image_ids)
    if twice:
        raise InputError(f"evidence of the same images: {listed(twice)} in more than one part")
    peopled = [part for part in parts if len(part)] or parts[:1]
    lacks = _joined_lacks(peopled)
    rows = {name for part in peopled for name in part.rows if all(name in each.rows for each in peopled)}
    whole = Evidence(
        image_ids=tuple(name for part in parts for name in part.image_ids),
        offsets=offsets_of(np.concatenate([part.counts for part in parts])),
        score=_joined_scores(peopled) if rows else None,
        images=_joined_images(peopled),
        rows={name: np.concatenate([part.rows[name] for part in peopled]) for name in sorted(rows)},
        thresholds={
            name: values
            for name, values in peopled[0].thresholds.items()
            if all(part.thresholds.get(name) == values for part in peopled)
        },
        signature=parts[0].signature,
        names=_joined_names(parts),
        scored=next((part.scored for part in parts if part.scored is not None), None),
        located=all(part.located for part in peopled),
        lacks=lacks,
        carried=tuple(dict.fromkeys(text for part in parts for text in part.carried)),
        lanes=_joined_lanes(parts),
        about={k: v for k, v in parts[0].about.items() if all(part.about.get(k) == v for part in parts)},
    )
    return canonical(whole)


def _require_alike(parts: Sequence[Evidence]) -> None:
    """Raise InputError where parts were made with different options, or only some have confidences."""
    first = parts[0]
    for part in parts[1:]:
        own, other = (_evidence_fields(each.signature) for each in (first, part))
        different = [key for key in {**own, **other} if own.get(key) != other.get(key)]
        if different:
            key = different[0]
            raise InputError(
                f"evidence made with different options can't be one: {key} is {own.get(key)} in {first.names[0]} "
                f"and {other.get(key)} in {part.names[0]}"
            )
    having = [part.names[0] for part in parts if part.scored]
    lacking = [part.names[0] for part in parts if part.scored is False]
    if having and lacking:
        raise InputError(f"confidences in {having[0]} and none in {lacking[0]}: one ranked list can't hold both")


def _evidence_fields(signature: str) -> dict[str, str]:
    """Return the fields of a signature that decide what evidence is."""
    revision, fields = signature_fields(signature)
    return {"revision": revision, **{key: value for key, value in fields.items() if key not in VALUES_ONLY}}


def _joined_lacks(parts: Sequence[Evidence]) -> dict[str, Lack]:
    """Return the metrics that the whole lacks something for.

    A metric is lacking where every part lacks it, or where one truly does: then its name is said, if others do not.
    """
    lacks = {}
    for metric in dict.fromkeys(name for part in parts for name in part.lacks):
        own = [(part, part.lacks[metric]) for part in parts if metric in part.lacks]
        true = [(part, lack) for part, lack in own if not lack.spared]
        if len(own) == len(parts):
            lacks[metric] = Lack((true or own)[0][1].reason, spared=not true)
        elif true:
            part, lack = true[0]
            lacks[metric] = Lack(f"{lack.reason}; {part.names[1]} has none", spared=False)
    return lacks


def _joined_scores(parts: Sequence[Evidence]) -> Floats | None:
    scores = [part.score for part in parts if part.score is not None]
    return np.concatenate(scores) if scores else None


def _joined_images(parts: Sequence[Evidence]) -> dict[str, NDArray[Any]]:
    """Return the columns of images that all parts have, and those whose absence means something."""
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
"""Columns that a part has only where something is known, and what their absence means."""


def _absent(name: str, images: int) -> NDArray[Any]:
    if name.startswith(GROUP):
        return np.full(images, None, dtype=object)
    return np.full(images, ABSENT[name])


def _joined_lanes(parts: Sequence[Evidence]) -> dict[str, Lane]:
    """Return the sums of the hashes; what is unknown of a part's images is hashed as such."""
    lanes: dict[str, Lane] = {}
    for name in sorted({name for part in parts for name in part.lanes}):
        own = [part.lanes[name] if name in part.lanes else unknown_lane(name, part.image_ids) for part in parts]
        lacking = [part for part, lane in zip(parts, own, strict=True) if lane is None]
        if not any(_points_of(name.partition(":")[0], part) for part in lacking):
            lanes[name] = added([lane for lane in own if lane is not None])
    return lanes


def _points_of(side: str, part: Evidence) -> int:
    """Return how many points a part has on a side."""
    return int(part.offsets[-1]) if side == "predictions" else int(part.images["true"].sum())


def _joined_names(parts: Sequence[Evidence]) -> tuple[str, str]:
    """Return the parts' names where they are one, else the first and how many more."""
    sides = [list(dict.fromkeys(part.names[side] for part in parts)) for side in (0, 1)]
    first, second = (names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" for names in sides)
    return first, second
