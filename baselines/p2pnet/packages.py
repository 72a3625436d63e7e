"""Import of the packages that only a part of the baseline needs, at the time when that part is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from crowdeval.errors import UsageError


def import_package(name: str, purpose: str) -> Any:
    """Import a package.

    Parameters
    ----------
    name : str
        The package.
    purpose : str
        The start of the error message: "videos need", "ONNX needs".

    Returns
    -------
    module

    Raises
    ------
    UsageError
        If the package is not installed; the message has the install command.

    Examples
    --------
    >>> import_package("json", "logs need").loads("1")
    1
    """
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(f"{purpose} the package {name}: pip install {name}") from None
