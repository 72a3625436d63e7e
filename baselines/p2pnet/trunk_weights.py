"""Weights for the trunk alone: torchvision's ImageNet weights, or a file that holds a VGG-16 trunk under some name.

A file's keys are those of torchvision's network, with or without ``module.`` or ``backbone.`` before them; of VGG also
``N.weight`` and a text detector's ``basenet.sliceX.N.weight``, N being the layer's index in torchvision's ``features``.
What the file does not hold is listed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from torch import Tensor

from baselines.p2pnet.trunks import Trunk
from baselines.p2pnet.weight_files import tensors_of
from crowdeval.errors import InputError, UsageError, listed

_PREFIX = re.compile(r"^(module\.)?(backbone\.)?")
_VGG_LAYER = re.compile(r"^(basenet\.slice[1-4]\.)?(?=\d+\.[a-z_]+$)")

IMAGENET = {
    "vgg16_bn": "VGG16_BN_Weights",
    "vgg16": "VGG16_Weights",
    "resnet50": "ResNet50_Weights",
    "mobilenet_v3_large": "MobileNet_V3_Large_Weights",
}


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a file of trunk weights: keys of the trunk it gave and did not give, and its keys without use."""

    source: str
    given: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def fill(trunk: Trunk, source: str, backbone: str) -> Filled:
    """Put weights into a trunk.

    Parameters
    ----------
    trunk : Trunk
        Changed in place.
    source : str
        "imagenet" (torchvision's, downloaded or from its cache), "none", or a file.
    backbone : str
        The trunk's builder.

    Raises
    ------
    InputError
        If the file can't be read, holds none of the trunk's layers, or one of another shape.
    UsageError
        If ImageNet's weights can't be had.
    """
    ours = {key: value for key, value in trunk.state_dict().items() if not key.endswith("num_batches_tracked")}
    if source == "none":
        return Filled("random", (), tuple(ours), ())
    state = _imagenet(backbone) if source == "imagenet" else tensors_of(Path(source))
    return _filled(trunk, ours, state, source if source == "imagenet" else Path(source).name)


def _filled(trunk: Trunk, ours: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str) -> Filled:
    theirs = {_torchvision_key(key): key for key in state}
    given = {}
    for key, value in ours.items():
        there = theirs.get(trunk.torchvision_key(key))
        if there is None:
            continue
        if state[there].shape != value.shape:
            raise InputError(f"{source}: {there}: expected {tuple(value.shape)}, found {tuple(state[there].shape)}")
        given[key] = state[there].to(value.dtype)
    if not given:
        raise InputError(f"{source} holds none of the trunk's layers (its first keys: {listed(list(state), most=3)})")
    trunk.load_state_dict(given, strict=False)
    missing = tuple(key for key in ours if key not in given)
    used = {theirs[trunk.torchvision_key(key)] for key in given}
    unused = tuple(key for key in state if key not in used and not key.endswith("num_batches_tracked"))
    return Filled(source, tuple(given), missing, unused)


def _torchvision_key(key: str) -> str:
    """Return a file's key as torchvision writes it.

    >>> _torchvision_key("module.basenet.slice2.14.weight"), _torchvision_key("conv1.weight")
    ('features.14.weight', 'conv1.weight')
    """
    return _VGG_LAYER.sub("features.", _PREFIX.sub("", key))


def _imagenet(backbone: str) -> Mapping[str, Tensor]:
    try:
        weights = torchvision.models.get_weight(f"{IMAGENET[backbone]}.IMAGENET1K_V1")
        state: Mapping[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as problem:
        raise UsageError(
            f"torchvision's ImageNet weights of {backbone} can't be had ({problem}); give a file by "
            "-s backbone_weights=FILE, or start at random by -s backbone_weights=none"
        ) from None
    return {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
