"""From an image to the tensor that a network takes, and how far its pixels are from the image's.

A pixel value v of channel c becomes (v * scale - mean[c]) / std[c]. Resizing is bilinear; padding is zeros, after that
normalisation, to the right and below, so coordinates do not move.
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
"""Input types of ONNX Runtime that an image can be."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensor:
    """What a network is shown: the values, its width and height, and network pixels an image pixel, across and down."""

    values: NDArray[Any]
    width: int
    height: int
    across: float
    down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How an image becomes a tensor; the parameters are the options of the ``onnx`` adapter."""

    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: Literal["rgb", "bgr"]
    layout: Literal["nchw", "nhwc"]
    size: tuple[int, int] | None
    multiple: int

    def tensor(self, pixels: NDArray[np.uint8], kind: str, fixed: tuple[int, int] | None) -> Tensor:
        """Return the tensor of an RGB image for an input of type ``kind``, whose size may be ``fixed``."""
        height, width = pixels.shape[:2]
        to_width, to_height = self.size or fixed or (width, height)
        shown = pixels if (to_width, to_height) == (width, height) else _resized(pixels, to_width, to_height)
        ordered = shown if self.channels == "rgb" else shown[:, :, ::-1]
        values: NDArray[Any] = ordered
        if TYPES[kind] is not np.uint8:
            mean, std = np.asarray(self.mean, dtype=np.float32), np.asarray(self.std, dtype=np.float32)
            values = (ordered.astype(np.float32) * np.float32(self.scale) - mean) / std
        below, right = -to_height % self.multiple, -to_width % self.multiple
        values = np.pad(values, ((0, below), (0, right), (0, 0)))
        values = values.transpose(2, 0, 1) if self.layout == "nchw" else values
        return Tensor(
            values=np.ascontiguousarray(values[None].astype(TYPES[kind])),
            width=to_width + right,
            height=to_height + below,
            across=to_width / width,
            down=to_height / height,
        )


def prepared(
    *,
    scale: float,
    mean: str,
    std: str,
    channels: Literal["rgb", "bgr"],
    layout: Literal["nchw", "nhwc"],
    size: str | None,
    multiple: int,
) -> Preparation:
    """Return the preparation that the options' texts mean; UsageError where one means nothing."""
    if multiple < 1:
        raise UsageError(f"-o multiple={multiple}: expected at least 1")
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
    """Read ``"640"`` or ``"640x480"``, width first."""
    sides = text.lower().split("x")
    if len(sides) <= 2 and all(side.isdecimal() and int(side) for side in sides):
        return int(sides[0]), int(sides[-1])
    raise UsageError(f"-o size={text}: expected a side, as in 640, or width and height, as in 640x480")


def _resized(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    from PIL import Image as Pillow

    return np.asarray(Pillow.fromarray(pixels).resize((width, height), Pillow.Resampling.BILINEAR))
