"""Tensors from a file of weights, and nothing else from it: safetensors, or torch's format without any code."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from crowdeval.errors import InputError, MissingFileError


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of a pickle's protocol; it is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        if zipfile.is_zipfile(path) or "Unsupported" in str(problem) or "global" in str(problem).lower():
            raise InputError(f"{path}: refused, as it holds more than weights: {_first(problem)}") from None
        raise InputError(f"{path} is no file of weights") from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError, IndexError):
        with path.open("rb") as stream:
            begun = stream.read(2) == b"PK"
        raise InputError(f"{path} is {'truncated or damaged' if begun else 'no file of weights'}") from None


def _first(problem: BaseException) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return (lines[0] if lines else type(problem).__name__)[:200]
