"""Bring predictions into the image order of the annotations; from then on equal positions are the same image.

Ids are compared as they are or, with ``id_style="stem"``, without folders and known file extensions. Images that only
one side has are an error that names them, the nearest ids and the option that would help.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from crowdeval.errors import AlignmentError, did_you_mean, listed
from crowdeval.options import IdStyle, Missing
from crowdeval.points.sets import Annotations, Predictions, repeated_names

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".json", ".txt", ".mat", ".npy", ".h5")
)
"""File extensions that ``stem`` removes: those of images and of the files with their points."""


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
    predictions : Predictions
        Predictions of the annotated images, in any order.
    annotations : Annotations
        The annotations, whose order of images both results have.
    missing : {"error", "empty"}
        How an annotated image without predictions is treated: as an error, or as an image with no predicted points.
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
        If a predicted image is not in the annotations, if (``missing="error"``) an annotated image is not in the
        predictions, or if (``id_style="stem"``) two ids of one side have the same stem.

    Examples
    --------
    >>> predictions = Predictions(image_ids=["b.jpg", "a.jpg"], offsets=[0, 1, 1], xy=[[1.0, 2.0]])
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 0, 1], xy=[[1.0, 2.0]])
    >>> align(predictions, truth, id_style="stem")[0].image_ids
    ('a', 'b')
    """
    if predictions.image_ids == annotations.image_ids:
        return predictions, annotations
    predicted_ids = _ids_by_key(predictions.image_ids, id_style, "predictions")
    annotated_ids = _annotated_ids_by_key(annotations, predicted_ids, id_style)
    unknown = [name for key, name in predicted_ids.items() if key not in annotated_ids]
    absent = [name for key, name in annotated_ids.items() if key not in predicted_ids]
    if unknown or (absent and missing == "error"):
        reported = absent if missing == "error" else []
        raise AlignmentError("\n".join(_mismatches(predictions, annotations, unknown, reported, id_style=id_style)))
    # The position in the predictions of every annotated image, -1 where it has no predictions:
    #   predictions b, a and annotations a, c, b  ->  order [1, -1, 0]
    index = {name: i for i, name in enumerate(predictions.image_ids)}
    order = np.array(
        [index[predicted_ids[key]] if key in predicted_ids else -1 for key in annotated_ids], dtype=np.int64
    )
    points, rows = predictions.points.take(order), predictions.points.rows(order)
    counts = predictions.counts
    if counts is not None:
        # An image without predictions has no estimated count (NaN); a method that only counts has counted 0 people.
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
    """Return an image id without folders and without a known file extension.

    Parameters
    ----------
    image_id : str
        Image id; folders may be separated by ``/`` or by a backslash.

    Returns
    -------
    str

    Examples
    --------
    >>> stem("val/IMG_1.jpg"), stem("crowd.v2")
    ('IMG_1', 'crowd.v2')
    """
    name = image_id.replace("\\", "/").rsplit("/", 1)[-1]
    base, suffix = os.path.splitext(name)
    return base if suffix.lower() in IMAGE_SUFFIXES else name


def _ids_by_key(ids: Sequence[str], id_style: IdStyle, side: str) -> dict[str, str]:
    """Return the image ids by the key that is compared: the id itself or its stem."""
    if id_style == "exact":
        return {name: name for name in ids}
    keys = {stem(name): name for name in ids}
    if len(keys) != len(ids):
        clash = repeated_names(stem(name) for name in ids)
        raise AlignmentError(
            f"the {side} have several images whose id without folder and extension is {listed(clash)}; "
            "id_style='exact' (--id-style exact) compares whole ids"
        )
    return keys


def _annotated_ids_by_key(
    annotations: Annotations, predicted_ids: Mapping[str, str], id_style: IdStyle
) -> dict[str, str]:
    """Return the annotations' ids by key; by the stem of their file names where no id meets a predicted one."""
    ids_by_key = _ids_by_key(annotations.image_ids, id_style, "annotations")
    files = annotations.attributes.get("file_name")
    if id_style == "exact" or files is None or not predicted_ids.keys().isdisjoint(ids_by_key):
        return ids_by_key
    file_by_key = _ids_by_key([str(name) for name in files], id_style, "annotations")
    id_by_file = dict(zip((str(name) for name in files), annotations.image_ids, strict=True))
    return {key: id_by_file[file] for key, file in file_by_key.items()}


def _mismatches(
    predictions: Predictions, annotations: Annotations, unknown: list[str], absent: list[str], *, id_style: IdStyle
) -> list[str]:
    """Return the lines of a message about images of the predictions only (unknown) or the annotations only (absent)."""
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
        matching = sum(stem(name) in stems for name in unknown)
        if matching:
            parts.append(
                f"{matching} of them are found when folders and file extensions are ignored: "
                "use id_style='stem' (--id-style stem)"
            )
    return parts
