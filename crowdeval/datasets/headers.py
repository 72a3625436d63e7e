"""Image sizes from headers, nothing decoded.

The size is that of the stored pixel grid: an EXIF orientation is *not* applied. The benchmarks' points were set in
that grid (MATLAB's imread, on which most annotations rest, ignores the tag); a reader that applies it by default,
as OpenCV's imread does, must be told not to. Images whose tag asks for turning are counted, so that a method that
turned them can be found out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crowdeval.points.ragged import Floats

_ORIENTATION = 0x0112
_JPEG_END = b"\xff\xd9"
_TAIL = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Headers:
    """What the headers of a split's images say.

    Parameters
    ----------
    sizes : array of float, (m, 2)
        Width and height in pixels; NaN where there is no image or it can't be read.
    turned : tuple of int
        Images whose orientation tag is not 1.
    unreadable : mapping of int to str
        Images that are there and can't be read, and why.
    """

    sizes: Floats
    turned: tuple[int, ...]
    unreadable: dict[int, str]


def headers(paths: Sequence[Path | None]) -> Headers:
    """Read the headers of images; one that is not there has size NaN."""
    sizes = np.full((len(paths), 2), np.nan)
    turned = []
    unreadable = {}
    for i, path in enumerate(paths):
        if path is None:
            continue
        try:
            width, height, orientation = _header(path)
        except FileNotFoundError:
            continue
        except Exception as problem:  # Pillow's plugins fail in many ways on damaged files
            unreadable[i] = f"{path.name}: {_reason(problem)}"
            continue
        sizes[i] = width, height
        if orientation not in (0, 1):
            turned.append(i)
    return Headers(sizes, tuple(turned), unreadable)


def truncated(path: Path) -> bool:
    """Return whether a JPEG file lacks its end, as an interrupted download does."""
    try:
        with path.open("rb") as stream:
            start = stream.read(2)
            stream.seek(max(0, path.stat().st_size - _TAIL))
            return start == b"\xff\xd8" and _JPEG_END not in stream.read()
    except OSError:
        return False


def _header(path: Path) -> tuple[int, int, int]:
    """Return width, height and orientation tag, 0 where there is none."""
    from PIL import Image, JpegImagePlugin, PngImagePlugin

    with path.open("rb") as stream:
        start = stream.read(8)
        stream.seek(0)
        # The plugins are used directly: Image.open refuses the 500-megapixel images of NWPU-Crowd as bombs, a
        # danger in decoding only.
        if start.startswith(b"\xff\xd8"):
            image: Image.Image = JpegImagePlugin.JpegImageFile(stream)
        elif start.startswith(b"\x89PNG"):
            image = PngImagePlugin.PngImageFile(stream)
        else:
            image = Image.open(stream)
        width, height = image.size
        orientation = image.getexif().get(_ORIENTATION, 0) if "exif" in image.info else 0
    if width < 1 or height < 1:
        raise ValueError(f"a size of {width} x {height}")
    return width, height, int(orientation)


def _reason(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return "not an image" if "cannot identify" in str(problem) else str(problem) or type(problem).__name__
