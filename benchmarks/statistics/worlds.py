"""Worlds: how samples of images are drawn from a population so that the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq

from benchmarks.statistics.populations import Population

FINE = 4000
"""Bins of the ranked lists of populations: the truth is not rounded."""


@dataclass(frozen=True)
class World:
    """Samples of pairs of systems from a population.

    Attributes
    ----------
    name : str
        What is drawn.
    population : Population
        The images.
    keys : tuple of str
        The metrics whose true difference is known.
    truths : mapping of str to float
        This difference by metric; 0 for others.
    weights : array, optional
        The probability of each image.
    swapped : bool
        Whether the outcomes of an image are swapped with probability 1/2.
    tied : float
        Share of the images on which both systems have the outcome of one.
    power : int
        The power of the confidences of the second system.
    frames : int
        How many images of a sample have the same outcome.
    clustered : bool
        Whether images of the same outcome are one unit.
    """

    name: str
    population: Population
    keys: tuple[str, ...]
    truths: Mapping[str, float] = field(default_factory=dict)
    weights: np.ndarray | None = None
    swapped: bool = False
    tied: float = 0.0
    power: int = 1
    frames: int = 1
    clustered: bool = False

    def draw(self, random, n):
        """Return the numbers of two systems on n images."""
        images, units = self.population.images, n // self.frames
        rows = random.choice(images, units, p=self.weights)
        swapped = (random.random(units) < 0.5) & self.swapped
        first, second = rows + images * swapped, rows + images * ~swapped
        second = np.where(random.random(units) < self.tied, first, second)
        clusters = [f"{unit:05}" for unit in range(units) for _ in range(self.frames)] if self.clustered else None
        first, second = (np.repeat(own, self.frames) for own in (first, second))
        sample = self.population.sample
        return (
            sample(first, self.keys, clusters=clusters),
            sample(second, self.keys, power=self.power, clusters=clusters),
        )


class Tilt:
    """Weights of the images that favour one system, for one metric."""

    def __init__(self, population, key):
        self.numbers = [population.system(which, (key,), bins=FINE).by_key[key].sums for which in (0, 1)]
        self.key, self.images = key, population.images
        _, pull = self._at(np.full(self.images, 1 / self.images))
        self.pull = np.tanh(pull / np.median(np.abs(pull[pull != 0])))

    def _at(self, weights):
        """Return the difference of the systems, and the influence of each image on it as n times its derivative."""
        found = [own.replicates(weights[None], (self.key,), influences=True)[self.key] for own in self.numbers]
        return found[0].values[0] - found[1].values[0], found[0].influences[0] - found[1].influences[0]

    def weights(self, strength):
        weights = np.exp(strength * (self.pull - self.pull.max() * np.sign(strength)))
        return weights / weights.sum()

    def solve(self, n=0, errors=0.0):
        """Return the weights at which the difference is this number of standard errors of samples of n, and it.

        None where no weights of this kind make it so large.
        """

        def excess(strength):
            weights = self.weights(strength)
            difference, influences = self._at(weights)
            return difference - errors * np.sqrt((weights * influences**2).sum() / n) if errors else difference

        ends = next(((-end, end) for end in (0.5, 1, 2, 4, 8, 16) if excess(-end) * excess(end) < 0), None)
        if ends is None:
            return None
        weights = self.weights(brentq(excess, *ends, xtol=1e-10))
        return weights, self._at(weights)[0]
