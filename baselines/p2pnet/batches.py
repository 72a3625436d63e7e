"""Batches of random crops; the seed and the step alone decide the images of a step and everything random in them.

Nothing here has a state: crop c of image i in epoch e is drawn from the numbers (seed, e, i, c). A run that is resumed,
or that has other numbers of processes or of reading workers, gets the same crops.
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

from baselines.p2pnet.augmentation import random_window, resize
from baselines.p2pnet.config import Config
from baselines.p2pnet.samples import Sample, Samples, read_pixels
from crowdeval.errors import CrowdevalError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet, of RGB / 255."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Crops with their true points.

    Attributes
    ----------
    pixels : Tensor of uint8, (B, 3, H, W)
        The crops, RGB.
    targets : list of B Tensors of float32, (N_b, 2)
        x and y of the true points in pixels of the crop.
    names : list of B str
        Ids of the images that the crops come from.
    """

    pixels: Tensor
    targets: list[Tensor]
    names: list[str]


@dataclass(frozen=True, slots=True)
class Epochs:
    """The division of images into steps.

    An epoch is one pass over the images in random order. The images that do not fill its last step are left out of this
    epoch; another epoch has another order.

    Attributes
    ----------
    images : int
        Number of training images.
    batch_size : int
        Images of a step.
    seed : int
        Seed of the orders.
    """

    images: int
    batch_size: int
    seed: int

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return max(1, self.images // self.batch_size)

    def step(self, number: int) -> tuple[int, list[int]]:
        """Return the epoch and the images of a step.

        Parameters
        ----------
        number : int
            Number of the step in the whole training, from 0.

        Returns
        -------
        epoch : int
            From 0.
        images : list of int
            ``batch_size`` indices of images. Where there are fewer images than that, an image is there several times.

        Examples
        --------
        >>> epochs = Epochs(images=5, batch_size=2, seed=0)
        >>> [epochs.step(number)[0] for number in range(4)]
        [0, 0, 1, 1]
        """
        epoch, place = divmod(number, self.steps)
        order = np.random.default_rng([self.seed, 1, epoch]).permutation(self.images)
        # np.resize repeats a short order: [2, 0, 1] for a batch of 5 -> [2, 0, 1, 2, 0].
        order = np.resize(order, max(len(order), self.batch_size))
        return epoch, order[place * self.batch_size : (place + 1) * self.batch_size].tolist()


def normalize(pixels: Tensor, device: torch.device) -> Tensor:
    """Return pixels as the network reads them.

    Parameters
    ----------
    pixels : Tensor of uint8, (..., 3, H, W)
        RGB.
    device : torch.device
        The device of the result.

    Returns
    -------
    Tensor of float32, (..., 3, H, W)
        RGB / 255, minus ``MEAN``, divided by ``STD``.

    Examples
    --------
    >>> normalize(torch.zeros(1, 3, 1, 1, dtype=torch.uint8), torch.device("cpu")).flatten().round(decimals=2).tolist()
    [-2.119999885559082, -2.0399999618530273, -1.7999999523162842]
    """
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (MEAN, STD))  # (3,) -> (3, 1, 1)
    return (pixels.to(device, non_blocking=True).float() / 255 - mean) / std


class Crops(Dataset[Batch]):
    """The parts of the steps that one process computes; ``crops[step, part]`` is a Batch.

    Parameters
    ----------
    source : Samples
        The training images.
    config : Config
        Gives sizes, augmentation, seed, ``batch_size`` and ``accumulate``.
    rank, world : int
        Number of this process, from 0, and number of processes.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("RGB", (200, 150)).save(f"{folder}/a.png")
    ...     source = Samples("one image", (Sample("a", Path(folder, "a.png"), np.zeros((0, 2))),))
    ...     batch = Crops(source, Config(batch_size=2, crops=4))[0, 0]
    >>> batch.pixels.shape, len(batch.targets)
    (torch.Size([8, 3, 128, 128]), 8)
    """

    def __init__(self, source: Samples, config: Config, *, rank: int = 0, world: int = 1):
        self.source, self.config = source, config
        self.epochs = Epochs(len(source), config.batch_size, config.seed)
        self.rank, self.world = rank, world
        self._cache: dict[int, tuple[Image.Image, NDArray[np.float64]]] = {}

    def __getitem__(self, place: tuple[int, int]) -> Batch:
        step, part = place
        epoch, images = self.epochs.step(step)
        # A step's images are split first into parts, then among the processes of each part.
        # 8 images, 2 parts, 2 processes -> part 0: ranks 0, 1 take [0, 1], [2, 3]; part 1: [4, 5], [6, 7].
        share = len(images) // (self.config.accumulate * self.world)
        start = (part * self.world + self.rank) * share
        places = range(start, start + share)
        crops = [
            self._crop(images[at], epoch, crop, images[:at].count(images[at]))
            for at in places
            for crop in range(self.config.crops)
        ]
        stacked = np.stack([pixels for pixels, _ in crops])
        pixels = torch.from_numpy(stacked).permute(0, 3, 1, 2)  # (B, H, W, 3) -> (B, 3, H, W)
        targets = [torch.from_numpy(points.astype(np.float32)) for _, points in crops]
        names = [self.source[images[at]].id for at in places for _ in range(self.config.crops)]
        return Batch(pixels, targets, names)

    def _crop(self, index: int, epoch: int, crop: int, repeat: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return pixels and points of a crop; ``repeat`` counts the earlier places of the image in the same step."""
        image, points = self._image(index)
        random = np.random.default_rng([self.config.seed, 2, epoch, index, crop + repeat * self.config.crops])
        window = random_window(image.size, self.config, random)
        return window.pixels(image), window.points(points, image.size)

    def _image(self, index: int) -> tuple[Image.Image, NDArray[np.float64]]:
        """Return an image and its points, resized by the config, from the cache where it is on."""
        if index in self._cache:
            return self._cache[index]
        sample: Sample = self.source[index]
        whole = Image.fromarray(read_pixels(sample.path))
        image, points = resize(whole, sample.points, self.config.max_side, self.config.zoom)
        if self.config.cache_images:
            self._cache[index] = image, points
        return image, points


class _CropsOrErrors(Dataset["Batch | CrowdevalError"]):
    """Parts of a step, or the error of reading one as a value (a worker process loses the message of a raised one)."""

    def __init__(self, crops: Crops):
        self.crops = crops

    def __getitem__(self, place: tuple[int, int]) -> Batch | CrowdevalError:
        try:
            return self.crops[place]
        except CrowdevalError as problem:
            return problem


def steps_from(crops: Crops, first: int, last: int) -> Iterator[tuple[int, list[Batch]]]:
    """Yield the steps of a training, read by ``config.workers`` processes.

    Parameters
    ----------
    crops : Crops
        The parts of all steps.
    first, last : int
        The first step, from 0, and the one after the last.

    Yields
    ------
    number : int
        Number of the step, from 0.
    parts : list of Batch
        Its ``config.accumulate`` parts.

    Raises
    ------
    CrowdevalError
        If an image can't be read; the error names it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("RGB", (200, 150)).save(f"{folder}/a.png")
    ...     source = Samples("one image", (Sample("a", Path(folder, "a.png"), np.zeros((0, 2))),))
    ...     crops = Crops(source, Config(batch_size=2, accumulate=2))
    ...     [(step, len(parts)) for step, parts in steps_from(crops, 0, 3)]
    [(0, 2), (1, 2), (2, 2)]
    """
    config = crops.config
    places = [(step, part) for step in range(first, last) for part in range(config.accumulate)]
    loader = DataLoader(
        _CropsOrErrors(crops),
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
