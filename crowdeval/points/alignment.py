"""Bring predictions into the image order of the annotations; from then on equal positions are the same image.

Ids are compared as they are or in a looser way (``id_style``). Images that only one side has are an error that names
them, the nearest ids and the option that would help.

    ===========  ==============================================================================
    exact        ids as they are
    stem         without folders and file extensions; hashes that Label Studio and Roboflow add to names are left out
    caseless     as stem, in any case
    number       by the last number in the id: IMG_1, 0001 and img-1 are one image
    string-rank  1, 2, ... are the annotated images in the order of text: IMG_1, IMG_10, IMG_100, IMG_2, ...
    ===========  ==============================================================================
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crowdeval.errors import AlignmentError, did_you_mean, listed
from crowdeval.options import Extra, IdStyle, Missing
from crowdeval.points.ragged import Floats
from crowdeval.points.sets import Annotations, Predictions, repeated_names

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".json", ".txt", ".mat", ".npy", ".h5")
)
"""File extensions that ``stem`` removes: those of images and of the files with their points."""

_LOOSER: tuple[IdStyle, ...] = ("stem", "caseless", "number", "string-rank")
"""The styles that a message may suggest, the strictest first."""

_NUMBER = re.compile(r"[0-9]+")
_HASHES = re.compile(r"^[0-9a-f]{8}-(?=.)|(?:_(?:jpe?g|png|bmp|tiff?|webp))?\.rf\.[0-9a-f]{20,40}$", re.IGNORECASE)
"""The beginning that Label Studio adds to the name of an image, and the end that Roboflow adds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aligned:
    """The two sides with the same images in the same order.

    Attributes
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides.
    extra : tuple of str
        Predicted images that are not annotated and were left out.
    absent : tuple of str
        Annotated images without predictions.
    notices : tuple of str
        What is to be said of the ids.
    """

    predictions: Predictions
    annotations: Annotations
    extra: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def align(
    predictions: Predictions,
    annotations: Annotations,
    *,
    missing: Missing = "error",
    id_style: IdStyle = "exact",
    extra: Extra = "error",
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
    id_style : {"exact", "stem", "caseless", "number", "string-rank"}
        How ids are compared. ``"stem"`` compares ids without folders and file extensions (``"a/IMG_1.jpg"`` is
        ``"IMG_1"``), on the annotations' side also by an attribute ``file_name``.
    extra : {"error", "ignore"}
        How a predicted image that is not annotated is treated: as an error, or left out.

    Returns
    -------
    (Predictions, Annotations)
        Both with the annotations' images in the annotations' order.

    Raises
    ------
    AlignmentError
        If a predicted image is not in the annotations (``extra="error"``), if an annotated image is not in the
        predictions (``missing="error"``), or if two ids of one side are the same in this style.

    Examples
    --------
    >>> predictions = Predictions(image_ids=["b.jpg", "a.jpg"], offsets=[0, 1, 1], xy=[[1.0, 2.0]])
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 0, 1], xy=[[1.0, 2.0]])
    >>> align(predictions, truth, id_style="stem")[0].image_ids
    ('a', 'b')
    """
    result = aligned(predictions, annotations, missing=missing, id_style=id_style, extra=extra)
    return result.predictions, result.annotations


def aligned(
    predictions: Predictions,
    annotations: Annotations,
    *,
    missing: Missing = "error",
    id_style: IdStyle = "exact",
    extra: Extra = "error",
) -> Aligned:
    """Return the two sides as ``align`` does, with the images that were left out.

    Parameters
    ----------
    predictions, annotations, missing, id_style, extra
        The same as for ``align``.

    Returns
    -------
    Aligned

    Raises
    ------
    AlignmentError
        As ``align``.

    Examples
    --------
    >>> predictions = Predictions(image_ids=["b", "a"], offsets=[0, 1, 1], xy=[[1.0, 2.0]])
    >>> truth = Annotations(image_ids=["a", "c"], offsets=[0, 0, 0], xy=[])
    >>> result = aligned(predictions, truth, missing="empty", extra="ignore")
    >>> result.extra, result.absent
    (('b',), ('c',))
    """
    ranked = _rank_notice(predictions, annotations) if id_style != "string-rank" else ()
    if predictions.image_ids == annotations.image_ids:
        return Aligned(predictions=predictions, annotations=annotations, notices=ranked)
    predicted_ids, annotated_ids = _keys_of_both(predictions, annotations, id_style)
    unknown = [name for key, name in predicted_ids.items() if key not in annotated_ids]
    absent = [name for key, name in annotated_ids.items() if key not in predicted_ids]
    if (unknown and extra == "error") or (absent and missing == "error"):
        raise AlignmentError(
            "\n".join(
                _mismatches(
                    predictions,
                    annotations,
                    unknown if extra == "error" else [],
                    absent if missing == "error" else [],
                    id_style=id_style,
                )
            )
        )
    ordered = _in_order(predictions, annotations, predicted_ids, annotated_ids)
    return Aligned(
        predictions=ordered,
        annotations=annotations,
        extra=tuple(unknown),
        absent=tuple(absent),
        notices=ranked,
    )


def stem_style(predictions: Predictions, annotations: Annotations) -> bool:
    """Return whether ids of which one side's come from file names are to be compared by their stems.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, one of them read from a folder with one file for each image.

    Returns
    -------
    bool
        False where as many ids meet as they are.

    Examples
    --------
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 0], xy=[])
    >>> stem_style(predictions, Annotations(image_ids=["a.jpg"], offsets=[0, 0], xy=[]))
    True
    """
    predicted, annotated = set(predictions.image_ids), set(annotations.image_ids)
    exact = len(predicted & annotated)
    return exact < min(len(predicted), len(annotated)) and exact < len(
        {*map(stem, predicted)} & {*map(stem, annotated)}
    )


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


def _in_order(
    predictions: Predictions,
    annotations: Annotations,
    predicted_ids: Mapping[str, str],
    annotated_ids: Mapping[str, str],
) -> Predictions:
    """Return the predictions under the ids and in the order of the annotations."""
    # The position in the predictions of every annotated image, -1 where it has no predictions:
    #   predictions b, a and annotations a, c, b  ->  order [1, -1, 0]
    index = {name: i for i, name in enumerate(predictions.image_ids)}
    order = np.array(
        [index[predicted_ids[key]] if key in predicted_ids else -1 for key in annotated_ids], dtype=np.int64
    )
    points, rows = predictions.points.take(order), predictions.points.rows(order)
    counts, sizes = predictions.counts, predictions.sizes
    if counts is not None:
        # An image without predictions has no estimated count (NaN); a method that only counts has counted 0 people.
        counts = np.where(order >= 0, counts[order], np.nan if predictions.located else 0.0)
    return replace(
        predictions,
        image_ids=annotations.image_ids,
        offsets=points.offsets,
        xy=points.xy,
        score=None if predictions.score is None else predictions.score[rows],
        counts=counts,
        sizes=None if sizes is None else np.where(order[:, None] >= 0, sizes[order], np.nan),
        labels=None if predictions.labels is None else predictions.labels[rows],
    )


def _keys_of_both(
    predictions: Predictions, annotations: Annotations, id_style: IdStyle
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the ids of both sides by the key that is compared."""
    if id_style == "string-rank":
        ranked = sorted(annotations.image_ids, key=stem)
        ranks = {name: str(rank) for rank, name in enumerate(ranked, start=1)}
        annotated = {ranks[name]: name for name in annotations.image_ids}
        return _ids_by_key(predictions.image_ids, "number", "predictions"), annotated
    predicted = _ids_by_key(predictions.image_ids, id_style, "predictions")
    annotated = _annotated_ids_by_key(annotations, predicted, id_style)
    if id_style in ("stem", "caseless"):
        _match_without_hashes(predicted, annotated)
    return predicted, annotated


def _match_without_hashes(predicted: dict[str, str], annotated: dict[str, str]) -> None:
    """Give predicted images whose key is not annotated the key of the one annotated image they are without hashes."""
    left = [key for key in predicted if key not in annotated]
    if not left:
        return
    plain: dict[str, list[str]] = {}
    for key in annotated.keys() - predicted.keys():
        plain.setdefault(_HASHES.sub("", key), []).append(key)
    names = [_HASHES.sub("", key) for key in left]
    twice = set(repeated_names(names))
    for key, name in zip(left, names, strict=True):
        if name not in twice and len(plain.get(name, [])) == 1:
            predicted[plain[name][0]] = predicted.pop(key)


def _key(name: str, id_style: IdStyle) -> str:
    """Return what is compared of an id."""
    if id_style == "exact":
        return name
    base = stem(name)
    if id_style == "caseless":
        return base.casefold()
    numbers = _NUMBER.findall(base) if id_style == "number" else []
    return (numbers[-1].lstrip("0") or "0") if numbers else base


def _ids_by_key(ids: Sequence[str], id_style: IdStyle, side: str) -> dict[str, str]:
    """Return the image ids by the key that is compared: the id itself, its stem, its number."""
    keys = {_key(name, id_style): name for name in ids}
    if len(keys) != len(ids):
        clash = repeated_names(_key(name, id_style) for name in ids)
        what = "last number" if id_style == "number" else "id without folder and extension"
        raise AlignmentError(
            f"the {side} have several images whose {what} is {listed(clash)}; "
            "id_style='exact' (--id-style exact) compares whole ids"
        )
    return keys


def _annotated_ids_by_key(
    annotations: Annotations, predicted_ids: Mapping[str, str], id_style: IdStyle
) -> dict[str, str]:
    """Return the annotations' ids by key; by the key of their file names where no id meets a predicted one."""
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
    if id_style != "string-rank" and unknown:
        parts += _suggestion(predictions, annotations, unknown, id_style=id_style)
    if unknown and not absent:
        parts.append("extra='ignore' (--extra ignore) leaves images out that are not annotated")
    return parts


def _suggestion(
    predictions: Predictions, annotations: Annotations, unknown: list[str], *, id_style: IdStyle
) -> list[str]:
    """Return the line that names the style in which the most unknown images are annotated, the strictest of equals."""
    found: dict[IdStyle, int] = {}
    for style in _LOOSER[:3]:
        if style == id_style:
            continue
        try:
            predicted, annotated = _keys_of_both(predictions, annotations, style)
        except AlignmentError:
            continue
        known = {name for key, name in predicted.items() if key in annotated}
        found[style] = sum(name in known for name in unknown)
    if not any(found.values()):
        return []
    style = max(found, key=lambda name: found[name])
    words = {
        "stem": "when folders and file extensions are ignored",
        "caseless": "when folders, file extensions and case are ignored",
        "number": "by the number in their ids",
    }[style]
    ranked = [text.partition(": ")[2] for text in _rank_notice(predictions, annotations)] if style == "number" else []
    return ranked or [f"{found[style]} of them are found {words}: use id_style={style!r} (--id-style {style})"]


def _rank_notice(predictions: Predictions, annotations: Annotations) -> tuple[str, ...]:
    """Return the notice that predicted ids 1, 2, ... seem to be ranks of the annotated images in the order of text.

    FIDTM and IIM number the images of ShanghaiTech so: 2 is IMG_10. The counts of people tell the two apart.
    """
    ids, number = predictions.image_ids, len(annotations.image_ids)
    if not number >= 10 or not len(ids) or not stem(ids[0]).isdecimal():
        return ()
    names = [name.lstrip("0") for name in map(stem, ids)]
    if 2 * len(names) < number or not {*names} <= {str(i) for i in range(1, number + 1)}:
        return ()
    errors = []
    for style in ("number", "string-rank"):
        try:
            keys, annotated = _keys_of_both(predictions, annotations, style)
        except AlignmentError:
            return ()
        if not keys.keys() <= annotated.keys():
            return ()
        ordered = _in_order(predictions, annotations, keys, annotated)
        estimated: Floats = ordered.points.counts.astype(float) if ordered.counts is None else ordered.counts
        present = np.array([key in keys for key in annotated])
        errors.append(float(np.abs(estimated - annotations.counts)[present].mean()))
    if not errors[1] < errors[0] / 2:
        return ()
    first, last = min(names, key=int), max(names, key=int)
    return (
        f"ids-by-rank: the ids {first} to {last} seem to be ranks in the order of text, as FIDTM and IIM write them: "
        f"the mean error of the counts is {errors[1]:.2f} so and {errors[0]:.2f} by number: use id_style='string-rank' "
        "(--id-style string-rank)",
    )
