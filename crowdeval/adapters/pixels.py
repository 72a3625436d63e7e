"""The pixels of an opened image in the form that every predictor gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image


def rgb(image: Image) -> NDArray[np.uint8]:
    """Return the pixels of an image as RGB.

    Grey values are repeated in the three channels. 16-bit grey is scaled to 8 bits. The EXIF orientation is not
    applied, because the annotations of every benchmark refer to the pixels as they are stored.

    Parameters
    ----------
    image : PIL.Image.Image
        The opened image.

    Returns
    -------
    array of uint8, (H, W, 3)

    Raises
    ------
    OSError, SyntaxError, ValueError
        If the file is damaged; Pillow raises them.

    Examples
    --------
    >>> from PIL import Image
    >>> rgb(Image.new("L", (2, 1), 7)).tolist()
    [[[7, 7, 7], [7, 7, 7]]]
    """
    if image.mode.startswith("I;16"):  # Pillow's own conversion would clip the values at 255
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.asarray(image.convert("RGB"))
