"""The frame that predictions seem to be in: would more true points match if the coordinates meant something else?

Counted are the true points with a finite d_k above 0, on the densest images; a true point matches if a prediction lies
within d_k / 4. Of each image the best predictions by confidence take part, as many as there are true points. The
matches of the points as given are compared with those under each hypothesis: swapped or flipped axes, other units,
points of a resized image, one scale fitted to the set.

A frame is named if it matches at least twice as many true points as the points as given, 20 more, and a fifth of all
counted, with at least 30 counted points in 3 images. With fewer images it is a question, and needs half of all counted;
with fewer points, too, it needs 6 more matches and all counted points but one, and fewer than half of them within
d_k / 2 of a prediction as given. What these bounds do is measured in benchmarks/frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.spatial import cKDTree

from crowdeval.matching.scale import knn_scales
from crowdeval.points.frames import UNITS, Step, parse_frame, to_pixels
from crowdeval.points.labels import number_text
from crowdeval.points.ragged import Floats, Integers, Ragged

SIDES = (224, 256, 320, 384, 416, 448, 512, 640, 768, 800, 1024, 1280, 1333, 1536, 1920, 2048)
"""Lengths of a square input, and of a longer side, in pixels, that are tried."""

STRIDES = (2, 4, 8, 16, 32)
"""Strides of a feature map that are tried."""

IMAGES, POINTS = 50, 6000
"""At most so many images are looked at, and no further one once so many true points are counted."""

_FEW = 3, 1500
"""Hypotheses are first compared on at least so many images, and until so many true points are counted."""

REACH = 0.25
"""A true point matches within this many times d_k."""


_WEAK = 0.4
"""Share of the counted points below which the best frame is named with a doubt."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A frame in which more true points would match.

    Attributes
    ----------
    frame : str
        The frame, as the option ``--frame`` takes it.
    counted, given, matched : int
        Number of true points that were counted, that match as given, and that match in the frame.
    certain : bool
        False where there are too few points to be sure.
    """

    frame: str
    counted: int
    given: int
    matched: int
    certain: bool

    @property
    def text(self) -> str:
        """The sentence of a notice."""
        right, given = (f"{number / self.counted:.0%}" for number in (self.matched, self.given))
        sentence = f"{right} of the true points would match {_words(self.frame)}, {given} match as given"
        if not self.certain:
            return f"{sentence}; is it --frame {self.frame}?"
        weak = self.matched < _WEAK * self.counted
        return f"{sentence}: {'perhaps ' if weak else ''}--frame {self.frame}{', no frame fits well' if weak else ''}"


def suspect_frame(predicted: Ragged, score: Floats | None, true: Ragged, sizes: Floats | None) -> Suspicion | None:
    """Return the frame that predictions seem to be in, if it is not that of the image.

    Parameters
    ----------
    predicted, true : Ragged
        Predicted points and true points of the same m images.
    score : array of float, (M,), optional
        Confidences.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels; hypotheses that need them are left out without them.

    Returns
    -------
    Suspicion or None
        None where half of the counted points match as given, or no frame is better by far.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> true = Ragged(random.uniform(0, 300, (90, 2)) * [1.0, 0.6], np.array([0, 30, 60, 90]))
    >>> suspicion = suspect_frame(Ragged(true.xy[:, ::-1].copy(), true.offsets), None, true, None)
    >>> suspicion.frame, suspicion.certain
    ('yx', True)
    """
    test = _Test.of(predicted, score, true, sizes)
    if test is None or not len(test.predicted):
        return None
    distance, _ = test.distances(test.predicted.xy)
    given = int((distance <= test.reach).sum())
    if 2 * given >= test.counted:
        return None
    # A fitted scale is the least simple of all: it has to match visibly more than the others.
    candidates = [(frame, test.matches(test.in_frame(frame))) for frame in test.candidates()]
    frame, matched = max(candidates, key=lambda pair: pair[1] * (0.97 if pair[0].startswith("scale") else 1.0))
    more = matched - given
    many, several = test.counted >= 30, test.images >= 3
    doubled = many and matched >= 2 * given and more >= 20
    certain = doubled and several and 5 * matched >= test.counted
    mostly_near = 2 * int((distance <= 2 * test.reach).sum()) >= test.counted
    all_but_one = more >= 6 and matched >= test.counted - 1 and not mostly_near
    question = not (many and several) and ((doubled and 2 * matched >= test.counted) or all_but_one)
    return Suspicion(frame, test.counted, given, matched, certain) if certain or question else None


@dataclass(frozen=True, slots=True)
class _Test:
    """The points of a test: some images, the best predictions of each, the true points that are counted."""

    predicted: Ragged
    true: Floats
    image: Integers
    reach: Floats
    sizes: Floats | None

    @classmethod
    def of(cls, predicted: Ragged, score: Floats | None, true: Ragged, sizes: Floats | None) -> _Test | None:
        """Return the points of a test; None where no true point has neighbours."""
        densest = np.argsort(-true.counts, kind="stable")
        densest = densest[true.counts[densest] > 0]
        # A frame is a matter of the set: an image that would use up an eighth of the points makes room for others.
        moderate = densest[true.counts[densest] <= POINTS // 8]
        images = (moderate if len(moderate) >= 8 else densest)[:IMAGES]
        images = images[: _until(true.counts[images], POINTS)]
        if not len(images):
            return None
        chosen = true.take(images)
        scale = knn_scales(chosen)
        counted = np.isfinite(scale) & (scale > 0)
        if not counted.any():
            return None
        best = _best(predicted, score, images, true.counts[images])
        own = None if sizes is None or np.isnan(sizes[images]).any() else sizes[images]
        return cls(best, chosen.xy[counted], chosen.image[counted].astype(np.int64), REACH * scale[counted], own)

    @property
    def counted(self) -> int:
        """Number of true points that are counted."""
        return len(self.true)

    @property
    def images(self) -> int:
        """Number of images with a counted point."""
        return len(np.unique(self.image))

    def in_frame(self, frame: str) -> Floats:
        """Return the predictions as they would be if they were in a frame, (P, 2)."""
        return to_pixels(self.predicted, self.sizes, parse_frame(frame))

    def distances(self, xy: Floats) -> tuple[Floats, Integers]:
        """Return how far the nearest prediction is from each true point, and its row; infinite beyond all reach."""
        # Images are laid side by side, so far apart that no prediction of another one is in reach.
        extent = max(float(np.abs(xy).max(initial=0.0)), float(np.abs(self.true).max(initial=0.0)))
        apart = 4 * extent + float(self.reach.max(initial=0.0)) + 1.0
        tree = cKDTree(xy + apart * np.column_stack([self.predicted.image, np.zeros(len(xy))]), balanced_tree=False,
                       compact_nodes=False)  # fmt: skip
        asked = self.true + apart * np.column_stack([self.image, np.zeros(len(self.true))])
        bound = 2 * float(self.reach.max(initial=0.0)) + 1e-9
        distance, nearest = tree.query(asked, distance_upper_bound=bound)
        return np.asarray(distance), np.asarray(nearest, dtype=np.int64)

    def matches(self, xy: Floats) -> int:
        """Return how many of the counted points have a prediction in reach."""
        distance, _ = self.distances(xy)
        return int((distance <= self.reach).sum())

    def on_few_images(self) -> _Test:
        """Return the same test on the first images."""
        least, most = _FEW
        counts = np.bincount(self.image, minlength=self.predicted.images)
        number = max(min(least, len(counts)), _until(counts, most))
        kept = self.image < number
        sizes = None if self.sizes is None else self.sizes[:number]
        return _Test(self.predicted.take(np.arange(number)), self.true[kept], self.image[kept], self.reach[kept], sizes)

    def candidates(self) -> list[str]:
        """Return the frames that match most on some of the images, the simpler first among equals."""
        few = self.on_few_images()
        frames = [frame for frame in _hypotheses() if self.sizes is not None or not _needs_sizes(frame)]
        ranked = sorted(frames, key=lambda frame: -few.matches(few.in_frame(frame)))
        return [*ranked[:2], *few.fitted_scale()]

    def fitted_scale(self) -> Iterator[str]:
        """Yield the scale that fits the set best."""
        # The centre of the points of an image moves with the scale; a median over images is not led by a bad one.
        number = self.predicted.images
        true = np.bincount(self.image, weights=self.true.sum(axis=1), minlength=number)
        own = np.bincount(self.predicted.image, weights=self.predicted.xy.sum(axis=1), minlength=number)
        true_counts = np.bincount(self.image, minlength=number)
        both = (true_counts > 0) & (self.predicted.counts > 0) & (own > 0)
        if not both.any():
            return
        ratio = np.median(true[both] / true_counts[both] / (own[both] / self.predicted.counts[both]))
        tried = ratio * np.linspace(0.85, 1.18, 45)
        best = float(max(tried, key=lambda scale: self.matches(self.predicted.xy * scale)))
        for _ in range(2):  # least squares on the pairs in reach
            distance, nearest = self.distances(self.predicted.xy * best)
            near = distance <= 2 * self.reach
            pairs = self.predicted.xy[nearest[near]]
            if not near.any() or not (pairs**2).sum():
                return
            best = float((pairs * self.true[near]).sum() / (pairs**2).sum())
        simple = Fraction(best).limit_denominator(8)  # 0.2499 -> 1/4, the likelier factor where it matches as many
        for scale in (float(simple), best):
            if scale > 0:
                yield f"scale:{number_text(float(f'{scale:.4g}'))}"


def _until(counts: Integers, enough: int) -> int:
    """Return how many of the numbers it takes until their sum is enough, or all: [4000, 3000, 900], 6000 -> 2."""
    return min(len(counts), 1 + int(np.searchsorted(np.cumsum(counts), enough)))


def _best(predicted: Ragged, score: Floats | None, images: Integers, most: Integers) -> Ragged:
    """Return the predictions of some images; of each image only the best by confidence, up to a number."""
    chosen = predicted.take(images)
    if score is None:
        return chosen
    own = score[predicted.rows(images)]
    # Rank of a row within its image: rows are sorted by image, then by falling confidence, and numbered from the
    # beginning of the image:  offsets [0, 3], confidences [.2, .9, .5] -> order [1, 2, 0] -> rank [2, 0, 1]
    order = np.lexsort((-own, chosen.image))
    rank = np.empty(len(own), dtype=np.int64)
    rank[order] = np.arange(len(own)) - np.repeat(chosen.offsets[:-1], chosen.counts)
    return chosen.where(rank < np.repeat(most, chosen.counts))


def _hypotheses() -> Iterator[str]:
    """Yield the frames that are tried, the simpler first."""
    yield from ("yx", "y-up", "x-left", *UNITS)
    yield from (f"yx,{unit}" for unit in UNITS)
    yield from (f"stride:{stride}" for stride in STRIDES)
    yield from (f"{side}x{side}" for side in SIDES)
    yield from (f"max-side:{side}" for side in SIDES)


def _needs_sizes(frame: str) -> bool:
    """Return whether a frame depends on the sizes of the images."""
    return any(step.needs_sizes for step in parse_frame(frame))


_WORDS = {
    "yx": "with x and y swapped",
    "y-up": "with y counted from the bottom",
    "x-left": "with x counted from the right",
    "normalized": "as parts of width and height",
    "percent": "as percent of width and height",
    "permille": "as thousandths of width and height",
}


def _words(frame: str) -> str:
    """Return a frame in words, as the end of "would match ..."."""
    return " and ".join(_WORDS.get(str(step), "") or _valued_words(step) for step in parse_frame(frame))


def _valued_words(step: Step) -> str:
    """Return a step with numbers in words."""
    text = ", ".join(number_text(value) for value in step.values)
    return {
        "size": f"as points of images resized to {step}",
        "max-side": f"as points of images whose longer side was shrunk to {text}",
        "stride": f"as points of an image or feature map {text} times smaller",
        "scale": f"multiplied by {text}",
        "shift": f"shifted by {text}",
    }[step.name]
