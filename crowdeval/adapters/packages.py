"""Packages that only some adapters need: imported when one is used; when absent, the way to get them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from crowdeval.errors import PredictorError

EXTRAS = {"cv2": "opencv", "h5py": "h5", "onnxruntime": "onnx", "torch": "torchvision", "torchvision": "torchvision"}
"""Module to the extra of crowdeval that brings it."""


def package(name: str) -> Any:
    """Import a module that an adapter needs.

    Raises
    ------
    PredictorError
        If it isn't installed, or fails on import.
    """
    if not present(name):
        raise PredictorError(f"the package {name} isn't installed; {way_to(name)}")
    try:
        return import_module(name)
    except Exception as problem:
        raise PredictorError(f"the package {name} fails on import: {type(problem).__name__}: {problem}") from problem


def present(name: str) -> bool:
    """Return whether a module is there, without importing it.

    >>> present("json"), present("no_such_module")
    (True, False)
    """
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def way_to(name: str) -> str:
    """Return the command that installs a module; an extra is installed from a clone of the repository.

    >>> way_to("cv2")
    "pip install '.[opencv]'"
    """
    return f"pip install '.[{EXTRAS[name]}]'" if name in EXTRAS else f"pip install {name}"
