"""Predictors behind one protocol: the built-in ones, those of other packages, and classes in files.

A predictor has one of these names:

- a name of the table, or of the entry-point group ``crowdeval.adapters``: ``yunet``;
- a class of a module: ``pkg.mod:Class``;
- a class of a file: ``path/to/file.py:Class``.

In place of a class, a module or a file may have a function of images (see ``function``), or an object that is a
predictor.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crowdeval.adapters.contract import Answer, Image, Predictor, answers, model_id
from crowdeval.adapters.function import FunctionPredictor, is_detector
from crowdeval.adapters.options import OptionError, converted_options, create_predictor
from crowdeval.errors import MissingFileError, PredictorError, UsageError, did_you_mean
from crowdeval.plugins import Extensions

__all__ = [
    "ADAPTERS",
    "Answer",
    "FunctionPredictor",
    "Image",
    "Predictor",
    "answers",
    "load_adapter",
    "model_id",
    "predictor_class",
]

ADAPTERS: Extensions[Any] = Extensions("adapter", "crowdeval.adapters")
"""Name to the class, or function, that creates a predictor."""


def load_adapter(name: str, options: Sequence[str] | Mapping[str, Any] = ()) -> Predictor:
    """Create the predictor of a name.

    Parameters
    ----------
    name : str
        An adapter's name, ``"pkg.mod:Class"`` or ``"path/to/file.py:Class"``.
    options : sequence of str or mapping
        ``"key=value"`` texts, converted by the annotations of the class's parameters, or the values themselves.

    Returns
    -------
    Predictor
        Created, not opened.

    Raises
    ------
    UsageError
        If there is no such adapter, or an option is unknown, absent or not of its type.
    MissingFileError
        If the file of the class, or a file that an option names, does not exist.
    PredictorError
        If the class can't be imported, or its constructor raises.

    Examples
    --------
    >>> load_adapter("command", ["command=my_model --fast", "timeout=10"]).name
    'my_model'
    """
    maker = predictor_class(name)
    predictor: Predictor
    if is_detector(maker):
        predictor = FunctionPredictor(maker, converted_options(maker, name, options))
    elif callable(getattr(maker, "predict", None)) and not isinstance(maker, type):
        if options:
            raise OptionError(f"the predictor {name!r} is there already, and takes no options")
        predictor = maker
    else:
        made: Any = create_predictor(maker, name, options)
        predictor = FunctionPredictor(made) if is_detector(made) else made
    model_id(predictor)
    return predictor


def predictor_class(name: str) -> Any:
    """Return the class, or function, that creates a predictor.

    Parameters
    ----------
    name : str
        As for ``load_adapter``.

    Returns
    -------
    class or callable

    Raises
    ------
    UsageError
        If there is no such adapter, module or class.
    MissingFileError
        If the file of the class does not exist.
    PredictorError
        If the module or the file raises when it is imported.

    Examples
    --------
    >>> predictor_class("crowdeval.adapters.points:Points") is predictor_class("points")
    True
    """
    place, colon, attribute = name.rpartition(":")
    if not colon:
        if name.endswith(".py"):
            raise UsageError(f"{name}: expected the class in it, too: {name}:CLASS")
        return ADAPTERS[name]
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    try:
        return getattr(module, attribute)
    except AttributeError:
        near = did_you_mean(attribute, [own for own in vars(module) if not own.startswith("_")])
        raise UsageError(f"{place} has no class or function {attribute!r}{near}") from None


def _load_module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise UsageError(f"the module {name!r} can't be imported: {problem}") from problem
    except Exception as problem:
        raise PredictorError(f"the module {name!r} fails on import: {type(problem).__name__}: {problem}") from problem


def _load_file(path: Path) -> Any:
    if not path.is_file():
        raise MissingFileError(f"there is no file {path}")
    try:
        name, content = _module_name(path), path.read_bytes()
    except OSError as problem:
        raise MissingFileError(f"{path} can't be read: {problem.strerror}") from None
    before = sys.modules.get(name)
    if before is not None and _FILES.get(name) == (path.resolve(), content):
        return before  # two predictors of one class: pickle refuses a class that is not that of its module
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a .py file has a loader"
    assert spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs, so that dataclasses and pickle find the module of the class.
    sys.modules[name] = module
    # Modules beside the file are found, as where Python runs it; behind all others, so that none is hidden.
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before
        raise PredictorError(f"{path} fails on import: {type(problem).__name__}: {problem}") from problem
    _FILES[name] = path.resolve(), content
    return module


_FILES: dict[str, tuple[Path, bytes]] = {}
"""Name of a module that was loaded from a file, to the file and its content."""


def _module_name(path: Path) -> str:
    """Return the name of a file's module: its stem, with a hash of its place where another module has that name."""
    file = path.resolve()
    owner = _FILES[path.stem][0] if path.stem in _FILES else None
    if owner == file or path.stem not in sys.modules:
        return path.stem
    return f"{path.stem}_{hashlib.blake2b(os.fsencode(file), digest_size=4).hexdigest()}"
