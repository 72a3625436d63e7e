"""Pictures of predictions: the image with a ring around each point and the count in a corner."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.spatial import cKDTree

from crowdeval.writing import make_folder, write_file

RING_COLOUR = (255, 40, 40)
LEAST_RADIUS, MOST_RADIUS = 2.0, 12.0
"""Limits in pixels of a ring's radius, which is a third of the distance to the nearest other point."""


def draw(pixels: NDArray[np.uint8], points: NDArray[np.float64], count: int, path: Path) -> None:
    """Write the picture of an image with its points and its count; missing folders are created.

    Parameters
    ----------
    pixels : array of uint8, (H, W, 3)
        The image, RGB.
    points : array of float64, (N, 2)
        x and y in pixels.
    count : int
        The number in the corner.
    path : Path
        The JPEG file.

    Raises
    ------
    WriteError
        If there is no space or no permission.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "pictures", "a.jpg")
    ...     draw(np.zeros((60, 80, 3), np.uint8), np.array([[40.0, 30.0]]), 1, path)
    ...     with Image.open(path) as picture:
    ...         picture.size
    (80, 60)
    """
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    for (x, y), radius in zip(points, _radii(points), strict=True):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=RING_COLOUR, width=2 if radius > 4 else 1)
    font = ImageFont.load_default(size=max(14, image.height // 25))
    text = f"{count}"
    box = pen.textbbox((8, 6), text, font=font)
    pen.rectangle((box[0] - 6, box[1] - 4, box[2] + 6, box[3] + 4), fill=(0, 0, 0))
    pen.text((8, 6), text, fill=(255, 255, 255), font=font)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=92)
    make_folder(path.parent)
    write_file(path, buffer.getvalue())


def _radii(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the radius in pixels of each point's ring."""
    if len(points) < 2:
        return np.full(len(points), MOST_RADIUS)
    # k = 2: the nearest point of a point is itself, at distance 0; column 1 is the nearest other point.
    distance = np.asarray(cKDTree(points).query(points, k=2)[0])[:, 1]
    return np.clip(distance / 3, LEAST_RADIUS, MOST_RADIUS)
