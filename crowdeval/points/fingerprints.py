"""The fingerprint of a set: equal for the same rows in any order, in time linear in the rows.

A row is its image (by a hash of the id) and its numbers (by their bits). Each row is mixed to 64 bits and the rows are
summed, in two lanes; the sums, the ids and the columns present go through BLAKE2. It tells data sets apart; it does not
withstand somebody who wants two to look alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crowdeval.points.ragged import Floats, Ragged

_CHUNK = 1 << 18


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
    ids = np.array(
        [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) for name in image_ids],
        dtype=np.uint64,
    )
    image, rows = points.image, len(points)
    present = [c if c.ndim == 2 else c[:, None] for c in columns if c is not None]
    lanes = np.zeros(2, dtype=np.uint64)
    for start in range(0, rows, _CHUNK):
        part = slice(start, start + _CHUNK)
        mixed = ids[image[part]]
        for column in present:
            for j in range(column.shape[1]):
                mixed = _mix(mixed ^ (column[part, j] + 0.0).view(np.uint64))
        lanes += [mixed.sum(dtype=np.uint64), _mix(mixed ^ _GOLDEN).sum(dtype=np.uint64)]
    digest = hashlib.blake2b(digest_size=12)
    digest.update(f"{side}@1 {[c is not None for c in columns]} {len(ids)} {rows} ".encode())
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
