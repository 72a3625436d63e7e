"""Fingerprints: equal for the same rows in any order, in time linear in the rows, and additive over parts.

A row is its image (by a hash of the id) and its numbers (by their bits). Each row is mixed to 64 bits and the rows are
summed, in two lanes; a fingerprint is BLAKE2 of the sums. As sums add up, the lanes of parts give the fingerprint of
the whole. They tell data sets apart; they do not withstand somebody who wants two to look alike.

``fingerprint`` is that of a whole side: ids, points, boxes and radii, or ids, points, confidences and counts. Beside it
each column has a hash of its own, so that what a metric does not read need not be equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.points.labels import label_text
from crowdeval.points.ragged import Floats, Integers, Ragged

Lane = tuple[int, int]
"""Two sums of hashes of rows, modulo 2^64."""

Hashes = NDArray[np.uint64]

_CHUNK = 1 << 14
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_WHOLE = 1 << 64
ATTRIBUTE = "attribute:"
"""What the name of an attribute's column begins with."""

_NONE = np.uint64(0x6E6F6E65)
"""The hash of an attribute that is not known."""


def fingerprint(
    side: str,
    image_ids: Sequence[str],
    points: Ragged,
    columns: Sequence[Floats | None],
    *,
    counts: Floats | None = None,
) -> str:
    """Return 24 hexadecimal digits that depend on every row and not on the order of rows or images.

    Parameters
    ----------
    side : str
        What the columns are; part of the hash.
    image_ids : sequence of str
        The m images.
    points : Ragged
        Which rows are which image's.
    columns : sequence of array, (N,) or (N, width), or None
        The columns; which of them are absent is part of the hash.
    counts : array of float, (m,), optional
        One more number an image.
    """
    ids = id_hashes(image_ids)
    present = [column for column in columns if column is not None]
    lane = (0, 0)
    for part, image in _chunks(points):
        lane = _sum(lane, _chained(ids[image], present, part))
    there = [column is not None for column in columns]
    return side_digest(side, ids, len(points), lane, there=there, counts=counts)


def side_digest(side: str, ids: Hashes, rows: int, lane: Lane, *, there: Sequence[bool], counts: Floats | None) -> str:
    """Return the fingerprint of a side from the lane of its rows; ``there`` says which columns it has."""
    digest = hashlib.blake2b(digest_size=12)
    digest.update(f"{side}@1 {list(there)} {len(ids)} {rows} ".encode())
    digest.update(np.sort(_mix(ids) if counts is None else _mix(ids ^ _bits(counts))).tobytes())
    digest.update(np.array(lane, dtype=np.uint64).tobytes())
    return digest.hexdigest()


def column_digest(name: str, images: int, rows: int, lane: Lane) -> str:
    """Return the hash of one column, 16 hexadecimal digits, from its lane."""
    digest = hashlib.blake2b(f"{name}@2 {images} {rows} ".encode(), digest_size=8)
    digest.update(np.array(lane, dtype=np.uint64).tobytes())
    return digest.hexdigest()


def id_hashes(image_ids: Sequence[str]) -> Hashes:
    """Return a hash of each image id, (m,)."""
    return np.array([_text_hash(name) for name in image_ids], dtype=np.uint64)


def image_lane(ids: Hashes, column: NDArray[Any]) -> Lane:
    """Return the lane of a column of numbers with a row an image, from the hashes of the images' ids."""
    return _sum((0, 0), _chained(ids, [column], slice(None)))


def labels_lane(ids: Hashes, values: Sequence[Any]) -> Lane:
    """Return the lane of an attribute's values, one an image."""
    labels = np.array([label_hash(value) for value in values], dtype=np.uint64)
    return _sum((0, 0), _mix(ids ^ labels))


def unknown_lane(name: str, image_ids: Sequence[str]) -> Lane | None:
    """Return the lane of a column that says nothing of its images; None for a column of points."""
    column = name.partition(":")[2]
    if column.startswith(ATTRIBUTE):
        return _sum((0, 0), _mix(id_hashes(image_ids) ^ _NONE))
    unknown = {"sizes": np.full((len(image_ids), 2), np.nan), "counts": np.full((len(image_ids), 1), np.nan)}
    if column not in unknown:
        return None
    return _sum((0, 0), _chained(id_hashes(image_ids), [unknown[column]], slice(None)))


def added(lanes: Sequence[Lane]) -> Lane:
    """Return the sum of lanes."""
    first, second = (sum(lane[i] for lane in lanes) % _WHOLE for i in (0, 1))
    return first, second


def row_lanes(side: str, ids: Hashes, points: Ragged, optional: Mapping[str, Any], *, ordered: bool) -> dict[str, Lane]:
    """Return the lanes of columns that have a row a point, in one pass over the rows.

    A column's hash goes on from that of its point, so that it says which number belongs to which point. The lane of the
    whole side goes on through boxes and radii one after the other.

    Parameters
    ----------
    side : str
        What the names of the lanes begin with: ``"predictions"`` or ``"annotations"``.
    ids : array of uint64, (m,)
        Hashes of the images' ids.
    points : Ragged
        The points, (N, 2).
    optional : mapping of str to array, (N,) or (N, width), or None
        The other columns by name.
    ordered : bool
        Whether the place of a row within its image is a column, too.
    """
    present = {name: column for name, column in optional.items() if column is not None}
    names = ["points", *present, *(["order"] if ordered else []), "fingerprint"]
    lanes: dict[str, Lane] = dict.fromkeys((f"{side}:{name}" for name in names), (0, 0))
    lanes[f"{side}:ids"] = _sum((0, 0), _mix(ids))
    both = [present[name] for name in ("boxes", "radii") if name in present]
    start = np.repeat(points.offsets[:-1], points.counts) if ordered else None
    for part, image in _chunks(points):
        mixed = _chained(ids[image], [points.xy], part)
        sums = {"points": mixed, **{name: _chained(mixed, [column], part) for name, column in present.items()}}
        if start is not None:
            sums["order"] = _mix(mixed ^ (np.arange(part.start, part.start + len(image)) - start[part]).view(np.uint64))
        if len(both) == 2:
            sums["fingerprint"] = _chained(sums["boxes"], both[1:], part)
        elif both:
            sums["fingerprint"] = sums["boxes" if "boxes" in present else "radii"]
        else:
            sums["fingerprint"] = mixed
        for name, hashes in sums.items():
            lanes[f"{side}:{name}"] = _sum(lanes[f"{side}:{name}"], hashes)
    return lanes


def _chunks(points: Ragged) -> Iterator[tuple[slice, Integers]]:
    """Yield slices of rows that stay in the processor's cache, and the image of each row."""
    image = points.image
    for start in range(0, len(points), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield part, image[part].astype(np.int64)


def _chained(hashes: Hashes, columns: Sequence[NDArray[Any]], part: slice) -> Hashes:
    """Return hashes into which the numbers of these columns are mixed one after the other."""
    for column in columns:
        table = column[part] if column.ndim == 2 else column[part, None]
        for j in range(table.shape[1]):
            hashes = _mix(hashes ^ _bits(table[:, j]))
    return hashes


def _bits(numbers: NDArray[Any]) -> Hashes:
    """Return the bits of float64 numbers; -0.0 becomes 0.0, whole numbers floats."""
    return (numbers + 0.0).view(np.uint64)


def _sum(lane: Lane, hashes: Hashes) -> Lane:
    """Return a lane with more rows added."""
    first, second = int(hashes.sum(dtype=np.uint64)), int(_mix(hashes ^ _GOLDEN).sum(dtype=np.uint64))
    return (lane[0] + first) % _WHOLE, (lane[1] + second) % _WHOLE


def _mix(bits: Hashes) -> Hashes:
    """Return the finaliser of splitmix64: every output bit depends on every input bit."""
    mixed = bits + _GOLDEN
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _text_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def label_hash(value: Any) -> int:
    """Return the hash of an attribute's value: equal for 1, 1.0 and "1", as groups are."""
    text = label_text(value)
    return int(_NONE) if text is None else _text_hash(text)
