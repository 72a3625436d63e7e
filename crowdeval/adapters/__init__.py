"""Predictors behind one protocol: built-in ones by name, third parties' by entry point or by place.

A predictor is named as an entry of the table or of the entry-point group ``crowdeval.adapters``, as
``pkg.mod:Class``, or as ``path/to/file.py:Class``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crowdeval.adapters.contract import Answer, Image, Predictor, answers, named
from crowdeval.adapters.options import made
from crowdeval.errors import MissingFileError, PredictorError, UsageError
from crowdeval.plugins import Extensions

__all__ = ["ADAPTERS", "Answer", "Image", "Predictor", "answers", "load_adapter", "named", "predictor_class"]

ADAPTERS: Extensions[Any] = Extensions("adapter", "crowdeval.adapters")
"""Name to the class, or function, that makes a predictor."""


def load_adapter(name: str, options: Sequence[str] | Mapping[str, Any] = ()) -> Predictor:
    """Make the predictor that a name means.

    Parameters
    ----------
    name : str
        An adapter's name, ``"pkg.mod:Class"`` or ``"path/to/file.py:Class"``.
    options : sequence of str or mapping
        ``"key=value"`` texts, read by the annotations of the class's parameters, or the values themselves.

    Returns
    -------
    Predictor

    Raises
    ------
    UsageError
        If there is no such adapter, or an option is unknown, absent or not of its type.
    MissingFileError
        If the file of the class, or a file it was given, is not there.
    PredictorError
        If it can't be imported or made.
    """
    predictor: Predictor = made(predictor_class(name), name, options)
    named(predictor)
    return predictor


def predictor_class(name: str) -> Any:
    """Return the class, or function, that makes the predictor ``name``."""
    place, colon, attribute = name.rpartition(":")
    if not colon:
        return ADAPTERS[name]
    module = _module_of_file(Path(place)) if place.endswith(".py") else _module(place)
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise UsageError(f"{place} has no {attribute!r}") from None


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise UsageError(f"the module {name!r} can't be imported: {problem}") from problem
    except Exception as problem:
        raise PredictorError(f"the module {name!r} fails on import: {type(problem).__name__}: {problem}") from problem


def _module_of_file(path: Path) -> Any:
    if not path.is_file():
        raise MissingFileError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None, "a .py file has a loader"
    assert spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        raise PredictorError(f"{path} fails on import: {type(problem).__name__}: {problem}") from problem
    return module
