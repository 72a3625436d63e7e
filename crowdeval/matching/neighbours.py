"""Exact neighbours within the same image, for all images of a dataset in one k-d tree.

The tree has points (x, y, image x gap) with a gap wider than any image, so points of other images are farther away
than any point of the same image. Inside an image the third difference is exactly 0, so distances are those of the
plane. The distances that decide a match are sqrt(dx * dx + dy * dy) in float64 of the original coordinates, not those
that the tree returns.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from crowdeval.points.ragged import LARGEST, Floats, Indices, Integers, Ragged

DIAMETER = 3 * LARGEST
"""No two points of an image are farther apart than this many pixels (2 LARGEST along each axis)."""

GAP = 4 * LARGEST
"""Distance between two images along the third axis of the tree; wider than ``DIAMETER``."""

CHUNK = 1 << 13
"""Smallest number of rows of one query; the largest is eight times as many."""

LEAF = 16
"""Points in a leaf: queries take as long as with scipy's default of 10, and the nodes need less memory."""

SLACK = 1 + 1e-9
"""Factor by which search radii are widened; the exact comparison follows on recomputed distances."""


class PointTree:
    """A k-d tree over the points of all images.

    Parameters
    ----------
    points : Ragged
        The N points of m images.

    Examples
    --------
    >>> tree = PointTree(Ragged(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]), np.array([0, 2, 3])))
    >>> distance, row = tree.nearest(np.array([[0.0, 0.0]]), np.array([0]), 3)
    >>> distance.tolist(), row.tolist()  # the third point is in another image
    ([[0.0, 5.0, inf]], [[0, 1, 3]])
    """

    def __init__(self, points: Ragged) -> None:
        self.points = points
        self.xy = points.xy
        # A balanced tree and tight nodes do not pay: both cost more than the queries gain (measured).
        self._tree = cKDTree(_lift(points.xy, points.image), leafsize=LEAF, balanced_tree=False, compact_nodes=False)

    @property
    def order(self) -> Integers:
        """The rows of all points, leaf by leaf: consecutive queries then use the same part of the cache."""
        order: Integers = self._tree.indices
        return order

    def release(self) -> None:
        """Free the memory of the tree, some 50 bytes a point; no query is possible afterwards.

        Examples
        --------
        >>> tree = PointTree(Ragged(np.zeros((1, 2)), np.array([0, 1])))
        >>> tree.release()
        """
        del self._tree

    def nearest(self, xy: Floats, image: Indices, k: int, *, within: float = DIAMETER) -> tuple[Floats, Integers]:
        """Return the k nearest points of the same image.

        Parameters
        ----------
        xy : array of float, (R, 2)
            Points in pixels.
        image : array of int, (R,)
            Image of each of them.
        k : int
            Number of neighbours.
        within : float
            Largest distance in pixels.

        Returns
        -------
        array of float, (R, k)
            Distances in rising order, as the tree computes them: correct up to rounding. Inf where there is no
            further point within the distance.
        array of int, (R, k)
            Rows of the points; N where there is none.
        """
        bound = min(within * SLACK, DIAMETER)
        # k as an array: with a number, scipy drops the second axis for k = 1.
        return self._tree.query(_lift(xy, image), k=np.arange(1, k + 1), distance_upper_bound=bound, workers=-1)  # type: ignore[return-value]  # always arrays for an array of k

    def pairs_within(
        self, xy: Floats, image: Indices, reach: Floats, *, size: Integers | None = None
    ) -> Iterator[tuple[Integers, Integers]]:
        """Yield, in blocks, all pairs of the same image that are no farther apart than a radius.

        The pairs are a superset by rounding only; the caller compares exact distances.

        Parameters
        ----------
        xy : array of float, (R, 2)
            Points in pixels.
        image : array of int, (R,)
            Image of each of them.
        reach : array of float, (R,)
            Finite radius of each of them in pixels.
        size : array of int, (R,), optional
            The result of ``count_within`` for the same points, if it is known.

        Yields
        ------
        (array of int, array of int)
            Rows of ``xy`` and rows of the tree's points.

        Examples
        --------
        >>> tree = PointTree(Ragged(np.array([[0.0, 0.0], [3.0, 4.0], [9.0, 9.0]]), np.array([0, 3])))
        >>> pairs = tree.pairs_within(np.zeros((1, 2)), np.array([0]), np.array([5.0]))
        >>> [(row.tolist(), point.tolist()) for row, point in pairs]
        [([0, 0], [0, 1])]
        """
        lifted = _lift(xy, image)
        size = self._count_in_balls(lifted, reach) if size is None else size
        queried = np.flatnonzero(size)
        # A radius query that lists its results returns Python lists; a k-nearest query with k = size returns arrays.
        # Rows of similar size share a query, by the power of two from their size on:  size [1, 3, 4, 5] -> [1, 4, 4, 8]
        width = 1 << np.ceil(np.log2(size[queried])).astype(np.int64)
        for k in np.unique(width):
            rows = queried[width == k]
            block = max(1, CHUNK * 32 // int(k))
            for start in range(0, len(rows), block):
                part = rows[start : start + block]
                neighbour = self._query(lifted[part], int(size[part].max()), DIAMETER)
                # Only the first size[r] columns of row r are within reach:
                #   size [1, 3]  ->  mask [[1, 0, 0], [1, 1, 1]]  ->  row [0, 1, 1, 1], column [0, 0, 1, 2]
                row, column = np.nonzero(np.arange(neighbour.shape[1]) < size[part][:, None])
                yield part[row], neighbour[row, column]

    def count_within(self, xy: Floats, image: Indices, reach: Floats) -> Integers:
        """Return the number of points of the same image that are no farther than a radius, up to rounding.

        Parameters
        ----------
        xy : array of float, (R, 2)
            Points in pixels.
        image : array of int, (R,)
            Image of each of them.
        reach : array of float, (R,)
            Radius of each of them in pixels.

        Returns
        -------
        array of int, (R,)

        Examples
        --------
        >>> tree = PointTree(Ragged(np.array([[0.0, 0.0], [3.0, 4.0], [9.0, 9.0]]), np.array([0, 3])))
        >>> tree.count_within(np.zeros((2, 2)), np.array([0, 0]), np.array([4.0, 5.0])).tolist()
        [1, 2]
        """
        return self._count_in_balls(_lift(xy, image), reach)

    def _count_in_balls(self, lifted: Floats, reach: Floats) -> Integers:
        radius = np.minimum(reach * SLACK, DIAMETER)
        count: Integers = self._tree.query_ball_point(lifted, radius, return_length=True, workers=-1)
        return count

    def _query(self, lifted: Floats, k: int, bound: float) -> Integers:
        """Return the rows of the k nearest points, (len(lifted), k)."""
        rows: Integers = self._tree.query(lifted, k=np.arange(1, k + 1), distance_upper_bound=bound, workers=-1)[1]  # type: ignore[assignment]  # always an array for an array of k
        return rows


def separation(a: Floats, b: Floats) -> Floats:
    """Return the Euclidean distances of points, as sqrt(dx * dx + dy * dy) in float64.

    Parameters
    ----------
    a, b : array of float, (..., 2)
        Points in pixels, of shapes that broadcast.

    Returns
    -------
    array of float, (...)

    Examples
    --------
    >>> separation(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[3.0, 4.0]])).tolist()
    [5.0, 3.605551275463989]
    """
    difference = a - b
    difference *= difference
    return np.sqrt(difference[..., 0] + difference[..., 1])


def block_size(rows: int, width: int) -> int:
    """Return the number of rows to query at a time.

    An eighth of them, between ``CHUNK`` and 8 ``CHUNK``: the buffers need little memory beside the rows, and the cores
    seldom wait for each other. Proportionally fewer for more than 8 neighbours a row.

    Parameters
    ----------
    rows : int
        Number of all rows.
    width : int
        Number of neighbours of each row.

    Returns
    -------
    int

    Examples
    --------
    >>> block_size(1000, 4), block_size(200_000, 4), block_size(200_000, 16)
    (8192, 25000, 12500)
    """
    return max(1, min(max(rows // 8, CHUNK), 8 * CHUNK) * 8 // max(width, 8))


def _lift(xy: Floats, image: Indices) -> Floats:
    """Return points of the tree, (len(xy), 3): image 2 of point (x, y) gives (x, y, 2 GAP)."""
    lifted = np.empty((len(xy), 3))
    lifted[:, :2] = xy
    np.multiply(image, GAP, out=lifted[:, 2])
    return lifted
