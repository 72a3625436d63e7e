"""Packages that only some adapters need: the import at first use, and the command that installs an absent one."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from crowdeval.errors import PredictorError

EXTRAS = {"cv2": "opencv", "h5py": "h5", "onnxruntime": "onnx", "torch": "torchvision", "torchvision": "torchvision"}
"""Module to the extra of crowdeval that installs it."""


def import_package(name: str) -> Any:
    """Import a module that an adapter needs.

    Parameters
    ----------
    name : str
        The module.

    Returns
    -------
    module

    Raises
    ------
    PredictorError
        If the module is not installed, or raises when it is imported.

    Examples
    --------
    >>> import_package("json").loads("[1]")
    [1]
    """
    if not is_installed(name):
        raise PredictorError(f"the package {name} isn't installed; {install_command(name)}")
    try:
        return import_module(name)
    except Exception as problem:
        raise PredictorError(f"the package {name} fails on import: {type(problem).__name__}: {problem}") from problem


def is_installed(name: str) -> bool:
    """Return whether a module is installed, without importing it.

    Parameters
    ----------
    name : str
        The module.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_installed("json"), is_installed("no_such_module")
    (True, False)
    """
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def install_command(name: str) -> str:
    """Return the command that installs a module.

    Parameters
    ----------
    name : str
        The module.

    Returns
    -------
    str
        A command of pip. An extra of crowdeval is installed from a clone of the repository.

    Examples
    --------
    >>> install_command("cv2")
    "pip install '.[opencv]'"
    """
    return f"pip install '.[{EXTRAS[name]}]'" if name in EXTRAS else f"pip install {name}"
