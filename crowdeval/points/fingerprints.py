"""Fingerprints of data sets: equal for the same rows in any order, and additive over parts.

A row is its image (as a hash of the id) and its numbers (as their bits). Each row is mixed to 64 bits, and the hashes
of the rows are added up to a lane, a pair of sums; a fingerprint is BLAKE2 of the lane. Sums do not depend on the order
of the rows, take time linear in the rows, and the lanes of parts add up to the lane of the whole. A fingerprint tells
data sets apart; it does not protect against a person who wants two data sets to look alike.

``fingerprint`` is that of a whole side: ids, points, boxes and radii, or ids, points, confidences and counts. Beside
it, each column has a hash of its own, so that columns that a metric does not read need not be equal.
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

ATTRIBUTE = "attribute:"
"""Prefix of the name of an attribute's column."""

_CHUNK = 1 << 14
"""Rows hashed at a time: their arrays stay in the processor's cache."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""The increment of splitmix64, 2^64 / golden ratio."""

_MODULUS = 1 << 64

_NONE = np.uint64(0x6E6F6E65)
"""Hash of an attribute value that is not known: the bytes of "none"."""


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
        Kind of the columns, ``"predictions"`` or ``"annotations"``; part of the hash.
    image_ids : sequence of str
        The m images.
    points : Ragged
        The points, (N, 2), whose offsets assign the rows to the images.
    columns : sequence of array, (N,) or (N, width), or None
        The columns of numbers; None for an absent column. Which columns are absent is part of the hash.
    counts : array of float, (m,), optional
        One more number an image.

    Returns
    -------
    str

    Examples
    --------
    >>> points = Ragged(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0, 2]))
    >>> turned = Ragged(points.xy[::-1], points.offsets)
    >>> first = fingerprint("annotations", ["a"], points, [points.xy])
    >>> len(first), first == fingerprint("annotations", ["a"], turned, [turned.xy])
    (24, True)
    """
    ids = id_hashes(image_ids)
    present = [column for column in columns if column is not None]
    lane = (0, 0)
    for part, image in _chunks(points):
        lane = _sum(lane, _mix_in(ids[image], present, part))
    flags = [column is not None for column in columns]
    return side_digest(side, ids, len(points), lane, present=flags, counts=counts)


def side_digest(
    side: str, ids: Hashes, rows: int, lane: Lane, *, present: Sequence[bool], counts: Floats | None
) -> str:
    """Return the fingerprint of a side from the lane of its rows.

    Parameters
    ----------
    side : str
        ``"predictions"`` or ``"annotations"``.
    ids : array of uint64, (m,)
        Hashes of the image ids.
    rows : int
        Number of points.
    lane : (int, int)
        Lane of all rows.
    present : sequence of bool
        Flags of the columns that the side has.
    counts : array of float, (m,), or None
        One more number an image.

    Returns
    -------
    str
        24 hexadecimal digits.

    Examples
    --------
    >>> len(side_digest("annotations", id_hashes(["a"]), 0, (0, 0), present=[True], counts=None))
    24
    """
    digest = hashlib.blake2b(digest_size=12)
    digest.update(f"{side}@1 {list(present)} {len(ids)} {rows} ".encode())
    # Sorted hashes of the images, with their counts, stand for the images in any order.
    digest.update(np.sort(_mix(ids) if counts is None else _mix(ids ^ _bits(counts))).tobytes())
    digest.update(np.array(lane, dtype=np.uint64).tobytes())
    return digest.hexdigest()


def column_digest(name: str, images: int, rows: int, lane: Lane) -> str:
    """Return the hash of one column from its lane.

    Parameters
    ----------
    name : str
        Name of the column.
    images, rows : int
        Number of images, and of points for a column with one row a point (else 0).
    lane : (int, int)
        Lane of the column.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> len(column_digest("points", 1, 2, (5, 7)))
    16
    """
    digest = hashlib.blake2b(f"{name}@2 {images} {rows} ".encode(), digest_size=8)
    digest.update(np.array(lane, dtype=np.uint64).tobytes())
    return digest.hexdigest()


def id_hashes(image_ids: Sequence[str]) -> Hashes:
    """Return the hashes of image ids.

    Parameters
    ----------
    image_ids : sequence of str
        The m images.

    Returns
    -------
    array of uint64, (m,)

    Examples
    --------
    >>> first, second, third = id_hashes(["a", "b", "a"])
    >>> bool(first == third), bool(first == second)
    (True, False)
    """
    return np.array([_text_hash(name) for name in image_ids], dtype=np.uint64)


def image_lane(ids: Hashes, column: NDArray[Any]) -> Lane:
    """Return the lane of a column of numbers with one row an image.

    Parameters
    ----------
    ids : array of uint64, (m,)
        Hashes of the image ids.
    column : array, (m,) or (m, width)
        The numbers.

    Returns
    -------
    (int, int)

    Examples
    --------
    >>> ids, counts = id_hashes(["a", "b"]), np.array([3.0, 4.0])
    >>> image_lane(ids, counts) == image_lane(ids[::-1], counts[::-1])
    True
    """
    return _sum((0, 0), _mix_in(ids, [column], slice(None)))


def labels_lane(ids: Hashes, values: Sequence[Any]) -> Lane:
    """Return the lane of the values of an attribute of the images.

    Parameters
    ----------
    ids : array of uint64, (m,)
        Hashes of the image ids.
    values : sequence, (m,)
        Value of each image, of any type.

    Returns
    -------
    (int, int)

    Examples
    --------
    >>> labels_lane(id_hashes(["a"]), [1]) == labels_lane(id_hashes(["a"]), ["1"])
    True
    """
    labels = np.array([_label_hash(value) for value in values], dtype=np.uint64)
    return _sum((0, 0), _mix(ids ^ labels))


def unknown_lane(name: str, image_ids: Sequence[str]) -> Lane | None:
    """Return the lane of a column with one row an image in which every value is unknown.

    A part without the column is joined with others by this lane.

    Parameters
    ----------
    name : str
        Name of the lane, such as ``"annotations:sizes"``.
    image_ids : sequence of str
        The images of the part.

    Returns
    -------
    (int, int) or None
        None for a column with one row a point.

    Examples
    --------
    >>> unknown_lane("annotations:sizes", ["a"]) == image_lane(id_hashes(["a"]), np.full((1, 2), np.nan))
    True
    >>> unknown_lane("annotations:boxes", ["a"]) is None
    True
    """
    column = name.partition(":")[2]
    if column.startswith(ATTRIBUTE):
        return _sum((0, 0), _mix(id_hashes(image_ids) ^ _NONE))
    unknown = {"sizes": np.full((len(image_ids), 2), np.nan), "counts": np.full((len(image_ids), 1), np.nan)}
    if column not in unknown:
        return None
    return _sum((0, 0), _mix_in(id_hashes(image_ids), [unknown[column]], slice(None)))


def sum_lanes(lanes: Sequence[Lane]) -> Lane:
    """Return the sum of lanes modulo 2^64: the lane of the whole from those of its parts.

    Parameters
    ----------
    lanes : sequence of (int, int)
        Lanes of parts without common rows.

    Returns
    -------
    (int, int)

    Examples
    --------
    >>> sum_lanes([(1, 2), (3, 2**64 - 1)])
    (4, 1)
    """
    first, second = (sum(lane[i] for lane in lanes) % _MODULUS for i in (0, 1))
    return first, second


def row_lanes(side: str, ids: Hashes, points: Ragged, optional: Mapping[str, Any], *, ordered: bool) -> dict[str, Lane]:
    """Return the lanes of the columns with one row a point, in one pass over the rows.

    The numbers of a column are mixed into the hash of their point, so that the lane depends on which number belongs to
    which point. For the lane of the whole side, boxes and then radii are mixed into one hash.

    Parameters
    ----------
    side : str
        Prefix of the names of the lanes: ``"predictions"`` or ``"annotations"``.
    ids : array of uint64, (m,)
        Hashes of the image ids.
    points : Ragged
        The points, (N, 2).
    optional : mapping of str to array, (N,) or (N, width), or None
        The other columns by name.
    ordered : bool
        Whether the position of a row within its image is a column, too.

    Returns
    -------
    dict of str to (int, int)
        Lanes ``side:ids``, ``side:points``, ``side:fingerprint``, one for each optional column that is present and,
        where ``ordered``, ``side:order``.

    Examples
    --------
    >>> points = Ragged(np.array([[1.0, 2.0]]), np.array([0, 1]))
    >>> sorted(row_lanes("predictions", id_hashes(["a"]), points, {"scores": np.array([0.9])}, ordered=False))
    ['predictions:fingerprint', 'predictions:ids', 'predictions:points', 'predictions:scores']
    """
    present = {name: column for name, column in optional.items() if column is not None}
    names = ["points", *present, *(["order"] if ordered else []), "fingerprint"]
    lanes: dict[str, Lane] = dict.fromkeys((f"{side}:{name}" for name in names), (0, 0))
    lanes[f"{side}:ids"] = _sum((0, 0), _mix(ids))
    extent = [present[name] for name in ("boxes", "radii") if name in present]
    start = np.repeat(points.offsets[:-1], points.counts) if ordered else None
    for part, image in _chunks(points):
        mixed = _mix_in(ids[image], [points.xy], part)
        sums = {"points": mixed, **{name: _mix_in(mixed, [column], part) for name, column in present.items()}}
        if start is not None:
            # Position of each row within its image:  row [0, 1, 2], start [0, 0, 2]  ->  [0, 1, 0]
            sums["order"] = _mix(mixed ^ (np.arange(part.start, part.start + len(image)) - start[part]).view(np.uint64))
        # The hash of the boxes already contains the points; with radii as well, these are mixed in after the boxes.
        if len(extent) == 2:
            sums["fingerprint"] = _mix_in(sums["boxes"], extent[1:], part)
        elif extent:
            sums["fingerprint"] = sums["boxes" if "boxes" in present else "radii"]
        else:
            sums["fingerprint"] = mixed
        for name, hashes in sums.items():
            lanes[f"{side}:{name}"] = _sum(lanes[f"{side}:{name}"], hashes)
    return lanes


def _chunks(points: Ragged) -> Iterator[tuple[slice, Integers]]:
    """Yield slices of ``_CHUNK`` rows, and the image of each row."""
    image = points.image
    for start in range(0, len(points), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield part, image[part].astype(np.int64)


def _mix_in(hashes: Hashes, columns: Sequence[NDArray[Any]], part: slice) -> Hashes:
    """Return the hashes with the numbers of some columns mixed in, one column after the other."""
    for column in columns:
        table = column[part] if column.ndim == 2 else column[part, None]
        for j in range(table.shape[1]):
            hashes = _mix(hashes ^ _bits(table[:, j]))
    return hashes


def _bits(numbers: NDArray[Any]) -> Hashes:
    """Return the bits of numbers as float64; adding 0.0 turns -0.0 into 0.0 and integers into floats."""
    return (numbers + 0.0).view(np.uint64)


def _sum(lane: Lane, hashes: Hashes) -> Lane:
    """Return a lane with more rows added; the second sum is of the hashes mixed once more."""
    first, second = int(hashes.sum(dtype=np.uint64)), int(_mix(hashes ^ _GOLDEN).sum(dtype=np.uint64))
    return (lane[0] + first) % _MODULUS, (lane[1] + second) % _MODULUS


def _mix(bits: Hashes) -> Hashes:
    """Return the numbers mixed by the finaliser of splitmix64: every output bit depends on every input bit."""
    mixed = bits + _GOLDEN
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _text_hash(text: str) -> int:
    """Return 64 bits of BLAKE2 of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())


def _label_hash(value: Any) -> int:
    """Return the hash of an attribute value; 1, 1.0 and "1" have the same hash because they are one group."""
    text = label_text(value)
    return int(_NONE) if text is None else _text_hash(text)
