"""From an image to the input tensor of a network, and the factors between their pixels.

A pixel value v of channel c becomes (v * scale - mean[c]) / std[c]. Resizing is bilinear. Padding adds zeros after this
normalization, to the right and below, so that coordinates do not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from crowdeval.adapters.number_list import numbers
from crowdeval.errors import UsageError

TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
"""ONNX Runtime's name of a type that an image can have, to the type of numpy."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensor:
    """The input tensor of a network.

    Attributes
    ----------
    values : array, (1, 3, H, W) or (1, H, W, 3)
        The values, of the network's type.
    width, height : int
        Its size in pixels, including the padding.
    across, down : float
        Pixels of the tensor for each pixel of the image, in x and in y.
    """

    values: NDArray[Any]
    width: int
    height: int
    across: float
    down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """The way from an image to a tensor; the parameters are the options of the ``onnx`` adapter, as numbers.

    Parameters
    ----------
    scale : float
        Factor of the pixel values.
    mean, std : tuple of float
        One number, or one for each channel.
    channels : {"rgb", "bgr"}
        The order of the channels.
    layout : {"nchw", "nhwc"}
        The order of the dimensions.
    size : tuple of int, optional
        Width and height to which the image is resized.
    multiple : int
        Width and height are padded to a multiple of this number.
    """

    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: Literal["rgb", "bgr"]
    layout: Literal["nchw", "nhwc"]
    size: tuple[int, int] | None
    multiple: int

    def tensor(self, pixels: NDArray[np.uint8], kind: str, fixed: tuple[int, int] | None) -> Tensor:
        """Return the tensor of an image.

        Parameters
        ----------
        pixels : array of uint8, (H, W, 3)
            The image, RGB.
        kind : str
            The type of the network's input, a key of ``TYPES``.
        fixed : tuple of int, optional
            Width and height of the network's input, where they are fixed.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> preparation = make_preparation(
        ...     scale=1, mean="0", std="1", channels="rgb", layout="nchw", size=None, multiple=32
        ... )
        >>> tensor = preparation.tensor(np.zeros((30, 40, 3), dtype=np.uint8), "tensor(float)", None)
        >>> tensor.values.shape, tensor.width, tensor.height, tensor.across
        ((1, 3, 32, 64), 64, 32, 1.0)
        """
        height, width = pixels.shape[:2]
        to_width, to_height = self.size or fixed or (width, height)
        resized = pixels if (to_width, to_height) == (width, height) else _resize(pixels, to_width, to_height)
        ordered = resized if self.channels == "rgb" else resized[:, :, ::-1]
        values: NDArray[Any] = ordered
        if TYPES[kind] is not np.uint8:
            mean, std = np.asarray(self.mean, dtype=np.float32), np.asarray(self.std, dtype=np.float32)
            values = (ordered.astype(np.float32) * np.float32(self.scale) - mean) / std
        below, right = -to_height % self.multiple, -to_width % self.multiple  # height 30, multiple 32 -> 2
        values = np.pad(values, ((0, below), (0, right), (0, 0)))
        values = values.transpose(2, 0, 1) if self.layout == "nchw" else values
        return Tensor(
            values=np.ascontiguousarray(values[None].astype(TYPES[kind])),
            width=to_width + right,
            height=to_height + below,
            across=to_width / width,
            down=to_height / height,
        )


def make_preparation(
    *,
    scale: float,
    mean: str,
    std: str,
    channels: Literal["rgb", "bgr"],
    layout: Literal["nchw", "nhwc"],
    size: str | None,
    multiple: int,
) -> Preparation:
    """Return the preparation that the options of the ``onnx`` adapter describe.

    Parameters
    ----------
    scale : float
        Factor of the pixel values.
    mean, std : str
        One number, or three with commas between them.
    channels : {"rgb", "bgr"}
        The order of the channels.
    layout : {"nchw", "nhwc"}
        The order of the dimensions.
    size : str, optional
        ``"640"``, or ``"640x480"`` with the width first.
    multiple : int
        Width and height are padded to a multiple of this number.

    Returns
    -------
    Preparation

    Raises
    ------
    UsageError
        If a text is not of its form, ``std`` is not above 0, or ``multiple`` is below 1.

    Examples
    --------
    >>> make_preparation(
    ...     scale=1, mean="0", std="1", channels="rgb", layout="nchw", size="640x480", multiple=1
    ... ).size
    (640, 480)
    """
    if multiple < 1:
        raise UsageError(f"-o multiple={multiple}: expected a whole number of at least 1")
    return Preparation(
        scale=scale,
        mean=tuple(numbers("mean", mean, lengths=(1, 3))),
        std=tuple(numbers("std", std, lengths=(1, 3), above=0)),
        channels=channels,
        layout=layout,
        size=None if size is None else _size(size),
        multiple=multiple,
    )


def _size(text: str) -> tuple[int, int]:
    """Return width and height from ``"640"`` or ``"640x480"``."""
    sides = text.lower().split("x")
    if len(sides) <= 2 and all(side.isdecimal() and int(side) for side in sides):
        return int(sides[0]), int(sides[-1])
    raise UsageError(f"-o size={text}: expected a side (640), or width and height (640x480)")


def _resize(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    from PIL import Image as Pillow

    return np.asarray(Pillow.fromarray(pixels).resize((width, height), Pillow.Resampling.BILINEAR))
