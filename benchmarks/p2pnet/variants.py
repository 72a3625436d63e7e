"""The jobs that are measured, each in the slow way and in ours: a training step, a forward pass, a large image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from baselines.p2pnet import Config, P2PNet, losses, match, predict_points
from baselines.p2pnet.devices import precision
from baselines.p2pnet.export import Exported
from baselines.p2pnet.optimization import optimizer_of
from benchmarks.p2pnet.slow_ways import match_whole_batch, with_dead_layers

CPU = torch.device("cpu")
CROP = 128
SEED = 6

Run = Callable[[], dict[str, float]]
"""Does the job once; gives ``seconds``, ``result`` and what else it timed. ``result`` is the same in every way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A job and the way it is done.

    Attributes
    ----------
    job : {"step", "forward", "tiled"}
        A training step, the model on one image, the prediction of a large image.
    slow : bool
        Dead layers and one cost matrix for the batch, torch's defaults.
    precision : {"float32", "bf16"}
        The arithmetic of the convolutions.
    channels_last : bool
        Memory layout.
    recompute : int
        Blocks of the trunk whose maps are computed again on the way back.
    onnx : str
        The export that ONNX Runtime runs instead of torch.
    crops, heads : int
        Of a training step: crops of 128 x 128, and heads in each.
    width, height : int
        Of the image.
    """

    job: Literal["step", "forward", "tiled"]
    slow: bool = False
    precision: Literal["float32", "bf16"] = "float32"
    channels_last: bool = True
    recompute: int = 0
    onnx: str = ""
    crops: int = 0
    heads: int = 0
    width: int = 0
    height: int = 0

    @property
    def name(self) -> str:
        """How it is called in tables."""
        if self.slow:
            return "slow: dead layers, whole-batch costs" if self.job == "step" else "slow: dead layers"
        layout = "channels_last" if self.channels_last else "contiguous"
        again = f", recompute = {self.recompute}" if self.recompute else ""
        return f"ours: {self.precision}, {'ONNX Runtime' if self.onnx else layout}{again}"


def run_of(variant: Variant) -> Run:
    """Return a variant's job, its model built and its inputs made."""
    return {"step": _step, "forward": _forward, "tiled": _tiled}[variant.job](variant)


def model_of(variant: Variant) -> tuple[P2PNet, Config]:
    """Return the paper's model for ShanghaiTech A, its first weights the same in every variant."""
    torch.manual_seed(SEED)
    config = Config(precision=variant.precision, channels_last=variant.channels_last)
    model = P2PNet(config)
    if variant.slow:
        with_dead_layers(model, config)
    if variant.channels_last:
        model.to(memory_format=torch.channels_last)
    return model, config


def _step(variant: Variant) -> Run:
    """Forward, matching, losses, backward, clipping, Adam."""
    model, config = model_of(variant)
    model.train()
    model.trunk.recompute(variant.recompute)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr) if variant.slow else optimizer_of(model, config)
    images = _laid_out(torch.randn(variant.crops, 3, CROP, CROP, generator=_random()), variant)
    targets = list((torch.rand(variant.crops, variant.heads, 2, generator=_random()) * CROP).unbind())
    matcher = match_whole_batch if variant.slow else match

    def run() -> dict[str, float]:
        start = perf_counter()
        with precision(variant.precision, CPU):
            output = model(images)
        before = perf_counter()
        pairs = matcher(output, targets)
        between = perf_counter()
        loss = losses(output, targets, pairs).total
        after = perf_counter()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        optimizer.zero_grad()
        seconds = perf_counter() - start
        result = float(loss.detach())
        return {"seconds": seconds, "result": result, "matcher": between - before, "losses": after - between}

    return run


def _forward(variant: Variant) -> Run:
    """The proposals of one image."""
    model = Exported(Path(variant.onnx)) if variant.onnx else _ready(variant)
    images = _laid_out(torch.randn(1, 3, variant.height, variant.width, generator=_random()), variant)

    @torch.inference_mode()
    def run() -> dict[str, float]:
        start = perf_counter()
        output = model(images)
        seconds = perf_counter() - start
        return {"seconds": seconds, "result": float(output.confidences.mean())}

    return run


def _tiled(variant: Variant) -> Run:
    """The points of a large image of noise; a new model is of two minds about all proposals, so it keeps them all."""
    model = _ready(variant)
    size = (variant.height, variant.width, 3)
    pixels = np.random.default_rng(SEED).integers(0, 256, size, dtype=np.uint8)

    def run() -> dict[str, float]:
        start = perf_counter()
        scores = predict_points(model, pixels).scores
        return {"seconds": perf_counter() - start, "result": float(scores.mean())}

    return run


def _ready(variant: Variant) -> P2PNet:
    """Return the model as it predicts; the slow way's as it was trained."""
    model = model_of(variant)[0].eval()
    if not variant.slow:
        model.settle(variant.precision)
    return model


def _random() -> torch.Generator:
    return torch.Generator().manual_seed(SEED)


def _laid_out(images: Tensor, variant: Variant) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last) if variant.channels_last else images
