"""Image files opened with rasterio, which is optional: many bands, more than 8 bits, parts of an image."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DRIVERS = ["GTiff", "JP2OpenJPEG", "PNG", "JPEG", "BMP"]
"""Formats of GDAL that are read; others may name further files, or places in a network."""

INSTALL = "pip install rasterio"

_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
"""First bytes of TIFF, BigTIFF and JPEG 2000."""

_CACHE = 256
"""Megabytes of decoded blocks that GDAL may keep."""


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
    with path.open("rb") as stream:
        return stream.read(12).startswith(_STARTS)


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
        If the file is damaged or of another format.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    # Set anew each time, because a caller may have put back the filters of Python meanwhile.
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    options = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO", "GDAL_CACHEMAX": _CACHE}
    with rasterio.Env(**options):
        return rasterio.open(path, driver=DRIVERS)


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
