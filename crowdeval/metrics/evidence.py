"""Evidence: what matching found, as columns whose rows belong to images - all that a number is made from.

No ratio and no average is kept, only whole numbers and floats that depend on one image alone. So a value can be taken
from evidence without matching again, with images weighted, and from parts put together: the evidence of the whole.

Columns of images
    ``images[name]``, (m,) or (m, width): ``true``, ``estimated``, ``predicted``, ``hits@sigma_l``, ``cost@16px``, ...
Columns of predictions
    ``rows[name]``, (M, ceil(T / 8)) uint8: bit ``t % 8`` of byte ``t // 8`` says whether a prediction is a true
    positive at ``thresholds[name][t]``. Image ``i`` owns the rows ``offsets[i]:offsets[i + 1]``; all share ``score``.

Two images, thresholds 0.25 and 0.5, of which the second prediction is a hit at 0.5 only::

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

GROUP = "group:"
"""What the name of a column of labels begins with."""


@dataclass(frozen=True, slots=True)
class Lack:
    """Why a metric can't be measured on a part; ``spared`` where the part would not change the metric of a whole."""

    reason: str
    spared: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What matching found on a set of images, or on a part of one.

    Attributes
    ----------
    image_ids : tuple of str
        The m images.
    offsets : array of int, (m + 1,)
        Image ``i`` has the predictions ``offsets[i]:offsets[i + 1]``.
    score : array of float, (M,), optional
        Confidences, where a metric is made from single predictions; None also where they have none (``scored``).
    images : mapping of str to array, (m,) or (m, width)
        Columns of images.
    rows : mapping of str to array of uint8, (M, width)
        Hits of single predictions, one bit a threshold.
    thresholds : mapping of str to tuple of float
        What the entries of a column, or the bits of a row, are for.
    signature : str
        The protocol; empty while a family's columns stand alone.
    names : (str, str)
        What predictions and annotations are called.
    scored, located : bool
        Whether predictions have confidences (None: there are no predictions), and whether they are points.
    lacks : mapping of str to Lack
        Metrics asked for that the data lack something for.
    carried : tuple of str
        Notices that are of this very set of points and can't be made from columns.
    lanes : mapping of str to (int, int)
        Sums of hashes over rows, by side and column; they add up over parts.
    about : mapping of str to str
        What is known of the predictions' origin.
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

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.image_ids)

    @property
    def counts(self) -> Integers:
        """Number of predictions of every image, (m,)."""
        return np.diff(self.offsets)

    @property
    def points(self) -> Ragged:
        """Which rows are which image's; of the points themselves nothing is there, (M, 0)."""
        return Ragged(np.empty((int(self.offsets[-1]), 0)), self.offsets)

    def with_columns(self, other: Evidence) -> Evidence:
        """Return this evidence with the columns that a family adds for the same images."""
        return replace(
            self,
            score=other.score if self.score is None else self.score,
            images={**self.images, **other.images},
            rows={**self.rows, **other.rows},
            thresholds={**self.thresholds, **other.thresholds},
        )

    def column_at(self, name: str, threshold: float) -> int:
        """Return which entry of a column is for a threshold; raise UsageError, naming those there are, if none is."""
        there = self.thresholds.get(name, ())
        if threshold not in there:
            known = ", ".join(map(number_text, there)) or "none"
            raise UsageError(f"this evidence has no threshold {number_text(threshold)} ({name}); it has {known}")
        return there.index(threshold)

    def hits(self, name: str, threshold: float) -> Flags:
        """Return which predictions are true positives at a threshold of a column, (M,)."""
        return bit(self.rows[name], self.column_at(name, threshold))

    def ranked(self, name: str, weights: Integers | None = None) -> RankedHits:
        """Return the predictions that are true positives at any threshold of a column, in falling confidence."""
        bits = self.rows[name]
        rows, own = np.flatnonzero(_any_bit(bits)), None
        if weights is not None:
            own = weights[np.searchsorted(self.offsets, rows, side="right") - 1]
            rows, own = rows[own > 0], own[own > 0]
        if self.score is None:
            everything = int(self.offsets[-1]) if weights is None else int((self.counts * weights).sum())
            return RankedHits(np.full(len(rows), everything, dtype=np.int64), bits[rows], own)
        if own is None and MANY * len(rows) > len(bits):
            return _ranked_among_all(self.score, bits)
        falling = -self.score.take(rows)
        order = np.argsort(falling)  # a tie in any order: its rows have seen the same
        seen = _seen(self.score, -falling.take(order), None if weights is None else np.repeat(weights, self.counts))
        return RankedHits(seen, bits.take(rows.take(order), axis=0), None if own is None else own[order])


@dataclass(frozen=True, slots=True, eq=False)
class RankedHits:
    """Predictions that are true positives somewhere, in falling confidence.

    Attributes
    ----------
    seen : array of int, (H,)
        How many predictions of the set have at least their confidence; not falling.
    bits : array of uint8, (H, width)
        At which thresholds they are.
    weight : array of int, (H,), optional
        How often each counts.
    """

    seen: Integers
    bits: Bits
    weight: Integers | None

    def at(self, entry: int) -> Integers:
        """Return which of them are true positives at one threshold."""
        return np.flatnonzero(bit(self.bits, entry))


def packed(flags: Sequence[Flags] | Iterator[Flags], rows: Indices, predictions: int, thresholds: int) -> Bits:
    """Return one bit a threshold and prediction, (M, ceil(T / 8)).

    Parameters
    ----------
    flags : iterable of T arrays of bool, (S,)
        Which of the rows are true positives, threshold by threshold.
    rows : array of int, (S,)
        The predictions that the flags are of; the others are true positives nowhere.
    predictions, thresholds : int
        M and T.

    Examples
    --------
    >>> packed([np.array([True, False]), np.array([True, True])], np.array([2, 0]), 3, 2).tolist()
    [[2], [0], [3]]
    """
    width = -(-thresholds // 8)
    own = np.zeros((width, len(rows)), dtype=np.uint8)
    for entry, flag in enumerate(flags):
        own[entry >> 3] |= flag.view(np.uint8) << np.uint8(entry & 7)
    bits = np.zeros((predictions, width), dtype=np.uint8)
    bits[rows] = own.T
    return bits


def bit(bits: Bits, entry: int) -> Flags:
    """Return which rows have the bit of one threshold, (M,).

    >>> bit(np.array([[2], [0], [3]], dtype=np.uint8), 1).tolist()
    [True, False, True]
    """
    flags: Flags = bits[:, entry >> 3] & np.uint8(1 << (entry & 7)) != 0
    return flags


def canonical(evidence: Evidence) -> Evidence:
    """Return evidence with its images by id, as UTF-8, and their predictions by falling confidence, then by bits."""
    images = np.array(
        sorted(range(len(evidence)), key=lambda i: evidence.image_ids[i].encode(errors="surrogatepass")),
        dtype=np.int64,
    )
    points = evidence.points
    rows, image = points.rows(images), np.repeat(np.arange(len(images)), points.counts_of(images))
    if evidence.rows:
        # The last key decides first: image, then falling confidence, then the bytes of every column by its name.
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
"""Where more than one prediction in so many is a true positive somewhere, all are ranked at once."""


def _ranked_among_all(score: Floats, bits: Bits) -> RankedHits:
    """Return the hits in falling confidence from one sort of all predictions."""
    order = np.argsort(-score)
    bits = bits.take(order, axis=0)
    place = np.flatnonzero(_any_bit(bits))
    ordered = score.take(order)
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(order) - 1)
    # Who is in a tie has seen all of it, up to the last of its run.
    last = place if len(ends) == len(order) else np.repeat(ends, np.diff(ends, prepend=-1)).take(place)
    seen = last + 1
    return RankedHits(seen, bits.take(place, axis=0), None)


def _any_bit(bits: Bits) -> NDArray[Any]:
    """Return for every row something that is not 0 where any bit is set; two bytes are looked at as one number."""
    if bits.shape[1] == 1:
        return bits[:, 0]
    if bits.shape[1] == 2 and bits.flags.c_contiguous:
        return bits.view(np.uint16)[:, 0]
    found: NDArray[Any] = np.bitwise_or.reduce(bits, axis=1)
    return found


def _seen(score: Floats, asked: Floats, weight: Integers | None) -> Integers:
    """Return how many predictions, or how much weight, have at least each of the asked confidences, which fall."""
    if weight is None:
        return len(score) - np.searchsorted(np.sort(score), asked, side="left")
    order = np.argsort(score, kind="stable")
    below: Integers = np.concatenate([[0], np.cumsum(weight[order])])
    seen: Integers = below[-1] - below[np.searchsorted(score[order], asked, side="left")]
    return seen
