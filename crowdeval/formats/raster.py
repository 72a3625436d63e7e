"""Image files opened with rasterio, which is optional: many bands, more than 8 bits, parts of an image."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

INSTALL = "pip install rasterio"

_RASTERS = {
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\0\0\0\x0cjP  ": "JP2OpenJPEG",
    b"\xff\x4f\xff\x51": "JP2OpenJPEG",
}
"""First bytes of TIFF, BigTIFF and JPEG 2000 to the driver of GDAL."""

_DRIVERS = {**_RASTERS, b"\x89PNG": "PNG", b"\xff\xd8": "JPEG", b"BM": "BMP"}
"""The formats that are read. GDAL's others may name further files, or places in a network."""

_CACHE = 256 << 20
"""Bytes of decoded blocks that GDAL may keep; its own limit is a share of the memory of the machine."""


def has_rasterio() -> bool:
    """Return whether rasterio is installed.

    Returns
    -------
    bool

    Examples
    --------
    >>> has_rasterio() in (True, False)
    True
    """
    return find_spec("rasterio") is not None


def is_raster(path: Path) -> bool:
    """Return whether a file is TIFF or JPEG 2000, of which rasterio reads more than Pillow.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    bool

    Raises
    ------
    OSError
        If the file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.tif")
    ...     _ = path.write_bytes(b"II*\\0" + bytes(8))
    ...     is_raster(path)
    True
    """
    return _start(path).startswith(tuple(_RASTERS))


def gdal_settings() -> Any:
    """Return the settings of GDAL for a ``with`` statement, in which files are opened and read.

    Returns
    -------
    rasterio.Env
        The cache is limited, and files beside the image are neither read nor written.

    Raises
    ------
    ModuleNotFoundError
        If rasterio is not installed.
    """
    import rasterio

    return rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO", GDAL_CACHEMAX=_CACHE)


def open_raster(path: Path) -> Any:
    """Open a file with rasterio.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    rasterio.DatasetReader
        To be closed, and used by one thread at a time.

    Raises
    ------
    ModuleNotFoundError
        If rasterio is not installed.
    rasterio.errors.RasterioIOError
        If the file is damaged.
    ValueError
        If it is of a format that is not read in this way.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    # Set anew each time, because a caller may have put back the filters of Python meanwhile.
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    start = _start(path)
    driver = next((driver for first, driver in _DRIVERS.items() if start.startswith(first)), None)
    if driver is None:
        raise ValueError("a format that rasterio does not read here")
    with gdal_settings():
        return rasterio.open(path, driver=driver)


@contextmanager
def opened_raster(path: Path) -> Iterator[Any]:
    """Open a file with rasterio for a ``with`` statement.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    rasterio.DatasetReader

    Raises
    ------
    ModuleNotFoundError, rasterio.errors.RasterioIOError
        As ``open_raster``.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (64, 48)).save(Path(folder, "a.tif"))
    ...     with opened_raster(Path(folder, "a.tif")) as source:
    ...         source.width, source.height, source.count
    (64, 48, 1)
    """
    source = open_raster(path)
    try:
        yield source
    finally:
        source.close()


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(12)
