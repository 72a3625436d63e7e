"""Tensors from a file of weights, and nothing else from it: safetensors, or torch's format without any code."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from crowdeval.errors import InputError, MissingFileError

_CODE = re.compile(r"Unsupported (?:global|class)\S*:? (?:GLOBAL )?(\S+)", re.IGNORECASE)
"""What torch says of a name that a pickle would have called."""


def tensors_of(path: Path) -> dict[str, Tensor]:
    """Return a file's tensors by name, on the CPU; of ``{"model": ...}`` and ``{"state_dict": ...}`` what is inside.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If it is truncated, no file of weights, or a pickle with code in it.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file of weights")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (safetensors.SafetensorError, OSError) as problem:
            raise InputError(f"{path} is no whole safetensors file: {problem}") from None
    content = unpickled(path)
    for name in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path}: expected tensors by name, as a state_dict is")
    return {str(key): value for key, value in content.items()}


def unpickled(path: Path) -> Any:
    """Return what a file in torch's format holds, where that is tensors and plain values only."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # a damaged file makes torch raise almost anything
        code = _CODE.search(str(problem)) if isinstance(problem, pickle.UnpicklingError) else None
        if code:
            raise InputError(f"{path}: refused, as it holds more than weights: {code[1]}") from None
        with path.open("rb") as stream:
            begun = stream.read(2) in (b"PK", b"\x80\x02")
        raise InputError(f"{path} is {'truncated or damaged' if begun else 'no file of weights'}") from None
