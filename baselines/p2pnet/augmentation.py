"""Random scale, crop and flip (section 4.1), pixels and points under one convention.

Pixel i is the interval [i, i + 1): resizing multiplies a coordinate by new / old size, cropping subtracts, mirroring a
crop of width w takes x to w - x. A crop keeps the points with 0 <= x < w and 0 <= y < h, so that of two neighbouring
crops only one has a head on their border.

The scaled image is never made: Pillow resizes just the part that the crop shows, with the same pixels to its rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from baselines.p2pnet.config import Config

MEAN_COLOUR = (124, 116, 104)
"""What small images are padded with: ImageNet's mean, near zero once normalized."""


@dataclass(frozen=True, slots=True)
class Window:
    """A crop of a scaled image.

    Attributes
    ----------
    width, height : int
        The scaled image's size.
    left, top : int
        The crop's corner in it.
    side : int
        The crop's side; where the image ends before, the rest is padding.
    mirrored : bool
        Left and right exchanged.
    """

    width: int
    height: int
    left: int
    top: int
    side: int
    mirrored: bool = False

    def pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return what the window shows of the whole image: (side, side, 3) uint8."""
        across, down = image.width / self.width, image.height / self.height
        shown = min(self.side, self.width - self.left), min(self.side, self.height - self.top)
        box = (self.left * across, self.top * down, (self.left + shown[0]) * across, (self.top + shown[1]) * down)
        part = image.resize(shown, Image.Resampling.BILINEAR, box=box)
        whole = np.empty((self.side, self.side, 3), dtype=np.uint8)
        whole[:] = MEAN_COLOUR
        whole[: shown[1], : shown[0]] = np.asarray(part)
        return np.ascontiguousarray(whole[:, ::-1]) if self.mirrored else whole

    def points(self, points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """Return the points (N, 2) of an image of ``size`` (width, height) that the window shows, in its pixels."""
        moved = points * (self.width / size[0], self.height / size[1]) - (self.left, self.top)
        shown = min(self.side, self.width - self.left), min(self.side, self.height - self.top)
        held = moved[((moved >= 0) & (moved < shown)).all(axis=1)]
        if self.mirrored:
            held[:, 0] = self.side - held[:, 0]
        return held


def random_window(size: tuple[int, int], config: Config, random: np.random.Generator) -> Window:
    """Draw a scale, a place and a side for a crop of an image of ``size`` (width, height)."""
    scale = random.uniform(config.scale_least, config.scale_most)
    if scale * min(size) < config.crop:  # the shorter side stays at or above the crop; smaller images as they are
        scale = min(1.0, config.crop / min(size))
    width, height = (max(1, round(side * scale)) for side in size)
    if min(size) >= config.crop:
        width, height = max(width, config.crop), max(height, config.crop)
    left = int(random.integers(max(width - config.crop, 0) + 1))
    top = int(random.integers(max(height - config.crop, 0) + 1))
    return Window(width, height, left, top, config.crop, bool(random.random() < config.flip))


def resized(
    image: Image.Image, points: NDArray[np.float64], max_side: int, zoom: float = 1.0
) -> tuple[Image.Image, NDArray[np.float64]]:
    """Return an image whose longer side is at most ``max_side`` (0: any), times ``zoom``, and its points, to scale."""
    longer = max(image.size)
    kept = max_side if 0 < max_side < longer else longer
    if zoom * kept == longer:
        return image, points
    width, height = (max(1, round(side * zoom * kept / longer)) for side in image.size)
    other = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return other, points * (width / image.width, height / image.height)
