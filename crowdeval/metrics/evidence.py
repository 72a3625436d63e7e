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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, UsageError, listed
from crowdeval.points import assemble
from crowdeval.points.fingerprints import Lane, added, unknown_lane
from crowdeval.points.labels import number_text
from crowdeval.points.ragged import Flags, Floats, Indices, Integers, Ragged, offsets_of
from crowdeval.points.sets import Annotations, Predictions, repeated

Bits = NDArray[np.uint8]

VALUES_ONLY = ("ap", "pool")
"""Signature fields that values are taken by; all others decide what evidence is."""

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
        return np.flatnonzero((self.bits[:, entry >> 3] & np.uint8(1 << (entry & 7))) != 0)


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


@overload
def concatenated(parts: Iterable[Predictions]) -> Predictions: ...
@overload
def concatenated(parts: Iterable[Annotations]) -> Annotations: ...
@overload
def concatenated(parts: Iterable[Evidence]) -> Evidence: ...
def concatenated(
    parts: Iterable[Predictions] | Iterable[Annotations] | Iterable[Evidence],
) -> Predictions | Annotations | Evidence:
    """Return several sets of different images, or the evidence of several, as one.

    Parameters
    ----------
    parts : iterable of Predictions, of Annotations, or of Evidence
        At least one. A part without points is neutral: it need not have the scores or boxes that the others have.

    Returns
    -------
    Predictions, Annotations or Evidence
        The images of the first set first; of evidence, in canonical order: whatever the order of the parts, it is the
        evidence of the whole, bit for bit. A metric that a part lacks something for is left out of the whole.

    Raises
    ------
    InputError
        If an image is in two of them, if only some parts with points have scores, boxes, radii or levels, if some
        predictions are points and others only counts, or if evidence was made with different options.

    Examples
    --------
    >>> one = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]], score=[0.5])
    >>> two = Predictions(image_ids=["b"], offsets=[0, 0], xy=[])
    >>> concatenated([one, two])
    Predictions(2 images, 1 points)
    """
    given: list[Any] = list(parts)
    if given and all(isinstance(part, Evidence) for part in given):
        return _concatenated_evidence(given)
    joined: Predictions | Annotations = assemble.concatenated(given)
    return joined


def canonical(evidence: Evidence) -> Evidence:
    """Return evidence with its images by id, as UTF-8, and their predictions by falling confidence, then by bits."""
    images = np.array(
        sorted(range(len(evidence)), key=lambda i: evidence.image_ids[i].encode(errors="surrogatepass")),
        dtype=np.int64,
    )
    points = Ragged(np.empty((int(evidence.offsets[-1]), 0)), evidence.offsets)
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


def _concatenated_evidence(parts: list[Evidence]) -> Evidence:
    _require_alike(parts)
    twice = repeated(name for part in parts for name in part.image_ids)
    if twice:
        raise InputError(f"evidence of the same images: {listed(twice)} in more than one part")
    peopled = [part for part in parts if len(part)] or parts[:1]
    lacks = _joined_lacks(peopled)
    rows = {name for part in peopled for name in part.rows if all(name in each.rows for each in peopled)}
    whole = Evidence(
        image_ids=tuple(name for part in parts for name in part.image_ids),
        offsets=offsets_of(np.concatenate([part.counts for part in parts])),
        score=_joined_scores(peopled) if rows else None,
        images=_joined_images(peopled),
        rows={name: np.concatenate([part.rows[name] for part in peopled]) for name in sorted(rows)},
        thresholds={
            name: values
            for name, values in peopled[0].thresholds.items()
            if all(part.thresholds.get(name) == values for part in peopled)
        },
        signature=parts[0].signature,
        names=_joined_names(parts),
        scored=next((part.scored for part in parts if part.scored is not None), None),
        located=all(part.located for part in peopled),
        lacks=lacks,
        carried=tuple(dict.fromkeys(text for part in parts for text in part.carried)),
        lanes=_joined_lanes(parts),
        about={k: v for k, v in parts[0].about.items() if all(part.about.get(k) == v for part in parts)},
    )
    return canonical(whole)


def _require_alike(parts: Sequence[Evidence]) -> None:
    """Raise InputError where parts were made with different options, or only some have confidences."""
    first = parts[0]
    for part in parts[1:]:
        own, other = (_evidence_fields(each.signature) for each in (first, part))
        different = [key for key in {**own, **other} if own.get(key) != other.get(key)]
        if different:
            key = different[0]
            raise InputError(
                f"evidence made with different options can't be one: {key} is {own.get(key)} in {first.names[0]} "
                f"and {other.get(key)} in {part.names[0]}"
            )
    having = [part.names[0] for part in parts if part.scored]
    lacking = [part.names[0] for part in parts if part.scored is False]
    if having and lacking:
        raise InputError(f"confidences in {having[0]} and none in {lacking[0]}: one ranked list can't hold both")


def _evidence_fields(signature: str) -> dict[str, str]:
    """Return the fields of a signature that decide what evidence is."""
    revision, *rest = signature.split("|")
    fields = dict(part.split(":", 1) for part in rest)
    return {"revision": revision, **{key: value for key, value in fields.items() if key not in VALUES_ONLY}}


def _joined_lacks(parts: Sequence[Evidence]) -> dict[str, Lack]:
    """Return the metrics that the whole lacks something for.

    A metric is lacking where every part lacks it, or where one truly does: then its name is said, if others do not.
    """
    lacks = {}
    for metric in dict.fromkeys(name for part in parts for name in part.lacks):
        own = [(part, part.lacks[metric]) for part in parts if metric in part.lacks]
        true = [(part, lack) for part, lack in own if not lack.spared]
        if len(own) == len(parts):
            lacks[metric] = Lack((true or own)[0][1].reason, spared=not true)
        elif true:
            part, lack = true[0]
            lacks[metric] = Lack(f"{lack.reason}; {part.names[1]} has none", spared=False)
    return lacks


def _joined_scores(parts: Sequence[Evidence]) -> Floats | None:
    scores = [part.score for part in parts if part.score is not None]
    return np.concatenate(scores) if scores else None


def _joined_images(parts: Sequence[Evidence]) -> dict[str, NDArray[Any]]:
    """Return the columns of images that all parts have, and those whose absence means something."""
    columns: dict[str, NDArray[Any]] = {}
    for name in sorted({name for part in parts for name in part.images}):
        own = [part.images.get(name) for part in parts]
        present = [column for column in own if column is not None]
        if len(present) < len(own):
            if not (name.startswith(GROUP) or name in ABSENT):
                continue
            own = [_absent(name, len(part)) if column is None else column
                   for part, column in zip(parts, own, strict=True)]  # fmt: skip
        columns[name] = np.concatenate([column for column in own if column is not None])
    return columns


ABSENT = {"off_true": 0, "off_predicted": 0, "outside_unit": 0, "given": np.nan}
"""Columns that a part has only where something is known, and what their absence means."""


def _absent(name: str, images: int) -> NDArray[Any]:
    if name.startswith(GROUP):
        return np.full(images, None, dtype=object)
    return np.full(images, ABSENT[name])


def _joined_lanes(parts: Sequence[Evidence]) -> dict[str, Lane]:
    """Return the sums of the hashes; what is unknown of a part's images is hashed as such."""
    lanes: dict[str, Lane] = {}
    for name in sorted({name for part in parts for name in part.lanes}):
        own = [part.lanes[name] if name in part.lanes else unknown_lane(name, part.image_ids) for part in parts]
        lacking = [part for part, lane in zip(parts, own, strict=True) if lane is None]
        if not any(_points_of(name.partition(":")[0], part) for part in lacking):
            lanes[name] = added([lane for lane in own if lane is not None])
    return lanes


def _points_of(side: str, part: Evidence) -> int:
    """Return how many points a part has on a side."""
    return int(part.offsets[-1]) if side == "predictions" else int(part.images["true"].sum())


def _joined_names(parts: Sequence[Evidence]) -> tuple[str, str]:
    """Return the parts' names where they are one, else the first and how many more."""
    sides = [list(dict.fromkeys(part.names[side] for part in parts)) for side in (0, 1)]
    first, second = (names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" for names in sides)
    return first, second


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
