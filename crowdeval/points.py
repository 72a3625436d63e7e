"""Annotations and Predictions: a whole dataset as frozen, read-only, ragged columns; align; fingerprint.

Coordinates are continuous pixels, x to the right and y down, origin at the top-left corner of the image (pixel
``i`` covers ``[i, i + 1)``). Both types are valid from construction on. ``align`` brings predictions into the
image order of the annotations; from then on position is identity.
"""

from __future__ import annotations

import hashlib
import os.path
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from crowdeval.arrays import (
    Floats,
    Integers,
    as_column,
    as_offsets,
    as_points,
    floats,
    image_of_rows,
    read_only,
    rows_of_images,
)
from crowdeval.errors import AlignmentError, InputError, did_you_mean, listed

Missing = Literal["error", "empty"]
IdStyle = Literal["exact", "stem"]

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".json", ".txt", ".mat", ".npy", ".h5")
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Annotations:
    """The true points of a dataset.

    Parameters
    ----------
    image_ids : sequence of str
        The m images, without repetition.
    offsets : array of int, (m + 1,)
        Image ``i`` owns the rows ``offsets[i]:offsets[i + 1]`` of the point columns.
    xy : array of float, (N, 2)
        Points in pixels.
    boxes : array of float, (N, 4), optional
        Head boxes x1, y1, x2, y2 in pixels.
    radii : array of float, (N, 2), optional
        sigma_s and sigma_l in pixels, where a file gives them instead of boxes.
    level : array of int, (N,), optional
        Head-area level 0..5 (NWPU-Crowd).
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels; NaN where unknown.
    attributes : mapping of str to array, (m,), optional
        Anything else that is known of an image: scene level, weather, file name.
    point_attributes : mapping of str to array, (N,), optional
        Anything else that is known of a point: occlusion, blur.

    Raises
    ------
    InputError
        If a column has the wrong shape or a value that is not finite.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 2, 2], xy=[[1.0, 2.0], [3.0, 4.0]])
    >>> truth.counts.tolist()
    [2, 0]
    """

    image_ids: tuple[str, ...]
    offsets: Integers
    xy: Floats
    boxes: Floats | None = None
    radii: Floats | None = None
    level: NDArray[np.int64] | None = None
    sizes: Floats | None = None
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    point_attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _common_columns(self)
        rows = len(self.xy)
        for name, width in (("boxes", 4), ("radii", 2)):
            column = getattr(self, name)
            if column is not None:
                _set(self, name, read_only(_table(f"annotations.{name}", column, rows, width)))
        if self.level is not None:
            level = np.asarray(self.level)
            if level.shape != (rows,) or level.dtype.kind not in "iu":
                raise InputError(f"annotations.level: expected {rows} integers, found {level.dtype} {level.shape}")
            _set(self, "level", read_only(level.astype(np.int64)))
        if self.sizes is not None:
            sizes = _table("annotations.sizes", self.sizes, len(self.image_ids), 2, finite=False)
            if (sizes <= 0).any():
                raise InputError("annotations.sizes: expected positive widths and heights")
            _set(self, "sizes", read_only(sizes))
        for side, length in (("attributes", len(self.image_ids)), ("point_attributes", rows)):
            columns = {name: np.asarray(values) for name, values in dict(getattr(self, side)).items()}
            for name, values in columns.items():
                if values.shape != (length,):
                    raise InputError(f"annotations.{side}[{name!r}]: expected ({length},), found {values.shape}")
            _set(self, side, MappingProxyType({k: read_only(v) for k, v in columns.items()}))

    @property
    def counts(self) -> Integers:
        """Number of true points of every image, (m,)."""
        return np.diff(self.offsets)

    @property
    def fingerprint(self) -> str:
        """Hash of ids, points, boxes and radii; the order of images and points does not matter."""
        return _fingerprint("annotations", self, [self.xy, self.boxes, self.radii], None)

    def __repr__(self) -> str:
        return f"Annotations({len(self.image_ids):,} images, {len(self.xy):,} points)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """The predicted points of a dataset, or only its counts.

    Parameters
    ----------
    image_ids : sequence of str
        The m images, without repetition.
    offsets : array of int, (m + 1,)
        Image ``i`` owns the rows ``offsets[i]:offsets[i + 1]`` of the point columns.
    xy : array of float, (M, 2)
        Points in pixels.
    score : array of float, (M,), optional
        Confidences; without them every prediction counts as confidence 1.
    counts : array of float, (m,), optional
        Estimated count of an image where the method gives one (a density map's sum); NaN where it gives none.
    located : bool
        False for a method that predicts counts only: it has no points, and no point metric applies.

    Raises
    ------
    InputError
        If a column has the wrong shape or a value that is not finite.
    """

    image_ids: tuple[str, ...]
    offsets: Integers
    xy: Floats
    score: Floats | None = None
    counts: Floats | None = None
    located: bool = True

    def __post_init__(self) -> None:
        _common_columns(self)
        images = len(self.image_ids)
        if self.score is not None:
            _set(self, "score", read_only(as_column("predictions.score", self.score, len(self.xy))))
        if self.counts is not None:
            counts = as_column("predictions.counts", self.counts, images, finite=False)
            if (counts < 0).any():
                raise InputError("predictions.counts: expected counts of at least 0")
            _set(self, "counts", read_only(counts))
        if not self.located and (len(self.xy) or self.counts is None or np.isnan(self.counts).any()):
            raise InputError("predictions without locations need a count for every image and no points")

    @property
    def fingerprint(self) -> str:
        """Hash of ids, points, confidences and counts; the order of images and points does not matter."""
        return _fingerprint("predictions", self, [self.xy, self.score], self.counts)

    def __repr__(self) -> str:
        scored = "" if self.score is not None else ", no confidences"
        return f"Predictions({len(self.image_ids):,} images, {len(self.xy):,} points{scored})"


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
        raise AlignmentError(_misaligned(predictions, annotations, unknown, absent, missing, id_style))
    index = {name: i for i, name in enumerate(predictions.image_ids)}
    order = np.array([index[theirs[key]] if key in theirs else -1 for key in ours], dtype=np.int64)
    rows = rows_of_images(predictions.offsets, order)
    sizes = np.where(order >= 0, np.diff(predictions.offsets)[order], 0) if len(index) else np.zeros_like(order)
    counts = predictions.counts
    if counts is not None:
        counts = np.where(order >= 0, counts[order], np.nan if predictions.located else 0.0)
    return (
        replace(
            predictions,
            image_ids=annotations.image_ids,
            offsets=np.concatenate([[0], np.cumsum(sizes)]),
            xy=predictions.xy[rows],
            score=None if predictions.score is None else predictions.score[rows],
            counts=counts,
        ),
        annotations,
    )


def stem(image_id: str) -> str:
    """Return an id without folders and without a known file extension.

    >>> stem("val/IMG_1.jpg"), stem("crowd.v2")
    ('IMG_1', 'crowd.v2')
    """
    name = image_id.replace("\\", "/").rsplit("/", 1)[-1]
    base, suffix = os.path.splitext(name)
    return base if suffix.lower() in IMAGE_SUFFIXES else name


def _set(value: object, name: str, content: object) -> None:
    object.__setattr__(value, name, content)


def _common_columns(value: Annotations | Predictions) -> None:
    side = type(value).__name__.lower()
    ids = tuple(value.image_ids)
    if any(not isinstance(name, str) for name in ids):
        raise InputError(f"{side}.image_ids: expected strings")
    if len(set(ids)) != len(ids):
        raise InputError(f"{side}.image_ids: {listed(repeated(ids))} given more than once")
    xy = as_points(f"{side}.xy", value.xy)
    _set(value, "image_ids", ids)
    _set(value, "xy", read_only(xy))
    _set(value, "offsets", read_only(as_offsets(f"{side}.offsets", value.offsets, len(ids), len(xy))))


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, each once."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [name for name, times in seen.items() if times > 1]


def _table(name: str, value: Any, rows: int, width: int, *, finite: bool = True) -> Floats:
    array = floats(name, value)
    if array.size == 0 and rows == 0:
        return np.empty((0, width))
    if array.shape != (rows, width):
        raise InputError(f"{name}: expected shape ({rows}, {width}), found {array.shape}")
    if not np.isfinite(array).all() and (finite or np.isinf(array).any()):
        raise InputError(f"{name}: expected finite numbers")
    return array


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
    predictions: Predictions,
    annotations: Annotations,
    unknown: list[str],
    absent: list[str],
    missing: Missing,
    id_style: IdStyle,
) -> str:
    parts = []
    if unknown:
        near = did_you_mean(unknown[0], absent or annotations.image_ids)
        parts.append(
            f"{len(unknown)} of {len(predictions.image_ids)} predicted images are not in the annotations: "
            f"{listed(unknown)}{near}"
        )
    if absent and missing == "error":
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
    return "\n".join(parts)


_CHUNK = 1 << 18


def _fingerprint(
    side: str, value: Annotations | Predictions, columns: Sequence[Floats | None], counts: Floats | None
) -> str:
    """Sum a 64-bit mix of every row, in two lanes: equal for the same rows in any order, in O(N) time.

    A row is its image (by a hash of the id) and its numbers (by their bits); the sums, the ids and the names of
    the columns present go through BLAKE2.
    """
    ids = np.array(
        [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) for name in value.image_ids],
        dtype=np.uint64,
    )
    image = image_of_rows(value.offsets)
    present = [c if c.ndim == 2 else c[:, None] for c in columns if c is not None]
    lanes = np.zeros(2, dtype=np.uint64)
    for start in range(0, len(value.xy), _CHUNK):
        rows = slice(start, start + _CHUNK)
        mixed = ids[image[rows]]
        for column in present:
            for j in range(column.shape[1]):
                mixed = _mix(mixed ^ (column[rows, j] + 0.0).view(np.uint64))
        lanes += [mixed.sum(dtype=np.uint64), _mix(mixed ^ _GOLDEN).sum(dtype=np.uint64)]
    digest = hashlib.blake2b(digest_size=12)
    digest.update(f"{side}@1 {[c is not None for c in columns]} {len(ids)} {len(value.xy)} ".encode())
    digest.update(np.sort(_mix(ids) if counts is None else _mix(ids ^ (counts + 0.0).view(np.uint64))).tobytes())
    digest.update(lanes.tobytes())
    return digest.hexdigest()


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finaliser of splitmix64: every output bit depends on every input bit."""
    bits = bits + _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
