"""Batches of random crops: which images make which step, and what is random in them, follows from seed and step alone.

Nothing here has a state: crop c of image i in epoch e is drawn from the numbers (seed, e, i, c). A run that is resumed,
on more processes or with more reading workers, sees the same crops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from baselines.p2pnet.augmentation import random_window, resized
from baselines.p2pnet.config import Config
from baselines.p2pnet.samples import Sample, Samples, pixels_of
from crowdeval.errors import CrowdevalError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of RGB / 255."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Crops, uint8 (B, 3, H, W), their true points, B times (N, 2) float32, and their images' ids."""

    pixels: Tensor
    targets: list[Tensor]
    names: list[str]


@dataclass(frozen=True, slots=True)
class Epochs:
    """How images fall into steps.

    An epoch is one pass in random order; the images that do not fill its last step wait for another epoch.
    """

    images: int
    batch_size: int
    seed: int

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return max(1, self.images // self.batch_size)

    def step(self, number: int) -> tuple[int, list[int]]:
        """Return the epoch that step ``number``, from 0, belongs to, and its images; a small set is used repeatedly."""
        epoch, place = divmod(number, self.steps)
        order = np.random.default_rng([self.seed, 1, epoch]).permutation(self.images)
        order = np.resize(order, max(len(order), self.batch_size))
        return epoch, order[place * self.batch_size : (place + 1) * self.batch_size].tolist()


def normalized(pixels: Tensor, device: torch.device) -> Tensor:
    """Return uint8 pixels (..., 3, H, W) as float32, normalized, on a device."""
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (MEAN, STD))  # (3,) -> (3, 1, 1)
    return (pixels.to(device, non_blocking=True).float() / 255 - mean) / std


class Crops(Dataset[Batch]):
    """The parts of the steps that one process computes, each a batch of crops; indexed by (step, part)."""

    def __init__(self, source: Samples, config: Config, *, rank: int = 0, world: int = 1):
        self.source, self.config = source, config
        self.epochs = Epochs(len(source), config.batch_size, config.seed)
        self.rank, self.world = rank, world
        self._kept: dict[int, tuple[Image.Image, NDArray[np.float64]]] = {}

    def __getitem__(self, place: tuple[int, int]) -> Batch:
        step, part = place
        epoch, indices = self.epochs.step(step)
        share = len(indices) // (self.config.accumulate * self.world)
        start = (part * self.world + self.rank) * share
        mine = range(start, start + share)
        crops = [
            self._crop(indices[at], epoch, crop, indices[:at].count(indices[at]))
            for at in mine
            for crop in range(self.config.crops)
        ]
        pixels = torch.from_numpy(np.stack([crop[0] for crop in crops])).permute(
            0, 3, 1, 2
        )  # (B, H, W, 3) -> (B, 3, H, W)
        targets = [torch.from_numpy(crop[1].astype(np.float32)) for crop in crops]
        names = [self.source[indices[at]].id for at in mine for _ in range(self.config.crops)]
        return Batch(pixels, targets, names)

    def _crop(self, index: int, epoch: int, crop: int, again: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return pixels and points of a crop; ``again`` counts the image's places before in the same step."""
        image, points = self._image(index)
        random = np.random.default_rng([self.config.seed, 2, epoch, index, crop + again * self.config.crops])
        window = random_window(image.size, self.config, random)
        return window.pixels(image), window.points(points, image.size)

    def _image(self, index: int) -> tuple[Image.Image, NDArray[np.float64]]:
        if index in self._kept:
            return self._kept[index]
        sample: Sample = self.source[index]
        whole = Image.fromarray(pixels_of(sample.path))
        image, points = resized(whole, sample.points, self.config.max_side, self.config.zoom)
        if self.config.cache_images:
            self._kept[index] = image, points
        return image, points


class _Told(Dataset["Batch | CrowdevalError"]):
    """The parts, or what is wrong with an image: an error that crosses to another process would lose its words."""

    def __init__(self, crops: Crops):
        self.crops = crops

    def __getitem__(self, place: tuple[int, int]) -> Batch | CrowdevalError:
        try:
            return self.crops[place]
        except CrowdevalError as problem:
            return problem


def steps_from(crops: Crops, first: int, last: int) -> Iterator[tuple[int, list[Batch]]]:
    """Yield the steps from ``first`` up to, not with, ``last``: number and its parts."""
    config = crops.config
    places = [(step, part) for step in range(first, last) for part in range(config.accumulate)]
    loader = DataLoader(
        _Told(crops),
        batch_size=None,
        sampler=places,
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
        multiprocessing_context="spawn" if config.workers else None,
    )
    parts: list[Batch] = []
    for (step, _), batch in zip(places, loader, strict=True):
        if isinstance(batch, CrowdevalError):
            raise batch
        parts.append(batch)
        if len(parts) == config.accumulate:
            yield step, parts
            parts = []
