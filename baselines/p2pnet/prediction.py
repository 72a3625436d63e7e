"""Points of an image of any size, computed tile by tile.

A tile is a core plus a margin. The margin covers all pixels that the core's proposals depend on. The origins of tiles
are multiples of 16, so that cells and poolings lie as in the whole image, and a tile is padded only where the image
itself ends. The proposals whose cell lies in the core are kept. The result equals that of the whole image up to the
rounding of float32, and the memory is that of one tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from baselines.p2pnet.augmentation import resize
from baselines.p2pnet.batches import normalize
from baselines.p2pnet.config import Config
from baselines.p2pnet.expectation import probabilities
from baselines.p2pnet.model import MULTIPLE, round_up
from baselines.p2pnet.proposals import Proposals
from crowdeval.errors import PredictorError, UsageError

TILE = 1024
"""Default side in pixels of a tile's core."""


class Model(Protocol):
    """A model that predicts: P2PNet, or its ONNX export."""

    @property
    def config(self) -> Config:
        """The config: sizes, confidence, counting."""

    @property
    def device(self) -> torch.device:
        """The device of its images."""

    @property
    def margin(self) -> int | None:
        """Pixels beside a core that its proposals depend on, a multiple of 16; None for the whole image."""

    def __call__(self, images: Tensor) -> Proposals:
        """Return the proposals of a normalized image, (1, 3, H, W)."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The prediction for an image.

    Attributes
    ----------
    points : array of float64, (M, 2)
        x and y in pixels of the given image; points outside it are left out.
    scores : array of float64, (M,)
        Confidences, from 0 to 1.
    count : float, optional
        The expected number of people; None where the count is the number of scores above the threshold.

    Examples
    --------
    >>> found = Found(points=np.array([[1.0, 2.0], [3.0, 4.0]]), scores=np.array([0.2, 0.9]))
    >>> found.people(), found.surest().tolist()
    (1, [[3.0, 4.0]])
    """

    points: NDArray[np.float64]
    scores: NDArray[np.float64]
    count: float | None = None

    def people(self, threshold: float = 0.5) -> int:
        """Return the count as a whole number.

        Parameters
        ----------
        threshold : float
            Where there is no expected count, the scores above this are counted.

        Returns
        -------
        int
        """
        return int((self.scores > threshold).sum()) if self.count is None else round(self.count)

    def surest(self, threshold: float = 0.5) -> NDArray[np.float64]:
        """Return the points of highest confidence, as many as the count, or all points where there are fewer.

        Parameters
        ----------
        threshold : float
            As for ``people``.

        Returns
        -------
        array of float64, (N, 2)
            x and y in pixels, by descending confidence.
        """
        return self.points[np.argsort(-self.scores, kind="stable")[: self.people(threshold)]]


@dataclass(frozen=True, slots=True)
class Span:
    """A tile along one axis.

    Attributes
    ----------
    start, end : int
        The tile in pixels of the image, [start, end).
    core_start, core_end : int
        Its core, [core_start, core_end).
    """

    start: int
    end: int
    core_start: int
    core_end: int


@torch.inference_mode()
def predict_points(
    model: Model,
    pixels: NDArray[np.uint8],
    *,
    confidence: float | None = None,
    tile: int | None = None,
) -> Found:
    """Predict the points of an image.

    Parameters
    ----------
    model : P2PNet or Exported
        In eval mode, on the device of the prediction; in float32, or in the precision of ``P2PNet.settle``.
    pixels : array of uint8, (H, W, 3)
        RGB, as stored in the file.
    confidence : float, optional
        Proposals with a lower confidence are left out; by default the config's value (0.05). They are part of an
        expected count all the same.
    tile : int, optional
        Side in pixels of a tile's core, a multiple of 16; 0 gives the model the whole image at once. By default 1024,
        or 0 for a model whose ``margin`` is None.

    Returns
    -------
    Found
        Points, scores, and the expected count where the model's config has ``counting="expected"``.

    Raises
    ------
    PredictorError
        If a confidence or a point is not finite.
    UsageError
        If the tile is not a multiple of 16, or is not 0 for a model whose ``margin`` is None.

    Examples
    --------
    >>> from baselines.p2pnet import Config, P2PNet
    >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8)).eval()
    >>> found = predict_points(model, np.zeros((32, 48, 3), np.uint8), confidence=0.0)
    >>> found.points.shape[1], found.count
    (2, None)
    """
    config = model.config
    least = config.confidence if confidence is None else confidence
    is_expected = config.counting == "expected"
    image = Image.fromarray(pixels)
    resized, _ = resize(image, np.zeros((0, 2)), config.max_side, config.zoom)
    resized_pixels = np.asarray(resized)
    if tile is None:
        tile = 0 if model.margin is None else TILE
    if tile and model.margin is None:
        raise UsageError(
            f"tile: expected 0 for this model, found {tile} (a proposal of {config.backbone} depends on the whole "
            "image, or on an unknown part of it)"
        )
    margin = model.margin or 0
    height, width = resized_pixels.shape[:2]
    tiles, expected = [], 0.0
    for down, across in product(spans(height, tile, margin), spans(width, tile, margin)):
        points, scores = _core_proposals(model, resized_pixels, down, across)
        inside = ((points >= 0) & (points < (resized.width, resized.height))).all(axis=1)
        if is_expected:
            expected += float(probabilities(scores[inside], config.lambda1).sum())
        kept = inside & (scores >= least)
        tiles.append((points[kept], scores[kept]))
    scale = image.width / resized.width, image.height / resized.height
    return Found(
        points=np.concatenate([points for points, _ in tiles]) * scale,
        scores=np.concatenate([scores for _, scores in tiles]),
        count=expected if is_expected else None,
    )


def spans(length: int, tile: int, margin: int) -> Iterator[Span]:
    """Yield the tiles along one axis; their cores cover it once, up to the next multiple of 16.

    Parameters
    ----------
    length : int
        Pixels of the axis.
    tile : int
        Side in pixels of a core, a multiple of 16; 0 for one core.
    margin : int
        Pixels on both sides of a core, a multiple of 16.

    Yields
    ------
    Span

    Raises
    ------
    UsageError
        If the tile is not a multiple of 16.

    Examples
    --------
    >>> for span in spans(100, 64, 16):
    ...     print(span)
    Span(start=0, end=80, core_start=0, core_end=64)
    Span(start=48, end=112, core_start=64, core_end=112)
    """
    if tile < 0 or tile % MULTIPLE:
        raise UsageError(f"tile: expected a multiple of {MULTIPLE}, or 0 for the whole image at once, found {tile}")
    whole = round_up(length)
    for start in range(0, whole, tile or whole):
        end = min(start + (tile or whole), whole)
        yield Span(max(start - margin, 0), min(end + margin, whole), start, end)


def _core_proposals(
    model: Model,
    pixels: NDArray[np.uint8],
    down: Span,
    across: Span,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points, in pixels of the resized image, and confidences of the proposals whose cell lies in the core."""
    part = np.array(pixels[down.start : down.end, across.start : across.end])
    images = normalize(torch.from_numpy(part).permute(2, 0, 1)[None], model.device)  # (H, W, 3) -> (1, 3, H, W)
    # Beyond the image, zeros up to the tile's end, which is the next multiple of 16.
    images = pad(images, (0, across.end - across.start - part.shape[1], 0, down.end - down.start - part.shape[0]))
    if model.config.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    output = model(images)
    # The core in cells of the tile: a tile from 48 with its core at [64, 112), stride 8 -> cells 2 to 7.
    step = model.config.stride
    rows = slice((down.core_start - down.start) // step, (down.core_end - down.start) // step)
    columns = slice((across.core_start - across.start) // step, (across.core_end - across.start) // step)
    height, width = images.shape[-2] // step, images.shape[-1] // step

    def core(values: Tensor) -> NDArray[np.float64]:
        cells = values.reshape(height, width, output.K, -1)[rows, columns]  # (H / s, W / s, K, C) -> (h, w, K, C)
        return cells.flatten(0, 2).cpu().numpy().astype(np.float64)  # (h, w, K, C) -> (M, C)

    origin = np.array([across.start, down.start], dtype=np.float64)
    points, confidences = core(output.points[0]) + origin, core(output.confidences[0])[:, 0]
    if not np.isfinite(points).all() or not np.isfinite(confidences).all():
        raise PredictorError(
            "the model's output is not finite: its weights are not finite, or too large for the precision; try float32"
        )
    return points, confidences
