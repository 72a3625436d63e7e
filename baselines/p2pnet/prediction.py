"""Points of a whole image, of any size, computed tile by tile.

A tile is a core plus a margin that covers all a core's proposals can see; origins are multiples of 16, so that cells
and poolings fall as they do in the whole image, and only where the image itself ends is a tile padded. The proposals of
the cells in the core are kept. The result is the whole image's, to the noise of float32, and memory is the tile's.
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

from baselines.p2pnet.augmentation import resized
from baselines.p2pnet.batches import normalized
from baselines.p2pnet.config import Config
from baselines.p2pnet.expectation import probabilities
from baselines.p2pnet.model import MULTIPLE, up_to_multiple
from baselines.p2pnet.proposals import Proposals
from crowdeval.errors import PredictorError, UsageError

TILE = 1024
"""Side in pixels of a tile's core."""


class Model(Protocol):
    """What predicts: the model, or its export."""

    @property
    def config(self) -> Config:
        """Its sizes."""

    @property
    def device(self) -> torch.device:
        """Where images go."""

    @property
    def margin(self) -> int | None:
        """Pixels beside a core that its proposals depend on, a multiple of 16; None for the whole image."""

    def __call__(self, images: Tensor) -> Proposals:
        """Return the proposals of normalized images (1, 3, H, W)."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is found in an image.

    Attributes
    ----------
    points : array of float64, (M, 2)
        In pixels of the image as given; those that land outside it are dropped.
    scores : array of float64, (M,)
        Confidences.
    count : float, optional
        The number of people that is expected; None where it is the number of scores above the threshold.
    """

    points: NDArray[np.float64]
    scores: NDArray[np.float64]
    count: float | None = None

    def people(self, threshold: float = 0.5) -> int:
        """Return the count as a whole number: the expected one, or that of the scores above the threshold."""
        return int((self.scores > threshold).sum()) if self.count is None else round(self.count)

    def surest(self, threshold: float = 0.5) -> NDArray[np.float64]:
        """Return the surest points, (N, 2): as many as the count, or all that were kept."""
        return self.points[np.argsort(-self.scores, kind="stable")[: self.people(threshold)]]


@dataclass(frozen=True, slots=True)
class Span:
    """A tile along one axis, in pixels: what is shown, and the core within the image."""

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
    """Return the points of an image.

    Parameters
    ----------
    model : P2PNet or Exported
        In eval mode, on the device that is to work; ``P2PNet.settle`` says in which precision, float32 without.
    pixels : array of uint8, (H, W, 3)
        RGB as stored.
    confidence : float, optional
        The least confidence that is kept; the config's (0.05) by default. An expected count takes in the others, too.
    tile : int, optional
        Side of a tile's core, a multiple of 16; 0 shows the model the whole image at once. 1024 by default, and 0 for a
        model that looks at the whole image, or is not known not to.

    Returns
    -------
    Found
        Points, scores, and the expected count where the model's config asks for it.

    Raises
    ------
    PredictorError
        If a confidence or a point is not finite.
    UsageError
        If the tile can't be had.
    """
    config = model.config
    least = config.confidence if confidence is None else confidence
    expects = config.counting == "expected"
    image = Image.fromarray(pixels)
    view, _ = resized(image, np.zeros((0, 2)), config.max_side, config.zoom)
    shown = np.asarray(view)
    if tile is None:
        tile = 0 if model.margin is None else TILE
    if tile and model.margin is None:
        raise UsageError(f"a proposal of {config.backbone} sees the whole image, or no one knows how much: take tile=0")
    margin = model.margin or 0
    found, expected = [], 0.0
    for down, across in product(spans(shown.shape[0], tile, margin), spans(shown.shape[1], tile, margin)):
        points, scores = _core(model, shown, down, across)
        inside = ((points >= 0) & (points < (view.width, view.height))).all(axis=1)
        if expects:
            expected += float(probabilities(scores[inside], config.lambda1).sum())
        kept = inside & (scores >= least)
        found.append((points[kept], scores[kept]))
    return Found(
        points=np.concatenate([each[0] for each in found]) * (image.width / view.width, image.height / view.height),
        scores=np.concatenate([each[1] for each in found]),
        count=expected if expects else None,
    )


def spans(length: int, tile: int, margin: int) -> Iterator[Span]:
    """Yield the tiles of an axis of ``length`` pixels; cores cover it once, up to the next multiple of 16."""
    if tile < 0 or tile % MULTIPLE:
        raise UsageError(f"tile: expected a multiple of {MULTIPLE}, or 0 for none, found {tile}")
    whole = up_to_multiple(length)
    for start in range(0, whole, tile or whole):
        end = min(start + (tile or whole), whole)
        yield Span(max(start - margin, 0), min(end + margin, whole), start, end)


def _core(
    model: Model,
    shown: NDArray[np.uint8],
    down: Span,
    across: Span,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points, in pixels of what is shown, and confidences of the proposals whose cell lies in the core."""
    part = np.array(shown[down.start : down.end, across.start : across.end])
    images = normalized(torch.from_numpy(part).permute(2, 0, 1)[None], model.device)  # (H, W, 3) -> (1, 3, H, W)
    images = pad(images, (0, across.end - across.start - part.shape[1], 0, down.end - down.start - part.shape[0]))
    if model.config.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    output = model(images)
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
        raise PredictorError("the model's answer is not finite: its weights are not, or too large for the precision")
    return points, confidences
