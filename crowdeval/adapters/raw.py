"""The samples of an image file as they are stored, before they become RGB of 8 bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.adapters.pixels import is_cut, jpeg2000_bits
from crowdeval.adapters.raster import Box, samples_of_raster
from crowdeval.errors import PredictorError
from crowdeval.formats.image_headers import any_size
from crowdeval.formats.raster import INSTALL, has_rasterio, is_raster, opened_raster

if TYPE_CHECKING:
    from PIL.Image import Image

_BITS, _PHOTOMETRIC, _PLANAR, _SAMPLES, _KIND = 258, 262, 284, 277, 339
"""Tags of TIFF."""

_TYPES = {
    ("L", 8, 1): "u1", ("P", 8, 1): "u1", ("RGB", 8, 1): "u1", ("RGBA", 8, 1): "u1", ("CMYK", 8, 1): "u1",
    ("I;16", 16, 1): "u2", ("I;16B", 16, 1): "u2", ("I", 16, 2): "i2", ("I", 32, 2): "i4", ("F", 32, 3): "f4",
}  # fmt: skip
"""Type of the samples of a TIFF that Pillow reads as they are, by its mode, the bits of a sample and their kind."""


_PHOTO = ("RGB", "L")
"""Modes whose samples the pixels are."""


def samples(path: Path, window: Box | None, pixels: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the samples of a file.

    Parameters
    ----------
    path : Path
        The file.
    window : tuple of int or None
        Left, top, right and bottom of the part; None for the whole file.
    pixels : array of uint8, (H, W, 3)
        The part as RGB, which are the samples of most photos; may be empty.

    Returns
    -------
    array, (H, W) or (H, W, bands)
        A palette image has its indices, a JPEG what its decoder gives.

    Raises
    ------
    PredictorError
        If the file can't be read, or only by rasterio, which is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGBA", (64, 48)).save(Path(folder, "a.png"))
    ...     samples(Path(folder, "a.png"), (0, 0, 10, 5), np.empty((0, 0, 3), dtype=np.uint8)).shape
    (5, 10, 4)
    """
    try:
        found = _of_pillow(path, window, pixels)
        if found is not None:
            return found
        if not has_rasterio():
            raise PredictorError(f"{path}: its samples are read by rasterio only; {INSTALL}")
        return samples_of_raster(path, window)
    except PredictorError:
        raise
    except Exception as problem:  # Pillow's plugins raise errors of many types on damaged files
        raise PredictorError(f"{path}: expected an image, found: {problem}") from None


def _in_windows(path: Path) -> bool:
    """Return whether rasterio reads the samples of a part without the rest of the file."""
    if not (is_raster(path) and has_rasterio()):
        return False
    with opened_raster(path) as source:
        return "SOURCE_COLOR_SPACE" not in source.tags(ns="IMAGE_STRUCTURE")  # four inks become RGB


def _of_pillow(path: Path, window: Box | None, pixels: NDArray[np.uint8]) -> NDArray[Any] | None:
    """Return the samples of a file; None where rasterio is needed for them, or reads less for a part."""
    from PIL import Image, UnidentifiedImageError

    try:
        with any_size():
            opened = Image.open(path)
    except UnidentifiedImageError:
        if is_raster(path):
            return None
        raise
    with opened:
        kind = _type(opened)
        if kind is None:
            return None
        if pixels.size and opened.mode in _PHOTO:
            return pixels if opened.mode == "RGB" else pixels[:, :, 0]
        if window is not None and _in_windows(path):
            return None
        found = np.asarray(opened)
    left, top, right, bottom = window or (0, 0, found.shape[1], found.shape[0])
    return np.ascontiguousarray(found[top:bottom, left:right]).astype(kind or found.dtype, copy=False)


def _type(image: Image) -> str | None:
    """Return the type of the samples: a name of NumPy, empty for Pillow's own, None where Pillow changes them."""
    if is_cut(image) or (image.format == "JPEG2000" and jpeg2000_bits(image) > 8):
        return None
    if image.format != "TIFF":
        return "u1" if image.mode == "1" else "u2" if image.mode.startswith("I;16") else ""
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits, kinds = tags.get(_BITS, (1,)), tags.get(_KIND, (1,))
    plain = len({*bits}) == len({*kinds}) == 1 and tags.get(_PLANAR, 1) == 1 and tags.get(_PHOTOMETRIC) != 0
    if not plain or len(image.getbands()) != tags.get(_SAMPLES, 1):
        return None
    return _TYPES.get((image.mode, bits[0], kinds[0]))
