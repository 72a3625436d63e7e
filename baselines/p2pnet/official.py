"""Checkpoints in the layout of the released code, read into this model; this file has none of that code or its weights.

The layout is ``{"model": state_dict}`` or the state_dict itself, with or without ``module.`` before each key. A file
has 21,579,344 values, of which the released forward pass uses 17,973,072. The other 3,606,272 are listed and left out.
Any other unknown key, and any missing key, is an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from baselines.p2pnet.config import Config
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.weight_files import read_tensors
from crowdeval.errors import InputError, UsageError, listed

BODIES = {"body1": (0, 0, 13), "body2": (0, 13, 23), "body3": (1, 23, 33), "body4": (2, 33, 43)}
"""Body of the released trunk to our stage, its first layer in vgg16_bn's features, and the one after its last."""

NECK = {"P5_1": "top", "P4_1": "laterals.0", "P4_2": "smooth"}
HEAD = {"conv1": "0", "conv2": "2", "output": "4"}
"""Released name to our name, in the neck and in a branch."""

DEAD = re.compile(r"(fpn\.(P3_1|P3_2|P5_2)|(regression|classification)\.(conv3|conv4))\.(weight|bias)")
"""Layers that the released code creates and never uses."""

SHAPES = {1: (1, 1), 4: (2, 2), 8: (4, 2)}
"""K to its default rows and lines; any other K needs them as arguments."""


@dataclass(frozen=True, slots=True)
class OfficialWeights:
    """The tensors of a released checkpoint under our names.

    Attributes
    ----------
    weights : mapping of str to Tensor
        Tensors by our keys.
    ignored : tuple of str
        Keys of the file that the released code never uses.
    K : int
        Reference points of a cell, from the shape of the regression branch.
    """

    weights: Mapping[str, Tensor]
    ignored: tuple[str, ...]
    K: int


def load_official(path: str | os.PathLike[str], rows: int | None = None, lines: int | None = None) -> P2PNet:
    """Read a checkpoint of the released layout.

    Parameters
    ----------
    path : str or path
        The file; no code in it is run.
    rows, lines : int, optional
        Rows and lines of the K reference points in a cell, which the file does not have: by default 2 x 2 for K = 4 and
        4 x 2 for K = 8.

    Returns
    -------
    P2PNet
        In eval mode, on the CPU; its ``ignored`` lists the keys of the file that nothing uses.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file is truncated, contains code, or has another layout; the error names the keys.
    UsageError
        If rows x lines is not the file's K, or neither is given for a K that is not 1, 4 or 8.

    Examples
    --------
    Such a file has 82 MiB, so this is not run:

    >>> load_official("SHTechA.pth").config.K  # doctest: +SKIP
    4
    """
    path = Path(path)
    official = _read_official(path)
    if rows is None and lines is None:
        if official.K not in SHAPES:
            raise UsageError(
                f"{path} has K = {official.K} reference points in a cell and does not say in how many rows and lines; "
                "give rows and lines"
            )
        rows, lines = SHAPES[official.K]
    rows = official.K // (lines or 1) if rows is None else rows
    lines = official.K // (rows or 1) if lines is None else lines
    if rows * lines != official.K:
        raise UsageError(
            f"{path} has K = {official.K} reference points in a cell: expected rows x lines = {official.K}, "
            f"found {rows} x {lines}"
        )
    model = P2PNet(Config(rows=rows, lines=lines))
    expected = model.state_dict()
    for key, value in official.weights.items():
        if value.shape != expected[key].shape:
            raise InputError(
                f"{path}: {_theirs(key)}: expected {tuple(expected[key].shape)}, found {tuple(value.shape)}"
            )
    model.load_state_dict({**expected, **official.weights})
    model.ignored = official.ignored
    return model.eval()


def _read_official(path: Path) -> OfficialWeights:
    """Return the tensors of a released checkpoint; raise InputError for unknown or missing keys."""
    state = {key.removeprefix("module."): value for key, value in read_tensors(path).items()}
    ignored = tuple(key for key in state if DEAD.fullmatch(key))
    named = {key: _ours(key) for key in state if key not in ignored}
    with torch.device("meta"):  # only the keys are needed, so no memory is used for values
        expected = P2PNet(Config()).state_dict()
    unknown = [key for key, ours in named.items() if ours not in expected]
    present = set(named.values())
    missing = [_theirs(key) for key in expected if key not in present and not key.endswith("num_batches_tracked")]
    if unknown or missing:
        problems = [f"{key} is unknown" for key in unknown] + [f"{key} is missing" for key in missing]
        raise InputError(f"{path} is not a checkpoint of the released P2PNet: {listed(problems)}")
    return OfficialWeights({ours: state[key] for key, ours in named.items()}, ignored, _references(path, state))


def _references(path: Path, state: Mapping[str, Tensor]) -> int:
    """Return K, half the number of channels of the last regression layer."""
    shapes = [tuple(state[f"{head}.output.weight"].shape) for head in ("regression", "classification")]
    channels = shapes[0][0] if shapes[0] else 0
    if channels < 2 or channels % 2 or shapes[0] != shapes[1]:
        raise InputError(
            f"{path}: regression.output has {channels} channels and classification.output "
            f"{shapes[1][0] if shapes[1] else 0}, expected 2 for each reference point in both"
        )
    return channels // 2


def _ours(key: str) -> str:
    """Return our key for a released key, or "" where there is none."""
    # backbone.body3.2.weight -> trunk.stages.1.25.weight (body 3 begins at layer 23 and is in stage 1);
    # fpn.P5_1.bias -> neck.top.bias; regression.conv2.weight -> regression.2.weight.
    parts = key.split(".")
    if len(parts) == 4 and parts[0] == "backbone" and parts[1] in BODIES and parts[2].isdigit():
        stage, first, end = BODIES[parts[1]]
        index = first + int(parts[2])
        return f"trunk.stages.{stage}.{index}.{parts[3]}" if index < end else ""
    if len(parts) == 3 and parts[0] == "fpn" and parts[1] in NECK:
        return f"neck.{NECK[parts[1]]}.{parts[2]}"
    if len(parts) == 3 and parts[0] in ("regression", "classification") and parts[1] in HEAD:
        return f"{parts[0]}.{HEAD[parts[1]]}.{parts[2]}"
    return ""


def _theirs(key: str) -> str:
    """Return the released key for our key."""
    # The reverse of _ours: trunk.stages.1.25.weight -> backbone.body3.2.weight, as layer 25 lies in [23, 33).
    parts = key.split(".")
    if parts[0] == "trunk":
        index = int(parts[3])
        body, first = next((name, first) for name, (_, first, end) in BODIES.items() if first <= index < end)
        return f"backbone.{body}.{index - first}.{parts[4]}"
    if parts[0] == "neck":
        return f"fpn.{next(theirs for theirs, ours in NECK.items() if key.startswith(f'neck.{ours}.'))}.{parts[-1]}"
    return f"{parts[0]}.{next(theirs for theirs, ours in HEAD.items() if ours == parts[1])}.{parts[-1]}"
