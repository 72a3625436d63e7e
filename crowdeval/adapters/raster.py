"""RGB of image files through rasterio: of many bands, of more than 8 bits, and part by part of a large image.

Of three or more bands the first three are red, green and blue; of one or two the first is grey. Values of more than 8
bits are scaled by the range that these bands use in the whole file, so that the parts of an image agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.adapters.pixels import DEPTH, Span, eight_bits, used_range
from crowdeval.errors import FormatError, InputError, Problem
from crowdeval.formats.raster import gdal_settings, open_raster, opened_raster

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

_CHUNK = 1 << 21
"""Pixels that are read at once for the range of a file, where its blocks are not larger."""


class Raster:
    """An image file that rasterio reads, whole or in parts; used by one thread at a time.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    width, height, bands : int
        Size in pixels, number of bands.
    block : tuple of int
        Width and height of the blocks in which the file is stored.
    deep : bool
        Whether values have more than 8 bits.

    Raises
    ------
    ModuleNotFoundError
        If rasterio is not installed.
    rasterio.errors.RasterioIOError
        If the file is damaged or of another format.
    InputError
        If its values are no numbers that have an order.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (64, 48), (1, 2, 3)).save(Path(folder, "a.tif"))
    ...     Raster(Path(folder, "a.tif")).pixels((10, 10, 12, 11)).tolist()
    [[[1, 2, 3], [1, 2, 3]]]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with opened_raster(path) as source:
            self.width, self.height, self.bands = int(source.width), int(source.height), int(source.count)
            rows, columns = source.block_shapes[0]
            self.block = int(columns), int(rows)
            self._reading = _Reading.of(source)
        self.deep = self._reading.deep
        self._span: Span | None = None
        self._measured = not self.deep
        self._source: Any = None

    def oddities(self) -> dict[str, str]:
        """Return the warnings about the image, as ``pixels.oddities`` does.

        Returns
        -------
        dict of str to str
            The sentences' ends by a word for the oddity.
        """
        said = {"depth": DEPTH} if self.deep else {}
        more = self.bands - self._reading.alphas
        if more == 2:
            said["bands"] = "has 2 bands, of which the first is taken as grey"
        if more > 3 and not self._reading.cmyk:
            said["bands"] = f"has {more} bands, of which the first three are taken as red, green and blue"
        return said

    def measure(self) -> None:
        """Read the blocks once for the range of values, where it is needed and not known."""
        if self._measured:
            return
        with opened_raster(self.path) as source:
            parts = (_read(source, self._reading.indexes, box) for box in self._chunks())
            spans = [used_range(part, self._reading.nothing) for part in parts]
        known = [span for span in spans if span is not None]
        self._span = (min(low for low, _ in known), max(high for _, high in known)) if known else None
        self._measured = True

    def pixels(self, box: Box | None = None) -> NDArray[np.uint8]:
        """Return the pixels of the image, or of a part of it. The file stays open until ``close``.

        Parameters
        ----------
        box : tuple of int, optional
            Left, top, right and bottom; by default the whole image.

        Returns
        -------
        array of uint8, (H, W, 3)

        Raises
        ------
        FormatError
            If a block is damaged, or the file is gone.
        """
        if box is not None:
            self.measure()
        if self._source is None:
            try:
                self._source = open_raster(self.path)
            except OSError as problem:
                raise FormatError(str(self.path), [Problem(expected="an image", found=str(problem))]) from None
        values = _read(self._source, self._reading.indexes, box)
        if box is None and self.deep and not self._measured:
            self._span, self._measured = used_range(values, self._reading.nothing), True
        return self._reading.rgb(values, self._span)

    def close(self) -> None:
        """Close the file; a further part opens it again."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _chunks(self) -> Iterator[Box]:
        """Yield parts that cover the image, of whole blocks."""
        # blocks 256 x 256 of 20,000 x 20,000 -> parts of 4,096 x 512; strips 20,000 x 1 -> parts of 20,000 x 104
        wide = min(self.width, max(self.block[0], 4096 // self.block[0] * self.block[0]))
        high = max(1, _CHUNK // wide // self.block[1]) * self.block[1]
        for top in range(0, self.height, high):
            for left in range(0, self.width, wide):
                yield left, top, min(left + wide, self.width), min(top + high, self.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeImage:
    """An image that is read tile by tile; ``crowdeval.adapters.frames`` makes an ``Image`` of each.

    Attributes
    ----------
    id : str
        The image's id in the dataset.
    raster : Raster
        The file.
    """

    id: str
    raster: Raster


def samples_of_raster(path: Path, box: Box | None) -> NDArray[Any]:
    """Return the samples of a file as they are stored.

    Parameters
    ----------
    path : Path
        The file.
    box : tuple of int or None
        Left, top, right and bottom; None for the whole file.

    Returns
    -------
    array, (H, W) or (H, W, bands)

    Raises
    ------
    ModuleNotFoundError, rasterio.errors.RasterioIOError
        If rasterio is not installed, or can't read the file.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGBA", (64, 48)).save(Path(folder, "a.tif"))
    ...     samples_of_raster(Path(folder, "a.tif"), None).shape
    (48, 64, 4)
    """
    with opened_raster(path) as source:
        values = _read(source, list(source.indexes), box)
    return values[:, :, 0] if values.shape[2] == 1 else values


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """How the samples of a file become RGB.

    ``colours`` is the palette (256, 3) of one band, ``largest`` the value that is white where samples are below 8 bits,
    ``inverted`` says that 0 is white, ``nothing`` is the value of places without data.
    """

    indexes: list[int]
    deep: bool
    cmyk: bool
    alphas: int
    colours: NDArray[np.uint8] | None
    largest: int
    inverted: bool
    nothing: float | None = None

    @classmethod
    def of(cls, source: Any) -> _Reading:
        kinds = [interpretation.name for interpretation in source.colorinterp]
        cmyk = kinds[:4] == ["cyan", "magenta", "yellow", "black"]
        number = 4 if cmyk else 3 if source.count > 2 else 1
        types = {np.dtype(name) for name in source.dtypes[:number]}
        if any(each.kind not in "uif" for each in types):
            raise InputError(f"expected samples that are whole numbers or floating point, found {source.dtypes[0]}")
        colours = None
        if kinds[0] == "palette":
            colours = np.zeros((256, 3), dtype=np.uint8)
            for value, colour in source.colormap(1).items():
                colours[value & 255] = colour[:3]
        bits = int(source.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8))
        deep = types != {np.dtype(np.uint8)} and colours is None
        inverted = source.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES" and not deep and colours is None
        return cls(
            list(range(1, number + 1)), deep, cmyk, kinds.count("alpha"), colours, (1 << min(bits, 8)) - 1, inverted,
            source.nodata,
        )  # fmt: skip

    def rgb(self, values: NDArray[Any], span: Span | None) -> NDArray[np.uint8]:
        """Return samples (H, W, bands) as RGB; ``span`` is the range of the whole file."""
        if self.colours is not None:
            colours: NDArray[np.uint8] = self.colours[values[:, :, 0] & 255]
            return colours
        if self.cmyk and not self.deep:
            from PIL import Image

            size = values.shape[1], values.shape[0]
            return np.asarray(Image.frombytes("CMYK", size, values.tobytes()).convert("RGB"))
        if self.deep and self.nothing is not None and span is not None:
            values = np.where(values == self.nothing, span[0], values)
        small: NDArray[np.uint8] = eight_bits(values, span) if self.deep else values
        if self.largest < 255 and not self.deep:
            small = (small.astype(np.uint16) * 255 // self.largest).astype(np.uint8)
        if self.inverted:
            small = 255 - small
        return np.repeat(small, 3, axis=2) if small.shape[2] == 1 else np.ascontiguousarray(small[:, :, :3])


def _read(source: Any, indexes: list[int], box: Box | None) -> NDArray[Any]:
    """Return bands of a file, or of a part of it, as an array (H, W, bands)."""
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    window = None if box is None else Window(box[0], box[1], box[2] - box[0], box[3] - box[1])
    try:
        with gdal_settings():
            return np.ascontiguousarray(np.moveaxis(source.read(indexes, window=window), 0, 2))
    except RasterioError as problem:
        found = f"damaged blocks ({problem.__cause__ or problem})"
        raise FormatError(str(source.name), [Problem(expected="an image", found=found)]) from None
