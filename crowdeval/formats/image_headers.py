"""Image sizes from the headers of image files, without decoding the images.

A size is that of the stored pixels: the EXIF orientation is *not* applied. The points of the benchmarks were set in
the stored pixels, because MATLAB's imread, with which most annotations were made, ignores the orientation. A program
whose reader applies it by default, as OpenCV's imread does, must switch that off. Images with another orientation
than 1 are counted and named, so that predictions on turned images can be discovered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import numpy as np

from crowdeval.formats.raster import INSTALL, has_rasterio, is_raster, opened_raster
from crowdeval.points.ragged import Floats

_LIMIT = RLock()
"""Held while Pillow's limit, which is one for the whole process, is set aside."""

_ORIENTATION = 0x0112
_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_TAIL = 4096
"""Number of bytes at the end of a JPEG file in which the end marker is searched."""


@dataclass(frozen=True, slots=True, eq=False)
class Headers:
    """The content of the image headers of a split.

    Parameters
    ----------
    sizes : array of float64, (m, 2)
        Width and height of every image in pixels; NaN where there is no image or it can't be read.
    turned : tuple of int
        Positions of the images whose EXIF orientation is not 1.
    unreadable : mapping of int to str
        Positions of the images that exist and can't be read, each with its file name and the reason.
    """

    sizes: Floats
    turned: tuple[int, ...]
    unreadable: dict[int, str]


def read_headers(paths: Sequence[Path | None]) -> Headers:
    """Read the headers of images.

    Parameters
    ----------
    paths : sequence of Path or None
        Image files; None and files that do not exist get the size NaN.

    Returns
    -------
    Headers

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (64, 48)).save(Path(folder, "a.png"))
    ...     headers = read_headers([Path(folder, "a.png"), None])
    >>> headers.sizes.tolist()
    [[64.0, 48.0], [nan, nan]]
    """
    sizes = np.full((len(paths), 2), np.nan)
    turned = []
    unreadable = {}
    for i, path in enumerate(paths):
        if path is None:
            continue
        try:
            width, height, orientation = _read_header(path)
        except FileNotFoundError:
            continue
        except Exception as problem:  # Pillow's plugins raise errors of many types on damaged files
            unreadable[i] = f"{path.name}: {_reason(problem)}"
            continue
        sizes[i] = width, height
        if orientation not in (0, 1):
            turned.append(i)
    return Headers(sizes, tuple(turned), unreadable)


def is_truncated_jpeg(path: Path) -> bool:
    """Return whether a JPEG file ends too early, as after an interrupted download.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    bool
        False for files of other formats and for files that can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.jpg")
    ...     Image.new("L", (64, 48)).save(path)
    ...     whole = is_truncated_jpeg(path)
    ...     _ = path.write_bytes(path.read_bytes()[:-40])
    ...     whole, is_truncated_jpeg(path)
    (False, True)
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(2)
            stream.seek(max(0, path.stat().st_size - _TAIL))
            return start == _JPEG_START and _JPEG_END not in stream.read()
    except OSError:
        return False


@contextmanager
def any_size() -> Iterator[None]:
    """Let Pillow open images of any size.

    It refuses the 500-megapixel images of NWPU-Crowd as decompression bombs, which are a danger only where pixels are
    decoded without a limit of one's own.

    Examples
    --------
    >>> from PIL import Image
    >>> with any_size():
    ...     print(Image.MAX_IMAGE_PIXELS)
    None
    """
    from PIL import Image

    with _LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def image_size(path: Path) -> tuple[int, int]:
    """Return the width and height of an image, as its header has them.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    (int, int)
        In pixels as stored.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If there is no such file, or it is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (64, 48)).save(Path(folder, "a.png"))
    ...     image_size(Path(folder, "a.png"))
    (64, 48)
    """
    return _read_header(path)[:2]


def _read_header(path: Path) -> tuple[int, int, int]:
    """Return width, height and EXIF orientation of an image; the orientation is 0 where the file has none."""
    from PIL import UnidentifiedImageError

    try:
        return _pillow_header(path)
    except UnidentifiedImageError:
        if not is_raster(path):
            raise
        if not has_rasterio():
            raise ValueError(f"Pillow can't read it; {INSTALL} may") from None
        with opened_raster(path) as source:
            return source.width, source.height, 0


def _pillow_header(path: Path) -> tuple[int, int, int]:
    """Return width, height and EXIF orientation of an image that Pillow opens."""
    from PIL import Image, JpegImagePlugin, PngImagePlugin

    with path.open("rb") as stream:
        start = stream.read(8)
        stream.seek(0)
        if start.startswith(_JPEG_START):
            image: Image.Image = JpegImagePlugin.JpegImageFile(stream)
        elif start.startswith(b"\x89PNG"):
            image = PngImagePlugin.PngImageFile(stream)
        else:
            with any_size():
                image = Image.open(stream)
        width, height = image.size
        orientation = image.getexif().get(_ORIENTATION, 0) if "exif" in image.info else 0
    if width < 1 or height < 1:
        raise ValueError(f"a size of {width} x {height}")
    return width, height, int(orientation)


def _reason(problem: Exception) -> str:
    """Return why an image can't be read, as the end of a message."""
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return "not an image" if "cannot identify" in str(problem) else str(problem) or type(problem).__name__
