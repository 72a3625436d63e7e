"""P2PNet (Song et al., ICCV 2021): the paper's network of point proposals, its training, and its scores by crowdeval.

    >>> import torch
    >>> from baselines.p2pnet import Config, P2PNet, losses, match
    >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8))
    >>> proposals = model(torch.zeros(2, 3, 128, 128))
    >>> targets = [torch.tensor([[10.0, 20.0]]), torch.zeros(0, 2)]
    >>> pairs = match(proposals, targets)
    >>> losses(proposals, targets, pairs).total.ndim
    0

The names of this module are imported on first use, so that crowdeval can list the adapter where torch is not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baselines.p2pnet.checkpoints import load_checkpoint as load_checkpoint
    from baselines.p2pnet.config import Config as Config
    from baselines.p2pnet.loss import Losses as Losses
    from baselines.p2pnet.loss import losses as losses
    from baselines.p2pnet.matching import match as match
    from baselines.p2pnet.model import P2PNet as P2PNet
    from baselines.p2pnet.official import load_official as load_official
    from baselines.p2pnet.prediction import Found as Found
    from baselines.p2pnet.prediction import predict_points as predict_points
    from baselines.p2pnet.proposals import Proposals as Proposals

_MODULES = {
    "Config": "config",
    "Found": "prediction",
    "Losses": "loss",
    "P2PNet": "model",
    "Proposals": "proposals",
    "load_checkpoint": "checkpoints",
    "load_official": "official",
    "losses": "loss",
    "match": "matching",
    "predict_points": "prediction",
}
"""Public name to the module that defines it."""

__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'baselines.p2pnet' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"baselines.p2pnet.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
