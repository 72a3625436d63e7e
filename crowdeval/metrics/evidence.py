"""Evidence: the result of matching, as columns whose rows belong to images; every number is made from it.

Evidence holds whole numbers, and floats that depend on one image alone; it holds no ratio and no average. Therefore a
value can be computed from evidence without matching again, also with weights for the images, and the evidence of parts
can be joined to the evidence of the whole set.

Columns of images
    ``images[name]``, (m,) or (m, width): ``true``, ``estimated``, ``predicted``, ``hits@sigma_l``, ``cost@16px``, ...
Columns of predictions
    ``rows[name]``, (M, ceil(T / 8)) uint8: bit ``t % 8`` of byte ``t // 8`` says whether a prediction is a true
    positive at ``thresholds[name][t]``. Image ``i`` owns the rows ``offsets[i]:offsets[i + 1]`` of these columns and
    of ``score``.

Two images with the thresholds 0.25 and 0.5; the second prediction of the first image is a hit at 0.5 only, the
prediction of the second image is a hit at neither::

    offsets [0, 2, 3]   score [.9, .8, .7]   rows["delta"] [[0b11], [0b10], [0b00]]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import UsageError
from crowdeval.points.fingerprints import Lane
from crowdeval.points.labels import number_text
from crowdeval.points.ragged import Flags, Floats, Indices, Integers, Ragged, offsets_of

Bits = NDArray[np.uint8]
"""One bit for each row and threshold, (M, ceil(T / 8)); see the module docstring."""

GROUP = "group:"
"""Prefix of the names of label columns: ``group:weather``."""


@dataclass(frozen=True, slots=True)
class Lack:
    """The reason why a metric can't be measured on a set of images.

    Attributes
    ----------
    reason : str
        The thing that the data lack, as the object of "needs": ``"head boxes or radii; ..."``.
    spared : bool
        Whether the metric of a larger set may still be measured, because these images have nothing to add to it: an
        image without true points lacks boxes and needs none.
    """

    reason: str
    spared: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """The result of matching on a set of images, or on a part of one.

    Attributes
    ----------
    image_ids : tuple of str
        The m images.
    offsets : array of int, (m + 1,)
        Image ``i`` has the predictions ``offsets[i]:offsets[i + 1]``.
    score : array of float, (M,), optional
        Confidences. None if no metric needs single predictions, or if the predictions have none (see ``scored``).
    images : mapping of str to array, (m,) or (m, width)
        Columns with one row for each image.
    rows : mapping of str to array of uint8, (M, ceil(T / 8))
        Hits of single predictions, one bit for each of T thresholds.
    thresholds : mapping of str to tuple of float
        The thresholds of a column: those of its bits, or of its entries along the second axis.
    signature : str
        The signature of the protocol; empty for the columns of a single family.
    names : (str, str)
        Names of the predictions and of the annotations, for messages and reports.
    scored : bool, optional
        Whether the predictions have confidences; None if there are no predictions.
    located : bool
        Whether the predictions are points; False for counts only.
    lacks : mapping of str to Lack
        Requested metrics that can't be measured, each with the reason.
    carried : tuple of str
        Notices about this set of points that can't be derived from the columns.
    lanes : mapping of str to (int, int)
        Sums of the hashes of rows, by side and column; the sums of parts add up to the sum of the whole.
    about : mapping of str to str
        Origin of the predictions: model, revision, dataset, ...
    changes : mapping of str to str
        What was done to the two sides before matching: ``predictions:frame``, ``annotations:class``, ...

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a", "b"), offsets=np.array([0, 2, 3]), score=np.array([0.9, 0.8, 0.7]),
    ...     rows={"delta": np.array([[0b11], [0b10], [0b00]], dtype=np.uint8)}, thresholds={"delta": (0.25, 0.5)},
    ... )
    >>> evidence.hits("delta", 0.25).tolist(), evidence.hits("delta", 0.5).tolist()
    ([True, False, False], [True, True, False])
    """

    image_ids: tuple[str, ...]
    offsets: Integers
    score: Floats | None = None
    images: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    rows: Mapping[str, Bits] = field(default_factory=dict)
    thresholds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    signature: str = ""
    names: tuple[str, str] = ("predictions", "annotations")
    scored: bool | None = None
    located: bool = True
    lacks: Mapping[str, Lack] = field(default_factory=dict)
    carried: tuple[str, ...] = ()
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the columns read-only."""
        for column in (self.offsets, self.score, *self.images.values(), *self.rows.values()):
            if column is not None:
                column.flags.writeable = False

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.image_ids)

    @property
    def counts(self) -> Integers:
        """Number of predictions of every image, (m,)."""
        return np.diff(self.offsets)

    @property
    def points(self) -> Ragged:
        """The rows of every image, as points without coordinates, (M, 0)."""
        return Ragged(np.empty((int(self.offsets[-1]), 0)), self.offsets)

    def with_columns(self, other: Evidence) -> Evidence:
        """Return this evidence together with the columns of another one.

        Parameters
        ----------
        other : Evidence
            The columns of a family, on the same images in the same order.

        Returns
        -------
        Evidence
            The columns of both.

        Raises
        ------
        UsageError
            If both have a column of the same name with different content.

        Examples
        --------
        >>> images = {"image_ids": ("a",), "offsets": np.array([0, 0])}
        >>> both = Evidence(**images, images={"true": np.array([3])}).with_columns(
        ...     Evidence(**images, images={"cost@16px": np.array([4.5])})
        ... )
        >>> sorted(both.images)
        ['cost@16px', 'true']
        """
        for own, new in ((self.images, other.images), (self.rows, other.rows)):
            for name in own.keys() & new.keys():
                column = new[name]
                if own[name] is not column and not np.array_equal(
                    own[name], column, equal_nan=column.dtype.kind == "f"
                ):
                    raise UsageError(
                        f"two metrics keep different columns under the name {name!r}; the name of a plugin's column "
                        "should begin with the name of its metric"
                    )
        return replace(
            self,
            score=other.score if self.score is None else self.score,
            images={**self.images, **other.images},
            rows={**self.rows, **other.rows},
            thresholds={**self.thresholds, **other.thresholds},
        )

    def column_at(self, name: str, threshold: float) -> int:
        """Return the position of a threshold among those of a column.

        Parameters
        ----------
        name : str
            Key of ``thresholds``: ``"delta"``, ``"radius"``, ``"px"``.
        threshold : float
            A normalised distance, or pixels.

        Returns
        -------
        int
            Position of the bit in ``rows[name]``, or of the entry in a column of images.

        Raises
        ------
        UsageError
            If evidence has no such threshold; the message lists those that it has.

        Examples
        --------
        >>> empty = Evidence(image_ids=(), offsets=np.array([0]), thresholds={"delta": (0.25, 0.5)})
        >>> empty.column_at("delta", 0.5)
        1
        """
        own = self.thresholds.get(name, ())
        if threshold not in own:
            known = ", ".join(map(number_text, own)) or "none"
            raise UsageError(f"this evidence has no threshold {number_text(threshold)} ({name}); it has {known}")
        return own.index(threshold)

    def hits(self, name: str, threshold: float) -> Flags:
        """Return which predictions are true positives at a threshold.

        Parameters
        ----------
        name : str
            Key of ``rows``: ``"delta"`` or ``"radius"``.
        threshold : float
            A normalised distance, or pixels.

        Returns
        -------
        array of bool, (M,)
            One flag for each prediction; the class docstring has an example.

        Raises
        ------
        UsageError
            If evidence has no such threshold; the message lists those that it has.
        """
        return bit(self.rows[name], self.column_at(name, threshold))

    def ranked(self, name: str, weights: Integers | None = None) -> RankedHits:
        """Return the predictions that are true positives at any threshold, by falling confidence.

        Parameters
        ----------
        name : str
            Key of ``rows``: ``"delta"`` or ``"radius"``.
        weights : array of int, (m,), optional
            How often each image counts.

        Returns
        -------
        RankedHits
            The hits of the images with a weight above 0.

        Examples
        --------
        >>> evidence = Evidence(
        ...     image_ids=("a",), offsets=np.array([0, 3]), score=np.array([0.9, 0.8, 0.7]),
        ...     rows={"delta": np.array([[1], [0], [1]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
        ... )
        >>> evidence.ranked("delta").seen.tolist()
        [1, 3]
        """
        bits = self.rows[name]
        rows, own = np.flatnonzero(_any_bit(bits)), None
        if weights is not None:
            # The image of a row is the last one whose rows begin at or before it:
            #   offsets [0, 2, 2, 3], rows [0, 1, 2]  ->  insertion points [1, 1, 3]  ->  images [0, 0, 2]
            own = weights[np.searchsorted(self.offsets, rows, side="right") - 1]
            rows, own = rows[own > 0], own[own > 0]
        if self.score is None:
            # Without confidences all predictions are one tie, so every hit has seen all of them.
            everything = int(self.offsets[-1]) if weights is None else int((self.counts * weights).sum())
            return RankedHits(np.full(len(rows), everything, dtype=np.int64), bits[rows], own)
        if own is None and MANY * len(rows) > len(bits):
            return _ranked_among_all(self.score, bits)
        # Few hits: sort the hits alone, and look up in the sorted confidences how many predictions each has seen.
        falling = -self.score.take(rows)
        order = np.argsort(falling)  # the order within a tie is free: its members have seen the same number
        seen = _seen(self.score, -falling.take(order), None if weights is None else np.repeat(weights, self.counts))
        return RankedHits(seen, bits.take(rows.take(order), axis=0), None if own is None else own[order])


@dataclass(frozen=True, slots=True, eq=False)
class RankedHits:
    """The predictions that are true positives at one threshold or more, by falling confidence.

    Attributes
    ----------
    seen : array of int, (H,)
        Number of predictions of the set with at least the confidence of the hit; never falls from hit to hit.
    bits : array of uint8, (H, ceil(T / 8))
        The thresholds at which each is a true positive.
    weight : array of int, (H,), optional
        How often each hit counts.
    """

    seen: Integers
    bits: Bits
    weight: Integers | None

    def at(self, entry: int) -> Integers:
        """Return the hits that are true positives at one threshold.

        Parameters
        ----------
        entry : int
            Position of the threshold (``Evidence.column_at``).

        Returns
        -------
        array of int
            Rows of ``seen``, ``bits`` and ``weight``, rising.

        Examples
        --------
        >>> RankedHits(np.array([1, 2]), np.array([[2], [3]], dtype=np.uint8), None).at(0).tolist()
        [1]
        """
        return np.flatnonzero(bit(self.bits, entry))


def pack_bits(flags: Sequence[Flags] | Iterator[Flags], rows: Indices, predictions: int, thresholds: int) -> Bits:
    """Pack true-positive flags into one bit for each prediction and threshold.

    Parameters
    ----------
    flags : iterable of T arrays of bool, (S,)
        Which of the S predictions are true positives, threshold by threshold.
    rows : array of int, (S,)
        The rows of these predictions; all other predictions are true positives at no threshold.
    predictions, thresholds : int
        M and T.

    Returns
    -------
    array of uint8, (M, ceil(T / 8))
        Bit ``t % 8`` of byte ``t // 8`` of a row is the flag at threshold ``t``.

    Examples
    --------
    >>> pack_bits([np.array([True, False]), np.array([True, True])], np.array([2, 0]), 3, 2).tolist()
    [[2], [0], [3]]
    """
    width = -(-thresholds // 8)  # ceil(T / 8): 10 thresholds -> 2 bytes
    # One row for each byte, so that the flags of a threshold are set along memory: threshold 9 -> row 1, bit 1.
    own = np.zeros((width, len(rows)), dtype=np.uint8)
    for entry, flag in enumerate(flags):
        own[entry >> 3] |= flag.view(np.uint8) << np.uint8(entry & 7)
    bits = np.zeros((predictions, width), dtype=np.uint8)
    bits[rows] = own.T
    return bits


def bit(bits: Bits, entry: int) -> Flags:
    """Return which rows have the bit of one threshold.

    Parameters
    ----------
    bits : array of uint8, (M, ceil(T / 8))
        Packed flags, as ``pack_bits`` returns them.
    entry : int
        Position of the threshold, from 0 to T - 1.

    Returns
    -------
    array of bool, (M,)
        The flags of this threshold.

    Examples
    --------
    >>> bit(np.array([[2], [0], [3]], dtype=np.uint8), 1).tolist()
    [True, False, True]
    """
    flags: Flags = bits[:, entry >> 3] & np.uint8(1 << (entry & 7)) != 0
    return flags


def canonical_order(evidence: Evidence) -> Evidence:
    """Return evidence in an order that depends on its content alone.

    Parameters
    ----------
    evidence : Evidence
        Images and predictions in any order.

    Returns
    -------
    Evidence
        The images by their ids (as UTF-8 bytes); the predictions of each image by falling confidence, then by bits.

    Examples
    --------
    >>> unordered = Evidence(image_ids=("b", "a"), offsets=np.array([0, 1, 3]), score=np.array([0.5, 0.1, 0.9]))
    >>> canonical_order(unordered).image_ids, canonical_order(unordered).offsets.tolist()
    (('a', 'b'), [0, 2, 3])
    """
    images = np.array(
        sorted(range(len(evidence)), key=lambda i: evidence.image_ids[i].encode(errors="surrogatepass")),
        dtype=np.int64,
    )
    points = evidence.points
    rows, image = points.rows(images), np.repeat(np.arange(len(images)), points.counts_of(images))
    if evidence.rows:
        # lexsort compares by its last key first: image, then falling confidence, then the bytes of every column in
        # the order of their names. One column of two bytes: keys [byte 1, byte 0, -score, image].
        keys = [column[rows, j] for _, column in sorted(evidence.rows.items(), reverse=True)
                for j in reversed(range(column.shape[1]))]  # fmt: skip
        keys += [] if evidence.score is None else [-evidence.score[rows]]
        rows = rows[np.lexsort((*keys, image))]
    return replace(
        evidence,
        image_ids=tuple(evidence.image_ids[i] for i in images.tolist()),
        offsets=offsets_of(points.counts_of(images)),
        score=None if evidence.score is None else evidence.score[rows],
        images={name: column[images] for name, column in evidence.images.items()},
        rows={name: column[rows] for name, column in evidence.rows.items()},
    )


MANY = 8
"""If more than one prediction in ``MANY`` is a hit at any threshold, one sort of all predictions is faster."""


def _ranked_among_all(score: Floats, bits: Bits) -> RankedHits:
    """Return the hits by falling confidence, from one sort of all predictions."""
    order = np.argsort(-score)
    bits = bits.take(order, axis=0)
    place = np.flatnonzero(_any_bit(bits))
    ordered = score.take(order)
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(order) - 1)
    # A hit within a tie has seen the whole tie, up to the end of its run:
    #   ordered [.9, .5, .5, .3]  ->  runs end at [0, 2, 3]  ->  last of each row [0, 2, 2, 3]  ->  seen [1, 3, 3, 4]
    last = place if len(ends) == len(order) else np.repeat(ends, np.diff(ends, prepend=-1)).take(place)
    seen = last + 1
    return RankedHits(seen, bits.take(place, axis=0), None)


def _any_bit(bits: Bits) -> NDArray[Any]:
    """Return for every row a number that is not 0 if any bit is set; two bytes are read as one 16-bit number."""
    if bits.shape[1] == 1:
        return bits[:, 0]
    if bits.shape[1] == 2 and bits.flags.c_contiguous:
        return bits.view(np.uint16)[:, 0]
    union: NDArray[Any] = np.bitwise_or.reduce(bits, axis=1)
    return union


def _seen(score: Floats, confidences: Floats, weight: Integers | None) -> Integers:
    """Return the number, or the weight, of the predictions with at least each of these falling confidences."""
    # The insertion point in the rising scores is the number of predictions below:
    #   rising [.3, .5, .5, .9], confidences [.9, .5]  ->  below [3, 1]  ->  seen [1, 3]
    if weight is None:
        return len(score) - np.searchsorted(np.sort(score), confidences, side="left")
    order = np.argsort(score, kind="stable")
    below: Integers = np.concatenate([[0], np.cumsum(weight[order])])
    seen: Integers = below[-1] - below[np.searchsorted(score[order], confidences, side="left")]
    return seen
