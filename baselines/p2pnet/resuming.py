"""What a training is gone on from: its state as one mapping, and the way back, refused where the run was another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn

from baselines.p2pnet.config import Config
from baselines.p2pnet.optimization import RunningMean
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import Samples
from crowdeval.errors import InputError

FREE = ("backbone_weights", "start", "cache_images", "workers", "save_every", "surplus")
"""Values that a run may be gone on with differently: what it has computed does not depend on them."""


class Resumable(Protocol):
    """A training: its parts, and where it stands."""

    config: Config
    train: Samples
    validation: Samples
    folder: RunFolder
    step: int
    saved: int
    best: dict[str, float | None]
    seconds: float
    origin: dict[str, Any]
    prints: dict[str, str]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    mean: RunningMean | None

    @property
    def model(self) -> nn.Module:
        """What is trained."""


def state_of(trainer: Resumable) -> dict[str, Any]:
    """Return all that training needs to go on."""
    return {
        "config": json.dumps(trainer.config.as_dict()),
        "step": trainer.step,
        "best": trainer.best,
        "seconds": trainer.seconds,
        "origin": json.dumps(trainer.origin),
        **trainer.prints,
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "mean": None if trainer.mean is None else trainer.mean.mean.state_dict(),
    }


def restore(trainer: Resumable, state: Mapping[str, Any]) -> None:
    """Put a trainer where its run was; raise InputError where that run had another config or other images."""
    home = trainer.folder.home
    theirs, ours = {**Config().as_dict(), **json.loads(state["config"])}, trainer.config.as_dict()
    changed = [name for name in ours if name not in FREE and theirs[name] != ours[name]]
    if changed:
        values = ", ".join(f"{name} ({theirs[name]} -> {ours[name]})" for name in changed)
        raise InputError(f"{home} was trained with another config: {values}")
    source, chosen_on = trainer.train.source, trainer.validation.source
    for key, problem in (
        ("images", f"{home} was trained on other images or points than {source} has now"),
        ("order", f"{source} has its images in another order than when {home} began"),
        ("validation", f"{home} chose its checkpoint on other images than {chosen_on}"),
    ):
        if state[key] != trainer.prints[key]:
            raise InputError(problem)
    trainer.model.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.scaler.load_state_dict(state["scaler"])
    if trainer.mean is not None:
        trainer.mean.mean.load_state_dict(state["mean"])
    trainer.step, trainer.best, trainer.seconds = state["step"], dict(state["best"]), state["seconds"]
    trainer.saved = trainer.step
    trainer.origin = json.loads(state["origin"])
