"""Exact neighbours within the same image, for all images of a dataset in one tree.

The tree lives in (x, y, image x gap) with a gap wider than any image, so points of other images are farther than
any point of the same one; inside an image the third difference is exactly 0 and distances are the plane's.
Distances are sqrt(dx * dx + dy * dy) in float64 of the original coordinates, never the tree's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from crowdeval.points.ragged import LARGEST, Floats, Indices, Integers, Ragged

DIAMETER = 3 * LARGEST
"""No two points of an image are farther apart than this many pixels (2 LARGEST along each axis)."""

GAP = 4 * LARGEST
CHUNK = 1 << 13
"""The fewest rows that are queried at a time; eight times as many are the most."""

LEAF = 16
"""Points in a leaf: queries cost what they do with scipy's 10, the nodes weigh less."""

SLACK = 1 + 1e-9
"""Search radii are widened by this much; the exact comparison follows on recomputed distances."""


class PointTree:
    """A k-d tree over the points of all images.

    Parameters
    ----------
    points : Ragged
        The points by image.
    """

    def __init__(self, points: Ragged) -> None:
        self.points = points
        self.xy = points.xy
        # Neither balancing nor shrinking the nodes pays: both cost more than the queries gain (measured).
        self._tree = cKDTree(_lift(points.xy, points.image), leafsize=LEAF, balanced_tree=False, compact_nodes=False)

    @property
    def order(self) -> Integers:
        """The rows of all points, leaf by leaf: in this order a query finds in the cache what the last one used."""
        order: Integers = self._tree.indices
        return order

    def give_up(self) -> None:
        """Free the tree, some 50 bytes a point; nothing can be asked of it afterwards."""
        del self._tree

    def near(self, xy: Floats, image: Indices, k: int, *, within: float = DIAMETER) -> tuple[Floats, Integers]:
        """Return distances and rows of the ``k`` nearest points of the same image, both (len(xy), k).

        Where an image has fewer, or none within ``within``, the distance is inf and the row ``len(self.xy)``. The
        distances are the tree's own: right up to rounding.
        """
        bound = min(within * SLACK, DIAMETER)
        return self._tree.query(_lift(xy, image), k=np.arange(1, k + 1), distance_upper_bound=bound, workers=-1)  # type: ignore[return-value]  # always arrays for an array of k

    def within(
        self, xy: Floats, image: Indices, reach: Floats, *, size: Integers | None = None
    ) -> Iterator[tuple[Integers, Integers]]:
        """Yield pairs (row of ``xy``, row of the tree) that hold every pair no farther than ``reach``.

        ``reach`` is one finite radius for every row of ``xy``; ``size`` is what ``count_within`` said of them, where
        it was asked before. The pairs come in blocks and are a superset by rounding only; the caller compares
        exactly.
        """
        lifted = _lift(xy, image)
        size = self._ball(lifted, reach) if size is None else size
        asked = np.flatnonzero(size)
        width = 1 << np.ceil(np.log2(size[asked])).astype(np.int64)
        for k in np.unique(width):
            rows = asked[width == k]
            block = max(1, CHUNK * 32 // int(k))
            for start in range(0, len(rows), block):
                part = rows[start : start + block]
                found = self._query(lifted[part], int(size[part].max()), DIAMETER)
                row, column = np.nonzero(np.arange(found.shape[1]) < size[part][:, None])
                yield part[row], found[row, column]

    def count_within(self, xy: Floats, image: Indices, reach: Floats) -> Integers:
        """Return how many points of the same image are no farther than ``reach``, (len(xy),), up to rounding."""
        return self._ball(_lift(xy, image), reach)

    def _ball(self, lifted: Floats, reach: Floats) -> Integers:
        radius = np.minimum(reach * SLACK, DIAMETER)
        count: Integers = self._tree.query_ball_point(lifted, radius, return_length=True, workers=-1)
        return count

    def _query(self, lifted: Floats, k: int, bound: float) -> Integers:
        """Return the rows of the k nearest, (len(lifted), k)."""
        found: Integers = self._tree.query(lifted, k=np.arange(1, k + 1), distance_upper_bound=bound, workers=-1)[1]  # type: ignore[assignment]  # always an array for an array of k
        return found


def separation(a: Floats, b: Floats) -> Floats:
    """Return the Euclidean distance of points along the last axis, as sqrt(dx * dx + dy * dy)."""
    difference = a - b
    difference *= difference
    return np.sqrt(difference[..., 0] + difference[..., 1])


def block_size(rows: int, width: int) -> int:
    """Return how many of the rows to query at a time for ``width`` neighbours each.

    An eighth of them: the buffers weigh little beside the rows, and the cores seldom wait for each other.
    """
    return max(1, min(max(rows // 8, CHUNK), 8 * CHUNK) * 8 // max(width, 8))


def _lift(xy: Floats, image: Indices) -> Floats:
    lifted = np.empty((len(xy), 3))
    lifted[:, :2] = xy
    np.multiply(image, GAP, out=lifted[:, 2])
    return lifted
