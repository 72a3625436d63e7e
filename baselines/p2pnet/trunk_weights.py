"""Weights for the trunk alone: torchvision's ImageNet weights, or a file with a trunk of this kind.

A file has the keys of torchvision's network, with or without ``module.`` or ``backbone.`` before them. For a VGG-16
trunk, the keys may also be ``N.weight``, or ``basenet.sliceX.N.weight`` as in a text detector, where N is the layer's
index in torchvision's ``features``. Layers that the file does not have are listed.
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
from baselines.p2pnet.weight_files import read_tensors
from crowdeval.errors import InputError, UsageError, listed

_PREFIX = re.compile(r"^(module\.)?(backbone\.)?")
_VGG_LAYER = re.compile(r"^(basenet\.slice[1-4]\.)?(?=\d+\.[a-z_]+$)")

IMAGENET = {
    "vgg16_bn": "VGG16_BN_Weights",
    "vgg16": "VGG16_Weights",
    "resnet50": "ResNet50_Weights",
    "mobilenet_v3_large": "MobileNet_V3_Large_Weights",
}
"""Backbone to the name of its ImageNet weights in torchvision."""


@dataclass(frozen=True, slots=True)
class FillResult:
    """The result of filling a trunk.

    Attributes
    ----------
    source : str
        "imagenet", "random", or the name of the file.
    given, missing : tuple of str
        Keys of the trunk that the file has, and those that it does not have.
    unused : tuple of str
        Keys of the file that the trunk does not have.
    """

    source: str
    given: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def fill_trunk(trunk: Trunk, source: str, backbone: str) -> FillResult:
    """Set the initial weights of a trunk.

    Parameters
    ----------
    trunk : Trunk
        Changed in place.
    source : str
        "imagenet" (torchvision's weights, downloaded or from its cache), "none", or a file.
    backbone : str
        The name of the trunk's builder.

    Returns
    -------
    FillResult

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file can't be read, has none of the trunk's layers, or has a layer of another shape.
    UsageError
        If the ImageNet weights are not available.

    Examples
    --------
    >>> from baselines.p2pnet.trunks import build_trunk
    >>> fill_trunk(build_trunk("mobilenet_v3_large"), "none", "mobilenet_v3_large").source
    'random'
    """
    ours = {key: value for key, value in trunk.state_dict().items() if not key.endswith("num_batches_tracked")}
    if source == "none":
        return FillResult("random", (), tuple(ours), ())
    state = _imagenet(backbone) if source == "imagenet" else read_tensors(Path(source))
    return _copy_weights(trunk, ours, state, source if source == "imagenet" else Path(source).name)


def _copy_weights(trunk: Trunk, ours: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str) -> FillResult:
    """Copy the weights of a file into the trunk, by torchvision's keys."""
    # Both sides are brought to torchvision's keys: "stages.1.25.weight" here and "basenet.slice3.25.weight" in the file
    # are "features.25.weight".
    theirs = {_torchvision_key(key): key for key in state}
    given = {}
    for key, value in ours.items():
        their_key = theirs.get(trunk.torchvision_key(key))
        if their_key is None:
            continue
        if state[their_key].shape != value.shape:
            raise InputError(
                f"{source}: {their_key}: expected {tuple(value.shape)}, found {tuple(state[their_key].shape)}"
            )
        given[key] = state[their_key].to(value.dtype)
    if not given:
        raise InputError(f"{source} has none of the trunk's layers (its first keys: {listed(list(state), most=3)})")
    trunk.load_state_dict(given, strict=False)
    missing = tuple(key for key in ours if key not in given)
    used = {theirs[trunk.torchvision_key(key)] for key in given}
    unused = tuple(key for key in state if key not in used and not key.endswith("num_batches_tracked"))
    return FillResult(source, tuple(given), missing, unused)


def _torchvision_key(key: str) -> str:
    """Return torchvision's key for a key of a file.

    >>> _torchvision_key("module.basenet.slice2.14.weight"), _torchvision_key("conv1.weight")
    ('features.14.weight', 'conv1.weight')
    """
    return _VGG_LAYER.sub("features.", _PREFIX.sub("", key))


def _imagenet(backbone: str) -> Mapping[str, Tensor]:
    """Return torchvision's ImageNet weights, from its cache or downloaded."""
    try:
        weights = torchvision.models.get_weight(f"{IMAGENET[backbone]}.IMAGENET1K_V1")
        state: Mapping[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as problem:
        raise UsageError(
            f"torchvision's ImageNet weights of {backbone} are not available ({problem}); give a file with "
            "-s backbone_weights=FILE, or start from random weights with -s backbone_weights=none"
        ) from None
    return {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
