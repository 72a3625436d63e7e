"""The pixels of an opened image, as every predictor gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image


def rgb(image: Image) -> NDArray[np.uint8]:
    """Return an image's pixels as RGB, (H, W, 3) uint8; grey becomes RGB, 16-bit grey is scaled to 8 bits.

    The EXIF orientation is not applied: annotations of every benchmark count pixels as they are stored.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If the file is damaged; Pillow's own.
    """
    if image.mode.startswith("I;16"):  # Pillow would cut 16 bits off at 255
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.asarray(image.convert("RGB"))
