"""Reading of tensors from weights files, safetensors or torch's format; no code in a file is run."""

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
"""torch's message about a name that a pickle would have imported."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a weights file.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or any other suffix for torch's format: a state_dict, or a mapping that has one as ``model``
        or ``state_dict``.

    Returns
    -------
    dict of str to Tensor
        On the CPU.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file is truncated, is not a weights file, or contains code.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "weights.pth")
    ...     torch.save({"model": {"bias": torch.zeros(2)}}, path)
    ...     read_tensors(path)
    {'bias': tensor([0., 0.])}
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such weights file")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (safetensors.SafetensorError, OSError) as problem:
            raise InputError(f"{path} is not a complete safetensors file: {problem}") from None
    content = read_torch_file(path)
    for name in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        found = "other values too" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise InputError(f"{path}: expected only tensors by name (a state_dict), found {found}")
    return {str(key): value for key, value in content.items()}


def read_torch_file(path: Path) -> Any:
    """Return the content of a file in torch's format, if it has tensors and plain values only.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    object
        Tensors are on the CPU.

    Raises
    ------
    InputError
        If the file is truncated, is not in torch's format, or contains code.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "state.pt")
    ...     torch.save({"step": 7}, path)
    ...     read_torch_file(path)
    {'step': 7}
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # a damaged file makes torch raise almost anything
        code = _CODE.search(str(problem)) if isinstance(problem, pickle.UnpicklingError) else None
        if code:
            raise InputError(f"{path}: expected weights only, found code that would be run: {code[1]}") from None
        with path.open("rb") as stream:
            is_torch = stream.read(2) in (b"PK", b"\x80\x02")  # the first bytes of a zip file, and of an older pickle
        raise InputError(f"{path} is {'truncated or damaged' if is_torch else 'not a weights file'}") from None
