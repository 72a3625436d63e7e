"""The pixels of an opened image in the form that every predictor gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

_FRAMED = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")
"""Formats whose further frames are images of their own; those of a JPEG are previews."""


def rgb(image: Image) -> NDArray[np.uint8]:
    """Return the pixels of an image as RGB.

    Grey values are repeated in the three channels. Values of more than 8 bits are scaled by the range they use (see
    ``eight_bits``). Of a stack or an animation it is the first frame. The EXIF orientation is not applied, because the
    annotations of every benchmark refer to the pixels as they are stored.

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
    if _is_deep(image):  # Pillow's own conversion would clip the values at 255
        return np.repeat(eight_bits(np.asarray(image))[:, :, None], 3, axis=2)
    return np.asarray(image.convert("RGB"))


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey values of more than 8 bits in 8 bits, by the range that they use.

    Parameters
    ----------
    values : array of int or float, (H, W)
        Whole numbers up to 65535 lose their lowest bits, as many as the largest of them has beyond 8: a camera's 12
        bits in a file of 16 are 8 bits as bright, and not black. Parts of 1 are parts of 255. All others are stretched
        from the smallest to the largest; what is not finite is black.

    Returns
    -------
    array of uint8, (H, W)

    Examples
    --------
    >>> eight_bits(np.array([[0, 4095]], dtype=np.uint16)).tolist(), eight_bits(np.array([[0.0, 0.5, 1.0]])).tolist()
    ([[0, 255]], [[0, 128, 255]])
    >>> eight_bits(np.array([[-10.0, 0.0, 10.0, np.nan]])).tolist()
    [[0, 128, 255, 0]]
    """
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, dtype=np.uint8)
    low, high = values[finite].min(), values[finite].max()
    if low >= 0 and values.dtype.kind in "iu" and high < 1 << 16:
        shift = max(0, int(high).bit_length() - 8)
        return (values.astype(np.int64) >> shift).astype(np.uint8)
    numbers = np.where(finite, values, low).astype(np.float64)
    if low < 0 or high > 255:
        numbers = (numbers - low) * (255.0 / max(float(high) - float(low), 1e-300))
    elif high <= 1:
        numbers = numbers * 255.0
    return np.rint(numbers).clip(0, 255).astype(np.uint8)


def oddities(image: Image) -> dict[str, str]:
    """Return the warnings about an image: its values are scaled to 8 bits, or it has several frames.

    Parameters
    ----------
    image : PIL.Image.Image
        The opened image.

    Returns
    -------
    dict of str to str
        The sentences' ends by a word for the oddity.

    Examples
    --------
    >>> from PIL import Image
    >>> oddities(Image.new("F", (2, 1)))
    {'depth': 'has values of more than 8 bits, which are scaled by the range they use'}
    """
    said = {}
    if _is_deep(image):
        said["depth"] = "has values of more than 8 bits, which are scaled by the range they use"
    frames = getattr(image, "n_frames", 1) if image.format in _FRAMED else 1
    if frames > 1:
        said["frames"] = f"has {frames:,} frames, of which the first is predicted"
    return said


def _is_deep(image: Image) -> bool:
    """Return whether an image has one channel of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")
