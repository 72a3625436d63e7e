"""align(): predictions in the image order of the annotations; from then on position is identity.

Ids are compared as they are; with ``id_style="stem"`` without folders and known file extensions. What does not meet is
an error that names it, with the nearest ids and the option that would help.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from crowdeval.errors import AlignmentError, did_you_mean, listed
from crowdeval.options import IdStyle, Missing
from crowdeval.points.sets import Annotations, Predictions, repeated

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".json", ".txt", ".mat", ".npy", ".h5")
)


def align(
    predictions: Predictions,
    annotations: Annotations,
    *,
    missing: Missing = "error",
    id_style: IdStyle = "exact",
) -> tuple[Predictions, Annotations]:
    """Bring the predictions into the image order of the annotations.

    Parameters
    ----------
    predictions, annotations
        The two sides.
    missing : {"error", "empty"}
        What an annotated image without predictions is: an error, or an image with no predicted points.
    id_style : {"exact", "stem"}
        ``"stem"`` compares ids without folders and file extensions (``"a/IMG_1.jpg"`` is ``"IMG_1"``), on the
        annotations' side also by an attribute ``file_name``.

    Returns
    -------
    (Predictions, Annotations)
        Both with the annotations' images in the annotations' order.

    Raises
    ------
    AlignmentError
        If predictions name images that the annotations lack, or (``missing="error"``) lack some themselves.
    """
    if predictions.image_ids == annotations.image_ids:
        return predictions, annotations
    theirs = _keys(predictions.image_ids, id_style, "predictions")
    ours = _annotation_keys(annotations, theirs, id_style)
    unknown = [name for key, name in theirs.items() if key not in ours]
    absent = [name for key, name in ours.items() if key not in theirs]
    if unknown or (absent and missing == "error"):
        given = absent if missing == "error" else []
        raise AlignmentError("\n".join(_misaligned(predictions, annotations, unknown, given, id_style=id_style)))
    index = {name: i for i, name in enumerate(predictions.image_ids)}
    order = np.array([index[theirs[key]] if key in theirs else -1 for key in ours], dtype=np.int64)
    points, rows = predictions.points.take(order), predictions.points.rows(order)
    counts = predictions.counts
    if counts is not None:
        counts = np.where(order >= 0, counts[order], np.nan if predictions.located else 0.0)
    aligned = replace(
        predictions,
        image_ids=annotations.image_ids,
        offsets=points.offsets,
        xy=points.xy,
        score=None if predictions.score is None else predictions.score[rows],
        counts=counts,
    )
    return aligned, annotations


def stem(image_id: str) -> str:
    """Return an id without folders and without a known file extension.

    >>> stem("val/IMG_1.jpg"), stem("crowd.v2")
    ('IMG_1', 'crowd.v2')
    """
    name = image_id.replace("\\", "/").rsplit("/", 1)[-1]
    base, suffix = os.path.splitext(name)
    return base if suffix.lower() in IMAGE_SUFFIXES else name


def _keys(ids: Sequence[str], id_style: IdStyle, side: str) -> dict[str, str]:
    """Map the form of an id that is compared to the id itself."""
    if id_style == "exact":
        return {name: name for name in ids}
    keys = {stem(name): name for name in ids}
    if len(keys) != len(ids):
        clash = repeated(stem(name) for name in ids)
        raise AlignmentError(f"the {side} have several images whose id without folder and extension is {listed(clash)}")
    return keys


def _annotation_keys(annotations: Annotations, theirs: Mapping[str, str], id_style: IdStyle) -> dict[str, str]:
    ours = _keys(annotations.image_ids, id_style, "annotations")
    files = annotations.attributes.get("file_name")
    if id_style == "exact" or files is None or not theirs.keys().isdisjoint(ours):
        return ours
    by_file = _keys([str(name) for name in files], id_style, "annotations")
    names = dict(zip((str(name) for name in files), annotations.image_ids, strict=True))
    return {key: names[file] for key, file in by_file.items()}


def _misaligned(
    predictions: Predictions, annotations: Annotations, unknown: list[str], absent: list[str], *, id_style: IdStyle
) -> list[str]:
    """Return what is said of images that only the predictions (``unknown``) or only the annotations have."""
    parts = []
    if unknown:
        near = did_you_mean(unknown[0], absent or annotations.image_ids)
        parts.append(
            f"{len(unknown)} of {len(predictions.image_ids)} predicted images are not in the annotations: "
            f"{listed(unknown)}{near}"
        )
    if absent:
        hint = "" if unknown else "; missing='empty' (--missing empty) scores them as images with no predictions"
        parts.append(
            f"{len(absent)} of {len(annotations.image_ids)} annotated images have no predictions: "
            f"{listed(absent)}{hint}"
        )
    if id_style == "exact" and unknown:
        stems = {stem(name) for name in annotations.image_ids}
        stems |= {stem(str(name)) for name in annotations.attributes.get("file_name", ())}
        found = sum(stem(name) in stems for name in unknown)
        if found:
            parts.append(
                f"{found} of them are found when folders and file extensions are ignored: "
                "id_style='stem' (--id-style stem)"
            )
    return parts
