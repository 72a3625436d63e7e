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
"""Share of the learning rate at the end of a cosine."""


def optimizer_of(model: P2PNet, config: Config) -> torch.optim.Optimizer:
    """Return the optimizer of a model.

    Parameters
    ----------
    model : P2PNet
        The model, on its device.
    config : Config
        Gives ``lr_backbone`` for the trunk, ``lr`` for neck and heads, and ``weight_decay``.

    Returns
    -------
    torch.optim.Optimizer
        Adam, or AdamW where there is weight decay. Its groups are neck and heads, then the trunk without its frozen
        parameters.

    Examples
    --------
    >>> config = Config(backbone="mobilenet_v3_large", width=8)
    >>> [group["lr"] for group in optimizer_of(P2PNet(config), config).param_groups]
    [0.0001, 1e-05]
    """
    trunk = [parameter for parameter in model.trunk.parameters() if parameter.requires_grad]
    rest = [parameter for name, parameter in model.named_parameters() if not name.startswith("trunk.")]
    groups = [{"params": rest, "lr": config.lr}, {"params": trunk, "lr": config.lr_backbone}]
    kind = torch.optim.AdamW if config.weight_decay else torch.optim.Adam
    fused = next(model.parameters()).device.type in ("cpu", "cuda")
    return kind(groups, lr=config.lr, weight_decay=config.weight_decay, fused=fused)


def set_rates(optimizer: torch.optim.Optimizer, config: Config, step: int, steps: int) -> float:
    """Set the learning rates of one step: a linear warm-up, then constant or a cosine.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        From ``optimizer_of``; changed in place.
    config : Config
        Gives ``lr``, ``lr_backbone``, ``warmup`` and ``schedule``.
    step : int
        Number of the step, from 0.
    steps : int
        Steps of the whole training.

    Returns
    -------
    float
        The share of the config's learning rates that this step uses.

    Examples
    --------
    >>> config = Config(backbone="mobilenet_v3_large", width=8, warmup=10)
    >>> optimizer = optimizer_of(P2PNet(config), config)
    >>> [set_rates(optimizer, config, step, 100) for step in (0, 4, 9, 50)]
    [0.1, 0.5, 1.0, 1.0]
    """
    share = 1.0
    if step < config.warmup:
        share = (step + 1) / config.warmup
    elif config.schedule == "cosine":
        progress = (step - config.warmup) / max(steps - config.warmup, 1)
        share = COSINE_END + (1 - COSINE_END) * 0.5 * (1 + math.cos(math.pi * progress))
    for group, rate in zip(optimizer.param_groups, (config.lr, config.lr_backbone), strict=True):
        group["lr"] = rate * share
    return share


class RunningMean:
    """The exponential running mean of a model's weights and of the statistics of its batch norms.

    Parameters
    ----------
    model : nn.Module
        The model; the mean starts at its present weights.
    decay : float
        Decay of the mean. After n updates it is at most (1 + n) / (10 + n), so that the first weights lose their
        influence early.

    Examples
    --------
    >>> model = nn.Linear(1, 1)
    >>> mean = RunningMean(model, decay=0.9)
    >>> mean.update(model)
    >>> bool((mean.weights()["bias"] == model.bias).all())
    True
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.mean = AveragedModel(model, multi_avg_fn=self._average, use_buffers=True)

    def update(self, model: nn.Module) -> None:
        """Add the model's present weights to the mean.

        Parameters
        ----------
        model : nn.Module
            The model that the mean was created from.
        """
        self.mean.update_parameters(model)

    def weights(self) -> dict[str, Tensor]:
        """Return the mean as a state_dict of the model.

        Returns
        -------
        dict of str to Tensor
        """
        return self.mean.module.state_dict()

    def _average(self, mean: ManyTensors, now: ManyTensors, updates: Tensor | int) -> None:
        """Move the mean toward the present weights, in place."""
        decay = min(self.decay, (1 + int(updates)) / (10 + int(updates)))
        get_ema_multi_avg_fn(decay)(mean, now, updates)  # type: ignore[no-untyped-call]
