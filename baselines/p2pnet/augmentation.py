"""Random scale, crop and flip (section 4.1), with one convention for pixels and points.

Pixel i is the interval [i, i + 1):

- resizing multiplies a coordinate by new size / old size;
- cropping subtracts the crop's corner;
- mirroring a crop of width w maps x to w - x.

A crop keeps the points with 0 <= x < w and 0 <= y < h. A true point on the border of two neighbouring crops is
therefore in one of them only.

The scaled image is never built as a whole: Pillow resizes only the part that the crop shows, with the same pixels up to
Pillow's rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from baselines.p2pnet.config import Config

MEAN_COLOUR = (124, 116, 104)
"""Colour of the padding of small images: ImageNet's mean, which is near zero after normalization."""


@dataclass(frozen=True, slots=True)
class Window:
    """A crop of a scaled image.

    Attributes
    ----------
    width, height : int
        Size in pixels of the scaled image.
    left, top : int
        The crop's top-left corner in the scaled image.
    side : int
        The crop's side in pixels; the part beyond the scaled image is padding.
    mirrored : bool
        Whether left and right are exchanged.
    """

    width: int
    height: int
    left: int
    top: int
    side: int
    mirrored: bool = False

    def pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the pixels of the crop.

        Parameters
        ----------
        image : PIL.Image.Image
            The whole RGB image, at its own size.

        Returns
        -------
        array of uint8, (side, side, 3)
            The crop, padded with ``MEAN_COLOUR`` on the right and at the bottom.

        Examples
        --------
        >>> image = Image.new("RGB", (8, 4), (255, 0, 0))
        >>> Window(width=8, height=4, left=0, top=0, side=6).pixels(image)[:, 0, 0].tolist()
        [255, 255, 255, 255, 124, 124]
        """
        x_factor, y_factor = image.width / self.width, image.height / self.height
        across, down = self._visible_size()
        # The crop's rectangle in the unscaled image: Pillow resizes only this part.
        box = (
            self.left * x_factor,
            self.top * y_factor,
            (self.left + across) * x_factor,
            (self.top + down) * y_factor,
        )
        part = image.resize((across, down), Image.Resampling.BILINEAR, box=box)
        crop = np.empty((self.side, self.side, 3), dtype=np.uint8)
        crop[:] = MEAN_COLOUR
        crop[:down, :across] = np.asarray(part)
        return np.ascontiguousarray(crop[:, ::-1]) if self.mirrored else crop

    def points(self, points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """Return the points inside the crop, in the crop's pixels.

        Parameters
        ----------
        points : array of float64, (N, 2)
            x and y in pixels of the unscaled image.
        size : (int, int)
            Width and height in pixels of the unscaled image.

        Returns
        -------
        array of float64, (M, 2)
            The points with 0 <= x < side and 0 <= y < side that lie within the scaled image.

        Examples
        --------
        >>> window = Window(width=20, height=20, left=4, top=0, side=10, mirrored=True)
        >>> window.points(np.array([[3.0, 1.0], [9.0, 1.0]]), (10, 10)).tolist()
        [[8.0, 2.0]]
        """
        moved = points * (self.width / size[0], self.height / size[1]) - (self.left, self.top)
        inside = moved[((moved >= 0) & (moved < self._visible_size())).all(axis=1)]
        if self.mirrored:
            inside[:, 0] = self.side - inside[:, 0]
        return inside

    def _visible_size(self) -> tuple[int, int]:
        """Return width and height of the part of the crop that lies in the scaled image."""
        return min(self.side, self.width - self.left), min(self.side, self.height - self.top)


def random_window(size: tuple[int, int], config: Config, random: np.random.Generator) -> Window:
    """Draw a scale, a corner and a flip for one crop.

    Parameters
    ----------
    size : (int, int)
        Width and height in pixels of the image.
    config : Config
        Gives ``crop``, ``scale_least``, ``scale_most`` and ``flip``.
    random : numpy.random.Generator
        The source of random numbers.

    Returns
    -------
    Window
        The crop. The shorter side of the scaled image is at least the crop's side, except for images that are smaller
        than the crop.

    Examples
    --------
    >>> config = Config(crop=128, scale_least=1.0, scale_most=1.0, flip=0.0)
    >>> window = random_window((128, 128), config, np.random.default_rng(0))
    >>> (window.left, window.top, window.side, window.mirrored)
    (0, 0, 128, False)
    """
    scale = random.uniform(config.scale_least, config.scale_most)
    if scale * min(size) < config.crop:
        # Raise the scale until the shorter side is as long as the crop, but never enlarge a smaller image for it.
        scale = min(1.0, config.crop / min(size))
    width, height = (max(1, round(side * scale)) for side in size)
    if min(size) >= config.crop:  # the rounding may have made a side one pixel too short
        width, height = max(width, config.crop), max(height, config.crop)
    left = int(random.integers(max(width - config.crop, 0) + 1))
    top = int(random.integers(max(height - config.crop, 0) + 1))
    return Window(width, height, left, top, config.crop, bool(random.random() < config.flip))


def resize(
    image: Image.Image, points: NDArray[np.float64], max_side: int, zoom: float = 1.0
) -> tuple[Image.Image, NDArray[np.float64]]:
    """Shrink an image to a longest side, then enlarge it by a factor; scale its points in the same way.

    Parameters
    ----------
    image : PIL.Image.Image
        The image.
    points : array of float64, (N, 2)
        x and y in pixels of the image.
    max_side : int
        The longer side in pixels is at most this; 0 sets no limit.
    zoom : float
        The factor after that.

    Returns
    -------
    image : PIL.Image.Image
        The resized image, or the given one where its size does not change.
    points : array of float64, (N, 2)
        x and y in pixels of the returned image.

    Examples
    --------
    >>> image, points = resize(Image.new("RGB", (200, 100)), np.array([[50.0, 20.0]]), max_side=100)
    >>> image.size, points.tolist()
    ((100, 50), [[25.0, 10.0]])
    """
    longer = max(image.size)
    limited = max_side if 0 < max_side < longer else longer
    if zoom * limited == longer:
        return image, points
    width, height = (max(1, round(side * zoom * limited / longer)) for side in image.size)
    other = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return other, points * (width / image.width, height / image.height)
