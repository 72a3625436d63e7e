"""The images of a split, decoded within a limit of pixels; what is odd of them is said once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crowdeval.adapters import Image
from crowdeval.adapters.frames import Frames
from crowdeval.adapters.pixels import DEPTH, is_cut, oddities, rgb
from crowdeval.adapters.raster import LargeImage, Raster
from crowdeval.datasets import Split
from crowdeval.errors import CrowdevalError, CrowdevalWarning, FormatError, MissingFileError, PredictorError, Problem
from crowdeval.formats.clips import Clip, ClipReader
from crowdeval.formats.image_headers import any_size
from crowdeval.formats.raster import INSTALL, has_rasterio, is_raster

if TYPE_CHECKING:
    from PIL.Image import Image as Opened

_TYPICAL = 24_000_000
"""Expected bytes of an image whose size is unknown, and of what a large one needs at a time."""

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "I", "F", "I;16", "I;16B")
"""Modes of Pillow whose colours rasterio gives alike."""


class Pixels:
    """The images of a split, as a predictor gets them; the methods may be called from several threads.

    Parameters
    ----------
    split : Split
        The split.
    most : int
        Number of pixels of the largest image, or tile of an image, that is decoded.
    wanted : bool
        False for a predictor that reads the files itself, or needs none: pixels are then an empty array.
    frames : Frames
        The frames through which the predictor sees the images; tiles allow images above ``most``.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image as Pillow
    >>> from crowdeval.datasets import open_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Pillow.new("L", (64, 48)).save(Path(folder, "a.png"))
    ...     Pixels(open_images(folder), 10_000, wanted=True).image(0).pixels.shape
    (48, 64, 3)
    """

    def __init__(self, split: Split, most: int, *, wanted: bool, frames: Frames | None = None) -> None:
        self.split, self.most, self.wanted, self.frames = split, most, wanted, frames or Frames()
        self.said: set[str] = set()
        self.lock = Lock()
        self.readers = local()

    def image(self, number: int) -> Image | LargeImage:
        """Return an image.

        Parameters
        ----------
        number : int
            Its position in the split.

        Returns
        -------
        Image or LargeImage
            A large one where it has more than ``most`` pixels, and is read tile by tile.

        Raises
        ------
        MissingFileError
            If there is no such file.
        FormatError
            If it is damaged, or larger than it may be.
        """
        image_id = self.split.annotations.image_ids[number]
        # Absolute, because a predictor may change the folder of the process meanwhile.
        path = self.split.image_paths[number].absolute() if self.split.image_paths else None
        if self.split.clip is not None:
            return self._frame(image_id, self.split.clip, number)
        if not self.wanted:
            return Image(id=image_id, pixels=np.empty((0, 0, 3), dtype=np.uint8), path=path)
        assert path is not None, "_check_plan() refuses a split without images"
        try:
            found = self._decoded(path)
        except FileNotFoundError:
            raise MissingFileError(f"image {image_id!r}: there is no file {path}") from None
        except FormatError:
            raise
        except CrowdevalError as problem:
            raise PredictorError(f"image {image_id!r}, {path}: {problem}") from None
        except Exception as problem:
            raise FormatError(str(path), [Problem(expected="an image", found=str(problem), image=image_id)]) from None
        if isinstance(found, Raster):
            return LargeImage(id=image_id, raster=found)
        return Image(id=image_id, pixels=found, path=path)

    def size(self, number: int) -> int:
        """Return the expected bytes of an image.

        Parameters
        ----------
        number : int
            Its position in the split.

        Returns
        -------
        int
        """
        sizes = self.split.annotations.sizes
        pixels = np.nan if sizes is None else float(sizes[number].prod())
        return _TYPICAL if np.isnan(pixels) or pixels > self.most else int(3 * pixels)

    def _frame(self, image_id: str, clip: Clip, number: int) -> Image:
        """Return a frame of a video. Each thread has a reader, so that each reads on where it was."""
        size = clip.width, clip.height
        if not self.wanted:
            return Image(id=image_id, pixels=np.empty((0, 0, 3), dtype=np.uint8), size=size)
        if clip.width * clip.height > self.most:
            raise self._too_large(clip.path, *size, "")
        if not hasattr(self.readers, "reader"):
            self.readers.reader = ClipReader(clip)
        return Image(id=image_id, pixels=self.readers.reader.frame(clip.numbers[number]), size=size)

    def _decoded(self, path: Path) -> NDArray[np.uint8] | Raster:
        """Return the pixels of a file, or the file where it is too large; raise FormatError where that is not read."""
        from PIL import Image as Pillow
        from PIL import UnidentifiedImageError

        try:
            with any_size():
                opened = Pillow.open(path)
        except UnidentifiedImageError:
            if not is_raster(path):
                raise
            return self._of_raster(path)
        with opened:
            if opened.width * opened.height > self.most:
                return self._in_parts(path, opened)
            if is_cut(opened) and has_rasterio():
                with suppress(Exception):  # Pillow reads at least the high bytes
                    return self._of_raster(path, oddities(opened))
            return self._of_pillow(path, opened)

    def _of_pillow(self, path: Path, opened: Opened) -> NDArray[np.uint8] | Raster:
        """Return the pixels of a file that Pillow has opened."""
        said = oddities(opened)
        try:
            pixels = rgb(opened)
        except (OSError, ValueError):
            if not (is_raster(path) and has_rasterio()):
                raise
            with suppress(Exception):  # the message of Pillow is the better one
                return self._of_raster(path, said)
            raise
        self._say(path, said)
        return pixels

    def _of_raster(self, path: Path, also: Mapping[str, str] | None = None) -> NDArray[np.uint8] | Raster:
        """Return the pixels of a file that rasterio reads, or the file where it is too large."""
        if not has_rasterio():
            found = "bands or samples that Pillow does not read"
            problem = Problem(expected="an image", found=found, hint=f"{INSTALL} reads it")
            raise FormatError(str(path), [problem])
        raster = Raster(path)
        also = {kind: text for kind, text in (also or {}).items() if kind != "cut"}
        if raster.width * raster.height > self.most:
            return self._checked_parts(raster, {**also, **raster.oddities()})
        self._say(path, {**also, **raster.oddities()})
        try:
            return raster.pixels()
        finally:
            raster.close()

    def _in_parts(self, path: Path, opened: Opened) -> Raster:
        """Return a file that is too large for Pillow; raise FormatError where its tiles can't be read one by one."""
        also = {"depth" if kind == "cut" else kind: text for kind, text in oddities(opened).items()}
        also |= {"depth": DEPTH} if "depth" in also else {}
        if self.frames.tile is None or self.frames.max_side is not None or not has_rasterio():
            raise self._too_large(path, opened.width, opened.height, self._way())
        if opened.mode not in _MODES:
            raise self._too_large(path, opened.width, opened.height, f"{opened.mode} is not read in parts")
        try:
            raster = Raster(path)
        except Exception:
            raise self._too_large(path, opened.width, opened.height, "rasterio does not read it in parts") from None
        return self._checked_parts(raster, also)

    def _checked_parts(self, raster: Raster, also: Mapping[str, str]) -> Raster:
        """Return a file whose tiles and blocks are within the limit, with its range known; else raise FormatError."""
        tile, (wide, high) = self.frames.tile, raster.block
        size = raster.width, raster.height
        if tile is None or self.frames.max_side is not None:
            raise self._too_large(raster.path, *size, self._way())
        if min(tile, size[0]) * min(tile, size[1]) > self.most:
            raise self._too_large(raster.path, *size, "a smaller --tile reads it in parts")
        if wide * high > self.most:
            hint = f"it is stored in blocks of {wide:,} x {high:,}, which can't be read in parts"
            raise self._too_large(raster.path, *size, hint)
        self._say(raster.path, also)
        raster.measure()
        return raster

    def _way(self) -> str:
        """Return how an image can be read in parts."""
        option = f"--tile {self.frames.tile or 1024}" + (" without --max-side" if self.frames.max_side else "")
        return f"{option} reads it in parts" + ("" if has_rasterio() else f" after {INSTALL}")

    def _too_large(self, path: Path, width: int, height: int, way: str) -> FormatError:
        """Return the error of an image above the limit."""
        hint = f"--max-pixels {width * height} allows it" + (f"; {way}" if way else "")
        found = f"{width:,} x {height:,}"
        return FormatError(str(path), [Problem(expected=f"at most {self.most:,} pixels", found=found, hint=hint)])

    def _say(self, path: Path, odd: Mapping[str, str]) -> None:
        """Warn of what is odd of an image, unless another one was the same."""
        for kind, text in odd.items():
            with self.lock:
                new = kind not in self.said
                self.said.add(kind)
            if new:
                message = f"{path.name} {text}; so it is for all such images"
                warnings.warn(message, CrowdevalWarning, stacklevel=2)
