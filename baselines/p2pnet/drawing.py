"""Pictures of what was found: the image with a ring around each point and the count in a corner."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.spatial import cKDTree

from crowdeval.writing import make_folder, write_file

RING = (255, 40, 40)
LEAST, MOST = 2.0, 12.0
"""Radii in pixels of the rings; between them, a third of the distance to the nearest other point."""


def draw(pixels: NDArray[np.uint8], points: NDArray[np.float64], count: int, path: Path) -> None:
    """Write the picture, a JPEG, of an image (H, W, 3) with points (N, 2) and a count on it; folders are made."""
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    for (x, y), radius in zip(points, _radii(points), strict=True):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=RING, width=2 if radius > 4 else 1)
    font = ImageFont.load_default(size=max(14, image.height // 25))
    text = f"{count}"
    box = pen.textbbox((8, 6), text, font=font)
    pen.rectangle((box[0] - 6, box[1] - 4, box[2] + 6, box[3] + 4), fill=(0, 0, 0))
    pen.text((8, 6), text, fill=(255, 255, 255), font=font)
    held = io.BytesIO()
    image.save(held, format="JPEG", quality=92)
    make_folder(path.parent)
    write_file(path, held.getvalue())


def _radii(points: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(points) < 2:
        return np.full(len(points), MOST)
    distance = np.asarray(cKDTree(points).query(points, k=2)[0])[:, 1]
    return np.clip(distance / 3, LEAST, MOST)
