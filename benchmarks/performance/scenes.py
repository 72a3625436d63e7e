"""Crowds to measure on, made from a seed: clustered people in perspective, and predictions of them.

The images are 1024 x 768 pixels. People stand closer together towards the horizon (the upper edge), gather in groups,
and their number varies from image to image by a log-normal law as wide as ShanghaiTech A's. Confidences are distinct.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowdeval.points.ragged import Ragged

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WIDTH, HEIGHT = 1024.0, 768.0
HORIZON = 0.25 * HEIGHT
"""How far above the image the ground vanishes: people at the upper edge appear a fifth as large as at the lower."""

SPREAD = 0.75
"""Standard deviation of the logarithm of an image's count."""

GROUPS = 12
FOUND = 0.85
"""Share of the true points that have a prediction of their own."""

GRID = 4.0
"""Pixels between proposals: a stride of 8 with 2 x 2 proposals a cell, as P2PNet has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The ragged columns of one data set: predictions (M, 2) with confidences, and true points (N, 2)."""

    xy: Floats
    score: Floats
    offsets: Integers
    true_xy: Floats
    true_offsets: Integers

    @property
    def images(self) -> int:
        return len(self.offsets) - 1

    @property
    def predicted(self) -> Ragged:
        return Ragged(self.xy, self.offsets)

    @property
    def true(self) -> Ragged:
        return Ragged(self.true_xy, self.true_offsets)

    def part(self, image: int) -> tuple[Floats, Floats, Floats]:
        """Return points, confidences and true points of one image."""
        rows = slice(*self.offsets[image : image + 2])
        return self.xy[rows], self.score[rows], self.true_xy[slice(*self.true_offsets[image : image + 2])]

    def save(self, folder: Path) -> None:
        """Write one file a column."""
        for name in self.__slots__:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> Scene:
        """Read what ``save`` wrote; each column straight into its array, with no second copy in memory."""
        return cls(**{name: np.load(folder / f"{name}.npy") for name in cls.__slots__})


def scene(images: int, predictions: int, truths: int, seed: int) -> Scene:
    """Return a crowd found well but not perfectly: near predictions, double ones, and false ones elsewhere."""
    random = np.random.default_rng(seed)
    share = random.lognormal(sigma=SPREAD, size=images)
    counts = _shares(share, truths)
    true_xy, spacing = _people(random, counts)
    found = random.permutation(truths)[: min(int(FOUND * truths), int(0.9 * predictions))]
    doubled = random.integers(0, max(truths, 1), (predictions - len(found)) // 2 if truths else 0)
    strays = predictions - len(found) - len(doubled)
    image = np.concatenate(
        [
            np.repeat(np.arange(images), counts)[np.concatenate([found, doubled])],
            random.choice(images, strays, p=share / share.sum()),
        ]
    )
    xy = np.concatenate(
        [
            true_xy[found] + random.normal(size=(len(found), 2)) * 0.2 * spacing[found, None],
            true_xy[doubled] + random.normal(size=(len(doubled), 2)) * 0.6 * spacing[doubled, None],
            random.uniform((0, 0), (WIDTH, HEIGHT), (strays, 2)),
        ]
    )
    score = np.concatenate([random.beta(5, 2, len(found)), random.beta(2, 4, predictions - len(found))])
    order = np.argsort(image + random.uniform(0, 1, predictions))
    return Scene(
        xy=np.clip(xy, 0, (WIDTH, HEIGHT))[order],
        score=score[order],
        offsets=_offsets(np.bincount(image, minlength=images)),
        true_xy=true_xy,
        true_offsets=_offsets(counts),
    )


def every_proposal(images: int, truths: int, seed: int) -> Scene:
    """Return a crowd with every proposal of a model kept: 49,152 an image, on a grid with offsets.

    The proposal nearest to a true point moves onto it with a high confidence, the three next ones halfway with a
    middling one; the others stay near their place in the grid, with a confidence near 0.
    """
    random = np.random.default_rng(seed)
    counts = _shares(random.lognormal(sigma=SPREAD, size=images), truths)
    true_xy, spacing = _people(random, counts)
    columns, rows = int(WIDTH / GRID), int(HEIGHT / GRID)
    y, x = np.divmod(np.arange(columns * rows), columns)
    xy = np.tile(np.column_stack([x, y]) * GRID + GRID / 2, (images, 1))
    xy += random.normal(scale=0.6 * GRID, size=xy.shape)
    score = random.beta(0.7, 40, len(xy))
    first = np.repeat(np.arange(images), counts) * (columns * rows)
    corner = np.floor(true_xy / GRID - 0.5).astype(np.int64)
    nearest = np.floor(true_xy / GRID).astype(np.int64)
    for pull, width, scores, cell in (
        (0.5, 0.4, (2, 5), corner),
        (0.5, 0.4, (2, 5), corner + np.array([1, 0])),
        (0.5, 0.4, (2, 5), corner + np.array([0, 1])),
        (1.0, 0.2, (5, 2), nearest),
    ):
        column, row = np.clip(cell, 0, (columns - 1, rows - 1)).T
        proposal = first + row * columns + column
        aim = true_xy + random.normal(size=true_xy.shape) * width * np.minimum(spacing, GRID * 4)[:, None]
        xy[proposal] += pull * (aim - xy[proposal])
        score[proposal] = random.beta(*scores, len(proposal))
    offsets = np.arange(images + 1) * (columns * rows)
    return Scene(xy=xy, score=score, offsets=offsets, true_xy=true_xy, true_offsets=_offsets(counts))


def _people(random: np.random.Generator, counts: Integers) -> tuple[Floats, Floats]:
    """Return true points, image by image, and the distance to the next person that goes with their place."""
    people, image = int(counts.sum()), np.repeat(np.arange(len(counts)), counts)
    # On the ground the crowd is even, so in the image its density falls with the squared distance to the horizon.
    near, far = 1 / HORIZON, 1 / (HORIZON + HEIGHT)
    y = 1 / random.uniform(far, near, people) - HORIZON
    size = (HORIZON + y) / (HORIZON + HEIGHT)
    centre = random.uniform(0, WIDTH, (len(counts), GROUPS))
    x = centre[image, random.integers(0, GROUPS, people)] + random.normal(size=people) * 0.12 * WIDTH * size
    alone = (random.uniform(size=people) < 0.3) | (x < 0) | (x > WIDTH)
    x[alone] = random.uniform(0, WIDTH, int(alone.sum()))
    return np.column_stack([x, y]), 0.8 * size * np.sqrt(WIDTH * HEIGHT / counts[image])


def _shares(weight: Floats, total: int) -> Integers:
    """Return whole numbers in proportion to the weights that sum to the total."""
    ends = np.round(np.cumsum(weight) / weight.sum() * total).astype(np.int64)
    return np.diff(ends, prepend=0)


def _offsets(counts: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(counts)])
