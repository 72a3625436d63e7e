"""Adam with two learning rates, their schedule, and the running mean of the weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from baselines.p2pnet.config import Config
from baselines.p2pnet.model import P2PNet

ManyTensors = tuple[Tensor, ...] | list[Tensor]

COSINE_END = 0.01
"""The share of the learning rate that a cosine ends at."""


def optimizer_of(model: P2PNet, config: Config) -> torch.optim.Optimizer:
    """Return Adam (AdamW where there is weight decay): the trunk at ``lr_backbone``, neck and heads at ``lr``."""
    trunk = [each for each in model.trunk.parameters() if each.requires_grad]
    rest = [each for name, each in model.named_parameters() if not name.startswith("trunk.")]
    groups = [{"params": rest, "lr": config.lr}, {"params": trunk, "lr": config.lr_backbone}]
    kind = torch.optim.AdamW if config.weight_decay else torch.optim.Adam
    fused = next(model.parameters()).device.type in ("cpu", "cuda")
    return kind(groups, lr=config.lr, weight_decay=config.weight_decay, fused=fused)


def set_rates(optimizer: torch.optim.Optimizer, config: Config, step: int, steps: int) -> float:
    """Set the learning rates of a step, from 0, of ``steps``; return the share of the config's."""
    share = 1.0
    if step < config.warmup:
        share = (step + 1) / config.warmup
    elif config.schedule == "cosine":
        through = (step - config.warmup) / max(steps - config.warmup, 1)
        share = COSINE_END + (1 - COSINE_END) * 0.5 * (1 + math.cos(math.pi * through))
    for group, rate in zip(optimizer.param_groups, (config.lr, config.lr_backbone), strict=True):
        group["lr"] = rate * share
    return share


class RunningMean:
    """The exponential mean of a model's weights and batch norms; short at first, so that the start is soon forgotten.

    Parameters
    ----------
    model : nn.Module
        Averaged from where it is now.
    decay : float
        Of the mean, reached as (1 + n) / (10 + n) after n updates.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.mean = AveragedModel(model, multi_avg_fn=self._averaged, use_buffers=True)

    def update(self, model: nn.Module) -> None:
        """Take in the model's weights as they are now."""
        self.mean.update_parameters(model)

    def weights(self) -> dict[str, Tensor]:
        """Return the mean's state_dict, as the model's own."""
        return self.mean.module.state_dict()

    def _averaged(self, mean: ManyTensors, now: ManyTensors, updates: Tensor | int) -> None:
        decay = min(self.decay, (1 + int(updates)) / (10 + int(updates)))
        get_ema_multi_avg_fn(decay)(mean, now, updates)  # type: ignore[no-untyped-call]
