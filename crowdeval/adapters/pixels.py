"""The pixels of an opened image in the form that every predictor gets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crowdeval.formats.raster import INSTALL

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112
"""The EXIF tag of the orientation."""

_FRAMED = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")
"""Formats whose further frames are images of their own; those of a JPEG are previews."""

DEPTH = "has values of more than 8 bits, which are scaled by the range they use"
"""The end of the sentence about such an image."""

Span: TypeAlias = tuple[Any, Any]
"""The smallest and the largest value of a file."""


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


def eight_bits(values: NDArray[Any], span: Span | None = None) -> NDArray[np.uint8]:
    """Return values of more than 8 bits in 8 bits, by the range that they use.

    Parameters
    ----------
    values : array of int or float, (H, W) or (H, W, bands)
        Whole numbers up to 65535 lose their lowest bits, as many as the largest of them has beyond 8: a camera's 12
        bits in a file of 16 are 8 bits as bright, and not black. Parts of 1 are parts of 255. All others are stretched
        from the smallest to the largest; what is not finite is black.
    span : (low, high), optional
        The range of the whole file, of which the values are a part; by default that of the values.

    Returns
    -------
    array of uint8
        Of the shape of the values.

    Examples
    --------
    >>> eight_bits(np.array([[0, 4095]], dtype=np.uint16)).tolist(), eight_bits(np.array([[0.0, 0.5, 1.0]])).tolist()
    ([[0, 255]], [[0, 128, 255]])
    >>> eight_bits(np.array([[-10.0, 0.0, 10.0, np.nan]])).tolist()
    [[0, 128, 255, 0]]
    >>> eight_bits(np.array([[0, 255]], dtype=np.uint16), (0, 4095)).tolist()
    [[0, 15]]
    """
    span = used_range(values) if span is None else span
    if span is None:
        return np.zeros(values.shape, dtype=np.uint8)
    low, high = span
    if low >= 0 and values.dtype.kind in "iu" and high < 1 << 16:
        shift = max(0, int(high).bit_length() - 8)
        return (values >> shift).astype(np.uint8)
    numbers = np.where(np.isfinite(values), values, low).astype(np.float64)
    if low < 0 or high > 255:
        numbers = (numbers - low) * (255.0 / max(float(high) - float(low), 1e-300))
    elif high <= 1:
        numbers = numbers * 255.0
    return np.rint(numbers).clip(0, 255).astype(np.uint8)


def used_range(values: NDArray[Any], nothing: float | None = None) -> Span | None:
    """Return the smallest and the largest finite value.

    Parameters
    ----------
    values : array of int or float
        The values.
    nothing : float, optional
        The value of places without data, which is left out.

    Returns
    -------
    (low, high) or None
        None where no value is finite.

    Examples
    --------
    >>> low, high = used_range(np.array([3.0, np.nan, -1.0]))
    >>> float(low), float(high)
    (-1.0, 3.0)
    """
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if nothing is not None:
        values = values[values != nothing]
    return (values.min(), values.max()) if values.size else None


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
        said["depth"] = DEPTH
    elif is_cut(image):
        said["cut"] = f"has more than 8 bits a channel, of which the highest 8 are read; {INSTALL} reads all"
    if image.format == "JPEG" and image.getexif().get(_ORIENTATION, 1) != 1:
        said["turned"] = "is shown turned by its EXIF orientation; its pixels, and the points, are as stored"
    frames = getattr(image, "n_frames", 1) if image.format in _FRAMED else 1
    if frames > 1:
        said["frames"] = f"has {frames:,} frames, of which the first is predicted"
    return said


def _is_deep(image: Image) -> bool:
    """Return whether an image has one channel of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def is_cut(image: Image) -> bool:
    """Return whether an image has several channels of more than 8 bits, of which Pillow keeps the highest 8.

    Parameters
    ----------
    image : PIL.Image.Image
        The opened image, before it is decoded.

    Returns
    -------
    bool

    Examples
    --------
    >>> from PIL import Image
    >>> is_cut(Image.new("RGB", (2, 1)))
    False
    """
    if _is_deep(image):
        return False
    if image.format == "JPEG2000":  # Pillow scales other depths by what the header says
        return jpeg2000_bits(image) == 16
    # A PNG's raw mode is "RGB;16B", a TIFF's is in ("RGB;16L", 0, 1)
    tiles: list[Any] = list(getattr(image, "tile", ()))
    return any(";16" in str(tile[3]) for tile in tiles)


def jpeg2000_bits(image: Image) -> int:
    """Return the bits of a sample of a JPEG 2000 file.

    Parameters
    ----------
    image : PIL.Image.Image
        The opened image.

    Returns
    -------
    int
        0 for an image that has no file, or whose header does not say so.

    Examples
    --------
    >>> from PIL import Image
    >>> jpeg2000_bits(Image.new("RGB", (2, 1)))
    0
    """
    path = Path(str(getattr(image, "filename", "")))
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError:
        return 0
    # Behind the size marker FF51 are 2 + 2 + 8 x 4 + 2 bytes: lengths, sizes and the number of components.
    place = start.find(b"\xff\x4f\xff\x51") + 42 if b"\xff\x4f\xff\x51" in start else start.find(b"ihdr") + 14
    return (start[place] & 0x7F) + 1 if place >= 18 and place < len(start) else 0
