"""The images of a split, decoded within a limit of pixels; what is odd of them is said once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from crowdeval.adapters import Image
from crowdeval.adapters.pixels import oddities, rgb
from crowdeval.datasets import Split
from crowdeval.errors import CrowdevalError, CrowdevalWarning, FormatError, MissingFileError, Problem
from crowdeval.formats.image_headers import any_size

_TYPICAL = 24_000_000
"""Expected bytes of an image whose size is unknown."""


class Pixels:
    """The images of a split, as a predictor gets them; the methods may be called from several threads.

    Parameters
    ----------
    split : Split
        The split.
    most : int
        Number of pixels of the largest image that is decoded.
    wanted : bool
        False for a predictor that reads the files itself, or needs none: pixels are then an empty array.

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

    def __init__(self, split: Split, most: int, *, wanted: bool) -> None:
        self.split, self.most, self.wanted = split, most, wanted
        self.said: set[str] = set()
        self.lock = Lock()

    def image(self, number: int) -> Image:
        """Return an image.

        Parameters
        ----------
        number : int
            Its position in the split.

        Returns
        -------
        Image

        Raises
        ------
        MissingFileError
            If there is no such file.
        FormatError
            If it is damaged, or larger than it may be.
        """
        image_id = self.split.annotations.image_ids[number]
        path = self.split.image_paths[number] if self.split.image_paths else None
        if not self.wanted:
            return Image(id=image_id, pixels=np.empty((0, 0, 3), dtype=np.uint8), path=path)
        assert path is not None, "_check_plan() refuses a split without images"
        try:
            return Image(id=image_id, pixels=self._decoded(path), path=path)
        except FileNotFoundError:
            raise MissingFileError(f"image {image_id!r}: there is no file {path}") from None
        except CrowdevalError:
            raise
        except Exception as problem:
            raise FormatError(str(path), [Problem(expected="an image", found=str(problem), image=image_id)]) from None

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
        return _TYPICAL if np.isnan(pixels) else int(3 * pixels)

    def _decoded(self, path: Path) -> NDArray[np.uint8]:
        """Return the pixels of a file; raise FormatError for one that is too large."""
        from PIL import Image as Pillow

        with any_size():
            opened = Pillow.open(path)
        with opened:
            number = opened.width * opened.height
            if number > self.most:
                found, hint = f"{opened.width:,} x {opened.height:,}", f"--max-pixels {number} allows it"
                problem = Problem(expected=f"at most {self.most:,} pixels", found=found, hint=hint)
                raise FormatError(str(path), [problem])
            self._say(path, oddities(opened))
            return rgb(opened)

    def _say(self, path: Path, odd: Mapping[str, str]) -> None:
        """Warn of what is odd of an image, unless another one was the same."""
        for kind, text in odd.items():
            with self.lock:
                new = kind not in self.said
                self.said.add(kind)
            if new:
                message = f"{path.name} {text}; so it is for all such images"
                warnings.warn(message, CrowdevalWarning, stacklevel=2)
